"""The checkpoint comparison: a row for each checkpoint, a column of bars for each score, each column's best marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charts.lettering import fit
from charts.scale import Scale, score_scale
from charts.sheet import Sheet
from charts.style import LABEL, MARGIN, VALUE, WIDTH
from charts.values import METRICS, CheckpointComparison, CheckpointScores
from charts.wording import finite, highest, number

NAMES = 226
"""Pixels for the names at the left."""
GUTTER = 30
MOST_ROWS = 12
ROW = 104
BAR = 18
STAR = "\u2605"
DASH = "\u2013"


@dataclass(frozen=True, slots=True)
class _Column:
    """One score of every row, the highest as it is written, and where on the sheet they go."""

    name: str
    scores: tuple[float | None, ...]
    best: str | None
    scale: Scale


def draw_checkpoint_comparison(sheet: Sheet, chart: CheckpointComparison) -> None:
    """Draw the rows in the order given, at most `MOST_ROWS`; a score nobody measured is a dash."""
    rows = chart.rows[:MOST_ROWS]
    left_out = f"first {len(rows)} of {len(chart.rows)} checkpoints. " if len(rows) < len(chart.rows) else ""
    top = sheet.headline(chart.title, left_out + chart.subtitle) + 6
    columns = tuple(_columns(rows))
    muted = sheet.palette.muted
    if not columns:
        sheet.write(MARGIN, top + LABEL, "no checkpoint has scores yet", colour=muted)
        sheet.cut(top + 2 * LABEL + MARGIN)
        return
    first = top + LABEL + 14
    for column in columns:
        sheet.write(column.scale.start, top + LABEL / 2, column.name, weight="bold")
    for index, row in enumerate(rows):
        edge = first + index * ROW
        sheet.bar(MARGIN, edge, WIDTH - 2 * MARGIN, 1.5, sheet.palette.grid)
        _draw_name(sheet, row, edge + ROW / 2)
        for column in columns:
            _draw_score(sheet, column, column.scores[index], edge + ROW / 2)
    foot = first + len(rows) * ROW
    if any(column.best for column in columns):
        sheet.write(MARGIN + NAMES, foot + LABEL / 2, f"{STAR} highest of its column", colour=muted)
        foot += LABEL
    sheet.cut(foot + MARGIN)


def _columns(rows: Sequence[CheckpointScores]) -> Iterator[_Column]:
    """Yield a column for every metric that at least one row was measured by."""
    every = [(name, tuple(finite(getattr(row, field)) for row in rows)) for field, name in METRICS]
    shown = [(name, scores) for name, scores in every if any(score is not None for score in scores)]
    room = WIDTH - 2 * MARGIN - NAMES
    width = (room - GUTTER * (len(shown) - 1)) / max(len(shown), 1)
    for index, (name, scores) in enumerate(shown):
        left = MARGIN + NAMES + index * (width + GUTTER)
        scale = score_scale((score for score in scores if score is not None), left, left + width)
        yield _Column(name, scores, highest(scores), scale)


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
    palette, scale = sheet.palette, column.scale
    if score is None:
        sheet.write(scale.start, middle - 14, DASH, size=VALUE, colour=palette.muted)
        return
    best = number(score) == column.best
    words = f"{number(score)} {STAR}" if best else number(score)
    sheet.write(scale.start, middle - 16, words, size=VALUE, weight="bold" if best else "normal")
    zero, end = scale.at(0.0), scale.at(score)
    sheet.bar(scale.start, middle + 10, scale.end - scale.start, BAR, palette.grid)
    sheet.bar(min(zero, end), middle + 10, abs(end - zero), BAR, palette.best_bar if best else palette.bar)
    if zero > scale.start:
        sheet.bar(zero - 1, middle + 6, 2, BAR + 8, palette.ink)
