"""A job's history, joined from the pages of a listing.

OpenAI lists events newest first and pages towards the past; other platforms may not, and neighbours can be swapped.
So the pages are collected, put in order of time, and what follows the known event is new.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobs.platforms.parse import RemoteEvent


@dataclass(slots=True)
class EventHistory:
    """Collects pages of events until everything after a known event has been seen."""

    known: str | None
    """Id of the newest event read before, or None to read the whole history."""
    most: int | None = None
    """How many of the newest events are enough."""
    _seen: dict[str, RemoteEvent] = field(init=False, default_factory=dict)

    def add(self, page: Sequence[RemoteEvent]) -> bool:
        """Take one page in the order it was listed and return whether an earlier one is still needed."""
        unseen = [event for event in page if event.id not in self._seen]
        self._seen.update((event.id, event) for event in unseen)
        return bool(unseen) and not self._reaches_back()

    def new(self) -> tuple[RemoteEvent, ...]:
        """Return the events after the known one, oldest first, each once; all where it is not in the history."""
        listed = list(self._seen.values())
        if self._is_newest_first():
            listed.reverse()
        listed.sort(key=lambda event: event.at)  # stable: equal times keep the listing's order
        ids = [event.id for event in listed]
        return tuple(listed[ids.index(self.known) + 1 :] if self.known in ids else listed)

    def _reaches_back(self) -> bool:
        """True when enough was listed, or the known event passed by a moment, so that swapped neighbours are in too."""
        if not self._is_newest_first():
            return False
        if self.most is not None and len(self._seen) >= self.most:
            return True
        known = self._seen.get(self.known or "")
        return known is not None and next(reversed(self._seen.values())).at < known.at

    def _is_newest_first(self) -> bool:
        listed = tuple(self._seen.values())
        return not listed or listed[0].at >= listed[-1].at
