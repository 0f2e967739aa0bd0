"""`python -m tests.bench [full] [module ...]`: measure, and print named figures as JSON, one object for each module.

Each module's figures are printed as soon as they are measured. By default, those that are not long take about two
minutes together; `full` takes all of them, at the sizes that are reported. Times on a shared machine wander; figures
that end in `_ratio` compare with a baseline of the same run and wander less.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Awaitable, Callable

MODULES = ("charts", "commands", "evals", "graders", "kills", "overfitting", "platform", "rules", "start", "watching")
LONG = ("kills",)
"""Modules that are measured only where they are named, or with `full`."""

Figures = Callable[[bool], Awaitable[dict[str, float]]]
"""Measures a module's figures, at full size or at a quick one."""


async def main(words: list[str]) -> None:
    """Measure the named modules, or all of them."""
    full, names = "full" in words, [word for word in words if word != "full"]
    unknown = sorted(set(names) - set(MODULES))
    if unknown:
        raise SystemExit(f"there is no module {', '.join(unknown)}; known: {', '.join(MODULES)}, and the word full")
    chosen = [module for module in MODULES if module in names or (not names and (full or module not in LONG))]
    for number, module in enumerate(chosen, 1):
        sys.stderr.write(f"[{number}/{len(chosen)}] {module}\n")
        measure: Figures = importlib.import_module(f"tests.bench.bench_{module}").figures
        began = time.perf_counter()
        figures = await measure(full)
        took = {f"{module}.bench_seconds": round(time.perf_counter() - began, 1)}
        sys.stdout.write(json.dumps(figures | took, indent=2) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
