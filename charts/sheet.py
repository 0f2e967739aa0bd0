"""The sheet every picture is drawn on: one figure used again and again, measured in pixels from the top left.

At 72 dots an inch a point is a pixel, so every size in the style is both. matplotlib's own axes, with their ticks and
labels, cost more than half of a picture; a sheet has none, and only takes off what the last picture put on.
"""

import io
import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from charts.lettering import Weight, fit
from charts.style import FONT, HEIGHT, LABEL, MARGIN, PALETTES, SUBTITLE, TITLE, WIDTH
from charts.values import Theme

DPI = 72


class Sheet:
    """An empty figure to be reused; draw, take the PNG, `wipe`, draw again."""

    def __init__(self, theme: Theme) -> None:
        self.palette = PALETTES[theme]
        self.figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=self.palette.background)
        self.canvas = FigureCanvasAgg(self.figure)
        self.pixels = Affine2D()
        self._marks: list[Artist] = []
        self.wipe()

    def wipe(self) -> None:
        """Take every mark off, with the sheet as high as usual."""
        for mark in self._marks:
            mark.remove()
        self._marks.clear()
        self.cut(HEIGHT)

    def cut(self, height: float) -> None:
        """Let the sheet end at this pixel; marks stay where they are from the top left."""
        self.height = math.ceil(height)
        self.figure.set_size_inches(WIDTH / DPI, self.height / DPI)
        self.pixels.clear().scale(1, -1).translate(0, self.height)

    def headline(self, title: str, subtitle: str) -> float:
        """Write title (at most two lines) and subtitle (one) and return the pixel where the picture may begin."""
        room = WIDTH - 2 * MARGIN
        top = float(MARGIN)
        for line in fit(title, room, TITLE, "bold", lines=2):
            self.write(MARGIN, top, line, size=TITLE, weight="bold", vertical="top")
            top += TITLE * 1.28
        for line in fit(subtitle, room, SUBTITLE):
            self.write(MARGIN, top + 4, line, size=SUBTITLE, colour=self.palette.muted, vertical="top")
            top += SUBTITLE * 1.4
        return top + 14

    def write(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = LABEL,
        weight: Weight = "normal",
        colour: str | None = None,
        horizontal: str = "left",
        vertical: str = "center_baseline",
        halo: bool = False,
    ) -> None:
        """Write `words` at a pixel; `halo` puts a patch of background behind them so that lines do not cross them."""
        box = {"facecolor": self.palette.background, "edgecolor": "none", "pad": 2, "alpha": 0.85} if halo else None
        # A dollar sign in a title is a dollar sign, not mathematics.
        text = Text(
            x,
            y,
            words,
            fontsize=size,
            fontfamily=FONT,
            fontweight=weight,
            color=colour or self.palette.ink,
            ha=horizontal,
            va=vertical,
            parse_math=False,
            transform=self.pixels,
            bbox=box,
            zorder=8,
        )
        self._marks.append(self.figure.add_artist(text))

    def mark(self, x: float, y: float, marker: str, colour: str, size: float) -> None:
        """Draw one marker at a pixel."""
        self.trace([x], [y], marker=marker, markersize=size, color=colour, linestyle="", markeredgewidth=0)

    def trace(self, xs: Sequence[float], ys: Sequence[float], **look: object) -> None:
        """Draw a line from pixel to pixel, broken where one is not a number."""
        line = Line2D(xs, ys, transform=self.pixels, **look)  # type: ignore[arg-type] # matplotlib's own keywords
        self._marks.append(self.figure.add_artist(line))

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle whose top left corner is at a pixel; a width of 0 leaves a hairline."""
        shape = Rectangle((x, y), max(width, 1.5), height, facecolor=colour, edgecolor="none")
        shape.set_transform(self.pixels)
        self._marks.append(self.figure.add_artist(shape))

    def area(self, corners: Sequence[tuple[float, float]], colour: str) -> None:
        """Fill a shape whose corners are pixels, beneath everything else."""
        shape = Polygon(corners, facecolor=colour, edgecolor="none", zorder=0.2)
        shape.set_transform(self.pixels)
        self._marks.append(self.figure.add_artist(shape))

    def png(self) -> bytes:
        """Return the sheet as a PNG; light compression, because the time is worth more than 10 kB."""
        out = io.BytesIO()
        options = {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 1}}
        self.canvas.print_png(out, **options)  # type: ignore[no-untyped-call] # matplotlib left this one method untyped
        return out.getvalue()
