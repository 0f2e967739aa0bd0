"""Charts as plain values: a picture is a function of one of these and a theme, of nothing else.

Each has a title, the verdict in one sentence, and a subtitle: task, model and split, how many items and runs. A score
that is None or not finite was not measured.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from charts.step_values import JobCurves, RewardCurve, RuleTrace, StepPanels, StepTimes
from charts.wording import finite

Theme = Literal["light", "dark"]
Scale: TypeAlias = tuple[float, float]
"""The lowest and the highest score there can be."""


@dataclass(frozen=True, slots=True)
class CheckpointScores:
    """The scores of one checkpoint, or of the base model; None is not measured.

    Args:
        label: the name to show ("checkpoint", "base model"); a long one is shortened in the picture.
        step: the step whose weights these are, None for a model that was not trained here.
        precision: share of predicted labels that are right, 0..1.
        recall: share of right labels that were predicted, 0..1.
        f1: harmonic mean of the two, 0..1.
        reward: the score training climbs, where it is not one of the above.
    """

    label: str
    step: int | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class CheckpointComparison:
    """The scores of the kept checkpoints, side by side, on the same items.

    Args:
        noise: the largest difference that chance explains; the highest of a column has a star where it is further above
            the next. None: nothing has one.
    """

    title: str
    rows: tuple[CheckpointScores, ...]
    subtitle: str = ""
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class ItemScores:
    """One item's scores over its runs; None where no answer could be graded."""

    item: str
    mean: float | None
    best: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class VarianceStudy:
    """How much the runs of each item differ: how much room there is to learn.

    Args:
        items: in any order; they are drawn from the lowest mean to the highest.
        runs: answers sampled for each item.
        mean: mean score over all items, None where it is not known.
        mean_best: mean over items of the best run.
        mean_variance: mean over items of the variance over runs.
        scale: of the score, where it is known.
    """

    title: str
    items: tuple[ItemScores, ...]
    runs: int
    mean: float | None = None
    mean_best: float | None = None
    mean_variance: float | None = None
    subtitle: str = ""
    score: str = "reward"
    scale: Scale | None = None

    @property
    def graded(self) -> tuple[ItemScores, ...]:
        """The items that have scores, from the lowest mean to the highest, equal means by their best."""
        scored = (item for item in self.items if finite(item.mean) is not None)
        return tuple(sorted(scored, key=lambda item: (item.mean, finite(item.best) or 0.0, item.item)))


@dataclass(frozen=True, slots=True)
class Score:
    """One score with its uncertainty in the same unit; None is not measured, or an unknown uncertainty."""

    mean: float | None
    error: float | None = None


@dataclass(frozen=True, slots=True)
class ArmScores:
    """The scores of one arm (a model at a reasoning effort), one for each grader of the comparison."""

    arm: str
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class ScoreComparison:
    """The scores of several arms on the same items, grader by grader.

    Args:
        arms: in the order shown; `scores` in the order of `graders`.
        errors: what the error bars are.
        best: the arm that is better than every other by the first grader, which has a star there; "" where none is.
        scales: of the graders whose scale is known, by name; others are 0..1, or wider where a score is.
    """

    title: str
    graders: tuple[str, ...]
    arms: tuple[ArmScores, ...]
    subtitle: str = ""
    errors: str = "standard deviation over runs"
    best: str = ""
    scales: tuple[tuple[str, Scale], ...] = ()


ModelKind = Literal["base", "checkpoint", "alias", "arm"]
"""The base model, one of a job's checkpoints, the model that an alias points at now, or an arm of an eval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with the ends of its 95% interval; an end is None where it is not known, a mean where not measured."""

    mean: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluatedModel:
    """One model's scores on the same items as the others'.

    Args:
        label: what it is called in the picture, such as "step 45".
        kind: why it is among them; each kind has its own shape.
        precision: mean precision, 0..1.
        recall: mean recall, 0..1.
        score: the score that training climbs, or F1.
        chosen: whether the picture is about it; its label is in bold.
        tokens: mean of an answer, of the kind that the picture is about.
    """

    label: str
    kind: ModelKind
    precision: Estimate = Estimate(None)
    recall: Estimate = Estimate(None)
    score: Estimate = Estimate(None)
    chosen: bool = False
    tokens: float | None = None


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Where each model lies between few mistakes and few omissions.

    Args:
        models: in any order; one without precision or recall is named below the picture.
    """

    title: str
    models: tuple[EvaluatedModel, ...]
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """One score of each model with its interval, for tasks without precision and recall; in the order given."""

    title: str
    models: tuple[EvaluatedModel, ...]
    score: str = "reward"
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class ScoreTokens:
    """The score of each model against the tokens that an answer takes: what a better score costs.

    Args:
        models: in any order; one without score or tokens is named below the picture.
        score: what it is called.
        tokens: which tokens these are.
    """

    title: str
    models: tuple[EvaluatedModel, ...]
    score: str = "reward"
    tokens: str = "tokens of an answer"
    subtitle: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values lie between one edge and the next; there is one edge more than there are counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RewardSpread:
    """How finely a grader tells answers apart.

    Args:
        rewards: of every answer.
        spreads: from the worst to the best run of an item, of the items whose runs differ.
        flat: items whose runs all score the same.
        runs: answers sampled for each item.
        score: what the reward is called.
    """

    title: str
    rewards: Histogram
    spreads: Histogram
    flat: int
    runs: int
    score: str = "reward"
    subtitle: str = ""


MOST_LABELS = 40
"""Of more labels than this, the most frequent and the rarest are shown."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many items carry a label, and how many did `before`; None is not counted."""

    label: str
    count: int | None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class LabelDistribution:
    """How often each label occurs, in one data set or in one before and after it was balanced.

    Args:
        labels: in any order; they are drawn from the most frequent to the rarest.
        now: what `count` is called.
        then: what `before` is called.
    """

    title: str
    labels: tuple[LabelCount, ...]
    subtitle: str = ""
    now: str = "after"
    then: str = "before"

    @property
    def compares(self) -> bool:
        """True when there are counts from before to compare with."""
        return any(label.before is not None for label in self.labels)

    @property
    def ordered(self) -> tuple[LabelCount, ...]:
        """The labels from the most to the least frequent, by what they were before where that is known."""

        def place(label: LabelCount) -> tuple[int, int, str]:
            before, count = (-1 if known is None else known for known in (label.before, label.count))
            return (-before, -count, label.label)

        return tuple(sorted(self.labels, key=place))

    @property
    def parts(self) -> tuple[tuple[LabelCount, ...], tuple[LabelCount, ...], tuple[LabelCount, ...]]:
        """The labels to show first, those between that are only summed up, and the rarest, to show last."""
        labels = self.ordered
        if len(labels) <= MOST_LABELS:
            return labels, (), ()
        half = MOST_LABELS // 2
        return labels[:half], labels[half:-half], labels[-half:]


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """What more training items bring.

    Args:
        points: number of training items and score, for each job.
        curve: the same along the fitted curve, from the fewest items on; it ends at `promised`, if that is known.
        promised: a larger number of items, and between which scores it is expected to lead.
        base: score of the base model, None where it is not known.
    """

    title: str
    points: tuple[tuple[int, float], ...]
    curve: tuple[tuple[float, float], ...] = ()
    promised: tuple[int, float, float] | None = None
    base: float | None = None
    subtitle: str = ""
    score: str = "reward"


Chart: TypeAlias = (
    RewardCurve
    | StepPanels
    | StepTimes
    | JobCurves
    | RuleTrace
    | CheckpointComparison
    | VarianceStudy
    | ScoreComparison
    | LabelDistribution
    | PrecisionRecall
    | ScoreIntervals
    | LearningCurve
    | ScoreTokens
    | RewardSpread
)

METRICS: tuple[tuple[Literal["precision", "recall", "f1", "reward"], str], ...] = (
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("reward", "reward"),
)
"""The fields of `CheckpointScores` that are scores, in the order they are shown, with their names for people."""
