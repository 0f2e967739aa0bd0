"""Rule B: precision and recall lie far apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from jobs.alerts.alert import Alert, JobFacts, Level, Sign, Values, Voice, raised
from jobs.alerts.inputs import grader_names, grader_points
from jobs.series import Series

PRECISION, RECALL = "precision", "recall"


@dataclass(frozen=True, slots=True)
class Balance:
    """Precision and recall at one evaluation."""

    step: int
    precision: float
    recall: float


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
        return raised(Voice(self.rule, self.level, self.in_row), tuple(_balances(series)), self._sign, self._say)

    def _sign(self, balance: Balance) -> Sign:
        return Sign.HOLDS if abs(balance.precision - balance.recall) > self.most_apart else Sign.CLEAN

    def _say(self, balance: Balance) -> tuple[str, Values]:
        cautious = balance.precision > balance.recall
        meaning = "is right when it answers, and misses much" if cautious else "finds much, and is often wrong"
        text = (
            f"Lopsided: precision {balance.precision:.2f} and recall {balance.recall:.2f} on validation at step "
            f"{balance.step}.\n"
            f"The policy {meaning}; one number for both hides it.\n"
            "Next: decide which of the two matters more, and compare checkpoints by that one too."
        )
        return text, {"precision": balance.precision, "recall": balance.recall}


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
