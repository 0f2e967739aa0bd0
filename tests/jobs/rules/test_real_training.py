"""Rule O1 on two jobs that really train: few items are learned by heart and warned of, many are not."""

from pathlib import Path

import pytest

from jobs.graders import GraderRuntime
from tests.bench.bench_overfitting import Trained, one_job, summary
from tests.task_from_pool import NO_POOL, pool_path


@pytest.fixture(name="pool")
def _pool() -> Path:
    found = pool_path()
    if found is None:
        pytest.skip(NO_POOL)
    return found


@pytest.mark.thorough
async def test_a_job_that_learns_its_items_by_heart_is_warned_of_and_one_that_does_not_is_left_alone(
    pool: Path,
) -> None:
    async with GraderRuntime(workers=1) as grading:
        few, many = [await one_job(pool, size, 1, grading) for size in (24, 400)]
    assert few.gap > 0.3
    assert few.aligned
    assert few.auto
    assert many.gap < 0.1
    assert not many.aligned
    assert not many.auto
    assert not many.critical


def test_the_summary_has_the_rates_and_the_truth() -> None:
    jobs = [
        Trained(aligned=True, auto=True, plain=True, critical=False, own=0.9, fresh=0.5),
        Trained(aligned=False, auto=True, plain=True, critical=False, own=0.6, fresh=0.5),
    ]
    assert summary(jobs) == (
        "1 of 2 warn by the aligned gap, 2 without the batch size, 2 by the plain one, 0 critical; "
        "true gap 0.250 (0.100 to 0.400)"
    )
