"""How much a grading process holds on disk: the kernel bounds each of its files, and this all of them together.

No kernel lets a process without privileges bound a folder, so it is looked at while the process works. What this
cannot see: a file that is unlinked, closed and only mapped (bounded by the memory limit), or one on its way through a
socket of the process to itself; and what is written between two looks.
"""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass

from jobs.graders.records import Limits

EVERY = 0.01
"""Seconds between two looks at the least."""
SHARE = 0.01
"""Of the time, that looking may take: a folder that takes long to look at is looked at less often."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds on disk at a moment."""

    size: int
    """Bytes; at least what the files' lengths say, holes included."""
    files: int
    """Files and folders; counted no further than needed."""
    hidden: bool = False
    """Whether there is a folder that cannot be looked into."""


def held_by(process: int, folder: str, most: int) -> Held:
    """Return what a process holds in its folder, and in open files that have no name any more.

    Args:
        process: its id.
        folder: its scratch folder.
        most: files and folders, after which counting ends.
    """
    nameless = _nameless(process)
    size, files = sum(nameless), len(nameless)
    folders = [folder]
    while folders and files <= most:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    files += 1
                    if files > most:
                        break
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # it has just gone
                    size += max(found.st_size, found.st_blocks * 512)
                    if stat.S_ISDIR(found.st_mode):
                        folders.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:  # no permission, or a path that is too long
            return Held(size, files, hidden=True)
    return Held(size, files)


class Quota:
    """Watches what one grading process holds on disk.

    Args:
        process: its id.
        folder: its scratch folder.
        limits: how much it may hold.
        clock: seconds that only grow.
    """

    def __init__(self, process: int, folder: str, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._process = process
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._next = 0.0
        self._last = Held(0, 0)

    def broken(self) -> str | None:
        """Return how the process holds too much, the rest of a sentence that starts with the grader's name, or None.

        Called as often as one likes: it looks again when it is time to.
        """
        return self._wrong(self._look())

    def has_room(self) -> bool:
        """Tell whether less than half of what is allowed is taken, as of the last look."""
        held = self._look()
        half = held.size * 2 <= self._limits.scratch_bytes and held.files * 2 <= self._limits.scratch_files
        return half and not held.hidden

    def _look(self) -> Held:
        """Return what the process holds; as it was last seen, unless it is time to look again."""
        began = self._clock()
        if began >= self._next:
            self._last = held_by(self._process, self._folder, self._limits.scratch_files)
            ended = self._clock()
            self._next = ended + max(EVERY, (ended - began) / SHARE)
        return self._last

    def _wrong(self, held: Held) -> str | None:
        if held.hidden:
            return "made a folder that cannot be looked into, and was stopped"
        if held.size > self._limits.scratch_bytes:
            most = self._limits.scratch_bytes / 2**20
            return (
                f"held {held.size / 2**20:,.0f} MiB of files, at most {most:,.0f} MiB are allowed, and was stopped; "
                "remove files at the end of a call"
            )
        if held.files > self._limits.scratch_files:
            return (
                f"held more than {self._limits.scratch_files:,} files and folders, and was stopped; "
                "remove them at the end of a call"
            )
        return None


def _nameless(process: int) -> list[int]:
    """Return the sizes of the files that a process holds open and that no folder names any more."""
    sizes: list[int] = []
    try:
        with os.scandir(f"/proc/{process}/fd") as handles:
            for handle in handles:
                try:
                    found = handle.stat()
                except OSError:
                    continue  # closed by now
                if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    sizes.append(max(found.st_size, found.st_blocks * 512))
    except OSError:  # the process has ended, or nobody may look
        return []
    return sizes
