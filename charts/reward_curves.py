"""Reward over steps: the curve of one job, and the validation rewards of several jobs in one plot.

Train reward is thin and noisy, validation reward bold with markers; jobs differ in colour, dashes and markers.
"""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.figure import ROOM, SWATCH, compose, new_figure
from charts.step_axes import LineEnd, draw_moments, label_ends, plot_points, say, set_axes, strokes
from charts.step_values import JobCurve, JobCurves, RewardCurve, measured
from charts.style import Dash, Palette
from charts.text_fit import shorten
from charts.wording import apart, finite, number, plural

PLOT, LEAST_PLOT = 460, 330
"""Pixels for the plot with its axes, and what at least remains without them."""
EPOCH_DASH: Dash = (0, (3.2, 1.4))
MOST_JOBS = 5
STYLES: Sequence[tuple[Dash, str]] = (
    ("-", "o"),
    ((0, (4, 2)), "s"),
    ((0, (1.2, 1.2)), "^"),
    ((0, (5, 1.5, 1.2, 1.5)), "D"),
    ((0, (8, 3)), "v"),
)


def draw_reward_curve(chart: RewardCurve, palette: Palette) -> Figure:
    """Draw the curve; with no finite point yet, the axes and a line that says so."""
    train, epoch, valid = measured(chart.train), chart.epoch_means, measured(chart.valid)
    points = (*train, *epoch, *valid)
    rewards = [reward for _, reward in points]
    error = finite(chart.valid_error) or 0.0
    # A band that would leave 0..1 is cut where the rewards stay inside.
    low, high = min([0.0, *rewards]), max([1.0, *rewards])
    band = [min(max(reward + sign * error, low), high) for _, reward in valid for sign in (-1, 1)]
    last = max([chart.total_steps or 0, *(step for step, _ in points), *chart.alerts, *chart.checkpoints, 1])
    figure, (axes,) = new_figure()
    axes.set_title("mean reward", color=palette.muted, weight="normal")
    set_axes(axes, last, [*rewards, *band])
    if not points:
        say(axes, "no step has reported yet")
    plot_points(axes, chart.train, palette.train_batch if epoch else palette.train, 2)
    if epoch:
        plot_points(axes, epoch, palette.train, 4, dash=EPOCH_DASH, label="train, mean of one epoch")
    if error:
        _draw_band(axes, chart, error, palette.valid_band)
    plot_points(axes, chart.valid, palette.valid, 5, marker="o")
    _draw_checkpoints(axes, chart, palette)
    draw_moments(axes, chart.alerts, palette.alert, "v", plural(len(set(chart.alerts)), "alert"))
    # Where the mean of an epoch is drawn, that is the train reward worth reading, not the luck of the last batch.
    ends: list[LineEnd] = []
    if shown := epoch or train:
        ends.append((shown, f"train\n{number(shown[-1][1])}", palette.train, "normal"))
    if valid:
        ends.append((valid, f"validation\n{number(valid[-1][1])}", palette.valid, "bold"))
    label_ends(axes, palette, ends, LEAST_PLOT)
    return compose(figure, palette, chart.title, chart.subtitle, PLOT)


def _draw_band(axes: Axes, chart: RewardCurve, error: float, colour: str) -> None:
    label = f"\u00b1 {number(error, 3)}, one standard error"
    for stroke in strokes(chart.valid):
        steps, rewards = zip(*stroke, strict=True)
        below, above = ([reward + sign * error for reward in rewards] for sign in (-1, 1))
        axes.fill_between(steps, below, above, color=colour, linewidth=0, zorder=1, label=label)


def _draw_checkpoints(axes: Axes, chart: RewardCurve, palette: Palette) -> None:
    """Mark each kept step with a diamond on the validation line, or on the axis where that step was not evaluated."""
    if chart.checkpoints:
        known = {step: reward for step, reward in chart.valid if math.isfinite(reward)}
        heights = [known.get(step, axes.get_ylim()[0]) for step in chart.checkpoints]
        label = f"{plural(len(heights), 'checkpoint')} kept"
        (marks,) = axes.plot(chart.checkpoints, heights, "D", color=palette.checkpoint, label=label, clip_on=False)
        marks.set(markersize=18, markeredgecolor=palette.background, markeredgewidth=3, zorder=4)


def draw_job_curves(chart: JobCurves, palette: Palette) -> Figure:
    """Draw at most `MOST_JOBS` jobs in the order given; one that was not evaluated yet is named and has no line."""
    jobs = chart.jobs[:MOST_JOBS]
    points = [point for job in jobs for point in measured(job.valid)]
    figure, (axes,) = new_figure()
    axes.set_title("validation reward", color=palette.muted, weight="normal")
    set_axes(axes, max([1, *(step for step, _ in points)]), [value for _, value in points])
    colours = (palette.valid, palette.train, palette.checkpoint, palette.arms[4], palette.ink)
    for job, colour, (dash, marker) in zip(jobs, colours, STYLES, strict=False):
        plot_points(axes, job.valid, colour, 4, dash=dash, marker=marker, label=_told(job))
    return compose(figure, palette, chart.title, chart.subtitle, PLOT)


def _told(job: JobCurve) -> str:
    """Return a job's name, and in a second line its best and newest evaluation."""
    points, told = measured(job.valid), "not evaluated yet"
    if points:
        step, best = max(points, key=lambda point: point[1])
        highest, now = apart(best, points[-1][1])
        told = f"best {highest} at step {step:,}, now {now}"
    return f"{shorten(job.name, ROOM - SWATCH)}\n{told}"
