"""The trail as people ask for it: the newest entries, the whole as a file, and whether it is sound."""

from collections.abc import AsyncIterator, Callable

from jobs.audit.export import Format, head_of, line_of
from jobs.audit.query import Question, is_member, known_words, newest, oldest, read_since, read_word
from jobs.core.errors import NotFound
from jobs.core.nearest import nearest
from jobs.state.store import Store
from jobs.trail.entry import AuditEntry, SealedEntry
from jobs.trail.verify import Verification, verify


class AuditTrail:
    """The audit trail of this bot.

    Args:
        store: where it is.
        key: what seals it; empty for a chain without a key.
        clock: unix seconds.
    """

    def __init__(self, store: Store, key: bytes, clock: Callable[[], float]) -> None:
        self._store = store
        self._key = key
        self._clock = clock

    def question(self, word: str, since: str, user: str = "") -> Question:
        """Return what was typed as a question; raises InvalidRequest for a time that is none.

        Args:
            word: task, job, alias, mention of a person, or `me`; empty for everything.
            since: a span or a day; empty for always.
            user: who `me` is.
        """
        return Question(read_word(word, user), read_since(since, self._clock()) if since else None)

    async def newest(
        self, question: Question, most: int
    ) -> tuple[tuple[tuple[SealedEntry, AuditEntry | None], ...], bool]:
        """Return the newest entries asked for, newest first, at most `most`, and whether there are more.

        Raises:
            NotFound: the trail never was about such a word; names the nearest.
        """
        found: list[tuple[SealedEntry, AuditEntry | None]] = []
        async for each in newest(self._store, question):
            if len(found) == most:
                return tuple(found), True
            found.append(each)
        if not found and question.word:
            await self._require_known(question.word)
        return tuple(found), False

    async def lines(self, question: Question, form: Format) -> AsyncIterator[str]:
        """Yield a file with everything asked for, oldest first, line by line."""
        yield head_of(form)
        async for sealed in oldest(self._store, question):
            yield line_of(sealed, form)

    async def verify(self, noted: str | None = None) -> Verification:
        """Walk the whole trail; see `jobs.trail.verify.verify`."""
        return await verify(self._store, self._key, noted)

    async def _require_known(self, word: str) -> None:
        known = await known_words(self._store)
        if word.lower() in {each.lower() for each in known}:
            return
        people = " Name a person as a mention, by their member id, or as `me`." if word.startswith("@") else ""
        named = sorted(each for each in known if not is_member(each))
        raise NotFound(f"Nothing in the trail is about '{word[:60]}'; {nearest(word, named)}{people}")
