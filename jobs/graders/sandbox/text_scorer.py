"""Scores by comparing texts: `string_check` and `text_similarity`."""

from collections.abc import Callable, Mapping

from .errors import GraderErrorKind, GradingError
from .similarity import MEASURES
from .template import fill

OPERATIONS: Mapping[str, Callable[[str, str], float]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.casefold() in text.casefold(),
}


class TextScorer:
    """One grader that compares two templates, by the operation of a `string_check` or a metric of similarity."""

    def __init__(self, name: str, operation: str, text: str, reference: str) -> None:
        self._name = name
        self._operation = operation
        self._compare = OPERATIONS.get(operation) or MEASURES[operation]
        self._text = text
        self._reference = reference

    def __call__(self, sample: object, item: object) -> float:
        """The score of one sample.

        Raises:
            GradingError: a placeholder cannot be filled, a library is missing, or the texts are too large.
        """
        try:
            return float(self._compare(fill(self._text, sample, item), fill(self._reference, sample, item)))
        except GradingError as failure:
            kind, detail = failure.kind, f"{self._name}: {failure.detail}"
        except ImportError as failure:
            kind = GraderErrorKind.OTHER_ERROR
            detail = f"{self._name} needs {failure.name} for {self._operation}, and it is not installed beside Proctor"
        except (MemoryError, RecursionError):
            kind, detail = GraderErrorKind.OTHER_ERROR, f"{self._name}: the texts are too large to compare"
        raise GradingError(kind, detail)
