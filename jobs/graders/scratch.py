"""The folder a grading process may write to: its own, removed with it, or swept up if its owner was killed."""

import contextlib
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "proctor-grader-"
SETTLED_SECONDS = 60.0
"""A folder younger than this may not have been locked by its owner yet."""


@contextlib.contextmanager
def scratch_folder(within: Path | None = None) -> Iterator[Path]:
    """A new folder, locked until the end of the block and then removed; leaving the block may take long.

    Args:
        within: the folder it is made in; by default the system's temporary one.

    Raises:
        OSError: no folder can be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=within))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        remove(folder)
        os.close(lock)


def sweep(within: Path | None = None, settled_seconds: float = SETTLED_SECONDS) -> None:
    """Remove the folders whose owners were killed before they could; blocks while it does."""
    for folder in (within or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < settled_seconds:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # it no longer exists, or belongs to somebody else
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(folder)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)


def remove(folder: Path) -> None:
    """Remove a folder with all it contains; blocks.

    By way of chmod and rm, which unlike `shutil.rmtree` can deal with folders nested thousands deep and without modes.
    """
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError:
        for command in ("chmod -R u+rwx", "rm -rf"):
            subprocess.run([*command.split(), "--", folder], check=False, stderr=subprocess.DEVNULL)
