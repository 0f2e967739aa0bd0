from dataclasses import replace
from typing import get_args

from charts import (
    Chart,
    CheckpointComparison,
    CheckpointScores,
    RewardCurve,
    RuleTrace,
    Threshold,
    TracedLine,
    TracePanel,
    describe,
)
from charts.alt_text import WORDS
from charts.values import ItemScores, LabelCount, LabelDistribution, VarianceStudy
from tests.charts.charts_to_draw import BALANCE, EVERY, MODELS, ODD, PUBLISHED, REWARDS, TRADE_OFF


def test_a_curve_says_its_point_its_place_and_its_numbers() -> None:
    curve = RewardCurve(
        title="Validation reward 0.53, up 0.37",
        subtitle="eurovoc, step 10 of 100",
        train=((1, 0.2), (2, 0.1), (10, 0.6)),
        valid=((0, 0.16), (5, 0.6), (10, 0.53)),
        checkpoints=(5,),
        alerts=(10,),
        total_steps=100,
    )
    assert describe(curve) == (
        "Validation reward 0.53, up 0.37. eurovoc, step 10 of 100. Reward curve, step 10 of 100. "
        "Validation reward: 0.16 at step 0, now 0.53; highest 0.60 at step 5, lowest 0.16 at step 0. "
        "Train reward: 0.20 at step 1, now 0.60; highest 0.60 at step 10, lowest 0.10 at step 2. "
        "Checkpoints kept at step 5. Alert at step 10. Validation by step: 0: 0.16, 5: 0.60, 10: 0.53."
    )


def test_a_comparison_says_every_score() -> None:
    comparison = CheckpointComparison(
        "Step 9 is better",
        (CheckpointScores("base model", None, f1=0.1), CheckpointScores("ckpt", 9, 0.5, 0.25, 1 / 3, 0.4)),
        "50 items",
    )
    assert describe(comparison) == (
        "Step 9 is better. 50 items. Scores of 2 checkpoints. base model: F1 0.10. "
        "ckpt (step 9): precision 0.50, recall 0.25, F1 0.33, reward 0.40."
    )


def test_a_variance_study_says_its_figures_and_the_items_that_never_score() -> None:
    scored = (ItemScores("c", 0.5, 0.75, 0.25), ItemScores("a", 0.0, 0.0, 0.0), ItemScores("b", None, None, None))
    study = VarianceStudy("There is room to learn", scored, 3, 0.25, 0.375, 0.0312, "eurovoc, local-policy-1")
    assert describe(study) == (
        "There is room to learn. eurovoc, local-policy-1. Variance study of 2 items, 3 runs each. "
        "Overall mean reward 0.25, mean of best 0.38, mean variance 0.031. 1 item never above 0: a. "
        "1 item without scores. From lowest to highest mean: a 0.00 (0.00 to 0.00), c 0.50 (0.25 to 0.75)."
    )


def test_the_published_comparison_says_every_figure() -> None:
    assert describe(PUBLISHED) == (
        "The tuned model is better: F1 0.671 against 0.537 and 0.449. "
        "150 validation items, several runs each. Scores of 3 arms, \u00b1 standard deviation over runs. "
        "gpt-4.1: F1 0.449 \u00b1 0.006, precision 0.390 \u00b1 0.007, recall 0.593 \u00b1 0.004. "
        "o4-mini: F1 0.537 \u00b1 0.020, precision 0.754 \u00b1 0.018, recall 0.474 \u00b1 0.013. "
        "tuned: F1 0.671 \u00b1 0.003, precision 0.774 \u00b1 0.019, recall 0.628 \u00b1 0.016."
    )
    assert "a: not measured. b: not measured." in describe(ODD["no score"])


def test_a_distribution_says_its_ratio_and_every_label_from_the_most_frequent() -> None:
    assert describe(BALANCE) == (
        "Balanced: the most frequent label comes 1.5 times as often as the rarest. eurovoc, 150 of 1,200 items. "
        "4 labels. before: 90 to 3 items a label, max/min 30.0. after: 12 to 8 items a label, max/min 1.5. "
        "By label, before and after: agriculture: 90 and 12; energy: 41 and 10; taxation: 11 and 9; fisheries: 3 and 8."
    )
    single = LabelDistribution("Skewed", (LabelCount("b", 0), LabelCount("c", 2), LabelCount("a", 8)))
    assert describe(single) == (
        "Skewed. 3 labels. 8 to 2 items a label, max/min 4.0, 1 label without any. By label: a: 8; c: 2; b: 0."
    )
    assert "a: not counted and not counted" in describe(ODD["labels not counted"])


def test_what_was_not_measured_is_said_and_not_zero() -> None:
    assert "b (step 2): not measured." in describe(ODD["no scores"])
    assert "Train reward: not reported." in describe(ODD["only validation"])
    assert describe(RewardCurve("Queued")) == "Queued. Reward curve: no step has reported yet."


def test_every_chart_has_alt_text_within_slack_s_limit() -> None:
    for name, chart in EVERY.items():
        assert 0 < len(describe(chart)) <= 2000, name
        assert "nan" not in describe(chart), name


def test_many_steps_are_read_out_in_part() -> None:
    words = describe(RewardCurve("Long", valid=tuple((s, s / 9999) for s in range(9999)), alerts=tuple(range(99))))
    listed = words.split("by step: ")[1].split(", ")
    assert len(listed) <= 26
    assert listed[-1] == "9,998: 1.00."
    assert "and 75 more" in words


def test_text_over_the_limit_ends_in_an_ellipsis() -> None:
    words = describe(RewardCurve("long " * 900))
    assert len(words) <= 2000
    assert words.endswith("\u2026")


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
