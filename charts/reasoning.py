"""What a rule looks at over the steps of a job: a panel for each of its conditions, with what it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass

from charts.lettering import Weight, fit, shorten
from charts.over_steps import Points, RuleTrace, Threshold, TracePanel
from charts.plot import (
    KEEP,
    LEFT,
    RIGHT,
    Dash,
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
from charts.style import LABEL, MARGIN, VALUE, WIDTH, Palette
from charts.thinning import Stroke, strokes
from charts.wording import finite, quantity

MOST_LINES, MOST_THRESHOLDS = 4, 3
NAME = 58
"""Pixels above a plot for its label, and below that for the marks of alerts."""
STEPS = 46
ROW = 34
"""Each line and threshold is named in a row of its own, below its plot."""
GAP = 22
SAMPLE = 76
"""Pixels of line beside each name, long enough to show its dashes."""
TALL, LOW = 300, 210
"""How high a plot is where there is one, and where there are more."""

LINE_STYLES: Sequence[tuple[Dash, str]] = (("-", "o"), ((0, (4, 2)), "s"), ((0, (5, 1.5, 1.2, 1.5)), "^"), ("-", "D"))
THRESHOLD_DASHES: Sequence[Dash] = ((0, (1.2, 1.4)), (0, (3.5, 2.5)), (0, (8, 3)))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One line or threshold, thinned and cut at gaps."""

    name: str
    line: tuple[Stroke, ...]
    look: Look
    weight: Weight

    @property
    def last(self) -> float | None:
        return self.line[-1][-1][1] if self.line else None


@dataclass(frozen=True, slots=True)
class _Panel:
    panel: TracePanel
    drawn: tuple[_Drawn, ...]

    @property
    def values(self) -> list[float]:
        return [value for one in self.drawn for stroke in one.line for _, value in stroke]


def draw_rule_trace(sheet: Sheet, chart: RuleTrace) -> None:
    """Draw the panels from the top down; a figure without points is named, and has no line."""
    last = max([chart.total_steps or 0, 1, *chart.fired, *chart.cleared, *(step for step, _ in _points(chart))])
    panels = [_Panel(panel, _drawn(panel, last, sheet.palette)) for panel in chart.panels]
    height = TALL if len(panels) == 1 else LOW
    top = sheet.headline(chart.title, chart.subtitle)
    marks = ROW if chart.fired or chart.cleared else 0
    rows = sum(len(panel.drawn) for panel in panels)
    sheet.cut(top + len(panels) * (NAME + height + STEPS + GAP) + rows * ROW + marks + MARGIN)
    for panel in panels:
        plot = Plot(
            Scale(0, last, LEFT, RIGHT),
            Scale(*value_range(panel.values, panel.panel.unit), top + NAME + height, top + NAME),
        )
        _draw_panel(sheet, panel, plot, chart)
        top = _draw_key(sheet, panel, plot.bottom + STEPS) + GAP
    if not panels:
        sheet.write(MARGIN, top, "nothing was reported yet", colour=sheet.palette.muted)
    _draw_marks_key(sheet, chart, top + ROW / 2 - 6)


def _points(chart: RuleTrace) -> Points:
    lines = [line.points for panel in chart.panels for line in panel.lines]
    held = [one.at for panel in chart.panels for one in panel.thresholds if isinstance(one.at, tuple)]
    return tuple(point for points in (*lines, *held) for point in points)


def _drawn(panel: TracePanel, last: int, palette: Palette) -> tuple[_Drawn, ...]:
    colours = (palette.valid, palette.train, palette.checkpoint, palette.arms[4])
    lines = [
        _Drawn(line.name, strokes(line.points, KEEP), Look(colour, 4.5, dash, marker), "bold")
        for line, colour, (dash, marker) in zip(panel.lines[:MOST_LINES], colours, LINE_STYLES, strict=False)
    ]
    thresholds = [
        _Drawn(held.name, _held(held, last), Look(palette.ink, 3, dash), "normal")
        for held, dash in zip(panel.thresholds[:MOST_THRESHOLDS], THRESHOLD_DASHES, strict=False)
    ]
    return (*lines, *thresholds)


def _held(held: Threshold, last: int) -> tuple[Stroke, ...]:
    """Return a threshold as strokes; one that is the same at every step goes all the way across."""
    if isinstance(held.at, tuple):
        return strokes(held.at, KEEP)
    value = finite(held.at)
    return () if value is None else (((0, value), (last, value)),)


def _draw_panel(sheet: Sheet, one: _Panel, plot: Plot, chart: RuleTrace) -> None:
    palette = sheet.palette
    for label in fit(one.panel.label, WIDTH - 2 * MARGIN, LABEL, "bold"):
        sheet.write(MARGIN, plot.top - NAME + LABEL - 4, label, weight="bold")
    draw_values_axis(sheet, plot.values, one.panel.unit, 3, left=LEFT, right=RIGHT)
    draw_steps_axis(sheet, plot.steps, plot.bottom)
    _draw_moments(sheet, plot, chart)
    if not one.values:
        middle = (plot.top + plot.bottom) / 2
        sheet.write((LEFT + RIGHT) / 2, middle, "not reported yet", colour=palette.muted, horizontal="center")
    for line in one.drawn:
        draw_strokes(sheet, plot, line.line, line.look)
    _draw_ends(sheet, plot, one)


def _draw_moments(sheet: Sheet, plot: Plot, chart: RuleTrace) -> None:
    """Draw where alerts were raised and where they were over, each with a marker of its own at the top."""
    palette = sheet.palette
    for steps, colour, marker in ((chart.fired, palette.alert, "v"), (chart.cleared, palette.checkpoint, "^")):
        for step in set(steps):
            x = plot.steps.at(step)
            sheet.trace([x, x], [plot.bottom, plot.top], color=colour, linewidth=2.5, linestyle=(0, (4, 3)), zorder=2)
            sheet.mark(x, plot.top - 4, marker, colour, 17)


def _draw_ends(sheet: Sheet, plot: Plot, one: _Panel) -> None:
    """Write the last value of each line and threshold beside the plot; those that would overlap are moved apart."""
    ends = [(line, last) for line in one.drawn if (last := line.last) is not None]
    heights = spread([plot.values.at(value) for _, value in ends], VALUE + 6, plot.top, plot.bottom)
    for (line, value), y in zip(ends, heights, strict=True):
        sample = [RIGHT + 12, RIGHT + 40]
        sheet.trace(sample, [y, y], color=line.look.colour, linewidth=line.look.width, linestyle=line.look.dash)
        words = quantity(value, one.panel.unit)
        sheet.write(RIGHT + 48, y, words, size=VALUE, weight=line.weight, colour=line.look.colour)


def _draw_key(sheet: Sheet, one: _Panel, top: float) -> float:
    """Name each line and threshold below its plot, and return the pixel below the names."""
    for index, line in enumerate(one.drawn):
        row, look = top + (index + 0.5) * ROW, line.look
        ends = [MARGIN, MARGIN + SAMPLE]
        sheet.trace(ends, [row, row], color=look.colour, linewidth=look.width, linestyle=look.dash)
        if look.marker:
            sheet.mark(MARGIN + SAMPLE / 2, row, look.marker, look.colour, 14)
        words = line.name if line.line else f"{line.name}: not known yet"
        left = MARGIN + SAMPLE + 16
        sheet.write(left, row, shorten(words, WIDTH - MARGIN - left, LABEL), colour=sheet.palette.muted)
    return top + len(one.drawn) * ROW


def _draw_marks_key(sheet: Sheet, chart: RuleTrace, row: float) -> None:
    palette, left = sheet.palette, float(MARGIN + 12)
    for steps, colour, marker, word in (
        (chart.fired, palette.alert, "v", "raised"),
        (chart.cleared, palette.checkpoint, "^", "over"),
    ):
        if steps:
            told = sorted(set(steps))
            words = f"{word} at step " + ", ".join(f"{step:,}" for step in told[:3]) + (" ..." if told[3:] else "")
            sheet.mark(left, row, marker, colour, 16)
            sheet.write(left + 22, row, words, colour=palette.muted)
            left += 470
