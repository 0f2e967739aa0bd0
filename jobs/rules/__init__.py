"""Rules that read a job's series and warn. To add one: write a class like `Overfitting`, and name it in `RULES`."""

from collections.abc import Sequence

from jobs.core.errors import NotFound
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Rule
from jobs.rules.job_facts import facts_of, rules_of
from jobs.rules.reasons import Values
from jobs.rules.rules import RULES
from jobs.rules.settings import DEFAULT_ALERTS, AlertSettings
from jobs.rules.tracing import Trace


def evaluate(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[Alert, ...]:
    """Return every warning the rules have raised on `series` so far, open and cleared, by step and rule.

    On a longer series the same alerts come back, with the same steps, texts and values, and perhaps new ones after
    them; so whoever announces an alert announces each `(rule, step)` once, however often it looks. Only a stall (rule
    Z) does not come back once a step has ended it. Notes are left out: they call for nobody's attention.
    """
    return _all(series, facts, [rule for rule in rules if rule.level != "info"])


def notes(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[Alert, ...]:
    """Return what is worth knowing about a job and calls for nobody, open and cleared, by step and rule."""
    return _all(series, facts, [rule for rule in rules if rule.level == "info"])


def blind(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[tuple[str, str], ...]:
    """Return (rule, reason) of every rule whose inputs this job does not have, by id and title; () before step 1."""
    if not series.steps:
        return ()
    reasons = ((f"{rule.rule} {rule.title}", rule.blind(series, facts)) for rule in rules)
    return tuple((name, reason) for name, reason in reasons if reason is not None)


def why(rule_id: str, values: Values) -> str:
    """Return why an alert was raised: its rule's formula in letters, then with the alert's numbers; six lines at most.

    Args:
        rule_id: the rule of the alert ("O1").
        values: the alert's values, whenever it was raised.

    Raises:
        NotFound: where there is no such rule.
    """
    rule = next((rule for rule in RULES if rule.rule == rule_id), None)
    if rule is None:
        raise NotFound(f"There is no rule {rule_id}; rules are {', '.join(known.rule for known in RULES)}.")
    return rule.why(values)


def trace(rule_id: str, series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> Trace | None:
    """Return what a rule looks at on `series` and where it fired, to be drawn as `charts.RuleTrace`.

    None where `rules` have no such rule, or the platform does not send what it looks at.
    """
    rule = next((rule for rule in rules if rule.rule == rule_id), None)
    panels = () if rule is None else rule.panels(series, facts)
    if rule is None or not any(line.points for panel in panels for line in panel.lines):
        return None
    alerts = rule.alerts(series, facts)
    cleared = tuple(alert.cleared for alert in alerts if alert.cleared is not None)
    return Trace(panels, tuple(alert.step for alert in alerts), cleared)


def _all(series: Series, facts: JobFacts, rules: Sequence[Rule]) -> tuple[Alert, ...]:
    found = (alert for rule in rules for alert in rule.alerts(series, facts))
    return tuple(sorted(found, key=lambda alert: (alert.step, alert.rule)))


__all__ = [
    "DEFAULT_ALERTS",
    "RULES",
    "Alert",
    "AlertSettings",
    "JobFacts",
    "Level",
    "Rule",
    "Trace",
    "blind",
    "evaluate",
    "facts_of",
    "notes",
    "rules_of",
    "trace",
    "why",
]
