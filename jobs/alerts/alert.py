"""What a rule says, what it is told, and what a rule is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from jobs.series import Series

Level = Literal["info", "warn", "critical"]

CLEAN_EVALS = 2
"""An alert is over after this many clean evaluations in a row."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a rule knows of a job beside its series; None where the platform has not said.

    Args:
        train_items: items in the training split.
        batch_size: items a step.
        valid_items: items in the validation split.
    """

    train_items: int | None
    batch_size: int | None
    valid_items: int | None = None

    @property
    def epoch_steps(self) -> int | None:
        """Steps in which every training item comes once (W = ceil(items / batch))."""
        if not self.train_items or not self.batch_size:
            return None
        return -(-self.train_items // self.batch_size)


@dataclass(frozen=True, slots=True)
class Alert:
    """One time that a rule held on a job, from the edge on; `(rule, step)` is its identity.

    Everything but `cleared` is fixed at the edge: whenever and however often the rules are evaluated, on however
    much more of the series, the same alert has the same step, text and values.

    Args:
        rule: the rule's id ("O1").
        level: how much it matters.
        step: the step at which it fired.
        text: what was seen, what it means, what to do next; three lines at most.
        values: the figures the formula was evaluated with, by name.
        cleared: the step of the second clean evaluation in a row, None while the alert is open.
    """

    rule: str
    level: Level
    step: int
    text: str
    values: Mapping[str, float] = field(default_factory=dict)
    cleared: int | None = None


class Rule(Protocol):
    """A pure function of a job's series, with its thresholds as fields."""

    @property
    def rule(self) -> str:
        """The id people look it up by; it never changes."""

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time this rule fired on `series`, in order; at most the last one is still open.

        What it says about a step depends on nothing later than that step. A rule whose inputs are missing returns ().
        """


class Sign(Enum):
    """What one evaluation says about a rule's condition."""

    HOLDS = "holds"
    UNCLEAR = "unclear"
    """Neither: it neither lets an alert fire nor lets one clear."""
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Episode:
    """From the reading at which an alert fires to the one at which it is over; both are positions in a sequence."""

    fired: int
    cleared: int | None = None


def episodes(signs: Sequence[Sign], *, in_row: int, clean: int = CLEAN_EVALS) -> tuple[Episode, ...]:
    """Return when an alert fires and when it is over, for a condition read once per evaluation.

    It fires on the edge, when the condition has held `in_row` times running, and is over after `clean` clean
    evaluations running. In between nothing fires: a rule has one open alert at most.
    """
    found: list[Episode] = []
    run = 0
    for position, sign in enumerate(signs):
        is_open = bool(found) and found[-1].cleared is None
        run = run + 1 if sign is (Sign.CLEAN if is_open else Sign.HOLDS) else 0
        if run < (clean if is_open else in_row):
            continue
        run = 0
        if is_open:
            found[-1] = Episode(found[-1].fired, position)
        else:
            found.append(Episode(position))
    return tuple(found)
