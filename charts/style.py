"""The house look, in one place: colours for light and dark, sizes, and matplotlib's settings.

Pictures are 1000 pixels wide and read at 380 or less in Slack, where the smallest letters are still 11 pixels high.
At 72 dots an inch a point is a pixel, so every size is both. Hues are from Okabe and Ito's set, which stays apart for
colour-blind readers; nothing is told by hue alone: width, dashes, markers and words say the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from matplotlib.typing import RcKeyType

from charts.fonts import FONT
from charts.values import Theme

WIDTH: Final = 1000
DPI: Final = 72
MARGIN: Final = 28
TITLE: Final = 34
LABEL: Final = 29

Dash: TypeAlias = str | tuple[int, tuple[float, ...]]
MOMENT_DASH: Final[Dash] = (0, (4, 3))
"""Of a line across the plot at one step."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, each named for its job."""

    background: str
    ink: str
    muted: str
    grid: str
    valid: str
    valid_band: str
    train: str
    train_batch: str
    """The reward of single batches, behind their mean over an epoch."""
    checkpoint: str
    alert: str
    bar: str
    best_bar: str
    mean_bar: str
    best_run: str
    arms: tuple[str, ...]
    """One for each arm, in turn, also distinct for colour-blind readers."""


PALETTES: Mapping[Theme, Palette] = {
    "light": Palette(
        background="#ffffff",
        ink="#1d1c1d",
        muted="#5c5f66",
        grid="#e3e5e8",
        valid="#0067a8",
        valid_band="#d3e5f2",
        train="#a15a06",
        train_batch="#e3bd8f",
        checkpoint="#00795a",
        alert="#c4320a",
        bar="#b9cfe2",
        best_bar="#0067a8",
        mean_bar="#7db4dc",
        best_run="#c4320a",
        arms=("#8a8f98", "#c97500", "#1f6fb5", "#005540", "#8f3f78"),
    ),
    "dark": Palette(
        background="#1a1d21",
        ink="#f0f1f2",
        muted="#abaeb4",
        grid="#33373d",
        valid="#5ab8f0",
        valid_band="#1e394b",
        train="#d99a4e",
        train_batch="#7a5a34",
        checkpoint="#35c79b",
        alert="#ff7a59",
        bar="#3d566b",
        best_bar="#5ab8f0",
        mean_bar="#2f6f9f",
        best_run="#ff9a7a",
        arms=("#7a7f88", "#e8a33d", "#3f93d6", "#35c79b", "#e7a8d0"),
    ),
}


def settings(theme: Theme, fonts: Sequence[str] = (FONT,)) -> dict[RcKeyType, Any]:
    """Return matplotlib's settings (rcParams) for a theme, with the fonts asked for a letter in turn."""
    palette = PALETTES[theme]
    return {
        "figure.dpi": DPI,
        "figure.facecolor": palette.background,
        "font.family": list(fonts),
        "font.size": LABEL,
        "text.color": palette.ink,
        "text.parse_math": False,
        "axes.facecolor": "none",
        "axes.edgecolor": palette.muted,
        "axes.labelcolor": palette.muted,
        "axes.linewidth": 1.5,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.axisbelow": True,
        "axes.titlelocation": "left",
        "axes.titlesize": LABEL,
        "axes.titleweight": "bold",
        "axes.titlepad": 12,
        "axes.labelpad": 4,
        "grid.color": palette.grid,
        "grid.linewidth": 1.5,
        "xtick.color": palette.muted,
        "ytick.color": palette.muted,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.major.pad": 8,
        "ytick.major.pad": 10,
        "legend.frameon": False,
        "legend.borderpad": 0,
        "legend.borderaxespad": 0,
        "legend.handlelength": 1.8,
        "legend.handletextpad": 0.5,
        "legend.columnspacing": 1.5,
        "legend.labelspacing": 0.35,
        "legend.labelcolor": palette.muted,
        "lines.solid_capstyle": "butt",
    }
