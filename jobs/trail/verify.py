"""Walking the whole trail: does each entry carry the seal it should, and follow on the one before?"""

from dataclasses import dataclass, field
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

    async def trail_head(self) -> str:
        """Return the hash of the entry that was written last."""


async def verify(trail: Trail, key: bytes, noted: str | None = None) -> Verification:
    """Walk the whole trail.

    Args:
        trail: where it is.
        key: what sealed it; empty for a chain without a key.
        noted: a hash that was printed by an earlier walk and kept elsewhere: some entry has to carry it.
    """
    # Read first: entries that are written during the walk come after it.
    head, walk, after = await trail.trail_head(), _Walk(key), "-"
    while page := await trail.trail(after, PAGE):
        for entry, following in zip(page, (*page[1:], None), strict=True):
            if bad := walk.step(entry, following):
                return bad
        after = page[-1].id
    # A trail with entries has a newest one, also by the time of the second look.
    is_unmarked = head == FIRST and walk.entries and await trail.trail_head() == FIRST
    if is_unmarked or head not in walk.places:
        return walk.result(Flaw.CUT)
    if noted is not None and noted.strip().lower() not in walk.places:
        return walk.result(Flaw.NOT_NOTED)
    return walk.result()


@dataclass(slots=True)
class _Walk:
    """The entries seen so far, each of them sound."""

    key: bytes
    entries: list[SealedEntry] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=lambda: {FIRST: 0})
    """Hash of each entry to its number, from 1."""
    unkeyed: int = 0

    @property
    def newest(self) -> str:
        return self.entries[-1].hash if self.entries else FIRST

    def step(self, entry: SealedEntry, following: SealedEntry | None) -> Verification | None:
        """Look at the next entry; return what is wrong if it is not sound."""
        if not self._is_sealed(entry):
            put_in = following is not None and following.previous == entry.previous == self.newest
            return self.result(Flaw.INSERTED if put_in else Flaw.CHANGED, entry)
        if entry.previous != self.newest:
            if entry.hash in self.places:
                return self.result(Flaw.INSERTED, entry)  # a copy of an earlier one
            if entry.previous in self.places:
                # It follows on an earlier entry: what stands between the two was put in.
                return self.result(Flaw.INSERTED, self.entries[self.places[entry.previous]])
            return self.result(Flaw.MISSING, entry)
        self.entries.append(entry)
        self.places[entry.hash] = len(self.entries)
        return None

    def result(self, flaw: Flaw | None = None, entry: SealedEntry | None = None) -> Verification:
        """Return what is known by now."""
        newest_at = self.entries[-1].written_at if self.entries else None
        unkeyed = self.unkeyed if self.key else 0
        return Verification(len(self.entries), self.newest, newest_at, unkeyed, flaw, entry)

    def _is_sealed(self, entry: SealedEntry) -> bool:
        if hash_of(entry.text, entry.previous, self.key) == entry.hash:
            return True
        # A key that was set later: what was written before it carries none, and nothing without one comes after.
        without = self.unkeyed == len(self.entries) and hash_of(entry.text, entry.previous, b"") == entry.hash
        self.unkeyed += without
        return without
