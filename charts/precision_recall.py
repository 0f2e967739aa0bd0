"""Precision against recall: a point with interval bars for each model, over lines of equal F1."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charts.lettering import Weight, shorten, width_of
from charts.models import KEY, colour_of, draw_key, draw_mark
from charts.placing import Box, Obstacle, around, beside, centred, least_covering
from charts.scale import Scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, PAD, WIDTH
from charts.values import Estimate, EvaluatedModel, PrecisionRecall
from charts.wording import finite, number

LEFT = 104
RIGHT = WIDTH - MARGIN - 12
PLOT = 500
"""Pixels from the top of the plot to its bottom."""
LEAST_SPAN = 0.1
"""An axis shows at least this much, or a difference that is nothing to anybody would fill the picture."""
BEYOND = 0.04
"""An axis ends this share of itself beyond 0 or 1, so that a mark there is seen whole."""
TICK_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
MOST_TICKS = 7
MOST_LABEL = 300
"""Pixels for a model's name."""
CAP = 8
BAR = 3
SAMPLES = 80
"""Points of a curve of equal F1."""
ISO_DASH = (0, (6, 5))
ISO_STEPS = (0.02, 0.05, 0.1, 0.2)
MOST_ISO = 6
ON_MARK, ON_WORDS, ON_BAR, ON_CURVE = 2.0, 6.0, 0.25, 0.05
"""How bad a covered pixel of each is."""


@dataclass(frozen=True, slots=True)
class _Point:
    """A model on the pixels it is drawn at."""

    model: EvaluatedModel
    x: float
    y: float


def draw_precision_recall(sheet: Sheet, chart: PrecisionRecall) -> None:
    """Draw every model that has precision and recall; the others are named below."""
    top = sheet.headline(chart.title, chart.subtitle)
    shown = [m for m in chart.models if finite(m.precision.mean) is not None and finite(m.recall.mean) is not None]
    if not shown:
        sheet.write(MARGIN, top + LABEL, "no model has precision and recall yet", colour=sheet.palette.muted)
        sheet.cut(top + 2 * LABEL + MARGIN)
        return
    draw_key(sheet, shown, top + LABEL / 2)
    top += KEY + LABEL + 8
    bottom = top + PLOT
    missing = [model.label for model in chart.models if model not in shown]
    sheet.cut(bottom + PAD + LABEL + (LABEL * 1.4 if missing else 0) + MARGIN)
    recall = Scale(*axis_range(model.recall for model in shown), LEFT, RIGHT)
    precision = Scale(*axis_range(model.precision for model in shown), bottom, top)
    _draw_axes(sheet, recall, precision)
    points = [_Point(m, recall.at(m.recall.mean or 0.0), precision.at(m.precision.mean or 0.0)) for m in shown]
    obstacles = _draw_bars(sheet, points, recall, precision)
    obstacles += _draw_equal_f1(sheet, recall, precision, obstacles)
    for point in sorted(points, key=lambda point: point.model.chosen):
        draw_mark(sheet, point.model.kind, point.x, point.y)
    _draw_names(sheet, points, obstacles, Box(LEFT, top, RIGHT, bottom))
    if missing:
        words = shorten(f"not measured: {', '.join(missing)}", RIGHT - LEFT, LABEL)
        sheet.write(LEFT, bottom + PAD + LABEL * 1.9, words, colour=sheet.palette.muted)


def axis_range(scores: Iterator[Estimate]) -> tuple[float, float]:
    """Return the ends of an axis that shows every score with its interval; hardly more than 0..1 where they are."""
    ends = [end for s in scores for end in (finite(s.mean), finite(s.low), finite(s.high)) if end is not None]
    low, high = min(ends), max(ends)
    pad = max(0.08 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    beyond = BEYOND * (high - low + 2 * pad)
    floor, ceiling = min(0.0, low) - beyond, max(1.0, high) + beyond
    start = max(min(low - pad, ceiling - LEAST_SPAN), floor)
    return start, min(max(high + pad, start + LEAST_SPAN), ceiling)


def round_ticks(scale: Scale) -> list[float]:
    """Return round scores to write at an axis, as many as fit."""
    low, high = max(scale.low, 0.0), min(scale.high, 1.0)
    if low >= high:
        low, high = scale.low, scale.high
    for step in TICK_STEPS:
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < MOST_TICKS:
            return [n * step for n in range(first, last + 1)]
    return scale.ticks(MOST_TICKS)


def _draw_axes(sheet: Sheet, recall: Scale, precision: Scale) -> None:
    palette, top, bottom = sheet.palette, precision.end, precision.start
    for tick in round_ticks(precision):
        y = precision.at(tick)
        sheet.trace([LEFT, RIGHT], [y, y], color=palette.grid, linewidth=1.5, zorder=0.5)
        sheet.write(LEFT - PAD, y, number(tick), colour=palette.muted, horizontal="right")
    for tick in round_ticks(recall):
        x = recall.at(tick)
        sheet.trace([x, x], [top, bottom], color=palette.grid, linewidth=1.5, zorder=0.5)
        if x < RIGHT - width_of("recall", LABEL, "bold") - 44:
            sheet.write(x, bottom + PAD, number(tick), colour=palette.muted, horizontal="center", vertical="top")
    sheet.trace([LEFT, LEFT, RIGHT], [top, bottom, bottom], color=palette.muted, linewidth=1.5, zorder=1)
    sheet.write(LEFT, top - LABEL / 2 - 6, "precision", weight="bold")
    sheet.write(RIGHT, bottom + PAD, "recall", weight="bold", horizontal="right", vertical="top")


def _draw_bars(sheet: Sheet, points: Sequence[_Point], recall: Scale, precision: Scale) -> list[Obstacle]:
    """Draw the intervals both ways and return what words had better not cover."""
    found = []
    for point in points:
        colour = colour_of(sheet, point.model.kind)
        across, down = _ends(point.model.recall, recall), _ends(point.model.precision, precision)
        if across:
            low, high = across
            _draw_bar(sheet, [low, high], [point.y] * 2, colour)
            found.append(Obstacle(Box(low, point.y - BAR, high, point.y + BAR), ON_BAR))
        if down:
            low, high = down
            _draw_bar(sheet, [point.x] * 2, [low, high], colour)
            found.append(Obstacle(Box(point.x - BAR, high, point.x + BAR, low), ON_BAR))
        found.append(Obstacle(around(point.x, point.y, 16), ON_MARK))
    return found


def _ends(score: Estimate, scale: Scale) -> tuple[float, float] | None:
    low, high = finite(score.low), finite(score.high)
    return (scale.at(low), scale.at(high)) if low is not None and high is not None else None


def _draw_bar(sheet: Sheet, xs: list[float], ys: list[float], colour: str) -> None:
    """Draw a thin line with ends across it."""
    across, down = (CAP, 0) if xs[0] == xs[1] else (0, CAP)
    strokes = [(xs, ys), *(([x - across, x + across], [y - down, y + down]) for x, y in zip(xs, ys, strict=True))]
    for stroke in strokes:
        sheet.trace(*stroke, color=colour, linewidth=BAR, alpha=0.55, zorder=3, solid_capstyle="butt")


def _draw_equal_f1(sheet: Sheet, recall: Scale, precision: Scale, obstacles: Sequence[Obstacle]) -> list[Obstacle]:
    """Draw the curves on which the F1 of mean precision and mean recall is the same, each with its figure."""
    found: list[Obstacle] = []
    for level in _levels(recall, precision):
        curve = [(recall.at(r), precision.at(p)) for r, p in _curve(level, recall, precision)]
        xs, ys = [x for x, _ in curve], [y for _, y in curve]
        sheet.trace(xs, ys, color=sheet.palette.muted, linewidth=1.5, linestyle=ISO_DASH, alpha=0.7, zorder=1)
        words = f"F1 {number(level)}"
        size = width_of(words, LABEL) + 8, LABEL + 4
        field = Box(LEFT + 6, precision.end, RIGHT, precision.start - 6)
        # From the right end inwards: there the curves lie apart, and people look for the figure of a line at its end.
        boxes = [box for x, y in reversed(curve) if field.holds(box := centred(x, y, *size))]
        if boxes:
            box = least_covering(boxes, [*obstacles, *found])
            sheet.write(*box.middle, words, colour=sheet.palette.muted, horizontal="center", halo=True)
            found.append(Obstacle(box, ON_WORDS))
        found += [Obstacle(around(x, y, 3), ON_CURVE) for x, y in curve[::4]]
    return found


def _levels(recall: Scale, precision: Scale) -> list[float]:
    """Return round values of F1 that cross the plot, few enough to be told apart."""
    low = f1_of(max(precision.low, 0.0), max(recall.low, 0.0))
    high = f1_of(min(precision.high, 1.0), min(recall.high, 1.0))
    every = ([n * step for n in range(1, round(1 / step)) if low + 0.01 < n * step < high - 0.01] for step in ISO_STEPS)
    return next(levels for levels in every if len(levels) <= MOST_ISO)  # of the widest steps there are four at most


def f1_of(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _curve(level: float, recall: Scale, precision: Scale) -> Iterator[tuple[float, float]]:
    """Yield recall and precision from left to right, within the plot: p = F r / (2 r - F)."""
    # F1 is less than twice the precision, so where the curve crosses the plot it leaves through the top or the left.
    start = max(recall.low, level * precision.high / (2 * precision.high - level))
    low = precision.low
    end = min(recall.high, level * low / (2 * low - level)) if 2 * low > level else recall.high
    for n in range(SAMPLES + 1):
        r = start + (end - start) * n / SAMPLES
        yield r, level * r / (2 * r - level)


def _draw_names(sheet: Sheet, points: Sequence[_Point], obstacles: Sequence[Obstacle], field: Box) -> None:
    """Write each model's name beside its point; the one the picture is about first, as it finds the best place."""
    taken = list(obstacles)
    crowded = sorted(points, key=lambda point: (not point.model.chosen, -_company(point, points)))
    for point in crowded:
        weight: Weight = "bold" if point.model.chosen else "normal"
        words = shorten(point.model.label, MOST_LABEL, LABEL, weight)
        size = width_of(words, LABEL, weight) + 6, LABEL + 4
        box, is_far = beside((point.x, point.y), size, taken, field)
        if is_far:
            x, y = box.nearest(point.x, point.y)
            sheet.trace([point.x, x], [point.y, y], color=sheet.palette.ink, linewidth=1.5, zorder=4)
        sheet.write(*box.middle, words, weight=weight, horizontal="center", halo=True)
        taken.append(Obstacle(box, ON_WORDS))


def _company(point: _Point, points: Sequence[_Point]) -> int:
    return sum(math.hypot(point.x - other.x, point.y - other.y) < 60 for other in points)
