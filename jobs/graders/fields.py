"""Reading the fields of a grader's definition, and the error that names the one at fault."""

import copy
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence

from jobs.core.errors import InvalidRequest
from jobs.graders.cell.template import BadTemplate, read_template

SHARED = ("type", "name", "pass_threshold")
"""Fields that every grader may have."""


class InvalidGrader(InvalidRequest):
    """A grader definition is malformed.

    Args:
        field: the path of the field at fault, such as `grader.graders.precision.source`.
        reason: what is wrong with it, as the rest of a sentence.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


def check_fields(definition: Mapping[str, object], known: Iterable[str], where: str, of: str) -> None:
    """Refuse a field that is not `known`, naming the nearest; `of` says what may have those fields."""
    names = tuple(known)
    for key in definition:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it may have {', '.join(names)}"
            raise InvalidGrader(f"{where}.{key}", f"is not a field of {of}; {hint}")


def name_of(definition: Mapping[str, object], where: str) -> str:
    """The grader's name."""
    name = definition.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidGrader(f"{where}.name", "must be a name, such as precision")
    return name


def threshold_of(definition: Mapping[str, object], where: str) -> float | None:
    """The score from which an answer passes, where the definition says it."""
    return number_of(definition, "pass_threshold", where)


def number_of(definition: Mapping[str, object], key: str, where: str) -> float | None:
    """A finite number, or None where the field is absent or null."""
    value = definition.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidGrader(f"{where}.{key}", f"must be a number, not {shown(value)}")
    return float(value)


def whole_of(definition: Mapping[str, object], key: str, where: str, least: int | None = None) -> int | None:
    """A whole number, or None where the field is absent or null."""
    value = definition.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        at_least = "" if least is None else f" of at least {least}"
        raise InvalidGrader(f"{where}.{key}", f"must be a whole number{at_least}, not {shown(value)}")
    return value


def text_of(definition: Mapping[str, object], key: str, where: str) -> str:
    """A text that is not blank."""
    value = definition.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidGrader(f"{where}.{key}", f"must be text, not {'blank' if value == '' else shown(value)}")
    return value


def choice_of(definition: Mapping[str, object], key: str, where: str, choices: Sequence[str]) -> str:
    """One of `choices`."""
    value = definition.get(key)
    if not isinstance(value, str) or value not in choices:
        close = difflib.get_close_matches(str(value), choices, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InvalidGrader(f"{where}.{key}", f"must be one of {', '.join(choices)}, not {shown(value)}{hint}")
    return value


def template_of(definition: Mapping[str, object], key: str, where: str) -> str:
    """A text whose `{{ }}` places, if any, are paths into item or sample."""
    value = definition.get(key)
    if not isinstance(value, str):
        example = "such as {{ sample.output_text }}"
        raise InvalidGrader(f"{where}.{key}", f"must be text, {example}, not {shown(value)}")
    return checked_template(value, f"{where}.{key}")


def checked_template(text: str, where: str) -> str:
    """The template as it came, found to be in order."""
    try:
        read_template(text)
    except BadTemplate as failure:
        raise InvalidGrader(where, str(failure)) from None
    return text


def kept(definition: Mapping[str, object]) -> Mapping[str, object]:
    """A copy that later changes do not reach."""
    return copy.deepcopy(dict(definition))


def shown(value: object) -> str:
    """The value, short, for a sentence."""
    return "missing" if value is None else repr(value)[:60]
