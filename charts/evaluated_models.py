"""Evaluated models with their 95% intervals: precision against recall, or one score of each.

Each kind of model has a shape and a colour of its own, the same in both.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from charts.figure import compose, empty_figure, freeze_layout, new_figure
from charts.score_bars import DASH, name_rows, write_beside
from charts.step_axes import ROUND, number_axis, value_range
from charts.style import LABEL, Dash, Palette
from charts.text_fit import shorten, shorten_all, shorten_apart, width_of
from charts.values import Estimate, EvaluatedModel, ModelKind, PrecisionRecall, ScoreIntervals, ScoreTokens
from charts.wording import finite, number

MARKS: dict[ModelKind, tuple[str, str]] = {
    "checkpoint": ("checkpoint", "o"),
    "base": ("base model", "s"),
    "alias": ("in use now", "D"),
    "arm": ("arm of the eval", "^"),
}
"""What each kind is called, and its shape."""
BARS = "bars: 95% intervals"
BEYOND = 0.04
"""Of its range, an axis ends so much beyond the outermost scores."""
MOST_ROWS = 20
ROW, AXIS = 58, 126
"""Pixels for each model, and for the axis below."""
BASE_DASH: Dash = (0, (5, 4))
PLOT = 620
MOST_LABEL, NOTED_LABEL = 400, 250
"""Pixels for a model's name beside its point or row, and in the list of those that are numbered."""
MOST_NAMED, MOST_MODELS = 6, 20
"""More models than the first are numbered in the plane, and no more than the second are drawn there."""
SAMPLES = 100
"""Points of a line of equal F1."""
RADII = (14, 22, 34, 50, 70, 95, 130, 180, 240)
"""Pixels from a point to its name; far away costs more."""
NEAR = 34
"""Names farther off than this have a line to their point."""
DIRECTIONS = 16


def draw_score_intervals(chart: ScoreIntervals, palette: Palette) -> Figure:
    """Draw the models in the order given, at most `MOST_ROWS`; a score nobody measured is a dash."""
    models = chart.models[:MOST_ROWS]
    left_out = f"first {len(models)} of {len(chart.models)} models. " if len(models) < len(chart.models) else ""
    score = shorten(chart.score, MOST_LABEL)
    if all(finite(model.score.mean) is None for model in models):
        return empty_figure(palette, chart.title, chart.subtitle, f"no model has {score} yet")
    figure, (axes,) = new_figure()
    name_rows(axes, shorten_all([model.label for model in models], MOST_LABEL), palette)
    axes.spines["bottom"].set_visible(True)
    axes.set(xlim=_score_range(model.score for model in models), xlabel=f"{score}\n{BARS}")
    number_axis(axes.xaxis, ticks=6)
    for row, (model, name) in enumerate(zip(models, axes.get_yticklabels(), strict=True)):
        weight = "bold" if model.chosen else "normal"
        name.set_fontweight(weight)
        mean = finite(model.score.mean)
        write_beside(axes, row, DASH if mean is None else number(mean), weight=weight)
        if mean is not None:
            _draw_model(axes, palette, model, mean, row, xerr=_reach(model.score))
            if model.kind == "base":
                axes.axvline(mean, color=palette.muted, linewidth=2, linestyle=BASE_DASH, zorder=1)
    height = len(models) * ROW + AXIS
    return compose(figure, palette, chart.title, left_out + chart.subtitle, height, legend="above")


def draw_precision_recall(chart: PrecisionRecall, palette: Palette) -> Figure:
    """Draw every model that has precision and recall; the others are named below the title."""
    shown = [m for m in chart.models if finite(m.precision.mean) is not None and finite(m.recall.mean) is not None]
    if not shown:
        return empty_figure(palette, chart.title, chart.subtitle, "no model has precision and recall yet")
    missing = ", ".join(model.label for model in chart.models if model not in shown)
    shown, left_out = _foremost(shown)
    names, explained = _names(shown)
    note = "; ".join(filter(None, [explained, f"not measured: {missing}" if missing else ""]))
    figure, (axes,) = new_figure()
    axes.set(xlim=_score_range(m.recall for m in shown), ylim=_score_range(m.precision for m in shown))
    axes.set_title(f"precision ({BARS})", color=palette.muted, weight="normal")
    axes.set_xlabel("recall")
    axes.spines["left"].set_visible(True)
    number_axis(axes.xaxis, ticks=7)
    number_axis(axes.yaxis, ticks=7)
    _draw_equal_f1(axes, palette)
    for model in sorted(shown, key=lambda model: model.chosen):
        _draw_model(axes, palette, model, *_place(model), xerr=_reach(model.recall), yerr=_reach(model.precision))
    compose(figure, palette, chart.title, left_out + chart.subtitle, PLOT, legend="above", note=note)
    freeze_layout(figure)
    _write_names(axes, shown, names, palette, _place)
    return figure


def draw_score_tokens(chart: ScoreTokens, palette: Palette) -> Figure:
    """Draw every model that has score and tokens, the cheaper at the left; the others are named below the title."""
    shown = [m for m in chart.models if finite(m.score.mean) is not None and finite(m.tokens) is not None]
    score = shorten(chart.score, MOST_LABEL)
    if not shown:
        return empty_figure(palette, chart.title, chart.subtitle, f"no model has {score} and {chart.tokens} yet")
    missing = ", ".join(model.label for model in chart.models if model not in shown)
    shown, left_out = _foremost(shown)
    names, explained = _names(shown)
    note = "; ".join(filter(None, [explained, f"not measured: {missing}" if missing else ""]))
    figure, (axes,) = new_figure()
    taken = [model.tokens or 0.0 for model in shown]
    room = 0.12 * (max(taken) - min(taken)) or 0.1 * max(taken) or 1.0
    axes.set(xlim=(max(min(taken) - room, -room / 2), max(taken) + room), ylim=_score_range(m.score for m in shown))
    axes.set_title(f"{score} ({BARS})", color=palette.muted, weight="normal")
    axes.set_xlabel(chart.tokens)
    axes.spines["left"].set_visible(True)
    number_axis(axes.xaxis, "tokens", ticks=6)
    number_axis(axes.yaxis, ticks=6)
    for model in sorted(shown, key=lambda model: model.chosen):
        _draw_model(axes, palette, model, *_cost_place(model), yerr=_reach(model.score))
    legend: Literal["above", "none"] = "none" if all(model.kind == "arm" for model in shown) else "above"
    compose(figure, palette, chart.title, left_out + chart.subtitle, PLOT, legend=legend, note=note)
    freeze_layout(figure)
    _write_names(axes, shown, names, palette, _cost_place)
    return figure


def _cost_place(model: EvaluatedModel) -> tuple[float, float]:
    return model.tokens or 0.0, model.score.mean or 0.0


def _foremost(models: Sequence[EvaluatedModel]) -> tuple[list[EvaluatedModel], str]:
    """Return at most `MOST_MODELS` and how many that leaves out; only checkpoints that were not chosen are."""
    others = [model for model in models if model.kind == "checkpoint" and not model.chosen]
    dropped = others[max(MOST_MODELS - len(models) + len(others), 0) :]
    kept = [model for model in models if model not in dropped]
    return kept, f"{len(kept)} of {len(models)} models. " if dropped else ""


def _names(models: Sequence[EvaluatedModel]) -> tuple[list[str], str]:
    """Return what is written beside each model, and which is which: many models are numbered, or they would hide."""
    if len(models) <= MOST_NAMED:
        return [shorten(model.label, MOST_LABEL, weight="bold") for model in models], ""
    names = shorten_apart([model.label for model in models], NOTED_LABEL)
    explained = ", ".join(f"({place}) {name}" for place, name in enumerate(names, start=1))
    return [f"({place})" for place in range(1, len(models) + 1)], explained


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


def _write_names(
    axes: Axes,
    models: Sequence[EvaluatedModel],
    names: Sequence[str],
    palette: Palette,
    place_of: Callable[[EvaluatedModel], tuple[float, float]],
) -> None:
    """Write each model's name next to its point where it covers least, the chosen one's first.

    In a crowd a name that would lie over another is left out.
    """
    pixels = axes.transData.transform
    marks = [Bbox([pixels(place_of(model))] * 2).padded(14) for model in models]
    errors = [bars for bars in axes.collections if isinstance(bars, LineCollection)]
    bars = [Bbox(pixels(bar)).padded(8) for bars in errors for bar in bars.get_segments() if len(bar) == 2]
    written: list[Bbox] = []

    def cost(place: tuple[float, Bbox]) -> float:
        """Over another name is worst, then over a mark, then over a bar, then far away."""
        far, box = place
        return (
            far + 1000 * box.count_overlaps(written) + 200 * box.count_overlaps(marks) + 25 * box.count_overlaps(bars)
        )

    for model, words in sorted(zip(models, names, strict=True), key=lambda named: not named[0].chosen):
        x, y = pixels(place_of(model))
        far, box = min(_places(x, y, width_of(words, weight="bold") + 6, axes.bbox), key=cost)
        if box.count_overlaps(written):
            continue
        written.append(box)
        look = {"facecolor": palette.background, "edgecolor": "none", "pad": 1, "alpha": 0.85}
        line = {"arrowstyle": "-", "linewidth": 1.5, "color": palette.ink} if far > NEAR else None
        middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        name = axes.annotate(words, place_of(model), middle, textcoords="figure pixels", arrowprops=line, bbox=look)
        name.set(weight="bold" if model.chosen else "normal", ha="center", va="center", zorder=5)


def _places(x: float, y: float, width: float, field: Bbox) -> Iterator[tuple[float, Bbox]]:
    """Yield how far off and where words could stand inside `field`, up and to the right of a point first."""
    height = LABEL + 4
    for far in RADII:
        for direction in range(DIRECTIONS):
            angle = 2 * math.pi * direction / DIRECTIONS + math.pi / 4
            across, up = math.cos(angle), math.sin(angle)
            side = max(abs(across), abs(up))  # around the point on a square: words are wider than high
            left = x + across / side * (far + width / 2) - width / 2
            foot = y + up / side * (far + height / 2) - height / 2
            left = min(max(left, field.x0), field.x1 - width)
            foot = min(max(foot, field.y0), field.y1 - height)
            yield far, Bbox.from_bounds(left, foot, width, height)


def _draw_model(axes: Axes, palette: Palette, model: EvaluatedModel, x: float, y: float, **errors: Any) -> None:
    """Draw a model's mark with its error bars; the base model's is hollow."""
    label, shape = MARKS[model.kind]
    colour = {
        "checkpoint": palette.checkpoint,
        "base": palette.base,
        "alias": palette.production,
        "arm": palette.series[0],
    }[model.kind]
    axes.errorbar(x, y, **errors, color=colour, elinewidth=2.5, capsize=8, capthick=2.5, fmt="none", zorder=3)
    (mark,) = axes.plot([x], [y], shape, color=colour, markersize=20, label=label, zorder=6, clip_on=False)
    mark.set(markeredgecolor=palette.background, markeredgewidth=3)
    if model.kind == "base":
        mark.set(markerfacecolor=palette.background, markeredgecolor=colour)


def _reach(score: Estimate) -> list[list[float]]:
    """Return how far the interval reaches below and above the mean, as error bars want it; nan where not known."""
    ends = (finite(score.mean), finite(score.low), finite(score.high))
    mean, low, high = (math.nan if end is None else end for end in ends)
    return [[max(mean - low, 0.0)], [max(high - mean, 0.0)]]


def _score_range(scores: Iterable[Estimate]) -> tuple[float, float]:
    """Return the ends of an axis that shows every measured score with its interval, none of them at its very end."""
    measured = [score for score in scores if finite(score.mean) is not None]
    ends = [finite(end) for score in measured for end in (score.mean, score.low, score.high)]
    low, high = value_range((end for end in ends if end is not None), "score")
    return low - BEYOND * (high - low), high + BEYOND * (high - low)
