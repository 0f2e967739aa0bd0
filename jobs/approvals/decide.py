"""Takes people's decisions: each sees those before it, whoever clicks when, and on which bot."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from jobs.approvals.change import refreshed, with_approval
from jobs.approvals.records import Approval, ApprovalKind, Decision, Verdict
from jobs.approvals.rules import Answer, Outcome, decide, lapsed, objection, would_settle
from jobs.core.errors import NotFound
from jobs.core.permissions import Directory
from jobs.core.records import Job
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retry_on_conflict

Recheck = Callable[[str], Awaitable[None]]
"""Invalidates the approval of a job's checkpoints if what it rests on has changed, e.g. the task's files."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person wants to decide, as they clicked it."""

    subject: str
    """The job's id, or the proposal's."""
    user: str
    verdict: Verdict
    choice: str
    """Checkpoint id, or model id; the empty string rejects all."""
    evidence: str
    """Digest of what they were shown; see `Approval.basis`."""
    reason: str = ""
    overrides: tuple[str, ...] = ()
    """Guardrails that they set aside."""
    where: str = ""
    """Slack channel id."""

    def decision(self, at: float) -> Decision:
        """Return it as it is kept, made at this time (unix seconds)."""
        return Decision(self.user, self.verdict, self.choice, self.reason, at, self.evidence, self.overrides)


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals of this bot."""

    store: Store
    directory: Directory
    clock: Callable[[], float]
    """Unix seconds."""
    recheck: Recheck | None = None
    """Called before a choice is approved for good."""

    async def get(self, subject: str) -> Versioned[Approval]:
        """Return the approval of a job's checkpoints, or of a proposal.

        Raises:
            NotFound: nothing of this subject is up for approval.
        """
        held = await self.store.record(Approval, subject)
        if held is None:
            raise NotFound(f"{subject} has no checkpoint waiting for approval.")
        return held

    async def pending(self) -> tuple[Approval, ...]:
        """Return the approvals that are open, the longest waiting first."""
        found = await self.store.records(Approval)
        waiting = [each for each in found if each.settled is None and not each.has_lapsed(self.clock())]
        return tuple(sorted(waiting, key=lambda each: each.requested_at))

    async def standing(self, vote: Vote) -> Answer:
        """Say whether this could be decided now, before a reason is asked for; nothing is counted.

        Raises:
            NotFound: nothing of this subject is up for approval.
        """
        held = await retry_on_conflict(lambda: self._current(vote.subject))
        decision = vote.decision(self.clock())
        refused = objection(held.value, decision, await self._entitled(held.value, decision))
        return Answer(refused or Outcome.OPEN, held.value)

    async def decide(self, vote: Vote) -> Answer:
        """Count one decision; of simultaneous ones each sees those before it.

        Raises:
            NotFound: nothing of this subject is up for approval.
        """
        return await retry_on_conflict(lambda: self._decide(vote))

    async def expiry(self, held: Versioned[Approval]) -> Change:
        """Return the change that ends an approval which nobody settled in time."""
        return await self._change(held, lapsed(held.value, self.clock()), "")

    async def _decide(self, vote: Vote) -> Answer:
        held = await self._current(vote.subject)
        decision = vote.decision(self.clock())
        answer = decide(held.value, decision, await self._entitled(held.value, decision))
        if answer.outcome not in {Outcome.RECORDED, Outcome.SETTLED}:
            return answer
        is_approval = answer.outcome is Outcome.SETTLED and vote.verdict is Verdict.APPROVE
        if is_approval and self.recheck and held.value.kind is ApprovalKind.CHECKPOINT:
            await self.recheck(vote.subject)  # if that changes the approval, the commit conflicts
        await self.store.commit(await self._change(held, answer.approval, vote.where))
        told = {"verdict": vote.verdict.value, "outcome": answer.outcome.value}
        log.info("approval.decided", subject=vote.subject, user=vote.user, **told)
        return answer

    async def _current(self, subject: str) -> Versioned[Approval]:
        """Read an approval; one whose time is over is ended first, for its own work item may be late."""
        held = await self.get(subject)
        if not held.value.has_lapsed(self.clock()):
            return held
        await self.store.commit(await self.expiry(held))
        return await self.get(subject)

    async def _entitled(self, approval: Approval, decision: Decision) -> frozenset[str]:
        """Return who of those who have a say is an approver; Slack is asked again if the decision would settle it."""
        voters = frozenset(earlier.user for earlier in approval.decisions)
        if would_settle(approval, decision):
            return await self.directory.still(voters | {decision.user}, approval.approvers)
        may = await self.directory.is_any_of(decision.user, approval.approvers)
        return voters | {decision.user} if may else voters - {decision.user}

    async def _change(self, held: Versioned[Approval], approval: Approval, where: str) -> Change:
        """Return what writes an approval with all that belongs to it."""
        job = await self.store.record(Job, approval.subject) if approval.kind is ApprovalKind.CHECKPOINT else None
        shown = Change(postings=refreshed(approval, job.value if job else None))
        return with_approval(shown, held, approval, self.clock(), where=where)
