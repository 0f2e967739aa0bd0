"""One score of each model with its 95% interval: a row for each, a mark on a bar, the base's mean as a line through."""

from charts.lettering import Weight, shorten, width_of
from charts.models import KEY, colour_of, draw_key, draw_mark
from charts.precision_recall import axis_range, round_ticks
from charts.scale import Scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, PAD, VALUE, WIDTH
from charts.values import EvaluatedModel, ScoreIntervals
from charts.wording import finite, number

NAMES = 330
"""Most pixels for names."""
MOST_ROWS = 20
GUTTER = 24
ROW = 52
BAR = 4
CAP = 9
DASH = "\u2013"
BASE_DASH = (0, (5, 4))


def draw_score_intervals(sheet: Sheet, chart: ScoreIntervals) -> None:
    """Draw the models in the order given, at most `MOST_ROWS`; a score nobody measured is a dash."""
    models = chart.models[:MOST_ROWS]
    left_out = f"first {len(models)} of {len(chart.models)} models. " if len(models) < len(chart.models) else ""
    top = sheet.headline(chart.title, left_out + chart.subtitle)
    measured = [model for model in models if finite(model.score.mean) is not None]
    if not measured:
        sheet.write(MARGIN, top + LABEL, f"no model has {chart.score} yet", colour=sheet.palette.muted)
        sheet.cut(top + 2 * LABEL + MARGIN)
        return
    draw_key(sheet, measured, top + LABEL / 2)
    top += KEY
    bottom = top + len(models) * ROW
    sheet.cut(bottom + PAD + LABEL + MARGIN)
    scale = _scale(models, measured)
    _draw_axis(sheet, scale, top, bottom, chart.score)
    _draw_base(sheet, scale, measured, top, bottom)
    for index, model in enumerate(models):
        _draw_row(sheet, scale, model, top + (index + 0.5) * ROW)


def _scale(models: tuple[EvaluatedModel, ...], measured: list[EvaluatedModel]) -> Scale:
    names = max(width_of(shorten(model.label, NAMES, LABEL), LABEL, "bold") for model in models)
    figures = width_of("0.00", VALUE, "bold")
    ends = axis_range(model.score for model in measured)
    return Scale(*ends, MARGIN + min(names, NAMES) + GUTTER, WIDTH - MARGIN - figures - GUTTER)


def _draw_axis(sheet: Sheet, scale: Scale, top: float, bottom: float, score: str) -> None:
    palette = sheet.palette
    for tick in round_ticks(scale):
        x = scale.at(tick)
        sheet.trace([x, x], [top, bottom], color=palette.grid, linewidth=1.5, zorder=0.5)
        sheet.write(x, bottom + PAD, number(tick), colour=palette.muted, horizontal="center", vertical="top")
    name = shorten(score, scale.start - MARGIN - GUTTER, LABEL, "bold")
    sheet.write(MARGIN, bottom + PAD, name, weight="bold", vertical="top")


def _draw_base(sheet: Sheet, scale: Scale, models: list[EvaluatedModel], top: float, bottom: float) -> None:
    for model in models:
        if model.kind == "base":
            x = scale.at(model.score.mean or 0.0)
            look = {"color": sheet.palette.muted, "linewidth": 2, "linestyle": BASE_DASH, "zorder": 1}
            sheet.trace([x, x], [top, bottom], **look)


def _draw_row(sheet: Sheet, scale: Scale, model: EvaluatedModel, row: float) -> None:
    weight: Weight = "bold" if model.chosen else "normal"
    sheet.write(MARGIN, row, shorten(model.label, NAMES, LABEL, weight), weight=weight)
    mean, low, high = finite(model.score.mean), finite(model.score.low), finite(model.score.high)
    beside = WIDTH - MARGIN
    if mean is None:
        sheet.write(beside, row, DASH, size=VALUE, colour=sheet.palette.muted, horizontal="right")
        return
    if low is not None and high is not None:
        xs, colour = (scale.at(low), scale.at(high)), colour_of(sheet, model.kind)
        sheet.trace(xs, [row, row], color=colour, linewidth=BAR, solid_capstyle="butt", zorder=3)
        for x in xs:
            sheet.trace([x, x], [row - CAP, row + CAP], color=colour, linewidth=BAR, zorder=3)
    draw_mark(sheet, model.kind, scale.at(mean), row)
    sheet.write(beside, row, number(mean), size=VALUE, weight=weight, horizontal="right")
