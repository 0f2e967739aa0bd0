"""Rules N and N2: the rewards have nothing to learn from, or nothing was learned."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from charts.wording import counted
from jobs.rules.alert import Level, Sign
from jobs.rules.curves import at
from jobs.rules.formula import NO_LUCK, Values
from jobs.rules.inputs import TRAIN, VALID, ZERO_STD, RuleInputs
from jobs.rules.rule import Panel, Reading, Rule, TwoLevelRule

IDLE: Final = (
    " at {steps} steps in a row and [T - Tb]{gain:.4f} < {least_gain}\n"
    "idle: share of items whose answers all got the same reward.\n"
    "T - Tb: train reward less that of {window:.0f} steps before, means of as many steps."
)
SAME: Final = 1e-9
"""Rewards closer than this are the same reward."""
NO_HEADROOM: Final = 0.85
"""A start above this leaves next to nothing to gain (arXiv 2508.14094)."""
NOTHING_FOUND: Final = (
    "Training does not find better answers: too hard, too easy, or a grader that cannot tell them apart."
)


@dataclass(frozen=True)
class NoSignal(TwoLevelRule, code="N", title="no signal", level="critical", needs=(TRAIN, ZERO_STD)):
    """Fires when an item's answers all get the same reward, so that none is better than another.

    That is the share of such items over `much` (warning) or `most` (critical) for `steps` steps, while train reward
    gained < `least_gain` over an epoch: high shares alone are normal (arXiv 2509.21880). Critical too when train reward
    was one and the same for a whole epoch, which needs no such figure: `least_same` steps at least, for an epoch of a
    few steps proves nothing, and `most_same` at most, or where the length of an epoch is not known.
    """

    text = (
        "No signal: {seen}.\n"
        "Where every answer is worth the same, training learns nothing and still costs.\n"
        "Next: pause the job and try the grader on some answers; it needs partial credit, or items of another "
        "difficulty."
    )
    panels = (
        Panel(
            "share of items",
            "share",
            {"zero_std_share": "items whose answers all got one reward"},
            {"much": "warning", "most": "critical"},
        ),
        Panel("train reward", "score", {"train_reward": "train reward", "mean": "mean of {window} steps"}),
    )
    much: float = 0.5
    most: float = 0.8
    steps: int = 3
    least_gain: float = 0.02
    least_same: int = 12
    most_same: int = 20

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        known, epoch = inputs.facts.epoch_steps, inputs.facts.epoch_or_stated
        enough = min(max(known, self.least_same), self.most_same) if known else self.most_same
        shares, means = dict(inputs.points("zero_std_share")), dict(inputs.means("train_reward", epoch))
        last: list[float | None] = []
        same, before = 0, float("inf")
        for step, reward in inputs.points("train_reward"):
            same, before = same + 1 if abs(reward - before) < SAME else 1, reward
            last = [*last, shares.get(step)][-self.steps :]
            sent = [share for share in last if share is not None]
            idle = min(sent) if len(sent) == self.steps else None
            now, then = means.get(step), means.get(step - epoch)
            gain = None if now is None or then is None else now - then
            seen = f"train reward was {reward:.2f} in each of the last {same} steps"
            if idle is not None and gain is not None:
                seen = f"on {idle:.0%} of the items all answers got the same reward for {self.steps} steps, and train "
                seen += f"reward moved by {gain:+.2f} in {counted(epoch, 'step')}"
            yield Reading(
                step=step,
                reward=reward,
                same=same,
                epoch=enough,
                idle=idle,
                gain=gain,
                mean=now,
                window=epoch,
                seen=seen,
            )

    def _warns(self, reading: Reading) -> Sign:
        return self._beyond(reading, self.much)

    def _sign(self, reading: Reading) -> Sign:
        return self._beyond(reading, self.most)

    def _beyond(self, reading: Reading, share: float) -> Sign:
        if reading.same >= reading.epoch:
            return Sign.HOLDS
        if reading.idle is None or reading.idle <= share:
            return Sign.CLEAN
        return Sign.UNCLEAR if reading.gain is None else Sign.of(reading.gain < self.least_gain)

    def _formula_of(self, level: Level, values: Values) -> str:
        if values.get("same", 0.0) >= values.get("epoch", 0.0):
            return (
                "n{same:.0f} >= [W, from least_same to most_same]{epoch:.0f}\n"
                "n: steps in a row with one and the same train reward, {reward:.3f}. W: steps of an epoch; most_same "
                "where that is not known.\n"
                "Where it never changes, no answer is better than another."
            )
        return ("idle{idle:.4g} > {most}" if level == "critical" else "idle{idle:.4g} > {much}") + IDLE


@dataclass(frozen=True)
class NoLearning(Rule, code="N2", title="nothing learned", level="warn", needs=(TRAIN, VALID)):
    """Fires when nothing was gained after `epochs` epochs; what was gained and lost again is for other rules.

    It looks from `epochs` epochs and `least_evals` evaluations on.
    """

    text = (
        "Nothing learned by step {step}: validation reward {valid_gain:+.2f} since the start, train reward "
        "{train_gain:+.2f} since the start.\n"
        "{meaning}\n"
        "Next: pause the job; run a variance study of the base model to see whether several tries ever do better."
    )
    formula = (
        "[V - V0]{valid_gain:.4f} < max({least_gain}, {noises} x s{noise:.3f}) = {limit:.3f} and "
        "[T - T1]{train_gain:.4f} < {least_gain} and "
        "[best V - V0]{best_gain:.3f} < max({once_gained}, {once_noises} x s{noise:.3f} + l{luck:.3f}), "
        "after {epochs} epochs, at {in_row} evaluations in a row\n"
        "V - V0: validation reward since the start, {valid_start:.3f}; best V: of two in a row. s = {noise:.3f}: the "
        "noise of one evaluation; l: what the luck of the best adds.\n"
        "T - T1: train reward since the start, means of {window:.0f} steps."
    )
    panels = (
        Panel("gain in validation reward", "score", {"valid_gain": "since the start"}, {"limit": "a gain"}),
        Panel(
            "gain in train reward",
            "score",
            {"train_gain": "since the start, means of {window} steps"},
            {"least_gain": "a gain"},
        ),
    )
    unkept = NO_LUCK
    epochs: int = 3
    least_evals: int = 6
    least_gain: float = 0.02
    noises: float = 2.0
    once_gained: float = 0.05
    once_noises: float = 3.0
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        epoch = inputs.facts.epoch_or_stated
        means, valid = inputs.means("train_reward", epoch), inputs.points("valid_reward")
        if not means or not valid:
            return
        (first, train_start), (_, start) = means[0], valid[0]
        meaning = f"A start of {start:.2f} leaves little to gain." if start > NO_HEADROOM else NOTHING_FOUND
        for one in inputs.evaluations():
            train = at(means, one.step)
            if train is not None and one.step >= first + (self.epochs - 1) * epoch and one.evals >= self.least_evals:
                limit = max(self.least_gain, self.noises * one.noise)
                gains = {"valid_gain": one.value - start, "best_gain": one.best - one.first}
                gains |= {"train_gain": train - train_start, "window": epoch}
                yield Reading(**one._asdict(), **gains, valid_start=start, limit=limit, meaning=meaning)

    def _sign(self, reading: Reading) -> Sign:
        if reading.best_gain >= max(self.once_gained, self.once_noises * reading.noise + reading.luck):
            return Sign.CLEAN
        return Sign.of(reading.valid_gain < reading.limit and reading.train_gain < self.least_gain)
