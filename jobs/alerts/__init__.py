"""Rules that read a job's series and warn. To add one: write a class like `Overfitting`, and name it in `RULES`."""

from collections.abc import Sequence

from jobs.alerts.alert import Alert, JobFacts, Level, Rule
from jobs.alerts.overfitting import Overfitting
from jobs.series import Series

RULES: tuple[Rule, ...] = (Overfitting(),)


def evaluate(series: Series, facts: JobFacts, rules: Sequence[Rule] = RULES) -> tuple[Alert, ...]:
    """Return every alert the rules have raised on `series` so far, open and cleared, by step and rule.

    On a longer series the same alerts come back, with the same steps, texts and values, and perhaps new ones after
    them; so whoever announces an alert announces each `(rule, step)` once, however often it looks.
    """
    raised = (alert for rule in rules for alert in rule.alerts(series, facts))
    return tuple(sorted(raised, key=lambda alert: (alert.step, alert.rule)))


__all__ = ["RULES", "Alert", "JobFacts", "Level", "Rule", "evaluate"]
