"""What a rule looks at, over the steps of a job: the figures behind the picture of an alert."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from charts import Points, Threshold, TracedLine, TracePanel
from jobs.rules.alert import Reading

R = TypeVar("R", bound=Reading)


@dataclass(frozen=True, slots=True)
class Trace:
    """What a rule looks at on one job.

    Args:
        panels: one for each of its conditions, ready to be drawn.
        fired: steps at which its alerts were raised.
        cleared: steps at which they were over.
    """

    panels: tuple[TracePanel, ...]
    fired: tuple[int, ...]
    cleared: tuple[int, ...]


def line(name: str, readings: Iterable[R], value: Callable[[R], float | None]) -> TracedLine:
    """Return one figure of the readings, where it is known."""
    return TracedLine(name, points(readings, value))


def limit(name: str, readings: Iterable[R], value: Callable[[R], float | None]) -> Threshold:
    """Return a threshold that moves with the readings."""
    return Threshold(name, points(readings, value))


def points(readings: Iterable[R], value: Callable[[R], float | None]) -> Points:
    """Return (step, value) of every reading that has one."""
    found = ((reading.step, value(reading)) for reading in readings)
    return tuple((step, known) for step, known in found if known is not None)
