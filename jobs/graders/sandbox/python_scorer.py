"""Runs the source of a python grader once and calls its `grade` for sample after sample."""

import linecache
from collections.abc import Callable
from math import inf, isfinite
from numbers import Real
from traceback import TracebackException

from .errors import GraderErrorKind, GradingError

ERROR_CHARACTERS = 500
LINE_CHARACTERS = 160


class PythonScorer:
    """One python grader; a source that fails when it is loaded fails for every sample."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._file = f"<grader {name}>"
        self._load_error: str | None = None
        try:
            self._grade = self._load(source)
        except BaseException as failure:  # noqa: BLE001  # the boundary to foreign code, which may raise anything
            self._load_error = self._describe(failure)

    def __call__(self, sample: object, item: object) -> float:
        """The score of one sample.

        Raises:
            GradingError: whatever the grader raised, short of ending the process, or its result is not a finite number.
        """
        if self._load_error is not None:
            raise GradingError(GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR, self._load_error)
        try:
            return _finite(self._grade(sample, item), self._name)
        except GradingError:
            raise
        except BaseException as failure:  # the boundary to foreign code, which may raise anything
            raise GradingError(GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR, self._describe(failure)) from failure

    def _load(self, source: str) -> Callable[[object, object], object]:
        linecache.cache[self._file] = (len(source), None, source.splitlines(keepends=True), self._file)
        space: dict[str, object] = {"__name__": "grader", "__builtins__": __builtins__}
        exec(compile(source, self._file, "exec", dont_inherit=True), space)  # noqa: S102  # what this confined process is for
        grade = space.get("grade")
        if not callable(grade):
            raise TypeError("the source defines no function `grade(sample, item)`")
        return grade

    def _describe(self, failure: BaseException) -> str:
        """The failure in one line, with the line of the source where it was raised."""
        trace = TracebackException.from_exception(failure, limit=-64)
        text = "".join(trace.format_exception_only()).strip().splitlines() or [type(failure).__name__]
        line = next((frame for frame in reversed(trace.stack) if frame.filename == self._file), None)
        place = ""
        if isinstance(failure, SyntaxError):
            place = f", line {failure.lineno}"
        elif line is not None:
            place = f", line {line.lineno}" + (f": `{line.line.strip()[:LINE_CHARACTERS]}`" if line.line else "")
        missing = "; it is not installed beside Proctor" if _is_missing_library(failure) else ""
        return f"{text[-1][:ERROR_CHARACTERS]}{missing} (in {self._name}{place})"


def _is_missing_library(failure: BaseException) -> bool:
    """Whether a whole library was not found, as opposed to a part of one."""
    return type(failure) is ModuleNotFoundError and failure.name is not None and "." not in failure.name


def _finite(value: object, name: str) -> float:
    if type(value) is float and isfinite(value):
        return value
    if not isinstance(value, Real):
        why = f"{name} returned {_shown(value)}; it must return a number"
        raise GradingError(GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR, why)
    try:
        number = float(value)
    except OverflowError:
        number = inf
    if not isfinite(number):
        why = f"{name} returned {number}; it must return a finite number"
        raise GradingError(GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR, why)
    return number


def _shown(value: object) -> str:
    """The value's type, and the text of a plain str: showing anything else could run code of the grader's."""
    if type(value) is str:
        return f"text ({value[:60]!r}{'...' if len(value) > 60 else ''})"
    return "None" if value is None else f"a {type(value).__name__}"
