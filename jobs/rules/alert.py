"""When a condition that is read step by step raises an alert, and when that is over.

Everything but `RaisedAlert.cleared` is fixed when it is raised: whenever and however often the rules are evaluated, on
however much more of the series, the same alert has the same step, text and values.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

from jobs.core.records import RaisedAlert

Level = Literal["info", "warn", "critical"]

CLEAN_EVALS = 2
"""An alert is over after this many clean evaluations in a row."""
PAUSE: Final = 3
"""Readings after the end of an alert that raise no new one: a job near a threshold is not told of again and again."""


class Sign(Enum):
    """What one evaluation says about a rule's condition."""

    HOLDS = "holds"
    UNCLEAR = "unclear"
    """Neither: it neither lets an alert fire nor lets one clear."""
    CLEAN = "clean"

    @classmethod
    def of(cls, holds: bool) -> "Sign":
        """Return the sign of a condition that is clean whenever it does not hold."""
        return cls.HOLDS if holds else cls.CLEAN


@dataclass(frozen=True, slots=True)
class Episode:
    """From the reading at which an alert fires to the one at which it is over; both are positions in a sequence."""

    fired: int
    cleared: int | None = None


def episodes(signs: Sequence[Sign], *, in_row: int, clean: int = CLEAN_EVALS) -> tuple[Episode, ...]:
    """Return when an alert fires and when it is over, for a condition read once per evaluation.

    It fires on the edge, when the condition has held `in_row` times in a row, and is over after `clean` clean
    evaluations in a row. In between nothing fires, nor at the `PAUSE` readings after its end: a rule has one open
    alert at most, and does not flicker.
    """
    found: list[Episode] = []
    run, is_open, resumes = 0, False, 0
    for position, sign in enumerate(signs):
        if position < resumes:
            continue
        run = run + 1 if sign is (Sign.CLEAN if is_open else Sign.HOLDS) else 0
        if run < (clean if is_open else in_row):
            continue
        if is_open:
            found[-1] = Episode(found[-1].fired, position)
            resumes = position + 1 + PAUSE
        else:
            found.append(Episode(position))
        run, is_open = 0, not is_open
    return tuple(found)


def one_at_a_time(warnings: Iterable[RaisedAlert], criticals: Sequence[RaisedAlert]) -> tuple[RaisedAlert, ...]:
    """Return the alerts of a rule with two levels, so that one of them is open at most.

    A warning is over when it becomes critical, and none is given while a critical alert is open.
    """
    kept = list(criticals)
    for warning in warnings:
        if any(critical.step <= warning.step <= (critical.cleared or math.inf) for critical in criticals):
            continue
        worse = [c.step for c in criticals if warning.step < c.step < (warning.cleared or math.inf)]
        kept.append(replace(warning, cleared=min(worse)) if worse else warning)
    return tuple(sorted(kept, key=lambda alert: alert.step))


def first_open(alerts: Iterable[RaisedAlert]) -> tuple[RaisedAlert, ...]:
    """Return alerts of one rule from several curves in order, without those that began while another was open."""
    kept: list[RaisedAlert] = []
    for alert in sorted(alerts, key=lambda alert: alert.step):
        if not kept or (kept[-1].cleared is not None and kept[-1].cleared < alert.step):
            kept.append(alert)
    return tuple(kept)
