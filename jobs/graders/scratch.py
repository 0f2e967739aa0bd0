"""The folder a grading process may write to: made for it alone, gone with it, or swept up if its owner was killed."""

import fcntl
import os
import shutil
import tempfile
import time
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
        shutil.rmtree(self.path, ignore_errors=True)
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
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)
