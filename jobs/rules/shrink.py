"""Rule L4: answers grow short, and worse for it."""

from dataclasses import dataclass
from typing import ClassVar

from charts import TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, raised
from jobs.rules.evaluations import Evaluation, read_evaluations
from jobs.rules.inputs import first_reason, no_train, no_valid
from jobs.rules.length import LENGTHS, Length, no_tokens, read_lengths, token_means
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import limit, line

SHRUNK = Formula(
    "t / t0 <= least and best - V2 > noises x s, at in_row evaluations in a row",
    "{tokens:,.0f} / {tokens_start:,.0f} = {factor:.2f} <= {least:g} and {best:.3f} - {valid:.3f} = {fall:.3f} > "
    "{noises:g} x {noise:.3f} = {limit:.3f}, at {in_row:.0f} in a row",
    (
        LENGTHS,
        "V2: the mean of the last two evaluations; best: the highest such mean. s = {noise:.3f}: the noise of one.",
    ),
)


@dataclass(frozen=True, slots=True)
class Shrinking:
    """An evaluation, and how long the training answers were."""

    step: int
    length: Length
    evaluation: Evaluation

    @property
    def fall(self) -> float:
        """How far validation lies under its best, both means of two evaluations."""
        return self.evaluation.best - self.evaluation.pair


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
        return raised(Voice(self, self.level, self.in_row), self._readings(series, facts), self._sign, self._say)

    def _readings(self, series: Series, facts: JobFacts) -> tuple[Shrinking, ...]:
        lengths = [(length.step, length) for length in read_lengths(series, facts.window)]
        evaluations = {evaluation.step: evaluation for evaluation in read_evaluations(series.valid)}
        return tuple(Shrinking(step, length, evaluations[step]) for step, length in lengths if step in evaluations)

    def _sign(self, found: Shrinking) -> Sign:
        down = found.fall > self._limit(found)
        return Sign.HOLDS if found.length.factor <= self.least and down else Sign.CLEAN

    def _limit(self, found: Shrinking) -> float:
        return self.noises * found.evaluation.noise

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
            "fall": found.fall,
            "limit": self._limit(found),
        }
        return text, values

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return SHRUNK.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return tokens beside their floor, and how far validation lies under its best beside what noise explains."""
        found = self._readings(series, facts)
        floor = limit(f"{self.least:g} times the start", found, lambda one: self.least * one.length.start)
        fall = line("validation reward under its best", found, lambda one: one.fall)
        noise = limit("what noise explains", found, self._limit)
        return (
            TracePanel("tokens of an answer", "tokens", (token_means([one.length for one in found]),), (floor,)),
            TracePanel("fall of validation reward", "score", (fall,), (noise,)),
        )
