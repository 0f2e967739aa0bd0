"""Simulated jobs with known truth: what they do on average is drawn up, what is measured of it is noise.

Every item has its own difficulty, every rollout its own luck, batches go through the shuffled training items epoch by
epoch, and an evaluation draws a few samples for each validation item: the noise a real job has, and no other.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from jobs.core.series import GraderFigures, Series, Step
from jobs.rules import JobFacts

Skill = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Plan:
    """One kind of job: the true mean reward after each step on its training items and on others."""

    train: Skill
    valid: Skill
    steps: int = 90
    train_items: int = 100
    valid_items: int = 50
    batch: int = 16
    rollouts: int = 8
    samples: int = 3
    every: int = 5
    parts: Mapping[str, Skill] = field(default_factory=dict, hash=False)
    """The true mean validation score by each grader that is reported besides the reward."""
    held_out_graders: tuple[str, ...] = ()
    tokens: Skill | None = None

    @property
    def facts(self) -> JobFacts:
        return JobFacts(self.train_items, self.batch, self.valid_items, self.samples, "reward", self.held_out_graders)


def rise(start: float, end: float, pace: float) -> Skill:
    return lambda step: end - (end - start) * math.exp(-step / pace)


HEALTHY = rise(0.40, 0.65, 30)


def flat_after(skill: Skill, last: int) -> Skill:
    return lambda step: skill(min(step, last))


def falling_after(skill: Skill, last: int, slope: float) -> Skill:
    return lambda step: skill(min(step, last)) - slope * max(0, step - last)


def shifted(skill: Skill, by: float) -> Skill:
    return lambda step: skill(step) + by


HEALTHY_PLANS = {
    "healthy": Plan(HEALTHY, HEALTHY),
    "validation harder by .08": Plan(HEALTHY, shifted(HEALTHY, -0.08)),
    "no learning": Plan(lambda _: 0.45, lambda _: 0.45),
    "learns within a few steps": Plan(rise(0.16, 0.60, 8), rise(0.16, 0.60, 8)),
    "still rising": Plan(rise(0.30, 0.90, 120), rise(0.30, 0.90, 120)),
    "no headroom": Plan(lambda _: 0.93, lambda _: 0.93),
    "400 items": Plan(rise(0.16, 0.60, 12), rise(0.16, 0.60, 12), train_items=400, steps=100, rollouts=16),
}
ORDINARY_GAP = Plan(HEALTHY, lambda step: HEALTHY(step) - 0.03 * min(1, step / 60))
OVERFIT_PLANS = {
    "validation flat after 20": Plan(rise(0.40, 0.80, 30), flat_after(rise(0.40, 0.80, 30), 20)),
    "validation falls after 30": Plan(rise(0.40, 0.80, 30), falling_after(rise(0.40, 0.80, 30), 30, 0.002)),
    "24 items": Plan(
        rise(0.16, 0.95, 20), flat_after(rise(0.16, 0.60, 15), 20), train_items=24, steps=100, rollouts=16
    ),
}


def on_a_small_split(train: Skill, valid: Skill, steps: int) -> Plan:
    return Plan(train, valid, steps, 60, 25, batch=8, rollouts=4, samples=1, every=2)


def in_batches_of_two(train: Skill, valid: Skill) -> Plan:
    return Plan(train, valid, 400, 180, 60, batch=2, every=2)


LATE, LONG, FAST = rise(0.40, 0.80, 90), rise(0.38, 0.80, 130), rise(0.40, 0.90, 60)
MANY_EVALS_HEALTHY = {
    "60 evaluations": Plan(rise(0.40, 0.65, 90), rise(0.40, 0.65, 90), steps=300),
    "60 of a small split": Plan(lambda _: 0.5, lambda _: 0.5, 300, valid_items=25, batch=8, rollouts=4, samples=1),
    "90, one a step": Plan(HEALTHY, HEALTHY, every=1),
    "100 of a small split": on_a_small_split(rise(0.40, 0.65, 60), rise(0.40, 0.65, 60), 200),
    "120, validation harder": Plan(rise(0.40, 0.65, 60), shifted(rise(0.40, 0.65, 60), -0.08), 240, every=2),
    "150 of a small split": on_a_small_split(lambda _: 0.5, lambda _: 0.5, 300),
    "200, batches of two": in_batches_of_two(rise(0.38, 0.53, 150), rise(0.38, 0.53, 150)),
    "200, batches of two, level": in_batches_of_two(lambda _: 0.48, lambda _: 0.48),
    "200, 800 items": Plan(rise(0.40, 0.65, 90), rise(0.40, 0.65, 90), 400, every=2, train_items=800),
}
"""Jobs that do well and are evaluated so often that some evaluation looks good, or bad, by luck."""
MANY_EVALS_OVERFIT = {
    "60, flat": Plan(LATE, flat_after(LATE, 60), 300),
    "60, falling": Plan(LATE, falling_after(LATE, 90, 0.0008), 300),
    "90, flat": Plan(rise(0.40, 0.80, 30), flat_after(rise(0.40, 0.80, 30), 20), every=1),
    "90, falling": Plan(rise(0.40, 0.80, 30), falling_after(rise(0.40, 0.80, 30), 30, 0.002), every=1),
    "100 of a small split, flat": on_a_small_split(FAST, flat_after(FAST, 40), 200),
    "150, flat": Plan(LATE, flat_after(LATE, 60), 300, every=2),
    "150, falling": Plan(LATE, falling_after(LATE, 90, 0.0008), 300, every=2),
    "200, batches of two, flat": in_batches_of_two(LONG, flat_after(LONG, 90)),
    "200, batches of two, falling": in_batches_of_two(LONG, falling_after(LONG, 120, 0.0006)),
}
LONG_EPOCHS = {
    f"{kind}, epochs of {items // 16} steps": replace(plan, train_items=items)
    for kind, plan in list(OVERFIT_PLANS.items())[:2]
    for items in (400, 800)
}


def ramp(start: float, end: float, first: int, last: int) -> Skill:
    """From `start` to `end` in a straight line between two steps."""
    return lambda step: start + (end - start) * min(1.0, max(0.0, (step - first) / (last - first)))


USUAL = {"precision": rise(0.50, 0.70, 30), "recall": rise(0.35, 0.60, 30), "checked": rise(0.45, 0.60, 30)}
"""Graders besides the reward on a job that does well."""


def usual(step: int) -> float:
    """Tokens of an answer on a job that does well: they may double."""
    return 400 * (1 + step / 90)


def a_kind(train: Skill, valid: Skill, parts: Mapping[str, Skill] = USUAL, tokens: Skill = usual) -> Plan:
    return Plan(train, valid, parts=parts, held_out_graders=("checked",), tokens=tokens)


def collapsing(step: int) -> float:
    return HEALTHY(step) - ramp(0, 0.45, 50, 53)(step)


KINDS = {
    "healthy": a_kind(HEALTHY, HEALTHY),
    "validation harder by .08": a_kind(HEALTHY, shifted(HEALTHY, -0.08)),
    "small ordinary gap": a_kind(HEALTHY, ORDINARY_GAP.valid),
    "no learning": a_kind(lambda _: 0.45, lambda _: 0.45, {name: lambda _: 0.45 for name in USUAL}, lambda _: 400),
    "overfit flat": a_kind(
        rise(0.40, 0.80, 30), flat_after(rise(0.40, 0.80, 30), 20), {n: flat_after(s, 20) for n, s in USUAL.items()}
    ),
    "overfit falling": a_kind(
        rise(0.40, 0.80, 30),
        falling_after(rise(0.40, 0.80, 30), 30, 0.002),
        {n: falling_after(s, 30, 0.002) for n, s in USUAL.items()},
    ),
    "saturated": a_kind(rise(0.40, 0.90, 8), rise(0.40, 0.90, 8)),
    "collapse": a_kind(collapsing, collapsing, dict.fromkeys(USUAL, collapsing)),
    "hacking": a_kind(
        HEALTHY,
        HEALTHY,
        {"precision": rise(0.5, 0.9, 30), "recall": ramp(0.6, 0.4, 30, 80), "checked": ramp(0.5, 0.38, 20, 80)},
    ),
    "token blow-up": a_kind(rise(0.40, 0.45, 5), rise(0.40, 0.45, 5), USUAL, lambda step: 400 * (1 + step / 22)),
    "small noisy validation": Plan(
        HEALTHY,
        HEALTHY,
        train_items=60,
        valid_items=25,
        batch=8,
        rollouts=4,
        samples=1,
        parts=USUAL,
        held_out_graders=("checked",),
        tokens=usual,
    ),
}
"""The kinds of job that the bench tries every rule on."""


def simulate(plan: Plan, seed: int) -> Series:
    """Return the series of one job of this kind; the same seed gives the same series."""
    noise = np.random.default_rng(seed)
    # About the spread of per-item means seen on multi-label tasks; the same items come back every epoch.
    train_ease = noise.normal(0, 0.18, plan.train_items)
    train_ease -= train_ease.mean()
    valid_ease = noise.normal(0, 0.18, plan.valid_items)
    valid_ease -= valid_ease.mean()
    order: list[int] = []
    extra = np.random.default_rng((seed, 1))
    eases = {name: valid_ease + extra.normal(0, 0.05, plan.valid_items) for name in plan.parts}

    def reported(number: int) -> tuple[GraderFigures, ...]:
        return tuple(
            GraderFigures(name, valid_score=scored(skill(number), eases[name])) for name, skill in plan.parts.items()
        )

    def scored(mean: float, ease: np.ndarray) -> float:
        means = np.clip(mean + ease, 0.02, 0.98)[:, None]
        return float(np.clip(extra.normal(means, 0.25, (len(ease), plan.samples)), 0, 1).mean())

    def measured(mean: float, ease: np.ndarray, draws: int) -> float:
        means = np.clip(mean + ease, 0.02, 0.98)[:, None]
        return float(np.clip(noise.normal(means, 0.25, (len(ease), draws)), 0, 1).mean())

    steps: list[Step] = []
    for number in range(plan.steps + 1):
        valid = measured(plan.valid(number), valid_ease, plan.samples) if number % plan.every == 0 else None
        train = None
        if number:
            if len(order) < plan.batch:
                order += [int(i) for i in noise.permutation(plan.train_items)]
            batch, order = order[: plan.batch], order[plan.batch :]
            train = measured(plan.train(number - 1), train_ease[batch], plan.rollouts)
        graders = reported(number) if plan.parts and valid is not None else ()
        tokens = plan.tokens(number) * float(extra.normal(1, 0.05)) if plan.tokens and number else None
        steps.append(
            Step(number, train_reward=train, valid_reward=valid, graders=graders, train_completion_tokens=tokens)
        )
    return Series(tuple(steps))
