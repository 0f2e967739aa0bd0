"""Taking an alias back to the model before: proposed and approved, or at once in an emergency and reviewed afterwards.

proposal ── approved ──> the alias moves by itself
   ├─────── rejected, expired, or the alias was moved meanwhile ──> it stays
emergency: the alias moves ── review approved or expired ──> it stays
   └─────────────────────── review rejected ──> the alias goes forward again
"""

import hashlib
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, assert_never

import structlog

from jobs.aliases.moving import Directory
from jobs.aliases.pointing import PROCTOR, Held, change_of, moved, proposed_entry, turn_of, undone_by_rollback
from jobs.aliases.postings import place, proposal_posting
from jobs.aliases.records import Alias, AliasMove, MoveKind, Proposal, ProposalState
from jobs.approvals.records import DAY, Approval, ApprovalKind, Ending, Settlement
from jobs.audit.records import Act, AuditEntry
from jobs.changes import Change, Versioned
from jobs.errors import Conflict, NotAllowed, NotFound
from jobs.records import Job
from jobs.store import Store, VersionConflict
from jobs.tasks import nearest

DIGEST: Final = 16
LOOK_AGAIN: Final = 60.0
"""Seconds after which an open proposal looks whether it was settled; the settlement itself wakes it at once."""
log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProposalView:
    """Everything there is to show of a proposal."""

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
class _Wish:
    """A rollback that somebody asks for, looked up."""

    held: Held
    alias: Alias
    goal: AliasMove
    job: Job
    approval: Approval
    """The one that stands for the model it goes back to: the same people decide."""


class Rollbacks:
    """Proposes rollbacks, does them once they are approved, and has emergencies reviewed.

    Args:
        store: where aliases are kept.
        directory: who is an approver.
        clock: unix seconds.
        notifies: whether there is a webhook to call on each move.
    """

    def __init__(self, store: Store, directory: Directory, clock: Callable[[], float], *, notifies: bool) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._notifies = notifies

    # -- what people ask -----------------------------------------------------------------------------------------

    async def propose(self, name: str, user: str, reason: str, trigger: str) -> ProposalView:
        """Propose the model before; the same trigger asked twice returns the same proposal.

        Raises:
            NotFound: there is no such alias.
            Conflict: there is nothing before it, or a proposal waits already.
        """
        while True:
            again = await self.find(proposal_id(trigger))
            if again:
                return again
            wish = await self._wish(name)
            proposal = self._proposal(wish, user, reason, trigger, emergency=False)
            waits = replace(wish.alias, proposal=proposal.id)
            opened = self._opened(proposal, wish, ApprovalKind.ALIAS_MOVE)
            change = Change(
                approval=Versioned(opened, 0),
                also=(Versioned(proposal, 0), Versioned(waits, wish.held.version)),
                wake={turn_of(proposal.id): LOOK_AGAIN},
                postings=(proposal_posting(proposal.id, proposal.channel),),
                audit=(proposed_entry(proposal, wish.alias),),
            )
            try:
                await self._store.commit(change)
            except VersionConflict:
                continue
            return ProposalView(proposal, waits, opened)

    async def at_once(self, name: str, user: str, reason: str, trigger: str) -> ProposalView:
        """Point an alias back at the model before without asking, and open the review of that.

        Raises:
            NotFound: there is no such alias.
            NotAllowed: this person is no approver of the model that it goes back to.
            Conflict: there is nothing before it.
        """
        while True:
            again = await self.find(proposal_id(trigger))
            if again:
                return again
            wish = await self._wish(name, emergency=True)
            if not await self._directory.is_any_of(user, wish.approval.approvers):
                raise NotAllowed(
                    "Only an approver of this task can roll back without approval, and you are not among them. Without "
                    "`emergency=yes` you can propose it."
                )
            proposal = self._proposal(wish, user, reason, trigger, emergency=True)
            alias = self._back(wish.held, wish.alias, proposal, by=user, approved_by=())
            alias = replace(alias, proposal=proposal.id)
            opened = self._opened(proposal, wish, ApprovalKind.REVIEW)
            change = change_of(wish.held, alias, wish.job, notifies=self._notifies)
            change = replace(
                change,
                approval=Versioned(opened, 0),
                also=(*change.also, Versioned(proposal, 0)),
                wake={**change.wake, turn_of(proposal.id): LOOK_AGAIN},
                postings=(*change.postings, proposal_posting(proposal.id, proposal.channel)),
            )
            try:
                await self._store.commit(change)
            except VersionConflict:
                continue
            log.warning("alias.emergency", alias=name, model=alias.model, user=user)
            return ProposalView(proposal, alias, opened)

    async def find(self, proposal: str) -> ProposalView | None:
        """Return a proposal with its alias and approval, or None."""
        held = await self._store.record(Proposal, proposal)
        if held is None:
            return None
        alias = await self._store.record(Alias, held.value.alias)
        approval = await self._store.approval(proposal)
        assert alias is not None, "a proposal is written with its alias"
        assert approval is not None, "a proposal is written with its approval"
        return ProposalView(held.value, alias.value, approval.value)

    async def view(self, proposal: str) -> ProposalView:
        """Return a proposal with its alias and approval; raises NotFound."""
        found = await self.find(proposal)
        if found is None:
            raise NotFound(f"There is no proposal '{proposal}' any more.")
        return found

    # -- its turns -----------------------------------------------------------------------------------------------

    async def turn(self, proposal: str) -> None:
        """Take one turn of a proposal: do what its decisions have come to."""
        while True:
            held = await self._store.record(Proposal, proposal)
            if held is None or held.value.state is not ProposalState.OPEN:
                await self._store.commit(Change(turn_of=turn_of(proposal), next_turn=-1))
                return
            try:
                await self._store.commit(await self._next(held))
            except VersionConflict:
                continue
            return

    async def _next(self, held: Versioned[Proposal]) -> Change:
        proposal = held.value
        found = await self._store.record(Alias, proposal.alias)
        approval = await self._store.approval(proposal.id)
        assert found is not None, "a proposal is written with its alias"
        assert approval is not None, "a proposal is written with its approval"
        settled = approval.value.settled
        if found.value.version != proposal.version:
            return self._superseded(held, approval)
        if settled is None:
            return Change(turn_of=turn_of(proposal.id), next_turn=LOOK_AGAIN)
        alias = Held(found.value, found.version)
        match settled.ending:
            case Ending.APPROVED if proposal.emergency:
                return self._ended(held, alias, ProposalState.DONE, self._reviewed(approval.value))
            case Ending.APPROVED:
                return await self._rolled_back(held, alias, approval.value)
            case Ending.REJECTED if proposal.emergency:
                return await self._restored(held, alias, approval.value)
            case Ending.REJECTED:
                return self._ended(held, alias, ProposalState.REJECTED)
            case Ending.EXPIRED:
                return self._ended(held, alias, ProposalState.EXPIRED)
            case _:
                assert_never(settled.ending)

    async def _rolled_back(self, held: Versioned[Proposal], alias: Held, approval: Approval) -> Change:
        proposal = held.value
        assert alias.alias is not None, "a rollback is of an alias that exists"
        settled = approval.settled
        assert settled is not None, "only an approved rollback is done"
        voters = tuple(vote.user for vote in approval.votes_for(settled.choice))
        after = self._back(alias, alias.alias, proposal, by=proposal.by, approved_by=voters)
        change = change_of(alias, after, await self._job(after.current), notifies=self._notifies)
        return self._with_end(change, held, ProposalState.DONE)

    async def _restored(self, held: Versioned[Proposal], alias: Held, approval: Approval) -> Change:
        proposal = held.value
        assert alias.alias is not None, "a review is of an alias that exists"
        rejection = approval.decisions[-1] if approval.decisions else None
        left = alias.alias.move(proposal.leaves)
        move = AliasMove(
            number=alias.alias.version + 1,
            target=left.target,
            kind=MoveKind.RESTORED,
            by=rejection.user if rejection else PROCTOR,
            at=self._clock(),
            reason=rejection.reason if rejection else "the review rejected it",
            approved_by=left.approved_by,
            proposal=proposal.id,
            restores=left.restores or left.number,
        )
        after = moved(alias, proposal.alias, proposal.task, move)
        change = change_of(alias, after, await self._job(move), notifies=self._notifies)
        change = replace(change, audit=(*change.audit, *self._reviewed(approval)))
        return self._with_end(change, held, ProposalState.REJECTED)

    def _superseded(self, held: Versioned[Proposal], approval: Versioned[Approval]) -> Change:
        """Close a proposal whose alias points elsewhere by now."""
        closed = approval.value
        if closed.settled is None:
            closed = replace(closed, settled=Settlement(Ending.EXPIRED, "", self._clock()))
        return self._with_end(Change(approval=replace(approval, value=closed)), held, ProposalState.SUPERSEDED)

    def _ended(
        self, held: Versioned[Proposal], alias: Held, state: ProposalState, entries: tuple[AuditEntry, ...] = ()
    ) -> Change:
        """Return the change that ends a proposal and leaves the alias where it points."""
        assert alias.alias is not None, "a proposal is of an alias that exists"
        free = Versioned(replace(alias.alias, proposal=None), alias.version)
        return self._with_end(Change(also=(free,), audit=entries), held, state)

    def _with_end(self, change: Change, held: Versioned[Proposal], state: ProposalState) -> Change:
        ended = replace(held.value, state=state, ended_at=self._clock())
        return replace(
            change,
            also=(*change.also, Versioned(ended, held.version)),
            turn_of=turn_of(ended.id),
            next_turn=-1,
            wake={id_: after for id_, after in change.wake.items() if id_ != turn_of(ended.id)},
            postings=(*change.postings, proposal_posting(ended.id, ended.channel)),
        )

    # -- inside --------------------------------------------------------------------------------------------------

    async def _wish(self, name: str, *, emergency: bool = False) -> _Wish:
        found = await self._store.record(Alias, name)
        if found is None:
            known = [alias.name for alias in await self._store.records(Alias)]
            raise NotFound(f"There is no alias '{name}'; {nearest(name, known)}")
        alias = found.value
        if alias.proposal and not emergency:
            raise Conflict(
                f"A rollback of {name} waits for decisions already: {alias.proposal}. `/proctor alias {name}` shows it."
            )
        goal = undone_by_rollback(alias)
        if goal is None:
            raise Conflict(f"{name} points at {place(alias.current)}, and there is no approved model before that.")
        approval = await self._store.approval(goal.target.approval)
        assert approval is not None, "an alias points at models that have an approval"
        return _Wish(Held(alias, found.version), alias, goal, await self._job(goal), approval.value)

    async def _job(self, move: AliasMove) -> Job:
        held = await self._store.job(move.target.job)
        assert held is not None, "an alias points at models of jobs"
        return held.value

    def _proposal(self, wish: _Wish, user: str, reason: str, trigger: str, *, emergency: bool) -> Proposal:
        return Proposal(
            id=proposal_id(trigger),
            alias=wish.alias.name,
            task=wish.alias.task,
            emergency=emergency,
            version=wish.alias.version + emergency,
            leaves=wish.alias.version,
            returns_to=wish.goal.number,
            by=user,
            at=self._clock(),
            reason=reason,
            channel=wish.job.request.channel,
        )

    def _opened(self, proposal: Proposal, wish: _Wish, kind: ApprovalKind) -> Approval:
        model, given = wish.goal.target.model, wish.approval
        return Approval(
            subject=proposal.id,
            launched_by=proposal.by,
            quorum=given.quorum,
            approvers=given.approvers,
            requested_at=proposal.at,
            kind=kind,
            task=proposal.task,
            channel=proposal.channel,
            excluded=() if given.policy.self_approval else (proposal.by,),
            policy=given.policy,
            names={model: place(wish.goal)},
            models={model: model},
            evidence={model: digest_of(proposal, wish.goal)},
            expires_at=proposal.at + given.policy.expires_days * DAY,
        )

    def _back(self, held: Held, alias: Alias, proposal: Proposal, *, by: str, approved_by: tuple[str, ...]) -> Alias:
        goal = alias.move(proposal.returns_to)
        move = AliasMove(
            number=alias.version + 1,
            target=goal.target,
            kind=MoveKind.EMERGENCY if proposal.emergency else MoveKind.ROLLBACK,
            by=by,
            at=self._clock(),
            reason=proposal.reason,
            approved_by=approved_by,
            proposal=proposal.id,
            restores=goal.restores or goal.number,
        )
        return moved(held, alias.name, alias.task, move)

    def _reviewed(self, approval: Approval) -> tuple[AuditEntry, ...]:
        settled = approval.settled
        assert settled is not None, "only a settled review has a result"
        return (
            AuditEntry(
                at=settled.at,
                who=PROCTOR,
                act=Act.REVIEWED,
                task=approval.task,
                subject=approval.subject,
                why=f"the review {settled.ending.value} the emergency rollback",
                where=approval.channel,
                details={"votes": " ".join(f"{d.user}:{d.verdict.value}" for d in approval.decisions)},
            ),
        )


def proposal_id(trigger: str) -> str:
    """Return the id of the proposal that this trigger makes: always the same one."""
    return "move-" + b32encode(hashlib.sha256(f"move {trigger}".encode()).digest())[:6].decode().lower()


def digest_of(proposal: Proposal, goal: AliasMove) -> str:
    """Return the digest of what a vote on a proposal rests on: which alias, from where, to which model."""
    target = goal.target
    words = "\n".join((proposal.alias, str(proposal.version), target.model, target.job, target.evidence))
    return hashlib.sha256(words.encode()).hexdigest()[:DIGEST]
