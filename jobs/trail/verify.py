"""Walking the whole trail: does each entry carry the seal it should, and follow on the one before?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from jobs.trail.chain import FIRST, hash_of
from jobs.trail.entry import SealedEntry

PAGE: Final = 250
"""Entries read at once: reading 1,000 would hold up the event loop for 30 ms."""


class Flaw(StrEnum):
    """What is wrong with a trail."""

    CHANGED = "changed"
    """The entry is not what was sealed."""
    INSERTED = "inserted"
    """The entry was put in."""
    MISSING = "missing"
    """Right before the entry, others are missing or were changed."""
    CUT = "cut"
    """Entries are missing at the end; there is no entry to name."""
    NOT_NOTED = "not_noted"
    """No entry has the hash that was noted elsewhere."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk over the trail found."""

    count: int
    """Entries looked at, up to the flaw."""
    newest: str
    """Hash of the last sound entry; 64 zeros if there is none."""
    newest_at: float | None = None
    """Unix seconds at which that was written."""
    unkeyed: int = 0
    """Entries at the beginning that were sealed without a key, though one is set now."""
    flaw: Flaw | None = None
    entry: SealedEntry | None = None
    """The first bad one."""


class Trail(Protocol):
    """Where the trail is."""

    async def trail(self, after: str = "-", limit: int = PAGE) -> tuple[SealedEntry, ...]:
        """Return entries in order: those after the entry `after`."""
        ...

    async def trail_head(self) -> str:
        """Return the hash of the entry that was written last."""
        ...


async def verify(trail: Trail, key: bytes, noted: str | None = None) -> Verification:
    """Walk the whole trail.

    Args:
        trail: where it is.
        key: what sealed it; empty for a chain without a key.
        noted: a hash that was printed by an earlier walk and kept elsewhere: some entry has to carry it.
    """
    # Read first: entries that are written during the walk come after it.
    head, chain, after = await trail.trail_head(), Chain(key), "-"
    while page := await trail.trail(after, PAGE):
        if flaw := chain.take(page):
            return flaw
        after = page[-1].id
    # A trail with entries has a newest one, also by the time of the second look.
    is_unmarked = head == FIRST and len(chain) and await trail.trail_head() == FIRST
    if is_unmarked or head not in chain:
        return chain.found(Flaw.CUT)
    if noted is not None and noted.strip().lower() not in chain:
        return chain.found(Flaw.NOT_NOTED)
    return chain.found()


class Chain:
    """The entries seen so far.

    Args:
        key: what sealed them.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._places: dict[str, int] = {FIRST: 0}
        """Hash of each sound entry to its number, from 1."""
        self._ids: list[SealedEntry] = []
        self._newest = FIRST
        self._unkeyed = 0

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, noted: str) -> bool:
        return noted in self._places

    def take(self, page: Sequence[SealedEntry]) -> Verification | None:
        """Look at the entries that come next; return what is wrong with the first bad one."""
        for place, entry in enumerate(page):
            following = page[place + 1] if place + 1 < len(page) else None
            flaw = self._flaw(entry, following)
            if flaw:
                return self.found(*flaw)
            self._newest = entry.hash
            self._ids.append(entry)
            self._places[entry.hash] = len(self._ids)
        return None

    def found(self, flaw: Flaw | None = None, entry: SealedEntry | None = None) -> Verification:
        """Return what there is to say by now."""
        newest_at = self._ids[-1].written_at if self._ids else None
        unkeyed = self._unkeyed if self._key else 0
        return Verification(len(self._ids), self._newest, newest_at, unkeyed, flaw, entry)

    def _flaw(self, entry: SealedEntry, following: SealedEntry | None) -> tuple[Flaw, SealedEntry] | None:
        if not self._is_sealed(entry):
            put_in = following is not None and following.previous == entry.previous == self._newest
            return (Flaw.INSERTED if put_in else Flaw.CHANGED), entry
        if entry.previous == self._newest:
            return None
        if entry.hash in self._places:
            return Flaw.INSERTED, entry  # a copy of an earlier one
        if entry.previous in self._places:
            # It follows on an earlier entry: what stands between the two was put in.
            return Flaw.INSERTED, self._ids[self._places[entry.previous]]
        return Flaw.MISSING, entry

    def _is_sealed(self, entry: SealedEntry) -> bool:
        if hash_of(entry.text, entry.previous, self._key) == entry.hash:
            return True
        # A key that was set later: what was written before it carries none, and nothing without one comes after.
        without = self._unkeyed == len(self._ids) and hash_of(entry.text, entry.previous, b"") == entry.hash
        self._unkeyed += without
        return without
