"""Why an alert was raised: the formula in letters and numbers, and what the picture of it shows."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from jobs.core.errors import NotFound
from jobs.core.records import RaisedAlert
from jobs.core.series import Series
from jobs.rules import RULES, JobFacts, Rule, RuleInputs, trace, why
from jobs.rules.formula import NOT_KEPT, explained, without_negative_zero
from jobs.rules.length import Truncation
from jobs.rules.overfitting import Overfitting, SevereOverfitting
from tests.jobs.rules.made_up_jobs import FACTS, a_series, between, from_step, restless

SHADOWED = JobFacts(80, 16, 50, 3, "reward", ("checked",))
RISING, FLAT = between(0.3, 0.8, 0, 60), between(0.4, 0.4, 0, 1)
TAIL = re.compile(
    r",? (?:at|after|over) (?:each of |the last )?\d+(?: epochs)?(?: (?:steps|evaluations))?(?: in a row)?"
)
RESULT = re.compile(r" = -?[\d.,]+(?: s)?(?= |,|$|\))")


def dipping(step: int) -> float:
    return 0.3 + 0.2 * min(step, 20) / 20 - 0.005 * max(0, step - 20)


def made() -> Iterator[tuple[Series, JobFacts]]:
    """Jobs on which, between them, every rule fires in each of its forms."""
    yield from ((restless(seed), SHADOWED) for seed in range(6))
    yield a_series(RISING, dipping), FACTS
    yield a_series(RISING, lambda step: min(RISING(step), 0.4)), FACTS
    yield a_series(FLAT, FLAT, tokens=between(400, 700, 0, 60)), FACTS
    yield a_series(lambda _: 0.0), FACTS
    yield a_series(RISING, FLAT, entropy=between(2.0, 0.1, 0, 30)), FACTS
    yield a_series(broken_from=7), FACTS
    for share in (0.6, 0.9):
        yield a_series(FLAT, zero_std_share=from_step(0, 0, share)), FACTS
        yield a_series(clipped_share=from_step(20, 0.0, share)), FACTS
    yield a_series(clipped_share=from_step(20, 0.0, 0.2)), FACTS
    yield a_series(errors={"sample_parse_error": from_step(30, 0.1, 0.3)}), FACTS
    yield a_series(between(0.8, 0.4, 20, 60), tokens=between(400, 1000, 0, 60)), FACTS
    yield a_series(), replace(FACTS, now=60.0 * 60 + 1801)
    yield Series(), replace(FACTS, now=5000.0, heard_at=1000.0)


INPUTS = [RuleInputs(series, facts) for series, facts in made()]


@cache
def alerts_of(rule: Rule) -> list[RaisedAlert]:
    return [alert for inputs in INPUTS for alert in rule.alerts(inputs)]


def arithmetic(line: str) -> str:
    """The line with numbers as Python would write it, without the results it spells out."""
    bare = RESULT.sub("", TAIL.sub("", line.replace("\u2009", "")))
    bare = re.sub(r"\|([^|]+)\|", r"abs(\1)", bare)
    return re.sub(r"(?<=\d),(?=\d{3})", "", bare).replace(" x ", " * ").replace(" s", "")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_formula_is_told_in_letters_and_with_the_alerts_numbers(rule: Rule) -> None:
    alerts = alerts_of(rule)
    assert alerts
    for alert in alerts:
        lines = why(rule.code, alert.level, alert.values).splitlines()
        assert 2 <= len(lines) <= 6
        assert NOT_KEPT not in lines
        assert all("{" not in line and "nan" not in line and len(line) < 240 for line in lines)
        assert any(character.isdigit() for character in lines[1])


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.code != "Z"], ids=lambda rule: rule.code)
def test_the_formula_holds_with_its_numbers(rule: Rule) -> None:
    held = 0
    for alert in alerts_of(rule):
        line = why(rule.code, alert.level, alert.values).splitlines()[1]
        if ">" not in line and "<" not in line:
            continue
        sides = arithmetic(line)
        assert not re.search(r"[a-z]{2,}", re.sub(r"\b(max|abs|and|or)\b", "", sides)), sides
        held += 1
        assert eval(sides, {"max": max, "abs": abs}), (line, sides)  # noqa: S307 - our own text
    assert held


def test_each_form_of_a_rule_tells_itself() -> None:
    first = {rule.code: {why(rule.code, a.level, a.values).splitlines()[0] for a in alerts_of(rule)} for rule in RULES}
    forms = {name: len(lines) for name, lines in first.items() if len(lines) > 1}
    assert forms == {"O2": 2, "N": 3, "L2": 2, "L3": 3, "C": 2, "G1": 2, "Z": 2}


def test_the_thresholds_are_those_the_alert_was_raised_with() -> None:
    series = a_series(RISING, dipping)
    (alert,) = SevereOverfitting(patience=2).alerts(RuleInputs(series, FACTS))
    assert alert.values["patience"] == 2
    (alert,) = Overfitting(least_drift=0.07).alerts(RuleInputs(series, FACTS))
    assert "> max(0.07, (2.75 + 0.00) x 0." in why("O1", "warn", alert.values)


def test_an_alert_from_before_thresholds_were_kept_was_raised_with_the_defaults() -> None:
    kept = {"drift": 0.18, "error": 0.014, "threshold": 0.05, "stale": 4.0, "gap": 0.2, "gap_start": 0.02}
    lines = why("O1", "warn", kept | {"best": 0.5, "best_step": 10.0}).splitlines()
    assert lines[:2] == [
        "D > max(least_drift, (errors + l) x SE) and n >= max(patience, m), at in_row evaluations in a row",
        "0.180 > max(0.05, (2.75 + 0.00) x 0.014) = 0.050 and 4 >= max(2, 2), at 2 evaluations in a row",
    ]
    assert why("B", "info", {"precision": 0.8}).splitlines() == [
        "|P - R| > most_apart, at in_row evaluations in a row",
        NOT_KEPT,
    ]


def test_a_rule_that_there_is_not_is_not_found() -> None:
    with pytest.raises(NotFound, match="There is no rule O9; rules are O1, O2"):
        why("O9", "warn", {})
    assert trace("O9", restless(0), SHADOWED) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_picture_has_what_the_rule_looks_at_and_where_it_fired(rule: Rule) -> None:
    told = 0
    for series, facts in made():
        found = trace(rule.code, series, facts)
        alerts = rule.alerts(RuleInputs(series, facts))
        if found is None:
            assert not alerts or rule.code in {"C", "Z"}
            continue
        told += 1
        assert found.fired == tuple(alert.step for alert in alerts)
        assert set(found.cleared) == {alert.cleared for alert in alerts} - {None}
        assert 1 <= len(found.panels) <= 2
        for panel in found.panels:
            assert 1 <= len(panel.lines) <= 4
            assert len(panel.thresholds) <= 3
    assert told


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_job_without_steps_has_no_picture(rule: Rule) -> None:
    assert trace(rule.code, Series(), JobFacts(None, None)) is None


def test_the_alert_stands_where_the_figure_crosses_its_threshold() -> None:
    found = trace("O1", a_series(RISING, dipping), FACTS)
    assert found is not None
    drift, valid = found.panels
    values, held = dict(drift.lines[0].points), drift.thresholds[0].at
    assert isinstance(held, tuple)
    fired = found.fired[0]
    assert values[fired] > dict(held)[fired]
    assert valid.thresholds[0].name == "its best beyond noise"


def test_thresholds_of_a_task_are_in_the_picture() -> None:
    series = a_series(clipped_share=from_step(20, 0.0, 0.2))
    found = trace("L3", series, FACTS, (Truncation(much=0.15),))
    assert found is not None
    assert [held.at for held in found.panels[0].thresholds] == [0.15, 0.5, 0.9]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_an_alert_without_its_numbers_is_still_explained(rule: Rule) -> None:
    assert why(rule.code, rule.level, {}).splitlines()[1] == NOT_KEPT


def test_what_is_written_as_nothing_has_no_sign() -> None:
    assert without_negative_zero("the gap grew from -0.00 to 0.09") == "the gap grew from 0.00 to 0.09"
    assert without_negative_zero("from -0.004 by -0.05 to -0") == "from -0.004 by -0.05 to 0"


def test_a_formula_is_written_in_letters_and_in_numbers_from_one_template() -> None:
    template = (
        "D{drift:.2f} > max({least}, [T - T1]{gain:.3f}) = {limit:.2f} at {steps} steps\nD: the drift, {drift:.1f}."
    )
    values = {"drift": 0.25, "least": 0.05, "gain": 0.125, "limit": 0.125, "steps": 3.0}
    assert explained(template, values).splitlines() == [
        "D > max(least, T - T1) at steps steps",
        "0.25 > max(0.05, 0.125) = 0.12 at 3 steps",
        "D: the drift, 0.2.",
    ]
    assert explained(template, {"least": 0.05}).splitlines()[1:] == [NOT_KEPT]
    assert (
        explained("{least} - c{change:.1f} < 1", {"least": 0.5, "change": -2.0}).splitlines()[1] == "0.5 - (-2.0) < 1"
    )
