"""What the decisions on a proposal lead to, as soon as they have settled it.

proposal ── approved ──> the alias moves by itself
   ├─────── rejected, expired, or the alias was moved meanwhile ──> it stays
emergency: the alias moves ── review approved or expired ──> it stays
   └─────────────────────── review rejected ──> the alias goes forward again
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, assert_never

from jobs.aliases.moving import job_left
from jobs.aliases.pointing import Held, change_of
from jobs.aliases.proposals import gone_forward, taken_back
from jobs.aliases.records import Alias, Proposal, ProposalState
from jobs.approvals.recording import request_posting, with_approval
from jobs.approvals.records import Approval, Ending, Settlement
from jobs.core.ids import proposal_turn, subject_of_turn
from jobs.core.records import Job
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict
from jobs.trail.entry import BOT, Act, AuditEntry

LOOK_AGAIN: Final = 600.0
"""Seconds after which an open proposal looks whether it was settled; the settlement itself wakes it at once."""


class Consequences:
    """Takes the turns of proposals.

    Args:
        store: where aliases are kept.
        clock: unix seconds.
        notifies: whether there is a webhook to call on each move.
    """

    def __init__(self, store: Store, clock: Callable[[], float], *, notifies: bool) -> None:
        self._store = store
        self._clock = clock
        self._notifies = notifies

    async def turn(self, turn_id: str) -> None:
        """Take one turn of a proposal: do what its decisions have come to; twice has one effect.

        Args:
            turn_id: see `jobs.core.ids.proposal_turn`.
        """
        while True:
            held = await self._store.record(Proposal, subject_of_turn(turn_id))
            if held is None or held.value.state is not ProposalState.OPEN:
                await self._store.commit(Change(turn_of=turn_id, next_turn=-1))
                return
            try:
                await self._store.commit(await self._next(held))
            except VersionConflict:
                continue
            return

    async def _next(self, held: Versioned[Proposal]) -> Change:
        proposal = held.value
        alias = await self._store.record(Alias, proposal.alias)
        approval = await self._store.record(Approval, proposal.id)
        assert alias is not None, "a proposal is written with its alias"
        assert approval is not None, "a proposal is written with its approval"
        if alias.value.version != proposal.version:
            return self._superseded(held, approval)
        settled = approval.value.settled
        if settled is None:
            return Change(turn_of=proposal_turn(proposal.id), next_turn=LOOK_AGAIN)
        at_hand = Held(alias.value, alias.version)
        match settled.ending:
            case Ending.APPROVED if proposal.emergency:
                return self._stays(held, alias, ProposalState.DONE, _reviewed(proposal, approval.value))
            case Ending.APPROVED:
                return await self._rolled_back(held, at_hand, approval.value)
            case Ending.REJECTED if proposal.emergency:
                return await self._restored(held, at_hand, approval.value)
            case Ending.REJECTED:
                return self._stays(held, alias, ProposalState.REJECTED)
            case Ending.EXPIRED:
                return self._stays(held, alias, ProposalState.EXPIRED)
            case _:
                assert_never(settled.ending)

    async def _rolled_back(self, held: Versioned[Proposal], before: Held, approval: Approval) -> Change:
        voters = tuple(vote.user for vote in approval.settling)
        after = taken_back(before, held.value, approved_by=voters, now=self._clock())
        return self._with_end(await self._change(before, after), held, ProposalState.DONE)

    async def _restored(self, held: Versioned[Proposal], before: Held, approval: Approval) -> Change:
        after = gone_forward(before, held.value, approval, self._clock())
        change = await self._change(before, after)
        change = replace(change, audit=(*change.audit, *_reviewed(held.value, approval)))
        return self._with_end(change, held, ProposalState.REJECTED)

    def _superseded(self, held: Versioned[Proposal], approval: Versioned[Approval]) -> Change:
        """Close a proposal whose alias points elsewhere by now."""
        now, change = self._clock(), Change()
        if approval.value.settled is None:
            closed = replace(approval.value, settled=Settlement(Ending.EXPIRED, "", now))
            # Its thread hears from the proposal itself why it is over, and not that its time was.
            change = replace(with_approval(change, approval, closed, now), postings=())
        return self._with_end(change, held, ProposalState.SUPERSEDED)

    def _stays(
        self,
        held: Versioned[Proposal],
        alias: Versioned[Alias],
        state: ProposalState,
        entries: tuple[AuditEntry, ...] = (),
    ) -> Change:
        """Return the change that ends a proposal and leaves the alias where it points."""
        free = Versioned(replace(alias.value, proposal=None), alias.version)
        return self._with_end(Change(records=(free,), audit=entries), held, state)

    def _with_end(self, change: Change, held: Versioned[Proposal], state: ProposalState) -> Change:
        ended = replace(held.value, state=state, ended_at=self._clock())
        return replace(
            change,
            records=(*change.records, Versioned(ended, held.version)),
            turn_of=proposal_turn(ended.id),
            next_turn=-1,
            wake={id_: after for id_, after in change.wake.items() if id_ != proposal_turn(ended.id)},
            postings=(*change.postings, request_posting(ended.id, ended.channel)),
        )

    async def _change(self, before: Held, after: Alias) -> Change:
        job = await self._store.record(Job, after.current.target.job)
        assert job is not None, "an alias points at models of jobs"
        left = await job_left(self._store, after)
        return change_of(before, after, job.value, left, notifies=self._notifies)


def _reviewed(proposal: Proposal, approval: Approval) -> tuple[AuditEntry, ...]:
    settled = approval.settled
    assert settled is not None, "only a settled review has a result"
    return (
        AuditEntry(
            at=settled.at,
            who=BOT,
            act=Act.REVIEWED,
            task=proposal.task,
            subject=proposal.alias,
            why=f"the emergency rollback was {settled.ending.value}",
            where=proposal.channel,
            details={"proposal": proposal.id, "votes": ", ".join(vote.user for vote in approval.settling)},
        ),
    )
