"""The variance study: a bar for each item's mean, a line from its worst to its best run, a cross on the best."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.figure import compose, empty_figure, new_figure
from charts.score_bars import score_ends
from charts.step_axes import number_axis
from charts.style import Dash, Palette
from charts.text_fit import shorten
from charts.values import ItemScores, VarianceStudy
from charts.wording import counted, finite, number

PLOT = 440
MOST_BARS = 60
"""More bars than this cannot be told apart in the preview; neighbours are then drawn as one."""
SCORE_NAME = 330
DASHES: Dash = (0, (6, 3))
DOTS: Dash = (0, (1.2, 1.8))


def draw_variance_study(chart: VarianceStudy, palette: Palette) -> Figure:
    """Draw the items from the lowest mean to the highest; more than `MOST_BARS` are averaged with their neighbours."""
    items = chart.graded
    if not items:
        return empty_figure(palette, chart.title, chart.subtitle, "no item has scores yet")
    bars = _averaged(items, min(MOST_BARS, len(items)))
    ends = [end for bar in bars for end in (bar.mean, bar.best, bar.worst) if end is not None]
    figure, (axes,) = new_figure()
    axes.set(xlim=(-0.5, len(bars) - 0.5), xticks=[], ylim=chart.scale or score_ends(ends))
    axes.set_xlabel(_items_axis(chart, math.ceil(len(items) / len(bars))), labelpad=10)
    number_axis(axes.yaxis)
    _draw_bars(axes, bars, chart.runs, palette)
    for name, value, dash in (("overall mean", chart.mean, DASHES), ("mean of best", chart.mean_best, DOTS)):
        if (level := finite(value)) is not None:
            axes.axhline(level, color=palette.ink, linewidth=3, linestyle=dash, label=f"{name} {number(level)}")
    if (variance := finite(chart.mean_variance)) is not None:
        axes.plot([], [], " ", label=f"mean variance {number(variance, 3)}")
    return compose(figure, palette, chart.title, chart.subtitle, PLOT, legend="above")


def _averaged(items: Sequence[ItemScores], count: int) -> list[ItemScores]:
    """Return so many averages of equally many neighbours, to within one."""
    edges = [round(index * len(items) / count) for index in range(count + 1)]
    groups = [items[start:end] for start, end in pairwise(edges)]
    return [
        ItemScores("", *(_mean(getattr(item, field) for item in group) for field in ("mean", "best", "worst")))
        for group in groups
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in map(finite, values) if value is not None]
    return fmean(known) if known else None


def _draw_bars(axes: Axes, bars: Sequence[ItemScores], runs: int, palette: Palette) -> None:
    means = [bar.mean or 0.0 for bar in bars]
    width = min(0.76, len(bars) / 12)
    axes.bar(range(len(bars)), means, width, color=palette.mean_bar, label=f"mean of {counted(runs, 'run')}")
    axes.plot([], [], "|", color=palette.ink, markersize=26, markeredgewidth=2.5, label="worst to best run")
    for x, bar in enumerate(bars):
        if bar.best is not None and bar.worst is not None:
            axes.plot([x, x], [bar.worst, bar.best], color=palette.ink, linewidth=2.5)
    best = [math.nan if bar.best is None else bar.best for bar in bars]
    look: dict[str, Any] = {"markersize": min(max(700 / len(bars), 9), 16), "markeredgewidth": 3.5, "zorder": 4}
    axes.plot(range(len(bars)), best, "x", color=palette.best_run, clip_on=False, label="best run", **look)


def _items_axis(chart: VarianceStudy, together: int) -> str:
    graded = len(chart.graded)
    lines = [f"{counted(graded, 'item')}, lowest {shorten(chart.score, SCORE_NAME)} first"]
    if together > 1:
        lines.append(f"each bar averages up to {together:,}")
    if ungraded := len(chart.items) - graded:
        lines.append(f"{counted(ungraded, 'item')} without scores left out")
    return "\n".join(lines)
