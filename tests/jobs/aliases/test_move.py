"""Pointing an alias at what was approved: who may, at what, and what becomes of two at once."""

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from jobs.aliases.records import Alias, MoveKind, alias_of, read_alias
from jobs.approvals.records import Ending, Settlement
from jobs.core.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from jobs.core.records import ApprovalPolicy
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Role
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from tests.jobs.aliases.team import PRODUCTION, Team, approval_of
from tests.records import ALICE, BOB, CAROL, DAVE, a_job


@pytest.fixture
def team(store: Store) -> Team:
    return Team(store)


async def test_an_approved_checkpoint_is_pointed_at_and_everybody_hears_of_it(team: Team, redis: Redis) -> None:
    await team.approved("rft-first")
    moved = await team.aliases.move("rft-first", "production", BOB, "best F1 we had", seen={})

    assert moved.is_new
    current = moved.alias.current
    assert (moved.alias.name, moved.alias.version, moved.alias.model) == (PRODUCTION, 1, "ft:rft-first:45")
    assert (current.kind, current.by, current.approved_by) == (MoveKind.APPROVED, BOB, (BOB, CAROL))
    # What production reads of Redis by itself changes with it.
    assert await redis.get("{proctor}:model:acts@production") == "ft:rft-first:45"
    assert await team.store.model_of(PRODUCTION) == "ft:rft-first:45"
    entry = (await team.store.trail())[-1].entry
    assert (entry.act, entry.who, entry.subject, entry.why) == ("alias_moved", BOB, PRODUCTION, "best F1 we had")
    assert entry.details["model"] == "ft:rft-first:45"
    assert "proposed_by" not in entry.details
    told = await redis.hget("{proctor}:posting:alias:acts@production:1", "value")
    assert told
    assert "moved acts@production: it now points at step 45 of rft-first (it is new). Reason: best F1" in told
    assert '"broadcast":true' in told


async def test_the_next_one_says_where_it_pointed_before(team: Team, redis: Redis) -> None:
    alias = await team.moved("rft-first", "rft-second")
    assert alias.version == 2
    told = await redis.hget("{proctor}:posting:alias:acts@production:2", "value")
    assert told
    assert "points at step 20 of rft-second (was step 10 of rft-first)" in told


async def test_of_two_who_click_at_once_one_moves_it_and_both_are_answered(team: Team, store: Store) -> None:
    await team.approved("rft-first")
    everybody = [Team(store, team.group).aliases for _ in range(10)]
    answers = await asyncio.gather(
        *(one.move("rft-first", "production", (BOB, CAROL)[n % 2], "now", seen={}) for n, one in enumerate(everybody))
    )
    assert sum(answer.is_new for answer in answers) == 1
    assert {answer.alias.version for answer in answers} == {1}
    assert len(await store.trail()) == 1


async def test_a_form_opened_before_somebody_elses_move_moves_nothing(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    await team.approved("rft-third")
    with pytest.raises(Conflict, match="was moved meanwhile: it points at step 20 of rft-second now"):
        await team.aliases.move("rft-third", "production", BOB, "the third", seen={PRODUCTION: 1})
    assert (await team.aliases.named(PRODUCTION)).version == 2


@pytest.mark.parametrize(
    ("user", "self_approval", "sentence"),
    [
        (DAVE, False, "you are not among them"),
        (ALICE, False, "You launched this job"),
        (ALICE, True, None),
        (DAVE, True, "you are not among them"),
        (CAROL, False, None),
    ],
)
async def test_only_entitled_approvers_move_it(
    team: Team, user: str, self_approval: bool, sentence: str | None
) -> None:
    await team.approved("rft-first", policy=ApprovalPolicy(self_approval=self_approval))
    if sentence is None:
        assert (await team.aliases.move("rft-first", "production", user, "now", seen={})).is_new
        return
    with pytest.raises(NotAllowed, match=sentence):
        await team.aliases.move("rft-first", "production", user, "now", seen={})
    assert await team.store.model_of(PRODUCTION) is None


@pytest.mark.parametrize("ending", [None, Ending.REJECTED, Ending.EXPIRED])
async def test_what_is_not_approved_cannot_be_pointed_at(team: Team, ending: Ending | None) -> None:
    job = a_job(id="rft-open")
    settled = Settlement(ending, "", 1.0) if ending else None
    approval = replace(approval_of(await team.approved("rft-first")), subject="rft-open", settled=settled)
    await team.store.commit(
        Change(
            records=(Versioned(job, 0), Versioned(approval, 0)),
        )
    )
    with pytest.raises(Conflict, match="No checkpoint of rft-open is approved now"):
        await team.aliases.move("rft-open", "production", BOB, "now", seen={})
    with pytest.raises(NotFound):
        await team.aliases.move("rft-gone", "production", BOB, "now", seen={})


@pytest.mark.parametrize(("digest", "may"), [("d1", True), ("d2", False), (None, False)])
async def test_the_evidence_must_be_what_it_was_approved_on(team: Team, digest: str | None, may: bool) -> None:
    job = a_job(id="rft-first", checkpoints=(a_job().checkpoints))
    job = replace(await team.approved("rft-other"), id="rft-first", checkpoints=job.checkpoints)
    approval = replace(approval_of(await team.approved("rft-third")), subject="rft-first", evidence={"ckpt-45": "d1"})
    rows = (Candidate(Role.CHECKPOINT, "m", "step 45", checkpoint="ckpt-45", digest=digest),) if digest else ()
    state = EvidenceState.READY if digest else EvidenceState.GATHERING
    evidence = Evidence("rft-first", state, ("ckpt-45",), 1.0, 3, candidates=rows)
    await team.store.commit(
        Change(
            records=(Versioned(job, 0), Versioned(approval, 0), Versioned(evidence, 0)),
        )
    )
    if may:
        assert (await team.aliases.move("rft-first", "production", BOB, "now", seen={})).is_new
        return
    with pytest.raises(Conflict, match="The evidence for rft-first has changed since it was approved"):
        await team.aliases.move("rft-first", "production", BOB, "now", seen={})


async def test_an_approval_that_is_renewed_in_the_same_moment_wins(team: Team) -> None:
    await team.approved("rft-first")
    movable = await team.aliases.movable("rft-first", BOB)
    reopened = replace(movable.approval, settled=None, decisions=())
    await team.store.commit(Change(records=(Versioned(reopened, movable.held.version),)))
    with pytest.raises(Conflict, match="No checkpoint of rft-first is approved now"):
        await team.aliases.move("rft-first", "production", BOB, "now", seen={})


async def test_a_task_may_have_several_aliases(team: Team) -> None:
    await team.moved("rft-first")
    assert (await team.aliases.move("rft-first", "acts@canary", BOB, "a tenth of the traffic", seen={})).is_new
    assert [alias.name for alias in await team.aliases.every()] == ["acts@canary", PRODUCTION]
    movable = await team.aliases.movable("rft-first", CAROL)
    assert movable.usual == PRODUCTION
    assert [alias.name for alias in movable.aliases] == ["acts@canary", PRODUCTION]
    with pytest.raises(NotFound, match="There is no alias 'acts@prodction'; did you mean 'acts@production'"):
        await team.aliases.named("acts@prodction")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("other@production", "'other@production' is not an alias of acts"),
        ("Production!", "cannot be the name of an alias"),
        ("", "cannot be the name of an alias"),
        ("x" * 41, "cannot be the name of an alias"),
    ],
)
def test_names_that_do_not_do_are_answered_in_words(typed: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        read_alias(typed, "acts")


def test_a_task_whose_name_does_not_suit_an_address_is_spelt_with_dashes() -> None:
    assert alias_of(a_job(task="our acts: v2/final")) == "our-acts-v2-final@production"
    assert alias_of(a_job(task="::")) == "task@production"
    assert read_alias(" our-acts@canary ", "our acts") == "our-acts@canary"


async def test_moves_are_read_back_as_they_were_written(team: Team) -> None:
    alias = await team.moved("rft-first", "rft-second")
    held = await team.store.record(Alias, PRODUCTION)
    assert held is not None
    assert held.value == alias
    assert held.value.move(1).target.job == "rft-first"
