"""`python -m tests.bench`: measure, and print one JSON object of named figures.

Times on a shared machine wander; figures ending in `_ratio` compare with a baseline of the same run and wander less.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec

MODULES = (
    "tests.bench.bench_charts",
    "tests.bench.bench_evals",
    "tests.bench.bench_graders",
    "tests.bench.bench_overfitting",
    "tests.bench.bench_platform",
    "tests.bench.bench_rules",
    "tests.bench.bench_watching",
)

Figures = Callable[[], Awaitable[dict[str, float]]]


async def main(names: list[str]) -> dict[str, float]:
    """Return the figures of every module that is there, or of those whose names end in one of `names`."""
    figures: dict[str, float] = {}
    for module in MODULES:
        if find_spec(module) is None or (names and not module.endswith(tuple(names))):
            continue
        measure: Figures = importlib.import_module(module).figures
        sys.stderr.write(f"{module}\n")
        figures.update(await measure())
    return figures


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1:])), indent=2) + "\n")
