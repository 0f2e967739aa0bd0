"""Runs a grader's source once and calls its `grade` for sample after sample."""

import linecache
from collections.abc import Callable
from json import loads
from marshal import dumps as freeze
from marshal import loads as thaw
from math import inf, isfinite
from numbers import Real
from time import perf_counter
from traceback import TracebackException
from types import CodeType

RUNTIME = "python_grader_runtime_error"
DETAIL_CHARACTERS = 500

Outcome = tuple[float, float] | tuple[None, float, str, str]
"""Score and seconds; or None, seconds, kind of error, detail."""


class Loaded:
    """One grader, ready to be called, or the reason why it is not."""

    def __init__(self, name: str, source: str) -> None:
        self._file = f"<grader {name}>"
        self._name = name
        self._failure: str | None = None
        self._grade: Callable[[object, object], object] = _nothing
        self.exhausted = False
        """True once a call ran out of memory: what is left of it may be too little for the next one."""
        try:
            self._grade = self._run(source)
        except BaseException as failure:  # noqa: BLE001  # the boundary to foreign code: whatever it raises, SystemExit too, is its own
            self._failure = self._describe(failure)

    def _run(self, source: str) -> Callable[[object, object], object]:
        linecache.cache[self._file] = (len(source), None, source.splitlines(keepends=True), self._file)
        code: CodeType = compile(source, self._file, "exec", dont_inherit=True)
        space: dict[str, object] = {"__name__": "grader", "__builtins__": __builtins__}
        exec(code, space)  # noqa: S102  # running the grader is what this confined process is for
        grade = space.get("grade")
        if not callable(grade):
            msg = "the source defines no function `grade(sample, item)`"
            raise TypeError(msg)
        return grade

    def call(self, sample: object, item: object) -> Outcome:
        """The outcome of one call; whatever the grader does short of ending the process becomes an error."""
        if self._failure is not None:
            return (None, 0.0, RUNTIME, self._failure)
        started = perf_counter()
        try:
            score = _score(self._grade(sample, item), self._name)
            return (score, perf_counter() - started)
        except BaseException as failure:  # noqa: BLE001  # the boundary to foreign code: whatever it raises, SystemExit too, is its own
            seconds = perf_counter() - started
            self.exhausted = isinstance(failure, MemoryError)
            return (None, seconds, RUNTIME, self._describe(failure))

    def _describe(self, failure: BaseException) -> str:
        if isinstance(failure, NotAScore):
            return str(failure)
        told = TracebackException.from_exception(failure, limit=-64)
        text = "".join(told.format_exception_only()).strip().splitlines()
        line = next((frame for frame in reversed(told.stack) if frame.filename == self._file), None)
        if isinstance(failure, SyntaxError) or line is None:
            place = f", line {failure.lineno}" if isinstance(failure, SyntaxError) else ""
        else:
            place = f", line {line.lineno}" + (f": `{line.line.strip()[:160]}`" if line.line else "")
        absent = "; it is not installed beside Proctor" if _is_absent(failure) else ""
        return f"{text[-1][:DETAIL_CHARACTERS] if text else type(failure).__name__}{absent} (in {self._name}{place})"


def _is_absent(failure: BaseException) -> bool:
    """Whether a whole library was not found, as opposed to a part of one."""
    return type(failure) is ModuleNotFoundError and failure.name is not None and "." not in failure.name


class NotAScore(TypeError):
    """A grader returned something other than a finite number."""


def _nothing(_sample: object, _item: object) -> object:
    return None


def _score(value: object, name: str) -> float:
    if type(value) is not float:
        if not isinstance(value, Real):
            msg = f"{name} returned {_shown(value)}; it must return a number"
            raise NotAScore(msg)
        try:
            value = float(value)
        except OverflowError:
            value = inf
    if not isfinite(value):
        msg = f"{name} returned {value}; it must return a finite number"
        raise NotAScore(msg)
    return value


def _shown(value: object) -> str:
    """The value's type, and its text where that is short and cannot run code of the grader's."""
    kind = type(value)
    if value is None:
        return "None"
    if kind is str:
        return f"text ({value!r})" if len(value) <= 60 else f"text ({value[:60]!r}...)"  # type: ignore[arg-type,index]  # kind says it is text
    return f"a {kind.__name__}"


def sample_of(output_text: str) -> dict[str, object]:
    """The `sample` argument: the keys that OpenAI's graders get."""
    return {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": output_text}}],
        "output_text": output_text,
        "output_json": read_json(output_text),
        "output_tools": [],
        "output_audio": None,
    }


def read_json(text: str) -> object | None:
    """`text` as strict JSON (no NaN, no Infinity), or None where it is not."""
    try:
        value: object = loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value


def _refuse_constant(constant: str) -> object:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def frozen(value: object) -> bytes:
    """A value made of JSON types, in a form that `fresh` copies fast: each call gets its own, which it may change."""
    return freeze(value)  # type: ignore[arg-type]  # it came out of JSON


def fresh(blob: bytes) -> object:
    """A new copy of what `frozen` was given."""
    return thaw(blob)  # noqa: S302  # this process wrote the bytes itself a moment ago
