"""How much a grading process holds on disk: the kernel bounds each of its files, and this all of them together.

No kernel lets a process without privileges bound a folder, so it is checked while the process works. What this cannot
see: a file that is unlinked, closed and only mapped (bounded by the memory limit), or one on its way through a socket
of the process to itself; and what is written between two checks.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jobs.graders.grades import Limits

SHARE = 0.01
"""Of the time, that checking may take: a folder that takes long to read is read less often."""


class DiskQuota:
    """What one grading process may hold on disk.

    Args:
        process: its id.
        folder: its scratch folder.
        limits: how much it may hold.
        clock: seconds that only grow.
    """

    def __init__(self, process: int, folder: Path, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._process = process
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._next = 0.0
        self._held = (0, 0)

    def excess(self, share: float = 1.0) -> str | None:
        """How the process holds more than this share of its limits, as the rest of a sentence about the grader.

        May be called often: it only looks again when that takes no more than its share of the time.
        """
        started = self._clock()
        if started >= self._next:
            try:
                self._held = held_by(self._process, self._folder, self._limits.scratch_files)
            except OSError:  # no permission, or a path that is too long
                return "made a folder that cannot be read, and was stopped"
            ended = self._clock()
            self._next = ended + (ended - started) / SHARE
        return self._wrong(*self._held, share)

    def _wrong(self, size: int, files: int, share: float) -> str | None:
        if size > self._limits.scratch_bytes * share:
            held, most = size / 2**20, self._limits.scratch_bytes / 2**20
            what = f"held {held:,.0f} MiB of files, at most {most:,.0f} MiB are allowed"
        elif files > self._limits.scratch_files * share:
            what = f"held more than {self._limits.scratch_files:,} files and folders"
        else:
            return None
        return f"{what}, and was stopped; remove files at the end of a call"


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
        for _, found in _entries(f"/proc/{process}/fd", follow=True):
            if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                sizes.append(_size(found))
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
