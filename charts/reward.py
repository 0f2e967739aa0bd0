"""The reward curve: train reward thin and noisy, validation reward bold with markers, and what happened on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from charts.lettering import fit
from charts.means import trailing_means
from charts.over_steps import RewardCurve
from charts.plot import (
    KEEP,
    LEFT,
    RIGHT,
    Dash,
    Look,
    Plot,
    draw_band,
    draw_steps_axis,
    draw_strokes,
    draw_values_axis,
    spread,
    value_range,
)
from charts.scale import Scale
from charts.sheet import Sheet
from charts.style import HEIGHT, LABEL, MARGIN, SUBTITLE, VALUE, WIDTH
from charts.thinning import Stroke, strokes
from charts.wording import finite, number

BOTTOM = HEIGHT - 88
KEY = 40
"""Each further line of the key makes the picture this much higher."""
EPOCH_DASH: Dash = (0, (3.2, 1.4))


@dataclass(frozen=True, slots=True)
class _Lines:
    """What is drawn as lines, thinned and cut at gaps."""

    train: tuple[Stroke, ...]
    epoch: tuple[Stroke, ...]
    valid: tuple[Stroke, ...]

    @property
    def points(self) -> list[tuple[int, float]]:
        return [point for line in (*self.train, *self.epoch, *self.valid) for point in line]


def draw_reward_curve(sheet: Sheet, chart: RewardCurve) -> None:
    """Draw the curve; with no finite point yet, the axes and a line that says so."""
    epoch = trailing_means(chart.train, chart.epoch_steps) if chart.epoch_steps and chart.epoch_steps > 1 else ()
    lines = _Lines(strokes(chart.train, KEEP), strokes(epoch, KEEP), strokes(chart.valid, KEEP))
    error = finite(chart.valid_error) if lines.valid else None
    rows = 2 if lines.epoch or error is not None else 1
    sheet.cut(HEIGHT + (rows - 1) * KEY)
    top = sheet.headline(chart.title, chart.subtitle) + SUBTITLE + 20
    plot = _plot(chart, lines, error or 0.0, top)
    palette = sheet.palette
    if error is not None:
        draw_band(sheet, plot, lines.valid, error, palette.valid_band)
    _axes(sheet, plot)
    if not lines.points:
        middle = (LEFT + RIGHT) / 2
        sheet.write(middle, (top + BOTTOM) / 2, "no step has reported yet", colour=palette.muted, horizontal="center")
    batch = palette.train_batch if lines.epoch else palette.train
    draw_strokes(sheet, plot, lines.train, Look(batch, 2))
    draw_strokes(sheet, plot, lines.epoch, Look(palette.train, 4, EPOCH_DASH))
    draw_strokes(sheet, plot, lines.valid, Look(palette.valid, 5, marker="o"))
    _draw_checkpoints(sheet, plot, chart)
    _draw_alerts(sheet, plot, chart.alerts)
    if rows > 1:
        _draw_lines_key(sheet, epoch=bool(lines.epoch), error=error)
    _draw_marks_key(sheet, chart, HEIGHT - 26 + (rows - 1) * KEY)
    _end_labels(sheet, plot, lines)


def _plot(chart: RewardCurve, lines: _Lines, error: float, top: float) -> Plot:
    seen = lines.points
    last = max([chart.total_steps or 0, *(step for step, _ in seen), *chart.alerts, *chart.checkpoints, 1])
    bands = [value + sign * error for line in lines.valid for _, value in line for sign in (-1, 1)] if error else []
    if seen and min(reward for _, reward in seen) >= 0:
        bands = [max(value, 0.0) for value in bands]
    if seen and max(reward for _, reward in seen) <= 1:
        bands = [min(value, 1.0) for value in bands]
    low, high = value_range([*(reward for _, reward in seen), *bands], "score") if seen else (0.0, 1.0)
    return Plot(Scale(0, last, LEFT, RIGHT), Scale(low, high, BOTTOM, top))


def _axes(sheet: Sheet, plot: Plot) -> None:
    draw_values_axis(sheet, plot.values, "score", 4, left=LEFT, right=RIGHT)
    draw_steps_axis(sheet, plot.steps, BOTTOM)
    sheet.write(MARGIN, plot.top - SUBTITLE - 6, "mean reward", colour=sheet.palette.muted)


def _draw_checkpoints(sheet: Sheet, plot: Plot, chart: RewardCurve) -> None:
    """Mark each kept step with a diamond on the validation line, or on the axis where that step was not evaluated."""
    height = {step: reward for step, reward in chart.valid if math.isfinite(reward)}
    for step in chart.checkpoints:
        sheet.trace(
            [plot.steps.at(step)],
            [plot.values.at(height.get(step, plot.values.low))],
            marker="D",
            markersize=18,
            color=sheet.palette.checkpoint,
            markeredgecolor=sheet.palette.background,
            markeredgewidth=3,
            zorder=6,
        )


def _draw_alerts(sheet: Sheet, plot: Plot, alerts: Sequence[int]) -> None:
    colour = sheet.palette.alert
    for step in set(alerts):
        x = plot.steps.at(step)
        sheet.trace([x, x], [plot.bottom, plot.top], color=colour, linewidth=2.5, linestyle=(0, (4, 3)), zorder=4)
        sheet.mark(x, plot.top - 6, "v", colour, 17)


def _draw_lines_key(sheet: Sheet, *, epoch: bool, error: float | None) -> None:
    """Say under the axes what the dashed line and the band are."""
    palette, row, left = sheet.palette, HEIGHT - 26, LEFT - 6
    if epoch:
        sheet.trace([left, left + 40], [row, row], color=palette.train, linewidth=4, linestyle=EPOCH_DASH)
        sheet.write(left + 52, row, "train, mean of one epoch", colour=palette.muted)
        left += 420
    if error is not None:
        sheet.bar(left, row - 13, 40, 26, palette.valid_band)
        sheet.trace([left, left + 40], [row, row], color=palette.valid, linewidth=5)
        words = f"\u00b1 {number(error, 3)}, one standard error"
        sheet.write(left + 52, row, words, colour=palette.muted)


def _draw_marks_key(sheet: Sheet, chart: RewardCurve, row: float) -> None:
    """Say under the axes what the marks mean; a mark that is not in the picture is not explained."""
    keys: list[tuple[str, str, str]] = []
    if chart.checkpoints:
        kept = "checkpoints kept" if len(chart.checkpoints) > 1 else "checkpoint kept"
        keys.append(("D", sheet.palette.checkpoint, kept))
    if chart.alerts:
        alerts = sorted(set(chart.alerts))
        steps = ", ".join(f"{step:,}" for step in alerts[:2]) + (" and later" if len(alerts) > 2 else "")
        keys.append(("v", sheet.palette.alert, f"alert{'s' if len(alerts) > 1 else ''} at step {steps}"))
    for index, (marker, colour, words) in enumerate(keys):
        left = LEFT + 8 + 320 * index
        sheet.mark(left, row, marker, colour, 16)
        for line in fit(words, WIDTH - MARGIN - left - 22, LABEL):
            sheet.write(left + 22, row, line, colour=sheet.palette.muted)


def _end_labels(sheet: Sheet, plot: Plot, lines: _Lines) -> None:
    """Name each line beside its last point, with the last value; those that would overlap are moved apart.

    Where the mean of an epoch is drawn, that is the train reward worth reading, and not the luck of the last batch.
    """
    palette = sheet.palette
    named = [
        (name, colour, line[-1][-1])
        for name, colour, line in (
            ("train", palette.train, lines.epoch or lines.train),
            ("validation", palette.valid, lines.valid),
        )
        if line
    ]
    need = LABEL + VALUE + 12
    heights = spread([plot.values.at(reward) for _, _, (_, reward) in named], need, plot.top, BOTTOM)
    x = plot.steps.at(max((step for step, _ in lines.points), default=0)) + 20
    for (name, colour, (_, reward)), y in zip(named, heights, strict=True):
        sheet.write(x, y - 13, name, colour=colour, halo=True)
        sheet.write(x, y + 15, number(reward), size=VALUE, weight="bold", colour=colour, halo=True)
