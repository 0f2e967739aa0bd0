"""Graders that end their process or never end, broken for real."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.graders import Grade, GraderErrorKind, GraderRuntime, Limits, Sample, parse_grader
from jobs.graders.pool import OTHER_GRADERS
from tests.jobs.graders.definitions import multi, python

ITEM = {"id": "a"}
RUNTIME_ERROR = GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR
SERVER_ERROR = GraderErrorKind.PYTHON_GRADER_SERVER_ERROR
FINE = "def grade(sample, item):\n    return 1.0"
ENDLESS = "def grade(sample, item):\n    while True:\n        pass"
HANGING = "import time\ndef grade(sample, item):\n    time.sleep(999)"
SECONDS = 0.5

BAD_AT_TIMES = """
import ctypes, os, re, signal, sys, time

def everywhere(data):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, data)
        except OSError:
            pass

def stubborn():
    while True:
        try:
            stubborn()
        except BaseException:
            pass

def grade(sample, item):
    if sample["output_text"] == "bad":
        LINE
    return 1.0
"""


async def grade_texts(
    runtime: GraderRuntime, source: str, texts: list[str], seconds: float | None = None
) -> list[Grade]:
    return await runtime.grade(parse_grader(python(source)), [(Sample(text), ITEM) for text in texts], seconds)


def mixed(count: int, *bad: int) -> list[str]:
    return ["bad" if place in bad else "good" for place in range(count)]


BYSTANDERS: set[int] = set()
"""Children that this process had before the test, such as the Redis of other tests."""


@pytest.fixture(autouse=True)
def _bystanders() -> None:
    BYSTANDERS.clear()
    BYSTANDERS.update(children())


def children(of: int | None = None) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{of or os.getpid()}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found += map(int, (task / "children").read_text().split())
    return [child for child in found if child not in BYSTANDERS]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(state: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not state():  # noqa: ASYNC110  # the state is the kernel's; there is no event to wait for
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("os._exit(3)", "p ended its own process (exit code 3)"),
        ("os._exit(0)", "p ended its own process (exit code 0)"),
        ("os.abort()", "p crashed (Aborted)"),
        ("ctypes.string_at(0)", "p crashed (Segmentation fault)"),
        (r"everywhere(b'{]\n')", "p sent something other than grades"),
        (r"everywhere(b'{}\n')", "p sent something other than grades"),
        (r"everywhere(b'\xff\n')", "p sent something other than grades"),
        (r"everywhere(b'[NaN,0.0]\n')", "p sent something other than grades"),
        (r"everywhere(b'[' * 9999 + b'\n')", "p sent something other than grades"),
        (r"everywhere(b'[' * 99999)", "p sent something other than grades"),
    ],
)
async def test_a_call_that_ends_its_process_costs_that_sample_alone(
    runtime: GraderRuntime, line: str, says: str
) -> None:
    line += "; time.sleep(999)" if "everywhere" in line else ""
    grades = await grade_texts(runtime, BAD_AT_TIMES.replace("LINE", line), mixed(40, 0, 17), 20.0)
    assert [grade.reward for grade in grades] == [0.0 if place in {0, 17} else 1.0 for place in range(40)]
    for place in (0, 17):
        assert dict(grades[place].errors) == {"p": (RUNTIME_ERROR,)}
        assert grades[place].detail == says
        assert grades[place].stopped


@pytest.mark.parametrize(
    "line",
    [
        "time.sleep(999)",
        "stubborn()",
        "re.match('(a+)+$', 'a' * 64 + 'b')",
        "os.kill(os.getpid(), signal.SIGSTOP)",
    ],
)
async def test_a_call_without_end_is_stopped_and_the_others_are_graded(runtime: GraderRuntime, line: str) -> None:
    grades = await grade_texts(runtime, BAD_AT_TIMES.replace("LINE", line), mixed(9, 4), SECONDS)
    assert [grade.reward for grade in grades] == [1.0] * 4 + [0.0] + [1.0] * 4
    assert grades[4].detail == "p took longer than 0.5 s and was stopped"
    assert grades[4].seconds["p"] == SECONDS
    assert grades[4].stopped
    assert (await grade_texts(runtime, FINE, ["x"]))[0].reward == 1.0


async def test_a_grader_that_never_ends_does_not_cost_its_time_for_every_sample() -> None:
    async with GraderRuntime(limits=Limits(seconds=0.3, timeouts=2)) as runtime:
        grades = await grade_texts(runtime, ENDLESS, ["x"] * 500)
    assert {grade.reward for grade in grades} == {0.0}
    assert {grade.errors["p"] for grade in grades} == {(RUNTIME_ERROR,)}
    assert [grade.stopped for grade in grades].count(True) == 2
    assert grades[-1].detail == (
        "not graded after 2 calls out of time in this batch; the last: p took longer than 0.3 s and was stopped"
    )


async def test_a_grader_that_always_ends_its_process_is_given_up() -> None:
    async with GraderRuntime(limits=Limits(crashes=3)) as runtime:
        grades = await grade_texts(runtime, BAD_AT_TIMES.replace("LINE", "os._exit(1)"), ["good", *["bad"] * 50])
    assert [grade.reward for grade in grades] == [1.0] + [0.0] * 50
    assert "not graded after 3 ended processes" in (grades[-1].detail or "")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("while True: pass", "broken took longer than 0.5 s and was stopped"),
        ("__import__('os')._exit(7)", "broken ended its own process (exit code 7)"),
    ],
)
async def test_a_source_that_breaks_its_process_is_found_before_any_call(
    runtime: GraderRuntime, line: str, says: str
) -> None:
    grader = parse_grader(multi("fine + broken", fine=FINE, broken=f"{line}\n{FINE}"))
    grades = await runtime.grade(grader, [(Sample("x"), ITEM)] * 300, SECONDS)
    assert {(grade.reward, grade.detail) for grade in grades} == {(0.0, says)}
    assert {tuple(grade.errors.items()) for grade in grades} == {(("broken", (RUNTIME_ERROR,)),)}


async def test_the_part_that_was_stopped_is_named_and_the_one_not_asked_is_absent(runtime: GraderRuntime) -> None:
    grader = parse_grader(multi("a + b + c", a=FINE, b=BAD_AT_TIMES.replace("LINE", "os._exit(1)"), c=FINE))
    bad, good = await runtime.grade(grader, [(Sample("bad"), ITEM), (Sample("good"), ITEM)])
    assert dict(bad.errors) == {"b": (RUNTIME_ERROR,)}
    assert dict(bad.scores) == {"b": 0.0}
    assert good.reward == 3.0


async def test_memory_beyond_the_limit_is_an_error_and_a_leak_does_not_spoil_what_follows() -> None:
    source = "hoard = []\ndef grade(sample, item):\n    hoard.append(bytearray(40 * 2 ** 20))\n    return 1.0"
    async with GraderRuntime(limits=Limits(memory_bytes=200 * 2**20)) as runtime:
        grades = await grade_texts(runtime, source, ["x"] * 12)
    details = [grade.detail for grade in grades if grade.errors]
    assert 2 <= len(details) <= 6
    assert set(details) == {"MemoryError (in p, line 3: `hoard.append(bytearray(40 * 2 ** 20))`)"}


async def test_a_process_killed_by_the_machine_is_no_fault_of_the_grader(runtime: GraderRuntime) -> None:
    source = BAD_AT_TIMES.replace("LINE", "os.kill(os.getpid(), signal.SIGKILL)")
    bad, good = await grade_texts(runtime, source, ["bad", "good"])
    assert dict(bad.errors) == {"p": (SERVER_ERROR,)}
    assert bad.detail == "p was killed by the machine, most likely because memory ran out"
    assert good.reward == 1.0


async def test_an_idle_process_that_died_is_replaced_without_a_word(runtime: GraderRuntime) -> None:
    await grade_texts(runtime, FINE, ["x"])
    (process,) = runtime._pool._idle
    os.kill(process.pid, signal.SIGKILL)
    await until(lambda: not alive(process.pid))
    (grade,) = await grade_texts(runtime, FINE, ["x"])
    assert (grade.reward, grade.detail) == (1.0, None)


async def test_a_grader_that_closes_the_channel_is_not_waited_for(runtime: GraderRuntime) -> None:
    source = BAD_AT_TIMES.replace("LINE", "os.closerange(3, 256); time.sleep(999)")
    grades = await grade_texts(runtime, source, mixed(3, 1), 20.0)
    assert [grade.reward for grade in grades] == [1.0, 0.0, 1.0]
    assert grades[1].detail == "p closed the channel its grades go through"


async def test_a_cancelled_batch_leaves_no_process_and_a_working_runtime(runtime: GraderRuntime) -> None:
    before = set(children())
    task = asyncio.create_task(grade_texts(runtime, HANGING, ["x"]))
    await until(lambda: bool(set(children()) - before))
    (pid,) = set(children()) - before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not alive(pid))
    assert (await grade_texts(runtime, FINE, ["x"]))[0].reward == 1.0


async def test_grading_processes_die_with_the_process_that_started_them() -> None:
    script = f"""
import asyncio
from jobs.graders import GraderRuntime, Sample, parse_grader
async def main():
    async with GraderRuntime() as runtime:
        await runtime.grade(parse_grader({python(HANGING)!r}), [(Sample("x"), {{}})])
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=Path(__file__).parents[3])
    try:
        await until(lambda: bool(children(parent.pid)))
        (pid,) = children(parent.pid)
        assert alive(pid)
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not alive(pid))


async def test_a_grader_that_never_ends_keeps_nobody_else_waiting(runtime: GraderRuntime) -> None:
    """However many batches it hangs on: it has one turn, and the next grader has its own."""
    (fine,) = await grade_texts(runtime, FINE, ["x"])
    (kept,) = runtime._pool._idle
    poisoned = [asyncio.create_task(grade_texts(runtime, HANGING, ["x"])) for _ in range(9)]
    await until(lambda: len(children()) == 2)
    assert [grade.reward for grade in await grade_texts(runtime, FINE, ["x"] * 300)] == [fine.reward] * 300
    assert not any(task.done() for task in poisoned)
    assert len(children()) == 2
    assert list(runtime._pool._idle) == [kept]
    for task in poisoned:
        task.cancel()
    await asyncio.gather(*poisoned, return_exceptions=True)
    await until(lambda: children() == [kept.pid])


async def test_only_so_many_processes_are_at_work_at_the_same_time(runtime: GraderRuntime) -> None:
    poisoned = [asyncio.create_task(grade_texts(runtime, f"{HANGING} # {n}", ["x"])) for n in range(OTHER_GRADERS + 3)]
    await until(lambda: len(children()) == OTHER_GRADERS + 1)
    waiting = asyncio.create_task(grade_texts(runtime, FINE, ["x"]))
    await asyncio.sleep(0.1)
    assert len(children()) == OTHER_GRADERS + 1
    for task in poisoned:
        task.cancel()
    await asyncio.gather(*poisoned, return_exceptions=True)
    assert (await waiting)[0].reward == 1.0
