"""One grading process: starting it, resting it, and the replies it may give."""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.graders import GraderErrorKind, GraderRuntime, Item, Limits, PythonGrader, Sample
from jobs.graders import process as process_module
from jobs.graders.process import GradingProcess, ProcessLost, SandboxUnavailable, request
from jobs.graders.scratch import PREFIX


def grader(source: str = "def grade(sample, item):\n    return 1") -> PythonGrader:
    return PythonGrader(name="p", source=source, definition={})


async def start(source: str = grader().source, python: str | None = None) -> GradingProcess:
    return await GradingProcess.start([grader(source)], Limits(), 30.0, **({"python": python} if python else {}))


async def answered(process: GradingProcess, answers: int) -> int:
    pairs: list[tuple[Sample, Item]] = [(Sample(str(number)), {}) for number in range(answers)]
    return len([outcomes async for outcomes in process.grade(pairs, 30.0)])


def program(folder: Path, text: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def _nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens leaves no folder and no descriptor."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208  # counting descriptors, not walking a tree
    yield
    assert not list(tmp_path.glob(f"{PREFIX}*"))
    assert set(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208  # the same


@pytest.mark.usefixtures("_nothing_left")
async def test_a_python_that_does_not_start_is_refused_with_its_last_words(tmp_path: Path) -> None:
    broken = program(tmp_path, "echo first >&2; echo 'no module named encodings' >&2; exit 1")
    with pytest.raises(SandboxUnavailable) as refused:
        await start(python=broken)
    assert str(refused.value) == (
        "a grading process could not be started: it ended its own process (exit code 1): no module named encodings"
    )


@pytest.mark.usefixtures("_nothing_left")
@pytest.mark.parametrize("seconds", [0, 0.05], ids=["at once", "while it loads"])
async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path, seconds: float) -> None:
    starting = asyncio.create_task(start(python=program(tmp_path, "sleep 999")))
    await asyncio.sleep(seconds)
    assert len(os.listdir(tmp_path)) == 2  # noqa: PTH208  # its folder, next to the program
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting


@pytest.mark.usefixtures("_nothing_left")
async def test_a_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="a grading process could not be started: No such file or directory"):
        await start(python=str(tmp_path / "python"))


async def test_a_machine_that_cannot_confine_graders_grades_nothing_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process_module, "unsupported", lambda: "python graders need Linux")
    async with GraderRuntime() as runtime:
        grades = await runtime.grade(grader(), [(Sample("x"), {})] * 300)
    assert {(grade.reward, grade.detail, grade.stopped) for grade in grades} == {
        (0.0, "python graders need Linux", False)
    }
    assert {grade.errors["p"] for grade in grades} == {(GraderErrorKind.PYTHON_GRADER_SERVER_ERROR,)}


def state_of(process: GradingProcess) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_between_two_requests_a_process_stands_still_and_goes_on_after() -> None:
    source = """
import threading, time
def spin():
    while True: time.sleep(0.001)
threading.Thread(target=spin, daemon=True).start()
def grade(sample, item): return 1
"""
    process = await start(source)
    try:
        assert await answered(process, 3) == 3
        assert process.rest()
        async with asyncio.timeout(30):
            while state_of(process) != "T":  # noqa: ASYNC110  # another process cannot set an event of ours
                await asyncio.sleep(0.005)
        process.resume()
        assert await answered(process, 3) == 3
    finally:
        await process.close()


async def test_graders_compute_behind_the_process_that_started_them() -> None:
    source = "import os\ndef grade(sample, item):\n    return os.getpriority(os.PRIO_PROCESS, 0)"
    process = await start(source)
    try:
        (outcomes,) = [outcomes async for outcomes in process.grade([(Sample("x"), {})], 30.0)]
        assert outcomes["p"].score == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
    finally:
        await process.close()


FORGER = """
import os, sys, time
worker = sys._getframe()
while not hasattr(worker.f_locals.get('self'), '_replies'):
    worker = worker.f_back
CHANNEL = worker.f_locals['self']._replies.fileno()
def grade(sample, item):
    LINE
"""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (r"os.write(CHANNEL, b'x' * 60_000); time.sleep(60)", "p sent something other than grades"),
        (r"while True: os.write(CHANNEL, b'['); time.sleep(0.01)", "p took longer than 0.3 s and was stopped"),
    ],
    ids=["too long", "never complete"],
)
async def test_a_reply_has_a_size_and_a_deadline_that_no_grader_can_stretch(line: str, says: str) -> None:
    process = await start(FORGER.replace("LINE", line))
    try:
        async with asyncio.timeout(10):
            with pytest.raises(ProcessLost) as lost:
                async for _ in process.grade([(Sample("x"), {})] * 3, 0.3):
                    pass
    finally:
        await process.close()
    assert f"p {lost.value.how}" == says


async def test_no_more_replies_are_read_than_calls_were_asked_for() -> None:
    """A grader that answers in place of others only forges its own grades, and its requests come to an end."""
    process = await start(FORGER.replace("LINE", r"while True: os.write(CHANNEL, b'[1.0,0.0]\n')"))
    try:
        async with asyncio.timeout(10):
            assert await answered(process, 300) == 300
    finally:
        await process.close()


def test_an_item_that_comes_again_travels_once() -> None:
    item = {"id": "only-once"}
    asked = request([(Sample("a"), item), (Sample("b"), item), (Sample("c"), {"id": "other"})])
    assert asked == {"items": [item, {"id": "other"}], "rows": [("a", (), 0), ("b", (), 0), ("c", (), 1)]}


@pytest.mark.parametrize(
    "reply",
    [
        None,
        True,
        {},
        [],
        [1, 0.0],
        [1.0],
        ["1", 0.0],
        [float("nan"), 0.0],
        [1.0, float("inf")],
        [None, 0.0],
        [None, 0.0, "no kind of error", "why", False],
        [None, 0.0, "other_error", None, False],
        [None, 0.0, "other_error", "why"],
        [[1.0, 0.0], [1.0, 0.0]],
    ],
)
async def test_anything_but_a_grade_is_refused(reply: object) -> None:
    line = json.dumps(reply) + "\n"
    process = await start(FORGER.replace("LINE", f"os.write(CHANNEL, {line.encode()!r}); time.sleep(60)"))
    try:
        with pytest.raises(ProcessLost, match="other than grades"):
            await answered(process, 1)
    finally:
        await process.close()
