"""Finding entries, and putting them into files."""

import csv
import io
import json

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.audit.export import COLUMNS, head_of, line_of
from jobs.audit.query import AuditTrail, Question, read_since, read_word
from jobs.core.errors import InvalidRequest, NotFound
from jobs.state.change import Change
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.trail.chain import FIRST, hash_of, sealed
from jobs.trail.entry import Act, AuditEntry, SealedEntry
from tests.records import ALICE, BOB

NOW = 1_763_800_000.0
ENTRIES = (
    AuditEntry(NOW - 900_000, ALICE, Act.LAUNCH, "acts", "rft-old"),
    AuditEntry(NOW - 300, ALICE, Act.LAUNCH, "acts", "rft-new", where="C0RFT"),
    AuditEntry(NOW - 200, BOB, Act.APPROVE, "acts", "rft-new", "good"),
    AuditEntry(NOW - 100, BOB, Act.ALIAS_MOVED, "other", "other@production", details={"job": "rft-new"}),
)


async def asked(store: Store, word: str = "", since: float | None = None) -> list[str]:
    found, _ = await AuditTrail(store, b"", lambda: NOW).newest(Question(word, since), 100)
    return [f"{entry.act.value} {entry.subject}" for _, entry in found if entry]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("rft-new", ["alias_moved other@production", "approve rft-new", "launch rft-new"]),
        ("RFT-NEW", ["alias_moved other@production", "approve rft-new", "launch rft-new"]),
        (BOB, ["alias_moved other@production", "approve rft-new"]),
        ("acts", ["approve rft-new", "launch rft-new", "launch rft-old"]),
        ("other@production", ["alias_moved other@production"]),
    ],
)
async def test_entries_are_found_by_task_subject_person_and_what_they_name(
    store: Store, word: str, expected: list[str]
) -> None:
    await store.commit(Change(audit=ENTRIES))
    assert await asked(store, word) == expected


async def test_the_newest_are_told_and_whether_there_are_more(store: Store) -> None:
    await store.commit(Change(audit=ENTRIES))
    trail = AuditTrail(store, b"", lambda: NOW)
    found, more = await trail.newest(Question("acts"), 2)
    assert ([entry for _, entry in found], more) == ([ENTRIES[2], ENTRIES[1]], True)
    found, more = await trail.newest(Question(), 4)
    assert ([entry for _, entry in found], more) == (list(reversed(ENTRIES)), False)
    assert await asked(store, "acts", since=4_000_000_000.0) == []
    assert await asked(store, since=4_000_000_000.0) == []


class CountingStore(Store):
    """A store that counts the entries of the trail that are read."""

    entries = 0

    async def trail(self, after: str = "-", limit: int = 1000) -> tuple[SealedEntry, ...]:
        return self._counted(await super().trail(after, limit))

    async def trail_backwards(self, limit: int) -> tuple[SealedEntry, ...]:
        return self._counted(await super().trail_backwards(limit))

    async def trail_about(self, word: str, limit: int) -> tuple[SealedEntry, ...]:
        return self._counted(await super().trail_about(word, limit))

    def _counted(self, page: tuple[SealedEntry, ...]) -> tuple[SealedEntry, ...]:
        self.entries += len(page)
        return page


async def test_no_more_of_a_long_trail_is_read_than_is_shown(redis: Redis) -> None:
    store = CountingStore(Connection(redis), KINDS)
    await store.commit(Change(audit=ENTRIES))
    for page in range(4):
        crowd = (AuditEntry(NOW + n, ALICE, Act.WATCH, "t", f"rft-{page}-{n}") for n in range(1_000))
        await store.commit(Change(audit=tuple(crowd)))
    trail = AuditTrail(store, b"", lambda: NOW)
    with pytest.raises(NotFound, match="Nothing in the trail is about 'rft-nw'; did you mean 'rft-new'"):
        await trail.newest(Question("rft-nw"), 20)
    assert store.entries == 0, "a word that never occurs"
    found, more = await trail.newest(Question("rft-old"), 20)
    assert ([entry for _, entry in found], more, store.entries) == ([ENTRIES[0]], False, 1)
    assert (await trail.newest(Question(ALICE), 20))[1]
    assert (await trail.newest(Question(), 20))[1]
    assert store.entries == 1 + 21 + 21
    assert len([line async for line in trail.lines(Question(ALICE), "jsonl")]) == 1 + 4_002
    assert (await trail.verify()).count == 4_004


async def test_an_entry_nobody_can_read_is_not_left_out(redis: Redis, store: Store) -> None:
    await store.commit(Change(audit=ENTRIES[:1]))
    await redis.xadd("{proctor}:audit", {"entry": "{", "previous": FIRST, "hash": FIRST})
    found, _ = await AuditTrail(store, b"", lambda: NOW).newest(Question(), 9)
    assert [entry for _, entry in found] == [None, ENTRIES[0]]
    assert await asked(store, "acts") == ["launch rft-old"]


async def test_every_word_that_could_be_meant_is_known(store: Store) -> None:
    await store.commit(Change(audit=ENTRIES))
    known = {"acts", "other", "rft-new", "rft-old", "other@production", ALICE, BOB}
    assert set(await store.trail_words()) == known
    with pytest.raises(NotFound, match=r"Nothing in the trail is about '@nobody'; .*Name a person as a mention"):
        await asked(store, "@nobody")


@pytest.mark.parametrize(
    ("typed", "seconds"), [("7d", 604_800), ("12h", 43_200), ("2W", 1_209_600), ("30m", 1_800), ("0d", 0)]
)
def test_spans_of_time(typed: str, seconds: float) -> None:
    assert read_since(typed, NOW) == NOW - seconds


def test_days_and_what_is_neither() -> None:
    assert read_since("2025-11-01", NOW) == 1_761_955_200.0
    with pytest.raises(InvalidRequest, match="`since=2999-01-01` lies ahead"):
        read_since("2999-01-01", NOW)
    for wrong in ("yesterday", "7", "2025-13-01", "d", ""):
        with pytest.raises(InvalidRequest, match="give a span such as `7d` or `12h`, or a day"):
            read_since(wrong, NOW)


def test_people_are_named_by_mention_or_as_me() -> None:
    assert read_word("<@U0BOB|bob>", ALICE) == "U0BOB"
    assert read_word("<@U0BOB>", ALICE) == "U0BOB"
    assert read_word("Me", ALICE) == ALICE
    assert read_word("acts", ALICE) == "acts"


def as_sealed(entry: AuditEntry, key: bytes = b"") -> SealedEntry:
    (kept,) = sealed((entry,), FIRST, key)
    return SealedEntry("1763800000000-0", *kept)


@pytest.mark.parametrize(
    "why", ['=cmd|" /C calc"!A0', "+1", "-1", "@SUM(A1)", "\tx", "\rx", "  =1+1", '=HYPERLINK("http://x")']
)
def test_nothing_in_the_csv_is_computed_by_a_spreadsheet(why: str) -> None:
    line = line_of(as_sealed(AuditEntry(NOW, ALICE, Act.REJECT, "acts", "rft-1", why)), "csv")
    (cells,) = csv.reader(io.StringIO(line, newline=""))
    assert cells[COLUMNS.index("why")] == f"'{why}"
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)


def test_csv_cells_keep_line_breaks_quotes_and_commas() -> None:
    why = 'two\nlines, with "quotes"'
    text = head_of("csv") + line_of(as_sealed(AuditEntry(NOW, ALICE, Act.REJECT, "acts", "rft-1", why)), "csv")
    head, cells = csv.reader(io.StringIO(text, newline=""))
    assert tuple(head) == COLUMNS
    assert cells[COLUMNS.index("why")] == why
    assert cells[COLUMNS.index("time")] == "2025-11-22T08:26:40.000Z"


def test_json_lines_can_be_verified_by_themselves() -> None:
    plain = json.loads(line_of(as_sealed(ENTRIES[3], b"key"), "jsonl"))
    assert plain["entry"]["act"] == "alias_moved"
    assert plain["entry"]["details"] == {"job": "rft-new"}
    assert hash_of(plain["text"], plain["previous"], b"key") == plain["hash"]
    assert head_of("jsonl") == ""


def test_an_unreadable_entry_is_exported_as_it_is() -> None:
    broken = SealedEntry("1763800000000-0", "=oops", FIRST, FIRST)
    assert json.loads(line_of(broken, "jsonl"))["entry"] is None
    (cells,) = csv.reader(io.StringIO(line_of(broken, "csv"), newline=""))
    assert cells[COLUMNS.index("details")] == "'=oops"
