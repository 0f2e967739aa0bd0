"""Bots of two versions on one Redis: an older one neither breaks on nor erases what a newer one wrote."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum, StrEnum
from typing import get_args, get_type_hints
from unittest.mock import AsyncMock

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from bot.kinds import KINDS
from jobs.cleanup.retention import Retention
from jobs.core.errors import ConfigurationError, UnreadableRecord
from jobs.core.ids import DELIVERIES
from jobs.core.records import Posting, PostingKind
from jobs.notifications.records import Digest
from jobs.outbox.postings import Outbox
from jobs.outbox.worker import OutboxWorker, Poster
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.kind import Kind, Kinds
from jobs.state.store import LedgerEntry, Store
from jobs.trail.entry import Act
from tests.records import CHANNEL, a_job, a_posting
from tests.working import held, taken


class Weather(StrEnum):
    FAIR = "fair"
    FOUL = "foul"


class NewWeather(StrEnum):
    FAIR = "fair"
    FOUL = "foul"
    FOGGY = "foggy"


@dataclass(frozen=True)
class Leg:
    port: str
    miles: int = 0


@dataclass(frozen=True)
class NewLeg:
    port: str
    miles: int = 0
    pilot: str = ""


@dataclass(frozen=True)
class Voyage:
    id: str
    weather: Weather
    legs: tuple[Leg, ...] = ()
    flag: Leg = Leg("home")
    cargo: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class NewVoyage:
    id: str
    weather: NewWeather
    legs: tuple[NewLeg, ...] = ()
    flag: NewLeg = NewLeg("home")
    cargo: Mapping[str, float] = field(default_factory=dict)
    captain: str = ""


OLD = Kinds(Kind(Voyage, "voyage", "id", "all:voyage"))
NEW = Kinds(Kind(NewVoyage, "voyage", "id", "all:voyage"))
RICH = NewVoyage(
    "v1",
    NewWeather.FAIR,
    (NewLeg("Lisbon", 10, "Ana"), NewLeg("Goa", 20, "Rui"), NewLeg("Malacca", 30, "Joao")),
    NewLeg("Porto", 1, "Ines"),
    {"pepper": 2.5, "silk": 1.0},
    "Vasco",
)


@pytest.fixture
def older(redis: Redis) -> Store:
    return Store(Connection(redis), OLD)


@pytest.fixture
def newer(redis: Redis) -> Store:
    return Store(Connection(redis), NEW)


async def rewritten(older: Store, newer: Store, **changes: object) -> NewVoyage:
    """Return what a newer bot reads after an older one has changed what the newer one wrote."""
    await newer.commit(Change(records=(Versioned(RICH, 0),)))
    held = await older.record(Voyage, "v1")
    assert held is not None
    await older.commit(Change(records=(Versioned(replace(held.value, **changes), held.version),)))  # type: ignore[arg-type] # a test's shorthand
    found = await newer.record(NewVoyage, "v1")
    assert found is not None
    return found.value


async def test_an_older_bot_writes_the_fields_back_that_it_does_not_know(older: Store, newer: Store) -> None:
    found = await rewritten(older, newer, weather=Weather.FOUL)
    assert found == replace(RICH, weather=NewWeather.FOUL)


async def test_nested_records_keep_their_unknown_fields_where_they_are_known_again(older: Store, newer: Store) -> None:
    legs = (Leg("Goa", 20), Leg("Malacca", 30), Leg("Macau", 40))
    found = await rewritten(older, newer, legs=legs, flag=Leg("Porto", 2))
    assert [leg.pilot for leg in found.legs] == ["Rui", "Joao", ""]
    assert found.flag == NewLeg("Porto", 2, "Ines")
    changed = await rewritten_again(older, newer)
    assert [(leg.miles, leg.pilot) for leg in changed.legs] == [(25, "Rui"), (30, "Joao"), (40, "")]


async def rewritten_again(older: Store, newer: Store) -> NewVoyage:
    held = await older.record(Voyage, "v1")
    assert held is not None
    longer = replace(held.value, legs=(replace(held.value.legs[0], miles=25), *held.value.legs[1:]))
    await older.commit(Change(records=(Versioned(longer, held.version),)))
    found = await newer.record(NewVoyage, "v1")
    assert found is not None
    return found.value


async def test_what_an_older_bot_takes_away_stays_away(older: Store, newer: Store) -> None:
    found = await rewritten(older, newer, legs=(), cargo={"silk": 1.0})
    assert (found.legs, found.cargo, found.captain) == ((), {"silk": 1.0}, "Vasco")


async def test_a_newer_bot_reads_what_an_older_one_wrote(older: Store, newer: Store) -> None:
    await older.commit(Change(records=(Versioned(Voyage("v1", Weather.FAIR, (Leg("Goa", 20),)), 0),)))
    found = await newer.record(NewVoyage, "v1")
    assert found == Versioned(NewVoyage("v1", NewWeather.FAIR, (NewLeg("Goa", 20),)), 1)


@pytest.mark.parametrize("text", ['{"id":"bad","weather":"foggy"}', '{"id":"bad"}', "no JSON"])
async def test_lists_leave_out_what_only_a_newer_bot_can_read_and_say_so_once(
    redis: Redis, older: Store, text: str
) -> None:
    for name in ("good", "bad", "fine"):
        await older.commit(Change(records=(Versioned(Voyage(name, Weather.FAIR), 0),)))
    await redis.hset("{proctor}:voyage:bad", "value", text)
    with capture_logs() as lines:
        for _ in range(2):
            assert {each.id for each in await older.records(Voyage)} == {"fine", "good"}
    assert older.unreadable == {"voyage:bad"}
    assert str(lines).count("voyage:bad") == 1
    with pytest.raises(UnreadableRecord, match="voyage:bad was written by a newer version of this bot"):
        await older.record(Voyage, "bad")


async def test_a_posting_that_only_a_newer_bot_can_deliver_stays_in_the_outbox(redis: Redis, store: Store) -> None:
    await store.commit(Change(postings=(a_posting(),)))
    await redis.hset(f"{{proctor}}:posting:{a_posting().id}", "value", '{"subject":"s","kind":"hologram"}')
    (lane,) = await taken(store, DELIVERIES)
    with pytest.raises(UnreadableRecord):
        await Outbox(store).begin(lane)
    assert (await Outbox(store).lanes(offset=0, limit=10)).oldest == ()
    with pytest.raises(UnreadableRecord):
        await OutboxWorker(store, Outbox(store), AsyncMock(spec=Poster)).deliver(held(lane))
    assert await redis.exists(f"{{proctor}}:posting:{a_posting().id}")


async def test_what_an_older_bot_cannot_read_it_does_not_remove(redis: Redis, store: Store) -> None:
    digests = (Digest(name, CHANNEL, 0.0, 1.0) for name in ("one", "two"))
    await store.commit(Change(records=tuple(Versioned(digest, 0) for digest in digests)))
    await redis.hset("{proctor}:digest:one", "value", '{"id":"one"}')
    assert await Retention(store, Outbox(store)).clean_up() == 1
    assert await redis.exists("{proctor}:digest:one")


async def test_where_a_posting_stands_is_read_whatever_a_newer_bot_noted_with_it(redis: Redis, store: Store) -> None:
    card = replace(a_posting(), refreshed=True)
    noted = f'{{"channel":"{CHANNEL}","ts":"1.0","reactions":3}}'
    await redis.hset(f"{{proctor}}:ledger:{card.subject}", card.id, noted)
    assert await store.ledger(card.subject, card.id) == LedgerEntry(CHANNEL, "1.0")
    await store.commit(Change(postings=(card,)))
    (lane,) = await taken(store, DELIVERIES)
    delivery = await Outbox(store).begin(lane)
    assert delivery is not None
    await Outbox(store).settle(delivery, LedgerEntry(CHANNEL, "1.0", at=5.0))
    kept = json.loads(str(await redis.hget(f"{{proctor}}:ledger:{card.subject}", card.id)))
    assert (kept["reactions"], kept["at"]) == (3, 5.0)


async def test_a_posting_about_what_only_a_newer_bot_can_read_waits_for_that_bot(redis: Redis, store: Store) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), postings=(a_posting(),)))
    poster = AsyncMock(spec=Poster)
    poster.post.side_effect = UnreadableRecord("job:rft-abc234")
    (lane,) = await taken(store, DELIVERIES)
    with pytest.raises(UnreadableRecord):
        await OutboxWorker(store, Outbox(store), poster).deliver(held(lane))
    assert poster.post.await_count == 1
    assert await redis.exists(f"{{proctor}}:posting:{a_posting().id}")


async def test_state_of_an_earlier_version_is_refused_with_what_to_do(redis: Redis) -> None:
    await redis.set("{proctor}:schema", 1)
    with pytest.raises(ConfigurationError, match=r"version 1.*to keep it, run .*; to leave it, set PROCTOR_HOME"):
        await Store(Connection(redis), OLD).open()


# -- stored names --------------------------------------------------------------------------------------------------

KIND_NAMES = {
    "job": "jobs",
    "eval": "evals",
    "approval": "all:approval",
    "reviews": "all:reviews",
    "suspects": "all:suspects",
    "evidence": "all:evidence",
    "alias": "all:alias",
    "proposal": "all:proposal",
    "webhook": "all:webhook",
    "channel": "all:channel",
    "person": "all:person",
    "held": "all:held",
    "digest": "all:digest",
    "task": "all:task",
    "gate": "gates",
    "schedule": "schedules",
    "learning": "all:learning",
}


def test_the_names_of_kinds_and_their_lists_stay() -> None:
    """They are keys in Redis: a class may be renamed, these may not."""
    assert {kind.name: kind.index for kind in KINDS} == KIND_NAMES


def enums_in(type_: object, path: str, seen: frozenset[object] = frozenset()) -> dict[str, list[str]]:
    """Return the values of every enum in a type, by the path of the field."""
    if isinstance(type_, type) and issubclass(type_, Enum):
        return {path: [str(each.value) for each in type_]}
    if isinstance(type_, type) and is_dataclass(type_) and type_ not in seen:
        hints = get_type_hints(type_)
        inner = [(hints[each.name], f"{path}.{each.name}") for each in fields(type_)]
    else:
        inner = [(each, path) for each in get_args(type_)]
    return {key: value for each, name in inner for key, value in enums_in(each, name, seen | {type_}).items()}


ENUM_VALUES = {
    "job.state": "checking, launching, creating, watching, paused, succeeded, failed, cancelled, not_launched",
    "job.pending.action": "pause, resume, cancel",
    "eval.state": "checking, running, finished, cancelled, failed, refused",
    "eval.conclusion.verdict": "better, worse, cant_tell",
    "approval.kind": "checkpoint, alias_move, review",
    "approval.decisions.verdict": "approve, reject",
    "approval.settled.ending": "approved, rejected, expired",
    "evidence.state": "gathering, ready, failed, withdrawn",
    "evidence.candidates.role": "base, checkpoint, alias",
    "evidence.candidates.versus_base.verdict": "better, worse, cant_tell",
    "evidence.candidates.versus_alias.verdict": "better, worse, cant_tell",
    "evidence.candidates.test_versus_base.verdict": "better, worse, cant_tell",
    "evidence.candidates.test_versus_alias.verdict": "better, worse, cant_tell",
    "evidence.candidates.natural_versus_base.verdict": "better, worse, cant_tell",
    "evidence.candidates.natural_versus_alias.verdict": "better, worse, cant_tell",
    "evidence.candidates.guards.against": "base, checkpoint, alias",
    "alias.moves.kind": "approved, rollback, emergency, restored",
    "proposal.state": "open, done, rejected, expired, superseded",
    "channel.mutes.scope": "channel, task, job",
    "digest.mutes.scope": "channel, task, job",
    "gate.state": "asked, running, done, refused, withdrawn",
    "gate.verdict.verdict": "better, worse, cant_tell",
    "schedule.state": "active, paused, ended",
    "schedule.suspicion.finding": "holds, worse, not_compared, not_measured",
    "schedule.measurements.finding": "holds, worse, not_compared, not_measured",
    "posting.kind": "card, curve, alert, status, summary, approval, "
    "approval_notice, digest, eval_card, eval_result, eval_report, eval_suspects, eval_export, schedule, "
    "measurement, answer",
    "audit.act": "launch, watch, pause, resume, cancel, approve, reject, override, "
    "settled, expired, invalidated, requested, alias_moved, rollback_proposed, emergency_rollback, reviewed, "
    "grade_reviewed, label_decided, scheduled, default",
}


def test_the_values_of_enums_inside_records_stay() -> None:
    """They are data: a member may be renamed or added, the value of one that was ever stored may not change."""
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        found |= enums_in(kind.type, kind.name)
    found |= enums_in(Posting, "posting") | {"audit.act": [str(act.value) for act in Act]}
    assert PostingKind.CARD.value in found["posting.kind"]
    lost = {path: set(values.split(", ")) - set(found.get(path, ())) for path, values in ENUM_VALUES.items()}
    assert not any(lost.values()), lost
    assert not found.keys() - ENUM_VALUES.keys()
