"""The learning curve: scores of jobs over the number of their training items, and what more items would bring."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from charts.figure import compose, empty_figure, new_figure
from charts.step_axes import number_axis, value_range
from charts.style import Dash, Palette
from charts.text_fit import shorten
from charts.values import LearningCurve
from charts.wording import number

PLOT = 440
DASHES: Dash = (0, (4, 3))
BASE_DASH: Dash = (0, (1.2, 1.8))
MOST_LETTERS = 330


def draw_learning_curve(chart: LearningCurve, palette: Palette) -> Figure:
    """Draw a point for each job, the fitted curve as far as it was measured, and beyond that what it promises."""
    if not chart.points:
        return empty_figure(palette, chart.title, chart.subtitle, "no job has a score yet")
    figure, (axes,) = new_figure()
    last = max(items for items, _ in chart.points)
    ends = [*(score for _, score in chart.points), *(chart.promised[1:] if chart.promised else ())]
    ends += [score for _, score in chart.curve] + ([chart.base] if chart.base is not None else [])
    axes.set(ylim=value_range(ends, "score"), xlabel="training items")
    axes.set_ylabel(shorten(chart.score, MOST_LETTERS))
    axes.set_xlim(0, 1.06 * max(last, chart.promised[0] if chart.promised else 0))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    number_axis(axes.yaxis)
    measured = [(items, score) for items, score in chart.curve if items <= last]
    if chart.promised:
        beyond = [(items, score) for items, score in chart.curve if items >= last]
        beyond = [*measured[-1:], *beyond]
        axes.plot(*zip(*beyond, strict=True), color=palette.checkpoint, linewidth=4, linestyle=DASHES)
        items, low, high = chart.promised
        middle = chart.curve[-1][1]
        reach = [[middle - low], [high - middle]]
        axes.errorbar(
            [items], [middle], reach, fmt="o", mfc=palette.background, mec=palette.checkpoint, **_look(palette)
        )
    if measured:
        axes.plot(*zip(*measured, strict=True), color=palette.checkpoint, linewidth=4, label="fitted")
    axes.plot(
        *zip(*chart.points, strict=True), "o", color=palette.checkpoint, markersize=15, label="a job's best checkpoint"
    )
    if chart.base is not None:
        axes.axhline(
            chart.base, color=palette.base, linewidth=3, linestyle=BASE_DASH, label=f"base {number(chart.base)}"
        )
    return compose(figure, palette, chart.title, chart.subtitle, PLOT)


def _look(palette: Palette) -> dict[str, Any]:
    return {
        "ecolor": palette.checkpoint,
        "elinewidth": 4,
        "capsize": 12,
        "capthick": 4,
        "markersize": 15,
        "markeredgewidth": 4,
        "label": "expected, 95% interval",
    }
