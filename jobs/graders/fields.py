"""Reads a grader's definition into a dataclass: each field's annotation names the function that reads its value.

A reader takes a value and its path; it returns what the field holds, or raises InvalidGrader. A string in the
annotation is the key in the definition, if it differs from the field's name.
"""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_type_hints

from jobs.core.errors import InvalidRequest
from jobs.graders.sandbox.template import BadTemplate, check_template

T = TypeVar("T")
Reader = Callable[[object, str], object]


class InvalidGrader(InvalidRequest):
    """A grader definition is malformed.

    Args:
        field: the path of the field, such as `grader.graders.precision.source`.
        reason: what is wrong with it, as the rest of a sentence.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


def read_fields(kind: Callable[..., T], given: Mapping[str, object], path: str, of: str, **known: object) -> T:
    """A `kind` made from the object `given`.

    Args:
        kind: a dataclass.
        given: the object.
        path: what errors call it; a field is named `<path>.<field>`.
        of: what errors say may have these fields, such as "a python grader".
        known: fields that need not be read.

    Raises:
        InvalidGrader: naming the field.
    """
    fields = _readers(kind)
    keys = (*(["type"] if hasattr(kind, "type") else []), *(key for key, _ in fields.values()))
    for key in given:
        if key not in keys:
            close = nearest(str(key), keys)
            hint = f"did you mean {close}?" if close else f"it may have {', '.join(keys)}"
            raise InvalidGrader(f"{path}.{key}", f"is not a field of {of}; {hint}")
    read = {
        name: reader(given.get(key), f"{path}.{key}") for name, (key, reader) in fields.items() if name not in known
    }
    return kind(**read, **known)


@cache
def _readers(kind: Callable[..., object]) -> Mapping[str, tuple[str, Reader]]:
    """Key and reader of each field that has one."""
    hints: Mapping[str, Any] = get_type_hints(kind, include_extras=True)
    notes = {name: hint.__metadata__ for name, hint in hints.items() if hasattr(hint, "__metadata__")}
    return {name: (key[0] if key else name, reader) for name, (reader, *key) in notes.items()}


def given(value: object, _path: str) -> object:
    """A field that depends on others; whoever calls `read_fields` reads it."""
    return value


def text(value: object, path: str) -> str:
    """A text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidGrader(path, f"must be text, not {'blank' if isinstance(value, str) else shown(value)}")
    return value


def optional_text(value: object, path: str) -> str | None:
    """Any text, or None."""
    if not isinstance(value, str | None):
        raise InvalidGrader(path, "must be text")
    return value


def template(value: object, path: str) -> str:
    """A text whose `{{ }}` placeholders, if any, are paths into item or sample."""
    if not isinstance(value, str):
        raise InvalidGrader(path, f"must be text, such as {{{{ sample.output_text }}}}, not {shown(value)}")
    try:
        check_template(value)
    except BadTemplate as failure:
        raise InvalidGrader(path, str(failure)) from None
    return value


def number(value: object, path: str) -> float | None:
    """A finite number, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidGrader(path, f"must be a number, not {shown(value)}")
    return float(value)


def integer(value: object, path: str, minimum: int | None = None) -> int | None:
    """A whole number, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or (minimum is not None and value < minimum):
        at_least = "" if minimum is None else f" of at least {minimum}"
        raise InvalidGrader(path, f"must be a whole number{at_least}, not {shown(value)}")
    return value


def number_range(value: object, path: str) -> tuple[float, float]:
    """Two finite numbers, the smaller first; 0 and 1 by default."""
    if value is None:
        return 0.0, 1.0
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InvalidGrader(path, f"must be two numbers, such as [0, 1], not {shown(value)}")
    ends = [float(end) for end in value if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(ends) != 2 or not all(map(math.isfinite, ends)) or ends[0] >= ends[1]:
        raise InvalidGrader(path, f"must be two numbers, the smaller first, not {shown(value)}")
    return ends[0], ends[1]


def labels(value: object, path: str) -> tuple[str, ...]:
    """Different texts, at least one."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) and one for one in value):
        raise InvalidGrader(path, f"must be a list of texts, not {shown(value)}")
    if len(set(value)) < len(value):
        raise InvalidGrader(path, "names a label twice")
    return tuple(value)


def choice(*choices: str, optional: bool = False) -> Reader:
    """A reader of one of `choices`."""

    def read(value: object, path: str) -> str | None:
        if value is None and optional:
            return None
        if not isinstance(value, str) or value not in choices:
            close = nearest(str(value), choices)
            hint = f"; did you mean {close}?" if close else ""
            raise InvalidGrader(path, f"must be one of {', '.join(choices)}, not {shown(value)}{hint}")
        return value

    return read


def nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice that `word` most likely stands for."""
    return next(iter(difflib.get_close_matches(word, choices, n=1)), None)


def shown(value: object) -> str:
    """The value, short, for a sentence."""
    return "missing" if value is None else repr(value)[:60]
