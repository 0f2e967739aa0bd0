"""How a figure is written, in pictures and in words alike."""

import math
from collections.abc import Iterable
from typing import Literal

Unit = Literal["score", "tokens", "seconds", "share"]
"""What a figure is measured in; a share is 0..1 and written as a percentage."""


def numeral(value: float, decimals: int = 2) -> str:
    """Return `value` with its decimals, or three significant digits from 100 on; never "-0.00"."""
    text = f"{value:.{decimals}f}" if abs(value) < 100 else f"{value:.3g}"
    return text.removeprefix("-") if float(text) == 0 else text


def figure(value: float, unit: Unit) -> str:
    """Return `value` as people write it: 0.53, 1,240 (tokens), 3.2 s, 0.4%."""
    match unit:
        case "score":
            return numeral(value)
        case "tokens":
            return f"{value:,.0f}" if abs(value) >= 99.5 or value == int(value) else f"{value:.1f}"
        case "seconds":
            return seconds(value)
        case "share":
            return f"{100 * value:.3g}%"


def seconds(value: float) -> str:
    """Return seconds with three digits at most: `2 \u00b5s`, `250 ms`, `3.2 s`, `1,402 s`."""
    if value == 0:
        return "0 s"
    if abs(value) < 0.0009995:
        return f"{1e6 * value:.3g} \u00b5s"
    if abs(value) < 0.9995:
        return f"{1000 * value:.3g} ms"
    return f"{value:.3g} s" if abs(value) < 999.5 else f"{value:,.0f} s"


def highest(values: Iterable[float | None], decimals: int = 2) -> str | None:
    """Return the highest value as it is written, so that what looks equal counts as equal; None where all are."""
    there = [value for value in values if value is not None]
    return numeral(max(there), decimals) if len({numeral(value, decimals) for value in there}) > 1 else None


def finite(value: float | None) -> float | None:
    """Return `value`, or None where it is not a number that can be drawn."""
    return value if value is not None and math.isfinite(value) else None
