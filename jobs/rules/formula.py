"""A rule's formula for people, in letters and with the numbers of an alert, both from one template.

Its first line is the condition, every other line says what a letter means. In the condition,

    D{drift:.3f}        is a letter and the figure it stands for; several words are put in brackets: [T - T1]{gain:.3f}
    {least_drift}       is a threshold: its name in letters, its value in numbers
    ... = {limit:.3f}   is a result, which only the numbers spell out
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from string import Formatter
from typing import Final

from charts.wording import decimals_apart, number

NOT_KEPT: Final = "The numbers of this alert were not kept."
_LETTER = re.compile(r"(\[[^\]]+\]|\w+)$")
_NEGATIVE_ZERO = re.compile(r"-(0(?:\.0+)?)(?![\d.])")
_LESS_A_NEGATIVE = re.compile(r" - (-\d[\d.]*)")

Values = Mapping[str, float]

NO_LUCK: Final[Values] = {"luck": 0.0}
"""Of alerts from before the luck of the best was reckoned with."""


def explained(template: str, values: Values) -> str:
    """Return the formula in letters, with numbers, and what its letters mean, a line each.

    If a figure of the condition is missing in `values`, a sentence that says so takes its place; a letter whose figure
    is missing is not explained.
    """
    condition, *legend = template.splitlines()
    try:
        lines = [_in_numbers(condition, values)]
    except KeyError:
        lines, legend = [NOT_KEPT], []
    for line in legend:
        with suppress(KeyError):
            lines.append(line.format_map(values))
    written = "\n".join((_in_letters(condition), *lines))
    return _LESS_A_NEGATIVE.sub(r" - (\1)", without_negative_zero(written))


def apart(*values: float) -> tuple[str, ...]:
    """Return values that a sentence compares, with enough decimals for those that differ to look different."""
    decimals = decimals_apart(*values)
    return tuple(number(value, decimals) for value in values)


def without_negative_zero(text: str) -> str:
    """Return a text with 0.00 for -0.00."""
    return _NEGATIVE_ZERO.sub(r"\1", text)


def _in_letters(condition: str) -> str:
    written = ""
    for literal, name, spec, _ in Formatter().parse(condition):
        written += literal
        if name:
            written = written.removesuffix(" = ") if spec else written + name
    return re.sub(r"[\[\]]", "", written)


def _in_numbers(condition: str, values: Values) -> str:
    written = ""
    for literal, name, spec, _ in Formatter().parse(condition):
        written += literal
        if name:
            written = _LETTER.sub("", written) + format(values[name], spec or "g")
    return written
