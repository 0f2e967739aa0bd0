"""The pictures of evaluated models: nothing overlaps, every kind has its mark, and the words say every number."""

from dataclasses import replace
from itertools import combinations
from typing import get_args

import pytest
from matplotlib.text import Text

from charts import describe
from charts.alt_text import WORDS
from charts.drawing import draw
from charts.models import MARKS
from charts.placing import Box, Obstacle, around, beside, cost, least_covering
from charts.precision_recall import axis_range, f1_of, round_ticks
from charts.scale import Scale
from charts.sheet import Sheet
from charts.values import Chart, Estimate, EvaluatedModel, ModelKind, PrecisionRecall
from tests.charts.charts_to_draw import MODELS, ODD, REWARDS, TRADE_OFF, estimate, evaluated

FIELD = Box(0, 0, 900, 500)


def texts_on(sheet: Sheet) -> list[Text]:
    return [mark for mark in sheet.figure.artists if isinstance(mark, Text)]


def words_on(sheet: Sheet) -> list[str]:
    return [text.get_text() for text in texts_on(sheet)]


def test_every_kind_of_chart_has_its_words() -> None:
    assert set(WORDS) == set(get_args(Chart))


def test_the_words_say_every_figure_with_its_interval() -> None:
    assert describe(replace(TRADE_OFF, models=MODELS[::2])) == (
        "Step 45 is better than the base: F1 up 0.20 (95% interval 0.12 to 0.28). "
        "eurovoc, validation split, 50 items x 3 runs. Precision against recall of 3 models, with 95% intervals. "
        "base (base model): precision 0.45 (0.37 to 0.53), recall 0.42 (0.34 to 0.50). "
        "step 45: precision 0.61 (0.53 to 0.69), recall 0.72 (0.64 to 0.80). "
        "eurovoc@production (in use now): precision 0.64 (0.56 to 0.72), recall 0.55 (0.47 to 0.63)."
    )
    assert "step 45: exactness 0.66 (0.58 to 0.74)." in describe(REWARDS)
    assert "step 75: recall 0.50." in describe(ODD["a model that was not measured"])


def test_kinds_differ_in_shape() -> None:
    assert set(MARKS) == set(get_args(ModelKind))
    assert len({mark.shape for mark in MARKS.values()}) == len(MARKS)


def test_every_model_is_named_beside_its_point_and_the_chosen_one_in_bold() -> None:
    sheet = Sheet("light")
    draw(sheet, TRADE_OFF)
    assert {model.label for model in MODELS} <= set(words_on(sheet))
    (bold,) = [text for text in texts_on(sheet) if text.get_text() == "step 45"]
    assert bold.get_fontweight() == "bold"
    assert [words for words in words_on(sheet) if words.startswith("F1 ")] == [
        "F1 0.40",
        "F1 0.50",
        "F1 0.60",
        "F1 0.70",
        "F1 0.80",
    ]


def test_a_model_without_precision_is_named_below_and_has_no_point() -> None:
    sheet = Sheet("light")
    draw(sheet, ODD["a model that was not measured"])
    assert "not measured: step 75" in words_on(sheet)
    assert "step 75" not in words_on(sheet)


@pytest.mark.parametrize("name", ["eight models in one place", "at the top", "at the foot", "tiny intervals"])
def test_no_name_lies_over_another(name: str) -> None:
    sheet, chart = Sheet("dark"), ODD[name]
    assert isinstance(chart, PrecisionRecall)
    draw(sheet, chart)
    labels = {model.label for model in chart.models}
    boxes = [text.get_window_extent() for text in texts_on(sheet) if text.get_text() in labels]
    assert len(boxes) == len(chart.models)
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


def test_an_axis_holds_every_interval_and_is_never_too_close() -> None:
    low, high = axis_range(iter([estimate(0.6, 0.001)]))
    assert (low, high) == pytest.approx((0.55, 0.65))
    low, high = axis_range(iter([Estimate(1.0, 0.99, 1.0)]))
    assert low < 0.99
    assert 1.0 < high < 1.02
    assert axis_range(iter([Estimate(-3.0, -4.0, 8.0)])) == pytest.approx((-4.56, 8.56), abs=0.5)


def test_ticks_are_round_and_within_what_a_score_can_be() -> None:
    assert round_ticks(Scale(0.3, 0.99, 0, 100)) == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert round_ticks(Scale(0.905, 1.004, 0, 100)) == pytest.approx([0.92, 0.94, 0.96, 0.98, 1.0])
    assert len(round_ticks(Scale(2_000.0, 9_000.0, 0, 100))) <= 8
    assert round_ticks(Scale(-3.0, 2.5, 0, 100)) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_f1_is_the_harmonic_mean() -> None:
    assert f1_of(0.5, 0.25) == pytest.approx(1 / 3)
    assert f1_of(0.0, 0.0) == 0.0


def test_words_go_beside_their_point_and_give_way() -> None:
    free, far = beside((400, 250), (80, 28), [], FIELD)
    assert not far
    taken = [Obstacle(free, 6.0)]
    other, _ = beside((400, 250), (80, 28), taken, FIELD)
    assert other.shared(free) == 0
    everywhere = [Obstacle(around(400, 250, 60), 6.0)]
    away, far = beside((400, 250), (80, 28), everywhere, FIELD)
    assert far
    assert cost(away, everywhere) < 100


def test_words_too_large_for_the_field_stay_as_much_inside_as_they_can() -> None:
    box, far = beside((10, 10), (2000, 28), [], FIELD)
    assert not far
    assert box.bottom - box.top == 28
    assert beside((0, 0), (80, 28), [], Box(0, 0, 60, 20))[0].right >= 60


def test_of_boxes_alike_the_first_is_taken() -> None:
    one, two = around(100, 100, 10), around(200, 100, 10)
    assert least_covering([one, two], []) is one
    assert least_covering([one, two], [Obstacle(around(100, 100, 5), 1.0)]) is two
    assert Box(0, 0, 10, 10).nearest(20, 5) == (10, 5)


def test_a_picture_without_anything_measured_says_so() -> None:
    sheet = Sheet("light")
    draw(sheet, PrecisionRecall("Nothing", (EvaluatedModel("base", "base"),)))
    assert "no model has precision and recall yet" in words_on(sheet)
    draw(sheet, ODD["no scored model"])
    assert "no model has reward yet" in words_on(sheet)
    draw(sheet, PrecisionRecall("One", (evaluated("step 5", 0.5, 0.5),)))
    assert "checkpoint" in words_on(sheet)
    assert "base model" not in words_on(sheet)
