"""Where the time of each step goes: stacked bars, sampling at the foot, then training, evaluation and the rest."""

import math
from itertools import groupby
from statistics import median

from matplotlib.figure import Figure

from charts.figure import compose, empty_figure, new_figure
from charts.step_axes import set_axes
from charts.step_values import PARTS, StepTimes, split_times
from charts.style import Palette
from charts.wording import seconds

PLOT = 480
MOST_BARS = 120
"""More bars than this would be thinner than a line between them."""


def draw_step_times(chart: StepTimes, palette: Palette) -> Figure:
    """Draw a bar for each step; of very many steps, the slowest of each group of neighbours."""
    steps = split_times(chart.steps)
    if not steps:
        return empty_figure(palette, chart.title, chart.subtitle, "no step has reported its time")
    last = max([chart.total_steps or 0, 1, steps[-1][0]])
    together = math.ceil(last / MOST_BARS)
    groups = [(place, list(group)) for place, group in groupby(steps, key=lambda step: (step[0] - 1) // together)]
    places = [(place + 0.5) * together for place, _ in groups]
    bars = [max((parts for _, parts in group), key=sum) for _, group in groups]
    figure, (axes,) = new_figure()
    set_axes(axes, last, [sum(parts) for _, parts in steps], "seconds")
    below = [0.0] * len(bars)
    # Light and dark take turns, so that neighbours differ without their hue.
    colours = (palette.series[0], palette.bar, palette.series[1], palette.series[2])
    for index, (name, colour) in enumerate(zip(PARTS, colours, strict=True)):
        if taken := [parts[index] for _, parts in steps if parts[index] > 0]:
            heights = [bar[index] for bar in bars]
            label = f"{name}\n{seconds(median(taken))}"
            axes.bar(places, heights, 0.76 * together, below, color=colour, linewidth=0, label=label)
            below = [foot + height for foot, height in zip(below, heights, strict=True)]
    key = axes.legend(title="median", alignment="left", reverse=True, handlelength=0.6, handleheight=2)
    key.set(loc="center left", bbox_to_anchor=(1.02, 0.5))
    if together > 1:
        axes.set_xlabel(f"step; each bar is the slowest of {together:,}")
    return compose(figure, palette, chart.title, chart.subtitle, PLOT, legend="none")
