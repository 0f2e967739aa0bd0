"""Rule Z: the platform has fallen silent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from charts import Threshold, TracedLine, TracePanel
from jobs.core.series import Step
from jobs.rules.alert import Level, Sign
from jobs.rules.formula import Values
from jobs.rules.inputs import Need, RuleInputs
from jobs.rules.rule import Reading, Rule


def step_seconds(steps: Sequence[Step]) -> float | None:
    """Return the median time between two steps in seconds, by the events' times or else by the steps' own timing."""
    times = [(step.step, step.at) for step in steps if step.at is not None]
    between = [(later - at) / (number - before) for (before, at), (number, later) in pairwise(times)]
    spans = [span for span in between if span > 0] or [step.timing.full for step in steps if step.timing.full]
    return median(spans) if spans else None


def heard_at(inputs: RuleInputs) -> float | None:
    """Return when the platform last sent anything, in unix seconds."""
    times = (*(step.at for step in inputs.steps), inputs.facts.heard_at)
    return max((at for at in times if at is not None), default=None)


CLOCK: Final = Need("The time is not known here.", lambda inputs: inputs.facts.now is not None)
TIMES: Final = Need("The platform's events carry no time.", lambda inputs: heard_at(inputs) is not None)


@dataclass(frozen=True)
class Stall(Rule, code="Z", title="stall", level="warn", needs=(CLOCK, TIMES)):
    """Fires when a job that trains sent no event for max(`steps` x its median step, `least_seconds`).

    It is the one rule with a clock, so its alert is there only as long as the silence lasts: a step that comes ends it,
    and a longer series does not bring it back. What is said of a silence does not change while it lasts.
    """

    text = (
        "Stall: no event for more than {too_long} after step {step}; {pace}.\n"
        "The job may hang or wait for capacity; where time is charged, it may still cost.\n"
        "Next: look at the platform's own page and status; cancel and launch again if it does not go on."
    )
    steps: float = 3.0
    least_seconds: float = 1800.0

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        heard, now, usual = heard_at(inputs), inputs.facts.now, step_seconds(inputs.steps)
        limit = self._limit(usual)
        if now is not None and heard is not None and inputs.facts.training and now - heard > limit:
            step, too_long = _last_step(inputs), _span(limit)
            pace = f"a step took {_span(usual)} so far" if usual else "no step has come yet"
            yield Reading(step=step, heard_at=heard, step_seconds=usual, limit=limit, too_long=too_long, pace=pace)

    def _sign(self, reading: Reading) -> Sign:  # noqa: ARG002 - there is a reading only while it holds
        return Sign.HOLDS

    def _limit(self, usual: float | None) -> float:
        return max(self.steps * (usual or 0.0), self.least_seconds)

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - the figures tell
        if "step_seconds" in values:
            return (
                "in seconds: silence > max({steps} x m{step_seconds:.0f}, {least_seconds}) = {limit:.0f}\n"
                "silence: time since the newest event of any kind. m: the median time of a step."
            )
        return (
            "in seconds: silence > least_seconds{limit:.0f}\n"
            "silence: time since the newest event of any kind. No two steps have come that would tell how long one "
            "takes."
        )

    def picture(self, inputs: RuleInputs) -> tuple[TracePanel, ...]:
        """Return how long after the one before each step came, and the silence since the newest event."""
        times = [(step.step, step.at) for step in inputs.steps if step.at is not None]
        lines = [TracedLine("time since the step before", tuple((n, b - a) for (_, a), (n, b) in pairwise(times)))]
        heard, now = heard_at(inputs), inputs.facts.now
        if now is not None and heard is not None and inputs.facts.training:
            lines.append(TracedLine("silence now", ((_last_step(inputs) + 1, now - heard),)))
        if not any(line.points for line in lines):
            return ()
        limit = Threshold("stalled above", self._limit(step_seconds(inputs.steps)))
        return (TracePanel("time without an event", "seconds", tuple(lines), (limit,)),)


def _last_step(inputs: RuleInputs) -> int:
    return inputs.steps[-1].step if inputs.steps else 0


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
