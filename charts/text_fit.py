"""Text that fits: measured with the font itself, wrapped or shortened to a width, without glyphs the font lacks."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font

from charts.style import FONT, LABEL

Weight = Literal["normal", "bold"]
MISSING: Final = "\u25a1"
ELLIPSIS: Final = "\u2026"
NARROW: Final = 5
"""No letter is narrower than a fifth of its size."""
MOST_LINES: Final = 8
NUMBER: Final = re.compile(r"(\S+) (\d\S*)")
"""A number and the word before it."""


@lru_cache(maxsize=2)
def _font(weight: Weight) -> tuple[FT2Font, frozenset[int]]:
    """Return the font and the characters it can draw."""
    font = get_font(findfont(FontProperties(family=FONT, weight=weight)))
    return font, frozenset(font.get_charmap())


def printable(words: str, weight: Weight = "normal") -> str:
    """Return `words` on one line, with a box for every character the font cannot draw."""
    _, glyphs = _font(weight)
    return "".join(letter if ord(letter) in glyphs else MISSING for letter in " ".join(words.split()))


@lru_cache(maxsize=4096)
def width_of(words: str, size: float = LABEL, weight: Weight = "normal") -> float:
    """Return how many pixels wide `words` are at `size` pixels."""
    font, _ = _font(weight)
    font.set_size(size, 72)
    font.set_text(words, 0.0)
    return font.get_width_height()[0] / 64


def shorten(words: str, width: float, size: float = LABEL, weight: Weight = "normal") -> str:
    """Return `words` on one line of at most `width` pixels, cut in the middle: ids differ at both ends."""
    most = int(width / size * NARROW)  # no more than this can fit, and measuring a novel takes seconds
    line = printable(words if len(words) <= 2 * most else words[:most] + words[-most:], weight)
    if width_of(line, size, weight) <= width:
        return line
    shorter = [line[: kept - kept // 2] + ELLIPSIS + line[len(line) - kept // 2 :] for kept in range(len(line))]
    fitting = bisect_right(shorter, width, key=lambda cut: width_of(cut, size, weight))
    return shorter[max(fitting - 1, 0)]


def shorten_all(names: Sequence[str], width: float) -> list[str]:
    """Return names shortened to a width, bold or not; where that makes two of them alike, each is numbered."""
    shorter = [shorten(name, width, weight="bold") for name in names]
    if len(set(shorter)) == len(names):
        return shorter
    return [shorten(f"{place}. {name}", width, weight="bold") for place, name in enumerate(names, start=1)]


def wrap(words: str, width: float, size: float = LABEL, weight: Weight = "normal") -> list[str]:
    """Return `words` in lines of at most `width` pixels and about equal length; empty words are no lines.

    A number stays with the word before it. A word wider than a line, or a text of more than `MOST_LINES`, is cut in its
    middle.
    """
    text = NUMBER.sub("\\1\u00a0\\2", shorten(words, MOST_LINES * width, size, weight))
    pieces = [shorten(word, width, size, weight) for word in text.split(" ") if word]
    lines = _filled(pieces, width, size, weight)
    for share in (0.9, 0.8, 0.7, 0.6):
        narrower = _filled(pieces, share * width, size, weight)
        if len(narrower) == len(lines):
            lines = narrower
    return lines


def _filled(words: list[str], width: float, size: float, weight: Weight) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and width_of(f"{lines[-1]} {word}", size, weight) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
