"""The distribution of labels: a bar for each label, the most frequent first, and what it was before, where known."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from charts.alt_text import balance
from charts.figure import compose, empty_figure, new_figure
from charts.score_bars import DASH, name_rows, write_beside
from charts.style import MARGIN, Palette
from charts.text_fit import printable, shorten_all
from charts.values import LabelCount, LabelDistribution
from charts.wording import counted

NAMES = 400
"""Most pixels for the names of labels."""
ROW = 46
BAR, INNER = 0.64, 0.32
"""Shares of a row for a bar, and for the one of now inside of the wider one of before."""
ARROW = "\u2192"


def draw_label_distribution(chart: LabelDistribution, palette: Palette) -> Figure:
    """Draw the labels from the most frequent to the rarest (before, where that is known); a missing count is a dash.

    Of very many labels the most frequent and the rarest are drawn, and how many lie between is said.
    """
    if not chart.labels:
        return empty_figure(palette, chart.title, chart.subtitle, "no label was counted")
    first, between, last = chart.parts
    rows: list[LabelCount | None] = [*first, *([None] if between else []), *last]
    figure, (axes,) = new_figure()
    name_rows(axes, _names(rows), palette)
    axes.set_xlim(0, max([1, *(count for label in chart.labels for count in (label.count or 0, label.before or 0))]))
    places = range(len(rows))
    now, then = (balance([getattr(label, field) for label in chart.labels]) for field in ("count", "before"))
    if chart.compares:
        before = [(label and label.before) or 0 for label in rows]
        axes.barh(places, before, BAR, color=palette.bar, label=f"{printable(chart.then)}: {then}")
    counts = [(label and label.count) or 0 for label in rows]
    label_of_now = f"{printable(chart.now)}: {now}" if chart.compares else now
    axes.barh(places, counts, INNER if chart.compares else BAR, color=palette.best_bar, label=label_of_now)
    for place, label in enumerate(rows):
        if label:
            write_beside(axes, place, _figures(label, compares=chart.compares))
        else:
            where: Any = ("figure pixels", "data")
            axes.annotate(_between(chart), (MARGIN, place), xycoords=where, va="center", color=palette.muted)
    return compose(figure, palette, chart.title, chart.subtitle, len(rows) * ROW, legend="above")


def _names(rows: Sequence[LabelCount | None]) -> list[str]:
    named = iter(shorten_all([label.label for label in rows if label], NAMES))
    return [next(named) if label else "" for label in rows]


def _figures(label: LabelCount, *, compares: bool) -> str:
    now, then = (DASH if count is None else f"{count:,}" for count in (label.count, label.before))
    return f"{then} {ARROW} {now}" if compares else now


def _between(chart: LabelDistribution) -> str:
    """Return how many labels are left out, and how many items these have."""
    labels = chart.parts[1]
    counts = [count for label in labels if (count := label.before if chart.compares else label.count) is not None]
    span = f", {max(counts):,} to {min(counts):,} items each" if counts else ""
    return f"{counted(len(labels), 'label')} between{span}"
