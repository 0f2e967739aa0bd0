"""Which alerts a job carries after a look: those that are new, those that are over, and which of them people hear of.

Values in, values out. A rule has one open alert on a job at most; an alert is known by its rule and its step, so that
looking twice raises nothing twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.records import Job, RaisedAlert
from jobs.core.series import Series
from jobs.rules.evaluate import evaluate
from jobs.rules.job_facts import facts_of
from jobs.rules.settings import RULES, rules_of

WORSE_FORM_OF: Final[Mapping[str, str]] = {"O2": "O1", "L2": "L1"}
"""Rules that say louder what another has said."""
TITLES: Final[Mapping[str, str]] = {rule.code: rule.title for rule in RULES}


@dataclass(frozen=True, slots=True)
class Alerts:
    """A job's alerts after a look.

    Args:
        carried: all of them, those known before first and in their old order.
        raised: places in `carried` of the new ones that get a message.
        changed: places of those that are over now and were not before, or open again: a silence may come twice.
        recovered: of these, the ones whose end is good news: not where the trouble only grew worse or the job ended.
    """

    carried: tuple[RaisedAlert, ...] = ()
    raised: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    recovered: tuple[int, ...] = ()


def alerts_of(job: Job, series: Series, now: float, *, past: bool = False) -> Alerts:
    """Return the alerts that a job carries now.

    Of one trouble in two forms only the worse is told when both come at the same look; where the milder one was told
    before, the worse follows it. While the worse one is open, the milder one is not raised.

    Args:
        job: with the alerts known so far.
        series: everything known of its steps.
        now: unix seconds.
        past: whether these are alerts from before anybody asked to watch: carried, and told in another way.
    """
    found = evaluate(series, facts_of(job, now), rules_of(job))
    kept = tuple(_now(alert, found, job.last_step) for alert in job.alerts)
    fresh = [alert for alert in found if _is_new(alert, kept)]
    if past:
        return Alerts((*kept, *(replace(alert, notified=False) for alert in fresh)))
    fresh = [alert for alert in fresh if not _covered(alert, [*kept, *fresh])]
    carried = (*kept, *(replace(alert, notified=not became_worse(alert, [*kept, *fresh])) for alert in fresh))
    changed = tuple(n for n, alert in enumerate(kept) if (job.alerts[n].cleared is None) != (alert.cleared is None))
    return Alerts(
        carried,
        raised=tuple(n for n in range(len(kept), len(carried)) if carried[n].notified),
        changed=changed,
        recovered=tuple(n for n in changed if _is_good_news(carried[n], job, carried, found)),
    )


def became_worse(alert: RaisedAlert, others: Iterable[RaisedAlert]) -> bool:
    """Tell whether an alert is over only because one of the `others` on its job, a worse one, has taken its place."""
    return alert.cleared is not None and any(_replaces(other, alert, alert.cleared) for other in others)


def open_alerts(job: Job) -> tuple[RaisedAlert, ...]:
    """Return a job's open alerts, the worst first, among equals the newest."""
    still = [alert for alert in job.alerts if alert.cleared is None]
    return tuple(sorted(still, key=lambda alert: (alert.level == "critical", alert.step), reverse=True))


def _now(alert: RaisedAlert, found: Iterable[RaisedAlert], last_step: int) -> RaisedAlert:
    """Return an alert as the rules see it now; one they see no more (a silence that ended) is over."""
    same_rule = [other for other in found if other.rule == alert.rule]
    same = next((other for other in same_rule if other.step == alert.step), None)
    if same is not None:
        return replace(alert, cleared=same.cleared)
    # A step that came late may have moved the edge: the alert is the same one.
    if alert.cleared is not None or any(other.cleared is None for other in same_rule):
        return alert
    return replace(alert, cleared=max(last_step, alert.step))


def _is_new(alert: RaisedAlert, kept: Sequence[RaisedAlert]) -> bool:
    same_rule = [known for known in kept if known.rule == alert.rule]
    if any(known.cleared is None for known in same_rule):
        return False
    return alert.step > max((known.step for known in same_rule), default=-1)


def _covered(alert: RaisedAlert, others: Iterable[RaisedAlert]) -> bool:
    """Tell whether a worse form of an open alert is open too: it says all there is to say."""
    return alert.cleared is None and any(
        other.cleared is None and WORSE_FORM_OF.get(other.rule) == alert.rule for other in others
    )


def _replaces(worse: RaisedAlert, alert: RaisedAlert, cleared: int) -> bool:
    """Tell whether one alert took the place of another that was over at step `cleared`."""
    if worse.rule == alert.rule:
        return worse.level == "critical" and alert.level == "warn" and worse.step == cleared
    overlaps = worse.step <= cleared and (worse.cleared is None or worse.cleared >= alert.step)
    return WORSE_FORM_OF.get(worse.rule) == alert.rule and overlaps


def _is_good_news(alert: RaisedAlert, job: Job, carried: Sequence[RaisedAlert], found: Iterable[RaisedAlert]) -> bool:
    if alert.cleared is None:
        return False
    if any(other.rule == alert.rule and became_worse(alert, [other]) for other in carried):
        return False
    seen = any((other.rule, other.step) == (alert.rule, alert.step) for other in found)
    return seen or not job.state.is_final
