"""The picture of what a rule looks at: lines beside thresholds, and where alerts were raised and over."""

import io
import math
import struct

import pytest
from PIL import Image

from charts import RuleTrace, Theme, Threshold, TracedLine, TracePanel, describe
from charts.reasoning import LINE_STYLES, MOST_LINES, MOST_THRESHOLDS, THRESHOLD_DASHES, draw_rule_trace
from charts.sheet import Sheet
from tests.charts.charts_to_draw import LONG_NAME, train_points, valid_points

DRIFT = TracePanel(
    "drift of the gap between train and validation",
    "score",
    (TracedLine("drift of the gap", valid_points(100, level=-0.1)),),
    (Threshold("what noise explains", valid_points(100, level=0.0, seed=9)), Threshold("wide", 0.1)),
)
BOTH = TracePanel("validation scores", "score", (TracedLine("precision", valid_points(100)), TracedLine("recall")))
OVERFITTING = RuleTrace(
    "The gap grew from 0.02 to 0.20, more than noise explains",
    (DRIFT, BOTH),
    "rule O1, rft-k7m3pq",
    fired=(65,),
    cleared=(90,),
    total_steps=100,
)
ODD = {
    "no panel": RuleTrace("Nothing", ()),
    "no point": RuleTrace("Nothing yet", (TracePanel("tokens", "tokens", (TracedLine("mean"),), ()),)),
    "not finite": RuleTrace(
        "Holes",
        (
            TracePanel(
                "share",
                "share",
                (TracedLine("a", ((1, math.nan), (2, 0.2), (3, math.inf))),),
                (Threshold("b", math.nan), Threshold("c", ((1, math.nan),))),
            ),
        ),
    ),
    "one point": RuleTrace("One", (TracePanel("seconds", "seconds", (TracedLine("a", ((4, 2.0),)),)),), fired=(4,)),
    "too many": RuleTrace(
        "Crowd",
        (
            TracePanel(
                "score " * 60,
                "score",
                tuple(TracedLine(LONG_NAME.format(n) * 3, train_points(30, seed=n)) for n in range(9)),
                tuple(Threshold(f"t{n}", n / 9) for n in range(9)),
            ),
        )
        * 3,
        fired=tuple(range(1, 30)),
        cleared=tuple(range(2, 31)),
    ),
    "negative": RuleTrace("Penalties", (TracePanel("a", "score", (TracedLine("r", train_points(60, level=-3)),)),)),
    "5,000 steps": RuleTrace("Long", (TracePanel("a", "tokens", (TracedLine("r", train_points(5000)),)),)),
    "past the plan": RuleTrace("Longer", (DRIFT,), fired=(140,), total_steps=50),
}


@pytest.fixture(scope="module", params=["light", "dark"])
def sheet(request: pytest.FixtureRequest) -> Sheet:
    theme: Theme = request.param
    return Sheet(theme)


def drawn(sheet: Sheet, chart: RuleTrace) -> Image.Image:
    sheet.wipe()
    draw_rule_trace(sheet, chart)
    return Image.open(io.BytesIO(sheet.png())).convert("RGB")


def count(image: Image.Image, code: str) -> int:
    wanted = struct.unpack("3B", bytes.fromhex(code[1:]))
    return sum(n for n, found in image.getcolors(2**20) or [] if found == wanted)


@pytest.mark.parametrize("name", ODD)
def test_odd_input_is_drawn_without_a_warning(sheet: Sheet, name: str) -> None:
    image = drawn(sheet, ODD[name])
    assert image.width == 1000
    assert image.height >= 100


def test_lines_thresholds_and_both_marks_are_there(sheet: Sheet) -> None:
    image, palette = drawn(sheet, OVERFITTING), sheet.palette
    for code in (palette.valid, palette.ink, palette.alert, palette.checkpoint):
        assert count(image, code) > 100, code


def test_marks_that_did_not_happen_are_not_there(sheet: Sheet) -> None:
    image = drawn(sheet, RuleTrace("Quiet", (DRIFT,), total_steps=100))
    assert count(image, sheet.palette.alert) == count(image, sheet.palette.checkpoint) == 0


def test_a_panel_more_makes_the_picture_higher(sheet: Sheet) -> None:
    assert drawn(sheet, OVERFITTING).height > drawn(sheet, RuleTrace("One", (DRIFT,))).height + 200


def test_no_two_lines_or_thresholds_differ_by_colour_alone() -> None:
    assert len(set(LINE_STYLES)) == len(LINE_STYLES) == MOST_LINES
    assert len(set(THRESHOLD_DASHES)) == len(THRESHOLD_DASHES) == MOST_THRESHOLDS


def test_the_words_tell_every_figure_and_what_it_is_held_against() -> None:
    panel = TracePanel(
        "share of answers cut off",
        "share",
        (TracedLine("answers cut off", ((1, 0.0), (2, 0.25))), TracedLine("others")),
        (Threshold("warning", 0.1), Threshold("noise", ((1, 0.02), (2, 0.04))), Threshold("lost", ())),
    )
    chart = RuleTrace("A quarter is cut off", (panel,), "rule L3", fired=(2,), cleared=(5,))
    assert describe(chart) == (
        "A quarter is cut off. rule L3. Raised at step 2. Over at step 5. Share of answers cut off: answers cut off: "
        "0% at step 1, now 25%; highest 25% at step 2, lowest 0% at step 1. others: not reported. warning: 10%. "
        "noise: 2% at step 1, now 4% (step 2). lost: not known."
    )


@pytest.mark.parametrize("name", ODD)
def test_the_words_fit_the_limit(name: str) -> None:
    words = describe(ODD[name])
    assert 0 < len(words) <= 2000
    assert "nan" not in words
