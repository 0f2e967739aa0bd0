"""Reads a grader's definition into a dataclass: each field's annotation names the function that reads its value.

A reader takes a value and its path; it returns what the field holds, or raises InvalidGrader. A string in the
annotation is the key in the definition, if it differs from the field's name.
"""

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_type_hints

from jobs.core.errors import InvalidRequest
from jobs.graders.sandbox.template import BadTemplate, check_template

T = TypeVar("T")
LARGEST = sys.float_info.max
Reader = Callable[[object, str], object]


class InvalidGrader(InvalidRequest):
    """A field of a grader's definition, such as `grader.graders.precision.source`, is malformed."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


def read_fields(
    kind: Callable[..., T],
    given: object,
    path: str,
    of: str,
    also: Sequence[str] = (),
    *,
    extra: bool = False,
    **known: object,
) -> T:
    """A `kind` made from the object `given`.

    Args:
        kind: a dataclass.
        given: the object.
        path: what errors call it; a field is named `<path>.<field>`.
        of: what errors say may have these fields, such as "a python grader".
        also: keys of the object that are read elsewhere.
        extra: whether the object may have fields that a `kind` has not; one that seems misspelt is refused.
        known: fields that need not be read.

    Raises:
        InvalidGrader: naming the field.
    """
    fields = _readers(kind)
    keys = (*(key for key, _ in fields.values()), *also)
    if not isinstance(given, Mapping):
        raise InvalidGrader(path, f"must be an object with {', '.join(keys)}")
    keys = ("type", *keys) if hasattr(kind, "type") else keys
    for key in given:
        if key not in keys:
            close = nearest(str(key), keys, alike=0.8 if extra else 0.6)
            if extra and (close is None or close in given):
                continue
            hint = f"did you mean {close}?" if close else f"it may have {', '.join(keys)}"
            raise InvalidGrader(f"{path}.{key}", f"is not a field of {of}; {hint}")
    read = {name: reader(given.get(key), f"{path}.{key}") for name, (key, reader) in fields.items()}
    return kind(**read, **known)


def keys_of(kind: Callable[..., object]) -> tuple[str, ...]:
    """The keys that are read for a `kind`."""
    return tuple(key for key, _ in _readers(kind).values())


@cache
def _readers(kind: Callable[..., object]) -> Mapping[str, tuple[str, Reader]]:
    """Key and reader of each field that has one."""
    hints: Mapping[str, Any] = get_type_hints(kind, include_extras=True)
    notes = {name: hint.__metadata__ for name, hint in hints.items() if hasattr(hint, "__metadata__")}
    return {name: (key[0] if key else name, reader) for name, (reader, *key) in notes.items()}


def text(value: object, path: str, *, optional: bool = False) -> str | None:
    """A text that is not blank."""
    if (not isinstance(value, str) or not value.strip()) and not (value is None and optional):
        raise InvalidGrader(path, f"must be text, not {'blank' if isinstance(value, str) else shown(value)}")
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


def number(value: object, path: str, *, whole: bool = False, minimum: int | None = None) -> float | None:
    """A finite number, or None."""
    if value is None:
        return None
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not abs(value) <= LARGEST:  # nor NaN
        raise InvalidGrader(path, f"must be a {'whole number' if whole else 'number'}, not {shown(value)}")
    if minimum is not None and value < minimum:
        raise InvalidGrader(path, f"must be at least {minimum}, not {shown(value)}")
    return value


def number_range(value: object, path: str) -> tuple[float, float]:
    """Two finite numbers, the smaller first; 0 and 1 by default."""
    match (0, 1) if value is None else value:
        case [int() | float() as low, int() | float() as high] if -LARGEST <= low < high <= LARGEST:
            if not isinstance(low, bool) and not isinstance(high, bool):
                return float(low), float(high)
    raise InvalidGrader(path, f"must be two numbers, the smaller first, such as [0, 1], not {shown(value)}")


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


def nearest(word: str, choices: Sequence[str], *, alike: float = 0.6) -> str | None:
    """The choice that `word` most likely stands for; so much of the two must agree, from 0 to 1."""
    return next(iter(difflib.get_close_matches(word, choices, n=1, cutoff=alike)), None)


def shown(value: object) -> str:
    """The value, short, for a sentence."""
    return "missing" if value is None else repr(value)[:60]
