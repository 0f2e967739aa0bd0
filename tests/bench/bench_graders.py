"""How fast graders run in their own process, against the same function called here, and what a hanging one costs."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from jobs.graders import Grader, GraderRuntime, Sample, parse_grader
from tests.jobs.graders.definitions import F1, PRECISION, RECALL, check, multi, python, similarity

BATCH = 256
ROUNDS = 9
POISONED_ROUNDS = 5
Grade = Callable[[Mapping[str, object], Mapping[str, object]], float]
Batch = Sequence[tuple[Sample, Mapping[str, object]]]
ENDLESS = "def grade(sample, item):\n    while True:\n        pass"


async def figures(full: bool) -> dict[str, float]:  # noqa: ARG001 - one size serves both
    """Gradings a second, the share of the in-process speed that is, and what a hanging grader costs the next one."""
    return await _speed() | await _comparing() | await _beside_a_hanging_one()


async def _speed() -> dict[str, float]:
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


async def _comparing() -> dict[str, float]:
    """Answers of 60 words a second, by the cheapest and the dearest way to compare them."""
    texts = [" ".join(f"word{(place * number) % 97}" for place in range(60)) for number in range(BATCH)]
    batch = [(Sample(text), {"reference": texts[0]}) for text in texts]
    rates = {}
    async with GraderRuntime(workers=1) as runtime:
        for name, definition in {"string_check": check("ilike"), "meteor": similarity("meteor")}.items():
            grader = parse_grader(definition)
            await runtime.grade(grader, batch)
            took = [await _seconds(runtime, grader, batch) for _ in range(ROUNDS)]
            rates[f"graders.{name}_per_second"] = BATCH / statistics.median(took)
    return rates


async def _beside_a_hanging_one() -> dict[str, float]:
    """The first grading of a new grader: with the worker free, right behind one that will hang, and once it does."""
    free: list[float] = []
    behind: list[float] = []
    beside: list[float] = []
    batch: Batch = [(Sample("x"), {})]
    async with GraderRuntime(workers=1) as runtime:
        for number in range(POISONED_ROUNDS):
            free.append(await _first(runtime, f"free {number}", batch))
            hanging = asyncio.create_task(runtime.grade(parse_grader(python(ENDLESS)), batch))
            await asyncio.sleep(0)  # it is at work
            behind.append(await _first(runtime, f"behind {number}", batch))
            beside.append(await _first(runtime, f"beside {number}", batch))
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
    started = statistics.median(free)
    return {
        "graders.process_start_seconds": started,
        "graders.behind_a_hanging_one_over_free_ratio": statistics.median(behind) / started,
        "graders.beside_a_hanging_one_over_free_ratio": statistics.median(beside) / started,
    }


async def _first(runtime: GraderRuntime, mark: str, batch: Batch) -> float:
    return await _seconds(runtime, parse_grader(python(f"def grade(sample, item):\n    return 1.0  # {mark}")), batch)


async def _seconds(runtime: GraderRuntime, grader: Grader, batch: Batch) -> float:
    started = time.perf_counter()
    await runtime.grade(grader, batch)
    return time.perf_counter() - started


def _function(source: str) -> Grade:
    space: dict[str, object] = {}
    exec(source, space)  # noqa: S102  # the benchmark's own source, to have something to compare with
    return cast("Grade", space["grade"])


def _f1(precision: Grade, recall: Grade, sample: Sample, item: Mapping[str, object]) -> float:
    seen = {"output_text": sample.output_text, "output_json": json.loads(sample.output_text)}
    p, r = precision(seen, item), recall(seen, item)
    return 2 * p * r / max(p + r, 1e-9)
