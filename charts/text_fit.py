"""Text that fits: measured with the font itself, wrapped or shortened to a width, without glyphs the font lacks."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from charts.fonts import Weight, clean, family_of, fenced, font_for
from charts.style import LABEL

MISSING: Final = "\u25a1"
ELLIPSIS: Final = "\u2026"
NARROW: Final = 5
"""No letter is narrower than a fifth of its size."""
MOST_LINES: Final = 8
NUMBER: Final = re.compile(r"(\S+) (\d\S*)")
"""A number and the word before it."""
ZERO_WIDTH_JOINER: Final = "\u200d"
SKIN_TONES: Final = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_WIDE: Final = "\u2e80-\u2fdf\u3041-\u9fff\ua000-\ua4cf\uf900-\ufaff\U00020000-\U0003ffff"
IDEOGRAPH: Final = re.compile(f"[{_WIDE}]")
IDEOGRAPHS: Final = re.compile(
    f"[\u3008\u300a\u300c\u300e\u3010\uff08]*[{_WIDE}][\u3001\u3002\u3009\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f]*"
    f"|[^{_WIDE}]+"
)
"""A line may end after any letter of Chinese or Japanese; none begins with what closes, none ends in what opens."""
SPACELESS: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uac00-\ud7af]")
"""Letters of which a long run is a sentence and not an id."""


def printable(words: str, weight: Weight = "normal") -> str:
    """Return `words` on one line, with a box for every character that no font can draw."""
    line = fenced(clean(words))
    return line if line.isascii() else "".join(sign if family_of(sign, weight) else MISSING for sign in line)


@lru_cache(maxsize=4096)
def width_of(words: str, size: float = LABEL, weight: Weight = "normal") -> float:
    """Return how many pixels wide `words` are at `size` pixels."""
    font = font_for(words, weight)
    font.set_size(size, 72)
    font.set_text(words, 0.0)
    return font.get_width_height()[0] / 64


def shorten(words: str, width: float, size: float = LABEL, weight: Weight = "normal") -> str:
    """Return `words` on one line of at most `width` pixels, cut in the middle: ids differ at both ends."""
    most = int(width / size * NARROW)  # no more than this can fit, and measuring a novel takes seconds
    line = printable(words if len(words) <= 2 * most else words[:most] + words[-most:], weight)
    if width_of(line, size, weight) <= width:
        return line
    signs = clusters(line)

    def kept(count: int) -> str:
        return "".join((*signs[: count - count // 2], ELLIPSIS, *signs[len(signs) - count // 2 :]))

    fitting = bisect_right(range(len(signs)), width, key=lambda count: width_of(kept(count), size, weight))
    return kept(max(fitting - 1, 0))


def clusters(line: str) -> list[str]:
    """Return a line's letters, each with the marks and joined signs that are drawn as one with it."""
    if line.isascii():
        return list(line)
    found: list[str] = []
    for sign in line:
        is_part = sign == ZERO_WIDTH_JOINER or sign in SKIN_TONES or unicodedata.category(sign).startswith("M")
        if found and (is_part or found[-1].endswith(ZERO_WIDTH_JOINER)):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def shorten_all(names: Sequence[str], width: float) -> list[str]:
    """Return names shortened to a width, bold or not; each is numbered where two are alike or one has boxes."""
    shorter = [shorten(name, width, weight="bold") for name in names]
    if len(set(shorter)) == len(names) and not any(MISSING in name for name in shorter):
        return shorter
    return [shorten(f"{place}. {name}", width, weight="bold") for place, name in enumerate(names, start=1)]


def wrap(words: str, width: float, size: float = LABEL, weight: Weight = "normal") -> list[str]:
    """Return `words` in lines of at most `width` pixels and about equal length; empty words are no lines.

    A number stays with the word before it. A word wider than a line, or a text of more than `MOST_LINES`, is cut in its
    middle; what is written without spaces goes on in the next line instead.
    """
    text = NUMBER.sub("\\1\u00a0\\2", shorten(words, MOST_LINES * width, size, weight))
    pieces = [piece for word in text.split(" ") if word for piece in _pieces(word, width, size, weight)]
    lines = _filled(pieces, width, size, weight)
    for share in (0.9, 0.8, 0.7, 0.6):
        narrower = _filled(pieces, share * width, size, weight)
        if len(narrower) == len(lines):
            lines = narrower
    return [fenced(line) for line in lines]


def _pieces(word: str, width: float, size: float, weight: Weight) -> list[str]:
    """Return a word as what a line may begin with: the first piece goes after a space, those after it do not."""
    if IDEOGRAPH.search(word):
        first, *more = (shorten(piece, width, size, weight) for piece in IDEOGRAPHS.findall(word))
    elif SPACELESS.search(word) and width_of(word, size, weight) > width:
        first, *more = clusters(word)
    else:
        return [f" {shorten(word, width, size, weight)}"]
    return [f" {first}", *more]


def _filled(pieces: list[str], width: float, size: float, weight: Weight) -> list[str]:
    lines: list[str] = []
    for piece in pieces:
        if lines and width_of(f"{lines[-1]}{piece}", size, weight) <= width:
            lines[-1] += piece
        else:
            lines.append(piece.removeprefix(" "))
    return lines
