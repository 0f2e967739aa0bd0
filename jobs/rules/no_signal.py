"""Rules N and N2: the rewards have nothing to learn from, or nothing was learned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracedLine, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, one_at_a_time, raised
from jobs.rules.epochs import at, epoch_means
from jobs.rules.evaluations import read_evaluations
from jobs.rules.gap import Point, usable
from jobs.rules.inputs import IDLE_KEYS, first_reason, no_epoch, no_train, no_valid, raw_points
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import limit, line

ALL_ALIKE = Formula(
    "n >= max(W, least_same)",
    "{same:.0f} >= {epoch:.0f}",
    (
        "n: steps in a row with one and the same train reward, {reward:.3f}. W: steps of an epoch.",
        "Where it never changes, no answer is better than another.",
    ),
)
HOW_IDLE = (
    "idle: share of items whose answers all got the same reward.",
    "T - Tb: train reward less that of an epoch before, means of one epoch.",
)
WITH_NUMBERS = "{idle:.4g} > {limit:g} at each of {steps:.0f} steps and {gain:.4f} < {least_gain:g}"
SOME_IDLE = Formula("idle > much at steps steps in a row and T - Tb < least_gain", WITH_NUMBERS, HOW_IDLE)
MANY_IDLE = Formula("idle > most at steps steps in a row and T - Tb < least_gain", WITH_NUMBERS, HOW_IDLE)
NOTHING_GAINED = Formula(
    "V - V0 < max(least_gain, noises x s) and T - T1 < least_gain and V never rose by "
    "max(once_gained, once_noises x s), after epochs epochs, at in_row evaluations in a row",
    "{valid_gain:.4f} < max({least_gain:g}, {noises:g} x {noise:.3f}) = {limit:.3f} and {train_gain:.4f} < "
    "{least_gain:g} and {best_gain:.3f} < max({once_gained:g}, {once_noises:g} x {noise:.3f}), after {epochs:.0f} "
    "epochs, at {in_row:.0f} in a row",
    (
        "V - V0: validation reward since the start, {valid_start:.3f}; s = {noise:.3f}: the noise of one evaluation.",
        "T - T1: train reward since the first epoch, means of one epoch.",
    ),
)
SAME = 1e-9
"""Rewards closer than this are the same reward."""
LEAST_EVALS = 6
NO_HEADROOM = 0.85
"""A start above this leaves next to nothing to gain (arXiv 2508.14094)."""


@dataclass(frozen=True, slots=True)
class Signal:
    """How much a step had to learn from."""

    step: int
    idle: float | None
    """Least share of items whose rollouts all got one reward, over the last steps; None where it is not sent."""
    gain: float | None
    """T now less T one epoch ago; None in the first two epochs."""
    same: int
    """Steps in a row with one and the same train reward."""
    reward: float


@dataclass(frozen=True, slots=True)
class NoSignal:
    """Fires when rollouts of an item all get the same reward, so that no answer is better than another.

    Formula: the share of such items > `much` (warning) or > `most` (critical) for `steps` steps, and train reward
    gained < `least_gain` over an epoch. Critical too when train reward was one and the same for a whole epoch, which
    needs no such figure; `least_same` steps at least, for an epoch of a few steps proves nothing.
    High shares alone are normal (arXiv 2509.21880).
    """

    rule: ClassVar[str] = "N"
    title: ClassVar[str] = "no signal"
    level: ClassVar[Level] = "critical"
    much: float = 0.5
    most: float = 0.8
    steps: int = 3
    least_gain: float = 0.02
    least_same: int = 12

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing, or None; without shares it still sees rewards that never change."""
        shares = "The platform sends no share of items without a signal; only rewards that never change are seen."
        sent = bool(raw_points(series, IDLE_KEYS))
        return first_reason(no_train(series), no_epoch(facts), None if sent else shares)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time the signal was lost."""
        if facts.epoch_steps is None:
            return ()
        readings = tuple(_signals(series, facts.epoch_steps, self.steps))
        epoch = max(facts.epoch_steps, self.least_same)
        return one_at_a_time(
            self._raised("warn", readings, self.much, epoch), self._raised("critical", readings, self.most, epoch)
        )

    def _raised(self, level: Level, readings: Sequence[Signal], share: float, epoch: int) -> tuple[Alert, ...]:
        return raised(
            Voice(self, level, 1),
            readings,
            lambda reading: self._sign(reading, share, epoch),
            lambda reading: self._say(reading, share, epoch),
        )

    def _sign(self, reading: Signal, share: float, epoch: int) -> Sign:
        if reading.same >= epoch:
            return Sign.HOLDS
        if reading.idle is None or reading.idle <= share:
            return Sign.CLEAN
        if reading.gain is None:
            return Sign.UNCLEAR
        return Sign.HOLDS if reading.gain < self.least_gain else Sign.CLEAN

    def _say(self, reading: Signal, share: float, epoch: int) -> tuple[str, Values]:
        seen = f"train reward was {reading.reward:.2f} in each of the last {reading.same} steps"
        if reading.idle is not None and reading.gain is not None:
            seen = (
                f"on {reading.idle:.0%} of the items all answers got the same reward for {self.steps} steps, and train "
                f"reward moved by {reading.gain:+.2f} in an epoch"
            )
        text = (
            f"No signal: {seen}.\n"
            "Where every answer is worth the same, training learns nothing and still costs.\n"
            "Next: pause the job and try the grader on some answers; it needs partial credit, or items of another "
            "difficulty."
        )
        sent = {"idle": reading.idle, "gain": reading.gain, "same": float(reading.same), "reward": reading.reward}
        known = {name: value for name, value in sent.items() if value is not None}
        return text, {**known, "limit": share, "epoch": float(epoch)}

    def why(self, values: Values) -> str:
        """Return the form of the formula that held, with the numbers of an alert."""
        if "epoch" not in values or values["same"] >= values["epoch"]:
            return ALL_ALIKE.put_in(self, values)
        return (MANY_IDLE if values["limit"] == values["most"] else SOME_IDLE).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the share of items without a signal beside its limits, where it is sent, and train reward."""
        idle = TracedLine("items whose answers all got one reward", raw_points(series, IDLE_KEYS))
        held = (Threshold("warning", self.much), Threshold("critical", self.most))
        shares = (TracePanel("share of items", "share", (idle,), held),) if idle.points else ()
        means = TracedLine("mean of one epoch", epoch_means(series.train, facts.epoch_steps or 1))
        lines = (TracedLine("train reward", series.train), *((means,) if facts.epoch_steps else ()))
        return (*shares, TracePanel("train reward", "score", lines))


def _signals(series: Series, epoch: int, steps: int) -> Iterator[Signal]:
    idle = dict(raw_points(series, IDLE_KEYS))
    train = usable(series.train)
    means = dict(epoch_means(train, epoch))
    same = 0
    for index, (step, reward) in enumerate(train):
        same = same + 1 if index and abs(reward - train[index - 1][1]) < SAME else 1
        yield Signal(
            step,
            _least(idle, train[max(0, index + 1 - steps) : index + 1], steps),
            _gain(means, step, epoch),
            same,
            reward,
        )


def _least(idle: Mapping[int, float], last: Sequence[Point], steps: int) -> float | None:
    shares = [idle[step] for step, _ in last if step in idle]
    return min(shares) if len(shares) == steps else None


def _gain(means: Mapping[int, float], step: int, epoch: int) -> float | None:
    now, before = means.get(step), means.get(step - epoch)
    return None if now is None or before is None else now - before


@dataclass(frozen=True, slots=True)
class Learned:
    """What an evaluation after some epochs says was gained."""

    step: int
    valid_start: float
    valid_gain: float
    best_gain: float
    """Of the best two evaluations in a row over the first two."""
    noise: float
    train_gain: float


@dataclass(frozen=True, slots=True)
class NoLearning:
    """Fires when nothing was gained after `epochs` epochs; what was gained and lost again is for other rules.

    Formula: V_k - V_0 < max(`least_gain`, `noises` x s_V) and T_k - T_1 < `least_gain` (T_1: the first epoch), at
    `in_row` evaluations in a row, from `epochs` epochs and `least_evals` evaluations on, and V never rose by
    max(`once_gained`, `once_noises` x s_V).
    """

    rule: ClassVar[str] = "N2"
    title: ClassVar[str] = "nothing learned"
    level: ClassVar[Level] = "warn"
    epochs: int = 3
    least_evals: int = LEAST_EVALS
    least_gain: float = 0.02
    noises: float = 2.0
    once_gained: float = 0.05
    once_noises: float = 3.0
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing, or None."""
        return first_reason(no_epoch(facts), no_train(series), no_valid(series))

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time the job had nothing to show."""
        if facts.epoch_steps is None:
            return ()
        readings = tuple(self._readings(series, facts.epoch_steps))
        return raised(Voice(self, self.level, self.in_row), readings, self._sign, self._say)

    def _readings(self, series: Series, epoch: int) -> Iterator[Learned]:
        means = epoch_means(series.train, epoch)
        valid = usable(series.valid)
        if not means:
            return
        begin = means[0][0] + (self.epochs - 1) * epoch
        for evaluation in read_evaluations(valid):
            now = at(means, evaluation.step)
            if evaluation.step < begin or evaluation.count < self.least_evals or now is None:
                continue
            gain = evaluation.value - valid[0][1]
            best_gain = evaluation.best - evaluation.first
            yield Learned(evaluation.step, valid[0][1], gain, best_gain, evaluation.noise, now - means[0][1])

    def _sign(self, reading: Learned) -> Sign:
        if reading.best_gain >= max(self.once_gained, self.once_noises * reading.noise):
            return Sign.CLEAN
        flat = reading.valid_gain < self._limit(reading)
        return Sign.HOLDS if flat and reading.train_gain < self.least_gain else Sign.CLEAN

    def _say(self, reading: Learned) -> tuple[str, Values]:
        low = "Training does not find better answers: too hard, too easy, or a grader that cannot tell them apart."
        high = f"A start of {reading.valid_start:.2f} leaves little to gain."
        text = (
            f"Nothing learned by step {reading.step}: validation reward {reading.valid_gain:+.2f} since the start, "
            f"train reward {reading.train_gain:+.2f} since the first epoch.\n"
            f"{high if reading.valid_start > NO_HEADROOM else low}\n"
            "Next: pause the job; run a variance study of the base model to see whether several tries ever do better."
        )
        values = {
            "valid_start": reading.valid_start,
            "valid_gain": reading.valid_gain,
            "noise": reading.noise,
            "train_gain": reading.train_gain,
            "best_gain": reading.best_gain,
            "limit": self._limit(reading),
        }
        return text, values

    def _limit(self, reading: Learned) -> float:
        return max(self.least_gain, self.noises * reading.noise)

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return NOTHING_GAINED.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return what validation and train reward gained, each beside the gain that counts as one."""
        found = tuple(self._readings(series, facts.epoch_steps)) if facts.epoch_steps else ()
        valid = line("since the start", found, lambda reading: reading.valid_gain)
        train = line("since the first epoch", found, lambda reading: reading.train_gain)
        return (
            TracePanel("gain in validation reward", "score", (valid,), (limit("a gain", found, self._limit),)),
            TracePanel("gain in train reward", "score", (train,), (Threshold("a gain", self.least_gain),)),
        )
