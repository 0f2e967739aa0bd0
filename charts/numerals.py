"""How a figure is written, in pictures and in words alike."""

import math
from collections.abc import Iterable


def numeral(value: float, decimals: int = 2) -> str:
    """Return `value` with its decimals, or three significant digits from 100 on; never "-0.00"."""
    text = f"{value:.{decimals}f}" if abs(value) < 100 else f"{value:.3g}"
    return text.removeprefix("-") if float(text) == 0 else text


def highest(values: Iterable[float | None], decimals: int = 2) -> str | None:
    """Return the highest value as it is written, so that what looks equal counts as equal; None where all are."""
    there = [value for value in values if value is not None]
    return numeral(max(there), decimals) if len({numeral(value, decimals) for value in there}) > 1 else None


def finite(value: float | None) -> float | None:
    """Return `value`, or None where it is not a number that can be drawn."""
    return value if value is not None and math.isfinite(value) else None
