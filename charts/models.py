"""How evaluated models are marked: each kind with a shape and a colour of its own, everywhere the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from charts.lettering import width_of
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, WIDTH
from charts.values import EvaluatedModel, ModelKind

NAMES: dict[ModelKind, str] = {"checkpoint": "checkpoint", "base": "base model", "alias": "in use now"}
"""What the marks mean, in the order of the key."""
KEY = 44
"""Pixels the key is high."""
EDGE = 3
HOLLOW = 3.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A shape, its size in pixels, and whether it is filled."""

    shape: str
    size: float
    filled: bool


MARKS: dict[ModelKind, Mark] = {
    "checkpoint": Mark("o", 21, filled=True),
    "base": Mark("s", 18, filled=False),
    "alias": Mark("D", 18, filled=True),
}


def colour_of(sheet: Sheet, kind: ModelKind) -> str:
    """Return the colour of a kind of model."""
    palette = sheet.palette
    return {"checkpoint": palette.valid, "base": palette.ink, "alias": palette.train}[kind]


def draw_mark(sheet: Sheet, kind: ModelKind, x: float, y: float) -> None:
    """Draw a model's mark, set off from what lies beneath it."""
    mark, colour, ground = MARKS[kind], colour_of(sheet, kind), sheet.palette.background
    look = {"marker": mark.shape, "linestyle": "", "zorder": 6}
    if mark.filled:
        edges = {"markeredgecolor": ground, "markeredgewidth": EDGE, "color": colour}
    else:
        edges = {"markeredgecolor": colour, "markeredgewidth": HOLLOW, "markerfacecolor": ground}
    sheet.trace([x], [y], markersize=mark.size + (EDGE if mark.filled else 0), **look, **edges)


def draw_key(sheet: Sheet, models: Sequence[EvaluatedModel], row: float) -> None:
    """Say in one row what the marks and the bars mean, as far as they are there."""
    there = {model.kind for model in models}
    kinds: list[tuple[ModelKind, str]] = [(kind, words) for kind, words in NAMES.items() if kind in there]
    x = float(MARGIN + 14)
    for kind, words in kinds:
        draw_mark(sheet, kind, x, row)
        sheet.write(x + 22, row, words, colour=sheet.palette.muted)
        x += 22 + width_of(words, LABEL) + 44
    sheet.write(WIDTH - MARGIN, row, "bars: 95% intervals", colour=sheet.palette.muted, horizontal="right")
