"""The house look, in one place: colours for light and dark, and sizes in pixels.

Pictures are 1000 x 600 pixels and are read at 360 pixels in Slack's preview, so the smallest letters are 24 pixels high
(about 9 in the preview). Hues are from Okabe and Ito's set, which stays apart for colour-blind readers; nothing
is told by hue alone: width, markers and words say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from charts.values import Theme

WIDTH = 1000
HEIGHT = 600
MARGIN = 28
PAD = 8
"""Between an axis and its numbers."""

TITLE = 30
SUBTITLE = 24
LABEL = 24
VALUE = 26

FONT = "DejaVu Sans"
"""Ships inside matplotlib, so a picture looks the same on every machine."""


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
    """One for each arm, in turn; told apart by colour-blind readers too."""


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
