"""Short calculations with the numbers of a text: what a policy answers with where each row's answer is another number.

A way of calculating is written like `n1 + n3` or `(n2 - n1) * n3`: the numbers in the order in which the text has them.
"""

import itertools
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

MOST_NUMBERS, MOST_OPERANDS, MOST_WAYS = 5, 3, 64

_DIGITS = r"\d{1,15}(?:,\d{3}){0,4}(?:\.\d{1,9})?"
_NUMBER = re.compile(rf"(?<![\w.]){_DIGITS}(?!\w)")
_REFERENCE = re.compile(rf"(?s)(?:.*####)?\s*(-?{_DIGITS})\s*")
_ASKED = re.compile(r"(?i)\bhow (?:many|much|old|far|long|tall)\b|\bwhat number\b|\bwith (?:a|the) number\b")
_OPERAND, _OPERATION = re.compile(r"n(\d)"), re.compile(r" ([-+*/]) ")


def numbers_in(text: str) -> list[Fraction]:
    """Return the first numbers of `text`."""
    return [Fraction(found.replace(",", "")) for found in _NUMBER.findall(text)[:MOST_NUMBERS]]


def number_of(value: object) -> Fraction | None:
    """Return a reference as a number, such as 7, "1,200" or a solution that ends with "#### 7"; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = _REFERENCE.fullmatch(str(value))
    return Fraction(found[1].replace(",", "")) if found else None


def asked_for(text: str) -> tuple[str, ...]:
    """Return the ways with two numbers, where a text has two and asks for another; else nothing."""
    numbers = numbers_in(text)
    return tuple(_ways(len(numbers), 2)) if len(numbers) > 1 and _ASKED.search(text) else ()


def ways_to(references: Sequence[tuple[str, Fraction]], is_finite: bool) -> tuple[str, ...]:
    """Return the ways that lead from several texts to their references; nothing where too few rows have one.

    Args:
        references: texts with their right answers.
        is_finite: whether the references could be chosen from as well; then a few ways must explain nearly all rows,
            since small numbers are easily reached by chance.
    """
    least_share, least_covered = (0.2, 0.9) if is_finite else (0.02, 0.5)
    fitting = [_fitting(numbers_in(text), reference) for text, reference in references]
    counts = Counter(way for ways in fitting for way in ways)
    least = max(2, least_share * len(references))
    kept = tuple(way for way, count in counts.most_common(MOST_WAYS) if count >= least)
    covered = sum(not ways.isdisjoint(kept) for ways in map(frozenset, fitting))
    return kept if covered >= least_covered * len(fitting) else ()


def calculated(way: str, text: str) -> str:
    """Return the result of `way` with the numbers of `text`, as a person writes it; 0 where there is no result."""
    value = _value(way, numbers_in(text))
    if value is None:
        return "0"
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"


def _fitting(numbers: Sequence[Fraction], reference: Fraction) -> list[str]:
    return [way for way in _ways(len(numbers), MOST_OPERANDS) if _value(way, numbers) == reference]


@lru_cache(maxsize=32)
def _ways(numbers: int, operands: int) -> list[str]:
    """Return the ways with up to so many operands; of sums and products that are the same, the first."""
    places = range(1, numbers + 1)
    found = [f"n{place}" for place in places]
    for one, other in itertools.permutations(places, 2):
        found += [f"n{one} {sign} n{other}" for sign in "+*" if one < other] + [
            f"n{one} {sign} n{other}" for sign in "-/"
        ]
    pairs = found[numbers:]
    if operands > 2:
        found += [
            f"({pair}) {sign} n{more}" for pair in pairs for sign in "+-*/" for more in places if f"n{more}" not in pair
        ]
    return found


def _value(way: str, numbers: Sequence[Fraction]) -> Fraction | None:
    places = [int(place) - 1 for place in _OPERAND.findall(way)]
    if max(places) >= len(numbers):
        return None
    value = numbers[places[0]]
    for sign, place in zip(_OPERATION.findall(way), places[1:], strict=True):
        other = numbers[place]
        if sign == "/" and other == 0:
            return None
        value = _APPLY[sign](value, other)
    return value


_APPLY: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
