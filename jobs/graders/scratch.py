"""The folder a grading process may write to: its own, bounded, and removed with it.

No kernel lets a process without privileges bound a folder, so `excess` measures it while the process works. It cannot
see a file that is unlinked, closed and only mapped (bounded by the memory limit), or one on its way through a socket of
the process to itself; nor what is written between two looks.
"""

import contextlib
import fcntl
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.graders.grades import Limits

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
        with contextlib.suppress(OSError):  # it no longer exists, belongs to somebody else, or is in use
            if time.time() - folder.stat().st_mtime < settled_seconds:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(lock)


def remove(folder: Path) -> None:
    """Remove a folder with all it contains; blocks.

    By way of chmod and rm, which unlike `shutil.rmtree` can deal with folders nested thousands deep and without modes.
    """
    with contextlib.suppress(OSError):
        folder.rmdir()  # most are empty
        return
    with contextlib.suppress(OSError):
        for command in ("chmod -R u+rwx", "rm -rf"):
            subprocess.run([*command.split(), "--", folder], check=False, stderr=subprocess.DEVNULL)


def excess(process: int, folder: Path, limits: Limits, share: float = 1.0) -> str | None:
    """How a process holds more than this share of its limits on disk, as the rest of a sentence about the grader."""
    try:
        size, files = held_by(process, folder, limits.scratch_files)
    except OSError:  # no permission, or a path that is too long
        return "made a folder that cannot be read, and was stopped"
    if size > limits.scratch_bytes * share:
        what = f"{size / 2**20:,.0f} MiB of files, at most {limits.scratch_bytes / 2**20:,.0f} MiB are allowed"
    elif files > limits.scratch_files * share:
        what = f"more than {limits.scratch_files:,} files and folders"
    else:
        return None
    return f"held {what}, and was stopped; remove files at the end of a call"


def held_by(process: int, folder: Path, most: int) -> tuple[int, int]:
    """Bytes and number of files that a process holds in its folder, and in open files that no longer have a name.

    Args:
        process: its id.
        folder: its scratch folder.
        most: files and folders, after which counting ends.

    Raises:
        OSError: a folder cannot be read.
    """
    sizes: list[int] = []
    with contextlib.suppress(OSError):  # the process has ended
        files = [found for _, found in _entries(f"/proc/{process}/fd", follow=True) if stat.S_ISREG(found.st_mode)]
        sizes += [_size(found) for found in files if not found.st_nlink]
    folders = [str(folder)]
    while folders and len(sizes) <= most:
        for path, found in _entries(folders.pop(), follow=False):
            sizes.append(_size(found))
            if stat.S_ISDIR(found.st_mode):
                folders.append(path)
            if len(sizes) > most:
                break
    return sum(sizes), len(sizes)


def _entries(folder: str, *, follow: bool) -> Iterator[tuple[str, os.stat_result]]:
    """Path and status of each entry; one that has just been removed is left out."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                yield entry.path, entry.stat(follow_symlinks=follow)


def _size(found: os.stat_result) -> int:
    """Bytes; at least the file's length, holes included."""
    return max(found.st_size, found.st_blocks * 512)
