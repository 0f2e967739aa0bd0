"""Rules L1 to L4: answers grow, shrink or are cut off.

Tokens and rewards are means over windows of one epoch (`JobFacts.window`), the baseline is the first such window.
Reasoning tokens move a lot on jobs that do well, so growth alone is no alert before it is threefold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jobs.rules.alert import Level, Sign
from jobs.rules.curves import at
from jobs.rules.formula import NO_LUCK, Values
from jobs.rules.inputs import CLIPPED, TOKENS, TRAIN, VALID, RuleInputs
from jobs.rules.noise import Windows
from jobs.rules.rule import Panel, Reading, Rule, TwoLevelRule, shares

STEPS_IN_ROW: Final = 3
TIMES_THE_START: Final = "t{tokens:,.0f} / t0{tokens_start:,.0f} = {factor:.2f} "
LENGTHS: Final = "t and t0: tokens of a training answer now and at the start, means of {window:.0f} steps."
CUT_OFF: Final = "share: of the answers of a step, those that reached the token limit; {share:.0%} at this step."
MEAN_TOKENS: Final = {"tokens": "mean of {window} steps"}


def read_lengths(inputs: RuleInputs) -> Mapping[int, Mapping[str, float]]:
    """Return the tokens of an answer now and at the start, and how many times longer that is, by step."""
    means, rewards = inputs.means("tokens"), inputs.means("train_reward")
    start = means[0][1] if means else 0.0
    return {
        step: {
            "tokens": tokens,
            "tokens_start": start,
            "factor": tokens / max(start, 1.0),
            "window": inputs.facts.window,
        }
        for step, tokens in means
        if rewards and step >= rewards[0][0]
    }


@dataclass(frozen=True)
class LengthGrowth(Rule, code="L1", title="longer answers, no gain", level="warn", needs=(TOKENS, TRAIN)):
    """Fires when tokens grew from the first half of the job to the second, and reward did not.

    A half is at least a window long.
    """

    text = (
        "Answers grow without gain: {tokens_second:,.0f} tokens each in the second half of the job, {growth:.0%} more "
        "than in the first; train reward moved by {reward_gain:+.2f}.\n"
        "Every step costs more and buys nothing.\n"
        "Next: read some answers for padding; a grader that pays for length is the usual cause."
    )
    formula = (
        "t2{tokens_second:,.0f} / t1{tokens_first:,.0f} - 1 = {growth:.3f} >= {most_growth} and "
        "[r2 - r1]{reward_gain:.3f} < {least_gain}, at {in_row} steps in a row\n"
        "t1 and t2: tokens of a training answer in the first and the second half of the job so far.\n"
        "r1 and r2: mean train reward in the same halves."
    )
    panels = (
        Panel("growth of answers", "share", {"growth": "second half against the first"}, {"most_growth": "much"}),
        Panel("gain in train reward", "score", {"reward_gain": "second half less the first"}, {"least_gain": "little"}),
    )
    reads_steps = True
    most_growth: float = 0.30
    least_gain: float = 0.02
    in_row: int = STEPS_IN_ROW

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        rewards = dict(inputs.points("train_reward"))
        both = [(step, count, rewards[step]) for step, count in inputs.points("tokens") if step in rewards]
        counts, gains = Windows(count for _, count, _ in both), Windows(reward for _, _, reward in both)
        for end in range(2 * inputs.facts.window, len(both) + 1):
            half = end // 2
            first, second = counts.mean(0, half), counts.mean(half, end)
            yield Reading(
                step=both[end - 1][0],
                tokens_first=first,
                tokens_second=second,
                growth=second / max(first, 1.0) - 1,
                reward_gain=gains.mean(half, end) - gains.mean(0, half),
            )

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.growth >= self.most_growth and reading.reward_gain < self.least_gain)


@dataclass(frozen=True)
class LengthBlowUp(Rule, code="L2", title="answers blow up", level="critical", needs=(TOKENS, TRAIN)):
    """Fires when tokens are `most` x the start, or `much` x while reward has fallen from its best."""

    text = (
        "Answers blow up: {tokens:,.0f} tokens each, {factor:.1f} times the {tokens_start:,.0f} of the start; train "
        "reward is {reward:.2f}, its best was {reward_best:.2f}.\n"
        "Steps get slower and dearer, and answers may be cut off at the limit.\n"
        "Next: read some answers; if they ramble, pause the job, and launch it with less effort or a token limit."
    )
    panels = (
        Panel(
            "tokens of an answer",
            "tokens",
            MEAN_TOKENS,
            {"tokens_much": "{much:g} times the start", "tokens_most": "{most:g} times the start"},
        ),
        Panel("fall of train reward", "score", {"fall": "since its best"}, {"least_fall": "a fall"}),
    )
    reads_steps = True
    most: float = 3.0
    much: float = 2.0
    least_fall: float = 0.05
    in_row: int = STEPS_IN_ROW

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        rewards, best = inputs.means("train_reward"), float("-inf")
        for step, length in inputs.once(read_lengths).items():
            reward = at(rewards, step) or 0.0
            best = max(best, reward)
            limits = {
                "tokens_much": self.much * length["tokens_start"],
                "tokens_most": self.most * length["tokens_start"],
            }
            yield Reading(step=step, **length, **limits, reward=reward, reward_best=best, fall=best - reward)

    def _sign(self, reading: Reading) -> Sign:
        much_and_worse = reading.factor >= self.much and reading.fall >= self.least_fall
        return Sign.of(reading.factor >= self.most or much_and_worse)

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - both forms are critical
        if values.get("factor", 0.0) >= values["most"]:
            return f"{TIMES_THE_START}>= {{most}}, at {{in_row}} steps in a row\n{LENGTHS}"
        worse = "[best T]{reward_best:.3f} - T{reward:.3f} = {fall:.3f} >= {least_fall}, at {in_row} steps in a row"
        return f"{TIMES_THE_START}>= {{much}} and {worse}\n{LENGTHS}\nT: mean train reward of {{window:.0f}} steps."


@dataclass(frozen=True)
class LengthShrink(Rule, code="L4", title="answers shrink", level="warn", needs=(TOKENS, TRAIN, VALID)):
    """Fires when tokens are <= `least` x the start and validation has fallen from its best; both are means of two."""

    text = (
        "Answers shrink: {tokens:,.0f} tokens each, {tokens_start:,.0f} at the start; validation reward fell from "
        "{best:.2f} to {valid:.2f}.\n"
        "The policy probably stops thinking or answering early, and loses by it.\n"
        "Next: read some answers of the newest checkpoint and of one near step {best_step}."
    )
    formula = (
        f"{TIMES_THE_START}<= {{least}} and "
        "best{best:.3f} - V2{valid:.3f} = {fall:.3f} > {noises} x s{noise:.3f} + l{luck:.3f} = {limit:.3f}, "
        f"at {{in_row}} evaluations in a row\n{LENGTHS}\n"
        "V2: the mean of the last two evaluations; best: the highest such mean. s = {noise:.3f}: the noise of "
        "one; l: what the luck of the best adds."
    )
    panels = (
        Panel("tokens of an answer", "tokens", MEAN_TOKENS, {"tokens_least": "{least:g} times the start"}),
        Panel("fall of validation reward", "score", {"fall": "since its best"}, {"limit": "what noise explains"}),
    )
    unkept = NO_LUCK
    least: float = 0.4
    noises: float = 2.0
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        lengths = inputs.once(read_lengths)
        for one in inputs.evaluations():
            if length := lengths.get(one.step):
                limits = {
                    "limit": self.noises * one.noise + one.luck,
                    "tokens_least": self.least * length["tokens_start"],
                }
                yield Reading(**one._asdict(), **length, **limits, valid=one.now, fall=one.best - one.now)

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.factor <= self.least and reading.fall > reading.limit)


@dataclass(frozen=True)
class Truncation(TwoLevelRule, code="L3", title="answers cut off", level="critical", needs=(CLIPPED,)):
    """Fires when the share of answers cut off is > `much` (warning) or >= `most` (critical) for `steps` steps.

    At `at_once` one step is enough.
    """

    text = (
        "Answers are cut off: {share:.0%} of them reached the token limit at step {step}.\n"
        "A cut-off answer is graded as it stands, so training learns to be short or learns nothing.\n"
        "Next: raise the limit on answer tokens or lower the effort, and launch again."
    )
    panels = shares("answers cut off", much="warning", most="critical", at_once="critical at once")
    much: float = 0.1
    most: float = 0.5
    at_once: float = 0.9
    steps: int = 3

    @property
    def _clean(self) -> int:
        return self.steps

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        last: list[float] = []
        for step, share in inputs.points("clipped_share"):
            last = [*last, share][-self.steps :]
            yield Reading(step=step, share=share, least=min(last) if len(last) == self.steps else 0.0)

    def _warns(self, reading: Reading) -> Sign:
        if reading.least > self.much:
            return Sign.HOLDS
        return Sign.UNCLEAR if reading.share > self.much else Sign.CLEAN

    def _sign(self, reading: Reading) -> Sign:
        if reading.share >= self.at_once or reading.least >= self.most:
            return Sign.HOLDS
        return Sign.UNCLEAR if reading.share >= self.most else Sign.CLEAN

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - the figures tell
        if values.get("share", 0.0) >= values["at_once"]:
            return f"share{{share:.4g}} >= {{at_once}}\n{CUT_OFF}\nOne such step is enough."
        many = values.get("least", 0.0) >= values["most"]
        held = "share{least:.4g} >= {most}" if many else "share{least:.4g} > {much}"
        return f"{held} at {{steps}} steps in a row\n{CUT_OFF}"
