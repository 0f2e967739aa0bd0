"""The trail as people ask for it: the newest entries about a word, the whole as a file, and whether it is sound."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jobs.audit.export import Format, head_of, line_of
from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.nearest import nearest
from jobs.state.store import Store
from jobs.trail.entry import AuditEntry, SealedEntry
from jobs.trail.verify import PAGE, Verification, verify

SPAN: Final = re.compile(r"([0-9]{1,5})([mhdw])")
SECONDS: Final = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
MENTION: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
MEMBER: Final = re.compile(r"[UW][A-Z0-9]+")

Found = tuple[SealedEntry, AuditEntry | None]
"""An entry, and what it says: None if somebody has made it unreadable."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the trail."""

    word: str = ""
    """A task, job, alias, proposal, model or person; empty for everything."""
    since: float | None = None
    """Unix seconds."""

    def includes(self, sealed: SealedEntry) -> bool:
        """Tell whether an entry is asked for."""
        if self.since is not None and sealed.written_at < self.since:
            return False
        entry = sealed.readable
        return not self.word or (entry is not None and self.word.lower() in {each.lower() for each in entry.about})


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The audit trail of this bot."""

    store: Store
    key: bytes
    """Seals it; empty for a chain without a key."""
    clock: Callable[[], float]
    """Unix seconds."""

    def question(self, word: str, since: str, user: str = "") -> Question:
        """Return what was typed as a question.

        Args:
            word: task, job, alias, mention of a person, or `me`; empty for everything.
            since: a span or a day; empty for always.
            user: who `me` is.

        Raises:
            InvalidRequest: `since` is no time.
        """
        return Question(read_word(word, user), read_since(since, self.clock()) if since else None)

    async def newest(self, question: Question, most: int) -> tuple[tuple[Found, ...], bool]:
        """Return the newest entries asked for, newest first, at most `most`, and whether there are more.

        No more than that are read, however long the trail is.

        Raises:
            NotFound: the trail never was about such a word; names the nearest.
        """
        if question.word:
            page = await self.store.trail_about(question.word, most + 1)
            if not page:
                raise NotFound(_unknown(question.word, await self.store.trail_words()))
        else:
            page = await self.store.trail_backwards(most + 1)
        since = question.since or 0.0
        found = [(sealed, sealed.readable) for sealed in page if sealed.written_at >= since]
        return tuple(found[:most]), len(found) > most

    async def lines(self, question: Question, form: Format) -> AsyncIterator[str]:
        """Yield a file with everything asked for, oldest first, line by line; the whole trail is read for it."""
        yield head_of(form)
        after = "-"
        while page := await self.store.trail(after, PAGE):
            for sealed in page:
                if question.includes(sealed):
                    yield line_of(sealed, form)
            after = page[-1].id

    async def verify(self, noted: str | None = None) -> Verification:
        """Walk the whole trail; see `jobs.trail.verify.verify`."""
        return await verify(self.store, self.key, noted)


def is_member(word: str) -> bool:
    """Tell whether a word of the trail is a person's id in Slack."""
    return MEMBER.fullmatch(word) is not None


def read_word(typed: str, user: str) -> str:
    """Return what a typed word stands for: the id in a mention, and for `me` the one who typed it."""
    if mention := MENTION.fullmatch(typed):
        return mention[1]
    return user if typed.lower() == "me" else typed


def read_since(typed: str, now: float) -> float:
    """Return the unix seconds that `7d`, `12h`, `2w`, `30m` or `2026-11-01` stand for; a day begins at 00:00 UTC.

    Raises:
        InvalidRequest: it is neither, or lies ahead.
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


def _unknown(word: str, known: tuple[str, ...]) -> str:
    people = " Name a person as a mention, by their member id, or as `me`." if word.startswith("@") else ""
    named = sorted(each for each in known if not is_member(each))
    return f"Nothing in the trail is about '{word[:60]}'; {nearest(word, named)}{people}"
