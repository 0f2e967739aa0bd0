"""Rules that read a job's series and warn. To add one: write a class like `Overfitting`, and name it in `RULES`."""

from collections.abc import Sequence

from jobs.alerts.alert import Alert, JobFacts, Level, Rule
from jobs.alerts.job_facts import facts_of
from jobs.alerts.rules import RULES
from jobs.alerts.settings import AlertSettings
from jobs.series import Series


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


def _all(series: Series, facts: JobFacts, rules: Sequence[Rule]) -> tuple[Alert, ...]:
    found = (alert for rule in rules for alert in rule.alerts(series, facts))
    return tuple(sorted(found, key=lambda alert: (alert.step, alert.rule)))


__all__ = ["RULES", "Alert", "AlertSettings", "JobFacts", "Level", "Rule", "blind", "evaluate", "facts_of", "notes"]
