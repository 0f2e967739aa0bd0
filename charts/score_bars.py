"""Named rows of horizontal bars: names at the left, bars of scores on a track across the scale, and their figures."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from matplotlib.axes import Axes

from charts.style import Palette
from charts.text_fit import width_of

STAR: Final = "\u2605"
DASH: Final = "\u2013"
"""In place of what was not measured."""
GUTTER: Final = 18


def score_ends(scores: Iterable[float]) -> tuple[float, float]:
    """Return 0..1, where scores live, or wider where one goes outside of it."""
    seen = list(scores)
    return min([0.0, *seen]), max([1.0, *seen])


def name_rows(axes: Axes, names: Sequence[str], palette: Palette) -> None:
    """Give `axes` a row for each name, from the top down, with nothing else around the bars."""
    width = max(width_of(line, weight="bold") for name in names for line in (name.splitlines() or [""]))
    axes.set_yticks(range(len(names)), names, color=palette.ink, ha="left")
    axes.tick_params(axis="y", pad=width + GUTTER)
    axes.set(ylim=(len(names) - 0.5, -0.5), xticks=[])
    axes.spines["bottom"].set_visible(False)


def write_beside(axes: Axes, row: int, words: str, **look: Any) -> None:
    """Write words right of the bar of a row."""
    axes.text(1.02, row, words, transform=axes.get_yaxis_transform(), va="center", **look)


def explain_star(axes: Axes, palette: Palette, group: str) -> None:
    """Add the star of the highest score to the legend."""
    axes.plot([], [], "*", color=palette.ink, markersize=24, label=f"highest of its {group}")


def draw_bar(axes: Axes, row: float, score: float, height: float, colour: str, palette: Palette) -> None:
    """Draw a score's bar from 0 on its track, with a line at 0 where the scale goes below."""
    left, right = axes.get_xlim()
    axes.barh(row, right - left, height, left, color=palette.grid)
    axes.barh(row, score, height, color=colour)
    if left < 0:
        axes.plot([0, 0], [row - 0.7 * height, row + 0.7 * height], color=palette.ink, linewidth=2)
