"""The folder of a grading process: made, bounded, and removed."""

import contextlib
import os
import time
from pathlib import Path

import pytest

from jobs.graders import GraderErrorKind, GraderRuntime, Limits, Sample, parse_grader, process
from jobs.graders.scratch import PREFIX, excess, held_by, remove, scratch_folder, sweep
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
    """Grade answers 0, 1, ... with a function of this body; return each one's reward and its error."""
    source = "import os, time\n\ndef grade(sample, item):\n" + "".join(f"    {line}\n" for line in code.splitlines())
    async with GraderRuntime(limits=limits) as runtime:
        grades = await runtime.grade(parse_grader(python(source)), [(Sample(str(n)), {}) for n in range(answers)])
    assert all(
        grade.stopped and grade.errors == {"p": (GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR,)}
        for grade in grades
        if grade.detail
    )
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


async def test_calls_that_clean_up_may_write_as_much_as_they_like() -> None:
    code = f"with open('f', 'wb') as file: file.write({MIB})\nos.unlink('f')\nreturn 1"
    assert set(await grades_of(code, answers=100)) == {(1.0, "")}


def test_more_than_a_share_is_said(tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes(bytes(SMALL.scratch_bytes // 2 - 4096))
    assert excess(NOBODY, tmp_path, SMALL, share=0.5) is None
    (tmp_path / "more").write_bytes(bytes(2**20))
    assert "at most 8 MiB" in (excess(NOBODY, tmp_path, SMALL, share=0.5) or "")
    assert excess(NOBODY, tmp_path, SMALL) is None


def test_holdings_are_counted_no_further_than_needed(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_bytes(b"x" * 1000)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "hole").touch()
    os.truncate(tmp_path / "inner" / "hole", 2**20)
    (tmp_path / "away").symlink_to("/usr")
    size, files = held_by(NOBODY, tmp_path, 1000)
    assert files == 53
    assert size >= 50_000 + 2**20
    assert held_by(NOBODY, tmp_path, 10)[1] == 11


def test_a_folder_that_cannot_be_read_breaks_the_quota(tmp_path: Path) -> None:
    inner = tmp_path
    for _ in range(20):  # root may read every folder, but not one whose path is too long
        here = os.open(inner, os.O_RDONLY)
        os.mkdir("d" * 250, dir_fd=here)
        os.close(here)
        inner /= "d" * 250
        if len(str(inner)) > 3000:
            break
    here = os.open(inner, os.O_RDONLY)
    for _ in range(6):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert "cannot be read" in (excess(NOBODY, tmp_path, SMALL) or "")


async def test_a_folder_that_takes_long_to_read_is_read_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def slow(*_arguments: object, **_share: object) -> None:
        looks.append(time.monotonic())
        time.sleep(0.01)  # what a full folder costs

    monkeypatch.setattr(process, "excess", slow)
    assert await grades_of("time.sleep(0.1)\nreturn 1", answers=5) == [(1.0, "")] * 5
    assert len(looks) <= 3, "one at the start, one when the process rests, and hardly one meanwhile"


def test_nested_folders_of_any_depth_and_mode_are_removed(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        here = os.open(folder, os.O_RDONLY)
        for number in range(1100):  # deeper than Python lets a function call itself
            os.mkdir("d", 0o300 if number % 2 else 0o700, dir_fd=here)
            os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
            below = os.open("d", os.O_RDONLY if os.geteuid() == 0 else os.O_PATH, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        (folder / "away").symlink_to(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove(tmp_path / "gone already")


def test_sweeping_removes_folders_without_an_owner_and_leaves_the_others(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / "file").write_text("x")
    (tmp_path / f"{PREFIX}file").touch()
    with contextlib.ExitStack() as stack:
        owned = stack.enter_context(scratch_folder(tmp_path))
        sweep(tmp_path)
        assert left.is_dir(), "it is too young to be swept"
        sweep(tmp_path, settled_seconds=-1.0)
        assert not left.exists()
        assert owned.is_dir()
    assert not owned.exists()
