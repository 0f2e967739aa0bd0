"""Precision against recall: a point with interval bars for each model, over lines of equal F1."""

import math
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from charts.figure import compose, empty_figure, freeze_layout, new_figure
from charts.model_marks import BARS, draw_model, reach, score_range
from charts.step_axes import ROUND, number_axis
from charts.style import LABEL, Palette
from charts.text_fit import shorten, width_of
from charts.values import EvaluatedModel, PrecisionRecall
from charts.wording import finite, number

PLOT = 620
MOST_LABEL = 400
"""Pixels for a model's name."""
SAMPLES = 100
"""Points of a line of equal F1."""
RADII = (14, 22, 34, 50, 70, 95, 130, 180, 240)
"""Pixels from a point to its name; far away costs more."""
NEAR = 34
"""Names farther off than this have a line to their point."""
DIRECTIONS = 16


def draw_precision_recall(chart: PrecisionRecall, palette: Palette) -> Figure:
    """Draw every model that has precision and recall; the others are named below the title."""
    shown = [m for m in chart.models if finite(m.precision.mean) is not None and finite(m.recall.mean) is not None]
    if not shown:
        return empty_figure(palette, chart.title, chart.subtitle, "no model has precision and recall yet")
    missing = ", ".join(model.label for model in chart.models if model not in shown)
    subtitle = f"{chart.subtitle}\nnot measured: {missing}" if missing else chart.subtitle
    figure = new_figure()
    axes = figure.subplots()
    axes.set(xlim=score_range(m.recall for m in shown), ylim=score_range(m.precision for m in shown))
    axes.set_title(f"precision {BARS}", color=palette.muted, weight="normal")
    axes.set_xlabel("recall")
    axes.spines["left"].set_visible(True)
    number_axis(axes.xaxis, ticks=7)
    number_axis(axes.yaxis, ticks=7)
    _draw_equal_f1(axes, palette)
    for model in sorted(shown, key=lambda model: model.chosen):
        draw_model(axes, palette, model, *_place(model), xerr=reach(model.recall), yerr=reach(model.precision))
    compose(figure, palette, chart.title, subtitle, PLOT, legend="above")
    freeze_layout(figure)
    _write_names(axes, shown, palette)
    return figure


def _place(model: EvaluatedModel) -> tuple[float, float]:
    return model.recall.mean or 0.0, model.precision.mean or 0.0


def _draw_equal_f1(axes: Axes, palette: Palette) -> None:
    """Draw lines on which the F1 of mean precision and mean recall is the same, each named where it leaves the plot."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    levels = MaxNLocator(7, steps=ROUND).tick_values(f1_of(low, left), f1_of(high, right))
    for level in levels:
        end = level * right / (2 * right - level) if 0 < level < 2 * right else math.inf
        if low < end < high:
            start = max(left, 0.501 * level)  # precision would be infinite where recall is half of F1
            recalls = [start + (right - start) * n / SAMPLES for n in range(SAMPLES + 1)]
            precisions = [level * recall / (2 * recall - level) for recall in recalls]
            axes.plot(recalls, precisions, "--", color=palette.muted, linewidth=1.5, alpha=0.7, zorder=1)
            words, place = f"F1 {number(level)}", axes.get_yaxis_transform()
            axes.text(1.01, end, words, transform=place, va="center", color=palette.muted)


def f1_of(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0 where one is not above 0."""
    return 2 * precision * recall / (precision + recall) if precision > 0 and recall > 0 else 0.0


def _write_names(axes: Axes, models: Sequence[EvaluatedModel], palette: Palette) -> None:
    """Write each model's name next to its point where it covers least, the chosen one's first.

    In a crowd a name that would lie over another is left out.
    """
    pixels = axes.transData.transform
    marks = [Bbox([pixels(_place(model))] * 2).padded(14) for model in models]
    bars = [Bbox(pixels(ends)).padded(8) for model in models for ends in _bars(model)]
    names: list[Bbox] = []
    for model in sorted(models, key=lambda model: not model.chosen):
        weight = "bold" if model.chosen else "normal"
        words = shorten(model.label, MOST_LABEL, weight="bold")
        x, y = pixels(_place(model))
        width = width_of(words, weight="bold") + 6

        far, box = min(
            _places(x, y, width, LABEL + 4, axes.bbox),
            key=lambda place: place[0] + _covered(place[1], names, marks, bars),
        )
        if box.count_overlaps(names):
            continue
        names.append(box)
        look = {"facecolor": palette.background, "edgecolor": "none", "pad": 1, "alpha": 0.85}
        line = {"arrowstyle": "-", "linewidth": 1.5, "color": palette.ink} if far > NEAR else None
        middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        name = axes.annotate(words, _place(model), middle, textcoords="figure pixels", arrowprops=line, bbox=look)
        name.set(weight=weight, ha="center", va="center", zorder=5)


def _bars(model: EvaluatedModel) -> Iterator[list[tuple[float, float]]]:
    """Yield the ends of a model's interval bars."""
    recall, precision = _place(model)
    if (low := finite(model.recall.low)) is not None and (high := finite(model.recall.high)) is not None:
        yield [(low, precision), (high, precision)]
    if (low := finite(model.precision.low)) is not None and (high := finite(model.precision.high)) is not None:
        yield [(recall, low), (recall, high)]


def _covered(box: Bbox, names: Sequence[Bbox], marks: Sequence[Bbox], bars: Sequence[Bbox]) -> float:
    """Return how bad it is to write there: over another name is worst, then over a mark, then over a bar."""
    return 1000 * box.count_overlaps(names) + 200 * box.count_overlaps(marks) + 25 * box.count_overlaps(bars)


def _places(x: float, y: float, width: float, height: float, field: Bbox) -> Iterator[tuple[float, Bbox]]:
    """Yield how far off and where words could stand inside `field`, up and to the right of a point first."""
    for far in RADII:
        for direction in range(DIRECTIONS):
            angle = 2 * math.pi * direction / DIRECTIONS + math.pi / 4
            across, up = math.cos(angle), math.sin(angle)
            reach = max(abs(across), abs(up))  # around the point on a square: words are wider than high
            left = x + across / reach * (far + width / 2) - width / 2
            foot = y + up / reach * (far + height / 2) - height / 2
            left = min(max(left, field.x0), field.x1 - width)
            foot = min(max(foot, field.y0), field.y1 - height)
            yield far, Bbox.from_bounds(left, foot, width, height)
