"""How fast graders run in their own process, against the same function called in this one."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import cast

from jobs.graders import GraderRuntime, Sample, parse_grader
from tests.jobs.graders.definitions import F1, PRECISION, RECALL, multi

BATCH = 256
ROUNDS = 9
Grade = Callable[[Mapping[str, object], Mapping[str, object]], float]


async def figures() -> dict[str, float]:
    """Gradings a second of an F1 multi grader, and the share of the in-process speed that is; medians of one run."""
    grader = parse_grader(multi(F1))
    items = [{"text_input": "word " * 300, "reference_answer": ["a", "b", str(number)]} for number in range(16)]
    answers = [json.dumps({"labels": ["a", str(number % 7), "c"]}) for number in range(BATCH)]
    batch = [(Sample(answer), items[place // 16]) for place, answer in enumerate(answers)]
    precision, recall = _function(PRECISION), _function(RECALL)
    inside: list[float] = []
    outside: list[float] = []
    async with GraderRuntime(workers=1) as runtime:
        await runtime.grade(grader, batch)
        for _ in range(ROUNDS):
            started = time.perf_counter()
            await runtime.grade(grader, batch)
            between = time.perf_counter()
            for sample, item in batch:
                _f1(precision, recall, sample, item)
            outside.append(between - started)
            inside.append(time.perf_counter() - between)
    rate = BATCH / statistics.median(outside)
    return {
        "graders.multi_per_second": rate,
        "graders.share_of_in_process_speed": rate / (BATCH / statistics.median(inside)),
    }


def _function(source: str) -> Grade:
    space: dict[str, object] = {}
    exec(source, space)  # noqa: S102  # the benchmark's own source, to have something to compare with
    return cast("Grade", space["grade"])


def _f1(precision: Grade, recall: Grade, sample: Sample, item: Mapping[str, object]) -> float:
    seen = {"output_text": sample.output_text, "output_json": sample.output_json}
    p, r = precision(seen, item), recall(seen, item)
    return 2 * p * r / max(p + r, 1e-9)
