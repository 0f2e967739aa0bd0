"""What a grader may hold on disk in all: many files, nameless files, folders in folders."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jobs.graders import GraderErrorKind, GraderRuntime, Limits, PythonGrader, Sample, parse_grader
from jobs.graders.frames import frame_of
from jobs.graders.process import GradingProcess, new_process
from jobs.graders.quota import EVERY, SHARE, Quota, held_by
from jobs.graders.scratch import Scratch, clear
from tests.jobs.graders.definitions import python

NOBODY = 0
"""The id of no process, so that what this one holds open does not count."""
SMALL = Limits(scratch_bytes=8 * 2**20, scratch_files=100)
MIB = "b'x' * 2 ** 20"
NAMELESS = f"""
kept = []
for n in range(200):
  kept.append(open('f', 'wb', buffering=0))
  kept[-1].write({MIB})
  os.unlink('f')
time.sleep(60)
"""


async def grades_of(code: str, answers: int = 3, limits: Limits = SMALL) -> list[tuple[float, str]]:
    """Grade answers 0, 1, ... with a function of this body; return each one's reward and what went wrong."""
    source = "import os, time\n\ndef grade(sample, item):\n" + "".join(f"    {line}\n" for line in code.splitlines())
    async with GraderRuntime(limits=limits) as runtime:
        grades = await runtime.grade(parse_grader(python(source)), [(Sample(str(n)), {}) for n in range(answers)])
    return [(grade.reward, grade.detail or "") for grade in grades]


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (f"for n in range(4000): open(f'f{{n}}', 'wb').write({MIB})", "MiB of files, at most 8 MiB are allowed"),
        (NAMELESS, "MiB of files, at most 8 MiB are allowed"),
        (f"kept = [os.memfd_create('m') for _ in range(64)]\nfor one in kept: os.write(one, {MIB})\ntime.sleep(60)",
         "MiB of files, at most 8 MiB are allowed"),
        ("for n in range(10 ** 6): open(f'f{n}', 'w').close()", "held more than 100 files and folders"),
        ("for n in range(10 ** 6):\n  os.mkdir('d'); os.chdir('d')", "held more than 100 files and folders"),
    ],
    ids=["many files", "unlinked files", "files in memory", "empty files", "nested folders"],
)  # fmt: skip
async def test_a_call_that_fills_the_disk_is_stopped_and_the_others_are_graded(fill: str, says: str) -> None:
    bad = "\n".join(f"  {line}" for line in fill.strip().splitlines())
    first, second, third = await grades_of(f"if sample['output_text'] == '1':\n{bad}\nreturn 1")
    assert (first, third) == ((1.0, ""), (1.0, ""))
    assert second[0] == 0.0
    assert "was stopped" in second[1]
    assert says in second[1]


async def test_the_kind_of_error_is_the_graders_own() -> None:
    source = f"def grade(sample, item):\n    for n in range(4000): open(f'f{{n}}', 'wb').write({MIB})\n"
    async with GraderRuntime(limits=SMALL) as runtime:
        (grade,) = await runtime.grade(parse_grader(python(source)), [(Sample("x"), {})])
    assert list(grade.errors.values()) == [(GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR,)]
    assert grade.stopped


async def test_calls_that_tidy_up_may_write_as_much_as_they_like() -> None:
    code = f"with open('f', 'wb') as file: file.write({MIB})\nos.unlink('f')\nreturn 1"
    assert set(await grades_of(code, answers=300)) == {(1.0, "")}


@asynccontextmanager
async def process_of(source: str) -> AsyncIterator[GradingProcess]:
    process = new_process([PythonGrader("p", source, {})], SMALL)
    try:
        await process.prepare(30.0)
        yield process
    finally:
        process.kill()
        await process.reap()


async def graded(process: GradingProcess, answers: int) -> bool:
    frame = frame_of([(str(number), {}) for number in range(answers)], careful=False)
    return await process.grade(frame, 30.0, lambda _: None)


def state_of(process: GradingProcess) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_between_two_frames_a_process_stands_still_and_goes_on_after() -> None:
    source = """
import threading, time
def spin():
    while True: time.sleep(0.001)
threading.Thread(target=spin, daemon=True).start()
def grade(sample, item): return 1
"""
    async with process_of(source) as process:
        assert await graded(process, 3)
        assert process.rest()
        async with asyncio.timeout(30):
            while state_of(process) != "T":  # noqa: ASYNC110 - another process cannot set an event of ours
                await asyncio.sleep(0.005)
        process.resume()
        assert await graded(process, 3)


class Clock:
    """Goes on by 10 ms each time it is asked: a look takes as long."""

    def __init__(self) -> None:
        self.now, self.asked = 100.0, 0

    def __call__(self) -> float:
        self.asked += 1
        self.now += 0.01
        return self.now


def test_a_process_that_holds_more_than_half_is_not_worth_keeping(tmp_path: Path) -> None:
    clock = Clock()
    quota = Quota(NOBODY, str(tmp_path), SMALL, clock)
    (tmp_path / "half").write_bytes(bytes(SMALL.scratch_bytes // 2 - 4096))
    assert quota.has_room()
    (tmp_path / "more").write_bytes(bytes(2**20))
    assert quota.has_room(), "it is not time to look again"
    clock.now += 0.01 / SHARE
    assert not quota.has_room()
    assert quota.broken() is None


def test_what_is_held_is_counted_no_further_than_needed(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_bytes(b"x" * 1000)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "hole").touch()
    os.truncate(tmp_path / "inner" / "hole", 2**20)
    (tmp_path / "away").symlink_to("/usr")
    everything = held_by(NOBODY, str(tmp_path), 1000)
    assert everything.files == 53
    assert everything.size >= 50_000 + 2**20
    assert not everything.hidden
    assert held_by(NOBODY, str(tmp_path), 10).files == 11


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_cannot_be_looked_into_breaks_the_quota(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o300)
    assert "cannot be looked into" in (Quota(NOBODY, str(tmp_path), SMALL).broken() or "")


def test_looking_takes_no_more_than_its_share(tmp_path: Path) -> None:
    clock = Clock()
    quota = Quota(NOBODY, str(tmp_path), SMALL, clock)
    assert quota.broken() is None
    assert clock.asked == 2
    assert 0.01 / SHARE > EVERY
    clock.now += 0.5
    assert quota.broken() is None
    assert clock.asked == 3, "it is not time to look again"
    clock.now += 0.01 / SHARE
    assert quota.broken() is None
    assert clock.asked == 5


def test_nested_folders_of_any_depth_and_mode_are_cleared_away(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    here = os.open(scratch.path, os.O_RDONLY)
    for number in range(1100):  # deeper than Python lets a function call itself
        os.mkdir("d", 0o300 if number % 2 else 0o700, dir_fd=here)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        below = os.open("d", os.O_RDONLY if os.geteuid() == 0 else os.O_PATH, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (Path(scratch.path) / "away").symlink_to(tmp_path)
    scratch.remove()
    assert list(tmp_path.iterdir()) == []
    clear(tmp_path / "gone already")
