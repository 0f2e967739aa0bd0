"""Rule C: the reward breaks down, or is not a number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from charts import TracePanel
from jobs.core.records import RaisedAlert
from jobs.rules.alert import Level, Sign, first_open
from jobs.rules.formula import Values, apart
from jobs.rules.inputs import TRAIN, VALID, Need, RuleInputs
from jobs.rules.noise import Windows, running_noise
from jobs.rules.rule import Panel, Reading, Rule

ANY_REWARD: Final = Need(VALID.missing, lambda inputs: TRAIN.given(inputs) or VALID.given(inputs))
LIMIT: Final = {"floor": "a fall to here is a collapse"}
BROKEN_DOWN: Final = {
    "meaning": "The policy has broken, or the grader or its input has changed; it rarely comes back by itself.",
    "advice": "pause the job, read the newest answers, and look at checkpoints from before the fall.",
}
LEAST_STEPS: Final = 10
LAST_STEPS: Final = 5
EARLY_EVALS: Final = 6
EARLY_NOISE: Final = 0.05
"""An evaluation of 50 items, one sample each; fewer than `EARLY_EVALS` evaluations measure no noise to rely on."""


@dataclass(frozen=True)
class Collapse(Rule, code="C", title="collapse", level="critical", needs=(ANY_REWARD,)):
    """Fires when validation or train reward falls suddenly and far, and at once on a reward that is no number.

    The mean of the last two V is compared with the mean of the two before (of means of two, one evaluation's noise is
    the error of their difference); the mean of the last five r with the mean of the window before them, with the error
    s_r sqrt(1/5 + 1/window), s_r from the jumps of r as s_V.
    """

    text = "Collapse: {seen}.\n{meaning}\nNext: {advice}"
    panels = (
        Panel("validation reward", "score", {"now": "mean of two evaluations"}, LIMIT),
        Panel("train reward", "score", {"now": "mean of five steps"}, LIMIT),
    )
    least_fall: float = 0.10
    errors: float = 4.0

    def alerts(self, inputs: RuleInputs) -> tuple[RaisedAlert, ...]:
        """Return every time a reward broke down; one open alert at most."""
        at_once = [self._alert(_not_finite(step.step), self.level) for step in inputs.steps if step.not_finite]
        valid = self._raised(list(self._readings(inputs)), self.level, self._sign)
        train = self._raised(list(self._of_train(inputs)), self.level, self._sign, clean=LEAST_STEPS)
        return first_open((*at_once[:1], *valid, *train))

    def picture(self, inputs: RuleInputs) -> tuple[TracePanel, ...]:
        """Return both rewards, each with the level that it must not fall to."""
        valid, train = self.panels
        return (
            *self._drawn([valid], self._readings(inputs), inputs),
            *self._drawn([train], self._of_train(inputs), inputs),
        )

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        for one in inputs.evaluations():
            error = max(one.noise, inputs.facts.scale * EARLY_NOISE) if one.evals < EARLY_EVALS else one.noise
            yield self._fall("validation", one.step, one.before, one.now, error, one.best)

    def _of_train(self, inputs: RuleInputs) -> Iterator[Reading]:
        train, window = inputs.points("train_reward"), inputs.facts.window
        windows = Windows(reward for _, reward in train)
        noises = running_noise((reward for _, reward in train), scale=inputs.facts.scale)
        best, scale = float("-inf"), (1 / LAST_STEPS + 1 / window) ** 0.5
        for end in range(max(window, LEAST_STEPS) + LAST_STEPS, len(train) + 1):
            begin = end - LAST_STEPS
            before, now = windows.mean(begin - window, begin), windows.mean(begin, end)
            best = max(best, before)
            yield self._fall("train", train[end - 1][0], before, now, noises[end - 1] * scale, best)

    def _fall(self, curve: str, step: int, before: float, now: float, error: float, best: float) -> Reading:
        fall, noise = before - now, self.errors * error
        limit = max(self.least_fall, noise)
        fell, explained = apart(fall, noise)
        seen = f"{curve} reward fell by {fell}, to {now:.2f}, by step {step}; noise explains {explained}"
        figures = {"before": before, "now": now, "fall": fall, "error": error, "best": best}
        return Reading(step=step, seen=seen, limit=limit, floor=before - limit, **figures, **BROKEN_DOWN)

    def _sign(self, reading: Reading) -> Sign:
        """A reward that lies low without falling further has not come back: clean is one near its best again."""
        if reading.fall >= reading.limit:
            return Sign.HOLDS
        return Sign.UNCLEAR if reading.best - reading.now >= reading.limit else Sign.CLEAN

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - both forms are critical
        if "fall" not in values:
            return "a reward or a loss is NaN or infinite, at step k{broken:.0f}\nOne is enough: no noise gives it."
        return (
            "A{before:.3f} - B{now:.3f} = {fall:.3f} >= max({least_fall}, {errors} x SE{error:.3f}) = {limit:.3f}\n"
            "A: the mean reward before. B: now, the mean of the last two evaluations (validation) or five steps "
            "(train).\n"
            "SE = {error:.3f}: the standard error of the difference, by how the reward usually jumps."
        )


def _not_finite(step: int) -> Reading:
    return Reading(
        step=step,
        broken=step,
        seen=f"at step {step} the platform sent a reward or a loss that is no number",
        meaning="The weights, or the grader's arithmetic, have probably gone out of range; what follows cannot be "
        "trusted.",
        advice=f"pause or cancel the job, and use a checkpoint from before step {step}.",
    )
