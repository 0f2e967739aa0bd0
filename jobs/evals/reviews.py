"""What people say of grades: right, wrong, or the score that they would have given.

A grade is a grader's score of one answer to one item. What is said of it is bound to the item as it was, to the text of
the answer and to the grader's definition. So it holds in every eval of the task in which the same answer is graded, and
never for another version of the grader.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Final, Self

from charts.wording import counted, number, percentage, plural
from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval, Interval
from jobs.evals.stats.intervals import mean_interval
from jobs.evals.stats.summary import usable

ENOUGH: Final = 10
"""Grades drawn at random, from which on it is said that one score for all would be right as often."""
TOLERANCE: Final = 0.1
"""Share of a grader's range by which two scores may differ and still say the same."""
_EXACT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Review:
    """What one person says of a grade."""

    user: str
    """Slack user id."""
    name: str
    """What the person is called, where no mention can be shown; may be empty."""
    at: float
    """Unix seconds."""
    graded: float
    """The score that it is about."""
    is_right: bool
    score: float | None = None
    """What the person would have given."""
    is_drawn: bool = False
    """The grade was drawn at random for them, not picked by a person."""
    note: str = ""
    evaluation: str = ""
    """Id of the eval in which they saw it."""

    @property
    def words(self) -> str:
        """What it says, in a few words."""
        would_be = "" if self.score is None else f", {number(self.score)} would be right"
        return f"{number(self.graded)} is right" if self.is_right else f"{number(self.graded)} is wrong{would_be}"

    def agrees(self, score: float, tolerance: float) -> bool | None:
        """Tell whether it calls this score of the same answer right; None where it says nothing about it."""
        if self.score is not None:
            return abs(score - self.score) <= tolerance + _EXACT
        if abs(score - self.graded) <= tolerance + _EXACT:
            return self.is_right
        return False if self.is_right else None


@dataclass(frozen=True, slots=True)
class ReviewedGrade:
    """A grader's score of one answer, and what people say of it."""

    grader: str
    fingerprint: str
    """Of the grader's definition."""
    item: str
    content: str
    """Hash of the item's text and reference."""
    answer: str
    """Hash of the answer's text."""
    tolerance: float
    reviews: tuple[Review, ...] = ()
    """One for each person, the newest last."""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What tells a grade from all others."""
        return (self.answer, self.item, self.grader, self.fingerprint, self.content)

    @property
    def verdict(self) -> bool | None:
        """Whether most people call the score right that was seen last; None where they are divided."""
        score = self.reviews[-1].graded
        said = [agreed for each in self.reviews if (agreed := each.agrees(score, self.tolerance)) is not None]
        right = sum(said)
        return None if 2 * right == len(said) else 2 * right > len(said)

    @property
    def deserved(self) -> float | None:
        """The score that people would have given, as the last of them who says so has it; None where nobody does."""
        known = [each.graded if each.is_right else each.score for each in self.reviews]
        return next((score for score in reversed(known) if score is not None), None)

    @property
    def is_drawn(self) -> bool:
        """Whether it was drawn at random for at least one of them."""
        return any(each.is_drawn for each in self.reviews)

    def with_review(self, review: Review) -> Self:
        """Return it with a person's review, in place of the one they gave before."""
        return replace(self, reviews=(*(each for each in self.reviews if each.user != review.user), review))


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some grades people call right."""

    right: int
    grades: int
    interval: Interval | None
    """95%, clustered by item; None below two items."""

    @property
    def words(self) -> str:
        """The count, the share and its interval: `18 of 20 (90%, 69% to 97%)`."""
        within = f", {percentage(self.interval.low)} to {percentage(self.interval.high)}" if self.interval else ""
        return f"{self.right:,} of {self.grades:,} ({percentage(self.right / self.grades)}{within})"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree with one grader, as its definition stands."""

    grader: str
    is_judge: bool
    drawn: Share | None
    """Of the grades drawn at random; None where none was."""
    picked: Share | None
    """Of those that people picked, most of them because they looked wrong."""
    divided: int
    """Grades on which people disagree with each other; they are in neither."""
    people: int
    earlier: int
    """Grades by other versions of this grader that people have checked."""
    constant: tuple[float, int] | None = None
    """The one score that would be right most often on those drawn at random, and on how many."""

    @property
    def sentence(self) -> str:
        """What to know before this grader is trusted."""
        called = f"the judge {self.grader}" if self.is_judge else self.grader
        if not self.people:
            other = f"; {self.earlier:,} of an earlier version {plural(self.earlier, 'was', 'were')}"
            of = "this judge" if self.is_judge else "this grader"
            return f"No grades of {of} ({self.grader}) have been checked by a person{other if self.earlier else ''}."
        who = counted(self.people, "person", "people")
        parts = [
            f"{share.words} {how}"
            for share, how in ((self.drawn, "drawn at random"), (self.picked, "that people picked"))
            if share
        ]
        said = [f"Grades of {called} that {who} checked are right: {'; '.join(parts)}."] if parts else []
        if self.drawn and self.constant and self.drawn.grades >= ENOUGH and self.constant[1] >= self.drawn.right:
            always = number(self.constant[0])
            said.append(f"Always {always} would be right as often, so it hardly tells answers apart.")
        if self.divided:
            said.append(f"On {counted(self.divided, 'grade')} of {called} people disagree with each other.")
        if self.drawn is None:
            said.append("Only grades drawn at random say what to expect of the others.")
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class TaskReviews:
    """What people say of the grades of one task and its versions."""

    task: str
    """Name of the task that they are versions of."""
    grades: tuple[ReviewedGrade, ...] = ()

    @property
    def edition(self) -> str:
        """Changes with everything that is said."""
        return text_hash(repr(self))

    def of(self, grade: ReviewedGrade) -> ReviewedGrade:
        """Return a grade with what was said of it."""
        # The hash of the answer alone tells nearly all apart; an export looks up each of an eval's grades.
        answer, key = grade.answer, grade.key
        return next((each for each in self.grades if each.answer == answer and each.key == key), grade)

    def with_grade(self, grade: ReviewedGrade) -> Self:
        """Return these with one grade added, or in the place of what was said of it before."""
        return replace(self, grades=(*(each for each in self.grades if each.key != grade.key), grade))

    def agreement(self, grader: str, fingerprint: str, *, is_judge: bool = True) -> Agreement:
        """Return how far people agree with a grader of this definition."""
        named = [each for each in self.grades if each.grader == grader]
        ours = [each for each in named if each.fingerprint == fingerprint]
        settled = [(each, verdict) for each in ours if (verdict := each.verdict) is not None]
        return Agreement(
            grader,
            is_judge,
            _share([(each, verdict) for each, verdict in settled if each.is_drawn]),
            _share([(each, verdict) for each, verdict in settled if not each.is_drawn]),
            divided=len(ours) - len(settled),
            people=len({review.user for each in ours for review in each.reviews}),
            earlier=len(named) - len(ours),
            constant=_best_constant([each for each, _ in settled if each.is_drawn]),
        )

    def agreements(self, evaluation: Eval) -> tuple[Agreement, ...]:
        """Return how far people agree with the judges of an eval, and with its other graders that were checked."""
        read = (
            self.agreement(grader, fingerprint, is_judge=grader in evaluation.judges)
            for grader, fingerprint in evaluation.fingerprints.items()
            if grader in evaluation.graders
        )
        return tuple(each for each in read if each.is_judge or each.people)


NO_REVIEWS: Final = TaskReviews("")


def _best_constant(grades: list[ReviewedGrade]) -> tuple[float, int] | None:
    """Return the score that would be right on most of these, and on how many; what chance alone can reach."""
    deserved = [(score, each.tolerance + _EXACT) for each in grades if (score := each.deserved) is not None]
    counts = {score: sum(abs(score - other) <= within for other, within in deserved) for score, _ in deserved}
    return max(counts.items(), key=lambda found: (found[1], found[0]), default=None)


def _share(verdicts: list[tuple[ReviewedGrade, bool]]) -> Share | None:
    if not verdicts:
        return None
    items: dict[str, list[bool]] = {}
    for grade, verdict in verdicts:
        items.setdefault(grade.item, []).append(verdict)
    means = [sum(each) / len(each) for each in items.values()]
    return Share(sum(right for _, right in verdicts), len(verdicts), mean_interval(means, (0.0, 1.0)))


# -- a grade as it stands in an eval ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grade:
    """A grader's score of one answer of an eval."""

    evaluation: Eval
    item: Item
    answer: Answer
    grader: str
    score: float
    reviewed: ReviewedGrade = field(repr=False)
    """What people say of it."""

    @property
    def range(self) -> tuple[float, float] | None:
        """The lowest and the highest score there can be, where that is known."""
        return self.evaluation.ranges.get(self.grader)

    def is_close_to(self, score: float) -> bool:
        """Tell whether a score says the same as that of the grader."""
        return abs(score - self.score) <= self.reviewed.tolerance + _EXACT


def grade_of(evaluation: Eval, item: Item, answer: Answer, grader: str, reviews: TaskReviews) -> Grade | None:
    """Return the grade of an answer with what people say of it; None where it has no score that could be checked."""
    score, fingerprint = answer.scores.get(grader), evaluation.fingerprints.get(grader)
    if answer.shown is None or fingerprint is None or not usable(score):
        return None
    low, high = evaluation.ranges.get(grader, (0.0, 1.0))
    bare = ReviewedGrade(
        grader,
        fingerprint,
        item.id,
        text_hash(json.dumps([item.input, item.reference], sort_keys=True, ensure_ascii=False)),
        text_hash(answer.shown),
        TOLERANCE * (high - low),
    )
    return Grade(evaluation, item, answer, grader, score, reviews.of(bare))


def reviews_of(
    evaluation: Eval, item: Item | None, answer: Answer, reviews: TaskReviews
) -> dict[str, tuple[Review, ...]]:
    """Return what people say of the grades of an answer, by grader; {} where nothing was said."""
    if item is None or not reviews.grades:
        return {}
    grades = (grade_of(evaluation, item, answer, grader, reviews) for grader in evaluation.graders)
    return {each.grader: each.reviewed.reviews for each in grades if each and each.reviewed.reviews}


def text_hash(text: str) -> str:
    """Return what stands for a text in a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
