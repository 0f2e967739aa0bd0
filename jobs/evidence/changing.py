"""What each step of a round of evidence changes, with the approval and messages that go with it. No effects here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.approvals.opening import invalidated, open_approval
from jobs.approvals.recording import with_approval
from jobs.approvals.records import Approval
from jobs.core.ids import evidence_turn
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.evals.service import report_posting
from jobs.evals.trail_entries import eval_cancelled
from jobs.evidence.records import Evidence, EvidenceState
from jobs.evidence.rounds import asked, said
from jobs.state.change import Change, Versioned
from jobs.trail.entry import BOT
from jobs.training.postings import card_posting, summary_posting

LOOK: Final = 2.0
"""Seconds between two looks at evals that are under way; they also wake who waits for them when they end."""
LOOK_AGAIN: Final = 600.0
"""Seconds between two looks at what open approvals rest on."""
GOES_ON: Final = "{} goes on training; its checkpoints are evaluated again when it stops."


@dataclass(frozen=True, slots=True)
class Case:
    """A job, with the evidence for its checkpoints and their approval, as they were read."""

    job: Job
    held: Versioned[Evidence] | None
    approval: Versioned[Approval] | None

    @property
    def evidence(self) -> Evidence | None:
        """The evidence until now."""
        return self.held.value if self.held else None

    def with_evidence(self, evidence: Evidence) -> Versioned[Evidence]:
        """Return the evidence as it is to be, over what was read."""
        return Versioned(evidence, self.held.version if self.held else 0)


def begun(
    case: Case, evidence: Evidence, started: Sequence[Versioned[Eval]], reason: str, now: float, *, by: str | None
) -> Change:
    """Return the start of a round: its evals, and the votes on the round before taken back.

    Args:
        case: as it was read.
        evidence: of the new round.
        started: the evals that are new.
        reason: why there is a new round, as a sentence.
        now: unix seconds.
        by: who asked for it, where a person did.
    """
    change = Change(
        records=(case.with_evidence(evidence), *started),
        wake={each.value.id: 0.0 for each in started},
        turn_of=evidence_turn(case.job.id),
        next_turn=LOOK if started else 0.0,
        postings=(
            card_posting(case.job),
            *((summary_posting(case.job, urgent=True),) if case.approval else ()),
            *said(case.job, evidence, by),
        ),
        audit=asked(case.job, now, by),
    )
    if case.approval is None:
        return change
    return with_approval(change, case.approval, invalidated(case.approval.value, reason, now), now)


def followed(case: Case, evidence: Evidence) -> Change:
    """Return a look at evals that go on: the card shows how far they are, where that changed."""
    changed = evidence != case.evidence
    return Change(
        records=(*((case.with_evidence(evidence),) if changed else ()),),
        turn_of=evidence_turn(case.job.id),
        next_turn=LOOK,
        postings=(card_posting(case.job),) if changed else (),
    )


def done(case: Case, evidence: Evidence, evals: Sequence[Eval], now: float) -> Change:
    """Return the end of a round: what it came to, with the approval that it opens and the messages that show both.

    Args:
        case: as it was read.
        evidence: ready, or failed.
        evals: those whose reports go into the thread.
        now: unix seconds.
    """
    change = Change(
        records=(case.with_evidence(evidence),),
        turn_of=evidence_turn(case.job.id),
        next_turn=LOOK_AGAIN,
        postings=(
            summary_posting(case.job, urgent=True),
            card_posting(case.job, urgent=True),
            *(report_posting(each) for each in evals),
        ),
    )
    opened = open_approval(case.job, evidence, case.approval.value if case.approval else None, now)
    return with_approval(change, case.approval, opened, now)


def withdrawn(case: Case, evals: Sequence[Versioned[Eval]], now: float) -> Change:
    """Return what a job that goes on takes back: the votes on its checkpoints, which may be displaced, and their evals.

    Args:
        case: as it was read.
        evals: of the round that is under way.
        now: unix seconds.
    """
    change, reason = Change(turn_of=evidence_turn(case.job.id), next_turn=-1.0), GOES_ON.format(case.job.id)
    if case.evidence and case.evidence.state is EvidenceState.GATHERING:
        running = [each for each in evals if not each.value.state.is_final and not each.value.cancelled_by]
        stopped = [Versioned(replace(each.value, cancelled_by=BOT), each.version) for each in running]
        change = replace(
            change,
            records=(case.with_evidence(replace(case.evidence, state=EvidenceState.WITHDRAWN)), *stopped),
            audit=tuple(replace(eval_cancelled(each.value, now), why=reason) for each in stopped),
        )
    if case.approval is None:
        return change
    taken_back = invalidated(case.approval.value, reason, now)
    if taken_back != case.approval.value:
        change = replace(change, postings=(summary_posting(case.job, urgent=True),))
    return with_approval(change, case.approval, taken_back, now)


def planned_again(job: Job, after: float) -> Change:
    """Return the next look at a job's evidence, in so many seconds; a negative number ends its turns."""
    return Change(turn_of=evidence_turn(job.id), next_turn=after)
