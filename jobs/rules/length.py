"""Rules L1 and L2: answers grow long, and are no better for it.

Tokens and rewards are means over windows of one epoch (`JobFacts.window`), the baseline is the first such window.
Reasoning tokens move a lot on jobs that do well, so growth alone is no alert before it is threefold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracedLine, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, raised
from jobs.rules.epochs import at, epoch_means
from jobs.rules.gap import usable
from jobs.rules.inputs import first_reason, no_train, tokens
from jobs.rules.noise import Windows
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import limit, line

STEPS_IN_ROW = 3
GROWN = Formula(
    "t2 / t1 - 1 >= most_growth and r2 - r1 < least_gain, at in_row steps in a row",
    "{tokens_second:,.0f} / {tokens_first:,.0f} - 1 = {growth:.3f} >= {most_growth:g} and {reward_gain:.3f} < "
    "{least_gain:g}, at {in_row:.0f} in a row",
    (
        "t1 and t2: tokens of a training answer in the first and the second half of the job so far.",
        "r1 and r2: mean train reward in the same halves.",
    ),
)
LENGTHS = "t and t0: tokens of a training answer now and at the start, means of one epoch."
FAR_LONGER = Formula(
    "t / t0 >= most, at in_row steps in a row",
    "{tokens:,.0f} / {tokens_start:,.0f} = {factor:.2f} >= {most:g}, at {in_row:.0f} in a row",
    (LENGTHS,),
)
LONGER_AND_WORSE = Formula(
    "t / t0 >= much and best T - T >= least_fall, at in_row steps in a row",
    "{tokens:,.0f} / {tokens_start:,.0f} = {factor:.2f} >= {much:g} and {reward_best:.3f} - {reward:.3f} = {fall:.3f} "
    ">= {least_fall:g}, at {in_row:.0f} in a row",
    (LENGTHS, "T: mean train reward of one epoch."),
)


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
        voice = Voice(self, self.level, self.in_row, self.in_row)
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

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return GROWN.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return how tokens grew and what train reward gained, each beside its limit."""
        halves = tuple(_halves(series, facts.window))
        growth = line("second half of the job against its first", halves, lambda half: half.growth)
        gain = line("second half of the job less its first", halves, lambda half: half.reward_gain)
        return (
            TracePanel("growth of answers", "share", (growth,), (Threshold("much", self.most_growth),)),
            TracePanel("gain in train reward", "score", (gain,), (Threshold("little", self.least_gain),)),
        )


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

    @property
    def fall(self) -> float:
        """How far T lies under its best."""
        return self.reward_best - self.reward


def read_lengths(series: Series, window: int) -> Iterator[Length]:
    """Yield a reading for every step that has both, from the end of the first window on."""
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
        voice = Voice(self, self.level, self.in_row, self.in_row)
        return raised(voice, tuple(read_lengths(series, facts.window)), self._sign, self._say)

    def _sign(self, length: Length) -> Sign:
        falls = length.fall >= self.least_fall
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
            "fall": length.fall,
        }
        return text, values

    def why(self, values: Values) -> str:
        """Return the form of the formula that held, with the numbers of an alert."""
        far = values.get("factor", 0.0) >= values.get("most", self.most)
        return (FAR_LONGER if far else LONGER_AND_WORSE).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return tokens beside both limits, and how far train reward lies under its best."""
        lengths = tuple(read_lengths(series, facts.window))
        much = limit(f"{self.much:g} times the start", lengths, lambda one: self.much * one.start)
        most = limit(f"{self.most:g} times the start", lengths, lambda one: self.most * one.start)
        fall = line("train reward under its best", lengths, lambda one: one.fall)
        return (
            TracePanel("tokens of an answer", "tokens", (token_means(lengths),), (much, most)),
            TracePanel("fall of train reward", "score", (fall,), (Threshold("a fall", self.least_fall),)),
        )


def token_means(lengths: Sequence[Length]) -> TracedLine:
    """Return the tokens of an answer as they are drawn."""
    return line("mean of one epoch", lengths, lambda length: length.now)
