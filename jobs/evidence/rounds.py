"""A round of evidence: when there is one, what it begins with, and what is said of it. Values in, values out."""

from dataclasses import replace
from typing import Final

from jobs.approvals.records import Approval, Ending
from jobs.core.errors import Conflict
from jobs.core.records import Job, JobState, Posting
from jobs.evidence.preparing import Plan
from jobs.evidence.records import Evidence, EvidenceState
from jobs.platforms.profiles import Price, Profile
from jobs.trail.entry import Act, AuditEntry
from jobs.training.postings import status

ASKED_AGAIN: Final = "The checkpoints are evaluated again, because somebody asked for it."
WORDS: Final = {
    "dataset": "the validation split",
    "test": "the test split",
    "graders": "the graders",
    "prompt": "the prompt",
    "schema": "the response format",
}


def is_examined(job: Job) -> bool:
    """Tell whether a job's checkpoints are evaluated now: it has some, and none of them can be displaced any more."""
    stands_still = job.state is JobState.PAUSED or (job.state.is_final and job.state.is_on_platform)
    return stands_still and bool(job.checkpoints)


def a_round(job: Job, previous: Evidence | None, now: float) -> Evidence:
    """Return the evidence of the next round, in which nothing is planned yet."""
    return Evidence(
        job=job.id,
        state=EvidenceState.GATHERING,
        checkpoints=tuple(each.id for each in sorted(job.checkpoints, key=lambda each: each.step)),
        started_at=now,
        runs=job.evidence_runs,
        round=previous.round + 1 if previous else 1,
    )


def planned(new: Evidence, plan: Plan) -> Evidence:
    """Return the evidence with what its round takes."""
    evals = [each for each in (plan.valid, plan.test) if each]
    return replace(
        new,
        valid_eval=plan.valid.id,
        test_eval=plan.test.id if plan.test else None,
        answered=sum(each.progress.answered for each in evals),
        total=sum(each.total for each in evals),
        candidates=plan.candidates,
        alias=plan.alias,
        alias_model=plan.alias_model,
        parts=plan.parts,
        note=" ".join(plan.notes) or None,
    )


def said(job: Job, evidence: Evidence, by: str | None) -> tuple[Posting, ...]:
    """Return the line in the thread about a round that a person asked for."""
    if by is None:
        return ()
    line = status(job, "asked for the checkpoints to be evaluated again", by=by)
    return (replace(line, id=f"job:{job.id}:evidence:{evidence.round}"),)


def asked(job: Job, now: float, by: str | None) -> tuple[AuditEntry, ...]:
    """Return what the trail says of a round that a person asked for."""
    if by is None:
        return ()
    return (AuditEntry(now, by, Act.REQUESTED, job.task, job.id, why=ASKED_AGAIN, where=job.request.channel),)


def prices_of(evidence: Evidence, job: Job, profile: Profile) -> dict[str, Price]:
    """Return what answers cost, by model; what is not known is absent."""
    known = {each.model: profile.price_of(each.model, job.model) for each in evidence.candidates}
    return {model: price for model, price in known.items() if price is not None}


def check_again(job: Job, evidence: Evidence | None, approval: Approval | None) -> None:
    """Raise Conflict, in words, where evaluating a job's checkpoints again makes no sense."""
    if evidence and evidence.state is EvidenceState.GATHERING:
        done = f"{evidence.answered:,} of {evidence.total:,} answers are in"
        raise Conflict(f"The checkpoints of {job.id} are being evaluated right now; {done}.")
    if approval and approval.settled and approval.settled.ending is Ending.APPROVED:
        raise Conflict(f"A checkpoint of {job.id} is approved; there is nothing left to evaluate.")


def why_not(job: Job) -> str:
    """Return why there is nothing to evaluate on a job, as a sentence."""
    if not job.state.is_on_platform or job.state.is_final:
        return f"{job.id} has no checkpoint to evaluate."
    return f"{job.id} is {job.platform_status or job.state.value}; checkpoints are evaluated when it ends or is paused."


def in_words(parts: tuple[str, ...]) -> str:
    """Return which parts of a task changed, as a sentence."""
    *others, last = (WORDS[part] for part in parts)
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{listed[0].upper()}{listed[1:]} changed."


def readable_now(job: Job) -> str:
    """Return why there is a round now where nothing of the task could be read before, as a sentence."""
    if job.imported:
        return f"It is known now that {job.id} is a job of {job.task}, which says how checkpoints are evaluated."
    return f"The files of {job.task} can be read again, which say how checkpoints are evaluated."


def joined(*sentences: str | None) -> str:
    """Return the sentences that there are, one after the other."""
    return " ".join(filter(None, sentences))
