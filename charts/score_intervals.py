"""One score of each model with its 95% interval: a row for each, the base's mean as a line through all."""

from matplotlib.figure import Figure

from charts.figure import compose, empty_figure, new_figure
from charts.model_marks import BARS, draw_model, reach, score_range
from charts.score_bars import DASH, name_rows, write_beside
from charts.step_axes import number_axis
from charts.style import Dash, Palette
from charts.text_fit import shorten
from charts.values import ScoreIntervals
from charts.wording import finite, number

MOST_ROWS = 20
NAMES = 380
"""Most pixels for names."""
ROW = 58
AXIS = 90
BASE_DASH: Dash = (0, (5, 4))


def draw_score_intervals(chart: ScoreIntervals, palette: Palette) -> Figure:
    """Draw the models in the order given, at most `MOST_ROWS`; a score nobody measured is a dash."""
    models = chart.models[:MOST_ROWS]
    left_out = f"first {len(models)} of {len(chart.models)} models. " if len(models) < len(chart.models) else ""
    score = shorten(chart.score, NAMES)
    if all(finite(model.score.mean) is None for model in models):
        return empty_figure(palette, chart.title, chart.subtitle, f"no model has {score} yet")
    figure = new_figure()
    axes = figure.subplots()
    name_rows(axes, [shorten(model.label, NAMES, weight="bold") for model in models], palette)
    axes.spines["bottom"].set_visible(True)
    axes.set(xlim=score_range(model.score for model in models), xlabel=f"{score} {BARS}")
    number_axis(axes.xaxis, ticks=6)
    for row, (model, name) in enumerate(zip(models, axes.get_yticklabels(), strict=True)):
        weight = "bold" if model.chosen else "normal"
        name.set_fontweight(weight)
        mean = finite(model.score.mean)
        write_beside(axes, row, DASH if mean is None else number(mean), weight=weight)
        if mean is not None:
            draw_model(axes, palette, model, mean, row, xerr=reach(model.score))
            if model.kind == "base":
                axes.axvline(mean, color=palette.muted, linewidth=2, linestyle=BASE_DASH, zorder=1)
    height = len(models) * ROW + AXIS
    return compose(figure, palette, chart.title, left_out + chart.subtitle, height, legend="above")
