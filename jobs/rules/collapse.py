"""Rule C: the reward breaks down, or stops being a number."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from charts import TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, first_open, raised
from jobs.rules.evaluations import read_evaluations
from jobs.rules.gap import usable
from jobs.rules.inputs import is_broken, no_train, no_valid
from jobs.rules.noise import ValidNoise, Windows
from jobs.rules.reasons import Formula, Values, thresholds
from jobs.rules.tracing import limit, line

FALLEN = Formula(
    "A - B >= max(least_fall, errors x SE)",
    "{before:.3f} - {now:.3f} = {fall:.3f} >= max({least_fall:g}, {errors:g} x {error:.3f}) = {limit:.3f}",
    (
        "A: the mean reward before. B: now, the mean of the last two evaluations (validation) or five steps (train).",
        "SE = {error:.3f}: the standard error of the difference, by how the reward usually jumps.",
    ),
)
NO_NUMBER = Formula(
    "a reward or a loss is NaN or infinite",
    "at step {broken:.0f}",
    ("One such figure is enough: no noise gives it.",),
)
LEAST_STEPS = 10
LAST_STEPS = 5
EARLY_EVALS = 6
EARLY_NOISE = 0.05
"""An evaluation of 50 items, one sample each; fewer than `EARLY_EVALS` evaluations measure no noise to rely on."""


@dataclass(frozen=True, slots=True)
class Fall:
    """How far a reward fell, and how much of that noise explains."""

    step: int
    curve: Literal["validation", "train"]
    before: float
    now: float
    error: float
    """Standard error of the difference."""
    best: float
    """The highest such mean so far."""

    @property
    def depth(self) -> float:
        """How far it fell."""
        return self.before - self.now


@dataclass(frozen=True, slots=True)
class Collapse:
    """Fires when validation or train reward falls suddenly and far, and at once on a reward that is no number.

    Formula: the mean of the last two V lies max(`least_fall`, `errors` x s_V) or more under the mean of the two before
    (of means of two, one evaluation's noise is the error of their difference); or so does the mean of the last five r,
    under the mean of the window before them, with the error s_r sqrt(1/5 + 1/window), s_r from the jumps of r as s_V.
    """

    rule: ClassVar[str] = "C"
    title: ClassVar[str] = "collapse"
    level: ClassVar[Level] = "critical"
    least_fall: float = 0.10
    errors: float = 4.0

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return that there is no reward at all, or None."""
        return no_train(series) and no_valid(series)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time a reward broke down; one open alert at most."""
        valid = raised(Voice(self, self.level, 1), tuple(_valid_falls(series)), self._sign, self._say)
        voice = Voice(self, self.level, 1, LEAST_STEPS)
        train = raised(voice, tuple(_train_falls(series, facts.window)), self._sign, self._say)
        return first_open((*_broken(series, self), *valid, *train))

    def _sign(self, fall: Fall) -> Sign:
        """A reward that lies low without falling further has not come back: clean is one near its best again."""
        least = self._limit(fall)
        if fall.depth >= least:
            return Sign.HOLDS
        return Sign.UNCLEAR if fall.best - fall.now >= least else Sign.CLEAN

    def _say(self, fall: Fall) -> tuple[str, Values]:
        text = (
            f"Collapse: {fall.curve} reward fell from {fall.before:.2f} to {fall.now:.2f} by step {fall.step}; noise "
            f"explains {self.errors * fall.error:.2f}.\n"
            "The policy has broken, or the grader or its input has changed; it rarely comes back by itself.\n"
            "Next: pause the job, read the newest answers, and look at checkpoints from before the fall."
        )
        figures = {"before": fall.before, "now": fall.now, "fall": fall.depth, "error": fall.error}
        return text, {**figures, "limit": self._limit(fall)}

    def _limit(self, fall: Fall) -> float:
        return max(self.least_fall, self.errors * fall.error)

    def why(self, values: Values) -> str:
        """Return the form of the formula that held, with the numbers of an alert."""
        return (FALLEN if "fall" in values else NO_NUMBER).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return both rewards, each beside the level that it must not fall to."""
        curves = (
            ("validation reward", "mean of two evaluations", tuple(_valid_falls(series))),
            ("train reward", "mean of five steps", tuple(_train_falls(series, facts.window))),
        )
        return tuple(
            TracePanel(
                label,
                "score",
                (line(name, falls, lambda fall: fall.now),),
                (limit("a fall to here is a collapse", falls, lambda fall: fall.before - self._limit(fall)),),
            )
            for label, name, falls in curves
        )


def _valid_falls(series: Series) -> Iterator[Fall]:
    for evaluation in read_evaluations(series.valid):
        noise = max(evaluation.noise, EARLY_NOISE) if evaluation.count < EARLY_EVALS else evaluation.noise
        yield Fall(evaluation.step, "validation", evaluation.before, evaluation.pair, noise, evaluation.best)


def _train_falls(series: Series, window: int) -> Iterator[Fall]:
    train = usable(series.train)
    windows = Windows(reward for _, reward in train)
    noises = ValidNoise()
    best = -math.inf
    for end, (step, reward) in enumerate(train, start=1):
        noise = noises.after(reward)
        begin = end - LAST_STEPS
        if begin < max(window, LEAST_STEPS):
            continue
        error = noise * math.sqrt(1 / LAST_STEPS + 1 / window)
        before = windows.mean(begin - window, begin)
        best = max(best, before)
        yield Fall(step, "train", before, windows.mean(begin, end), error, best)


def _broken(series: Series, rule: Collapse) -> tuple[Alert, ...]:
    broken = next((step.step for step in series.steps if is_broken(step)), None)
    if broken is None:
        return ()
    text = (
        f"Collapse: at step {broken} the platform sent a reward or a loss that is no number.\n"
        "The weights, or the grader's arithmetic, have probably gone out of range; what follows cannot be trusted.\n"
        f"Next: pause or cancel the job, and use a checkpoint from before step {broken}."
    )
    return (Alert(rule.rule, rule.level, broken, text, {**thresholds(rule), "broken": float(broken)}),)
