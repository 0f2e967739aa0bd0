"""The folder a grading process may write to: made for it alone, gone with it, or swept up if its owner was killed."""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

PREFIX = "proctor-grader-"
SETTLED_SECONDS = 60.0
"""A folder younger than this may not have been locked by its owner yet."""


class Scratch:
    """One folder, locked for as long as its owner lives.

    Args:
        within: the folder it is made in; by default the system's temporary one.

    Raises:
        OSError: no folder can be made.
    """

    def __init__(self, within: Path | None = None) -> None:
        self.path = tempfile.mkdtemp(prefix=PREFIX, dir=within)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Removes the folder and all that was written to it."""
        clear(Path(self.path))
        os.close(self._lock)


def sweep(within: Path | None = None, settled_seconds: float = SETTLED_SECONDS) -> None:
    """Removes the folders whose owners were killed before they could; blocks while it does."""
    for folder in (within or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < settled_seconds:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # gone by now, or somebody else's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            clear(folder)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)


def clear(folder: Path) -> None:
    """Removes a folder, however deep a grader has nested others in it and whatever modes it gave them; blocks.

    What lies two levels down is moved up one, so that paths stay short and nothing is nested here either.
    """
    moved = count()
    while sum(_removed(entry, folder, moved) for entry in _entries(folder)):
        pass  # until nothing is left, or nothing more can be removed
    with contextlib.suppress(OSError):
        folder.rmdir()


def _removed(entry: Path, top: Path, moved: Iterator[int]) -> bool:
    try:
        if not _is_folder(entry):
            entry.unlink()
            return True
        entry.chmod(0o700)
        for inner in entry.iterdir():
            if _is_folder(inner):
                inner.chmod(0o700)
                inner.rename(top / f".moved-{next(moved)}")
            else:
                inner.unlink()
        entry.rmdir()
    except OSError:
        return False
    return True


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
