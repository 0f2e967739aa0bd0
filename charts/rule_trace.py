"""What a rule looks at over the steps of a job: a panel for each of its conditions, with its thresholds."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.figure import ROOM, SWATCH, compose, empty_figure, new_figure
from charts.step_axes import draw_moments, plot_points, say, set_axes
from charts.step_values import Points, RuleTrace, Threshold, TracePanel, measured
from charts.style import LABEL, Dash, Palette
from charts.text_fit import shorten
from charts.wording import Unit, finite, quantity

MOST_LINES, MOST_THRESHOLDS = 4, 3
TALL, LOW = 400, 330
"""Pixels for a plot with its axes where there is one, and where there are more."""
ROW = 42
"""Pixels of each row of a panel's legend."""
LINE_STYLES: Sequence[tuple[Dash, str]] = (("-", "o"), ((0, (4, 2)), "s"), ((0, (5, 1.5, 1.2, 1.5)), "^"), ("-", "D"))
THRESHOLD_DASHES: Sequence[Dash] = ((0, (1.2, 1.4)), (0, (3.5, 2.5)), (0, (8, 3)))


def draw_rule_trace(chart: RuleTrace, palette: Palette) -> Figure:
    """Draw the panels from the top down; a metric without points is named, and has no line."""
    if not chart.panels:
        return empty_figure(palette, chart.title, chart.subtitle, "nothing was reported yet")
    steps = [step for panel in chart.panels for points in _points(panel, 0) for step, _ in points]
    last = max([chart.total_steps or 0, 1, *chart.fired, *chart.cleared, *steps])
    moments = sum(map(bool, (chart.fired, chart.cleared)))
    rows = [
        1 + moments + len(panel.lines[:MOST_LINES]) + len(panel.thresholds[:MOST_THRESHOLDS]) for panel in chart.panels
    ]
    heights = [(TALL if len(rows) == 1 else LOW) + count * ROW for count in rows]
    figure, plots = new_figure(len(rows), heights=heights)
    for axes, panel in zip(plots, chart.panels, strict=True):
        values = [value for points in _points(panel, last) for _, value in measured(points)]
        set_axes(axes, last, values, panel.unit, 3)
        if not values:
            say(axes, "not reported yet")
        _draw_lines(axes, panel, last, palette)
        raised, over = ("raised", "over") if axes is plots[0] else ("", "")
        draw_moments(axes, chart.fired, palette.alert, "v", raised)
        draw_moments(axes, chart.cleared, palette.muted, "^", over)
        label = shorten(panel.label, ROOM - 4 * LABEL, weight="bold")
        key = axes.legend(title=label, title_fontproperties={"weight": "bold"}, alignment="left", borderaxespad=0.9)
        key.set(loc="lower left", bbox_to_anchor=(0, 1))
    return compose(figure, palette, chart.title, chart.subtitle, sum(heights), legend="none")


def _points(panel: TracePanel, last: int) -> Iterator[Points]:
    yield from (line.points for line in panel.lines[:MOST_LINES])
    yield from (_held(threshold, last) for threshold in panel.thresholds[:MOST_THRESHOLDS])


def _held(threshold: Threshold, last: int) -> Points:
    """Return a threshold's points; one that is the same at every step goes all the way across."""
    if isinstance(threshold.at, tuple):
        return threshold.at
    value = finite(threshold.at)
    return () if value is None else ((0, value), (last, value))


def _draw_lines(axes: Axes, panel: TracePanel, last: int, palette: Palette) -> None:
    for line, colour, (dash, marker) in zip(panel.lines, palette.series, LINE_STYLES, strict=False):
        label = _told(line.name, line.points, panel.unit)
        plot_points(axes, line.points, colour, 4.5, dash=dash, marker=marker, label=label)
    for threshold, dash in zip(panel.thresholds, THRESHOLD_DASHES, strict=False):
        points = _held(threshold, last)
        plot_points(axes, points, palette.ink, 3, dash=dash, label=_told(threshold.name, points, panel.unit))


def _told(name: str, points: Points, unit: Unit) -> str:
    """Return a name with the newest value, shortened to a row of the legend."""
    known = measured(points)
    value = quantity(known[-1][1], unit) if known else "not known yet"
    return f"{shorten(name, ROOM - SWATCH - 10 * LABEL)}: {value}"
