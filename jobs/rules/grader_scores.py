"""Rules H1, H2 and B: what single graders say, when the reward says something else or nothing of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from charts import TracePanel
from jobs.core.records import RaisedAlert
from jobs.rules.alert import Sign, first_open
from jobs.rules.curves import Points, at
from jobs.rules.formula import NO_LUCK
from jobs.rules.inputs import TRAIN, VALID, Need, RuleInputs
from jobs.rules.rule import Panel, Reading, Rule


def parts_of_reward(inputs: RuleInputs) -> tuple[str, ...]:
    """Return the graders that are parts of the reward; one that is reported alone is the reward itself."""
    if len(inputs.graders) < 2:
        return ()
    others = (inputs.facts.reward, *inputs.facts.held_out_graders)
    return tuple(name for name in inputs.graders if name not in others)


def held_out(inputs: RuleInputs) -> tuple[str, ...]:
    """Return the held-out graders that are reported."""
    return tuple(name for name in inputs.graders if name in inputs.facts.held_out_graders)


def precision_and_recall(inputs: RuleInputs) -> tuple[Points, Points] | None:
    """Return the scores of the graders with these names, or None unless both are reported."""
    named = {name.lower(): points for name, points in inputs.graders.items()}
    return (named["precision"], named["recall"]) if {"precision", "recall"} <= named.keys() else None


PARTS: Final = Need("No grader is reported besides the reward.", parts_of_reward)
HELD_OUT: Final = Need("No held-out grader is reported.", held_out)
BOTH: Final = Need("No graders called precision and recall are reported.", precision_and_recall)


@dataclass(frozen=True)
class ComponentHacking(Rule, code="H1", title="one grader given up", level="warn", needs=(VALID, PARTS)):
    """Fires when one grader falls while the reward climbs: training found that the reward can do without it.

    A grader that stays above the reward must fall by `far`: where recall of .74 gives way to precision of .49, the two
    come into balance, which is what their F1 pays for.
    Three noises: the best of many evaluations is lucky, and 2.5 warned of 4% of healthy jobs with 25 validation items.
    """

    text = (
        "Grader {grader} is given up: it fell from {best:.2f} at step {best_step} to {now:.2f}, while validation "
        "reward rose by {reward_gain:.2f}.\n"
        "The policy has found a way to more reward that costs {grader}.\n"
        "Next: read some answers of the newest checkpoint; if they got worse, give {grader} more weight."
    )
    formula = (
        "gain{reward_gain:.3f} >= {least_gain} and "
        "fall{fall:.3f} >= max({least_fall}, {noises} x s{noise:.3f} + l{luck:.3f}) = {limit:.3f} and "
        "(now{now:.3f} < reward{reward:.3f} or fall{fall:.3f} >= {far}), at {in_row} evaluations in a row\n"
        "fall = {best:.3f} - {now:.3f}: of the grader since its best, at step {best_step:.0f}; s: its noise; l: what "
        "the luck of the best adds.\n"
        "gain: of validation reward since that step. All are means of two evaluations on validation."
    )
    panels = (
        Panel(
            "validation scores, means of two evaluations",
            "score",
            {"reward": "the reward", "now": "grader {grader}"},
            {"floor": "its best, less what noise explains"},
        ),
    )
    unkept = NO_LUCK
    least_gain: float = 0.03
    least_fall: float = 0.05
    noises: float = 3.0
    far: float = 0.20
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> list[Reading]:
        """Return for each step the grader that matters most: one that was given up, or else the deepest fall."""
        worst: dict[int, Reading] = {}
        for reading in (one for name in parts_of_reward(inputs) for one in self._of_grader(inputs, name)):
            known = worst.get(reading.step)
            if known is None or self._weight(known) < self._weight(reading):
                worst[reading.step] = reading
        return [worst[step] for step in sorted(worst)]

    def picture(self, inputs: RuleInputs) -> tuple[TracePanel, ...]:
        """Return the grader that matters most on the whole job, with the reward."""
        graders = [list(self._of_grader(inputs, name)) for name in parts_of_reward(inputs)]
        worst = max(graders, key=lambda one: max(map(self._weight, one), default=(-1, 0.0)), default=[])
        return self._drawn(self.panels, worst, inputs)

    def _weight(self, reading: Reading) -> tuple[int, float]:
        return (Sign.CLEAN, Sign.UNCLEAR, Sign.HOLDS).index(self._sign(reading)), reading.fall

    def _of_grader(self, inputs: RuleInputs, name: str) -> Iterator[Reading]:
        pairs = [(one.step, one.now) for one in inputs.evaluations()]
        for score in inputs.evaluations(name):
            reward, then = at(pairs, score.step), at(pairs, score.best_step)
            if reward is not None and then is not None:
                limit = max(self.least_fall, self.noises * score.noise + score.luck)
                falls = {"fall": score.best - score.now, "limit": limit, "floor": score.best - limit}
                yield Reading(**score._asdict(), **falls, grader=name, reward=reward, reward_gain=reward - then)

    def _sign(self, reading: Reading) -> Sign:
        if reading.fall < reading.limit:
            return Sign.CLEAN
        low = reading.now < reading.reward or reading.fall >= self.far
        return Sign.HOLDS if low and reading.reward_gain >= self.least_gain else Sign.UNCLEAR


@dataclass(frozen=True)
class HeldOutFall(Rule, code="H2", title="held-out grader falls", level="critical", needs=(TRAIN, HELD_OUT)):
    """Fires when a grader that training does not climb falls while train reward rises.

    Platforms send means, so the change is between the same items at two times and its error comes from how the means
    jump: of two means of two evaluations it is the noise of one.
    """

    text = (
        "Held-out grader {grader} falls: from {first:.2f} to {now:.2f} (noise {explained:.2f}), while train reward "
        "rose by {train_gain:.2f}.\n"
        "The policy probably exploits the reward rather than doing the task better.\n"
        "Next: pause the job and read answers with a high reward; fix the reward grader before training on."
    )
    formula = (
        "c{change:.3f} + {errors} x s{noise:.3f} = {upper:.3f} < 0 and c{change:.3f} <= -{least_fall} and "
        "[T - T1]{train_gain:.3f} >= {least_gain}, at {in_row} evaluations in a row\n"
        "c = {now:.3f} - {first:.3f}: change of the held-out grader since the start (means of two evaluations).\n"
        "s = {noise:.3f}: its noise. T - T1: change of train reward since the start, means of {window:.0f} steps."
    )
    panels = (
        Panel("change since the start", "score", {"change": "grader {grader}"}, {"floor": "a fall to here is one"}),
        Panel(
            "gain in train reward",
            "score",
            {"train_gain": "since the start, means of {window} steps"},
            {"least_gain": "a rise"},
        ),
    )
    least_fall: float = 0.03
    least_gain: float = 0.03
    errors: float = 1.96
    in_row: int = 2

    def alerts(self, inputs: RuleInputs) -> tuple[RaisedAlert, ...]:
        """Return every time a held-out grader fell; of several the one that fell first."""
        graders = [list(self._of_grader(inputs, name)) for name in held_out(inputs)]
        return first_open(alert for one in graders for alert in self._raised(one, self.level, self._sign))

    def _readings(self, inputs: RuleInputs) -> list[Reading]:
        """Return the readings of the grader that fell furthest."""
        graders = [list(self._of_grader(inputs, name)) for name in held_out(inputs)]
        return min(graders, key=lambda one: min((reading.change for reading in one), default=1.0), default=[])

    def _of_grader(self, inputs: RuleInputs, name: str) -> Iterator[Reading]:
        means, window = inputs.means("train_reward"), inputs.facts.window
        for score in inputs.evaluations(name):
            reward = at(means, score.step)
            if reward is not None and score.evals >= 4:
                change, noise = score.now - score.first, self.errors * score.noise
                limits = {"explained": noise, "upper": change + noise, "floor": -max(self.least_fall, noise)}
                gain = reward - means[0][1]
                yield Reading(**score._asdict(), **limits, grader=name, change=change, train_gain=gain, window=window)

    def _sign(self, reading: Reading) -> Sign:
        if reading.change > -self.least_fall or reading.upper >= 0:
            return Sign.CLEAN
        return Sign.HOLDS if reading.train_gain >= self.least_gain else Sign.UNCLEAR


@dataclass(frozen=True)
class Lopsided(Rule, code="B", title="lopsided precision and recall", level="info", needs=(BOTH,)):
    """Notes that precision and recall lie far apart; graders by their names."""

    text = (
        "Lopsided: precision {precision:.2f} and recall {recall:.2f} on validation at step {step}.\n"
        "The policy {meaning}; one number for both hides it.\n"
        "Next: decide which of the two matters more, and compare checkpoints by that one too."
    )
    formula = (
        "|P{precision:.3f} - R{recall:.3f}| = {apart:.3f} > {most_apart}, at {in_row} evaluations in a row\n"
        "P and R: precision and recall on the validation split."
    )
    panels = (
        Panel("validation scores", "score", {"precision": "precision", "recall": "recall"}),
        Panel("apart", "score", {"apart": "precision and recall apart"}, {"most_apart": "noted above"}),
    )
    most_apart: float = 0.20
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        precisions, recalls = precision_and_recall(inputs) or ((), ())
        recall_at = dict(recalls)
        for step, precision in precisions:
            if step in recall_at:
                recall = recall_at[step]
                cautious = precision > recall
                meaning = "is right when it answers, and misses much" if cautious else "finds much, and is often wrong"
                apart = abs(precision - recall)
                yield Reading(step=step, precision=precision, recall=recall, apart=apart, meaning=meaning)

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.apart > self.most_apart)
