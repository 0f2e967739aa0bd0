"""What the checks look at: everything read, graded and asked beforehand, so that each check is a plain function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from jobs.core.errors import BotError
from jobs.evals.records import Eval
from jobs.evals.reviews import NO_REVIEWS, TaskReviews
from jobs.graders import Grade, Sample
from jobs.graders.example_answers import HERE
from jobs.platforms.parse import GraderTrial
from jobs.platforms.profiles import Profile
from jobs.tasks import Row, Task
from jobs.tasks.datasets.answer_shape import AnswerShape
from jobs.tasks.labels import REFERENCE


class Source(StrEnum):
    """Where the answers of a trial come from."""

    REFERENCE = "reference"
    """The row's own reference answer."""
    NEIGHBOUR = "neighbour"
    """The reference of the row whose text is most alike: what can be had without understanding anything."""
    OTHER = "other"
    """The reference of another row, drawn at random."""
    EMPTY = "empty"
    NO_LABELS = "no_labels"
    ALL_LABELS = "all_labels"
    TOP_LABEL = "top_label"
    TOP_SET = "top_set"
    REAL = "real"
    """What a model answered."""


FULL = 0.99
"""The share of the highest reward from which an answer counts as paid in full."""
TRIVIAL = (Source.EMPTY, Source.NO_LABELS, Source.ALL_LABELS, Source.TOP_LABEL, Source.TOP_SET)
"""The same answer to every row."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Answers from one source to some rows of the train split, graded by the reward grader."""

    source: Source
    phrase: str
    """What the answers are, for sentences."""
    rows: tuple[Row, ...]
    answers: tuple[Sample, ...]
    grades: tuple[Grade, ...] = ()
    is_right: bool = False
    """Whether the answers are known to be right ones: each is its row's reference, in the place where it belongs."""

    @property
    def rewards(self) -> tuple[float, ...]:
        """The rewards of the gradings that did not fail."""
        return tuple(grade.reward for grade in self.grades if not grade.errors)

    @property
    def mean(self) -> float | None:
        """Mean reward over all rows, a failed grading counting 0 as it does in training; None without rows."""
        return sum(grade.reward for grade in self.grades) / len(self.grades) if self.grades else None


@dataclass(frozen=True, slots=True)
class OddGrade:
    """A grading of something that is not as it should be."""

    grader: str
    what: str
    """What it was given, for sentences."""
    grade: Grade


@dataclass(frozen=True, slots=True)
class SideTrial:
    """Well-formed answers, graded by a grader that is not the reward."""

    grader: str
    rows: tuple[Row, ...]
    grades: tuple[Grade, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row that says the same as an earlier one, or nearly."""

    split: str
    row: Row
    earlier_split: str
    earlier: Row
    exact: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """A task, and what was found out about it."""

    task: Task
    rows: Mapping[str, Sequence[Row]]
    """Split to rows, of the splits that can be read."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Split to the sentence that says why not."""
    labelled: bool = False
    """Whether the references are sets of labels."""
    shape: AnswerShape | None = None
    form: str = HERE
    """How an answer is given without a response format, of `TEXT_FORMS` or `AS_CALL`: as the reward pays it best."""
    reference: str = REFERENCE
    """The field of an item in which its right answer stands."""
    trials: Mapping[Source, Trial] = field(default_factory=dict)
    others: tuple[SideTrial, ...] = ()
    """What the graders beside the reward make of the reference answers."""
    odd_answers: tuple[OddGrade, ...] = ()
    odd_rows: tuple[OddGrade, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    asks_models: bool = False
    """Whether grading costs tokens; then only a few gradings were made."""
    profile: Profile | None = None
    """The platform that it would be trained on."""
    remote: GraderTrial | BotError | None = None
    """What the platform made of the reward grader and one reference answer; None where it was not asked."""
    evals: tuple[Eval, ...] = ()
    """The evals of this task, newest first."""

    reviews: TaskReviews = NO_REVIEWS
    """What people say of grades of this task."""

    @property
    def right(self) -> Trial | None:
        """The answers that are known to be right; None where no right answer is known.

        A free text that is paid in full on no row is not known to be right: the grader may want it in other words, and
        pay a little for their form.
        """
        trial = self.trials.get(Source.REFERENCE)
        if trial is None or not trial.is_right:
            return None
        is_paid = any(self.share(reward) >= FULL for reward in trial.rewards)
        return trial if is_paid or self.task.response_format is not None else None

    @property
    def range(self) -> tuple[float, float] | None:
        """The lowest and the highest reward; None where neither the grader's definition nor task.yaml says."""
        return self.task.range_of(self.task.reward)

    def share(self, reward: float) -> float:
        """Return a reward as a share of the way from the lowest to the highest, of 0 to 1 where these are not known."""
        low, high = self.range or (0.0, 1.0)
        return (reward - low) / (high - low)

    @property
    def train(self) -> Sequence[Row]:
        """The rows that training would see; of a task without a train split, its first split's."""
        return self.rows.get(self.train_split, ())

    @property
    def train_split(self) -> str:
        """The split of those rows."""
        return "train" if self.rows.get("train") else next(iter(self.rows), "train")
