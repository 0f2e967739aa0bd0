"""The pieces that pictures are put into words with."""

import math
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")

LISTED = 24
"""At most this many values of a line are read out; more would not be listened to."""


def sentence(words: str) -> str:
    """Return `words` with a full stop, unless they end in one, or in a question mark, or are none."""
    return words if not words or words.endswith((".", "?")) else f"{words}."


def counted(number: int, name: str) -> str:
    """Return a number of things, such as `1 item` or `1,200 items`."""
    return f"{number:,} {name}{'s' if number != 1 else ''}"


def some(values: Sequence[_T], most: int = LISTED) -> list[_T]:
    """Return the first, the last and evenly spaced ones between, about `most` in all."""
    every = math.ceil(len(values) / most)
    return [*values[:-1:every], values[-1]] if every > 1 else [*values]


def listed_steps(steps: Sequence[int]) -> str:
    """Return steps in a row, and how many more there are."""
    told = ", ".join(f"{step:,}" for step in steps[:LISTED])
    return told if len(steps) <= LISTED else f"{told} and {len(steps) - LISTED} more"
