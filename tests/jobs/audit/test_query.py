"""Finding entries, and putting them into files."""

import csv
import io
import json

import pytest
from redis.asyncio import Redis

from jobs.audit.export import COLUMNS, head_of, line_of
from jobs.audit.query import Question, known_words, newest, read_since, read_word
from jobs.core.errors import InvalidRequest
from jobs.state.change import Change
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
    found = [entry async for _, entry in newest(store, Question(word, since))]
    return [f"{entry.act.value} {entry.subject}" for entry in found if entry]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("rft-new", ["alias_moved other@production", "approve rft-new", "launch rft-new"]),
        ("RFT-NEW", ["alias_moved other@production", "approve rft-new", "launch rft-new"]),
        (BOB, ["alias_moved other@production", "approve rft-new"]),
        ("acts", ["approve rft-new", "launch rft-new", "launch rft-old"]),
        ("other@production", ["alias_moved other@production"]),
        ("nothing", []),
    ],
)
async def test_entries_are_found_by_task_subject_person_and_what_they_name(
    store: Store, word: str, expected: list[str]
) -> None:
    await store.commit(Change(audit=ENTRIES))
    assert await asked(store, word) == expected


async def test_the_search_ends_where_it_was_told(store: Store) -> None:
    for number in range(3):
        await store.commit(Change(audit=tuple(AuditEntry(NOW + n, ALICE, Act.WATCH, "t", f"{n}") for n in range(600))))
        assert number < 3
    assert len(await asked(store)) == 1800
    assert await asked(store, since=4_000_000_000.0) == []


async def test_an_entry_nobody_can_read_is_not_left_out(redis: Redis, store: Store) -> None:
    await store.commit(Change(audit=ENTRIES[:1]))
    await redis.xadd("{proctor}:audit", {"entry": "{", "previous": FIRST, "hash": FIRST})
    found = [entry async for _, entry in newest(store, Question())]
    assert found == [None, ENTRIES[0]]
    assert await asked(store, "acts") == ["launch rft-old"]


async def test_every_word_that_could_be_meant_is_known(store: Store) -> None:
    await store.commit(Change(audit=ENTRIES))
    assert set(await known_words(store)) == {"acts", "other", "rft-new", "rft-old", "other@production", ALICE, BOB}


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
