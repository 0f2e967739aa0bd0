"""The colours: told apart by every reader, and with the contrast that WCAG asks for."""

import math
import struct
from itertools import combinations
from typing import get_args

import pytest

from charts.style import PALETTES
from charts.values import Theme

THEMES: tuple[Theme, ...] = get_args(Theme)


def colour(code: str) -> tuple[int, int, int]:
    return struct.unpack("3B", bytes.fromhex(code[1:]))


def seen_without(kind: str, code: str) -> tuple[float, ...]:
    """Return a colour in Lab as a colour-blind reader sees it (Machado, Oliveira and Fernandes 2009, severity 1)."""
    linear = [c / 12.92 if (c := v / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for v in colour(code)]
    r, g, b = (max(0.0, sum(w * v for w, v in zip(row, linear, strict=True))) for row in BLINDNESS[kind])
    x, y, z = (
        0.4124 * r + 0.3576 * g + 0.1805 * b,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        0.0193 * r + 0.1192 * g + 0.9505 * b,
    )
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x / 0.9505, y, z / 1.089))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


BLINDNESS = {
    "nothing": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "red cones": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "green cones": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "blue cones": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_of_a_series_are_told_apart_by_every_reader(theme: Theme, kind: str) -> None:
    for one, other in combinations(PALETTES[theme].series, 2):
        assert math.dist(seen_without(kind, one), seen_without(kind, other)) > 15, (one, other)


def luminance(code: str) -> float:
    channels = [c / 255 for c in colour(code)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    "name", ["ink", "muted", "valid", "train", "checkpoint", "base", "production", "alert", "best_run"]
)
def test_letters_and_lines_have_the_contrast_wcag_asks_for(theme: Theme, name: str) -> None:
    palette = PALETTES[theme]
    high, low = sorted((luminance(getattr(palette, name)), luminance(palette.background)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_bars_have_the_contrast_wcag_asks_for(theme: Theme) -> None:
    palette = PALETTES[theme]
    for code in palette.series:
        high, low = sorted((luminance(code), luminance(palette.background)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3, code
