"""From axes to a finished picture: headline, legend and matplotlib's layout of what lies in between."""

import io
import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.transforms import IdentityTransform, ScaledTranslation

from charts.fonts import Weight
from charts.style import DPI, LABEL, MARGIN, TITLE, WIDTH, Palette
from charts.text_fit import shorten, width_of, wrap

ROOM = WIDTH - 2 * MARGIN
LEADING = 1.3
"""From line to line, in sizes of the letters."""
SWATCH = 68
"""Pixels for a legend's sample and the gap after it."""
COLUMN_GAP = 44
GAP = 16
"""Pixels between headline, legend and axes."""


def new_figure(rows: int = 1, columns: int = 1, heights: Sequence[float] | None = None) -> tuple[Figure, list[Axes]]:
    """Return a figure with its axes, row by row; `compose` gives it everything else."""
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False, height_ratios=heights).flat)


def compose(
    figure: Figure,
    palette: Palette,
    title: str,
    subtitle: str,
    height: float,
    legend: Literal["below", "above", "none"] = "below",
    note: str = "",
) -> Figure:
    """Give a figure its headline and a legend of what its axes label, with `height` pixels for the axes.

    The figure is as high as all of that takes. A note begins a line of its own below the subtitle.
    """
    top = _write(figure, wrap(title, ROOM, TITLE, "bold"), MARGIN, TITLE, "bold", palette.ink)
    lines = [*wrap(subtitle, ROOM), *wrap(note, ROOM)]
    above, below = _write(figure, lines, top, LABEL, "normal", palette.muted) + GAP, float(MARGIN)
    key = _add_legend(figure) if legend != "none" else None
    if key:
        rows = key.get_window_extent().height + GAP
        above, below = (above + rows, below) if legend == "above" else (above, below + rows)
        foot = below + height + GAP if legend == "above" else MARGIN
        key.set_bbox_to_anchor((MARGIN, foot), IdentityTransform())
    full = math.ceil(above + height + below)
    figure.set_size_inches(WIDTH / DPI, full / DPI)
    inner = (MARGIN / WIDTH, below / full, ROOM / WIDTH, height / full)
    figure.set_layout_engine("constrained", rect=inner, w_pad=0, h_pad=4 / DPI, wspace=0.04, hspace=0.04)
    return figure


def empty_figure(palette: Palette, title: str, subtitle: str, words: str) -> Figure:
    """Return a figure that says in `words` why there is nothing to draw."""
    figure, (axes,) = new_figure()
    axes.set_axis_off()
    compose(figure, palette, title, subtitle, 2 * LABEL)
    figure.text(MARGIN, MARGIN, words, transform=IdentityTransform(), color=palette.muted)
    return figure


def freeze_layout(figure: Figure) -> None:
    """Lay the axes out now, so that pixels are known; what is added later must lie inside of them."""
    engine = figure.get_layout_engine()
    assert engine is not None, "only a composed figure has a layout"
    engine.execute(figure)
    figure.set_layout_engine("none")


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG; light compression, because the time is worth more than 10 kB."""
    out = io.BytesIO()
    options = {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 1}}
    figure.canvas.print_png(out, **options)  # type: ignore[attr-defined] # every figure of ours has an Agg canvas
    return out.getvalue()


def _write(figure: Figure, lines: Iterable[str], top: float, size: float, weight: Weight, colour: str) -> float:
    """Write lines so many pixels from the top and return where the next one would begin."""
    for line in lines:
        place = figure.transFigure + ScaledTranslation(MARGIN / DPI, -top / DPI, figure.dpi_scale_trans)
        figure.text(0, 1, line, size=size, weight=weight, color=colour, va="top", transform=place)
        top += LEADING * size
    return top


def _add_legend(figure: Figure) -> Legend | None:
    """Add a legend of all that is labelled, in the fewest rows that fit; a label may have several lines."""
    named = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in figure.axes]
    entries = {label: entry for pairs in named for entry, label in pairs}
    labels = [[shorten(line, ROOM - SWATCH) for line in label.splitlines()] for label in entries]
    widths = [SWATCH + max(map(width_of, label)) for label in labels]
    fitting = [
        count
        for count in range(1, len(widths) + 1)
        if count == 1 or sum(map(max, np.array_split(widths, count))) + (count - 1) * COLUMN_GAP <= ROOM
    ]
    if not fitting:
        return None
    columns = min(fitting, key=lambda count: (math.ceil(len(widths) / count), count))
    words = ["\n".join(label) for label in labels]
    return figure.legend(list(entries.values()), words, loc="lower left", ncols=columns)
