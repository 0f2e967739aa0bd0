"""What the rules say of a job: warnings, notes, what they cannot see; and why an alert was raised."""

from collections.abc import Sequence
from dataclasses import dataclass

from charts import TracePanel
from jobs.core.errors import NotFound
from jobs.core.records import RaisedAlert
from jobs.core.series import Series
from jobs.rules.alert import Level
from jobs.rules.formula import Values
from jobs.rules.inputs import RuleInputs
from jobs.rules.job_facts import JobFacts
from jobs.rules.rule import Rule
from jobs.rules.settings import RULES


@dataclass(frozen=True, slots=True)
class Trace:
    """What a rule looks at on one job, to be drawn as `charts.RuleTrace`.

    Args:
        panels: one for each of its conditions.
        fired: steps at which its alerts were raised.
        cleared: steps at which they were over.
    """

    panels: tuple[TracePanel, ...]
    fired: tuple[int, ...]
    cleared: tuple[int, ...]


def evaluate(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[RaisedAlert, ...]:
    """Return every warning the rules have raised on `series` so far, open and cleared, by step and rule.

    On a longer series the same alerts come back, with the same steps, texts and values, and perhaps new ones after
    them; so whoever announces an alert announces each `(rule, step)` once, however often it looks. Only a stall (rule
    Z) does not come back once a step has ended it. Notes are left out: they call for nobody's attention.
    """
    return _alerts(series, facts, [rule for rule in rules if rule.level != "info"])


def notes(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[RaisedAlert, ...]:
    """Return what is worth knowing about a job and calls for nobody, open and cleared, by step and rule."""
    return _alerts(series, facts, [rule for rule in rules if rule.level == "info"])


def blind(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[tuple[str, str], ...]:
    """Return (rule, reason) of every rule whose inputs this job does not have, by code and title; () before step 1."""
    if not series.steps:
        return ()
    inputs = RuleInputs(series, facts)
    reasons = ((f"{rule.code} {rule.title}", rule.blind(inputs)) for rule in rules)
    return tuple((name, reason) for name, reason in reasons if reason is not None)


def why(code: str, level: Level, values: Values) -> str:
    """Return why an alert was raised: its rule's formula in letters, then with the alert's numbers; six lines at most.

    Args:
        code: the rule of the alert ("O1").
        level: the alert's.
        values: the alert's, whenever it was raised.

    Raises:
        NotFound: there is no such rule.
    """
    rule = _of_code(code, RULES)
    if rule is None:
        raise NotFound(f"There is no rule {code}; rules are {', '.join(known.code for known in RULES)}.")
    return rule.why(level, values)


def trace(code: str, series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> Trace | None:
    """Return what a rule looks at on `series` and where it fired.

    None if `rules` have no such rule, or the platform does not send what it looks at.
    """
    rule, inputs = _of_code(code, rules), RuleInputs(series, facts)
    panels = rule.picture(inputs) if rule else ()
    if rule is None or not panels:
        return None
    alerts = rule.alerts(inputs)
    cleared = tuple(alert.cleared for alert in alerts if alert.cleared is not None)
    return Trace(panels, tuple(alert.step for alert in alerts), cleared)


def _of_code(code: str, rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.code == code), None)


def _alerts(series: Series, facts: JobFacts, rules: Sequence[Rule]) -> tuple[RaisedAlert, ...]:
    inputs = RuleInputs(series, facts)
    found = (alert for rule in rules for alert in rule.alerts(inputs))
    return tuple(sorted(found, key=lambda alert: (alert.step, alert.rule)))
