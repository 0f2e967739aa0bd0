"""Why a rule fired: its formula in letters, and again with the numbers of one alert put in."""

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, ClassVar, Protocol

NOT_KEPT = "The numbers of this alert were not kept."
_MINUS_NOTHING = re.compile(r"-(0(?:\.0+)?)(?![\d.])")
_LESS_A_NEGATIVE = re.compile(r" - (-\d[\d.]*)")

Values = Mapping[str, float]


class HasThresholds(Protocol):
    """Any dataclass with numbers among its fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True, slots=True)
class Formula:
    """A rule's condition, for people.

    Args:
        letters: the condition; thresholds stand under the names by which a task may set them.
        numbers: the same with places for an alert's values and the rule's thresholds, as in `str.format`.
        legend: what the letters stand for, one sentence a line, with such places too.
    """

    letters: str
    numbers: str
    legend: tuple[str, ...] = ()

    def put_in(self, rule: HasThresholds, values: Values) -> str:
        """Return the formula in letters, with numbers, and its legend: at most six lines.

        An alert keeps the thresholds it was raised with. One from before they were kept was raised with the defaults;
        where a measured value is missing, the lines that need it give way to a sentence that says so.
        """
        known = {**thresholds(rule), **values}
        lines = [self.letters, self.numbers, *self.legend]
        try:
            written = [line.format_map(known) for line in lines]
        except KeyError:
            written = [self.letters, NOT_KEPT]
        return _LESS_A_NEGATIVE.sub(r" - (\1)", without_minus_nothing("\n".join(written)))


def without_minus_nothing(text: str) -> str:
    """Return a text in which what is written as nothing has no sign: 0.00 for -0.00."""
    return _MINUS_NOTHING.sub(r"\1", text)


def thresholds(rule: HasThresholds, under: str = "") -> dict[str, float]:
    """Return the numbers among a rule's settings by name; those of a rule inside of it as `<field>_<name>`."""
    found: dict[str, float] = {}
    for field in fields(rule):
        value = getattr(rule, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            found |= thresholds(value, f"{under}{field.name}_")
        elif isinstance(value, int | float):
            found[f"{under}{field.name}"] = float(value)
    return found
