"""The drawing itself, in this process: what is on the sheet, and what must never be."""

import io
import struct
from itertools import pairwise
from typing import get_args

import pytest
from PIL import Image

from charts.drawing import CHARTS, draw
from charts.lettering import ELLIPSIS, MISSING, fit, printable, width_of
from charts.scale import Scale, ticks_to_the_end
from charts.sheet import Sheet
from charts.style import PALETTES
from charts.values import Chart, CheckpointComparison, CheckpointScores, RewardCurve, Theme
from tests.charts.charts_to_draw import CHECKPOINTS, ODD, OVERFIT


@pytest.fixture(scope="module", params=["light", "dark"])
def sheet(request: pytest.FixtureRequest) -> Sheet:
    theme: Theme = request.param
    return Sheet(theme)


def pixels(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def colour(code: str) -> tuple[int, int, int]:
    return struct.unpack("3B", bytes.fromhex(code[1:]))


def count(image: Image.Image, code: str) -> int:
    wanted = colour(code)
    return sum(n for n, found in image.getcolors(2**20) or [] if found == wanted)


def test_every_kind_of_chart_is_in_the_list() -> None:
    assert set(CHARTS) == set(get_args(Chart))


@pytest.mark.parametrize("name", ODD)
def test_odd_input_is_drawn_without_a_warning(sheet: Sheet, name: str) -> None:
    image = pixels(draw(sheet, ODD[name]))
    assert image.width == 1000
    assert image.height >= 100


def test_a_reused_sheet_leaves_no_trace(sheet: Sheet) -> None:
    first = draw(sheet, OVERFIT)
    for chart in (CHECKPOINTS, *ODD.values()):
        draw(sheet, chart)
    assert draw(sheet, OVERFIT) == first
    assert draw(Sheet("light" if sheet.palette is PALETTES["light"] else "dark"), OVERFIT) == first


def test_every_mark_of_the_curve_is_there(sheet: Sheet) -> None:
    image, palette = pixels(draw(sheet, OVERFIT)), sheet.palette
    assert image.size == (1000, 600)
    for code in (palette.background, palette.train, palette.valid, palette.checkpoint, palette.alert):
        assert count(image, code) > 100, code


def test_a_curve_without_checkpoints_and_alerts_shows_none(sheet: Sheet) -> None:
    plain = RewardCurve(OVERFIT.title, OVERFIT.subtitle, OVERFIT.train, OVERFIT.valid, total_steps=100)
    image = pixels(draw(sheet, plain))
    assert count(image, sheet.palette.checkpoint) == count(image, sheet.palette.alert) == 0


def test_a_missing_evaluation_leaves_a_gap(sheet: Sheet) -> None:
    whole = tuple((step, 0.5) for step in range(0, 101, 5))
    holed = tuple(point for point in whole if not 40 <= point[0] <= 60)
    full, gap = (pixels(draw(sheet, RewardCurve("t", valid=points, total_steps=100))) for points in (whole, holed))
    middle = (370, 120, 530, 500)
    assert count(full.crop(middle), sheet.palette.valid) > 300
    assert count(gap.crop(middle), sheet.palette.valid) == 0


def test_one_spike_in_five_thousand_steps_is_seen(sheet: Sheet) -> None:
    points = tuple((step, 0.9 if step == 2500 else 0.5) for step in range(5001))
    image = pixels(draw(sheet, RewardCurve("t", train=points)))
    assert count(image.crop((450, 130, 480, 300)), sheet.palette.train) > 50


def test_the_best_score_of_a_column_stands_out(sheet: Sheet) -> None:
    image = pixels(draw(sheet, CHECKPOINTS))
    assert count(image, sheet.palette.best_bar) > 5000
    assert count(image, sheet.palette.bar) > 5000


def test_equal_scores_have_no_best(sheet: Sheet) -> None:
    rows = (CheckpointScores("a", 1, f1=0.501), CheckpointScores("b", 2, f1=0.502))
    assert count(pixels(draw(sheet, CheckpointComparison("t", rows))), sheet.palette.best_bar) == 0


def test_more_checkpoints_make_a_taller_picture(sheet: Sheet) -> None:
    assert pixels(draw(sheet, ODD["many rows"])).height > 1000


def test_a_comparison_ends_below_its_last_line(sheet: Sheet) -> None:
    heights = [pixels(draw(sheet, CheckpointComparison("t", CHECKPOINTS.rows[:count]))).height for count in (1, 2, 3)]
    assert heights == sorted(heights)
    assert heights[0] < 400


@pytest.mark.parametrize("steps", [1, 7, 93, 100, 101, 4730, 12345])
def test_the_steps_axis_ends_in_the_number_of_steps_and_no_two_numbers_touch(steps: int) -> None:
    scale = Scale(0, steps, 104, 824)
    ticks = ticks_to_the_end(scale, 6)
    assert ticks[0][1] == "0"
    assert ticks[-1][1] == f"{steps:,}"
    ends = [(scale.at(at) - width_of(words, 24) / 2, scale.at(at) + width_of(words, 24) / 2) for at, words in ticks]
    assert all(right[0] - left[1] >= 20 for left, right in pairwise(ends))


def luminance(code: str) -> float:
    channels = [c / 255 for c in colour(code)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", "valid", "train", "checkpoint", "alert"])
def test_letters_and_lines_have_the_contrast_wcag_asks_for(theme: Theme, name: str) -> None:
    palette = PALETTES[theme]
    high, low = sorted((luminance(getattr(palette, name)), luminance(palette.background)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_words_that_fit_stay_as_they_are() -> None:
    assert fit("two words", 900, 24) == ["two words"]
    assert fit("", 900, 24) == []


def test_long_words_break_into_even_lines_and_then_end_in_an_ellipsis() -> None:
    words = "validation stopped rising at step 40 while train reward went on"
    first, second = fit(words, 900, 30, "bold", lines=2)
    assert f"{first} {second}" == words
    assert abs(width_of(first, 30, "bold") - width_of(second, 30, "bold")) < 250
    lines = fit(words * 4, 900, 30, "bold", lines=2)
    assert len(lines) == 2
    assert lines[1].endswith(ELLIPSIS)
    assert all(width_of(line, 30, "bold") <= 900 for line in lines)


def test_a_long_word_keeps_its_line_and_the_next_goes_below() -> None:
    assert fit(f"{'m' * 25} m", 760, 30, lines=2) == ["m" * 25, "m"]


def test_one_endless_word_is_cut() -> None:
    (line,) = fit("x" * 500, 300, 24)
    assert line.endswith(ELLIPSIS)
    assert width_of(line, 24) <= 300


def test_what_the_font_cannot_draw_becomes_a_box() -> None:
    assert printable("a\n\tb \u4e2d") == f"a b {MISSING}"
