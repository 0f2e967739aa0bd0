"""The validation rewards of several jobs in one picture: lines that differ in colour, dashes and markers."""

from collections.abc import Sequence

from charts.lettering import shorten, width_of
from charts.over_steps import JobCurves
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
from charts.style import HEIGHT, LABEL, MARGIN, SUBTITLE, VALUE, WIDTH, Palette
from charts.thinning import Stroke, strokes
from charts.wording import number

MOST_JOBS = 5
BOTTOM = HEIGHT - 88
ROW = 38
SAMPLE = 76
"""Pixels of line beside each name, long enough to show its dashes."""
STYLES = (("-", "o"), ((0, (4, 2)), "s"), ((0, (1.2, 1.2)), "^"), ((0, (5, 1.5, 1.2, 1.5)), "D"), ((0, (8, 3)), "v"))


def draw_job_curves(sheet: Sheet, chart: JobCurves) -> None:
    """Draw at most `MOST_JOBS` jobs in the order given; one that was not evaluated yet is named and has no line."""
    jobs = chart.jobs[:MOST_JOBS]
    lines = [strokes(job.valid, KEEP) for job in jobs]
    sheet.cut(BOTTOM + 56 + len(jobs) * ROW + MARGIN - 8)
    top = sheet.headline(chart.title, chart.subtitle) + SUBTITLE + 20
    seen = [point for line in lines for stroke in line for point in stroke]
    low, high = value_range((value for _, value in seen), "score") if seen else (0.0, 1.0)
    plot = Plot(Scale(0, max([1, *(step for step, _ in seen)]), LEFT, RIGHT), Scale(low, high, BOTTOM, top))
    draw_values_axis(sheet, plot.values, "score", 4, left=LEFT, right=RIGHT)
    draw_steps_axis(sheet, plot.steps, BOTTOM)
    sheet.write(MARGIN, top - SUBTITLE - 6, "validation reward", colour=sheet.palette.muted)
    looks = [_look(index, sheet.palette) for index in range(len(jobs))]
    for line, look in zip(lines, looks, strict=True):
        draw_strokes(sheet, plot, line, look)
    _end_labels(sheet, plot, lines, looks)
    for index, (job, line, look) in enumerate(zip(jobs, lines, looks, strict=True)):
        _draw_key(sheet, job.name, line, look, BOTTOM + 56 + (index + 0.5) * ROW)


def _look(index: int, palette: Palette) -> Look:
    dash, marker = STYLES[index]
    colours = (palette.valid, palette.train, palette.checkpoint, palette.arms[4], palette.ink)
    return Look(colours[index], 4, dash, marker)


def _end_labels(sheet: Sheet, plot: Plot, lines: Sequence[tuple[Stroke, ...]], looks: Sequence[Look]) -> None:
    """Write each line's last value beside it, behind its marker; those that would overlap are moved apart."""
    ends = [(look, line[-1][-1]) for line, look in zip(lines, looks, strict=True) if line]
    heights = spread([plot.values.at(value) for _, (_, value) in ends], VALUE + 8, plot.top, plot.bottom)
    for (look, (_, value)), y in zip(ends, heights, strict=True):
        sheet.mark(RIGHT + 26, y, look.marker, look.colour, 14)
        sheet.write(RIGHT + 44, y, number(value), size=VALUE, weight="bold", colour=look.colour)


def _draw_key(sheet: Sheet, name: str, line: tuple[Stroke, ...], look: Look, row: float) -> None:
    ends = [MARGIN, MARGIN + SAMPLE]
    sheet.trace(ends, [row, row], color=look.colour, linewidth=look.width, linestyle=look.dash)
    sheet.mark(MARGIN + SAMPLE / 2, row, look.marker, look.colour, 14)
    points = [point for stroke in line for point in stroke]
    words = "not evaluated yet"
    if points:
        step, best = max(points, key=lambda point: point[1])
        words = f"best {number(best)} at step {step:,}"
    left = MARGIN + SAMPLE + 16
    sheet.write(WIDTH - MARGIN, row, words, colour=sheet.palette.muted, horizontal="right")
    room = WIDTH - MARGIN - width_of(words, LABEL) - 24 - left
    sheet.write(left, row, shorten(name, room, LABEL))
