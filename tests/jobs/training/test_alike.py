"""A job that repeats another says which one, and what it changes."""

from dataclasses import replace
from typing import Any

import pytest

from jobs.core.records import Hyperparameters, Job
from jobs.training.alike import launched_like
from tests.records import a_job, a_request

FIRST = a_job(id="rft-first2", request=replace(a_request(), seed=42, hyperparameters=Hyperparameters(n_epochs=8)))


def again(seed: int | None = 42, epochs: int | None = 8, batch: int | None = None, **changes: Any) -> Job:
    chosen = Hyperparameters(n_epochs=epochs, batch_size=batch)
    request = replace(FIRST.request, seed=seed, hyperparameters=chosen, trigger="another")
    return replace(FIRST, id="rft-again2", request=request, **changes)


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (again(), "as rft-first2"),
        (again(seed=43), "as rft-first2, but seed 43 (was 42)"),
        (again(seed=None), "as rft-first2, but seed auto (was 42)"),
        (again(epochs=4, batch=8), "as rft-first2, but epochs 4 (was 8) and batch 8 (was auto)"),
        (again(prompt="v9"), f"as rft-first2, but prompt v9 (was {FIRST.prompt})"),
        (again(task_version="other"), "as rft-first2, but with the task's files changed since"),
        (again(seed=43, epochs=4, batch=8), ""),
        (again(task="another"), ""),
    ],
)
def test_what_is_said(job: Job, says: str) -> None:
    assert launched_like(job, [FIRST]) == says


def test_the_most_alike_counts_and_of_equals_the_newest() -> None:
    other = replace(again(seed=7), id="rft-other2")
    assert launched_like(again(seed=43), [other, FIRST]) == "as rft-other2, but seed 43 (was 7)"
    assert launched_like(again(), [other, FIRST]) == "as rft-first2"


def test_a_job_is_not_like_itself_nor_like_one_that_was_launched_elsewhere() -> None:
    assert launched_like(FIRST, [FIRST]) == ""
    assert launched_like(again(), [replace(FIRST, imported=True)]) == ""
