"""Reading the fields of a grader's definition, with errors that name the field."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.errors import InvalidRequest
from jobs.graders.sandbox.template import BadTemplate, check_template


class InvalidGrader(InvalidRequest):
    """A grader definition is malformed.

    Args:
        field: the path of the field, such as `grader.graders.precision.source`.
        reason: what is wrong with it, as the rest of a sentence.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one JSON object; every reader raises InvalidGrader with the field's path.

    Args:
        values: the object.
        path: what errors call it; a field is named `<path>.<field>`.
    """

    values: Mapping[str, object]
    path: str

    def only(self, known: Sequence[str], of: str) -> None:
        """Refuse a field that is not `known`; `of` says what may have those fields."""
        for key in self.values:
            if key not in known:
                close = nearest(str(key), known)
                hint = f"did you mean {close}?" if close else f"it may have {', '.join(known)}"
                raise self.error(key, f"is not a field of {of}; {hint}")

    def name(self) -> str:
        """The grader's name."""
        name = self.values.get("name")
        if not isinstance(name, str) or not name.strip():
            raise self.error("name", "must be a name, such as precision")
        return name

    def text(self, key: str) -> str:
        """A text that is not blank."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be text, not {'blank' if value == '' else shown(value)}")
        return value

    def number(self, key: str) -> float | None:
        """A finite number, or None if the field is absent or null."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error(key, f"must be a number, not {shown(value)}")
        return float(value)

    def integer(self, key: str, minimum: int | None = None) -> int | None:
        """A whole number, or None if the field is absent or null."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or (minimum is not None and value < minimum):
            at_least = "" if minimum is None else f" of at least {minimum}"
            raise self.error(key, f"must be a whole number{at_least}, not {shown(value)}")
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of `choices`."""
        value = self.values.get(key)
        if not isinstance(value, str) or value not in choices:
            close = nearest(str(value), choices)
            hint = f"; did you mean {close}?" if close else ""
            raise self.error(key, f"must be one of {', '.join(choices)}, not {shown(value)}{hint}")
        return value

    def template(self, key: str) -> str:
        """A text whose `{{ }}` placeholders, if any, are paths into item or sample."""
        value = self.values.get(key)
        if not isinstance(value, str):
            raise self.error(key, f"must be text, such as {{{{ sample.output_text }}}}, not {shown(value)}")
        return valid_template(value, f"{self.path}.{key}")

    def error(self, key: str, reason: str) -> InvalidGrader:
        """The error about one field."""
        return InvalidGrader(f"{self.path}.{key}", reason)


def valid_template(text: str, path: str) -> str:
    """The template itself, once its placeholders have been checked."""
    try:
        check_template(text)
    except BadTemplate as failure:
        raise InvalidGrader(path, str(failure)) from None
    return text


def nearest(word: str, choices: Sequence[str]) -> str | None:
    """The choice that `word` most likely stands for."""
    return next(iter(difflib.get_close_matches(word, choices, n=1)), None)


def shown(value: object) -> str:
    """The value, short, for a sentence."""
    return "missing" if value is None else repr(value)[:60]
