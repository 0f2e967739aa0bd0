"""The pictures of evaluated models, in words."""

from charts.values import Estimate, EvaluatedModel, ModelKind, PrecisionRecall, ScoreIntervals
from charts.wording import counted, finite, number, sentence

KINDS: dict[ModelKind, str] = {"base": " (base model)", "checkpoint": "", "alias": " (in use now)"}


def precision_recall(chart: PrecisionRecall) -> str:
    """Return the precision and recall of every model with their intervals."""
    rows = [_row(model, (("precision", model.precision), ("recall", model.recall))) for model in chart.models]
    return _told(chart.title, chart.subtitle, "Precision against recall", rows)


def score_intervals(chart: ScoreIntervals) -> str:
    """Return the score of every model with its interval."""
    rows = [_row(model, ((chart.score, model.score),)) for model in chart.models]
    return _told(chart.title, chart.subtitle, f"Mean {chart.score}", rows)


def _told(title: str, subtitle: str, what: str, rows: list[str]) -> str:
    heading = f"{what} of {counted(len(rows), 'model')}, with 95% intervals."
    return " ".join([*filter(None, [sentence(title), sentence(subtitle)]), heading, *rows])


def _row(model: EvaluatedModel, scores: tuple[tuple[str, Estimate], ...]) -> str:
    told = [f"{name} {words}" for name, score in scores if (words := _estimate(score))]
    return sentence(f"{model.label}{KINDS[model.kind]}: {', '.join(told) or 'not measured'}")


def _estimate(score: Estimate) -> str:
    mean, low, high = finite(score.mean), finite(score.low), finite(score.high)
    if mean is None:
        return ""
    return number(mean) + (f" ({number(low)} to {number(high)})" if low is not None and high is not None else "")
