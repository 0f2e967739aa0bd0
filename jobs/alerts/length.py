"""Rules L1, L2 and L4: answers grow long, or short, and are no better for it.

Tokens and rewards are means over windows of one epoch (`JobFacts.window`), the baseline is the first such window.
Reasoning tokens move a lot on jobs that do well, so growth alone is no alert before it is threefold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from jobs.alerts.alert import Alert, JobFacts, Level, Sign, Values, Voice, raised
from jobs.alerts.epochs import at, epoch_means
from jobs.alerts.evaluations import Evaluation, read_evaluations
from jobs.alerts.gap import usable
from jobs.alerts.inputs import first_reason, no_train, no_valid, tokens
from jobs.alerts.noise import Windows
from jobs.series import Series

STEPS_IN_ROW = 3


def no_tokens(series: Series) -> str | None:
    """Return that token counts are missing, or None."""
    return None if tokens(series) else "The platform sends no token counts."


@dataclass(frozen=True, slots=True)
class Halves:
    """The job up to one step, its second half beside its first."""

    step: int
    tokens_first: float
    tokens_second: float
    reward_gain: float

    @property
    def growth(self) -> float:
        """Tokens of the second half over those of the first, less 1."""
        return self.tokens_second / max(self.tokens_first, 1.0) - 1


@dataclass(frozen=True, slots=True)
class LengthGrowth:
    """Fires when tokens grew by `most_growth` from the first half to the second and reward gained < `least_gain`."""

    rule: ClassVar[str] = "L1"
    title: ClassVar[str] = "longer answers, no gain"
    level: ClassVar[Level] = "warn"
    most_growth: float = 0.30
    least_gain: float = 0.02
    in_row: int = STEPS_IN_ROW

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        return first_reason(no_tokens(series), no_train(series))

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time answers grew for nothing; a half is at least a window long."""
        voice = Voice(self.rule, self.level, self.in_row, self.in_row)
        return raised(voice, tuple(_halves(series, facts.window)), self._sign, self._say)

    def _sign(self, halves: Halves) -> Sign:
        return Sign.HOLDS if halves.growth >= self.most_growth and halves.reward_gain < self.least_gain else Sign.CLEAN

    def _say(self, halves: Halves) -> tuple[str, Values]:
        text = (
            f"Answers grow without gain: {halves.tokens_second:,.0f} tokens each in the second half of the job, "
            f"{halves.growth:.0%} more than in the first; train reward moved by {halves.reward_gain:+.2f}.\n"
            "Every step costs more and buys nothing.\n"
            "Next: read some answers for padding; a grader that pays for length is the usual cause."
        )
        values = {
            "tokens_first": halves.tokens_first,
            "tokens_second": halves.tokens_second,
            "growth": halves.growth,
            "reward_gain": halves.reward_gain,
        }
        return text, values


def _halves(series: Series, window: int) -> Iterator[Halves]:
    rewards = dict(usable(series.train))
    both = [(step, count, rewards[step]) for step, count in usable(tokens(series)) if step in rewards]
    counts, gains = Windows(count for _, count, _ in both), Windows(reward for _, _, reward in both)
    for end in range(2 * window, len(both) + 1):
        half = end // 2
        gain = gains.mean(half, end) - gains.mean(0, half)
        yield Halves(both[end - 1][0], counts.mean(0, half), counts.mean(half, end), gain)


@dataclass(frozen=True, slots=True)
class Length:
    """Tokens and train reward over the last window, beside the first and the best."""

    step: int
    start: float
    now: float
    reward: float
    reward_best: float

    @property
    def factor(self) -> float:
        """Tokens now over tokens at the start."""
        return self.now / max(self.start, 1.0)


def _lengths(series: Series, window: int) -> Iterator[Length]:
    counts, rewards = epoch_means(tokens(series), window), epoch_means(series.train, window)
    best = float("-inf")
    for step, count in counts:
        reward = at(rewards, step)
        if reward is not None:
            best = max(best, reward)
            yield Length(step, counts[0][1], count, reward, best)


@dataclass(frozen=True, slots=True)
class LengthBlowUp:
    """Fires when tokens are `most` x the start, or `much` x with reward falling, for `in_row` steps.

    Reward is falling where T lies at least `least_fall` under its best.
    """

    rule: ClassVar[str] = "L2"
    title: ClassVar[str] = "answers blow up"
    level: ClassVar[Level] = "critical"
    most: float = 3.0
    much: float = 2.0
    least_fall: float = 0.05
    in_row: int = STEPS_IN_ROW

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        return first_reason(no_tokens(series), no_train(series))

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time answers blew up."""
        voice = Voice(self.rule, self.level, self.in_row, self.in_row)
        return raised(voice, tuple(_lengths(series, facts.window)), self._sign, self._say)

    def _sign(self, length: Length) -> Sign:
        falls = length.reward_best - length.reward >= self.least_fall
        return Sign.HOLDS if length.factor >= self.most or (length.factor >= self.much and falls) else Sign.CLEAN

    def _say(self, length: Length) -> tuple[str, Values]:
        text = (
            f"Answers blow up: {length.now:,.0f} tokens each, {length.factor:.1f} times the {length.start:,.0f} of the "
            f"start; train reward is {length.reward:.2f}, its best was {length.reward_best:.2f}.\n"
            "Steps get slower and dearer, and answers may be cut off at the limit.\n"
            "Next: read some answers; if they ramble, pause the job, and launch it with less effort or a token limit."
        )
        values = {
            "tokens_start": length.start,
            "tokens": length.now,
            "factor": length.factor,
            "reward": length.reward,
            "reward_best": length.reward_best,
        }
        return text, values


@dataclass(frozen=True, slots=True)
class Shrinking:
    """An evaluation, and how long the training answers were."""

    step: int
    length: Length
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class LengthShrink:
    """Fires when tokens are <= `least` x the start and the last two V lie > `noises` x s_V under the best two."""

    rule: ClassVar[str] = "L4"
    title: ClassVar[str] = "answers shrink"
    level: ClassVar[Level] = "warn"
    least: float = 0.4
    noises: float = 2.0
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        return first_reason(no_tokens(series), no_train(series), no_valid(series))

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time answers shrank at a cost."""
        lengths = [(length.step, length) for length in _lengths(series, facts.window)]
        evaluations = {evaluation.step: evaluation for evaluation in read_evaluations(series.valid)}
        found = [Shrinking(step, length, evaluations[step]) for step, length in lengths if step in evaluations]
        return raised(Voice(self.rule, self.level, self.in_row), found, self._sign, self._say)

    def _sign(self, found: Shrinking) -> Sign:
        evaluation = found.evaluation
        down = evaluation.best - evaluation.pair > self.noises * evaluation.noise
        return Sign.HOLDS if found.length.factor <= self.least and down else Sign.CLEAN

    def _say(self, found: Shrinking) -> tuple[str, Values]:
        length, evaluation = found.length, found.evaluation
        text = (
            f"Answers shrink: {length.now:,.0f} tokens each, {length.start:,.0f} at the start; validation reward fell "
            f"from {evaluation.best:.2f} to {evaluation.pair:.2f}.\n"
            "The policy probably stops thinking or answering early, and loses by it.\n"
            f"Next: read some answers of the newest checkpoint and of one near step {evaluation.best_step}."
        )
        values = {
            "tokens_start": length.start,
            "tokens": length.now,
            "factor": length.factor,
            "valid": evaluation.pair,
            "best": evaluation.best,
            "noise": evaluation.noise,
        }
        return text, values
