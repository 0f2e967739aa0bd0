"""Whoever changes, removes or puts in an entry of the trail is found out, and where."""

from typing import cast

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.state.change import Change
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.chain import FIRST, hash_of
from jobs.trail.entry import ENTRY, Act, AuditEntry
from jobs.trail.verify import Flaw, Verification, verify
from tests.records import ALICE

AUDIT, HEAD = "{proctor}:audit", "{proctor}:audit:head"
KEY = b"a key that only the bot has"
Kept = list[tuple[str, dict[str, str]]]


def an_entry(number: int, why: str = "") -> AuditEntry:
    return AuditEntry(1_763_800_000.0 + number, ALICE, Act.LAUNCH, "acts", f"rft-{number}", why)


async def write(redis: Redis, key: bytes, numbers: range) -> Store:
    store = Store(Connection(redis), KINDS, key)
    for number in numbers:
        await store.commit(Change(audit=(an_entry(number),)))
    return store


async def kept(redis: Redis) -> Kept:
    return cast("Kept", await redis.xrange(AUDIT))


async def rewrite(redis: Redis, entries: Kept) -> None:
    """Put other entries in the place of the trail, as somebody with a client of Redis can."""
    await redis.delete(AUDIT)
    for entry_id, fields in entries:
        await add(redis, fields, entry_id)


async def add(redis: Redis, fields: dict[str, str], entry_id: str = "*") -> None:
    parts = (part for pair in fields.items() for part in pair)
    await redis.execute_command("XADD", AUDIT, entry_id, *parts)  # type: ignore[no-untyped-call] # redis leaves it so


def forged(text: str, previous: str, key: bytes = b"") -> dict[str, str]:
    return {"entry": text, "previous": previous, "hash": hash_of(text, previous, key)}


@pytest.fixture(params=[b"", KEY], ids=["without a key", "with a key"])
def key(request: pytest.FixtureRequest) -> bytes:
    return cast("bytes", request.param)


async def test_a_sound_trail_is_counted_and_its_newest_hash_told(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(7))
    found = await verify(store, key)
    newest = (await store.trail())[-1]
    assert found == Verification(7, newest.hash, newest.written_at)
    assert (await verify(store, key, noted=newest.hash.upper())).flaw is None
    await write(redis, key, range(7, 9))
    assert (await verify(store, key, noted=newest.hash)).flaw is None


async def test_an_empty_trail_is_sound(store: Store) -> None:
    assert await verify(store, KEY) == Verification(0, FIRST)


async def test_a_removed_entry_is_missed(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(7))
    entries = await kept(redis)
    await redis.xdel(AUDIT, entries[3][0])
    found = await verify(store, key)
    assert (found.flaw, found.count) == (Flaw.MISSING, 3)
    assert found.entry is not None
    assert found.entry.entry.subject == "rft-4"


async def test_the_first_entry_is_missed_too(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(3))
    await redis.xdel(AUDIT, (await kept(redis))[0][0])
    assert (await verify(store, key)).flaw is Flaw.MISSING


async def test_entries_removed_at_the_end_are_missed(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(7))
    noted = (await store.trail())[-1].hash
    entries = await kept(redis)
    await redis.xdel(AUDIT, entries[5][0], entries[6][0])
    assert (await verify(store, key)).flaw is Flaw.CUT
    # Whoever knows the layout makes the end look whole; the hash that was noted elsewhere tells all the same.
    await redis.hset(HEAD, mapping={"hash": entries[4][1]["hash"]})
    assert (await verify(store, key)).flaw is None
    assert (await verify(store, key, noted=noted)).flaw is Flaw.NOT_NOTED
    await redis.delete(HEAD)
    assert (await verify(store, key)).flaw is Flaw.CUT


@pytest.mark.parametrize("place", [0, 3, 6])
async def test_a_changed_entry_is_named(redis: Redis, key: bytes, place: int) -> None:
    store = await write(redis, key, range(7))
    entries = await kept(redis)
    entries[place][1]["entry"] = entries[place][1]["entry"].replace(ALICE, "U0MALLORY")
    await rewrite(redis, entries)
    found = await verify(store, key)
    assert (found.flaw, found.count) == (Flaw.CHANGED, place)
    assert found.entry is not None
    assert found.entry.entry.who == "U0MALLORY"


async def test_an_entry_made_unreadable_is_named_as_well(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(3))
    entries = await kept(redis)
    await rewrite(redis, [entries[0], (entries[1][0], {"other": "field"}), entries[2]])
    found = await verify(store, key)
    assert (found.flaw, found.count) == (Flaw.CHANGED, 1)


async def test_an_entry_changed_and_sealed_anew_is_found_through_the_next(redis: Redis) -> None:
    store = await write(redis, b"", range(7))
    entries = await kept(redis)
    text = ENTRY.dump_json(an_entry(3, why="something else")).decode()
    entries[3] = (entries[3][0], forged(text, entries[3][1]["previous"]))
    await rewrite(redis, entries)
    found = await verify(store, b"")
    assert (found.flaw, found.count) == (Flaw.MISSING, 4)


async def test_a_whole_trail_sealed_anew_needs_the_key(redis: Redis) -> None:
    store = await write(redis, KEY, range(4))
    noted = (await store.trail())[-1].hash
    entries, previous = await kept(redis), FIRST
    for place, (entry_id, fields) in enumerate(entries):
        entries[place] = (entry_id, forged(fields["entry"].replace(ALICE, "U0MALLORY"), previous))
        previous = entries[place][1]["hash"]
    await rewrite(redis, entries)
    await redis.hset(HEAD, mapping={"hash": previous})
    found = await verify(store, KEY)
    assert found.unkeyed == 4, "entries without the key's seal are never passed over in silence"
    assert (await verify(store, KEY, noted=noted)).flaw is Flaw.NOT_NOTED
    assert (await verify(store, b"")).flaw is None
    assert (await verify(store, b"", noted=noted)).flaw is Flaw.NOT_NOTED


async def test_an_entry_put_in_between_is_named(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(7))
    entries = await kept(redis)
    text = ENTRY.dump_json(an_entry(99)).decode()
    fields = [kept_as for _, kept_as in entries]
    fields.insert(3, forged(text, entries[2][1]["hash"]))
    await rewrite(redis, [(f"1763800000000-{number}", each) for number, each in enumerate(fields)])
    found = await verify(store, key)
    assert (found.flaw, found.count if key else 3) == (Flaw.INSERTED, 3)
    assert found.entry is not None
    assert found.entry.entry.subject == "rft-99"


async def test_an_entry_that_was_copied_to_the_end_is_named(redis: Redis, key: bytes) -> None:
    store = await write(redis, key, range(4))
    copied = (await kept(redis))[1][1]
    await add(redis, copied)
    found = await verify(store, key)
    assert (found.flaw, found.count) == (Flaw.INSERTED, 4)
    # Taken away from its place and put to the end, it is first missed there.
    await redis.xdel(AUDIT, (await kept(redis))[1][0])
    assert (await verify(store, key)).flaw is Flaw.MISSING


async def test_a_key_that_was_set_later_leaves_what_was_before_and_says_so(redis: Redis) -> None:
    await write(redis, b"", range(3))
    store = await write(redis, KEY, range(3, 5))
    found = await verify(store, KEY)
    assert (found.flaw, found.count, found.unkeyed) == (None, 5, 3)
    assert (await verify(store, b"another key")).flaw is Flaw.CHANGED
    # Once a sealed entry stands, none without the seal may follow.
    entries = await kept(redis)
    text = ENTRY.dump_json(an_entry(9)).decode()
    await add(redis, forged(text, entries[-1][1]["hash"]))
    assert (await verify(store, KEY)).flaw is Flaw.CHANGED


async def test_long_trails_are_walked_page_by_page(redis: Redis) -> None:
    store = Store(Connection(redis), KINDS, KEY)
    for start in range(0, 2500, 500):
        await store.commit(Change(audit=tuple(an_entry(n) for n in range(start, start + 500))))
    assert (await verify(store, KEY)).count == 2500
    await redis.xdel(AUDIT, (await store.trail(limit=2000))[-1].id)
    found = await verify(store, KEY)
    assert (found.flaw, found.count) == (Flaw.MISSING, 1999)
