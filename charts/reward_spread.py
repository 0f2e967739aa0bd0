"""How finely a grader tells answers apart: where rewards lie, and how far the runs of an item differ."""

from itertools import pairwise
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from charts.figure import compose, empty_figure, new_figure
from charts.step_axes import number_axis
from charts.style import Palette
from charts.text_fit import shorten
from charts.values import Histogram, RewardSpread
from charts.wording import counted, percentage

PLOT: Final = 640
SCORE_NAME: Final = 330
FLAT_HATCH: Final = "//"
"""Of the bar of items that teach nothing, which is told apart without its colour too."""


def draw_reward_spread(chart: RewardSpread, palette: Palette) -> Figure:
    """Draw the rewards of all answers above, and the spread of each item's runs below."""
    if not sum(chart.rewards.counts):
        return empty_figure(palette, chart.title, chart.subtitle, "no answer has a reward yet")
    figure, (above, below) = new_figure(2)
    score = shorten(chart.score, SCORE_NAME)
    _bars(above, chart.rewards, palette.mean_bar, f"answers by {score}", palette)
    above.set_xlabel(f"{score} of an answer")
    _bars(below, chart.spreads, palette.mean_bar, "items by the spread of their runs", palette)
    below.set_xlabel(f"worst to best of {counted(chart.runs, 'run')}")
    if chart.flat:
        _flat_bar(below, chart, palette)
    return compose(figure, palette, chart.title, chart.subtitle, PLOT, legend="none")


def _bars(axes: Axes, values: Histogram, colour: str, title: str, palette: Palette) -> None:
    edges, counts = values.edges, values.counts
    widths = [after - before for before, after in pairwise(edges)]
    axes.bar(edges[:-1], counts, widths, align="edge", color=colour, edgecolor=palette.background, linewidth=2)
    axes.set_title(title, color=palette.muted, weight="normal")
    axes.set_xlim(edges[0] - 0.02 * (edges[-1] - edges[0]), edges[-1] + 0.02 * (edges[-1] - edges[0]))
    number_axis(axes.xaxis, ticks=6)
    axes.xaxis.grid(visible=False)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.grid(visible=True, axis="y")
    axes.tick_params(axis="x", pad=18)  # below the 0 of the other axis


def _flat_bar(axes: Axes, chart: RewardSpread, palette: Palette) -> None:
    """Draw the items without any spread to the left of the others, with their share in words."""
    edges = chart.spreads.edges
    width = edges[1] - edges[0]
    look: dict[str, Any] = {
        "color": palette.background,
        "edgecolor": palette.alert,
        "hatch": FLAT_HATCH,
        "linewidth": 2.5,
    }
    axes.bar([edges[0] - 2 * width], [chart.flat], [1.6 * width], align="edge", **look)
    axes.set_xlim(edges[0] - 2.4 * width, edges[-1] + 0.02 * (edges[-1] - edges[0]))
    share = percentage(chart.flat / (chart.flat + sum(chart.spreads.counts)))
    axes.set_title(f"none: {counted(chart.flat, 'item')}, {share}", loc="right", color=palette.alert, weight="normal")
