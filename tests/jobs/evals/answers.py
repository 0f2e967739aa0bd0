"""Evals and answers with defaults, for tests that care about one or two of their fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobs.evals.records import Answer, Arm, Eval, EvalRequest, EvalState


def an_eval(**changes: Any) -> Eval:
    evaluation = Eval(
        id="eval-abc234",
        state=EvalState.FINISHED,
        request=EvalRequest(task="acts", requested_by="U0ALICE", channel="C0RFT", trigger="trigger-1"),
        created_at=1_000.0,
        task="acts",
        task_version="v",
        platform="local",
        arms=(Arm("base"),),
        split="valid",
        items=100,
        runs=3,
        prompt="v1",
        prompt_hash="p",
        reward="f1",
        graders=("f1",),
    )
    return replace(evaluation, **changes)


def an_answer(item: str = "i1", run: int = 1, **changes: Any) -> Answer:
    return replace(Answer(item=item, arm="base", run=run, text="{}"), **changes)


def graded(scores: Sequence[Sequence[float]], arm: str = "base", grader: str = "f1") -> Iterator[Answer]:
    """Answers to items i0, i1, ...: one inner sequence for each item, one score for each run."""
    for number, runs in enumerate(scores):
        for run, score in enumerate(runs, start=1):
            yield Answer(item=f"i{number}", arm=arm, run=run, text="{}", scores={grader: score})


def graded_by_all(tables: Mapping[str, Sequence[Sequence[float]]], arm: str = "base") -> Iterator[Answer]:
    """Answers with several graders: grader to scores by item and run, all of one shape."""
    for number, runs in enumerate(next(iter(tables.values()))):
        for run in range(len(runs)):
            scores = {grader: table[number][run] for grader, table in tables.items()}
            yield Answer(item=f"i{number}", arm=arm, run=run + 1, text="{}", scores=scores)
