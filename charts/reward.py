"""The reward curve: train reward thin and noisy, validation reward bold with markers, and what happened on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from charts.lettering import fit, width_of
from charts.numerals import numeral
from charts.scale import Scale, ticks_to_the_end
from charts.sheet import Sheet
from charts.style import HEIGHT, LABEL, MARGIN, PAD, SUBTITLE, VALUE, WIDTH
from charts.thinning import Stroke, strokes
from charts.values import RewardCurve

LEFT = 104
RIGHT = WIDTH - 176
BOTTOM = HEIGHT - 88
KEEP = 1200
"""More points than this on a line cannot be told apart at 720 pixels of plot; longer lines are thinned."""
MARKED = 60
"""Up to this many evaluations each get a marker."""


@dataclass(frozen=True, slots=True)
class _Window:
    """What the axes show: steps and rewards from edge to edge."""

    steps: Scale
    rewards: Scale

    @property
    def low(self) -> float:
        return self.rewards.low

    @property
    def high(self) -> float:
        return self.rewards.high

    @property
    def top(self) -> float:
        return self.rewards.end


def draw_reward_curve(sheet: Sheet, chart: RewardCurve) -> None:
    """Draw the curve; with no finite point yet, the axes and a line that says so."""
    top = sheet.headline(chart.title, chart.subtitle) + SUBTITLE + 20
    train, valid = strokes(chart.train, KEEP), strokes(chart.valid, KEEP)
    window = _window(chart, [*train, *valid], top)
    _axes(sheet, window)
    if not train and not valid:
        middle = (LEFT + RIGHT) / 2
        sheet.write(
            middle, (top + BOTTOM) / 2, "no step has reported yet", colour=sheet.palette.muted, horizontal="center"
        )
    _draw_line(sheet, train, colour=sheet.palette.train, width=2, markers=False)
    _draw_line(sheet, valid, colour=sheet.palette.valid, width=5, markers=sum(map(len, valid)) <= MARKED)
    _draw_checkpoints(sheet, window, chart)
    _draw_alerts(sheet, window, chart.alerts)
    _draw_key(sheet, chart)
    _end_labels(sheet, window, train, valid)


def _window(chart: RewardCurve, lines: Sequence[Stroke], top: float) -> _Window:
    seen = [point for line in lines for point in line]
    last = max([chart.total_steps or 0, *(step for step, _ in seen), *chart.alerts, *chart.checkpoints, 1])
    rewards = [reward for _, reward in seen] or [0.0, 1.0]
    low, high = min(rewards), max(rewards)
    pad = max(0.06 * (high - low), 0.03)
    # A reward that lives in 0..1 is not shown with room outside of it.
    floor = max(low - pad, 0.0) if low >= 0 else low - pad
    ceiling = min(high + pad, 1.0) if low >= 0 and high <= 1 else high + pad
    return _Window(Scale(0, last, LEFT, RIGHT), Scale(floor, ceiling, BOTTOM, top))


def _axes(sheet: Sheet, window: _Window) -> None:
    sheet.place(LEFT, window.top, RIGHT, BOTTOM)
    axes, muted = sheet.axes, sheet.palette.muted
    axes.set_xlim(0, window.steps.high)
    axes.set_ylim(window.low, window.high)
    steps = ticks_to_the_end(window.steps, 6)
    axes.set_xticks([step for step, _ in steps], [words for _, words in steps])
    rewards = window.rewards.ticks(4)
    axes.set_yticks(rewards, [numeral(reward) for reward in rewards])
    sheet.write(MARGIN, window.top - SUBTITLE - 6, "mean reward", colour=muted)
    beside = RIGHT + width_of(steps[-1][1], LABEL) / 2 + 12
    sheet.write(beside, BOTTOM + PAD, "step", colour=muted, vertical="top")
    if window.low < 0 < window.high:
        sheet.line([0, window.steps.high], [0, 0], color=muted, linewidth=1.5, zorder=1.5)


def _draw_line(sheet: Sheet, lines: Sequence[Stroke], *, colour: str, width: float, markers: bool) -> None:
    """Draw the strokes of one line; a point with no neighbour always has a marker, or it would not be seen."""
    for line in lines:
        steps, rewards = zip(*line, strict=True)
        marker = "o" if markers or len(line) == 1 else ""
        sheet.line(
            steps,
            rewards,
            color=colour,
            linewidth=width,
            marker=marker,
            markersize=width * 2,
            zorder=width,
            clip_on=False,
        )


def _draw_checkpoints(sheet: Sheet, window: _Window, chart: RewardCurve) -> None:
    """Mark each kept step with a diamond on the validation line, or on the axis where that step was not evaluated."""
    height = {step: reward for step, reward in chart.valid if math.isfinite(reward)}
    for step in chart.checkpoints:
        sheet.line(
            [step],
            [height.get(step, window.low)],
            marker="D",
            markersize=18,
            color=sheet.palette.checkpoint,
            markeredgecolor=sheet.palette.background,
            markeredgewidth=3,
            zorder=6,
            clip_on=False,
        )


def _draw_alerts(sheet: Sheet, window: _Window, alerts: Sequence[int]) -> None:
    colour = sheet.palette.alert
    for step in alerts:
        ends = [window.low, window.high]
        sheet.line([step, step], ends, color=colour, linewidth=2.5, linestyle=(0, (4, 3)), zorder=4)
        sheet.mark(window.steps.at(step), window.top - 6, "v", colour, 17)


def _draw_key(sheet: Sheet, chart: RewardCurve) -> None:
    """Say under the axes what the marks mean; a mark that is not in the picture is not explained."""
    keys: list[tuple[str, str, str]] = []
    if chart.checkpoints:
        kept = "checkpoints kept" if len(chart.checkpoints) > 1 else "checkpoint kept"
        keys.append(("D", sheet.palette.checkpoint, kept))
    if chart.alerts:
        steps = ", ".join(f"{step:,}" for step in chart.alerts[:2]) + (" and later" if len(chart.alerts) > 2 else "")
        keys.append(("v", sheet.palette.alert, f"warning at step {steps}"))
    for index, (marker, colour, words) in enumerate(keys):
        left = LEFT + 8 + 320 * index
        sheet.mark(left, HEIGHT - 26, marker, colour, 16)
        for line in fit(words, WIDTH - MARGIN - left - 22, LABEL):
            sheet.write(left + 22, HEIGHT - 26, line, colour=sheet.palette.muted)


def _end_labels(sheet: Sheet, window: _Window, train: Sequence[Stroke], valid: Sequence[Stroke]) -> None:
    """Name each line beside its last point, with the last value; two that would overlap are moved apart."""
    palette = sheet.palette
    lines = [("train", palette.train, train), ("validation", palette.valid, valid)]
    named = [(name, colour, line[-1][-1]) for name, colour, line in lines if line]
    heights = _apart([window.rewards.at(reward) for _, _, (_, reward) in named], LABEL + VALUE + 12, window)
    x = window.steps.at(max((step for _, _, (step, _) in named), default=0)) + 20
    for (name, colour, (_, reward)), y in zip(named, heights, strict=True):
        sheet.write(x, y - 13, name, colour=colour, halo=True)
        sheet.write(x, y + 15, numeral(reward), size=VALUE, weight="bold", colour=colour, halo=True)


def _apart(heights: list[float], need: float, window: _Window) -> list[float]:
    if len(heights) == 2 and abs(heights[0] - heights[1]) < need:
        middle, sign = sum(heights) / 2, 1 if heights[0] >= heights[1] else -1
        middle = min(max(middle, window.top + need / 2), BOTTOM - need / 2)
        return [middle + sign * need / 2, middle - sign * need / 2]
    return heights
