"""How evaluated models are drawn: each kind with a shape and a colour of its own, with bars for 95% intervals."""

import math
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes

from charts.step_axes import value_range
from charts.style import Palette
from charts.values import Estimate, EvaluatedModel, ModelKind
from charts.wording import finite

MARKS: dict[ModelKind, tuple[str, str]] = {
    "checkpoint": ("checkpoint", "o"),
    "base": ("base model", "s"),
    "alias": ("in use now", "D"),
}
"""What each kind is called, and its shape."""
BARS = "(bars: 95% intervals)"
BEYOND = 0.04
"""Of its range, an axis ends so much beyond the outermost scores."""


def draw_model(axes: Axes, palette: Palette, model: EvaluatedModel, x: float, y: float, **errors: Any) -> None:
    """Draw a model's mark with its error bars; the base model's is hollow."""
    label, shape = MARKS[model.kind]
    colour = {"checkpoint": palette.valid, "base": palette.ink, "alias": palette.train}[model.kind]
    axes.errorbar(x, y, **errors, color=colour, elinewidth=2.5, capsize=8, capthick=2.5, fmt="none", zorder=3)
    (mark,) = axes.plot([x], [y], shape, color=colour, markersize=20, label=label, zorder=6, clip_on=False)
    mark.set(markeredgecolor=palette.background, markeredgewidth=3)
    if model.kind == "base":
        mark.set(markerfacecolor=palette.background, markeredgecolor=colour)


def reach(score: Estimate) -> list[list[float]]:
    """Return how far the interval reaches below and above the mean, as error bars want it; nan where not known."""
    ends = (finite(score.mean), finite(score.low), finite(score.high))
    mean, low, high = (math.nan if end is None else end for end in ends)
    return [[max(mean - low, 0.0)], [max(high - mean, 0.0)]]


def score_range(scores: Iterable[Estimate]) -> tuple[float, float]:
    """Return the ends of an axis that shows every measured score with its interval, none of them at its very end."""
    measured = [score for score in scores if finite(score.mean) is not None]
    ends = [finite(end) for score in measured for end in (score.mean, score.low, score.high)]
    low, high = value_range((end for end in ends if end is not None), "score")
    return low - BEYOND * (high - low), high + BEYOND * (high - low)
