"""Rule B: precision and recall lie far apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, raised
from jobs.rules.inputs import grader_names, grader_points
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import line

APART = Formula(
    "|P - R| > most_apart, at in_row evaluations in a row",
    "|{precision:.3f} - {recall:.3f}| = {apart:.3f} > {most_apart:g}, at {in_row:.0f} in a row",
    ("P and R: precision and recall on the validation split.",),
)

PRECISION, RECALL = "precision", "recall"


@dataclass(frozen=True, slots=True)
class Balance:
    """Precision and recall at one evaluation."""

    step: int
    precision: float
    recall: float

    @property
    def apart(self) -> float:
        """How far the two lie apart."""
        return abs(self.precision - self.recall)


@dataclass(frozen=True, slots=True)
class Lopsided:
    """Notes that |precision - recall| > `most_apart` at `in_row` evaluations in a row; graders by their names."""

    rule: ClassVar[str] = "B"
    title: ClassVar[str] = "lopsided precision and recall"
    level: ClassVar[Level] = "info"
    most_apart: float = 0.20
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        both = _named(series, PRECISION) and _named(series, RECALL)
        return None if both else "No graders called precision and recall are reported."

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:  # noqa: ARG002 - every rule is asked alike
        """Return every time they grew apart."""
        return raised(Voice(self, self.level, self.in_row), tuple(_balances(series)), self._sign, self._say)

    def _sign(self, balance: Balance) -> Sign:
        return Sign.HOLDS if balance.apart > self.most_apart else Sign.CLEAN

    def _say(self, balance: Balance) -> tuple[str, Values]:
        cautious = balance.precision > balance.recall
        meaning = "is right when it answers, and misses much" if cautious else "finds much, and is often wrong"
        text = (
            f"Lopsided: precision {balance.precision:.2f} and recall {balance.recall:.2f} on validation at step "
            f"{balance.step}.\n"
            f"The policy {meaning}; one number for both hides it.\n"
            "Next: decide which of the two matters more, and compare checkpoints by that one too."
        )
        return text, {"precision": balance.precision, "recall": balance.recall, "apart": balance.apart}

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of a note."""
        return APART.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:  # noqa: ARG002 - asked alike
        """Return the two, and how far they lie apart."""
        found = tuple(_balances(series))
        both = (line("precision", found, lambda b: b.precision), line("recall", found, lambda b: b.recall))
        apart = line("precision and recall apart", found, lambda b: b.apart)
        held = Threshold("noted above", self.most_apart)
        return (TracePanel("validation scores", "score", both), TracePanel("apart", "score", (apart,), (held,)))


def _named(series: Series, name: str) -> str | None:
    return next((grader for grader in grader_names(series) if grader.lower() == name), None)


def _balances(series: Series) -> Iterator[Balance]:
    precision, recall = _named(series, PRECISION), _named(series, RECALL)
    if precision is None or recall is None:
        return
    recalls = dict(grader_points(series, recall))
    for step, value in grader_points(series, precision):
        if step in recalls:
            yield Balance(step, value, recalls[step])
