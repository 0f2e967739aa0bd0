"""A round of evidence: when one begins, how it ends, and the change that writes each step. Values in, values out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from jobs.core.errors import Conflict
from jobs.core.ids import evidence_item
from jobs.core.records import Job
from jobs.evals.postings import report_posting
from jobs.evals.records import Eval
from jobs.evals.trail_entries import eval_cancelled
from jobs.evidence.plan import by_step
from jobs.evidence.records import Evidence, EvidenceState
from jobs.state.change import Change, Versioned
from jobs.trail.entry import BOT, Act, AuditEntry
from jobs.training.postings import card_posting, status, summary_posting

FOLLOW_SECONDS: Final = 2.0
"""Between two looks at evals that are under way; an eval that ends wakes its round at once."""
RECHECK_SECONDS: Final = 600.0
"""Between two looks at what an open approval rests on."""
ASKED_AGAIN: Final = "The checkpoints are evaluated again, because somebody asked for it."
CONTINUES: Final = "{} goes on training; its checkpoints are evaluated again when it stops."


class ApprovalState(StrEnum):
    """Where the approval of a job's checkpoints stands."""

    NONE = "none"
    OPEN = "open"
    INVALID = "invalid"
    """Open, but no evidence stands for it now."""
    APPROVED = "approved"
    ENDED = "ended"
    """Rejected, or nobody settled it in time."""


@dataclass(frozen=True, slots=True)
class JobApproval:
    """The approval of a job's checkpoints as it was read, with what the room of approvals makes of it."""

    state: ApprovalState
    opened: Callable[[Change, Job, Evidence, float], Change]
    """Adds to a change that the approval is opened, or renewed, on this evidence at this time (unix seconds)."""
    invalidated: Callable[[Change, str, float], Change]
    """Adds to a change that the votes so far are taken back, with the reason as a sentence for those who voted."""


@dataclass(frozen=True, slots=True)
class Case:
    """A job, the evidence for its checkpoints and their approval, as they were read together."""

    job: Job
    held: Versioned[Evidence] | None
    approval: JobApproval

    @property
    def evidence(self) -> Evidence | None:
        """The evidence so far."""
        return self.held.value if self.held else None

    def change(self, evidence: Evidence | None, due_in: float) -> Change:
        """Return a change that writes this evidence over what was read, and plans the next look in so many seconds."""
        records = (Versioned(evidence, self.held.version if self.held else 0),) if evidence else ()
        return Change(records=records, item=evidence_item(self.job.id), due_in=due_in)


def reason_to_begin(job: Job, evidence: Evidence | None) -> str | None:
    """Return why a new round begins, as a sentence (empty for the first); None if the present round goes on."""
    if evidence is None:
        return ""
    if set(evidence.checkpoints) != {each.id for each in job.checkpoints}:
        return f"{job.id} has other checkpoints now."
    if evidence.state is EvidenceState.WITHDRAWN:
        return f"{job.id} went on training before its checkpoints were evaluated."
    return None


def check_again(case: Case) -> None:
    """Raise Conflict, in words, if evaluating a job's checkpoints again makes no sense."""
    job, evidence = case.job, case.evidence
    if not job.has_final_checkpoints:
        if not job.state.is_on_platform or job.state.is_final:
            raise Conflict(f"{job.id} has no checkpoint to evaluate.")
        status_now = job.platform_status or job.state.value
        raise Conflict(f"{job.id} is {status_now}; checkpoints are evaluated when it ends or is paused.")
    if evidence and evidence.state is EvidenceState.GATHERING:
        done = f"{evidence.answered:,} of {evidence.total:,} answers are in"
        raise Conflict(f"The checkpoints of {job.id} are being evaluated right now; {done}.")
    if case.approval.state is ApprovalState.APPROVED:
        raise Conflict(f"A checkpoint of {job.id} is approved; there is nothing left to evaluate.")


def new_round(job: Job, previous: Evidence | None, now: float) -> Evidence:
    """Return the evidence of the next round, for which nothing is planned yet."""
    return Evidence(
        job=job.id,
        state=EvidenceState.GATHERING,
        checkpoints=tuple(each.id for each in by_step(job)),
        started_at=now,
        runs=job.evidence_runs,
        round=previous.round + 1 if previous else 1,
    )


def begun(case: Case, evidence: Evidence, started: Sequence[Eval], reason: str, now: float, by: str | None) -> Change:
    """Return the start of a round: its new evals, and the votes on the round before taken back.

    Args:
        case: as it was read.
        evidence: of the new round.
        started: the evals that are new.
        reason: why there is a new round, as a sentence.
        now: unix seconds.
        by: the person who asked for it, if one did.
    """
    job, postings, audit = case.job, [card_posting(case.job)], []
    if case.approval.state is not ApprovalState.NONE:
        postings.append(summary_posting(job, urgent=True))
    if by:
        line = status(job, "asked for the checkpoints to be evaluated again", by=by)
        postings.append(replace(line, id=f"job:{job.id}:evidence:{evidence.round}"))
        audit.append(AuditEntry(now, by, Act.REQUESTED, job.task, job.id, ASKED_AGAIN, job.request.channel))
    change = case.change(evidence, FOLLOW_SECONDS if started else 0.0)
    change = replace(
        change,
        records=(*change.records, *(Versioned(each, 0) for each in started)),
        schedule={each.id: 0.0 for each in started},
        postings=tuple(postings),
        audit=tuple(audit),
    )
    return case.approval.invalidated(change, reason, now)


def followed(case: Case, evidence: Evidence) -> Change:
    """Return a look at evals that are under way: if they got further, the card shows it."""
    if evidence == case.evidence:
        return case.change(None, FOLLOW_SECONDS)
    return replace(case.change(evidence, FOLLOW_SECONDS), postings=(card_posting(case.job),))


def done(case: Case, evidence: Evidence, evals: Sequence[Eval], now: float) -> Change:
    """Return the end of a round: its evidence, ready or failed, the approval it opens, and the reports of its evals."""
    change = replace(
        case.change(evidence, RECHECK_SECONDS),
        postings=(
            summary_posting(case.job, urgent=True),
            card_posting(case.job, urgent=True),
            *(report_posting(each) for each in evals),
        ),
    )
    return case.approval.opened(change, case.job, evidence, now)


def withdrawn(case: Case, evals: Sequence[Versioned[Eval]], now: float) -> Change:
    """Return what a job that goes on takes back: the votes on checkpoints that may be displaced, and their evals."""
    change, reason = case.change(None, -1.0), CONTINUES.format(case.job.id)
    if case.evidence and case.evidence.state is EvidenceState.GATHERING:
        running = [each for each in evals if not each.value.state.is_final and not each.value.cancelled_by]
        stopped = [Versioned(replace(each.value, cancelled_by=BOT), each.version) for each in running]
        change = case.change(replace(case.evidence, state=EvidenceState.WITHDRAWN), -1.0)
        change = replace(
            change,
            records=(*change.records, *stopped),
            audit=tuple(replace(eval_cancelled(each.value, now), why=reason) for each in stopped),
        )
    invalidated = case.approval.invalidated(change, reason, now)
    if invalidated is change:
        return change
    return replace(invalidated, postings=(*invalidated.postings, summary_posting(case.job, urgent=True)))
