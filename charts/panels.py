"""Several figures of one job above one axis of steps, a panel each: train thin, validation bold with markers."""

from collections.abc import Sequence
from dataclasses import dataclass

from charts.lettering import Weight, fit
from charts.over_steps import Panel, StepPanels
from charts.plot import (
    KEEP,
    LEFT,
    RIGHT,
    Look,
    Plot,
    draw_steps_axis,
    draw_strokes,
    draw_values_axis,
    spread,
    value_range,
)
from charts.scale import Scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, VALUE, WIDTH
from charts.thinning import Stroke, strokes
from charts.wording import quantity

MOST_PANELS = 8
NAME = 44
"""Pixels above a plot for its name."""
GAP = 26
STEPS = 46
KEY = 40
TALL, LOW = 250, 150
"""How high a plot is where there are one or two, and where there are more."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    panel: Panel
    train: tuple[Stroke, ...]
    valid: tuple[Stroke, ...]

    @property
    def points(self) -> list[tuple[int, float]]:
        return [point for line in (*self.train, *self.valid) for point in line]


def draw_step_panels(sheet: Sheet, chart: StepPanels) -> None:
    """Draw the panels in the order given, at most `MOST_PANELS`; one without points says that nothing was reported."""
    panels = chart.panels[:MOST_PANELS]
    drawn = [_Drawn(panel, strokes(panel.train, KEEP), strokes(panel.valid, KEEP)) for panel in panels]
    height = TALL if len(drawn) <= 2 else LOW
    notes = _notes(chart)
    top = sheet.headline(chart.title, chart.subtitle)
    bottom = top + max(len(drawn) * (NAME + height + GAP) - GAP, 0) + STEPS
    sheet.cut(bottom + KEY + len(notes) * LABEL * 1.4 + MARGIN - 8)
    ranges = _ranges(drawn, chart)
    last = max([chart.total_steps or 0, 1, *(step for one in drawn for step, _ in one.points)])
    for index, (one, ends) in enumerate(zip(drawn, ranges, strict=True)):
        head = top + index * (NAME + height + GAP) + NAME
        plot = Plot(Scale(0, last, LEFT, RIGHT), Scale(*ends, head + height, head))
        _draw_panel(sheet, one, plot, chart)
    if drawn:
        draw_steps_axis(sheet, Scale(0, last, LEFT, RIGHT), bottom - STEPS + 8)
    _draw_key(sheet, drawn, bottom + KEY / 2 - 6)
    for index, line in enumerate(notes):
        sheet.write(MARGIN, bottom + KEY + (index + 0.5) * LABEL * 1.4 - 4, line, colour=sheet.palette.muted)


def _notes(chart: StepPanels) -> list[str]:
    more = len(chart.panels) - MOST_PANELS
    left_out = f"{more} more not drawn. " if more > 0 else "" if chart.panels else "nothing was reported yet. "
    return fit(left_out + chart.note, WIDTH - 2 * MARGIN, LABEL, lines=2)


def _ranges(drawn: Sequence[_Drawn], chart: StepPanels) -> list[tuple[float, float]]:
    if chart.shared:
        every = value_range((value for one in drawn for _, value in one.points), chart.unit)
        return [every] * len(drawn)
    return [value_range((value for _, value in one.points), chart.unit) for one in drawn]


def _draw_panel(sheet: Sheet, one: _Drawn, plot: Plot, chart: StepPanels) -> None:
    palette = sheet.palette
    for name in fit(one.panel.name, WIDTH - 2 * MARGIN, LABEL, "bold"):
        sheet.write(MARGIN, plot.top - NAME / 2 - 2, name, weight="bold")
    if not one.points:
        middle = (plot.top + plot.bottom) / 2
        sheet.write((LEFT + RIGHT) / 2, middle, "not reported yet", colour=palette.muted, horizontal="center")
        sheet.trace([LEFT, RIGHT], [plot.bottom] * 2, color=palette.grid, linewidth=1.5)
        return
    draw_values_axis(sheet, plot.values, chart.unit, 3, left=LEFT, right=RIGHT)
    draw_strokes(sheet, plot, one.train, Look(palette.train, 2))
    draw_strokes(sheet, plot, one.valid, Look(palette.valid, 5, marker="o"))
    ends = [
        (colour, line[-1][-1][1]) for colour, line in ((palette.train, one.train), (palette.valid, one.valid)) if line
    ]
    heights = spread([plot.values.at(value) for _, value in ends], VALUE + 8, plot.top, plot.bottom)
    for (colour, value), y in zip(ends, heights, strict=True):
        weight: Weight = "bold" if colour == palette.valid else "normal"
        x = plot.steps.at(max(step for step, _ in one.points)) + 16
        sheet.write(x, y, quantity(value, chart.unit), size=VALUE, weight=weight, colour=colour, halo=True)


def _draw_key(sheet: Sheet, drawn: Sequence[_Drawn], row: float) -> None:
    """Say which line is which; a line that is in no panel is not explained."""
    palette, left = sheet.palette, LEFT - 6
    if any(one.valid for one in drawn):
        sheet.trace(
            [left, left + 20, left + 40], [row] * 3, color=palette.valid, linewidth=5, marker="o", markersize=10
        )
        sheet.write(left + 52, row, "validation", weight="bold", colour=palette.valid)
        left += 270
    if any(one.train for one in drawn):
        sheet.trace([left, left + 40], [row, row], color=palette.train, linewidth=2)
        sheet.write(left + 52, row, "train", colour=palette.train)
