"""The picture of the evidence: precision against recall where the graders have them, else the reward."""

from charts import Chart, Estimate, EvaluatedModel, ModelKind, PrecisionRecall, ScoreIntervals
from handlers.evidence.words import best_of, headline
from jobs.core.records import Job
from jobs.evidence.records import Candidate, Evidence, Figure, Role
from jobs.views.wording import grader_name


def evidence_chart(job: Job, evidence: Evidence) -> Chart:
    """Return the picture of finished evidence; its title is the verdict."""
    best = best_of(evidence, job.reward)
    models = tuple(_model(each, evidence, job.reward, chosen=each is best) for each in evidence.candidates)
    title, subtitle = headline(job, evidence, short=True), " · ".join((job.task, job.id, sample(job, evidence)))
    if any({"precision", "recall"} <= each.valid.keys() for each in evidence.candidates):
        return PrecisionRecall(title, models, subtitle)
    return ScoreIntervals(title, models, grader_name(job.reward), subtitle)


def sample(job: Job, evidence: Evidence) -> str:
    """Return how many items and runs the validation figures rest on."""
    items = next((each.versus_base.items for each in evidence.candidates if each.versus_base), job.valid_items)
    runs = f"{evidence.runs} run{'s' if evidence.runs != 1 else ''}"
    return f"{items:,} validation items x {runs}" if items else f"validation split x {runs}"


def in_use(candidate: Candidate, evidence: Evidence) -> bool:
    """Tell whether the alias points at this model now."""
    return candidate.role is Role.ALIAS or (evidence.alias is not None and candidate.model == evidence.alias_model)


def _model(candidate: Candidate, evidence: Evidence, reward: str, *, chosen: bool) -> EvaluatedModel:
    kind: ModelKind = "base" if candidate.role is Role.BASE else "checkpoint"
    if in_use(candidate, evidence):
        kind = "alias"
    precision, recall, score = (_estimate(candidate.valid.get(name)) for name in ("precision", "recall", reward))
    return EvaluatedModel(candidate.name, kind, precision, recall, score, chosen)


def _estimate(value: Figure | None) -> Estimate:
    return Estimate(None) if value is None else Estimate(value.mean, value.low, value.high)
