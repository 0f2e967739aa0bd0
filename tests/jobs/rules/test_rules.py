"""What holds for every rule: one alert is the same alert whenever it is computed, and says what a person can act on."""

import random
from itertools import pairwise

import pytest

from jobs.core.series import Series
from jobs.rules import RULES, JobFacts, Rule, RuleInputs, blind, evaluate, notes
from tests.jobs.rules.made_up_jobs import FACTS, a_series, between, from_step, restless
from tests.jobs.rules.simulated_jobs import KINDS, simulate

BY_ID = {rule.code: rule for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_an_alert_is_the_same_on_every_longer_series(rule: Rule) -> None:
    facts = JobFacts(80, 16, 50, 3, "reward", ("checked",))
    fired = 0
    for seed in range(4):
        series = restless(seed)
        whole = rule.alerts(RuleInputs(series, facts))
        fired += len(whole)
        for end in range(0, len(series.steps) + 1, 11):
            seen = rule.alerts(RuleInputs(Series(series.steps[:end]), facts))
            known = [alert for alert in whole if alert.step < end]
            assert [(a.step, a.text, a.values, a.level) for a in seen] == [
                (a.step, a.text, a.values, a.level) for a in known
            ]
    assert fired or rule.code in {"Z", "E"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_one_alert_of_a_rule_is_open_at_most(rule: Rule) -> None:
    facts = JobFacts(80, 16, 50, 3, "reward", ("checked",))
    for seed in range(6):
        for earlier, later in pairwise(rule.alerts(RuleInputs(restless(seed), facts))):
            assert earlier.cleared is not None
            assert earlier.step < earlier.cleared <= later.step


def test_every_text_has_three_lines_and_says_what_to_do() -> None:
    facts = JobFacts(80, 16, 50, 3, "reward", ("checked",))
    made = [(restless(seed), facts) for seed in range(4)]
    made += [(simulate(plan, 1), plan.facts) for plan in KINDS.values()]
    for series, known in made:
        for alert in (*evaluate(series, known), *notes(series, known)):
            lines = alert.text.splitlines()
            assert len(lines) == 3
            assert lines[2].startswith("Next: ")
            assert all(len(line) < 260 and line.endswith(".") and "!" not in line for line in lines)
            assert any(character.isdigit() for character in lines[0])


def test_every_rule_has_its_own_id_and_title() -> None:
    assert len(BY_ID) == len({rule.title for rule in RULES}) == len(RULES) == 20


def test_notes_are_not_among_the_warnings() -> None:
    plan = KINDS["saturated"]
    series = simulate(plan, 0)
    assert evaluate(series, plan.facts) == ()
    assert {note.rule for note in notes(series, plan.facts)} >= {"P", "K1"}
    assert all(note.level == "info" for note in notes(series, plan.facts))


def test_rules_without_their_inputs_say_so_and_nothing_else() -> None:
    bare = a_series(lambda step: 0.4 + step / 100)
    reasons = dict(blind(bare, FACTS))
    assert reasons["E entropy used up"] == "The platform sends no entropy."
    assert reasons["L1 longer answers, no gain"] == "The platform sends no token counts."
    assert reasons["G2 grader breaks"] == "The platform sends no error figures of graders."
    assert reasons["H2 held-out grader falls"] == "No held-out grader is reported."
    assert "O1 overfitting" not in reasons
    assert "C collapse" not in reasons
    assert dict(blind(bare, JobFacts(None, None))) == reasons
    assert blind(Series(), FACTS) == ()
    for name in reasons:
        if not name.startswith("N "):
            assert BY_ID[name.split()[0]].alerts(RuleInputs(bare, FACTS)) == ()


def test_nothing_is_blind_where_everything_is_sent() -> None:
    facts = JobFacts(80, 16, 50, 3, "reward", ("checked",), now=0.0)
    assert blind(restless(0), facts) == ()


def test_a_platform_that_sends_train_rewards_alone_is_watched_all_the_same() -> None:
    noise = random.Random(1)
    series = a_series(lambda step: from_step(40, 0.6, 0.1)(step) + noise.gauss(0, 0.02))
    rewards = Series(tuple(step.__class__(step.step, train_reward=step.train_reward) for step in series.steps))
    assert [alert.rule for alert in evaluate(rewards, JobFacts(None, None))] == ["C"]


def test_a_healthy_made_up_job_gets_nothing() -> None:
    rising = between(0.3, 0.8, 0, 60)
    series = a_series(rising, rising, tokens=lambda step: 400 + step, errors={"sample_parse_error": lambda _: 0.01})
    assert evaluate(series, FACTS) == ()
