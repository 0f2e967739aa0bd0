"""Taking an alias back to the model before: proposed and approved, or at once in an emergency, to be reviewed.

proposal ── approved ──> the alias moves on its own
   ├─────── rejected, expired, or the alias was moved meanwhile ──> it stays
emergency: the alias moves ── review approved or expired ──> it stays
   └─────────────────────── review rejected ──> the alias goes forward again
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

import structlog

from jobs.aliases.move import alias_named, move_change
from jobs.aliases.records import Alias, AliasMove, MoveKind, Proposal, ProposalState, undone_by_rollback
from jobs.approvals.change import request_posting, with_approval
from jobs.approvals.records import DAY, Approval, ApprovalKind, Ending, Settlement
from jobs.core.errors import Conflict, NotAllowed, NotFound
from jobs.core.ids import proposal_item, short_id, subject_of_item
from jobs.core.permissions import Directory
from jobs.core.records import Job
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict
from jobs.trail.entry import BOT, Act, AuditEntry

LOOK_AGAIN: Final = 600.0
"""Seconds after which an open proposal looks whether it was settled; the settlement itself wakes it at once."""
DIGITS: Final = 16

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal with its alias and its approval."""

    proposal: Proposal
    alias: Alias
    approval: Approval

    @property
    def leaves(self) -> AliasMove:
        """The move whose model it takes the alias away from."""
        return self.alias.move(self.proposal.leaves)

    @property
    def returns_to(self) -> AliasMove:
        """The move whose model it takes the alias back to."""
        return self.alias.move(self.proposal.returns_to)


@dataclass(frozen=True, slots=True)
class Rollbacks:
    """Proposes rollbacks, does them once they are approved, and has emergencies reviewed."""

    store: Store
    directory: Directory
    clock: Callable[[], float]
    """Unix seconds."""
    notifies: bool = field(kw_only=True)
    """Whether there is a webhook to call on each move."""

    async def begin(self, name: str, user: str, reason: str, trigger: str, *, emergency: bool = False) -> ProposalView:
        """Propose the model before; in an emergency point at it at once, and open the review of that.

        The same trigger asked twice returns the same proposal.

        Raises:
            NotFound: there is no such alias.
            NotAllowed: it is an emergency, and this person is no approver of the model that it goes back to.
            Conflict: there is nothing before it, or a proposal waits already.
        """
        return await retry_on_conflict(lambda: self._begin(name, user, reason, trigger, emergency=emergency))

    async def find(self, proposal: str) -> ProposalView | None:
        """Return a proposal with its alias and approval, or None."""
        held = await self.store.record(Proposal, proposal)
        if held is None:
            return None
        alias, approval = await self._parts(held.value)
        return ProposalView(held.value, alias.value, approval.value)

    async def view(self, proposal: str) -> ProposalView:
        """Return a proposal with its alias and approval; raises NotFound."""
        found = await self.find(proposal)
        if found is None:
            raise NotFound(f"There is no proposal '{proposal}' any more.")
        return found

    async def turn(self, item: str) -> None:
        """Do what the decisions on a proposal lead to; twice has one effect."""

        async def step() -> None:
            held = await self.store.record(Proposal, subject_of_item(item))
            is_open = held is not None and held.value.state is ProposalState.OPEN
            change = await self._next(held) if held and is_open else Change(due_in=-1)
            await self.store.commit(replace(change, item=item))

        await retry_on_conflict(step)

    async def _parts(self, proposal: Proposal) -> tuple[Versioned[Alias], Versioned[Approval]]:
        alias = await self.store.record(Alias, proposal.alias)
        approval = await self.store.record(Approval, proposal.id)
        assert alias is not None, "a proposal is written with its alias"
        assert approval is not None, "a proposal is written with its approval"
        return alias, approval

    # -- asked for -----------------------------------------------------------------------------------------------

    async def _begin(self, name: str, user: str, reason: str, trigger: str, *, emergency: bool) -> ProposalView:
        # The alias first: if this trigger, delivered twice, has changed it already, its proposal is found after that.
        held = await alias_named(self.store, name)
        done = await self.find(proposal_id(trigger))
        if done:
            return done
        goal = _goal(held.value, emergency=emergency)
        given = await self.store.record(Approval, goal.target.approval)
        job = await self.store.record(Job, goal.target.job)
        assert given is not None, "an alias points at models that have an approval"
        assert job is not None, "an alias points at models of jobs"
        if emergency and not await self.directory.is_any_of(user, given.value.approvers):
            raise NotAllowed(
                "Only an approver of this task can roll back without approval, and you are not among them. Without "
                "`emergency=yes` you can propose it."
            )
        proposal = Proposal(
            proposal_id(trigger),
            name,
            held.value.task,
            emergency,
            version=held.value.version + emergency,
            leaves=held.value.version,
            returns_to=goal.number,
            by=user,
            at=self.clock(),
            reason=reason,
            channel=job.value.request.channel,
        )
        alias, change = await self._first_move(held, proposal, goal)
        approval = approval_for(proposal, goal, given.value)
        change = replace(
            change,
            records=(*change.records, Versioned(proposal, 0)),
            schedule={**change.schedule, proposal_item(proposal.id): LOOK_AGAIN},
            postings=(*change.postings, request_posting(proposal.id, proposal.channel)),
        )
        await self.store.commit(with_approval(change, None, approval, proposal.at))
        log.info("alias.rollback", alias=name, proposal=proposal.id, user=user, emergency=emergency)
        return ProposalView(proposal, alias, approval)

    async def _first_move(self, held: Versioned[Alias], proposal: Proposal, goal: AliasMove) -> tuple[Alias, Change]:
        """Return the alias once the proposal is made, and what that changes: in an emergency it moves at once."""
        if proposal.emergency:
            alias = taken_back(held.value, proposal, approved_by=(), now=proposal.at)
            return alias, await move_change(self.store, held, alias, notifies=self.notifies)
        alias = replace(held.value, proposal=proposal.id)
        details = {"proposal": proposal.id, "model": goal.target.model, "was": alias.model}
        entry = _entry(proposal, Act.ROLLBACK_PROPOSED, proposal.by, proposal.at, proposal.reason, details)
        return alias, Change(records=(Versioned(alias, held.version),), audit=(entry,))

    # -- decided -------------------------------------------------------------------------------------------------

    async def _next(self, held: Versioned[Proposal]) -> Change:
        proposal, now = held.value, self.clock()
        alias, approval = await self._parts(proposal)
        settled, voters = approval.value.settled, tuple(vote.user for vote in approval.value.settling)
        if alias.value.version != proposal.version:
            return self._ended(held, ProposalState.SUPERSEDED, _closed(approval, now))
        if settled is None:
            return Change(due_in=LOOK_AGAIN)
        stays = Change(records=(Versioned(replace(alias.value, proposal=None), alias.version),))
        why = f"the emergency rollback was {settled.ending.value}"
        details = {"proposal": proposal.id, "votes": ", ".join(voters)}
        reviewed = _entry(proposal, Act.REVIEWED, BOT, settled.at, why, details)
        match settled.ending:
            case Ending.APPROVED if proposal.emergency:
                return self._ended(held, ProposalState.DONE, replace(stays, audit=(reviewed,)))
            case Ending.APPROVED:
                back = taken_back(alias.value, proposal, approved_by=voters, now=now)
                change = await move_change(self.store, alias, back, notifies=self.notifies)
                return self._ended(held, ProposalState.DONE, change)
            case Ending.REJECTED if proposal.emergency:
                forward = gone_forward(alias.value, proposal, approval.value, now)
                change = await move_change(self.store, alias, forward, notifies=self.notifies)
                return self._ended(held, ProposalState.REJECTED, replace(change, audit=(*change.audit, reviewed)))
            case Ending.REJECTED:
                return self._ended(held, ProposalState.REJECTED, stays)
            case Ending.EXPIRED:
                return self._ended(held, ProposalState.EXPIRED, stays)
            case _:
                assert_never(settled.ending)

    def _ended(self, held: Versioned[Proposal], state: ProposalState, change: Change) -> Change:
        ended = replace(held.value, state=state, ended_at=self.clock())
        return replace(
            change,
            records=(*change.records, Versioned(ended, held.version)),
            due_in=-1,
            postings=(*change.postings, request_posting(ended.id, ended.channel)),
        )


def proposal_id(trigger: str) -> str:
    """Return the id of the proposal that this trigger makes: always the same one."""
    return short_id("move-", f"move {trigger}")


def approval_for(proposal: Proposal, goal: AliasMove, given: Approval) -> Approval:
    """Return the approval that a proposal asks for.

    Args:
        proposal: the rollback, or the one done in an emergency.
        goal: the move whose model it returns to.
        given: the approval that stands for that model: the same people decide, and as many.
    """
    target = goal.target
    rests_on = "\n".join((proposal.alias, str(proposal.version), target.model, target.job, target.evidence))
    return Approval(
        subject=proposal.id,
        launched_by=proposal.by,
        quorum=given.quorum,
        approvers=given.approvers,
        requested_at=proposal.at,
        kind=ApprovalKind.REVIEW if proposal.emergency else ApprovalKind.ALIAS_MOVE,
        task=proposal.task,
        channel=proposal.channel,
        excluded=() if given.policy.self_approval else (proposal.by,),
        policy=given.policy,
        names={target.model: goal.place},
        models={target.model: target.model},
        evidence={target.model: hashlib.sha256(rests_on.encode()).hexdigest()[:DIGITS]},
        expires_at=proposal.at + given.policy.expires_days * DAY,
    )


def taken_back(alias: Alias, proposal: Proposal, *, approved_by: tuple[str, ...], now: float) -> Alias:
    """Return the alias after a rollback; `approved_by` is empty in an emergency."""
    goal = alias.move(proposal.returns_to)
    move = AliasMove(
        number=alias.version + 1,
        target=goal.target,
        kind=MoveKind.EMERGENCY if proposal.emergency else MoveKind.ROLLBACK,
        by=proposal.by,
        at=now,
        reason=proposal.reason,
        approved_by=approved_by,
        proposal=proposal.id,
        restores=goal.restores or goal.number,
    )
    return replace(alias, moves=(*alias.moves, move), proposal=proposal.id if proposal.emergency else None)


def gone_forward(alias: Alias, proposal: Proposal, approval: Approval, now: float) -> Alias:
    """Return the alias after the review of an emergency rollback rejected it: where it pointed before that."""
    rejection = approval.settling[-1]
    left = alias.move(proposal.leaves)
    move = replace(
        left,
        number=alias.version + 1,
        kind=MoveKind.RESTORED,
        by=rejection.user,
        at=now,
        reason=rejection.reason,
        proposal=proposal.id,
        restores=left.restores or left.number,
    )
    return replace(alias, moves=(*alias.moves, move), proposal=None)


def _goal(alias: Alias, *, emergency: bool) -> AliasMove:
    """Return the move that a rollback returns to; raises Conflict, in words."""
    if alias.proposal and not emergency:
        raise Conflict(
            f"A rollback of {alias.name} is already waiting for decisions: {alias.proposal}. "
            f"`/proctor alias {alias.name}` shows it."
        )
    goal = undone_by_rollback(alias)
    if goal is None:
        raise Conflict(f"{alias.name} points at {alias.current.place}, and there is no approved model before that.")
    return goal


def _closed(approval: Versioned[Approval], now: float) -> Change:
    """Return what closes the approval of a proposal whose alias points elsewhere by now."""
    if approval.value.settled:
        return Change()
    closed = replace(approval.value, settled=Settlement(Ending.EXPIRED, "", now))
    # Its thread hears from the proposal itself why it is over, and not that its time was.
    return replace(with_approval(Change(), approval, closed, now), postings=())


def _entry(proposal: Proposal, act: Act, who: str, at: float, why: str, details: dict[str, str]) -> AuditEntry:
    return AuditEntry(at, who, act, proposal.task, proposal.alias, why, proposal.channel, details)
