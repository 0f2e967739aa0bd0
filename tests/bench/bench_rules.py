"""How good the rules are: false alarms and detections on simulated jobs of known truth, compared with naive rules.

`python -m tests.bench.bench_rules [jobs] [overfitting]` prints a readable table; a job counts once a rule fired on it.
With `overfitting` it is that of rules O1 and O2, before and now, with the median step at which they fire.
"""

import asyncio
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median, variance

from jobs.core.records import RaisedAlert
from jobs.core.series import Series
from jobs.evals.stats.intervals import wilson_interval
from jobs.rules import RULES, JobFacts, RuleInputs
from jobs.rules.curves import usable
from jobs.rules.gap import _differences
from jobs.rules.noise import running_noise
from jobs.rules.overfitting import Overfitting, SevereOverfitting
from tests.jobs.rules.simulated_jobs import (
    HEALTHY_PLANS,
    KINDS,
    LONG_EPOCHS,
    MANY_EVALS_HEALTHY,
    MANY_EVALS_OVERFIT,
    ORDINARY_GAP,
    OVERFIT_PLANS,
    Plan,
    simulate,
)

JOBS = 500
O1_JOBS = 200
QUICK_JOBS = 40
O1_PLANS = {
    **HEALTHY_PLANS,
    **MANY_EVALS_HEALTHY,
    "ordinary gap": ORDINARY_GAP,
    **OVERFIT_PLANS,
    **LONG_EPOCHS,
    **MANY_EVALS_OVERFIT,
}
"""More kinds of job, on which rules O1 and O2 alone are tried."""
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


@dataclass(frozen=True, slots=True)
class Found:
    """When each of rules O1 and O2 first fired on the jobs of a kind; None where one did not."""

    steps: Mapping[str, Sequence[int | None]]

    def fired(self, rule: str) -> int:
        return sum(step is not None for step in self.steps[rule])

    def percent(self, rule: str) -> float:
        return 100 * self.fired(rule) / len(self.steps[rule])

    def step(self, rule: str) -> float | None:
        fired = [step for step in self.steps[rule] if step is not None]
        return median(fired) if fired else None


def overfitting_found(plan: Plan, jobs: int) -> dict[str, Found]:
    """Return what O1 and O2 find: `now`, `auto` (now, with everything left to the platform) and `before`.

    Before, a best was the highest single evaluation, and an error that of 18 evaluations, however many there were.
    """
    rules, facts = (Overfitting(), SevereOverfitting()), replace(plan.facts, total_steps=plan.steps)
    found: dict[str, dict[str, list[int | None]]] = {name: {"O1": [], "O2": []} for name in ("now", "auto", "before")}
    for seed in range(jobs):
        series = simulate(plan, seed)
        for name, known in (("now", facts), ("auto", JobFacts(None, None))):
            inputs = RuleInputs(series, known)
            for rule in rules:
                alerts = rule.alerts(inputs)
                found[name][rule.code].append(alerts[0].step if alerts else None)
        for code, step in of_single_bests(series, facts).items():
            found["before"][code].append(step)
    return {name: Found(steps) for name, steps in found.items()}


def overfitting(jobs: int) -> dict[str, float]:
    """Return, in percent of the jobs of a kind, how often rules O1 and O2 fire, and the median step; see above."""
    figures: dict[str, float] = {"rules.O1.jobs_per_plan": jobs}
    for kind, plan in O1_PLANS.items():
        for name, found in overfitting_found(plan, jobs).items():
            for rule in ("O1", "O2"):
                called = f"rules.{rule}.plan.{kind.replace(' ', '_')}.{name}"
                figures[f"{called}_percent"] = round(found.percent(rule), 2)
                if (step := found.step(rule)) is not None:
                    figures[f"{called}_step"] = step
        alerts = [Overfitting().alerts(RuleInputs(simulate(plan, seed), plan.facts)) for seed in range(jobs)]
        flickers = sum(_flickers(each, plan) for each in alerts)
        figures[f"rules.O1.plan.{kind.replace(' ', '_')}.flickers_percent"] = round(100 * flickers / jobs, 2)
    return figures


def of_single_bests(series: Series, facts: JobFacts) -> dict[str, int | None]:
    """Return the steps at which the rules of before would have fired, on single evaluations and fixed windows."""
    epoch = facts.epoch_steps or 10
    whole, window = epoch <= 30, epoch if epoch <= 30 else 20
    aligned = _differences(usable(series.train), usable(series.valid))
    noises = running_noise(valid for _, valid in series.valid)
    best, stale, last, gaps = -math.inf, 0, 0.0, list[float]()
    held: dict[str, list[tuple[int, bool]]] = {"O1": [], "O2": []}
    for (step, valid), noise in zip(series.valid, noises, strict=True):
        recent, last = (last + valid) / 2, valid
        best, stale = (valid, 0) if valid > best + max(0.01, noise) else (best, stale + 1)
        seen = [gap for s, gap in aligned if step - window < s <= step]
        if aligned[0][0] > step - window + 1 or 2 * len(seen) < window:
            continue
        gaps.append(fmean(seen))
        if len(gaps) < 3:
            continue
        spread = (0.5 if whole else 0.75) * math.sqrt(variance(seen[-max(window, 4) :]) / len(seen))
        drift, error = gaps[-1] - median(gaps[:3]), math.sqrt(1.5 * (noise**2 + spread**2))
        drifted, wide = drift > max(0.05, 2.5 * error), drift > max(0.10, 3 * error)
        fallen = recent < best - max(0.03, 2.5 * noise)
        held["O1"].append((step, drifted and stale >= 2))
        held["O2"].append((step, (wide and stale >= 3) or (drifted and fallen)))
    return {
        code: next((step for (_, one), (step, two) in pairwise(signs) if one and two), None)
        for code, signs in held.items()
    }


def side_by_side(jobs: int) -> str:
    """Return a row for each kind of job: O1 and O2 before, now, and now with everything left to the platform."""
    lines = [
        f"{'':42}" + "".join(f"{f'{rule} {name}':>16}" for rule in ("O1", "O2") for name in ("before", "now", "auto"))
    ]
    for kind, plan in O1_PLANS.items():
        found = overfitting_found(plan, jobs)
        cells = [
            f"{found[name].percent(rule):5.1f}% ({found[name].step(rule) or '-':>5})"
            for rule in ("O1", "O2")
            for name in ("before", "now", "auto")
        ]
        lines.append(f"{kind:42}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines) + "\n"


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
    count = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    sys.stdout.write(side_by_side(count) if "overfitting" in sys.argv else table(asyncio.run(measured(count))))
