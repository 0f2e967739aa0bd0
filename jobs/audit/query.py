"""Finding entries of the trail: which ones a person asks for, and since when."""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from jobs.core.errors import InvalidRequest
from jobs.trail.entry import AuditEntry, SealedEntry

PAGE: Final = 250
"""Entries read at once: reading 1,000 would hold up the event loop for 30 ms."""
MOST_WORDS: Final = 5000
"""Newest entries among which the nearest known word is looked for."""
SPAN: Final = re.compile(r"([0-9]{1,5})([mhdw])")
SECONDS: Final = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
MENTION: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
MEMBER: Final = re.compile(r"[UW][A-Z0-9]+")
ABOUT: Final = ("alias", "proposal", "job", "model")
"""Details that name what an entry is about, beside its task and subject."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the trail."""

    word: str = ""
    """A task, job, alias, proposal, model or person; empty for everything."""
    since: float | None = None
    """Unix seconds."""

    def asks_for(self, entry: AuditEntry | None) -> bool:
        """Tell whether an entry is among what is asked for; None is one that cannot be read."""
        if not self.word:
            return True
        return entry is not None and self.word.lower() in {name.lower() for name in names_of(entry)}


class Trail(Protocol):
    """Where the trail is."""

    async def trail(self, after: str = "-", limit: int = PAGE) -> tuple[SealedEntry, ...]:
        """Return entries in order: those after the entry `after`."""
        ...

    async def trail_backwards(self, before: str = "+", limit: int = PAGE) -> tuple[SealedEntry, ...]:
        """Return entries, newest first: those before the entry `before`."""
        ...


async def newest(trail: Trail, question: Question) -> AsyncIterator[tuple[SealedEntry, AuditEntry | None]]:
    """Yield what is asked for, newest first."""
    before = "+"
    while page := await trail.trail_backwards(before, PAGE):
        for sealed in page:
            if _is_before(sealed, question):
                return
            entry = readable(sealed)
            if question.asks_for(entry):
                yield sealed, entry
        before = page[-1].id


async def oldest(trail: Trail, question: Question) -> AsyncIterator[SealedEntry]:
    """Yield what is asked for, oldest first, page by page."""
    after = "-"
    while page := await trail.trail(after, PAGE):
        for sealed in page:
            if not _is_before(sealed, question) and question.asks_for(readable(sealed)):
                yield sealed
        after = page[-1].id


def _is_before(sealed: SealedEntry, question: Question) -> bool:
    return question.since is not None and sealed.written_at < question.since


def is_member(word: str) -> bool:
    """Tell whether a word of the trail is a person's id in Slack."""
    return MEMBER.fullmatch(word) is not None


async def known_words(trail: Trail) -> tuple[str, ...]:
    """Return every task, job, alias and person that the newest entries are about, each once."""
    found: dict[str, None] = {}
    before, left = "+", MOST_WORDS
    while left > 0 and (page := await trail.trail_backwards(before, PAGE)):
        for entry in filter(None, map(readable, page)):
            found.update(dict.fromkeys(names_of(entry)))
        before, left = page[-1].id, left - len(page)
    return tuple(found)


def names_of(entry: AuditEntry) -> Iterable[str]:
    """Return everything that an entry is about: task, subject, person, and what its details name."""
    named = (entry.task, entry.subject, entry.who, *(entry.details.get(name, "") for name in ABOUT))
    return tuple(name for name in named if name)


def readable(sealed: SealedEntry) -> AuditEntry | None:
    """Return what an entry says, or None where somebody has made it unreadable."""
    try:
        return sealed.entry
    except ValueError:
        return None


def read_word(typed: str, user: str) -> str:
    """Return what a typed word stands for: the id in a mention, and for `me` the one who typed it."""
    if mention := MENTION.fullmatch(typed):
        return mention[1]
    return user if typed.lower() == "me" else typed


def read_since(typed: str, now: float) -> float:
    """Return the unix seconds that `7d`, `12h`, `2w`, `30m` or `2026-11-01` stand for; a day begins at 00:00 UTC.

    Raises:
        InvalidRequest: it is none of these, or lies ahead.
    """
    if span := SPAN.fullmatch(typed.lower()):
        return now - int(span[1]) * SECONDS[span[2]]
    try:
        day = datetime.strptime(typed, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidRequest(
            f"`since={typed[:40]}` does not work: give a span such as `7d` or `12h`, or a day such as `2026-11-01`."
        ) from None
    if day.timestamp() > now:
        raise InvalidRequest(f"`since={typed}` lies ahead, so nothing has happened since then.")
    return day.timestamp()
