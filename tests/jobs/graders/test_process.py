import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jobs.graders import Limits, PythonGrader
from jobs.graders.frames import frame_of, rows_of
from jobs.graders.process import GradingProcess, Refused, new_process
from jobs.graders.scratch import PREFIX, Scratch, sweep

GRADER = PythonGrader("p", "def grade(sample, item):\n    return 1", {})


@asynccontextmanager
async def process_of(python: Path) -> AsyncIterator[GradingProcess]:
    process = new_process([GRADER], Limits(), str(python))
    try:
        yield process
    finally:
        process.kill()
        await process.reap()


def program(folder: Path, text: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


async def test_a_python_that_does_not_start_is_refused_with_its_last_words(tmp_path: Path) -> None:
    async with process_of(program(tmp_path, "echo first >&2; echo 'no module named encodings' >&2; exit 1")) as process:
        with pytest.raises(Refused) as refused:
            await process.prepare(1.0)
    assert str(refused.value) == (
        "a grading process could not be started: it ended its own process (exit code 1): no module named encodings"
    )


async def test_a_process_that_is_killed_before_it_was_prepared_leaves_nothing(tmp_path: Path) -> None:
    async with process_of(program(tmp_path, "sleep 999")) as process:
        scratch = process._scratch.path
        assert scratch in _folders()
    assert scratch not in _folders()


def _folders() -> list[str]:
    return [str(folder) for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*")]


def test_a_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208  # counting descriptors, not walking a tree
    with pytest.raises(Refused, match="a grading process could not be started: No such file or directory"):
        new_process([GRADER], Limits(), str(tmp_path / "python"))
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208  # the same


def test_an_item_that_comes_again_travels_once() -> None:
    item = {"id": "only-once"}
    frame = frame_of([("a", item), ("b", item), ("c", {"id": "other"})], careful=False)
    assert frame.count(b"only-once") == 1


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        [None],
        [[]],
        [[None]],
        [[[]]],
        [[[1, 0.0]]],
        [[[1.0]]],
        [[["1", 0.0]]],
        [[[float("nan"), 0.0]]],
        [[[1.0, float("inf")]]],
        [[[None, 0.0]]],
        [[[None, 0.0, "no kind of error", "why"]]],
        [[[None, 0.0, "other_error", None]]],
        [[[1.0, 0.0], [1.0, 0.0]]],
    ],
)
def test_what_is_not_rows_of_grades_is_refused(rows: object) -> None:
    with pytest.raises(ValueError, match=r"no (row|rows|outcome) of grades|is not a valid"):
        rows_of({"rows": rows}, graders=1)


def test_sweeping_takes_folders_without_an_owner_and_leaves_the_others(tmp_path: Path) -> None:
    owned, left = Scratch(tmp_path), Scratch(tmp_path)
    Path(tmp_path, "proctor-grader-file").touch()
    os.close(left._lock)
    Path(left.path, "file").write_text("x")
    try:
        sweep(tmp_path)
        assert Path(left.path).is_dir(), "it is too young to be swept"
        sweep(tmp_path, settled_seconds=-1.0)
        assert not Path(left.path).exists()
        assert Path(owned.path).is_dir()
    finally:
        owned.remove()
    assert not Path(owned.path).exists()
