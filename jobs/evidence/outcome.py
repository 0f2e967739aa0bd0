"""What evidence says once its evals are over, or cannot be had. Values in, values out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from jobs.core.records import Job
from jobs.evals.records import Eval, EvalState
from jobs.evidence.digest import digest_of, hash_of
from jobs.evidence.line_up import as_candidate, platform_figures
from jobs.evidence.reading import NOT_SHOWN, Reading
from jobs.evidence.records import Candidate, Evidence, EvidenceState, Guard, Role
from jobs.platforms.profiles import Profile

NOT_EVALUATED: Final = "evidence"
"""The guardrail that a checkpoint breaks where nothing of ours was measured: approving it takes an explicit word."""


def trouble(evaluation: Eval) -> str | None:
    """Return why an eval that has ended is no evidence, as a sentence; None where it is."""
    match evaluation.state:
        case EvalState.FINISHED if _has_rewards(evaluation):
            return None
        case EvalState.FINISHED:
            return f"{evaluation.id} got no answer that could be graded{_why(evaluation)}."
        case EvalState.CANCELLED:
            return f"{evaluation.id} was cancelled."
        case _:
            return evaluation.note or f"{evaluation.id} failed."


def ready(evidence: Evidence, reading: Reading, evals: tuple[Eval, ...], now: float) -> Evidence:
    """Return the evidence with what its evals came to.

    Args:
        evidence: with everything but the figures.
        reading: the figures.
        evals: what they were read from.
        now: unix seconds.
    """
    said = [evidence.note or "", *(_missing(evaluation) for evaluation in evals)]
    return replace(
        evidence,
        state=EvidenceState.READY,
        candidates=tuple(_sealed(each, evidence.parts) for each in reading.candidates),
        bias=reading.bias,
        finished_at=now,
        answered=sum(evaluation.progress.answered for evaluation in evals),
        note=" ".join(filter(None, said)) or None,
    )


def failed(evidence: Evidence, job: Job, profile: Profile | None, reason: str, now: float) -> Evidence:
    """Return the evidence where nothing could be measured: the platform's own figures, and why there are no others.

    Each checkpoint has a digest over those, and breaks the guardrail `evidence`.
    """
    candidates = []
    for checkpoint in sorted(job.checkpoints, key=lambda each: each.step):
        shown = as_candidate(checkpoint, job, profile) if profile else as_candidate(checkpoint, job, _UNKNOWN)
        figures = platform_figures(checkpoint, job.training_reward)
        seen = {grader: figure.mean for grader, figure in figures.items()}
        guard = Guard(NOT_EVALUATED, 0.0, 0.0, NOT_SHOWN, Role.BASE, is_broken=True)
        digest = hash_of([digest_of(checkpoint.id, checkpoint.model_id, evidence.parts), seen])
        candidates.append(replace(shown, valid=figures, guards=(guard,), digest=digest))
    figures_of = f"The figures here are those of {job.platform}."
    again = "" if not job.has_task else f" `/rft checkpoints {job.id} again=yes` tries once more."
    return replace(
        evidence,
        state=EvidenceState.FAILED,
        candidates=tuple(candidates),
        bias=None,
        finished_at=now,
        note=f"{reason} {figures_of}{again}",
    )


def _sealed(candidate: Candidate, parts: Mapping[str, str]) -> Candidate:
    if candidate.checkpoint is None:
        return candidate
    return replace(candidate, digest=digest_of(candidate.checkpoint, candidate.model, parts))


def _has_rewards(evaluation: Eval) -> bool:
    rewards = [summary.grader(evaluation.reward) for summary in evaluation.summaries]
    return any(summary is not None and summary.graded for summary in rewards)


def _missing(evaluation: Eval) -> str:
    """Return what an eval lacks, as a sentence; nothing where it lacks nothing."""
    if evaluation.note:
        return f"{evaluation.id} on {evaluation.split}: {evaluation.note}"
    failures = sum(evaluation.progress.failures.values())
    if not failures:
        return ""
    return f"Missing on the {evaluation.split} split: {failures:,} of {evaluation.total:,} answers{_why(evaluation)}."


def _why(evaluation: Eval) -> str:
    reasons = list(evaluation.progress.failures)
    return f" ({reasons[0]})" if reasons else ""


_UNKNOWN: Final = Profile(name="unknown", base_url="")
"""Stands for a platform that the bot knows no more."""
