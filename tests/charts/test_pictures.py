"""The drawing itself, in this process: what is on the sheet, and what must never be."""

import io
import math
import struct
from dataclasses import replace
from itertools import combinations, pairwise
from typing import get_args

import pytest
from PIL import Image

from charts.drawing import CHARTS, draw
from charts.lettering import ELLIPSIS, MISSING, fit, printable, shorten, width_of
from charts.over_steps import Panel, RewardCurve, StepPanels
from charts.overlay import MOST_JOBS, STYLES
from charts.scale import Scale, ticks_to_the_end
from charts.sheet import Sheet
from charts.style import PALETTES
from charts.values import (
    ArmScores,
    Chart,
    CheckpointComparison,
    CheckpointScores,
    ItemScores,
    LabelCount,
    LabelDistribution,
    Score,
    ScoreComparison,
    Theme,
    VarianceStudy,
)
from tests.charts.charts_to_draw import (
    CHECKPOINTS,
    EVERY,
    GRADERS,
    JOBS,
    LONG_NAME,
    NOISE_SHOWN,
    ODD,
    ONE_LABEL,
    OVERFIT,
    PUBLISHED,
    TIMES,
    TOKENS,
)


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
    for chart in EVERY:
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


def test_the_band_and_the_mean_of_an_epoch_are_there_where_they_are_known(sheet: Sheet) -> None:
    palette = sheet.palette
    image, bare = pixels(draw(sheet, NOISE_SHOWN)), pixels(draw(sheet, OVERFIT))
    assert image.height == 640
    for code in (palette.valid_band, palette.train_batch, palette.train):
        assert count(image, code) > 500, code
    assert count(bare, palette.valid_band) == count(bare, palette.train_batch) == 0


def test_every_panel_has_its_lines_and_one_without_points_has_none(sheet: Sheet) -> None:
    palette, image = sheet.palette, pixels(draw(sheet, GRADERS))
    rows = [y for y in range(150, image.height) if image.getpixel((760, y)) == colour(palette.valid)]
    assert sum(below - above > 1 for above, below in pairwise(rows)) == len(GRADERS.panels) - 1
    one, two = (pixels(draw(sheet, replace(TOKENS, panels=TOKENS.panels[:n]))) for n in (1, 2))
    assert (
        count(one.crop((112, 0, 824, 450)), palette.train) == count(two.crop((112, 0, 824, 450)), palette.train) > 500
    )


def test_shared_panels_show_equal_scores_at_equal_heights(sheet: Sheet) -> None:
    panels = (Panel("a", valid=((0, 0.1), (9, 0.1))), Panel("b", valid=((0, 0.9), (9, 0.9))))
    shared, apart = (
        column(pixels(draw(sheet, StepPanels("t", panels, "score", shared=both))), 400, sheet.palette.valid)
        for both in (True, False)
    )
    assert shared[-1] - shared[0] < apart[-1] - apart[0]


def test_a_step_is_a_bar_as_high_as_it_took_and_a_missing_one_is_a_gap(sheet: Sheet) -> None:
    image, palette = pixels(draw(sheet, TIMES)), sheet.palette
    wide = (112 + 59.5 * 7.12, 112 + 63.5 * 7.12)
    assert count(image.crop((int(wide[0]), 150, int(wide[1]), 510)), palette.valid) == 0
    for code in (palette.valid, palette.train_batch, palette.checkpoint):
        assert count(image.crop((112, 150, 824, 510)), code) > 2000, code


def test_each_job_has_its_colour_dashes_and_marker(sheet: Sheet) -> None:
    image, palette = pixels(draw(sheet, JOBS)), sheet.palette
    for code in (palette.valid, palette.train, palette.checkpoint, palette.arms[4]):
        assert count(image.crop((112, 150, 824, 512)), code) > 400, code
    assert len({style for style, _ in STYLES}) == len({marker for _, marker in STYLES}) == MOST_JOBS


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


def column(image: Image.Image, x: int, code: str) -> list[int]:
    """Return the rows in which the pixel at `x` has this colour."""
    wanted = colour(code)
    return [y for y in range(image.height) if image.getpixel((x, y)) == wanted]


def widths(image: Image.Image, code: str) -> list[int]:
    """Return how wide each bar of this colour is, from the top down."""
    wanted, found, inside = colour(code), [], False
    for y in range(image.height):
        width = sum(image.getpixel((x, y)) == wanted for x in range(image.width))
        if width > 20 and not inside:
            found.append(width)
        inside = width > 20
    return found


def test_every_item_has_a_bar_and_a_cross(sheet: Sheet) -> None:
    palette = sheet.palette
    scored = tuple(ItemScores(str(n), (n + 1) / 10, (n + 3) / 10, n / 10) for n in range(5))
    image = pixels(draw(sheet, VarianceStudy("t", scored, 3)))
    slot = (972 - 100) / 5
    edges = [int(100 + (n + 0.5) * slot - 20) for n in range(5)]
    bars = [len(column(image, x, palette.mean_bar)) for x in edges]
    assert bars == sorted(bars)
    assert [round(bar / 32) for bar in bars] == [1, 2, 3, 4, 5]
    for n in range(5):
        assert count(image.crop((int(100 + n * slot), 150, int(100 + (n + 1) * slot), 600)), palette.best_run) > 20


def test_a_thousand_items_keep_bars_that_can_be_told_apart(sheet: Sheet) -> None:
    image, wanted = pixels(draw(sheet, ODD["1,000 items"])), colour(sheet.palette.mean_bar)
    foot = max(y for y in range(image.height) if image.getpixel((960, y)) == wanted) - 4
    row = [image.getpixel((x, foot)) == wanted for x in range(100, 972)]
    assert 40 <= sum(right and not left for left, right in pairwise(row)) <= 2 * 60


def test_an_item_without_scores_has_no_bar(sheet: Sheet) -> None:
    image = pixels(draw(sheet, ODD["no item graded"]))
    assert count(image.crop((0, 240, 1000, image.height)), sheet.palette.best_run) == 0


def test_the_published_figures_are_bars_of_their_lengths(sheet: Sheet) -> None:
    image = pixels(draw(sheet, PUBLISHED))
    for index, arm in enumerate(PUBLISHED.arms):
        lengths = widths(image, sheet.palette.arms[index])
        shares = [length / lengths[0] for length in lengths]
        means = [score.mean or 0.0 for score in arm.scores]
        assert shares == pytest.approx([mean / means[0] for mean in means], rel=0.03)


def test_a_score_nobody_measured_has_no_bar(sheet: Sheet) -> None:
    arms = (ArmScores("a", (Score(0.5, 0.1),)), ArmScores("b", (Score(None),)))
    image = pixels(draw(sheet, ScoreComparison("t", ("F1",), arms)))
    assert widths(image, sheet.palette.arms[0])
    assert not widths(image, sheet.palette.arms[1])


def test_before_is_a_wider_bar_around_the_one_of_after(sheet: Sheet) -> None:
    image = pixels(draw(sheet, LabelDistribution("t", (ONE_LABEL,))))
    # The first 40 pixels of each colour are its swatch in the key.
    (_, before), (_, after) = widths(image, sheet.palette.bar), widths(image, sheet.palette.best_bar)
    assert after / before == pytest.approx(12 / 90, rel=0.03)
    alone = pixels(draw(sheet, LabelDistribution("t", (LabelCount("a", 1),))))
    assert not widths(alone, sheet.palette.bar)


def test_long_names_keep_both_ends() -> None:
    name = shorten(LONG_NAME.format(1), 330, 24)
    assert name.startswith("ft:o4-mini")
    assert name.endswith("(high)")
    assert ELLIPSIS in name
    assert width_of(name, 24) <= 330
    assert shorten("x" * 10**6, 300, 24).count(ELLIPSIS) == 1
    assert shorten("short", 300, 24) == "short"
    assert shorten("", 300, 24) == ""


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_of_arms_are_told_apart_by_every_reader(theme: Theme, kind: str) -> None:
    for one, other in combinations(PALETTES[theme].arms, 2):
        assert math.dist(seen_without(kind, one), seen_without(kind, other)) > 15, (one, other)


def luminance(code: str) -> float:
    channels = [c / 255 for c in colour(code)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", "valid", "train", "checkpoint", "alert", "best_run"])
def test_letters_and_lines_have_the_contrast_wcag_asks_for(theme: Theme, name: str) -> None:
    palette = PALETTES[theme]
    high, low = sorted((luminance(getattr(palette, name)), luminance(palette.background)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_have_the_contrast_wcag_asks_for(theme: Theme) -> None:
    palette = PALETTES[theme]
    for code in palette.arms:
        high, low = sorted((luminance(code), luminance(palette.background)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3, code


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
