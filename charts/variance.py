"""The variance study: a bar for each item's mean, a line from its worst to its best run, a cross on the best."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from charts.lettering import shorten, width_of
from charts.plot import draw_values_axis
from charts.scale import APART, Scale, score_scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, PAD, VALUE, WIDTH
from charts.values import ItemScores, VarianceStudy
from charts.wording import finite, number

LEFT = 100
RIGHT = WIDTH - MARGIN
PLOT = 320
"""Pixels from the top of the plot to its bottom."""
MOST_BARS = 60
"""More bars than this cannot be told apart in the preview; neighbours are then drawn as one."""
ROW = 36
BOX = 384
SIDE = 260
"""Most pixels for the words at the left below the plot."""
DECIMALS = 3
"""Of a variance: .012 is a standard deviation of .11."""
DASHES = (0, (6, 3))
DOTS = (0, (1.2, 1.8))


@dataclass(frozen=True, slots=True)
class _Bar:
    """One item, or the average of neighbours in the order of their means."""

    mean: float
    best: float | None
    worst: float | None


def draw_variance_study(sheet: Sheet, chart: VarianceStudy) -> None:
    """Draw the items from the lowest mean to the highest; more than `MOST_BARS` are averaged with their neighbours."""
    top = sheet.headline(chart.title, chart.subtitle) + 4
    items = chart.graded
    together = max(1, math.ceil(len(items) / MOST_BARS))
    bars = tuple(_bars(items, together))
    bottom = top + 3 * ROW + 28 + PLOT
    sheet.cut(bottom + _foot(chart, len(items)))
    ends = [end for bar in bars for end in (bar.mean, bar.best, bar.worst) if end is not None]
    scores = score_scale(ends, bottom, bottom - PLOT)
    places = Scale(0, max(len(bars), 1), LEFT, RIGHT)
    draw_values_axis(sheet, scores, "score", 5, left=LEFT, right=RIGHT)
    for index, bar in enumerate(bars):
        _draw_bar(sheet, scores, bar, places.at(index), places.at(index + 1))
    _draw_key(sheet, chart, top + ROW / 2)
    _draw_box(sheet, chart, top, scores)
    _draw_foot(sheet, chart, len(items), together, bottom)


def _bars(items: Sequence[ItemScores], together: int) -> Iterator[_Bar]:
    """Yield bars of equally many items, to within one."""
    count = math.ceil(len(items) / together)
    edges = [round(index * len(items) / count) for index in range(count + 1)] if count else []
    for start, end in pairwise(edges):
        group = items[start:end]
        means = [item.mean for item in group if item.mean is not None]  # all of them: these items were graded
        yield _Bar(fmean(means), _mean(item.best for item in group), _mean(item.worst for item in group))


def _mean(values: Iterator[float | None]) -> float | None:
    there = [value for value in values if value is not None and math.isfinite(value)]
    return fmean(there) if there else None


def _draw_bar(sheet: Sheet, scores: Scale, bar: _Bar, left: float, right: float) -> None:
    palette, middle = sheet.palette, (left + right) / 2
    width = min((right - left) * 0.76, 48)
    zero, end = scores.at(0.0), scores.at(bar.mean)
    sheet.bar(middle - width / 2, min(zero, end), width, abs(end - zero), palette.mean_bar)
    if bar.best is None:
        return
    if bar.worst is not None and bar.worst < bar.best:
        sheet.trace([middle] * 2, [scores.at(bar.worst), scores.at(bar.best)], color=palette.ink, linewidth=2.5)
    _cross(sheet, middle, scores.at(bar.best), min(max(width, 9), 16))


def _cross(sheet: Sheet, x: float, y: float, size: float) -> None:
    colour = sheet.palette.best_run
    sheet.trace([x], [y], marker="x", markersize=size, color=colour, markeredgewidth=3.5, linestyle="", zorder=4)


def _draw_key(sheet: Sheet, chart: VarianceStudy, row: float) -> None:
    """Say left above the plot what the marks mean."""
    palette, x = sheet.palette, MARGIN + 12
    sheet.bar(x - 10, row - 11, 20, 22, palette.mean_bar)
    sheet.trace([x] * 2, [row + ROW - 12, row + ROW + 12], color=palette.ink, linewidth=2.5)
    _cross(sheet, x, row + 2 * ROW, 16)
    runs = f"{chart.runs:,} run{'s' if chart.runs != 1 else ''}"
    for index, words in enumerate((f"mean of {runs}", "worst to best run", "best run")):
        sheet.write(MARGIN + 38, row + index * ROW, words, colour=palette.muted)


def _draw_box(sheet: Sheet, chart: VarianceStudy, top: float, scores: Scale) -> None:
    """Write the figures of all items in the corner, with the dashes of the two that are lines in the plot."""
    palette, left = sheet.palette, RIGHT - BOX
    edge = {"color": palette.grid, "linewidth": 2}
    foot = top + 3 * ROW
    sheet.trace([left, RIGHT, RIGHT, left, left], [top, top, foot, foot, top], **edge)
    for index, (name, value, dashes) in enumerate(
        (("overall mean", chart.mean, DASHES), ("mean of best", chart.mean_best, DOTS))
    ):
        row, level = top + (index + 0.5) * ROW, finite(value)
        look = {"color": palette.ink, "linewidth": 3, "linestyle": dashes, "zorder": 3}
        sheet.trace([left + 14, left + 62], [row, row], **look)
        _figure(sheet, left + 76, row, name, "\u2013" if level is None else number(level))
        if level is not None:
            sheet.trace([LEFT, RIGHT], [scores.at(level)] * 2, **look)
    variance = finite(chart.mean_variance)
    words = "\u2013" if variance is None else number(variance, DECIMALS)
    _figure(sheet, left + 76, top + 2.5 * ROW, "mean variance", words)


def _figure(sheet: Sheet, x: float, y: float, name: str, words: str) -> None:
    sheet.write(x, y, name, colour=sheet.palette.muted)
    sheet.write(RIGHT - 12, y, words, size=VALUE, weight="bold", horizontal="right")


def _foot(chart: VarianceStudy, items: int) -> float:
    """Return how many pixels go below the plot."""
    return PAD + LABEL + MARGIN + (LABEL * 1.4 if 0 < items < len(chart.items) else 0)


def _draw_foot(sheet: Sheet, chart: VarianceStudy, items: int, together: int, bottom: float) -> None:
    muted = sheet.palette.muted
    if not items:
        sheet.write((LEFT + RIGHT) / 2, bottom - PLOT / 2, "no item has scores yet", colour=muted, horizontal="center")
        return
    row = bottom + PAD + LABEL / 2 + 2
    words = f"{items:,} item{'s' if items != 1 else ''}" + (
        f", each bar averages up to {together:,}" if together > 1 else ""
    )
    sheet.write((LEFT + RIGHT) / 2, row, words, colour=muted, horizontal="center")
    side = min(SIDE, (RIGHT - LEFT - width_of(words, LABEL)) / 2 - APART)
    sheet.write(LEFT, row, shorten(f"lowest {chart.score}", side, LABEL), colour=muted)
    sheet.write(RIGHT, row, "highest", colour=muted, horizontal="right")
    if ungraded := len(chart.items) - items:
        words = f"{ungraded:,} item{'s' if ungraded != 1 else ''} without scores left out"
        sheet.write((LEFT + RIGHT) / 2, row + LABEL * 1.4, words, colour=muted, horizontal="center")
