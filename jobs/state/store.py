"""What the bot remembers: records, a job's steps, the trail; each change of them written all or nothing.

Keys (those of the queue, of what people asked, of the outbox and the sweeps are in `jobs/queue/due.py`,
`jobs/queue/envelopes.py`, `jobs/outbox/postings.py` and `jobs/training/sweep_state.py`):

    {proctor}:schema                 integer, version of this layout
    {proctor}:jobs                   sorted set, job id by creation time
    {proctor}:job:<id>               hash version, by, value (Job as JSON)
    {proctor}:steps:<id>             hash step number -> Step as JSON
    {proctor}:approval:<id>          hash version, by, value (Approval as JSON), one per job or proposal
    {proctor}:evidence:<id>          hash version, by, value (Evidence as JSON), one per job
    {proctor}:reviews:<task>         hash version, by, value (TaskReviews as JSON): what people say of grades
    {proctor}:suspects:<eval>        hash version, by, value (SuspectLabels as JSON), one per study that found some
    {proctor}:all:<kind>             sorted set, id of each record of a kind by the time it was made: what the record
                                     says (s), or else when it was written (ms)
    {proctor}:alias:<name>           hash version, by, value (Alias as JSON)
    {proctor}:also:<kind>            hash another name of a record (a job's id on its platform) -> its id
    {proctor}:model:<alias>          text, id of the model that the alias points at; to be read by production
    {proctor}:call:<alias>           text, JSON: the same with everything that a call needs; to be read by production
    {proctor}:proposal:<id>          hash version, by, value (Proposal as JSON), a rollback that is to be decided on
    {proctor}:webhook:<alias>:<n>    hash version, by, value (WebhookCall as JSON), one per move
    {proctor}:channel:<channel>      hash version, by, value (ChannelPreferences as JSON): mutes, quiet hours, digest
    {proctor}:person:<user>          hash version, by, value (PersonPreferences as JSON): who wants to be mentioned
    {proctor}:held:<id>              hash version, by, value (HeldBack as JSON): what quiet hours kept from a channel
    {proctor}:digest:<id>            hash version, by, value (Digest as JSON), one per digest that was posted
    {proctor}:gate:<id>              hash version, by, value (GateRun as JSON): what continuous integration asked
    {proctor}:gates                  sorted set, gate id by creation time
    {proctor}:schedules              sorted set, schedule id by creation time
    {proctor}:schedule:<id>          hash version, by, value (Schedule as JSON): a model that is measured again
    {proctor}:learning:<id>          hash version, by, value (Sweep as JSON): jobs on growing parts of the items
    {proctor}:task:<name>            hash version, by, value (TaskDefaults as JSON): what people chose for a task
    {proctor}:audit                  stream entry, previous, hash: the trail, never trimmed
    {proctor}:audit:head             hash hash, by: the newest entry's hash, and the change that wrote it
    {proctor}:audit:about:<word>     list, id of each entry about a task, job, alias, proposal, model, person
    {proctor}:audit:words            sorted set, each of these words by the time it was last written (ms)
    {proctor}:evals                  sorted set, eval id by creation time
    {proctor}:eval:<id>              hash version, by, value (Eval as JSON); the answers are in a file
    {proctor}:ledger:<subject>       hash posting id -> where it stands in Slack
    {proctor}:launched:<who and what> job or eval id, 10 s
    {proctor}:scheduled:<alias>      schedule id, 5 s
    {proctor}:picture:<digest>       Slack's file id of a picture that was uploaded, 2 d
    {proctor}:secret:<name>          random text that signs links
    {proctor}:sequence               counter that orders postings

Every write is idempotent, nearly all of them scripts: redis-py asks again when a reply is lost.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from functools import wraps
from secrets import token_hex
from typing import Any, Final, ParamSpec, TypeVar, cast
from uuid import uuid4

import structlog
from pydantic import TypeAdapter

from jobs.core.errors import ConfigurationError, UnreadableRecord
from jobs.core.records import Posting
from jobs.core.series import Series
from jobs.state.change import STEP, Change, Versioned, change_json
from jobs.state.connection import AWAY, REFUSED, Connection, connection_to
from jobs.state.connection import key as _key
from jobs.state.in_hand import IN_HAND
from jobs.state.kind import Kind, Kinds, readable
from jobs.state.series_cache import SeriesCache
from jobs.trail.chain import FIRST
from jobs.trail.entry import SealedEntry

SCHEMA: Final = 2
MOST_TRIES: Final = 200
"""Of one change; a limit only so that a bug cannot spin for ever."""

P = ParamSpec("P")
T = TypeVar("T")
STORED: Final = ("version", "by", "value")
"""Fields of a record's hash: `by` is the token of the change that wrote it."""

log: Final = structlog.get_logger(__name__)


class VersionConflict(Exception):
    """Somebody else changed the record first; read it again and decide again."""


async def retry_on_conflict(attempt: Callable[[], Awaitable[T]]) -> T:
    """Read, decide and commit, and do so again as long as somebody else changes a record in between.

    Args:
        attempt: all three, beginning with the reading.

    Raises:
        AssertionError: it conflicted far more often than people and bots can act in one instant.
    """
    for _ in range(MOST_TRIES):
        with suppress(VersionConflict):
            return await attempt()
    raise AssertionError(f"a record changed {MOST_TRIES} times while a change of it was decided")


def retried_on_conflict(decide: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Decorate what reads, decides and commits: it does so again as often as `retry_on_conflict` says."""

    @wraps(decide)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return await retry_on_conflict(lambda: decide(*args, **kwargs))

    return run


class AlreadyTaken(Exception):
    """The once-key of a change is held.

    Args:
        holder: who holds it.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """Where a posting stands in Slack; times in unix seconds."""

    channel: str
    ts: str
    at: float = 0.0
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What is removed all or nothing; keys are without the prefix."""

    guards: tuple[tuple[str, int], ...]
    """Records with the versions they were read at: where one was changed since, nothing is removed."""
    absent: tuple[str, ...] = ()
    """Keys that must not be there, or nothing is removed."""
    gone: tuple[str, ...] = ()
    unlisted: tuple[tuple[str, str], ...] = ()
    """Sorted set and member."""
    pared: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Hash and the fields that stay."""


LEDGER_ENTRY: Final = TypeAdapter(LedgerEntry)


@dataclass(frozen=True, slots=True)
class RecordsOf:
    """Records of several kinds with one id."""

    found: Mapping[type, Versioned[Any]]

    def of(self, kind: type[T]) -> Versioned[T] | None:
        """Return the record of a kind and its version, or None."""
        return self.found.get(kind)


class Store:
    """The bot's memory in Redis or Valkey (>= 6.2).

    Args:
        connection: to the server.
        kinds: of the records that it holds.
        audit_key: seals the trail; empty for a chain without a key.
    """

    def __init__(self, connection: Connection, kinds: Kinds, audit_key: bytes = b"") -> None:
        self.connection: Final = connection
        self.committed: Final = asyncio.Event()
        """Set with each change that makes something due, or has something posted."""
        self._redis = connection.redis
        self._kinds = kinds
        self._audit_key = audit_key
        self._head = FIRST
        self._series = SeriesCache()
        self.unreadable: Final[set[str]] = set()
        """Keys of what only a newer version can read, as far as lists came across it."""
        self._commit, self._drop, self._reserve = (
            connection.script("state", name) for name in ("commit", "drop", "reserve")
        )

    # -- opening -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Check that the server keeps what it is given and that the state is of this version.

        Raises:
            ConfigurationError: the state is of another version, or the server may evict keys.
        """
        await self._redis.set(_key("schema"), SCHEMA, nx=True)
        found = int(await self._redis.get(_key("schema")) or 0)
        if found > SCHEMA:
            raise ConfigurationError(
                f"REDIS_URL: the state there is of version {found}, this program knows {SCHEMA}; start the newer one"
            )
        if found < SCHEMA:
            raise ConfigurationError(
                f"REDIS_URL: the state there is of version {found}, which this program ({SCHEMA}) does not take over; "
                "to keep it, run the program that wrote it; to leave it, set PROCTOR_HOME or REDIS_URL to a new place"
            )
        memory = cast("Mapping[str, object]", await self._redis.info("memory"))
        policy = str(memory.get("maxmemory_policy", "noeviction"))
        if policy != "noeviction":
            raise ConfigurationError(
                f"REDIS_URL: the server's maxmemory-policy is {policy}, which may drop state; set it to noeviction"
            )

    async def durability(self) -> str:
        """Return in a sentence what a crash of the server may lose of what was confirmed; "" if nothing, or unknown."""
        try:
            found = cast("Mapping[str, str]", await self._redis.config_get("append*"))
        except REFUSED:
            return ""
        if found.get("appendonly") != "yes":
            return (
                "Redis keeps nothing over a crash (appendonly is off): set appendonly to yes and appendfsync to always."
            )
        if found.get("appendfsync") != "always":
            return (
                f"Redis may lose what it confirmed in the last second before a crash (appendfsync is "
                f"{found.get('appendfsync')}): set it to always. What platforms and Slack have is found again there."
            )
        return ""

    async def ping(self) -> None:
        """Raise unless the server answers, and takes what is written."""
        await self._redis.set(_key("schema"), SCHEMA, nx=True)  # a full server answers a PING all the same

    # -- reading -------------------------------------------------------------------------------------------------

    async def series(self, job_id: str, token: str = "") -> Series:
        """Return a job's steps; if they are known as of the change with this token, they are not read again."""
        known = self._series.get(job_id, token) if token else None
        if known is not None:
            return known
        values = cast("list[str]", await self._redis.hvals(_key(f"steps:{job_id}")))
        series = Series.of(STEP.validate_json(value) for value in values)
        if token:
            self._series.put(job_id, token, series)
        return series

    async def record(self, kind: type[T], record_id: str) -> Versioned[T] | None:
        """Return the record of a kind and its version, or None; raises UnreadableRecord."""
        return (await self.records_of(record_id, kind)).of(kind)

    async def records_of(self, record_id: str, *kinds: type) -> RecordsOf:
        """Return the records of several kinds with one id, in one round trip; raises UnreadableRecord."""
        pipe = self._redis.pipeline(transaction=False)
        for kind in kinds:
            pipe.hmget(_key(self._kinds.of_type(kind).key_of(record_id)), STORED)
        stored = cast("list[tuple[str | None, str | None, str | None]]", await pipe.execute())
        read: dict[type, Versioned[Any]] = {
            kind: Versioned(self._kinds.of_type(kind).read(record_id, text), int(version or 0), token or "")
            for kind, (version, token, text) in zip(kinds, stored, strict=True)
            if text
        }
        return RecordsOf(read)

    def kind_of(self, value: T) -> Kind[T]:
        """Return the kind of a record."""
        return self._kinds.of(value)

    async def records(self, kind: type[T], limit: int = 500) -> tuple[T, ...]:
        """Return the newest records of a kind, newest first, without those that only a newer version can read."""
        found, ids = self._kinds.of_type(kind), await self.ids(kind, limit)
        pipe = self._redis.pipeline(transaction=False)
        for record_id in ids:
            pipe.hget(_key(found.key_of(record_id)), "value")
        texts = await pipe.execute()
        return tuple(self.readable(found.adapter, zip(map(found.key_of, ids), texts, strict=True)))

    async def id_of(self, kind: type, also: str) -> str | None:
        """Return the id of the newest record of a kind whose other name this is (see `Kind.also`), or None."""
        return cast("str | None", await self._redis.hget(_key(f"also:{self._kinds.of_type(kind).name}"), also))

    async def ids(self, kind: type, limit: int = 500) -> tuple[str, ...]:
        """Return the ids of the newest records of a kind, newest first."""
        found = await self._redis.zrevrange(_key(self._kinds.of_type(kind).index), 0, limit - 1)
        return tuple(cast("list[str]", found))

    async def trail(self, after: str = "-", limit: int = 1000) -> tuple[SealedEntry, ...]:
        """Return entries of the audit trail in order: those after the entry `after`; "-" begins at the start."""
        start = after if after == "-" else f"({after}"
        return _sealed(await self._redis.xrange(_key("audit"), start, "+", limit))

    async def trail_backwards(self, limit: int) -> tuple[SealedEntry, ...]:
        """Return the newest entries of the audit trail, newest first."""
        return _sealed(await self._redis.xrevrange(_key("audit"), "+", "-", limit))

    async def trail_about(self, word: str, limit: int) -> tuple[SealedEntry, ...]:
        """Return the newest entries of the audit trail that are about a word, in any case, newest first."""
        ids = cast("list[str]", await self._redis.lrange(_key(f"audit:about:{word.lower()}"), -limit, -1))
        pipe = self._redis.pipeline(transaction=False)
        for entry_id in reversed(ids):
            pipe.xrange(_key("audit"), entry_id, entry_id)
        return tuple(sealed for found in await pipe.execute() for sealed in _sealed(found))

    async def trail_words(self, limit: int = 5000) -> tuple[str, ...]:
        """Return the words that the audit trail is about, each once, the last written first."""
        return tuple(cast("list[str]", await self._redis.zrevrange(_key("audit:words"), 0, limit - 1)))

    async def trail_head(self) -> str:
        """Return the hash of the entry that was written last; 64 zeros if the trail is empty."""
        return str(await self._redis.hget(_key("audit:head"), "hash") or FIRST)

    async def model_of(self, alias: str) -> str | None:
        """Return the id of the model that an alias points at, as others read it from Redis; None if it is not JSON."""
        model = await self._redis.get(_key(f"model:{alias}"))
        return str(model) if model else None

    async def ledger(self, subject: str, posting_id: str) -> LedgerEntry | None:
        """Return where a posting stands in Slack, or None while it was not posted."""
        value = await self._redis.hget(_key(f"ledger:{subject}"), posting_id)
        return LEDGER_ENTRY.validate_json(value) if value else None

    async def secret(self, name: str) -> str:
        """Return the secret called `name`: random, made when it is first asked for, the same for every bot."""
        key = _key(f"secret:{name}")
        await self._redis.set(key, token_hex(32), nx=True)
        return str(await self._redis.get(key))

    async def picture(self, key: str) -> str | None:
        """Return the file id under which a picture was uploaded, or None where it is not known (any more)."""
        return cast("str | None", await self._redis.get(_key(f"picture:{key}")))

    async def keep_picture(self, key: str, file: str, *, seconds: float) -> None:
        """Remember for so many seconds under which file id a picture was uploaded."""
        await self._redis.set(_key(f"picture:{key}"), file, px=int(seconds * 1000))

    # -- changing ------------------------------------------------------------------------------------------------

    async def commit(self, change: Change) -> None:
        """Write one change all or nothing; asked twice with the same change it has one effect.

        Raises:
            VersionConflict: a record was changed since it was read; nothing was written.
            AlreadyTaken: the once-key is held by another; nothing was written.
        """
        token, replaced = uuid4().hex, await self._replaced(change)
        texts = {key: text for key, (_, text) in replaced.items()}
        while True:
            written = change_json(change, self._kinds, texts, self._head, self._audit_key)
            if change.records and (envelope := IN_HAND.get()):
                written["envelope"] = f"envelope:{envelope}"
            answer = await self._commit(token, json.dumps(written))
            match answer:
                case ["done"]:
                    self._note_steps(change, replaced, token)
                    if change.postings or change.schedule or change.due_in is not None:
                        self.committed.set()
                    return
                case ["conflict", str(record)]:
                    raise VersionConflict(record)
                case ["taken", str(holder)]:
                    raise AlreadyTaken(holder)
                case ["head", str(head)]:
                    self._head = head  # the trail grew meanwhile: seal again, on to its end
                case _:
                    raise AssertionError(f"unexpected answer of commit: {answer}")

    async def save(
        self, held: Versioned[T], value: T, *, due_in: float | None = None, postings: tuple[Posting, ...] = ()
    ) -> Versioned[T]:
        """Commit a new value of one record, and return it at its new version; raises as `commit`."""
        await self.commit(Change(records=(Versioned(value, held.version),), due_in=due_in, postings=postings))
        return Versioned(value, held.version + 1)

    async def reserve(self, name: str, *, interval: float, burst: int = 1) -> float:
        """Reserve one call under a shared rate; return 0, or the seconds to wait before asking again.

        Args:
            name: what is limited, e.g. a channel.
            interval: seconds between calls in the long run.
            burst: calls that may go out at once.
        """
        wait = await self._reserve(name, uuid4().hex, int(interval * 1000), burst)
        return float(cast("int", wait)) / 1000

    # -- removing ------------------------------------------------------------------------------------------------

    async def listed(self, kind: type, *, offset: int, limit: int, until: float | None = None) -> tuple[str, ...]:
        """Return a page of the ids of a kind, oldest first; `until` (unix seconds) where it keeps the time."""
        # By rank: by score, Redis would walk over everything before the page.
        found = await self._redis.zrange(
            _key(self._kinds.of_type(kind).index), offset, offset + limit - 1, withscores=True
        )
        page = cast("list[tuple[str, float]]", found)
        return tuple(each for each, at in page if until is None or at <= until)

    async def sizes(self, subjects: Sequence[str]) -> tuple[tuple[int, int], ...]:
        """Return for each subject how many steps, and how many lines of its ledger, are kept."""
        pipe = self._redis.pipeline(transaction=False)
        for subject in subjects:
            pipe.hlen(_key(f"steps:{subject}"))
            pipe.hlen(_key(f"ledger:{subject}"))
        counts = cast("list[int]", await pipe.execute())
        return tuple(zip(counts[::2], counts[1::2], strict=True))

    async def drop(self, removal: Removal) -> bool:
        """Remove all of it, or nothing where a record changed meanwhile or a message waits; tell which."""
        return bool(await self._drop(json.dumps(asdict(removal))))

    # -- inside --------------------------------------------------------------------------------------------------

    async def _replaced(self, change: Change) -> Mapping[str, tuple[str, str]]:
        """Return token and text of what is stored at the versions that a change's records were read at, by key."""
        kinds = ((self._kinds.of(each.value), each) for each in change.records if each.version)
        versions = {kind.key_of(kind.id_of(each.value)): each.version for kind, each in kinds}
        pipe = self._redis.pipeline(transaction=False)
        for key in versions:
            pipe.hmget(_key(key), STORED)
        stored = cast("list[tuple[str | None, str | None, str | None]]", await pipe.execute()) if versions else []
        read = zip(versions.items(), stored, strict=True)
        return {key: (by or "", text) for (key, at), (version, by, text) in read if text and version == str(at)}

    def _note_steps(self, change: Change, replaced: Mapping[str, tuple[str, str]], token: str) -> None:
        """Keep what is known of series up to date with a change that was written."""
        for each in change.records:
            kind = self._kinds.of(each.value)
            subject = kind.id_of(each.value)
            before = replaced.get(kind.key_of(subject))
            if kind.has_work and before:
                self._series.follow(subject, before[0], token, change.steps)

    def readable(self, adapter: TypeAdapter[T], texts: Iterable[tuple[str, str | None]]) -> Iterator[T]:
        """Yield what was stored under each key, but for what only a newer version can read: that is logged once."""
        for key, text in texts:
            try:
                if text:
                    yield readable(adapter, key, text)
            except UnreadableRecord:
                if key not in self.unreadable:
                    self.unreadable.add(key)
                    log.warning("record.unreadable", key=key, count=len(self.unreadable))


def _sealed(found: object) -> tuple[SealedEntry, ...]:
    entries = cast("list[tuple[str, dict[str, str]]]", found)
    return tuple(SealedEntry(id_, *(kept.get(n, "") for n in ("entry", "previous", "hash"))) for id_, kept in entries)


@asynccontextmanager
async def connected(url: str, kinds: Kinds, audit_key: bytes = b"") -> AsyncIterator[Store]:
    """Yield an open store as long as the context lasts.

    `url` is `redis://`, `rediss://` or `unix://`.

    Raises:
        ConfigurationError: as `Store.open`.
        ConnectionError: nothing answers there, or not any more.
    """
    connection = connection_to(url)
    try:
        store = Store(connection, kinds, audit_key)
        await store.open()
        yield store
    except AWAY as failure:
        raise ConnectionError(f"Redis does not answer ({type(failure).__name__})") from None
    finally:
        await connection.redis.aclose()
