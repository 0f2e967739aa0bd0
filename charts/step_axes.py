"""Axes over the steps of a job: ranges and ticks, lines with gaps, moments, and values at the ends of lines."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, TypeAlias

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator

from charts.fonts import Weight
from charts.step_values import Points, measured
from charts.style import LABEL, MOMENT_DASH, Dash, Palette
from charts.wording import Unit, listed, quantity

GAP = 1.5
"""Points further apart than this many times the usual spacing are not joined."""
MARKED = 60
"""Up to this many points of a line each get a marker."""
ROUND = [1, 2, 3, 5, 10]
"""Steps between ticks, so that two decimals are enough to write them."""
LineEnd: TypeAlias = tuple[Points, str, str, Weight]
"""A line, the words at its end, and their colour and weight."""
LEAST: dict[Unit, float] = {"score": 1.0, "tokens": 1.0, "seconds": 0.001, "share": 0.01}
"""Where everything is 0 an axis goes up to this."""


def value_range(values: Iterable[float], unit: Unit) -> tuple[float, float]:
    """Return the ends of an axis that shows all of `values`; amounts begin at 0, scores where they are."""
    seen = list(values)
    if not seen or (unit == "score" and seen == [0.0]):
        return 0.0, LEAST[unit]
    low, high = min(seen), max(seen)
    if unit != "score":
        return min(low, 0.0), high * 1.08 if high > 0 else LEAST[unit]
    pad = max(0.06 * (high - low), 0.03)
    # A score that lives in 0..1 is not shown with room outside of it.
    floor = max(low - pad, 0.0) if low >= 0 else low - pad
    return floor, min(high + pad, 1.0) if low >= 0 and high <= 1 else high + pad


def number_axis(axis: Axis, unit: Unit = "score", ticks: int = 5) -> None:
    """Write round values along an axis, in its unit, each with a line across the plot."""
    axis.set_major_locator(MaxNLocator(ticks, steps=ROUND))
    axis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value, unit)))
    axis.grid(visible=True)


def set_axes(axes: Axes, last: int, values: Iterable[float], unit: Unit = "score", ticks: int = 4) -> None:
    """Give `axes` the steps from 0 to `last`, which is always written, and a range that shows all values."""
    axes.set(xlim=(-0.02 * last, 1.02 * last), ylim=value_range(values, unit), xlabel="step")
    steps = MaxNLocator(5, integer=True).tick_values(0, last)
    axes.set_xticks([*(step for step in steps if 0 <= step <= 0.82 * last), last])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    number_axis(axes.yaxis, unit, ticks)
    if axes.get_ylim()[0] < 0 < axes.get_ylim()[1]:
        axes.axhline(0, color=axes.spines["bottom"].get_edgecolor(), linewidth=1.5, zorder=1)


def say(axes: Axes, words: str) -> None:
    """Write words in the middle of an empty plot."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=axes.yaxis.label.get_color())


def plot_points(
    axes: Axes, points: Points, colour: str, width: float, *, dash: Dash = "-", marker: str = "", label: str = ""
) -> None:
    """Draw a line with gaps where points are missing; a point without neighbours always has a marker."""
    look: dict[str, Any] = {"color": colour, "linewidth": width, "linestyle": dash}
    axes.plot([], [], **look, marker=marker, markersize=12, label=label or None)
    marked = marker if len(points) <= MARKED else ""
    for stroke in strokes(points):
        shape, size = ("o", 10.0) if len(stroke) == 1 and not marked else (marked, 2 * width)
        (line,) = axes.plot(*zip(*stroke, strict=True), **look, marker=shape, markersize=size, clip_on=False)
        line.set_zorder(2 + width / 10)


def strokes(points: Points) -> list[Points]:
    """Return the finite points in order, cut at every gap.

    A gap is a value that is not finite, or a distance above `GAP` times the median distance (a step nobody reported).
    """
    ordered = sorted(points)
    usual = median([after[0] - before[0] for before, after in pairwise(ordered)] or [1])
    known = measured(points)
    cuts = [place for place, (one, two) in enumerate(pairwise(known), 1) if two[0] - one[0] > GAP * usual]
    return [known[start:end] for start, end in pairwise([0, *cuts, len(known)]) if start < end]


def draw_moments(axes: Axes, steps: Iterable[int], colour: str, marker: str, label: str = "") -> None:
    """Draw a line across the plot at each step, under a marker; a label is followed by the steps."""
    told = sorted(set(steps))
    if told:
        words = f"{label} at step {listed([f'{step:,}' for step in told], 3)}" if label else None
        place = axes.get_xaxis_transform()
        axes.vlines(told, 0, 1, color=colour, linewidth=2.5, linestyle=MOMENT_DASH, transform=place, zorder=1.5)
        look: dict[str, Any] = {"markersize": 17, "linestyle": "", "transform": place, "clip_on": False}
        axes.plot(told, [1.0] * len(told), color=colour, marker=marker, label=words, **look)


def label_ends(axes: Axes, palette: Palette, ends: Sequence[LineEnd], height: float) -> None:
    """Write words at the end of each line; the upper of two that would overlap goes up.

    `height` is a number of pixels that the plot has at least.
    """
    low, high = axes.get_ylim()
    floor, last = low, max((points[-1][0] for points, *_ in ends), default=0)
    for points, words, colour, weight in sorted(ends, key=lambda end: end[0][-1][1]):
        half = (words.count("\n") + 1) * LABEL * 0.63 * (high - low) / height
        place = max(points[-1][1], floor + half)
        floor = place + half
        box = {"facecolor": palette.background, "edgecolor": "none", "pad": 2, "alpha": 0.85}
        look: dict[str, Any] = {"color": colour, "weight": weight, "va": "center", "bbox": box, "zorder": 5}
        axes.annotate(words, (last, place), (16, 0), textcoords="offset points", annotation_clip=False, **look)
