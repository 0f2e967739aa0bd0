"""Rule L3: answers are cut off at the token limit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, one_at_a_time, raised
from jobs.rules.inputs import CLIPPED_KEYS, raw_points
from jobs.rules.reasons import Formula, Values
from jobs.rules.tracing import line

CUT_OFF = "share: of the answers of a step, those that reached the token limit; {share:.0%} at this step."
SOME = Formula(
    "share > much at steps steps in a row",
    "{least:.4g} > {much:g} at each of {steps:.0f} steps",
    (CUT_OFF,),
)
MANY = Formula(
    "share >= most at steps steps in a row",
    "{least:.4g} >= {most:g} at each of {steps:.0f} steps",
    (CUT_OFF,),
)
NEARLY_ALL = Formula(
    "share >= at_once at one step",
    "{share:.4g} >= {at_once:g}",
    (CUT_OFF,),
)


@dataclass(frozen=True, slots=True)
class Clipped:
    """Share of answers cut off at a step, and the least share of the last steps (0 before there are enough)."""

    step: int
    share: float
    least: float


@dataclass(frozen=True, slots=True)
class Truncation:
    """Fires when the share of answers cut off is > `much` (warning) or >= `most` (critical) for `steps` steps.

    At `at_once` one step is enough.
    """

    rule: ClassVar[str] = "L3"
    title: ClassVar[str] = "answers cut off"
    level: ClassVar[Level] = "critical"
    much: float = 0.1
    most: float = 0.5
    at_once: float = 0.9
    steps: int = 3

    def blind(self, series: Series, facts: JobFacts) -> str | None:  # noqa: ARG002 - every rule is asked alike
        """Return what is missing, or None."""
        return None if raw_points(series, CLIPPED_KEYS) else "The platform sends no share of answers that were cut off."

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:  # noqa: ARG002 - every rule is asked alike
        """Return every time answers were cut off."""
        readings = tuple(_clipped(series, self.steps))
        return one_at_a_time(
            raised(Voice(self, "warn", 1, self.steps), readings, self._warns, self._say),
            raised(Voice(self, "critical", 1, self.steps), readings, self._alarms, self._say),
        )

    def _warns(self, reading: Clipped) -> Sign:
        if reading.least > self.much:
            return Sign.HOLDS
        return Sign.UNCLEAR if reading.share > self.much else Sign.CLEAN

    def _alarms(self, reading: Clipped) -> Sign:
        if reading.share >= self.at_once or reading.least >= self.most:
            return Sign.HOLDS
        return Sign.UNCLEAR if reading.share >= self.most else Sign.CLEAN

    def _say(self, reading: Clipped) -> tuple[str, Values]:
        text = (
            f"Answers are cut off: {reading.share:.0%} of them reached the token limit at step {reading.step}.\n"
            "A cut-off answer is graded as it stands, so training learns to be short or learns nothing.\n"
            "Next: raise the limit on answer tokens or lower the effort, and launch again."
        )
        return text, {"share": reading.share, "least": reading.least}

    def why(self, values: Values) -> str:
        """Return the form of the formula that held, with the numbers of an alert."""
        if values.get("share", 0.0) >= values.get("at_once", self.at_once):
            return NEARLY_ALL.put_in(self, values)
        return (MANY if values.get("least", 0.0) >= values.get("most", self.most) else SOME).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:  # noqa: ARG002 - asked alike
        """Return the share of answers cut off, beside its limits."""
        share = line("answers cut off", tuple(_clipped(series, self.steps)), lambda reading: reading.share)
        limits = (("warning", self.much), ("critical", self.most), ("critical at once", self.at_once))
        held = tuple(Threshold(name, at) for name, at in limits)
        return (TracePanel("share of answers cut off", "share", (share,), held),)


def _clipped(series: Series, steps: int) -> Iterator[Clipped]:
    points = raw_points(series, CLIPPED_KEYS)
    for index, (step, share) in enumerate(points):
        last = [value for _, value in points[max(0, index + 1 - steps) : index + 1]]
        yield Clipped(step, share, min(last) if len(last) == steps else 0.0)
