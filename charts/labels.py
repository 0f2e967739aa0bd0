"""The distribution of labels: a bar for each label, the most frequent first, and what it was before, where known."""

from dataclasses import dataclass

from charts.balance import balance
from charts.lettering import fit, shorten, width_of
from charts.scale import Scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, WIDTH
from charts.values import LabelCount, LabelDistribution

NAMES = 400
GUTTER = 16
ROW = 38
BAR = 24
INNER = 12
"""The bar of now, inside of the wider one of before."""
DASH = "\u2013"
ARROW = "\u2192"


@dataclass(frozen=True, slots=True)
class _Row:
    """One label, or the place of the labels left out."""

    words: str
    label: LabelCount | None = None


def draw_label_distribution(sheet: Sheet, chart: LabelDistribution) -> None:
    """Draw the labels from the most frequent to the rarest (before, where that is known); a missing count is a dash.

    Of very many labels the most frequent and the rarest are drawn, and how many lie between is said.
    """
    top = sheet.headline(chart.title, chart.subtitle)
    if not chart.labels:
        sheet.write(MARGIN, top + LABEL, "no label was counted", colour=sheet.palette.muted)
        sheet.cut(top + 2 * LABEL + MARGIN)
        return
    top = _draw_key(sheet, chart, top)
    rows = _rows(chart)
    names = [shorten(row.words, NAMES if row.label else WIDTH, LABEL) for row in rows]
    left = MARGIN + max(width_of(n, LABEL) for n, row in zip(names, rows, strict=True) if row.label) + GUTTER
    figures = max(width_of(_figure(row.label, chart), LABEL) for row in rows if row.label)
    most = max([1, *(count for label in chart.labels for count in (label.count, label.before) if count is not None)])
    scale = Scale(0, most, left, WIDTH - MARGIN - figures - GUTTER)
    for index, (row, name) in enumerate(zip(rows, names, strict=True)):
        middle = top + (index + 0.5) * ROW
        sheet.write(MARGIN, middle, name, colour=None if row.label else sheet.palette.muted)
        if row.label:
            _draw_counts(sheet, chart, row.label, scale, middle)
    sheet.cut(top + len(rows) * ROW + MARGIN - 8)


def _rows(chart: LabelDistribution) -> list[_Row]:
    first, between, last = chart.parts
    rows = [_Row(label.label, label) for label in first]
    if between:
        counts = [count for label in between if (count := label.before if chart.compares else label.count) is not None]
        span = f", {max(counts):,} to {min(counts):,} items each" if counts else ""
        rows.append(_Row(f"{len(between):,} labels between{span}"))
    return rows + [_Row(label.label, label) for label in last]


def _draw_counts(sheet: Sheet, chart: LabelDistribution, label: LabelCount, scale: Scale, middle: float) -> None:
    palette, zero = sheet.palette, scale.start
    height = INNER if chart.compares else BAR
    if label.before is not None:
        sheet.bar(zero, middle - BAR / 2, scale.at(label.before) - zero, BAR, palette.bar)
    if label.count is not None:
        sheet.bar(zero, middle - height / 2, scale.at(label.count) - zero, height, palette.best_bar)
    sheet.write(WIDTH - MARGIN, middle, _figure(label, chart), horizontal="right")


def _figure(label: LabelCount, chart: LabelDistribution) -> str:
    now = DASH if label.count is None else f"{label.count:,}"
    then = DASH if label.before is None else f"{label.before:,}"
    return f"{then} {ARROW} {now}" if chart.compares else now


def _draw_key(sheet: Sheet, chart: LabelDistribution, top: float) -> float:
    """Say the ratio of the most to the least frequent label, for each series, and return the pixel below."""
    palette = sheet.palette
    now = balance([label.count for label in chart.labels])
    if not chart.compares:
        sheet.write(MARGIN, top + LABEL / 2 - 10, now, colour=palette.muted)
        return top + LABEL + 6
    then = balance([label.before for label in chart.labels])
    for words, height, colour in (
        (f"{chart.then}: {then}", BAR, palette.bar),
        (f"{chart.now}: {now}", INNER, palette.best_bar),
    ):
        row = top + LABEL / 2
        sheet.bar(MARGIN, row - height / 2, 40, height, colour)
        for line in fit(words, WIDTH - 2 * MARGIN - 54, LABEL):
            sheet.write(MARGIN + 54, row, line, colour=palette.muted)
        top += LABEL * 1.5
    return top + 6
