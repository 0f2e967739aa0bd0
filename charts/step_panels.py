"""Several metrics of one job above one axis of steps, a panel each: train thin, validation bold with markers."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.figure import ROOM, compose, empty_figure, new_figure
from charts.step_axes import LineEnd, label_ends, plot_points, say, set_axes
from charts.step_values import Panel, StepPanels, measured
from charts.style import LABEL, Palette
from charts.text_fit import shorten
from charts.wording import Unit, quantity

MOST_PANELS = 8
TALL, LOW = 300, 215
"""Pixels for a panel with its name where there are one or two, and where there are more."""
NAME = 70
"""At most so many of these go to the name and the gap to the next panel."""
STEPS = 80


def draw_step_panels(chart: StepPanels, palette: Palette) -> Figure:
    """Draw the panels in the order given, at most `MOST_PANELS`; one without points says that nothing was reported."""
    panels, more = chart.panels[:MOST_PANELS], len(chart.panels) - MOST_PANELS
    left_out = f"{more} more not drawn. " if more > 0 else ""
    if not panels:
        return empty_figure(palette, chart.title, f"{chart.subtitle} {chart.note}", "nothing was reported yet")
    every = [measured((*panel.train, *panel.valid)) for panel in panels]
    last = max([chart.total_steps or 0, 1, *(step for points in every for step, _ in points)])
    together = [value for points in every for _, value in points]
    height = TALL if len(panels) <= 2 else LOW
    figure, plots = new_figure(len(panels))
    for axes, panel, points in zip(plots, panels, every, strict=True):
        set_axes(axes, last, together if chart.shared else [value for _, value in points], chart.unit, 3)
        axes.set_title(shorten(panel.name, ROOM - 4 * LABEL, weight="bold"))
        _draw_panel(axes, panel, chart.unit, palette, height - NAME)
        if not points:
            axes.set_yticks([])
            say(axes, "not reported yet")
        if axes is not plots[-1]:
            axes.set(xlabel="", xticks=[])
    full = len(panels) * height + STEPS
    return compose(figure, palette, chart.title, chart.subtitle, full, note=left_out + chart.note)


def _draw_panel(axes: Axes, panel: Panel, unit: Unit, palette: Palette, height: float) -> None:
    ends: list[LineEnd] = []
    if valid := measured(panel.valid):
        plot_points(axes, panel.valid, palette.valid, 5, marker="o", label="validation")
        ends.append((valid, quantity(valid[-1][1], unit), palette.valid, "bold"))
    if train := measured(panel.train):
        plot_points(axes, panel.train, palette.train, 2, label="train")
        ends.append((train, quantity(train[-1][1], unit), palette.train, "normal"))
    label_ends(axes, palette, ends, height)
