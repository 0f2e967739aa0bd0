"""Each rule where it must fire, where it must not, and what it says."""

import math
from dataclasses import replace

import pytest

from jobs.core.records import RaisedAlert
from jobs.core.series import Series, Step, StepTiming
from jobs.rules import RULES, JobFacts, RuleInputs, evaluate
from jobs.rules.stall import step_seconds
from tests.jobs.rules.made_up_jobs import FACTS, Figure, a_series, between, from_step

BY_ID = {rule.code: rule for rule in RULES}
RISING = between(0.3, 0.8, 0, 60)
FLAT = between(0.4, 0.4, 0, 1)


def fired(rule: str, series: Series, facts: JobFacts = FACTS) -> list[tuple[str, int, int | None]]:
    return [(alert.level, alert.step, alert.cleared) for alert in BY_ID[rule].alerts(RuleInputs(series, facts))]


def only(rule: str, series: Series, facts: JobFacts = FACTS) -> RaisedAlert:
    (alert,) = BY_ID[rule].alerts(RuleInputs(series, facts))
    return alert


def test_severe_overfitting_where_validation_falls_from_its_best() -> None:
    series = a_series(RISING, lambda step: 0.3 + 0.2 * min(step, 20) / 20 - 0.005 * max(0, step - 20))
    alert = only("O2", series)
    assert (alert.level, alert.step) == ("critical", 40)
    assert "validation was highest around step 25, 0.49; it is 0.41 (means of 2 evaluations)" in alert.text


def test_a_harder_validation_split_is_noted_once() -> None:
    series = a_series(RISING, lambda step: RISING(step) - 0.15)
    assert fired("O0", series) == [("info", 15, None)]
    assert fired("O0", a_series(RISING, lambda step: RISING(step) - 0.05)) == []
    assert fired("O1", series) == []


def test_a_plateau_is_noted_and_is_over_when_validation_rises() -> None:
    series = a_series(FLAT, between(0.4, 0.9, 60, 100), last=120)
    ((level, step, cleared),) = fired("P", series)
    assert (level, step) == ("info", 35)
    assert cleared is not None
    assert cleared > 60
    assert fired("P", a_series(RISING, RISING)) == []


@pytest.mark.parametrize(("share", "levels"), [(0.4, []), (0.6, ["warn"]), (0.9, ["critical"])])
def test_no_signal_where_rewards_have_no_spread_and_nothing_is_gained(share: float, levels: list[str]) -> None:
    flat, rising = (a_series(train, zero_std_share=lambda _: share) for train in (FLAT, RISING))
    assert [level for level, _, _ in fired("N", flat)] == levels
    assert fired("N", rising) == []


def test_a_warning_of_no_signal_becomes_critical_and_is_then_over() -> None:
    series = a_series(FLAT, zero_std_share=from_step(30, 0.6, 0.9))
    assert fired("N", series) == [("warn", 9, 32), ("critical", 32, None)]


def test_no_signal_where_train_reward_never_changes() -> None:
    alert = only("N", a_series(lambda _: 0.0, lambda _: 0.0))
    assert alert.level == "critical"
    assert "train reward was 0.00 in each of the last 12 steps" in alert.text


@pytest.mark.parametrize(
    ("facts", "steps"),
    [(JobFacts(None, None), 20), (JobFacts(100, None, 50), 20), (JobFacts(8_000, 16), 20), (JobFacts(80, 16), 12)],
)
def test_rewards_that_never_change_need_no_epoch(facts: JobFacts, steps: int) -> None:
    flat = a_series(lambda _: 0.0, lambda _: 0.0)
    assert fired("N", flat, facts) == [("critical", steps - 1, None)]
    assert fired("N", a_series(lambda step: 0.0 if step % 19 else 0.1, lambda _: 0.0), JobFacts(None, None)) == []


def test_nothing_learned_after_three_epochs() -> None:
    alert = only("N2", a_series(FLAT, FLAT))
    assert alert.level == "warn"
    assert "a grader that cannot tell them apart" in alert.text
    high = between(0.93, 0.93, 0, 1)
    assert "A start of 0.92 leaves little to gain." in only("N2", a_series(high, high)).text
    assert fired("N2", a_series(RISING, RISING)) == []


def test_what_was_gained_and_lost_is_not_called_nothing_learned() -> None:
    def gained_and_lost(step: int) -> float:
        return RISING(step) if step < 30 else 0.3

    assert fired("N2", a_series(gained_and_lost, gained_and_lost)) == []


def test_a_grader_that_falls_while_the_reward_climbs() -> None:
    series = a_series(RISING, RISING, parts={"style": RISING, "facts": between(0.6, 0.3, 20, 60)})
    alert = only("H1", series)
    assert alert.level == "warn"
    assert alert.text.startswith("Grader facts is given up: it fell from 0.")
    assert fired("H1", a_series(RISING, RISING, parts={"facts": between(0.6, 0.3, 20, 60)})) == []


def test_precision_and_recall_that_come_into_balance_are_no_alert() -> None:
    parts = {"precision": between(0.45, 0.60, 10, 60), "recall": between(0.78, 0.68, 10, 60)}
    assert fired("H1", a_series(RISING, between(0.55, 0.64, 10, 60), parts=parts)) == []


def test_a_held_out_grader_that_falls_while_train_reward_rises() -> None:
    parts = {"format": RISING, "checked": between(0.6, 0.4, 10, 60)}
    shadowed = replace(FACTS, held_out_graders=("checked",))
    alert = only("H2", a_series(RISING, RISING, parts=parts), shadowed)
    assert alert.level == "critical"
    assert alert.values["change"] < -0.03
    assert fired("H1", a_series(RISING, RISING, parts=parts), shadowed) == []
    assert fired("H2", a_series(FLAT, FLAT, parts=parts), shadowed) == []


def test_answers_that_grow_without_gain() -> None:
    growing = between(400, 700, 0, 60)
    alert = only("L1", a_series(FLAT, tokens=growing))
    assert alert.level == "warn"
    assert alert.values["growth"] > 0.3
    assert fired("L1", a_series(RISING, tokens=growing)) == []
    assert fired("L1", a_series(FLAT, tokens=between(400, 450, 0, 60))) == []


def test_answers_that_blow_up() -> None:
    assert [level for level, _, _ in fired("L2", a_series(RISING, tokens=between(400, 1600, 0, 60)))] == ["critical"]
    assert fired("L2", a_series(RISING, tokens=between(400, 1000, 0, 60))) == []
    falling = between(0.8, 0.4, 20, 60)
    assert [level for level, _, _ in fired("L2", a_series(falling, tokens=between(400, 1000, 0, 60)))] == ["critical"]


def test_reasoning_tokens_count_where_completion_tokens_do_not_come() -> None:
    series = a_series(RISING, tokens=between(400, 1600, 0, 60))
    steps = (
        replace(step, train_reasoning_tokens=step.train_completion_tokens, train_completion_tokens=None)
        for step in series.steps
    )
    assert fired("L2", Series(tuple(steps))) == fired("L2", series)


def test_answers_that_shrink_at_a_cost() -> None:
    shrinking = between(400, 100, 10, 40)
    falling = between(0.7, 0.4, 20, 60)
    assert [level for level, _, _ in fired("L4", a_series(falling, falling, tokens=shrinking))] == ["warn"]
    assert fired("L4", a_series(RISING, RISING, tokens=shrinking)) == []


@pytest.mark.parametrize(
    ("clipped", "expected"),
    [
        (from_step(20, 0.0, 0.2), [("warn", 22, None)]),
        (from_step(20, 0.0, 0.6), [("warn", 22, 22), ("critical", 22, None)]),
        (lambda step: 0.95 if step == 20 else 0.0, [("critical", 20, 23)]),
        (lambda step: 0.3 if step in {20, 21} else 0.0, []),
    ],
    ids=["some", "many", "at once", "two steps"],
)
def test_answers_that_are_cut_off(clipped: Figure, expected: list[tuple[str, int, int | None]]) -> None:
    found = fired("L3", a_series(clipped_share=clipped))
    assert found == [one for one in expected if one[1] != one[2]]


def test_entropy_counts_on_a_plateau_only() -> None:
    gone = between(2.0, 0.1, 0, 30)
    assert [level for level, _, _ in fired("E", a_series(RISING, FLAT, entropy=gone))] == ["warn"]
    assert fired("E", a_series(RISING, RISING, entropy=gone)) == []
    assert fired("E", a_series(RISING, FLAT, entropy=between(2.0, 1.0, 0, 30))) == []


def test_a_validation_reward_that_breaks_down() -> None:
    broken = from_step(40, 0.6, 0.1)
    series = a_series(valid=lambda step: broken(step) + FLAT(step) - 0.4)
    alert = only("C", series)
    assert (alert.level, alert.step, alert.cleared) == ("critical", 40, None)
    assert alert.text.startswith("Collapse: validation reward fell by 0.26, to 0.35, by step 40; noise explains 0.03.")


def test_a_collapse_is_over_when_the_reward_is_back() -> None:
    def dipping(step: int) -> float:
        return (0.1 if 30 <= step < 45 else 0.6) + FLAT(step) - 0.4

    assert fired("C", a_series(valid=dipping)) == [("critical", 30, 55)]
    assert [cleared is None for _, _, cleared in fired("C", a_series(train=dipping))] == [False]


def test_a_reward_that_is_no_number_is_a_collapse_at_once() -> None:
    assert fired("C", a_series(broken_from=7)) == [("critical", 7, None)]


def test_answers_that_cannot_be_parsed_count_after_the_first_epoch() -> None:
    def early(step: int) -> float:
        return 0.3 if step <= 5 else 0.0

    assert fired("G1", a_series(errors={"sample_parse_error": early})) == []
    assert fired("G1", a_series(errors={"sample_parse_error": from_step(0, 0, 0.1)})) == [("warn", 8, None)]
    assert fired("G1", a_series(errors={"sample_parse_error": from_step(0, 0, 0.3)})) == [("critical", 8, None)]
    rising = a_series(errors={"sample_parse_error": from_step(30, 0.1, 0.3)})
    assert fired("G1", rising) == [("warn", 8, 32), ("critical", 32, None)]


@pytest.mark.parametrize("kind", ["python_grader_runtime_error", "other_error", "invalid_variable_error"])
def test_a_grader_that_breaks_twice_running(kind: str) -> None:
    assert fired("G2", a_series(errors={kind: from_step(20, 0, 0.01)})) == [("critical", 21, None)]
    assert fired("G2", a_series(errors={kind: lambda step: 0.01 if step == 20 else 0.0})) == []
    assert "Grader judge breaks: on 1.0% of the answers" in only("G2", a_series(errors={kind: lambda _: 0.01})).text


@pytest.mark.parametrize("kind", ["python_grader_server_error", "model_grader_server_error"])
def test_a_graders_service_that_fails(kind: str) -> None:
    assert fired("G3", a_series(errors={kind: from_step(20, 0, 0.1)})) == [("warn", 21, None)]
    assert fired("G3", a_series(errors={kind: lambda _: 0.04})) == []
    assert fired("G2", a_series(errors={kind: lambda _: 0.1})) == []


def test_a_stall_is_as_long_as_the_silence() -> None:
    series = a_series()
    silent = replace(FACTS, now=60.0 * 60 + 1801)
    alert = only("Z", series, silent)
    assert (alert.level, alert.step) == ("warn", 60)
    assert alert.text.startswith("Stall: no event for more than 30 min after step 60; a step took 60 s so far.")
    assert only("Z", series, replace(silent, now=1e9)).text == alert.text
    assert fired("Z", series, replace(silent, now=60.0 * 60 + 1800)) == []
    assert fired("Z", series, replace(silent, heard_at=60.0 * 60 + 100)) == []
    assert fired("Z", series, replace(silent, training=False)) == []
    assert fired("Z", series) == []


def test_a_stall_before_the_first_step() -> None:
    waiting = replace(FACTS, now=5000.0, heard_at=1000.0)
    assert only("Z", Series(), waiting).text.startswith("Stall: no event for more than 30 min after step 0; no step")


def test_slow_steps_may_take_three_times_as_long() -> None:
    series = Series(tuple(Step(step, at=1200.0 * step) for step in range(10)))
    assert fired("Z", series, replace(FACTS, now=1200.0 * 9 + 3600)) == []
    assert fired("Z", series, replace(FACTS, now=1200.0 * 9 + 3601)) == [("warn", 9, None)]


def test_a_steps_own_timing_counts_where_events_carry_no_time() -> None:
    assert step_seconds([Step(n, timing=StepTiming(full=90.0)) for n in range(3)]) == 90.0
    assert step_seconds([Step(1), Step(2)]) is None


def test_precision_and_recall_far_apart_are_noted() -> None:
    alert = only("B", a_series(parts={"Precision": lambda _: 0.8, "recall": lambda _: 0.5}))
    assert (alert.level, alert.step) == ("info", 5)
    assert "is right when it answers, and misses much" in alert.text
    other = only("B", a_series(parts={"precision": lambda _: 0.4, "recall": lambda _: 0.7}))
    assert "finds much, and is often wrong" in other.text
    assert fired("B", a_series(parts={"precision": lambda _: 0.6, "recall": lambda _: 0.5})) == []


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        (FACTS, "validation items instead of 50, or raise eval_samples above 3."),
        (replace(FACTS, eval_samples=None), "validation items instead of 50, or raise eval_samples."),
        (replace(FACTS, valid_items=None), "times as many validation items, or more eval_samples."),
    ],
)
def test_a_validation_set_that_is_too_small_is_noted(facts: JobFacts, advice: str) -> None:
    noisy = a_series(RISING, lambda step: 0.4 + 0.1 * math.sin(step * step))
    assert only("K1", noisy, facts).text.endswith(advice)
    assert fired("K1", a_series(RISING, RISING)) == []


def test_alerts_come_by_step_and_rule() -> None:
    broken = a_series(FLAT, FLAT, errors={"other_error": lambda _: 0.1, "python_grader_server_error": lambda _: 0.1})
    assert [(alert.step, alert.rule) for alert in evaluate(broken, FACTS)][:2] == [(1, "G2"), (1, "G3")]
