"""The team's sign-off of one checkpoint: who may decide, what settles it, and what each click is answered.

open ── approve, votes < quorum ──> open
  ├──── approve, votes = quorum ──> settled: approved
  └──── reject ───────────────────> settled: rejected
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

import structlog

from jobs.approvals.records import Approval, Decision, Ending, Settlement, Verdict
from jobs.changes import Change, Versioned
from jobs.errors import NotFound
from jobs.postings import card_posting, summary_posting
from jobs.store import Store, VersionConflict

log: Final = structlog.get_logger(__name__)
MOST_TRIES: Final = 20
"""Far more people than click in one instant; a limit only so that a bug cannot spin for ever."""


class Directory(Protocol):
    """Knows who belongs to which group."""

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Tell whether the user is named in `approvers` or a member of a group named there."""
        ...


class Outcome(StrEnum):
    """What a click on an approval came to."""

    OPEN = "open"
    """It may be decided by this person."""
    RECORDED = "recorded"
    """The vote counts; more are needed."""
    REPEATED = "repeated"
    """The same person had said the same before."""
    SETTLED = "settled"
    """This vote settled it."""
    ALREADY_SETTLED = "already_settled"
    OWN_JOB = "own_job"
    """Who launched a job does not approve it."""
    NOT_APPROVER = "not_approver"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a click came to, with the approval as it now stands."""

    outcome: Outcome
    approval: Approval


def refusal(approval: Approval, user: str, *, is_approver: bool) -> Outcome | None:
    """Return why this person may not decide now, or None where they may."""
    if approval.settled:
        return Outcome.ALREADY_SETTLED
    if user == approval.launched_by:
        return Outcome.OWN_JOB
    if not is_approver:
        return Outcome.NOT_APPROVER
    return None


def decide(approval: Approval, decision: Decision) -> Answer:
    """Return the approval with one person's decision counted.

    A person has one decision; a later one replaces it until the approval is settled. A rejection settles at once, an
    approval when `quorum` people have approved the same checkpoint.
    """
    previous = next((d for d in approval.decisions if d.user == decision.user), None)
    if previous and (previous.verdict, previous.choice) == (decision.verdict, decision.choice):
        return Answer(Outcome.REPEATED, approval)
    others = tuple(d for d in approval.decisions if d.user != decision.user)
    counted = replace(approval, decisions=(*others, decision))
    rejected = decision.verdict is Verdict.REJECT
    if rejected or len(counted.votes_for(decision.choice)) >= approval.quorum:
        settlement = Settlement(Ending.REJECTED if rejected else Ending.APPROVED, decision.choice, decision.at)
        return Answer(Outcome.SETTLED, replace(counted, settled=settlement))
    return Answer(Outcome.RECORDED, counted)


class Approvals:
    """Takes decisions and settles each approval once, whoever clicks when and on which bot.

    Args:
        store: where approvals are kept.
        directory: who is an approver.
        clock: unix seconds.
    """

    def __init__(self, store: Store, directory: Directory, clock: Callable[[], float]) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def standing(self, job_id: str, user: str) -> Answer:
        """Say whether this person may decide on the job's checkpoints now.

        Raises:
            NotFound: the job has no approval.
        """
        approval = (await self._read(job_id)).value
        reason = await self._refusal(approval, user)
        return Answer(reason or Outcome.OPEN, approval)

    async def decide(self, job_id: str, user: str, verdict: Verdict, checkpoint: str, reason: str) -> Answer:
        """Count one decision; of simultaneous ones each sees those before it.

        Args:
            job_id: the job whose checkpoints are up for approval.
            user: Slack user id.
            verdict: what they say.
            checkpoint: checkpoint id; the empty string rejects all.
            reason: in their words.

        Raises:
            NotFound: the job has no approval.
        """
        for _ in range(MOST_TRIES):
            held = await self._read(job_id)
            refused = await self._refusal(held.value, user)
            if refused:
                return Answer(refused, held.value)
            answer = decide(held.value, Decision(user, verdict, checkpoint, reason, self._clock()))
            if answer.outcome is Outcome.REPEATED:
                return answer
            try:
                await self._commit(held, answer)
            except VersionConflict:
                continue
            log.info("approval.decided", job=job_id, user=user, verdict=verdict, outcome=answer.outcome)
            return answer
        raise AssertionError(f"approval of {job_id} changed {MOST_TRIES} times while it was decided")

    async def _read(self, job_id: str) -> Versioned[Approval]:
        held = await self._store.approval(job_id)
        if held is None:
            raise NotFound(f"{job_id} has no checkpoint waiting for approval.")
        return held

    async def _refusal(self, approval: Approval, user: str) -> Outcome | None:
        named = await self._directory.is_any_of(user, approval.approvers)
        return refusal(approval, user, is_approver=named)

    async def _commit(self, held: Versioned[Approval], answer: Answer) -> None:
        job = await self._store.job(held.value.subject)
        assert job is not None, "an approval belongs to a job"
        await self._store.commit(
            Change(
                approval=Versioned(answer.approval, held.version),
                postings=(summary_posting(job.value, urgent=True), card_posting(job.value, urgent=True)),
            )
        )
