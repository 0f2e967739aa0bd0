"""Rules H1 and H2: the reward climbs and what it stands for does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, first_open, raised
from jobs.rules.epochs import at, epoch_means
from jobs.rules.evaluations import Evaluation, read_evaluations
from jobs.rules.gap import Point
from jobs.rules.inputs import first_reason, grader_names, grader_points, no_train, no_valid
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import limit, line

GIVEN_UP = Formula(
    "gain >= least_gain and fall >= max(least_fall, noises x s) and (now < reward or fall >= far), "
    "at in_row evaluations in a row",
    "{reward_gain:.3f} >= {least_gain:g} and {fall:.3f} >= max({least_fall:g}, {noises:g} x {noise:.3f}) = {limit:.3f} "
    "and ({now:.3f} < {reward:.3f} or {fall:.3f} >= {far:g}), at {in_row:.0f} in a row",
    (
        "fall = {best:.3f} - {now:.3f}: of the grader since its best, at step {best_step:.0f}; s: its noise.",
        "gain: of validation reward since that step. All are means of two evaluations on validation.",
    ),
)
HELD_OUT = Formula(
    "c + errors x s < 0 and c <= -least_fall and T - T1 >= least_gain, at in_row evaluations in a row",
    "{change:.3f} + {errors:g} x {noise:.3f} = {upper:.3f} < 0 and {change:.3f} <= -{least_fall:g} and "
    "{train_gain:.3f} >= {least_gain:g}, at {in_row:.0f} in a row",
    (
        "c = {now:.3f} - {first:.3f}: change of the held-out grader since the start (means of two evaluations).",
        "s = {noise:.3f}: its noise. T - T1: change of train reward since the first epoch, means of one epoch.",
    ),
)


@dataclass(frozen=True, slots=True)
class Parting:
    """A grader and the reward, since that grader's best; scores are means of two evaluations."""

    step: int
    grader: str
    best: float
    best_step: int
    now: float
    noise: float
    reward_gain: float
    """Change of validation reward since `best_step`."""
    reward: float
    """Validation reward now."""

    @property
    def fall(self) -> float:
        """How far the grader fell."""
        return self.best - self.now


@dataclass(frozen=True, slots=True)
class ComponentHacking:
    """Fires when one grader falls while the reward climbs: training found that the reward can do without it.

    Formula: since the best of a grader's scores, validation reward rose by at least `least_gain` and the grader fell by
    at least max(`least_fall`, `noises` x its noise), at `in_row` evaluations in a row; all are means of two.
    A grader that stays above the reward must fall by `far`: where recall of .74 gives way to precision of .49, the two
    come into balance, which is what their F1 pays for.
    Three noises: the best of many evaluations is lucky, and 2.5 warned of 4% of healthy jobs with 25 validation items.
    """

    rule: ClassVar[str] = "H1"
    title: ClassVar[str] = "one grader given up"
    level: ClassVar[Level] = "warn"
    least_gain: float = 0.03
    least_fall: float = 0.05
    noises: float = 3.0
    far: float = 0.20
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing, or None."""
        parts = _parts(series, facts)
        return first_reason(no_valid(series), None if parts else "No grader is reported beside the reward.")

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time a grader was given up."""
        partings = tuple(self._partings(series, facts).values())
        worst = _worst_of(partings, self)
        return raised(Voice(self, self.level, self.in_row), worst, self.sign, self._say)

    def sign(self, parting: Parting) -> Sign:
        """Return what a reading says: HOLDS where the grader fell and the reward rose."""
        if parting.fall < self._limit(parting):
            return Sign.CLEAN
        low = parting.now < parting.reward or parting.fall >= self.far
        return Sign.HOLDS if low and parting.reward_gain >= self.least_gain else Sign.UNCLEAR

    def _say(self, parting: Parting) -> tuple[str, Values]:
        text = (
            f"Grader {parting.grader} is given up: it fell from {parting.best:.2f} at step {parting.best_step} to "
            f"{parting.now:.2f}, while validation reward rose by {parting.reward_gain:.2f}.\n"
            f"The policy has found a way to more reward that costs {parting.grader}.\n"
            f"Next: read some answers of the newest checkpoint; if they got worse, give {parting.grader} more weight."
        )
        values = {
            "best": parting.best,
            "best_step": float(parting.best_step),
            "now": parting.now,
            "fall": parting.fall,
            "noise": parting.noise,
            "reward_gain": parting.reward_gain,
            "reward": parting.reward,
            "limit": self._limit(parting),
        }
        return text, values

    def _limit(self, parting: Parting) -> float:
        return max(self.least_fall, self.noises * parting.noise)

    def _partings(self, series: Series, facts: JobFacts) -> dict[str, tuple[Parting, ...]]:
        reward = read_evaluations(series.valid)
        return {name: tuple(_partings(series, reward, name)) for name in _parts(series, facts)}

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return GIVEN_UP.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the grader that fell furthest, where one holds, beside the reward and the fall that noise explains."""
        found = [one for one in self._partings(series, facts).values() if one]
        if not found:
            return ()
        worst = max(found, key=lambda one: max((self.sign(p) is Sign.HOLDS, p.fall) for p in one))
        lines = (
            line("validation reward, mean of two", worst, lambda parting: parting.reward),
            line(f"grader {worst[0].grader}, mean of two", worst, lambda parting: parting.now),
        )
        floor = limit("its best, less what noise explains", worst, lambda parting: parting.best - self._limit(parting))
        return (TracePanel("validation scores", "score", lines, (floor,)),)


def _parts(series: Series, facts: JobFacts) -> tuple[str, ...]:
    """Return the graders that are parts of the reward; one that is reported alone is the reward itself."""
    names = grader_names(series)
    if len(names) < 2:
        return ()
    return tuple(name for name in names if name != facts.reward and name not in facts.held_out_graders)


def _partings(series: Series, reward: Sequence[Evaluation], name: str) -> Iterator[Parting]:
    pairs = [(evaluation.step, evaluation.pair) for evaluation in reward]
    for score in read_evaluations(grader_points(series, name)):
        now, then = at(pairs, score.step), at(pairs, score.best_step)
        if now is not None and then is not None:
            yield Parting(score.step, name, score.best, score.best_step, score.pair, score.noise, now - then, now)


def _worst_of(partings: Sequence[Sequence[Parting]], rule: ComponentHacking) -> list[Parting]:
    """Return for each step the reading that matters most: one that holds before one that does not, the deepest fall."""
    order = {Sign.HOLDS: 2, Sign.UNCLEAR: 1, Sign.CLEAN: 0}
    worst: dict[int, Parting] = {}
    for parting in (parting for one in partings for parting in one):
        held = worst.get(parting.step)
        if held is None or (order[rule.sign(held)], held.fall) < (order[rule.sign(parting)], parting.fall):
            worst[parting.step] = parting
    return [worst[step] for step in sorted(worst)]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A grader that training does not climb, since the start; scores are means of two evaluations."""

    step: int
    grader: str
    first: float
    now: float
    noise: float
    train_gain: float

    @property
    def change(self) -> float:
        """Change since the first two evaluations; its standard error is `noise`, of two means of two."""
        return self.now - self.first


@dataclass(frozen=True, slots=True)
class ShadowMetric:
    """Fires when a grader that training does not climb falls while train reward rises.

    Formula: upper end of the 95% interval of its change, change + 1.96 x noise, < 0, a fall of at least `least_fall`,
    and train reward up by at least `least_gain` since the first epoch, at `in_row` evaluations in a row. Platforms send
    means, so the change is between the same items at two times and its error comes from how the means jump.
    """

    rule: ClassVar[str] = "H2"
    title: ClassVar[str] = "held-out grader falls"
    level: ClassVar[Level] = "critical"
    least_fall: float = 0.03
    least_gain: float = 0.03
    errors: float = 1.96
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing, or None."""
        return first_reason(no_train(series), None if _shadows(series, facts) else "No held-out grader is reported.")

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time a held-out grader fell; of several the one that fell first."""
        voice = Voice(self, self.level, self.in_row)
        changes = _changes_of_all(series, facts)
        return first_open(alert for one in changes for alert in raised(voice, one, self._sign, self._say))

    def _sign(self, shadow: Shadow) -> Sign:
        if shadow.change > -self.least_fall or self._upper(shadow) >= 0:
            return Sign.CLEAN
        return Sign.HOLDS if shadow.train_gain >= self.least_gain else Sign.UNCLEAR

    def _say(self, shadow: Shadow) -> tuple[str, Values]:
        text = (
            f"Held-out grader {shadow.grader} falls: from {shadow.first:.2f} to {shadow.now:.2f} (noise "
            f"{self.errors * shadow.noise:.2f}), while train reward rose by {shadow.train_gain:.2f}.\n"
            "The policy probably exploits the reward rather than doing the task better.\n"
            "Next: pause the job and read answers with a high reward; fix the reward grader before training on."
        )
        values = {
            "first": shadow.first,
            "now": shadow.now,
            "change": shadow.change,
            "noise": shadow.noise,
            "train_gain": shadow.train_gain,
            "upper": self._upper(shadow),
        }
        return text, values

    def _upper(self, shadow: Shadow) -> float:
        return shadow.change + self.errors * shadow.noise

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return HELD_OUT.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the change of the held-out grader that fell furthest, and of train reward, beside their limits."""
        changes = [one for one in _changes_of_all(series, facts) if one]
        if not changes:
            return ()
        worst = min(changes, key=lambda one: min(shadow.change for shadow in one))
        change = line(f"grader {worst[0].grader}, since the start", worst, lambda shadow: shadow.change)
        floor = limit("a fall to here is one", worst, lambda s: -max(self.least_fall, self.errors * s.noise))
        gain = line("train reward, since the first epoch", worst, lambda shadow: shadow.train_gain)
        return (
            TracePanel("change of the held-out grader", "score", (change,), (floor,)),
            TracePanel("gain in train reward", "score", (gain,), (Threshold("a rise", self.least_gain),)),
        )


def _shadows(series: Series, facts: JobFacts) -> tuple[str, ...]:
    return tuple(name for name in grader_names(series) if name in facts.held_out_graders)


def _changes_of_all(series: Series, facts: JobFacts) -> tuple[tuple[Shadow, ...], ...]:
    means = epoch_means(series.train, facts.window)
    return tuple(tuple(_changes(series, means, name)) for name in _shadows(series, facts))


def _changes(series: Series, means: Sequence[Point], name: str) -> Iterator[Shadow]:
    for score in read_evaluations(grader_points(series, name)):
        now = at(means, score.step)
        if now is not None and score.count >= 4:
            yield Shadow(score.step, name, score.first, score.pair, score.noise, now - means[0][1])
