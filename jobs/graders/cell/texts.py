"""Grades by comparing texts: `string_check` and `text_similarity`."""

from collections.abc import Callable, Mapping
from time import perf_counter

from .grading import Outcome
from .similarity import Measure, measure_of
from .template import Unfilled, filled, read_template

OTHER = "other_error"

OPERATIONS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.casefold() in text.casefold(),
}


class Compared:
    """One grader that compares two texts, ready to be called.

    Args:
        name: the grader's name.
        operation: of a `string_check`, or the metric of a `text_similarity`.
        text: template of the text being graded.
        reference: template of what it is graded against.
        measures: gives the measure of a metric; raises ImportError where it takes a library that is not there.
    """

    exhausted = False
    """A comparison that runs out of memory leaves enough for the next one."""

    def __init__(
        self, name: str, operation: str, text: str, reference: str, measures: Callable[[str], Measure] = measure_of
    ) -> None:
        self._name = name
        self._text = read_template(text)
        self._reference = read_template(reference)
        self._failure: str | None = None
        self._measure: Measure = _none
        try:
            self._measure = OPERATIONS[operation] if operation in OPERATIONS else measures(operation)
        except ImportError as failure:
            self._failure = f"{name} needs {failure.name} for {operation}, and it is not installed beside Proctor"

    def call(self, sample: object, item: object) -> Outcome:
        """The outcome for one sample; a place that cannot be filled in becomes an error."""
        if self._failure is not None:
            return (None, 0.0, OTHER, self._failure)
        started = perf_counter()
        try:
            score = float(self._measure(filled(self._text, sample, item), filled(self._reference, sample, item)))
        except Unfilled as failure:
            return (None, perf_counter() - started, failure.kind, f"{self._name}: {failure.detail}")
        except (MemoryError, RecursionError):
            return (None, perf_counter() - started, OTHER, f"{self._name}: the texts are too large to compare")
        return (score, perf_counter() - started)


def _none(_text: str, _reference: str) -> float:
    return 0.0
