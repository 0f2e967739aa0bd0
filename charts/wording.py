"""How numbers, intervals, units, plurals and lists are written: in messages, pictures and alt text alike.

Imports nothing but the standard library, so every floor can use it.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

Unit = Literal["score", "tokens", "seconds", "share"]
"""What a quantity is measured in; a share is 0..1 and written as a percentage."""

MOST_DECIMALS: Final = 6
SMALL_CHANGE: Final = 0.01
"""A change smaller than this gets a third decimal."""
WHOLE: Final = 100
"""From here on a number is written without decimals."""
KIB: Final = 1024
MINUTE, HOUR, DAY = 60, 3600, 86_400


# -- numbers ----------------------------------------------------------------------------------------------------------


def number(value: float, decimals: int = 2) -> str:
    """Return `0.52`, `-3.10` or, from 100 on, `12,346`; never `-0.00`."""
    text = f"{value:.{decimals}f}"
    if abs(value) >= WHOLE:
        text = f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.3g}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def score(value: float | None, decimals: int = 2, *, missing: str = "not reported") -> str:
    """Return a reward or another score, or `missing` in place of None."""
    return missing if value is None else number(value, decimals)


def decimals_apart(*values: float, least: int = 2) -> int:
    """Return how many decimals it takes for values that differ to be written differently: `least` to 6.

    Of values that 6 decimals cannot all tell apart, as many are told apart as can be.
    """

    def apart(decimals: int) -> int:
        return len({number(value, decimals) for value in values})

    return max(range(least, MOST_DECIMALS + 1), key=apart)


def apart(*values: float, least: int = 2) -> tuple[str, ...]:
    """Return values that one sentence compares, with as many decimals as it takes for those that differ to do so."""
    decimals = decimals_apart(*values, least=least)
    told = tuple(number(value, decimals) for value in values)
    if len(set(told)) == len(set(values)) or all(abs(value) < WHOLE for value in values):
        return told
    # From 100 on a number has no decimals of its own accord.
    by_decimals = [tuple(f"{value:,.{count}f}" for value in values) for count in range(MOST_DECIMALS + 1)]
    return max(by_decimals, key=lambda texts: len(set(texts)))


def decimals_of(text: str) -> int:
    """Return how many decimals a number is written with."""
    return len(text.partition(".")[2])


def compared(before: float, after: float, least: int = 2) -> tuple[str, str, str]:
    """Return two scores and the signed change; the change is that of the scores as written.

    Where that is not the true change as one rounds it, all three have a decimal more, and no more than that: of 10/18
    and 17/18 no number of decimals agrees.
    """
    decimals = decimals_apart(before, after, least=least)
    if round(round(after, decimals) - round(before, decimals), decimals) != round(after - before, decimals):
        decimals = min(decimals + 1, MOST_DECIMALS)
    change = round(after, decimals) - round(before, decimals)
    return number(before, decimals), number(after, decimals), signed(change, decimals)


def interval(low: float | None, high: float | None, decimals: int = 2) -> str:
    """Return `0.45 to 0.58`, or "" where an end is not known; more decimals where both ends would look the same."""
    if low is None or high is None:
        return ""
    decimals = decimals_apart(low, high, least=decimals)
    return f"{number(low, decimals)} to {number(high, decimals)}"


def estimate(mean: float | None, low: float | None = None, high: float | None = None, decimals: int = 2) -> str:
    """Return `0.52 (0.45 to 0.58)`, `0.52` without an interval, or `not measured`."""
    if mean is None:
        return "not measured"
    if low is None or high is None:
        return number(mean, decimals)
    decimals = decimals_apart(low, high, least=decimals)
    return f"{number(mean, decimals)} ({interval(low, high, decimals)})"


def on_scale(bounds: tuple[float, float] | None) -> str:
    """Return `, on a scale of 0 to 5`, to follow a score; "" on the usual one of 0 to 1 and where none is known."""
    return "" if bounds is None or bounds == (0, 1) else f", on a scale of {bounds[0]:g} to {bounds[1]:g}"


def signed(value: float, decimals: int | None = None) -> str:
    """Return a change with its sign, `+0.12`; by default `+0.003` below 0.01. What rounds to nothing has no sign."""
    if decimals is None:
        decimals = 3 if abs(value) < SMALL_CHANGE else 2
    text = number(value, decimals)
    if float(text.replace(",", "")) == 0:
        return number(0.0, min(decimals, 2))
    return text if value < 0 else f"+{text}"


def changed(mean: float, low: float | None = None, high: float | None = None, least: int = 2) -> tuple[str, str]:
    """Return a signed change and its interval ("" where that is not known), one as precise as the other.

    An end that is not 0 does not read as 0.00: whether the interval holds 0 is what people look for.
    """
    decimals = max(least, 3 if abs(mean) < SMALL_CHANGE else 2)
    if low is not None and high is not None:
        decimals = decimals_apart(mean, low, high, least=decimals)
        decimals = max(decimals_apart(end, 0.0, least=decimals) for end in (low, high))
    return signed(mean, decimals), interval(low, high, decimals)


def moved(before: float, after: float, *beside: float) -> str:
    """Return `up 0.03`, `down 0.003` or, where 6 decimals do not show a difference, `unchanged`.

    It is as precise as it takes to tell it from what is said `beside` it, such as the difference that noise explains.
    """
    *_, change = compared(before, after, decimals_apart(abs(after - before), *beside))
    if change[0] not in "+-":
        return "unchanged"
    return f"{'up' if change[0] == '+' else 'down'} {change[1:]}"


# -- units ------------------------------------------------------------------------------------------------------------


def quantity(value: float, unit: Unit) -> str:
    """Return a measured value with its unit where that has a symbol: `0.53`, `1,240` (tokens), `3.2 s`, `0.4%`."""
    match unit:
        case "score":
            return number(value)
        case "tokens":
            return f"{value:,.0f}" if abs(value) >= 99.5 or value == int(value) else f"{value:.1f}"
        case "seconds":
            return seconds(value)
        case "share":
            return f"{100 * value:.3g}%"


def quantities(values: Sequence[float], unit: Unit) -> tuple[str, ...]:
    """Return measured values of one sentence, each with its unit; scores that differ look different."""
    return apart(*values) if unit == "score" else tuple(quantity(value, unit) for value in values)


def percentage(share: float) -> str:
    """Return a share of 0..1 as people say it: `42%`, below 10% with two digits: `9.5%`, `0.4%`."""
    percent = 100 * share
    return f"{percent:,.0f}%" if abs(percent) >= 9.95 else f"{percent:.2g}%"


def seconds(value: float) -> str:
    """Return a measured time with three digits at most: `2 \u00b5s`, `250 ms`, `3.2 s`, `1,402 s`."""
    if value == 0:
        return "0 s"
    if abs(value) < 0.0009995:
        return f"{1e6 * value:.3g} \u00b5s"
    if abs(value) < 0.9995:
        return f"{1000 * value:.3g} ms"
    return f"{value:.3g} s" if abs(value) < 999.5 else f"{value:,.0f} s"


def duration(span: float | None) -> str:
    """Return a span of seconds in two units: `42 s`, `5 min 03 s`, `1 h 05 min`, `2 d 3 h`; None is `not started`."""
    if span is None:
        return "not started"
    whole = max(0, int(span))
    if whole >= DAY:
        return f"{whole // DAY} d {whole % DAY // HOUR} h"
    if whole >= HOUR:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"
    return f"{whole // MINUTE} min {whole % MINUTE:02d} s" if whole >= MINUTE else f"{whole} s"


def file_size(count: int) -> str:
    """Return a number of bytes as `812 bytes`, `1.4 KiB` or `3.0 MiB`."""
    if count < KIB:
        return counted(count, "byte")
    return f"{count / KIB:.1f} KiB" if count < KIB**2 else f"{count / KIB**2:.1f} MiB"


# -- words ------------------------------------------------------------------------------------------------------------


def plural(count: int, noun: str, several: str = "") -> str:
    """Return the noun as it follows `count`; `several` is its plural where that is not just an s more."""
    return noun if count == 1 else several or f"{noun}s"


def money(dollars: float | None) -> str:
    """Return an amount such as `$1.20` or `$0.0034`, or that it is unknown."""
    if dollars is None:
        return "unknown"
    return f"${dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"${dollars:.2g}"


def counted(count: int, noun: str, several: str = "") -> str:
    """Return a number of things: `1 item`, `1,200 items`."""
    return f"{count:,} {plural(count, noun, several)}"


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Return parts as one says them: `a`, `a and b`, `a, b and c`."""
    return f" {last} ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)


def listed(parts: Sequence[str], most: int) -> str:
    """Return the first parts and how many more there are: `a, b, c and 4 more`."""
    told = ", ".join(parts[:most])
    return told if len(parts) <= most else f"{told} and {len(parts) - most:,} more"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with columns, for a fixed-width font."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def sentence(words: str) -> str:
    """Return `words` with a full stop, unless they are empty or end in one or in a question mark."""
    return words if not words or words.endswith((".", "?")) else f"{words}."


def grader_name(grader: str) -> str:
    """Return a grader's name as people write it."""
    return "F1" if grader == "f1" else grader


def finite(value: float | None) -> float | None:
    """Return `value`, or None where it is not a number that can be drawn."""
    return value if value is not None and math.isfinite(value) else None
