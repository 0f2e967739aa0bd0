"""The folder of a grading process, from making it to removing it."""

import contextlib
import os
from pathlib import Path

from jobs.graders.scratch import PREFIX, remove, scratch_folder, sweep


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
