"""Words that fit: measured with the font itself, cut or broken to a width, without glyphs the font does not have."""

from bisect import bisect_right
from functools import lru_cache
from typing import Literal

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import FT2Font

from charts.style import FONT

Weight = Literal["normal", "bold"]
MISSING = "\u25a1"
ELLIPSIS = "\u2026"
NARROW = 5
"""No letter is narrower than a fifth of its size."""


@lru_cache(maxsize=4)
def _face(weight: Weight) -> FT2Font:
    return get_font(findfont(FontProperties(family=FONT, weight=weight)))


@lru_cache(maxsize=4)
def _glyphs(weight: Weight) -> frozenset[int]:
    return frozenset(_face(weight).get_charmap())


def printable(words: str, weight: Weight = "normal") -> str:
    """Return `words` on one line, with a box for every character the font cannot draw."""
    glyphs = _glyphs(weight)
    return "".join(letter if ord(letter) in glyphs else MISSING for letter in " ".join(words.split()))


def width_of(words: str, size: float, weight: Weight = "normal") -> float:
    """Return how many pixels wide `words` are at `size` pixels."""
    face = _face(weight)
    face.set_size(size, 72)
    face.set_text(words, 0.0)
    return face.get_width_height()[0] / 64


def fit(words: str, width: float, size: float, weight: Weight = "normal", lines: int = 1) -> list[str]:
    """Return `words` in at most `lines` lines of at most `width` pixels; no words give no lines.

    Lines break at spaces, two lines come out about equally long, and what does not fit ends in an ellipsis.
    """
    possible = int(lines * width / size * NARROW)  # no more than this can fit, and measuring a novel takes seconds
    letters = printable(words[:possible], weight).split()
    broken = _break(letters, width, size, weight, lines)
    for share in (0.55, 0.65, 0.75, 0.85):
        if len(broken) == 2 and width_of(" ".join(letters), size, weight) < 2 * width * share:
            narrower = _break(letters, width * share, size, weight, lines)
            if not any(line.endswith(ELLIPSIS) for line in narrower):
                return narrower
    return broken


def shorten(words: str, width: float, size: float, weight: Weight = "normal") -> str:
    """Return `words` on one line of at most `width` pixels, cut in the middle: ids differ at both ends."""
    most = int(width / size * NARROW)
    if len(words) > 2 * most:
        words = words[:most] + words[-most:]
    line = printable(words, weight)
    if width_of(line, size, weight) <= width:
        return line
    shorter = [line[: kept - kept // 2] + ELLIPSIS + line[len(line) - kept // 2 :] for kept in range(len(line))]
    fitting = bisect_right(shorter, width, key=lambda cut: width_of(cut, size, weight))
    return shorter[max(fitting - 1, 0)]


def _break(words: list[str], width: float, size: float, weight: Weight, lines: int) -> list[str]:
    broken: list[str] = []
    rest = words
    while rest and len(broken) < lines:
        count = len(rest)
        if len(broken) < lines - 1:
            while count > 1 and width_of(" ".join(rest[:count]), size, weight) > width:
                count -= 1
        broken.append(_cut(" ".join(rest[:count]), width, size, weight))
        rest = rest[count:]
    return broken


def _cut(line: str, width: float, size: float, weight: Weight) -> str:
    if width_of(line, size, weight) <= width:
        return line
    shorter = [line[:end].rstrip() + ELLIPSIS for end in range(1, len(line))]
    fitting = bisect_right(shorter, width, key=lambda cut: width_of(cut, size, weight))
    return shorter[max(fitting - 1, 0)] if shorter else line
