"""Where the time of each step goes: stacked bars, sampling at the foot, then training, evaluation and the rest."""

import math
from collections.abc import Sequence
from itertools import groupby
from statistics import median

from charts.over_steps import StepTimes
from charts.plot import LEFT, RIGHT, draw_steps_axis, draw_values_axis, value_range
from charts.scale import Scale
from charts.sheet import Sheet
from charts.splitting import PARTS, Split, splits
from charts.style import HEIGHT, LABEL, VALUE, Palette
from charts.wording import seconds

BOTTOM = HEIGHT - 88
MOST_BARS = 120
"""More bars than this would be thinner than a line between them."""


def draw_step_times(sheet: Sheet, chart: StepTimes) -> None:
    """Draw a bar for each step; of very many steps, the slowest of each group of neighbours."""
    top = sheet.headline(chart.title, chart.subtitle) + 20
    steps = splits(chart.steps)
    palette, last = sheet.palette, max([chart.total_steps or 0, 1, *(one.step for one in steps)])
    together = math.ceil(last / MOST_BARS)
    places = Scale(0, last, LEFT, RIGHT)
    low, high = value_range([one.full for one in steps], "seconds")
    values = Scale(low, high, BOTTOM, top)
    draw_values_axis(sheet, values, "seconds", 4, left=LEFT, right=RIGHT)
    draw_steps_axis(sheet, places, BOTTOM + 8)
    if not steps:
        middle = (LEFT + RIGHT) / 2
        sheet.write(
            middle, (top + BOTTOM) / 2, "no step has reported its time", colour=palette.muted, horizontal="center"
        )
        return
    for one in _slowest(steps, together):
        first = (one.step - 1) // together * together
        _draw_bar(sheet, one, values, places.at(max(first, 0)), places.at(min(first + together, last)))
    _draw_key(sheet, steps, top)
    words = "beside: median over the steps that have the part"
    if together > 1:
        words = f"each bar is the slowest of {together:,} steps; beside: median of all"
    sheet.write(LEFT, HEIGHT - 26, words, colour=palette.muted)


def _slowest(steps: Sequence[Split], together: int) -> list[Split]:
    groups = groupby(steps, key=lambda one: (one.step - 1) // together)
    return [max(group, key=lambda one: one.full) for _, group in groups]


def _colours(palette: Palette) -> tuple[str, str, str, str]:
    return (palette.valid, palette.train_batch, palette.checkpoint, palette.arms[0])


def _draw_bar(sheet: Sheet, one: Split, values: Scale, left: float, right: float) -> None:
    gap = min(2.0, (right - left) / 4)
    below = 0.0
    for part, colour in zip(one.parts, _colours(sheet.palette), strict=True):
        if part > 0:
            head = values.at(below + part)
            sheet.bar(left, head, max(right - left - gap, 1.5), values.at(below) - head, colour)
        below += part


def _draw_key(sheet: Sheet, steps: Sequence[Split], top: float) -> None:
    """Name the parts right of the bars, in the order in which they are stacked, each with its median."""
    there: list[tuple[str, str, float]] = []
    for index, (name, colour) in enumerate(zip(PARTS, _colours(sheet.palette), strict=True)):
        if found := [one.parts[index] for one in steps if one.parts[index] > 0]:
            there.append((name, colour, median(found)))
    step = LABEL + VALUE + 18
    y = max(BOTTOM - step / 2 - 4, top)
    for name, colour, usual in there:
        sheet.bar(RIGHT + 16, y - 26, 16, 52, colour)
        sheet.write(RIGHT + 42, y - 13, name)
        sheet.write(RIGHT + 42, y + 15, seconds(usual), size=VALUE, weight="bold")
        y -= step
