"""How good the rules are: false alarms and detections on simulated jobs of known truth, compared with naive rules.

`python -m tests.bench.bench_rules` prints a readable table; a job counts once a rule fired on it at all.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from jobs.core.records import RaisedAlert
from jobs.core.series import Series
from jobs.evals.stats.intervals import wilson_interval
from jobs.rules import RULES, RuleInputs
from jobs.rules.overfitting import Overfitting
from tests.jobs.rules.simulated_jobs import HEALTHY_PLANS, KINDS, ORDINARY_GAP, OVERFIT_PLANS, Plan, simulate

JOBS = 500
O1_JOBS = 200
QUICK_JOBS = 40
O1_PLANS = {**HEALTHY_PLANS, "ordinary gap": ORDINARY_GAP, **OVERFIT_PLANS}
"""More kinds of job, on which rule O1 alone is tried."""
SIMULATED = ("O1", "O2", "O0", "P", "N", "N2", "H1", "H2", "L1", "L2", "L4", "C", "B", "K1")
"""Rules whose inputs the simulated jobs have; the others wait for one figure and are tried in the tests."""
OF_INTEREST = {
    "O1": tuple(KINDS),
    "O2": tuple(KINDS),
    "P": ("healthy", "saturated"),
    "N2": ("healthy", "no learning"),
    "H1": ("healthy", "hacking"),
    "H2": ("healthy", "hacking"),
    "L1": ("healthy", "token blow-up"),
    "L2": ("healthy", "token blow-up"),
    "C": ("healthy", "collapse"),
    "K1": ("healthy", "small noisy validation"),
    "naive_gap_over_.10": ("healthy", "validation harder by .08", "overfit flat"),
    "naive_two_falls": ("healthy", "validation harder by .08", "overfit flat"),
    "naive_patience_4": ("healthy", "validation harder by .08", "overfit flat"),
}
"""The kinds of job whose rates are among the figures; the table has all of them."""
NORMAL_95 = 1.96

Fires = Callable[[Series, Plan], bool]


def gap_once(series: Series, plan: Plan) -> bool:  # noqa: ARG001 - naive rules know the series alone
    """The newest batch's train reward lies more than .10 above validation, once."""
    train = dict(series.train)
    return any(train[step] - valid > 0.10 for step, valid in series.valid if step in train)


def two_falls(series: Series, plan: Plan) -> bool:  # noqa: ARG001 - naive rules know the series alone
    """Validation fell twice running."""
    falls = [after < before for (_, before), (_, after) in pairwise(series.valid)]
    return any(one and other for one, other in pairwise(falls))


def patience_of_four(series: Series, plan: Plan) -> bool:  # noqa: ARG001 - naive rules know the series alone
    """Four evaluations running without a new highest validation reward."""
    best, stale = float("-inf"), 0
    for _, valid in series.valid:
        best, stale = (valid, 0) if valid > best else (best, stale + 1)
        if stale >= 4:
            return True
    return False


def _fires(rule_id: str) -> Fires:
    rule = next(rule for rule in RULES if rule.code == rule_id)
    return lambda series, plan: bool(rule.alerts(RuleInputs(series, plan.facts)))


FIRES: Mapping[str, Fires] = {
    **{rule: _fires(rule) for rule in SIMULATED},
    "naive_gap_over_.10": gap_once,
    "naive_two_falls": two_falls,
    "naive_patience_4": patience_of_four,
}


@dataclass(frozen=True, slots=True)
class Rate:
    """In how many of `jobs` a rule fired, in percent, with the ends of Wilson's 95% interval."""

    fired: int
    jobs: int

    @property
    def percent(self) -> float:
        return 100 * self.fired / self.jobs

    @property
    def interval(self) -> tuple[float, float]:
        interval = wilson_interval(self.fired / self.jobs, self.jobs, NORMAL_95)
        return 100 * interval.low, 100 * interval.high


def rates(plan: Plan, jobs: int) -> dict[str, Rate]:
    """Return how often each rule fires on `jobs` simulated jobs of one kind; the seeds are 0, 1, 2, ..."""
    fired = dict.fromkeys(FIRES, 0)
    for seed in range(jobs):
        series = simulate(plan, seed)
        for name, fires in FIRES.items():
            fired[name] += fires(series, plan)
    return {name: Rate(count, jobs) for name, count in fired.items()}


async def measured(jobs: int = JOBS) -> dict[str, dict[str, Rate]]:
    """Return the rates by kind of job and rule."""
    return {kind: await asyncio.to_thread(rates, plan, jobs) for kind, plan in KINDS.items()}


async def figures(full: bool) -> dict[str, float]:
    """Return, in percent of the jobs of a kind, how often a rule fires, with the interval's ends."""
    jobs = JOBS if full else QUICK_JOBS
    found: dict[str, float] = {"rules.jobs_per_kind": jobs}
    by_kind = await measured(jobs)
    for rule, kinds in OF_INTEREST.items():
        for kind in kinds:
            rate = by_kind[kind][rule]
            name = f"rules.{rule}.{kind.replace(' ', '_')}"
            low, high = rate.interval
            found |= {
                f"{name}_percent": round(rate.percent, 2),
                f"{name}_low": round(low, 2),
                f"{name}_high": round(high, 2),
            }
    return found | await asyncio.to_thread(overfitting, O1_JOBS if full else QUICK_JOBS)


def overfitting(jobs: int) -> dict[str, float]:
    """Return, in percent of the jobs of a kind, how often rule O1 fires, fires again, and fires again at once.

    `auto` names the same where the platform keeps its batch size to itself, and how many steps later it fires.
    """
    found: dict[str, float] = {"rules.O1.jobs_per_plan": jobs}
    for kind, plan in O1_PLANS.items():
        auto = replace(plan.facts, batch_size=None)
        alerts = [
            [Overfitting().alerts(RuleInputs(series, facts)) for facts in (plan.facts, auto)]
            for series in (simulate(plan, seed) for seed in range(jobs))
        ]
        name = f"rules.O1.plan.{kind.replace(' ', '_')}"
        for place, called in enumerate((name, f"{name}.auto")):
            raised = [each[place] for each in alerts]
            found[f"{called}_percent"] = round(100 * sum(map(bool, raised)) / jobs, 2)
            found[f"{called}_again_percent"] = round(100 * sum(len(each) > 1 for each in raised) / jobs, 2)
            found[f"{called}_flickers_percent"] = round(100 * sum(_flickers(each, plan) for each in raised) / jobs, 2)
        later = [auto[0].step - known[0].step for known, auto in alerts if known and auto]
        if later:
            found[f"{name}.auto_steps_later"] = median(later)
    return found


def _flickers(alerts: Sequence[RaisedAlert], plan: Plan) -> bool:
    """Tell whether an alert came back within three evaluations of its end."""
    pairs = pairwise(alerts)
    return any(over.cleared is not None and again.step - over.cleared <= 3 * plan.every for over, again in pairs)


def table(by_kind: Mapping[str, Mapping[str, Rate]]) -> str:
    """Return the rates as text: a row per rule, a block of columns per kind."""
    lines: list[str] = []
    for kind, by_rule in by_kind.items():
        lines.append(f"\n{kind} ({next(iter(by_rule.values())).jobs} jobs)")
        for rule, rate in by_rule.items():
            low, high = rate.interval
            lines.append(f"  {rule:<20} {rate.percent:5.1f}%   ({low:.1f} to {high:.1f})")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(asyncio.run(measured(int(sys.argv[1]) if len(sys.argv) > 1 else JOBS))))
