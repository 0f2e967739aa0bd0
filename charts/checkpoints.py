"""The checkpoint comparison: a row for each checkpoint, a column of bars for each score, each column's best marked."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charts.lettering import fit
from charts.numerals import numeral
from charts.sheet import Sheet
from charts.style import HEIGHT, LABEL, MARGIN, VALUE, WIDTH
from charts.values import METRICS, CheckpointComparison, CheckpointScores

NAMES = 226
"""Pixels for the names at the left."""
GUTTER = 30
MOST_ROWS = 12
ROOMY_ROWS = 4
"""From more rows than this on the sheet grows instead of the rows shrinking."""
ROW = 92
BAR = 18
STAR = "\u2605"
DASH = "\u2013"


@dataclass(frozen=True, slots=True)
class _Column:
    """One score of every row, and where on the sheet it goes; scores share the scale low..high."""

    name: str
    scores: tuple[float | None, ...]
    left: float
    width: float

    @property
    def measured(self) -> tuple[float, ...]:
        return tuple(score for score in self.scores if score is not None)

    @property
    def best(self) -> str | None:
        """The highest score as it is written, so that what looks equal counts as equal; None where all are."""
        written = {numeral(score) for score in self.measured}
        return numeral(max(self.measured)) if len(written) > 1 else None

    def x(self, score: float) -> float:
        low, high = min(0.0, *self.measured), max(1.0, *self.measured)
        return self.left + self.width * (score - low) / (high - low)


def draw_checkpoint_comparison(sheet: Sheet, chart: CheckpointComparison) -> None:
    """Draw the rows in the order given, at most `MOST_ROWS`; a score nobody measured is a dash."""
    rows = chart.rows[:MOST_ROWS]
    left_out = f"first {len(rows)} of {len(chart.rows)} checkpoints. " if len(rows) < len(chart.rows) else ""
    sheet.wipe(HEIGHT + ROW * max(0, len(rows) - ROOMY_ROWS))
    top = sheet.headline(chart.title, left_out + chart.subtitle) + 6
    columns = tuple(_columns(rows))
    muted = sheet.palette.muted
    if not columns:
        sheet.write(WIDTH / 2, sheet.height / 2, "no checkpoint has scores yet", colour=muted, horizontal="center")
        return
    first, foot = top + LABEL + 14, sheet.height - MARGIN - LABEL - 10
    height = min((foot - first) / len(rows), ROW * 1.3)
    for index, row in enumerate(rows):
        edge = first + index * height
        sheet.bar(MARGIN, edge, WIDTH - 2 * MARGIN, 1.5, sheet.palette.grid)
        _draw_name(sheet, row, edge + height / 2)
        for column in columns:
            _draw_score(sheet, column, column.scores[index], edge + height / 2)
    for column in columns:
        sheet.write(column.left, top + LABEL / 2, column.name, weight="bold")
    if any(column.best for column in columns):
        sheet.write(MARGIN + NAMES, sheet.height - MARGIN - 2, f"{STAR} highest of its column", colour=muted)


def _columns(rows: Sequence[CheckpointScores]) -> Iterator[_Column]:
    """Yield a column for every metric that at least one row was measured by."""
    every = [(name, tuple(_finite(getattr(row, field)) for row in rows)) for field, name in METRICS]
    shown = [(name, scores) for name, scores in every if any(score is not None for score in scores)]
    room = WIDTH - 2 * MARGIN - NAMES
    width = (room - GUTTER * (len(shown) - 1)) / max(len(shown), 1)
    for index, (name, scores) in enumerate(shown):
        yield _Column(name, scores, MARGIN + NAMES + index * (width + GUTTER), width)


def _finite(score: float | None) -> float | None:
    return score if score is not None and math.isfinite(score) else None


def _draw_name(sheet: Sheet, row: CheckpointScores, middle: float) -> None:
    """Write the step in bold with the label below it, or whichever of the two there is."""
    step = f"step {row.step:,}" if row.step is not None else ""
    if not step or not row.label:
        for line in fit(step or row.label, NAMES - 18, LABEL, "bold"):
            sheet.write(MARGIN, middle, line, weight="bold")
        return
    sheet.write(MARGIN, middle - 16, step, weight="bold")
    for line in fit(row.label, NAMES - 18, LABEL):
        sheet.write(MARGIN, middle + 18, line, colour=sheet.palette.muted)


def _draw_score(sheet: Sheet, column: _Column, score: float | None, middle: float) -> None:
    palette = sheet.palette
    if score is None:
        sheet.write(column.left, middle - 14, DASH, size=VALUE, colour=palette.muted)
        return
    best = numeral(score) == column.best
    words = f"{numeral(score)} {STAR}" if best else numeral(score)
    sheet.write(column.left, middle - 16, words, size=VALUE, weight="bold" if best else "normal")
    zero, end = column.x(0.0), column.x(score)
    sheet.bar(column.left, middle + 10, column.width, BAR, palette.grid)
    sheet.bar(min(zero, end), middle + 10, abs(end - zero), BAR, palette.best_bar if best else palette.bar)
    if zero > column.left:
        sheet.bar(zero - 1, middle + 6, 2, BAR + 8, palette.ink)
