"""The checkpoint comparison: a row for each checkpoint, a column of bars for each score, each column's best marked."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.figure import compose, empty_figure, new_figure
from charts.score_bars import DASH, STAR, draw_bar, explain_star, name_rows, score_ends
from charts.style import Palette
from charts.text_fit import shorten
from charts.values import METRICS, CheckpointComparison, CheckpointScores
from charts.wording import finite, highest, number

MOST_ROWS = 12
NAMES = 250
"""Most pixels for the names at the left."""
ROW = 112
HEADING = 50


def draw_checkpoint_comparison(chart: CheckpointComparison, palette: Palette) -> Figure:
    """Draw the rows in the order given, at most `MOST_ROWS`; a score nobody measured is a dash."""
    rows = chart.rows[:MOST_ROWS]
    left_out = f"first {len(rows)} of {len(chart.rows)} checkpoints. " if len(rows) < len(chart.rows) else ""
    every = [(name, [finite(getattr(row, field)) for row in rows]) for field, name in METRICS]
    columns = [(name, scores) for name, scores in every if any(score is not None for score in scores)]
    if not columns:
        return empty_figure(palette, chart.title, chart.subtitle, "no checkpoint has scores yet")
    figure = new_figure()
    plots = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, (name, scores) in zip(plots, columns, strict=True):
        axes.set_title(name)
        axes.set_xlim(score_ends(score for score in scores if score is not None))
        name_rows(axes, [_name(row) for row in rows], palette)
        _draw_column(axes, scores, palette)
    return compose(figure, palette, chart.title, left_out + chart.subtitle, HEADING + len(rows) * ROW)


def _name(row: CheckpointScores) -> str:
    """Return the step with the label below it, or whichever of the two is known."""
    step = f"step {row.step:,}" if row.step is not None else ""
    return "\n".join(shorten(part, NAMES) for part in (step, row.label) if part)


def _draw_column(axes: Axes, scores: Sequence[float | None], palette: Palette) -> None:
    left, best = axes.get_xlim()[0], highest(scores)
    if best:
        explain_star(axes, palette, "column")
    for row, score in enumerate(scores):
        words = DASH if score is None else number(score)
        is_best = words == best
        axes.text(left, row - 0.05, f"{words} {STAR}" if is_best else words, weight="bold" if is_best else "normal")
        if score is not None:
            draw_bar(axes, row + 0.12, score, 0.18, palette.best_bar if is_best else palette.bar, palette)
