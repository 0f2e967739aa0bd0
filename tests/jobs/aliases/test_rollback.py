"""Going back: proposed and approved, or in an emergency and reviewed afterwards."""

import asyncio

import pytest
from redis.asyncio import Redis

from jobs.aliases.records import MoveKind, ProposalState, undone_by_rollback
from jobs.approvals.records import DAY, Approval, Ending, Verdict
from jobs.approvals.rules import Outcome
from jobs.core.errors import Conflict, NotAllowed, NotFound
from jobs.core.ids import proposal_item
from jobs.state.store import Store
from tests.jobs.aliases.team import PRODUCTION, Team
from tests.records import ALICE, BOB, CAROL, DAVE
from tests.working import planned_work


@pytest.fixture
def team(store: Store) -> Team:
    return Team(store)


async def test_a_rollback_moves_by_itself_once_it_is_approved(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    asked = await team.rollbacks.begin(PRODUCTION, DAVE, "it answers in Latin", "t1")
    assert (asked.leaves.target.job, asked.returns_to.target.job) == ("rft-second", "rft-first")
    assert asked.approval.quorum == 2
    assert (await team.decide(asked.proposal.id, BOB)).outcome is Outcome.RECORDED
    await team.turn(asked.proposal.id)
    assert await team.store.model_of(PRODUCTION) == "ft:rft-second:20"

    assert (await team.decide(asked.proposal.id, CAROL)).outcome is Outcome.SETTLED
    # The decision that settles it has its turn come at once.
    assert (await planned_work(team.store))[proposal_item(asked.proposal.id)] <= 0.0
    await team.turn(asked.proposal.id)
    await team.turn(asked.proposal.id)

    alias = await team.aliases.named(PRODUCTION)
    assert alias.version == 3
    assert (alias.current.kind, alias.current.by, alias.current.approved_by) == (MoveKind.ROLLBACK, DAVE, (BOB, CAROL))
    assert alias.proposal is None
    assert await team.store.model_of(PRODUCTION) == "ft:rft-first:10"
    assert (await team.proposal(asked.proposal.id)).state is ProposalState.DONE
    assert proposal_item(asked.proposal.id) not in await planned_work(team.store)
    acts = [act for act, _, _ in await team.trail()]
    assert acts[2:4] == ["rollback_proposed", "requested"]
    assert acts[-1] == "alias_moved"
    # Whoever's vote settled it has moved it; who proposed and who approved it is with the entry of the alias.
    (newest,) = await team.store.trail_about(PRODUCTION, 1)
    entry = newest.entry
    assert (entry.act, entry.who, entry.subject, entry.why) == ("alias_moved", CAROL, PRODUCTION, "it answers in Latin")
    assert (entry.details["proposed_by"], entry.details["approved_by"]) == (DAVE, f"{BOB} {CAROL}")
    assert newest in await team.store.trail_about(DAVE, 9)


async def test_a_rollback_is_an_undo(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    await rolled_back(team)
    with pytest.raises(Conflict, match="points at step 10 of rft-first, and there is no approved model before that"):
        await team.rollbacks.begin(PRODUCTION, DAVE, "again", "t2")
    await team.approved("rft-third", step=30)
    await team.aliases.move("rft-third", "production", BOB, "the third", seen={PRODUCTION: 3})
    again = await team.rollbacks.begin(PRODUCTION, DAVE, "again", "t3")
    assert again.returns_to.target.job == "rft-first"


async def rolled_back(team: Team) -> None:
    asked = await team.rollbacks.begin(PRODUCTION, DAVE, "worse", "t1")
    await team.decide(asked.proposal.id, BOB)
    await team.decide(asked.proposal.id, CAROL)
    await team.turn(asked.proposal.id)


async def test_a_rejected_rollback_leaves_it_where_it_is(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    asked = await team.rollbacks.begin(PRODUCTION, DAVE, "worse", "t1")
    with pytest.raises(Conflict, match=f"is already waiting for decisions: {asked.proposal.id}"):
        await team.rollbacks.begin(PRODUCTION, BOB, "worse", "t2")
    await team.decide(asked.proposal.id, CAROL, Verdict.REJECT)
    await team.turn(asked.proposal.id)
    alias = await team.aliases.named(PRODUCTION)
    assert (alias.version, alias.proposal) == (2, None)
    assert (await team.proposal(asked.proposal.id)).state is ProposalState.REJECTED
    assert (await team.rollbacks.begin(PRODUCTION, BOB, "much worse", "t3")).proposal.state is ProposalState.OPEN


async def test_nobody_decides_on_what_they_proposed_themselves(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    asked = await team.rollbacks.begin(PRODUCTION, CAROL, "worse", "t1")
    assert (await team.decide(asked.proposal.id, CAROL)).outcome is Outcome.OWN_JOB
    assert (await team.decide(asked.proposal.id, DAVE)).outcome is Outcome.NOT_APPROVER


async def test_one_that_nobody_settles_lapses(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    asked = await team.rollbacks.begin(PRODUCTION, DAVE, "worse", "t1")
    team.clock.now += 8 * DAY
    assert (await team.decide(asked.proposal.id, BOB)).outcome is Outcome.EXPIRED
    await team.turn(asked.proposal.id)
    assert (await team.proposal(asked.proposal.id)).state is ProposalState.EXPIRED
    assert (await team.aliases.named(PRODUCTION)).proposal is None


async def test_a_proposal_is_void_once_the_alias_moves_elsewhere(team: Team, redis: Redis) -> None:
    await team.moved("rft-first", "rft-second")
    asked = await team.rollbacks.begin(PRODUCTION, DAVE, "worse", "t1")
    await team.decide(asked.proposal.id, BOB)
    await team.approved("rft-third", step=30)
    moved = await team.aliases.move("rft-third", "production", BOB, "a better one", seen={PRODUCTION: 2})
    assert moved.alias.proposal is None
    await team.turn(asked.proposal.id)
    assert (await team.proposal(asked.proposal.id)).state is ProposalState.SUPERSEDED
    assert (await team.decide(asked.proposal.id, CAROL)).outcome is not Outcome.SETTLED
    assert (await team.aliases.named(PRODUCTION)).version == 3
    # Its own message says why it is over; nothing says that its time was.
    assert not await redis.exists(f"{{proctor}}:posting:approval:{asked.proposal.id}:1:expired")


async def test_the_same_request_delivered_twice_proposes_once(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    both = await asyncio.gather(*(team.rollbacks.begin(PRODUCTION, DAVE, "worse", "t1") for _ in range(5)))
    assert len({each.proposal.id for each in both}) == 1
    assert [act for act, _, _ in await team.trail()].count("rollback_proposed") == 1


async def test_an_emergency_delivered_twice_is_one(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    both = await asyncio.gather(
        *(team.rollbacks.begin(PRODUCTION, BOB, "it leaks", "t1", emergency=True) for _ in range(5))
    )
    assert len({each.proposal.id for each in both}) == 1
    assert (await team.aliases.named(PRODUCTION)).version == 3


async def test_in_an_emergency_one_approver_suffices_and_a_quorum_confirms(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    with pytest.raises(NotAllowed, match="Only an approver of this task can roll back without approval"):
        await team.rollbacks.begin(PRODUCTION, DAVE, "it leaks", "t0", emergency=True)
    done = await team.rollbacks.begin(PRODUCTION, ALICE, "it leaks", "t1", emergency=True)
    again = await team.rollbacks.begin(PRODUCTION, ALICE, "it leaks", "t1", emergency=True)
    assert again.proposal == done.proposal
    assert await team.store.model_of(PRODUCTION) == "ft:rft-first:10"
    assert done.alias.current.kind is MoveKind.EMERGENCY
    assert ("emergency_rollback", ALICE, PRODUCTION) in await team.trail()

    assert (await team.decide(done.proposal.id, ALICE)).outcome is Outcome.OWN_JOB
    await team.decide(done.proposal.id, BOB)
    await team.decide(done.proposal.id, CAROL)
    await team.turn(done.proposal.id)
    alias = await team.aliases.named(PRODUCTION)
    assert (alias.version, alias.proposal) == (3, None)
    assert (await team.proposal(done.proposal.id)).state is ProposalState.DONE
    assert ("reviewed", "proctor", PRODUCTION) in await team.trail()


async def test_a_review_that_rejects_it_takes_the_alias_forward_again(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    done = await team.rollbacks.begin(PRODUCTION, ALICE, "it leaks", "t1", emergency=True)
    await team.decide(done.proposal.id, BOB, Verdict.REJECT)
    await team.turn(done.proposal.id)
    alias = await team.aliases.named(PRODUCTION)
    assert (alias.version, alias.model) == (4, "ft:rft-second:20")
    assert (alias.current.kind, alias.current.by) == (MoveKind.RESTORED, BOB)
    assert await team.store.model_of(PRODUCTION) == "ft:rft-second:20"
    previous = undone_by_rollback(alias)
    assert previous is not None
    assert previous.target.job == "rft-first"


async def test_an_emergency_overtakes_a_proposal_that_waits(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    asked = await team.rollbacks.begin(PRODUCTION, DAVE, "worse", "t1")
    done = await team.rollbacks.begin(PRODUCTION, BOB, "it leaks", "t2", emergency=True)
    await team.turn(asked.proposal.id)
    assert (await team.proposal(asked.proposal.id)).state is ProposalState.SUPERSEDED
    alias = await team.aliases.named(PRODUCTION)
    assert alias.proposal == done.proposal.id
    with pytest.raises(Conflict, match="no approved model before that"):
        await team.rollbacks.begin(PRODUCTION, BOB, "further", "t3", emergency=True)


async def test_a_review_nobody_gives_leaves_the_rollback_standing(team: Team) -> None:
    await team.moved("rft-first", "rft-second")
    done = await team.rollbacks.begin(PRODUCTION, BOB, "it leaks", "t1", emergency=True)
    team.clock.now += 8 * DAY
    held = await team.store.record(Approval, done.proposal.id)
    assert held is not None
    assert (await team.decide(done.proposal.id, CAROL)).approval.settled is not None
    await team.turn(done.proposal.id)
    assert (await team.proposal(done.proposal.id)).state is ProposalState.EXPIRED
    assert (await team.aliases.named(PRODUCTION)).current.kind is MoveKind.EMERGENCY
    settled = await team.store.record(Approval, done.proposal.id)
    assert settled is not None
    assert settled.value.settled is not None
    assert settled.value.settled.ending is Ending.EXPIRED


async def test_what_is_not_there_is_said_with_the_nearest(team: Team) -> None:
    await team.moved("rft-first")
    with pytest.raises(NotFound, match="There is no alias 'acts@productoin'; did you mean 'acts@production'"):
        await team.rollbacks.begin("acts@productoin", DAVE, "worse", "t1")
    with pytest.raises(NotFound, match="There is no proposal 'move-gone' any more"):
        await team.rollbacks.view("move-gone")
    await team.turn("move-gone")
