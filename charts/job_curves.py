"""The validation rewards of several jobs in one plot: lines that differ in colour, dashes and markers."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from charts.figure import ROOM, SWATCH, compose, new_figure
from charts.step_axes import plot_points, set_axes
from charts.step_values import JobCurve, JobCurves, measured
from charts.style import Dash, Palette
from charts.text_fit import shorten
from charts.wording import number

MOST_JOBS = 5
PLOT = 440
STYLES: Sequence[tuple[Dash, str]] = (
    ("-", "o"),
    ((0, (4, 2)), "s"),
    ((0, (1.2, 1.2)), "^"),
    ((0, (5, 1.5, 1.2, 1.5)), "D"),
    ((0, (8, 3)), "v"),
)


def draw_job_curves(chart: JobCurves, palette: Palette) -> Figure:
    """Draw at most `MOST_JOBS` jobs in the order given; one that was not evaluated yet is named and has no line."""
    jobs = chart.jobs[:MOST_JOBS]
    points = [point for job in jobs for point in measured(job.valid)]
    figure = new_figure()
    axes = figure.subplots()
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
        told = f"best {number(best)} at step {step:,}, now {number(points[-1][1])}"
    return f"{shorten(job.name, ROOM - SWATCH)}\n{told}"
