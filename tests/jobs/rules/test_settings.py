from dataclasses import fields, replace

import pytest

from jobs.core.errors import InvalidRequest
from jobs.core.records import Hyperparameters, JobState
from jobs.core.series import Series
from jobs.rules import RULES, Rule, RuleInputs, changed_rules, evaluate, facts_of, rules_of
from jobs.rules.overfitting import Overfitting
from tests import records
from tests.jobs.rules.made_up_jobs import FACTS, a_series, restless
from tests.jobs.rules.simulated_jobs import KINDS, simulate

JOBS = (restless(0), Series(restless(1).steps[:9]))


def test_without_changes_the_rules_are_the_defaults() -> None:
    assert changed_rules({}) == RULES


def test_a_task_changes_thresholds_and_leaves_rules_out() -> None:
    rules = changed_rules({"O1": {"least_drift": 0.5, "patience": 3}, "O2": False})
    assert rules[0] == Overfitting(least_drift=0.5, patience=3)
    assert [rule.code for rule in rules] == [rule.code for rule in RULES if rule.code != "O2"]
    plan = KINDS["overfit falling"]
    series = simulate(plan, 1)
    assert {"O1", "O2"} <= {alert.rule for alert in evaluate(series, plan.facts)}
    assert not {"O1", "O2"} & {alert.rule for alert in evaluate(series, plan.facts, rules)}


@pytest.mark.parametrize(("kind", "seed"), [("no learning", 4), ("overfit flat", 5), ("token blow-up", 0)])
def test_rules_see_the_same_in_rewards_of_another_range(kind: str, seed: int) -> None:
    plan = KINDS[kind]
    series = simulate(plan, seed)
    tenfold = Series(
        tuple(
            replace(
                step,
                train_reward=None if step.train_reward is None else 10 * step.train_reward,
                valid_reward=None if step.valid_reward is None else 10 * step.valid_reward,
            )
            for step in series.steps
        )
    )
    usual, wide = (
        rules_of(records.a_job(alert_settings={"H1": False, "H2": False}, reward_range=each))
        for each in (None, (0, 10))
    )
    tenfold_facts = replace(plan.facts, scale=10)
    raised = [(alert.rule, alert.step) for alert in evaluate(series, plan.facts, usual)]
    assert [(alert.rule, alert.step) for alert in evaluate(tenfold, tenfold_facts, wide)] == raised
    assert [(alert.rule, alert.step) for alert in evaluate(tenfold, plan.facts, usual)] != raised


def test_what_a_task_sets_is_in_its_own_rewards() -> None:
    job = records.a_job(alert_settings={"O1": {"least_drift": 0.4}}, reward_range=(0, 5))
    assert rules_of(job)[0] == Overfitting(least_drift=0.4)
    assert rules_of(records.a_job(reward_range=(-1, 1)))[0] == Overfitting(least_drift=0.1)
    assert rules_of(records.a_job(reward_range=(0, 1))) == RULES


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"O9": {}}, "no rule called 'O9'; did you mean 'O"),
        ({"O1": {"drift": 0.1}}, "no threshold of O1 called 'drift'; did you mean 'least_drift'"),
        ({"O1": {"least_drift": "wide"}}, "alerts.O1.least_drift is a number from 0 up, not 'wide'"),
        ({"O1": {"least_drift": -1}}, "not -1"),
        ({"O1": {"least_drift": float("nan")}}, "not nan"),
        ({"O1": {"patience": 1.5}}, "alerts.O1.patience is a whole number from 1 up, not 1.5"),
        ({"O1": {"patience": 0}}, "not 0"),
        ({"O1": {"patience": True}}, "not True"),
        ({"O1": 3}, "alerts.O1: give thresholds by name, or false"),
    ],
)
def test_what_is_not_a_setting_is_refused_in_words(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest, match=r"alerts") as refused:
        changed_rules(changes)
    assert said in str(refused.value)


def test_a_jobs_record_gives_the_facts() -> None:
    request = records.a_request(hyperparameters=Hyperparameters(batch_size=8, eval_samples=3))
    job = records.a_job(request=request, started_at=50.0)
    facts = facts_of(replace(job, heard_at=70.0, held_out_graders=("checked",)), now=100.0)
    assert (facts.train_items, facts.batch_size, facts.valid_items, facts.eval_samples) == (100, 8, 50, 3)
    assert (facts.reward, facts.training, facts.now, facts.heard_at) == ("f1", True, 100.0, 70.0)
    assert facts_of(records.a_job(batch_size=16, request=request)).batch_size == 16
    assert not facts_of(records.a_job(platform_status="queued")).training
    assert not facts_of(records.a_job(state=JobState.PAUSED)).training
    assert facts_of(records.a_job(started_at=None)).heard_at is None


def test_a_job_carries_the_thresholds_of_its_task() -> None:
    job = records.a_job()
    assert rules_of(job) == RULES
    changed = replace(job, alert_settings={"O1": {"patience": 4}, "C": False})
    rules = rules_of(changed)
    assert rules[0] == Overfitting(patience=4)
    assert {rule.code for rule in RULES} - {rule.code for rule in rules} == {"C"}
    assert rules_of(replace(changed, last_step=9)) is rules


def test_settings_of_another_version_are_left_out_and_the_rest_stands() -> None:
    job = replace(records.a_job(), alert_settings={"O1": {"patience": 4}, "X9": {"size": 1}, "O2": {"unheard": 2}})
    assert rules_of(job) == (Overfitting(patience=4), *RULES[1:])


@pytest.mark.parametrize("number", [0, 1, 1000])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_no_threshold_that_is_let_through_breaks_a_rule(rule: Rule, number: int) -> None:
    names = [field.name for field in fields(rule) if isinstance(field.default, int | float)]
    for name in names:
        whole = isinstance(getattr(rule, name), int)
        (changed,) = (r for r in changed_rules({rule.code: {name: number or int(whole)}}) if r.code == rule.code)
        for series in JOBS:
            inputs = RuleInputs(series, FACTS)
            for alert in changed.alerts(inputs):
                assert changed.why(alert.level, alert.values)
            changed.picture(inputs)


def test_a_silent_job_stalls_by_its_record_and_is_over_it_with_any_event() -> None:
    job = replace(records.a_job(started_at=0.0), heard_at=1000.0)
    series = a_series(last=10)

    def stalled(now: float, heard_at: float | None = 1000.0) -> list[tuple[str, int]]:
        facts = facts_of(replace(job, heard_at=heard_at), now=now)
        return [(a.rule, a.step) for a in evaluate(series, facts, rules_of(job)) if a.rule == "Z"]

    assert stalled(2800.0) == []
    assert stalled(2801.0) == stalled(9000.0) == [("Z", 10)]
    assert stalled(2801.0, heard_at=2000.0) == []
    assert stalled(2801.0, heard_at=None) == [("Z", 10)]
    longer = a_series(last=11)
    assert evaluate(longer, facts_of(replace(job, heard_at=2801.0), now=2802.0)) == ()
