"""What the trail says to who asks for it."""

import csv
import io
from typing import Any

import pytest
from redis.asyncio import Redis

from handlers.audit.commands import MOST_IN_ALL, SAID, entries_message, read_format, verified
from jobs.audit.query import Question
from jobs.core.errors import InvalidRequest
from jobs.state.change import Change
from jobs.trail.chain import FIRST
from jobs.trail.entry import ENTRY, Act, AuditEntry, SealedEntry
from jobs.trail.verify import Flaw, Verification
from tests.handlers.conftest import Scene
from tests.handlers.known_people import ALICE, BOB, CAROL, DAVE, RFT
from tests.story.colleagues import eventually

AT = 1_763_800_000.0
ENTRIES = (
    AuditEntry(AT, ALICE, Act.LAUNCH, "acts", "rft-one", where=RFT, details={"platform": "local"}),
    AuditEntry(AT + 1, BOB, Act.APPROVE, "acts", "rft-one", "=cmd|' /C calc'!A0 <!channel>", RFT, {"name": "step 45"}),
    AuditEntry(AT + 2, "proctor", Act.REVIEWED, "other", "other@production", "the emergency rollback was approved"),
)


async def ask(scene: Scene, text: str, words: str, user: str = "dave") -> str:
    known = len(await scene.workspace.whispers(user))
    await scene.workspace.type_command(user, "/proctor", text)
    return await scene.workspace.told(user, words, after=known)


async def test_the_newest_are_told_to_who_asks_and_strange_words_are_answered(scene: Scene) -> None:
    await ask(scene, "audit", "The audit trail says nothing.")
    await ask(scene, "audit verify", "The audit trail is empty.")
    await scene.store.commit(Change(audit=ENTRIES))
    await ask(scene, "audit", "Everything in the audit trail, newest first.")
    await ask(scene, "audit acts", "Everything in the audit trail about acts, newest first.")
    await ask(scene, "audit me", f"Everything in the audit trail about <@{BOB}>, newest first.", user="bob")
    await ask(scene, "audit act", "Nothing in the trail is about 'act'; did you mean 'acts'?")
    await ask(scene, "audit @bob", f"Everything in the audit trail about <@{BOB}>, newest first.")
    await ask(scene, "audit @bobby", "Name a person as a mention, by their member id, or as `me`.")
    await ask(scene, "audit since=soon", "`since=soon` does not work: give a span such as `7d`")
    await ask(scene, "audit format=exel", "`format=exel` does not work; known: jsonl, csv.")
    await ask(scene, "audit verify since=7d", "`/proctor audit verify` walks the whole trail")
    await ask(scene, "audit verify", "*The audit trail is sound*: 3 entries")
    assert await scene.workspace.messages() == []
    assert await scene.failures() == []


async def test_a_tampered_trail_is_called_so(scene: Scene, redis: Redis) -> None:
    await scene.store.commit(Change(audit=ENTRIES))
    await redis.xdel("{proctor}:audit", (await scene.store.trail())[1].id)
    told = await ask(scene, "audit verify", "*The audit trail was tampered with*")
    assert "entries right before it were removed or changed. The 1 entry before it is sound." in told


async def test_a_file_goes_to_who_asked_and_to_nobody_else(scene: Scene) -> None:
    await scene.store.commit(Change(audit=ENTRIES))
    await ask(scene, "audit rft-one format=csv", "The file is in your messages with me")

    async def file() -> dict[str, Any] | None:
        state = await scene.workspace._get("state")
        direct = [c["id"] for c in state["channels"] if c.get("is_im") and c.get("user") == "U0DAVE001"]
        for channel in direct:
            for message in (await scene.workspace._get(f"messages/{channel}"))["messages"]:
                for found in message.get("files") or []:
                    return dict(found)
        return None

    found = await eventually(file, "the file")
    assert found["name"] == "audit.csv"
    url = str(found["url_private"])
    async with scene.workspace.session.get(url, headers={"Authorization": "Bearer xoxb-local-proctor"}) as answer:
        rows = list(csv.DictReader(io.StringIO((await answer.read()).decode(), newline="")))
    assert [row["act"] for row in rows] == ["launch", "approve"]
    assert rows[1]["why"] == "'=cmd|' /C calc'!A0 <!channel>"
    assert await scene.workspace.messages() == []


def shown(entries: tuple[AuditEntry, ...], *, more: bool = False, question: Question | None = None) -> str:
    found = tuple((SealedEntry("1763800000000-0", "", FIRST, FIRST), entry) for entry in entries)
    message = entries_message(question or Question(), found, more=more)
    assert sum(len(str(block)) for block in message.blocks) < MOST_IN_ALL + 4000
    return "\n".join(str(block.get("text") or block.get("elements")) for block in message.blocks)


def test_an_entry_reads_as_a_sentence_and_hides_no_markup() -> None:
    words = shown(ENTRIES)
    assert f"<@{BOB}> approved step 45 of `rft-one` (acts), in <#{RFT}>: =cmd" in words
    assert "&lt;!channel&gt;" in words
    assert f"<@{ALICE}> launched `rft-one` (acts), on local, in <#{RFT}>" in words
    assert "proctor closed the review of `other@production`" in words


def test_a_move_says_where_to() -> None:
    details = {"alias": "acts@production", "job": "rft-one", "step": "45", "platform": "local"}
    words = shown((AuditEntry(AT, BOB, Act.ALIAS_MOVED, "acts", "acts@production", "better", RFT, details),))
    assert f"<@{BOB}> moved `acts@production` to step 45 of `rft-one`, on local, in <#{RFT}>: better" in words


@pytest.mark.parametrize(("who", "proposer"), [(CAROL, {"proposed_by": DAVE}), (DAVE, {})], ids=["now", "before"])
def test_a_move_back_names_who_proposed_and_who_approved_it_in_entries_of_before_too(
    who: str, proposer: dict[str, str]
) -> None:
    moved = {"alias": "acts@production", "job": "rft-one", "step": "96", "kind": "rollback", "proposal": "move-abc234"}
    details = {**moved, "approved_by": f"{BOB} {CAROL}", **proposer}
    words = shown((AuditEntry(AT, who, Act.ALIAS_MOVED, "acts", "acts@production", "worse", RFT, details),))
    assert (
        f"<@{CAROL}> moved `acts@production` back to step 96 of `rft-one`, proposed by <@{DAVE}>, approved by <@{BOB}> "
        f"and <@{CAROL}>, proposal move-abc234, in <#{RFT}>: worse"
    ) in words


def test_every_act_can_be_said() -> None:
    for act in Act:
        assert f"{SAID[act]} `s`" in shown((AuditEntry(AT, ALICE, act, "", "s"),))


def test_long_entries_are_cut_and_the_rest_is_left_to_the_file() -> None:
    long = tuple(AuditEntry(AT, ALICE, Act.REJECT, "acts", f"rft-{n}", "x" * 5000) for n in range(20))
    assert "The newest 20 in the audit trail since then" in shown(long, more=True, question=Question(since=1.0))
    longer = tuple(AuditEntry(AT, ALICE, Act.REJECT, "t" * 900, f"rft-{n}", "x" * 300) for n in range(20))
    assert "The newest 20" not in shown(longer)


def test_an_entry_that_cannot_be_read_is_said_to_be() -> None:
    message = entries_message(Question(), ((SealedEntry("1763800000000-0", "{", FIRST, FIRST), None),), more=False)
    assert "An entry that cannot be read" in str(message.blocks)


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        (Flaw.CHANGED, "it was changed, or sealed with another key"),
        (Flaw.INSERTED, "was put in afterwards"),
        (Flaw.CUT, "after 2 entries the newest ones are missing"),
        (Flaw.NOT_NOTED, "none of 2 entries has the hash you noted"),
    ],
)
def test_each_flaw_is_told_in_words(flaw: Flaw, words: str) -> None:
    entry = SealedEntry("1763800000000-0", ENTRY.dump_json(ENTRIES[0]).decode(), FIRST, FIRST)
    named = entry if flaw in {Flaw.CHANGED, Flaw.INSERTED} else None
    assert words in verified(Verification(2, FIRST, AT, unkeyed=1, flaw=flaw, entry=named))


def test_entries_from_before_the_key_are_told_of() -> None:
    assert "The first 3 carry no seal by AUDIT_KEY" in verified(Verification(5, FIRST, AT, unkeyed=3))


def test_formats_are_read_whatever_their_letters() -> None:
    assert read_format("CSV") == "csv"
    with pytest.raises(InvalidRequest, match="did you mean 'jsonl'"):
        read_format("json")
