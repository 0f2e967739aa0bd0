"""Taking an alias back to the model before: proposed and approved, or at once in an emergency, to be reviewed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from jobs.aliases.consequences import LOOK_AGAIN
from jobs.aliases.moving import alias_named, job_left
from jobs.aliases.pointing import Held, change_of, proposed_entry, undone_by_rollback
from jobs.aliases.postings import place
from jobs.aliases.proposals import ProposalView, opened, proposal_id, taken_back
from jobs.aliases.records import Alias, AliasMove, Proposal
from jobs.approvals.recording import request_posting, with_approval
from jobs.approvals.records import Approval
from jobs.core.errors import Conflict, NotAllowed, NotFound
from jobs.core.ids import proposal_turn
from jobs.core.permissions import Directory
from jobs.core.records import Job
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict

log: Final = structlog.get_logger(__name__)


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
            wish = await self._begun(name, trigger, emergency=False)
            if isinstance(wish, ProposalView):
                return wish
            proposal = self._proposal(wish, user, reason, trigger, emergency=False)
            asked = opened(proposal, wish.goal, wish.approval)
            waits = replace(wish.alias, proposal=proposal.id)
            change = Change(
                records=(Versioned(proposal, 0), Versioned(waits, wish.held.version)),
                wake={proposal_turn(proposal.id): LOOK_AGAIN},
                postings=(request_posting(proposal.id, proposal.channel),),
                audit=(proposed_entry(proposal, wish.alias),),
            )
            try:
                await self._store.commit(with_approval(change, None, asked, proposal.at))
            except VersionConflict:
                continue
            return ProposalView(proposal, waits, asked)

    async def at_once(self, name: str, user: str, reason: str, trigger: str) -> ProposalView:
        """Point an alias back at the model before without asking, and open the review of that.

        Raises:
            NotFound: there is no such alias.
            NotAllowed: this person is no approver of the model that it goes back to.
            Conflict: there is nothing before it.
        """
        while True:
            wish = await self._begun(name, trigger, emergency=True)
            if isinstance(wish, ProposalView):
                return wish
            if not await self._directory.is_any_of(user, wish.approval.approvers):
                raise NotAllowed(
                    "Only an approver of this task can roll back without approval, and you are not among them. Without "
                    "`emergency=yes` you can propose it."
                )
            proposal = self._proposal(wish, user, reason, trigger, emergency=True)
            asked = opened(proposal, wish.goal, wish.approval)
            alias = taken_back(wish.held, proposal, approved_by=(), now=proposal.at)
            left = await job_left(self._store, alias)
            change = change_of(wish.held, alias, wish.job, left, notifies=self._notifies)
            change = replace(
                change,
                records=(*change.records, Versioned(proposal, 0)),
                wake={**change.wake, proposal_turn(proposal.id): LOOK_AGAIN},
                postings=(*change.postings, request_posting(proposal.id, proposal.channel)),
            )
            try:
                await self._store.commit(with_approval(change, None, asked, proposal.at))
            except VersionConflict:
                continue
            log.warning("alias.emergency", alias=name, model=alias.model, user=user)
            return ProposalView(proposal, alias, asked)

    async def find(self, proposal: str) -> ProposalView | None:
        """Return a proposal with its alias and approval, or None."""
        held = await self._store.record(Proposal, proposal)
        if held is None:
            return None
        alias = await self._store.record(Alias, held.value.alias)
        approval = await self._store.record(Approval, proposal)
        assert alias is not None, "a proposal is written with its alias"
        assert approval is not None, "a proposal is written with its approval"
        return ProposalView(held.value, alias.value, approval.value)

    async def view(self, proposal: str) -> ProposalView:
        """Return a proposal with its alias and approval; raises NotFound."""
        found = await self.find(proposal)
        if found is None:
            raise NotFound(f"There is no proposal '{proposal}' any more.")
        return found

    async def _begun(self, name: str, trigger: str, *, emergency: bool) -> _Wish | ProposalView:
        """Return what is to be done, or the proposal that this trigger has made already."""
        done = await self.find(proposal_id(trigger))
        if done:
            return done
        try:
            return await self._wish(name, emergency=emergency)
        except Conflict:
            # The same request, delivered twice, may have been what it conflicts with.
            done = await self.find(proposal_id(trigger))
            if done:
                return done
            raise

    async def _wish(self, name: str, *, emergency: bool) -> _Wish:
        found = await alias_named(self._store, name)
        alias = found.value
        if alias.proposal and not emergency:
            raise Conflict(
                f"A rollback of {name} waits for decisions already: {alias.proposal}. `/proctor alias {name}` shows it."
            )
        goal = undone_by_rollback(alias)
        if goal is None:
            raise Conflict(f"{name} points at {place(alias.current)}, and there is no approved model before that.")
        approval = await self._store.record(Approval, goal.target.approval)
        assert approval is not None, "an alias points at models that have an approval"
        return _Wish(Held(alias, found.version), alias, goal, await self._job(goal), approval.value)

    async def _job(self, move: AliasMove) -> Job:
        held = await self._store.record(Job, move.target.job)
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
