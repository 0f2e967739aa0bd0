"""The drawing itself, in this process: each chart is drawn once a theme, and what is on the picture is looked at."""

import io
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import get_args
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from charts.drawing import CHARTS, draw
from charts.evaluated_models import MARKS, MOST_MODELS, _foremost, f1_of
from charts.figure import png
from charts.fonts import UNSEEN, Weight, families, family_of, texts_of
from charts.reward_curves import MOST_JOBS, STYLES
from charts.rule_trace import LINE_STYLES, MOST_LINES, MOST_THRESHOLDS, THRESHOLD_DASHES
from charts.step_values import Panel, RewardCurve, RuleTrace, StepPanels
from charts.style import PALETTES, WIDTH, settings
from charts.text_fit import MISSING
from charts.values import (
    ArmScores,
    Chart,
    CheckpointComparison,
    CheckpointScores,
    EvaluatedModel,
    ItemScores,
    LabelCount,
    LabelDistribution,
    ModelKind,
    PrecisionRecall,
    Score,
    ScoreComparison,
    ScoreIntervals,
    Theme,
    VarianceStudy,
)
from tests.charts.charts_to_draw import (
    CHECKPOINTS,
    DRIFT,
    EVERY,
    GRADERS,
    MAIN,
    MODELS,
    ODD,
    ONE_LABEL,
    OVERFIT,
    PUBLISHED,
    SCRIPTS,
    TIMES,
    TRACE,
    evaluated,
)

LIGHT = PALETTES["light"]
READ_AT = 380
"""Pixels of width at which Slack shows a picture; letters are at least 11 high there."""
TOLERANCE = 1.0
"""Pixels by which letters may come near each other or the edge: extents are whole pixels, letters are not."""


@dataclass(frozen=True)
class Drawn:
    """A picture, and every text that was really drawn, with the pixels it covers."""

    figure: Figure
    image: Image.Image
    texts: tuple[tuple[Text, Bbox], ...]

    @property
    def words(self) -> list[str]:
        return [text.get_text() for text, _ in self.texts]

    @property
    def lines(self) -> list[Line2D]:
        """Every line and row of markers on the axes."""
        return [line for axes in self.figure.axes for line in axes.lines]

    def of_colour(self, colour: str) -> list[Line2D]:
        """Return the lines of this colour that have points."""
        return [line for line in self.lines if line.get_color() == colour and len(steps_of(line))]

    def bars(self, colour: str) -> list[Rectangle]:
        """Return the bars of this colour, in the order drawn."""
        patches = [bar for axes in self.figure.axes for bar in axes.patches if to_hex(bar.get_facecolor()) == colour]
        return [bar for bar in patches if isinstance(bar, Rectangle)]

    def pixels(self, colour: str, box: tuple[float, float, float, float] | None = None) -> int:
        """Return how many pixels have exactly this colour, in a box of shares of the picture."""
        width, height = self.image.size
        left, top, right, bottom = box or (0, 0, 1, 1)
        part = self.image.crop((int(left * width), int(top * height), int(right * width), int(bottom * height)))
        wanted = tuple(round(255 * channel) for channel in to_rgb(colour))
        return sum(count for count, found in part.getcolors(2**20) or [] if found == wanted)


def steps_of(line: Line2D) -> list[float]:
    """Return where a line's points lie from left to right."""
    return [float(value) for value in np.asarray(line.get_xdata())]


def values_of(line: Line2D) -> list[float]:
    """Return how high a line's points lie."""
    return [float(value) for value in np.asarray(line.get_ydata())]


def drawn(chart: Chart, theme: Theme = "light") -> Drawn:
    """Draw a chart as `draw` does, keeping the figure."""
    seen: list[Text] = []
    original = Text.draw

    def record(text: Text, renderer: object) -> None:
        original(text, renderer)  # type: ignore[arg-type] # whatever matplotlib hands on
        if text.get_visible() and text.get_text().strip():
            seen.append(text)

    fonts = families(texts_of(chart))
    with rc_context(settings(theme, fonts)), patch.object(Text, "draw", record):
        figure = CHARTS[type(chart)](chart, PALETTES[theme])
        image = Image.open(io.BytesIO(png(figure))).convert("RGB")
    return Drawn(figure, image, tuple((text, Text.get_window_extent(text)) for text in dict.fromkeys(seen)))


@cache
def picture(name: str, theme: Theme = "light") -> Drawn:
    """Return a chart of `EVERY`, drawn once for all tests."""
    return drawn(EVERY[name], theme)


def legends(picture: Drawn) -> list[str]:
    """Return the labels of the figure's legend and of those of its axes."""
    keys = [*picture.figure.legends, *(key for axes in picture.figure.axes if (key := axes.get_legend()))]
    return [text.get_text() for key in keys for text in key.get_texts()]


def test_every_kind_of_chart_is_in_the_list() -> None:
    assert set(CHARTS) == set(get_args(Chart))
    assert {type(chart) for chart in MAIN.values()} == set(CHARTS)


@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_clipped_no_words_lie_over_others_and_letters_are_large(name: str) -> None:
    found = picture(name)
    assert found.image.width == WIDTH
    assert found.image.height == round(found.figure.bbox.height)
    canvas = found.figure.bbox.padded(TOLERANCE)
    for text, box in found.texts:
        assert canvas.x0 <= box.x0 <= box.x1 <= canvas.x1, text
        assert canvas.y0 <= box.y0 <= box.y1 <= canvas.y1, text
        assert float(text.get_fontsize()) * READ_AT / WIDTH >= 11, text
    for (one, box), (two, other) in combinations(found.texts, 2):
        assert not box.padded(-TOLERANCE).overlaps(other.padded(-TOLERANCE)), (one, two)


@pytest.mark.parametrize("name", MAIN)
def test_a_theme_changes_colours_and_nothing_else(name: str) -> None:
    light, dark = picture(name), picture(name, "dark")
    assert light.words == dark.words
    assert light.image.size == dark.image.size
    assert light.image.getpixel((2, 2)) == (255, 255, 255)
    assert dark.image.getpixel((2, 2)) == (0x1A, 0x1D, 0x21)


def test_the_same_chart_is_the_same_picture_whatever_was_drawn_before() -> None:
    first = draw(OVERFIT, "light")
    for chart in (TRACE, CHECKPOINTS, OVERFIT):
        draw(chart, "dark")
    assert draw(OVERFIT, "light") == first


# -- over steps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", get_args(Theme))
def test_every_mark_of_the_curve_is_there(theme: Theme) -> None:
    found, palette = picture("overfit", theme), PALETTES[theme]
    for colour in (palette.background, palette.train, palette.valid, palette.checkpoint, palette.alert):
        assert found.pixels(colour) > 100, colour
    assert legends(found) == ["checkpoints kept", "alert at step 65"]


def test_a_curve_without_checkpoints_and_alerts_shows_none() -> None:
    found = drawn(replace(OVERFIT, checkpoints=(), alerts=()))
    assert found.pixels(LIGHT.checkpoint) == found.pixels(LIGHT.alert) == 0
    assert legends(found) == []


def test_lines_end_in_their_name_and_their_last_value() -> None:
    assert {"train\n0.76", "validation\n0.57"} <= set(picture("overfit").words)
    assert {"train\n0.75", "validation\n0.57"} <= set(picture("noise shown").words)
    assert "no step has reported yet" in picture("no step yet").words


def test_a_missing_evaluation_leaves_a_gap() -> None:
    whole = tuple((step, 0.5) for step in range(0, 101, 5))
    holed = tuple(point for point in whole if not 40 <= point[0] <= 60)
    assert [len(steps_of(line)) for line in drawn(RewardCurve("t", valid=whole)).of_colour(LIGHT.valid)] == [21]
    gap = drawn(RewardCurve("t", valid=holed)).of_colour(LIGHT.valid)
    assert [steps_of(line)[-1] for line in gap] == [35, 100]


def test_a_point_without_neighbours_is_seen() -> None:
    (line,) = drawn(RewardCurve("t", train=((1, 0.5),))).of_colour(LIGHT.train)
    assert line.get_marker() == "o"


def test_the_band_and_the_mean_of_an_epoch_are_there_where_they_are_known() -> None:
    found, bare = picture("noise shown"), picture("overfit")
    for colour in (LIGHT.valid_band, LIGHT.train_batch, LIGHT.train):
        assert found.pixels(colour) > 500, colour
    assert bare.pixels(LIGHT.valid_band) == bare.pixels(LIGHT.train_batch) == 0
    assert {"train, mean of one epoch", "\u00b1 0.015, one standard error"} <= set(legends(found))


def test_one_spike_in_five_thousand_steps_is_seen() -> None:
    found = drawn(RewardCurve("t", train=tuple((step, 0.9 if step == 2500 else 0.5) for step in range(5001))))
    assert found.pixels(LIGHT.train, (0.4, 0.25, 0.6, 0.5)) > 50


@pytest.mark.parametrize("steps", [1, 7, 93, 100, 101, 4730, 12345])
def test_the_steps_axis_ends_in_the_number_of_steps(steps: int) -> None:
    found = drawn(RewardCurve("t", total_steps=steps))
    assert f"{steps:,}" in found.words
    assert max(found.figure.axes[0].get_xticks()) == steps


def test_every_panel_has_its_lines_and_one_without_points_says_so() -> None:
    for axes, panel in zip(picture("graders").figure.axes, GRADERS.panels, strict=True):
        assert axes.get_title(loc="left") == panel.name
        assert {line.get_color() for line in axes.lines if len(steps_of(line))} == {LIGHT.train, LIGHT.valid}
    tokens = picture("tokens")
    assert "not reported yet" in tokens.words
    assert not tokens.of_colour(LIGHT.valid)
    assert "1 more not drawn." not in tokens.words
    assert "12 more not drawn." in picture("twenty panels").words


def test_shared_panels_show_equal_scores_at_equal_heights() -> None:
    panels = (Panel("a", valid=((0, 0.1), (9, 0.1))), Panel("b", valid=((0, 0.9), (9, 0.9))))
    shared, apart = (drawn(StepPanels("t", panels, "score", shared=both)).figure.axes for both in (True, False))
    assert shared[0].get_ylim() == shared[1].get_ylim()
    assert apart[0].get_ylim() != apart[1].get_ylim()


def test_a_step_is_a_bar_as_high_as_it_took_and_a_missing_one_is_a_gap() -> None:
    found = picture("times")
    sampling = found.bars(LIGHT.series[0])
    assert [bar.get_height() for bar in sampling] == [time.sampling for time in TIMES.steps]
    assert not [bar for bar in sampling if 59 < bar.get_x() < 63]
    for colour in (LIGHT.series[0], LIGHT.bar, LIGHT.series[1]):
        assert found.pixels(colour) > 2000, colour
    assert [label.splitlines()[0] for label in legends(found)] == ["rest", "eval", "training", "sampling"]
    assert len(picture("5,000 step times").bars(LIGHT.series[0])) <= 121


def test_each_job_has_its_colour_dashes_and_marker() -> None:
    found = picture("jobs")
    for colour in LIGHT.series[:4]:
        assert found.pixels(colour) > 400, colour
    assert len({style for style, _ in STYLES}) == len({marker for _, marker in STYLES}) == MOST_JOBS
    assert any(label.endswith("\nnot evaluated yet") for label in legends(found))


def test_a_trace_has_its_lines_thresholds_and_moments() -> None:
    found = picture("rule trace")
    for colour in (LIGHT.series[0], LIGHT.ink, LIGHT.alert, LIGHT.muted):
        assert found.pixels(colour) > 100, colour
    told = legends(found)
    assert told[1:5] == ["what noise explains: 0.40", "wide: 0.10", "raised at step 65", "over at step 90"]
    assert "recall: not known yet" in told
    quiet = drawn(RuleTrace("Quiet", (DRIFT,), total_steps=100))
    assert quiet.pixels(LIGHT.alert) == 0
    assert found.image.height > quiet.image.height + 200


def test_no_two_lines_or_thresholds_differ_by_colour_alone() -> None:
    assert len(set(LINE_STYLES)) == len(LINE_STYLES) == MOST_LINES
    assert len(set(THRESHOLD_DASHES)) == len(THRESHOLD_DASHES) == MOST_THRESHOLDS


# -- scores -----------------------------------------------------------------------------------------------------------


def test_the_best_score_of_a_column_stands_out() -> None:
    found = picture("checkpoints")
    assert [bar.get_width() for bar in found.bars(LIGHT.best_bar)] == [0.87]
    assert [words for words in found.words if "\u2605" in words] == ["0.87 \u2605"]
    assert legends(found) == ["highest of its column by more than chance"]


@pytest.mark.parametrize("noise", [None, 0.14])
def test_scores_within_noise_have_no_best(noise: float | None) -> None:
    rows = (CheckpointScores("a", 1, f1=0.501), CheckpointScores("b", 2, f1=0.602))
    found = drawn(CheckpointComparison("t", rows, noise=noise))
    assert not found.bars(LIGHT.best_bar)
    assert legends(found) == []


def test_more_checkpoints_make_a_taller_picture_up_to_twelve() -> None:
    heights = [drawn(CheckpointComparison("t", CHECKPOINTS.rows[:count])).image.height for count in (1, 2, 3)]
    assert heights == sorted(heights)
    assert heights[0] < 400
    assert picture("many rows").image.height > 1000
    assert "first 12 of 40 checkpoints." in picture("many rows").words


def test_a_score_nobody_measured_is_a_dash_without_a_bar() -> None:
    arms = (ArmScores("a", (Score(0.5, 0.1),)), ArmScores("b", (Score(None),)))
    found = drawn(ScoreComparison("t", ("F1",), arms))
    assert found.bars(LIGHT.series[0])
    assert not found.bars(LIGHT.series[1])
    assert "\u2013" in found.words
    rewards = picture("models with holes")
    assert "\u2013" in rewards.words


def test_the_published_figures_are_bars_of_their_lengths() -> None:
    found = picture("published")
    for arm, colour in zip(PUBLISHED.arms, LIGHT.series, strict=False):
        assert [bar.get_width() for bar in found.bars(colour)] == [score.mean for score in arm.scores]
        assert found.pixels(colour) > 5000
    assert "0.671 \u00b1 0.003 \u2605" in found.words
    assert legends(found) == ["better than every other", "\u00b1 standard deviation over runs"]


def test_before_is_a_wider_bar_around_the_one_of_after() -> None:
    found = drawn(LabelDistribution("t", (ONE_LABEL,)))
    (before,), (after,) = found.bars(LIGHT.bar), found.bars(LIGHT.best_bar)
    assert (before.get_width(), after.get_width()) == (90, 12)
    assert before.get_height() > after.get_height()
    assert "90 \u2192 12" in found.words
    assert not drawn(LabelDistribution("t", (LabelCount("a", 1),))).bars(LIGHT.bar)
    assert "460 labels between, 1,980 to 1,521 items each" in picture("500 labels").words


def test_every_item_has_a_bar_and_a_cross() -> None:
    scored = tuple(ItemScores(str(n), (n + 1) / 10, (n + 3) / 10, n / 10) for n in range(5))
    found = drawn(VarianceStudy("t", scored, 3))
    assert [bar.get_height() for bar in found.bars(LIGHT.mean_bar)] == [item.mean for item in scored]
    (crosses,) = found.of_colour(LIGHT.best_run)
    assert values_of(crosses) == [item.best for item in scored]
    spans = [values_of(line) for line in found.of_colour(LIGHT.ink)[:5]]
    assert spans == [[item.worst, item.best] for item in scored]
    assert not drawn(ODD["no item graded"]).of_colour(LIGHT.best_run)


def test_a_thousand_items_keep_bars_that_can_be_told_apart() -> None:
    found = picture("1,000 items")
    heights = [bar.get_height() for bar in found.bars(LIGHT.mean_bar)]
    assert len(heights) == 60
    assert heights == sorted(heights)
    assert any("each bar averages up to 17" in words for words in found.words)


# -- evaluated models -------------------------------------------------------------------------------------------------


def test_kinds_of_models_differ_in_shape() -> None:
    assert set(MARKS) == set(get_args(ModelKind))
    assert len({shape for _, shape in MARKS.values()}) == len(MARKS)
    assert legends(picture("trade-off")) == ["base model", "checkpoint", "in use now"]
    assert legends(drawn(PrecisionRecall("One", (evaluated("step 5", 0.5, 0.5),)))) == ["checkpoint"]


def test_a_colour_means_the_same_in_every_picture() -> None:
    for theme in get_args(Theme):
        palette = PALETTES[theme]
        for name, colour in {"base": palette.base, "step 45": palette.checkpoint, "in use": palette.production}.items():
            chart = next(m for m in MODELS if m.label.startswith(name) or (name == "in use" and m.kind == "alias"))
            for kind in (PrecisionRecall("t", (chart,)), ScoreIntervals("t", (chart,))):
                assert drawn(kind, theme).pixels(colour) > 100, (name, kind)
        meant = {palette.valid, palette.train, palette.checkpoint, palette.base, palette.production, palette.alert}
        others = {*palette.series, palette.bar, palette.best_bar, palette.mean_bar, palette.best_run}
        assert len(meant) == 6
        assert not meant & others


def test_many_models_are_numbered_and_none_is_without_a_number() -> None:
    found = picture("twelve models with long names")
    numbers = [f"({place})" for place in range(1, 13)]
    assert set(numbers) <= set(found.words)
    told = " ".join(found.words)
    assert all(told.count(number) == 2 for number in numbers)
    crowd = picture("forty models")
    assert "20 of 40 models." in crowd.words


def test_the_chosen_and_the_known_models_are_among_those_of_a_crowd() -> None:
    crowd = tuple(evaluated(f"step {n}", 0.3 + n / 80, 0.9 - n / 80) for n in range(10, 40))
    kept, _ = _foremost([*crowd, *MODELS])
    assert len(kept) == MOST_MODELS
    assert {"base", "step 45", "eurovoc@production"} <= {model.label for model in kept}


def test_more_jobs_than_styles_are_those_with_the_highest_rewards() -> None:
    found = picture("twelve jobs")
    assert [label.split()[0] for label in legends(found)] == [f"rft-{n:02}" for n in range(7, 12)]
    assert "the 5 with the highest rewards of 12 jobs" in found.words


def test_a_score_is_drawn_on_its_own_scale() -> None:
    found = picture("a judge of 0 to 5")
    quality, share = found.figure.axes
    assert (quality.get_xlim(), share.get_xlim()) == ((0.0, 5.0), (0.0, 1.0))
    assert [axes.get_title(loc="left") for axes in (quality, share)] == ["quality, 0 to 5", "F1"]
    unknown = drawn(ScoreComparison("t", ("quality",), (ArmScores("a", (Score(4.0),)),)))
    assert "quality, 0 to 4" in unknown.words
    assert picture("a study of 0 to 5").figure.axes[0].get_ylim() == (0.0, 5.0)
    assert "reward\n-0.4 to 1.6" in picture("rewards below zero").words


def test_every_model_is_named_next_to_its_point_and_the_chosen_one_in_bold() -> None:
    found = picture("trade-off")
    names = {text.get_text(): (text, box) for text, box in found.texts}
    to_pixels = found.figure.axes[0].transData.transform
    for model in MODELS:
        text, box = names[model.label]
        x, y = to_pixels((model.recall.mean or 0.0, model.precision.mean or 0.0))
        assert box.padded(60).contains(x, y), model.label
        assert text.get_fontweight() == ("bold" if model.chosen else "normal")


def test_lines_of_equal_f1_are_where_their_names_say() -> None:
    found = picture("trade-off")
    lines = [line for line in found.lines if line.get_linestyle() == "--"]
    levels = [float(words.removeprefix("F1 ")) for words in found.words if words.startswith("F1 ")]
    assert levels == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    for line, level in zip(lines, levels, strict=True):
        scores = zip(values_of(line), steps_of(line), strict=True)
        assert [f1_of(precision, recall) for precision, recall in scores] == pytest.approx([level] * 101)


def test_f1_is_the_harmonic_mean() -> None:
    assert f1_of(0.5, 0.25) == pytest.approx(1 / 3)
    assert f1_of(0.0, 0.0) == 0.0


def test_a_model_without_precision_is_named_and_has_no_point() -> None:
    words = picture("a model that was not measured").words
    assert "not measured: step 75" in words
    assert "step 75" not in words


def test_a_picture_without_anything_measured_says_so() -> None:
    assert (
        "no model has precision and recall yet"
        in drawn(PrecisionRecall("Nothing", (EvaluatedModel("base", "base"),))).words
    )
    assert "no model has reward yet" in picture("no scored model").words


@pytest.mark.parametrize("name", EVERY)
def test_every_letter_is_in_a_font_of_the_picture(name: str) -> None:
    fonts = {*families(texts_of(EVERY[name]))}
    for text, _ in picture(name).texts:
        weight: Weight = "bold" if text.get_fontweight() == "bold" else "normal"
        assert {family_of(sign, weight) for sign in text.get_text() if sign != "\n"} <= fonts, text


def test_labels_in_any_script_are_written_as_they_are() -> None:
    found = picture("labels in many scripts")
    assert not [words for words in found.words if MISSING in words]
    for label in SCRIPTS:
        assert label in [words.strip(UNSEEN) for words in found.words]


def test_names_that_no_font_can_write_are_numbered() -> None:
    labels = (LabelCount("\ue000\ue001", 4), LabelCount("\ue002\ue003", 2))
    assert {f"1. {MISSING * 2}", f"2. {MISSING * 2}"} <= set(drawn(LabelDistribution("t", labels)).words)
