"""Task folders drawn from the real acts load like any other."""

from pathlib import Path

import pytest

from jobs.tasks import TaskCatalogue
from tests.task_from_pool import NO_POOL, pool_path, write_task


@pytest.fixture(name="pool")
def _pool() -> Path:
    found = pool_path()
    if found is None:
        pytest.skip(NO_POOL)
    return found


@pytest.mark.parametrize("train", [24, 100, 400])
def test_a_drawn_task_loads(tmp_path: Path, pool: Path, train: int) -> None:
    write_task(tmp_path / "acts", pool, train)
    catalogue = TaskCatalogue(tmp_path)
    task = catalogue.load("acts")
    rows = {split: catalogue.rows(task, split) for split in task.splits}
    assert {split: len(each) for split, each in rows.items()} == {"train": train, "valid": 50, "test": 100}
    assert len({row.id for each in rows.values() for row in each}) == train + 150
    assert catalogue.training_rows(task, "train").count(b"\n") == train


def test_the_same_seed_draws_the_same_task(tmp_path: Path, pool: Path) -> None:
    for name, seed in {"one": 3, "two": 3, "three": 4}.items():
        write_task(tmp_path / name, pool, 24, seed=seed)
    one, two, three = (TaskCatalogue(tmp_path).load(name) for name in ("one", "two", "three"))
    assert one.version == two.version != three.version


def test_more_rows_than_there_are_is_refused(tmp_path: Path, pool: Path) -> None:
    with pytest.raises(ValueError, match=r"600 \+ 50 \+ 100 rows were asked for; the pool has 700"):
        write_task(tmp_path / "acts", pool, 600)
