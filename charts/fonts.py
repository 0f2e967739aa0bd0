"""The fonts of the pictures: DejaVu Sans, which ships inside matplotlib, and Noto's for what it cannot write.

Noto's come from two packages that hold nothing but fonts. Where one is not installed its letters are boxes, and names
that would look alike are numbered.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager, get_font
from matplotlib.ft2font import FT2Font

Weight = Literal["normal", "bold"]
FONT: Final = "DejaVu Sans"
PACKAGES: Final = ("manimgx_fonts", "notojp_matplotlib")
"""Noto Sans of other alphabets and the emoji, then the letters of Chinese, Japanese and Korean."""
NOT_NEEDED: Final = ("NotoSans[", "NotoSans-")
"""Alphabets that DejaVu Sans has, so that all of a picture is in one hand."""
LEFT_TO_RIGHT: Final = "\u200e"
UNSEEN: Final = f"\u200c\u200d{LEFT_TO_RIGHT}"
"""Kept, and never boxes: without the first two, which join and part letters, Persian and emoji are other words."""


def _fallbacks() -> dict[str, str]:
    """Return the path of each font by the name it is registered with, in the order they are asked for a letter.

    The packages are found without importing them: one would set matplotlib's fonts.
    """
    folders = [
        folder for name in PACKAGES if (found := find_spec(name)) for folder in found.submodule_search_locations or []
    ]
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.[ot]tf"))
    return {file.stem: str(file) for file in files if not file.name.startswith(NOT_NEEDED)}


FALLBACKS: Final = _fallbacks()
# They have one weight each; as both, matplotlib takes them in bold without a complaint.
fontManager.ttflist += [
    FontEntry(path, 0, name, weight=weight) for name, path in FALLBACKS.items() for weight in (400, 700)
]


@cache
def _letters(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())


@cache
def _main(weight: Weight) -> str:
    return findfont(FontProperties(family=FONT, weight=weight))


@lru_cache(maxsize=4096)
def family_of(letter: str, weight: Weight = "normal") -> str | None:
    """Return the first font that can draw a letter, None where none can."""
    if letter in UNSEEN or ord(letter) in _letters(_main(weight)):
        return FONT
    return next((name for name, path in FALLBACKS.items() if ord(letter) in _letters(path)), None)


def families(words: Iterable[str]) -> list[str]:
    """Return the fonts it takes to draw `words`, in bold or not, the main one first: each costs time for every text."""
    letters = {letter for text in words if not text.isascii() for letter in text}
    needed = {family_of(letter, weight) for letter in letters for weight in ("normal", "bold")}
    return [FONT, *(name for name in FALLBACKS if name in needed)]


def font_for(words: str, weight: Weight) -> FT2Font:
    """Return the font, with its fallbacks, that matplotlib draws `words` with."""
    return get_font([_main(weight), *(FALLBACKS[name] for name in families([words])[1:])])


def clean(words: str) -> str:
    """Return `words` on one line, composed, and without signs that are not seen but turn or break a line."""
    line = " ".join(words.split())
    if line.isascii() and line.isprintable():
        return line
    return unicodedata.normalize("NFC", "".join(filter(_is_kept, line)))


def _is_kept(sign: str) -> bool:
    return sign in UNSEEN or unicodedata.category(sign) not in ("Cc", "Cf")


def fenced(line: str) -> str:
    """Return a line that is read from the left, whichever way its letters run, and so is what follows it."""
    if line.isascii() or not any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in line):
        return line
    return f"{LEFT_TO_RIGHT}{line.strip(LEFT_TO_RIGHT)}{LEFT_TO_RIGHT}"


def texts_of(chart: object) -> Iterator[str]:
    """Yield every text of a chart's value; of points there are thousands, and no text in them."""
    if isinstance(chart, str):
        yield chart
    elif isinstance(chart, tuple):
        if chart and not (isinstance(chart[0], tuple) and isinstance(chart[0][0], int)):
            for part in chart:
                yield from texts_of(part)
    elif is_dataclass(chart):
        for field in fields(chart):
            yield from texts_of(getattr(chart, field.name))
