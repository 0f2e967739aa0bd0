"""Rules O1, O2 and O0: the policy gets better on its training items and no better on others."""

from dataclasses import dataclass
from typing import ClassVar

from charts import Threshold, TracedLine, TracePanel
from jobs.core.series import Series
from jobs.rules.alert import Alert, JobFacts, Level, Sign, Voice, raised
from jobs.rules.gap import GapReading, read_gap
from jobs.rules.inputs import first_reason, no_epoch, no_train, no_valid
from jobs.rules.reasons import Formula, Values, thresholds
from jobs.rules.tracing import limit, line

DRIFT = (
    "D = G - G0 = {gap:.3f} - {gap_start:.3f}: how far the gap between train and validation reward (mean of one epoch) "
    "has moved from its start. SE = {error:.3f}: the standard error of D."
)
STALE = "n = {stale:.0f}: evaluations since the best one, {best:.2f} at step {best_step:.0f}."
DRIFTED = Formula(
    "D > max(least_drift, errors x SE) and n >= patience, at in_row evaluations in a row",
    "{drift:.3f} > max({least_drift:g}, {errors:g} x {error:.3f}) = {threshold:.3f} and {stale:.0f} >= {patience:.0f}, "
    "at {in_row:.0f} in a row",
    (DRIFT, STALE),
)
WIDE = Formula(
    "D > max(wide_drift, wide_errors x SE) and n >= patience, at in_row evaluations in a row",
    "{drift:.3f} > max({wide_drift:g}, {wide_errors:g} x {error:.3f}) = {wide:.3f} and {stale:.0f} >= {patience:.0f}, "
    "at {in_row:.0f} in a row",
    (DRIFT, STALE),
)
FALLEN = Formula(
    "D > max(least_drift, errors x SE) and V2 < best - max(least_fall, fall_noises x s), "
    "at in_row evaluations in a row",
    "{drift:.3f} > max({least_drift:g}, {errors:g} x {error:.3f}) = {threshold:.3f} and {recent:.3f} < {best:.3f} - "
    "max({least_fall:g}, {fall_noises:g} x {noise:.3f}) = {floor:.3f}, at {in_row:.0f} in a row",
    (DRIFT, "V2 = {recent:.3f}: the mean of the last two evaluations. s = {noise:.3f}: the noise of one.", STALE),
)
HARDER = Formula(
    "G0 > least_gap",
    "{gap_start:.3f} > {least_gap:g}",
    ("G0: the median of the first three gaps between train and validation reward (each the mean of one epoch).",),
)


def gap_readings(series: Series, facts: JobFacts) -> tuple[GapReading, ...]:
    """Return the readings of the aligned gap; () where the length of an epoch is not known."""
    return () if facts.epoch_steps is None else read_gap(series, facts.epoch_steps)


def no_gap(series: Series, facts: JobFacts) -> str | None:
    """Return why there is no gap to read, or None."""
    return first_reason(no_epoch(facts), no_train(series), no_valid(series))


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Fires when the aligned gap has drifted from its own start and validation has stopped rising.

    Formula: D > max(`least_drift`, `errors` x SE) and at least `patience` evaluations since a new best, at `in_row`
    evaluations in a row; over after two clean ones. D, SE and "new best" as in `jobs.rules.gap`.

    The defaults: .05 is the gap that Microsoft's guide to reward hacking calls healthy; 2.5 standard errors, patience
    and persistence hold false alarms under 1% where a job is evaluated 18 times (simulated in the tests). On jobs that
    really train (the local platform, EU acts, 100 steps of 16 x 16 rollouts, 50 validation items, 20 seeds a size) it
    warns in 20 of 20 with 24 training items (true gap .45 at the end), 20 with 100 (.13) and 0 with 400 (.03), where
    the plain gap T - V warns in 18 (`python -m tests.bench overfitting`).
    """

    rule: ClassVar[str] = "O1"
    title: ClassVar[str] = "overfitting"
    level: ClassVar[Level] = "warn"
    least_drift: float = 0.05
    errors: float = 2.5
    patience: int = 2
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing for a gap, or None."""
        return no_gap(series, facts)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time the job began to overfit; () until the baseline is known, and where W cannot be."""
        voice = Voice(self, self.level, self.in_row)
        return raised(voice, gap_readings(series, facts), self._sign, self._say)

    def _sign(self, reading: GapReading) -> Sign:
        """Clean is a gap that noise explains, or a new best: one lucky new best clears nothing, two in a row do."""
        if reading.drift <= self._threshold(reading) or reading.stale == 0:
            return Sign.CLEAN
        return Sign.HOLDS if reading.stale >= self.patience else Sign.UNCLEAR

    def _threshold(self, reading: GapReading) -> float:
        return max(self.least_drift, self.errors * reading.error)

    def _say(self, reading: GapReading) -> tuple[str, Values]:
        threshold = self._threshold(reading)
        return _text(reading, threshold), _values(reading, threshold)

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of an alert."""
        return DRIFTED.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the drift of the gap beside what noise explains, and validation beside its best."""
        readings = gap_readings(series, facts)
        explained = limit("what noise explains", readings, self._threshold)
        drift = TracePanel("drift of the gap between train and validation", "score", _drift(readings), (explained,))
        valid = TracedLine("validation reward", series.valid)
        best = limit("its best so far", readings, lambda reading: reading.best)
        return (drift, TracePanel("validation reward", "score", (valid,), (best,)))


@dataclass(frozen=True, slots=True)
class SevereOverfitting:
    """Fires when the gap has grown wide for long, or has drifted while validation falls from its best.

    Formula: D > max(`wide_drift`, `wide_errors` x SE) and at least `patience` evaluations since a new best; or
    D > max(`least_drift`, `errors` x SE) and the mean of the last two V < best - max(`least_fall`, `fall_noises` x
    s_V); at `in_row` evaluations in a row. .10 is the gap at which Microsoft's guide stops a job.
    """

    rule: ClassVar[str] = "O2"
    title: ClassVar[str] = "severe overfitting"
    level: ClassVar[Level] = "critical"
    wide_drift: float = 0.10
    wide_errors: float = 3.0
    patience: int = 3
    least_drift: float = 0.05
    errors: float = 2.5
    least_fall: float = 0.03
    fall_noises: float = 2.5
    in_row: int = 2

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing for a gap, or None."""
        return no_gap(series, facts)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time overfitting became severe."""
        voice = Voice(self, self.level, self.in_row)
        return raised(voice, gap_readings(series, facts), self._sign, self._say)

    def _sign(self, reading: GapReading) -> Sign:
        drifted = reading.drift > max(self.least_drift, self.errors * reading.error)
        if not drifted or reading.stale == 0:
            return Sign.CLEAN
        wide = reading.drift > self._wide(reading) and reading.stale >= self.patience
        return Sign.HOLDS if wide or self._falls(reading) else Sign.UNCLEAR

    def _wide(self, reading: GapReading) -> float:
        return max(self.wide_drift, self.wide_errors * reading.error)

    def _falls(self, reading: GapReading) -> bool:
        return reading.recent < self._floor(reading)

    def _floor(self, reading: GapReading) -> float:
        return reading.best - max(self.least_fall, self.fall_noises * reading.noise)

    def _say(self, reading: GapReading) -> tuple[str, Values]:
        threshold = max(self.least_drift, self.errors * reading.error)
        fall = reading.best - reading.recent
        seen = f"validation fell {fall:.2f} below its best" if self._falls(reading) else "validation does not follow"
        text = (
            f"Severe overfitting: by step {reading.step} the gap between train and validation grew from "
            f"{reading.gap_start:.2f} to {reading.gap:.2f}, and {seen}.\n"
            f"More steps probably make the model worse on new items: best {reading.best:.2f} at step "
            f"{reading.best_step}, {reading.stale} evaluations ago; now {reading.recent:.2f}, the mean of two.\n"
            f"Next: pause or cancel the job, and evaluate checkpoints near step {reading.best_step} on the test split."
        )
        more = {"wide": self._wide(reading), "recent": reading.recent, "floor": self._floor(reading)}
        return text, {**_values(reading, threshold), **more, "noise": reading.noise}

    def why(self, values: Values) -> str:
        """Return the form of the formula that held, with the numbers of an alert."""
        fallen = "floor" in values and values["recent"] < values["floor"]
        return (FALLEN if fallen else WIDE).put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the drift of the gap beside both limits, and validation beside the fall that noise explains."""
        readings = gap_readings(series, facts)
        explained = limit("what noise explains", readings, lambda r: max(self.least_drift, self.errors * r.error))
        wide = limit("wide", readings, self._wide)
        drift = TracePanel(
            "drift of the gap between train and validation", "score", _drift(readings), (explained, wide)
        )
        valid = line("mean of the last two evaluations", readings, lambda reading: reading.recent)
        floor = limit("best so far, less what noise explains", readings, self._floor)
        return (drift, TracePanel("validation reward", "score", (valid,), (floor,)))


@dataclass(frozen=True, slots=True)
class HarderValidation:
    """Notes that validation is harder than training from the start: G_0 > `least_gap`. It is no fault of training."""

    rule: ClassVar[str] = "O0"
    title: ClassVar[str] = "validation harder than training"
    level: ClassVar[Level] = "info"
    least_gap: float = 0.10

    def blind(self, series: Series, facts: JobFacts) -> str | None:
        """Return what is missing for a gap, or None."""
        return no_gap(series, facts)

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return one note as soon as the gap's start is known; it stays."""
        first = gap_readings(series, facts)[:1]
        return tuple(self._alert(reading) for reading in first if reading.gap_start > self.least_gap)

    def _alert(self, reading: GapReading) -> Alert:
        text = (
            f"Validation is harder: its reward lies {reading.gap_start:.2f} below train reward from the start.\n"
            "That is a property of the splits, not of training; overfitting is judged by how the gap changes.\n"
            "Next: nothing now. For the next job, draw both splits from the same pool at random."
        )
        values = {**thresholds(self), "gap_start": reading.gap_start}
        return Alert(self.rule, self.level, reading.step, text, values)

    def why(self, values: Values) -> str:
        """Return the formula with the numbers of a note."""
        return HARDER.put_in(self, values)

    def panels(self, series: Series, facts: JobFacts) -> tuple[TracePanel, ...]:
        """Return the gap beside the start that is noted."""
        readings = gap_readings(series, facts)
        gap = line("gap, mean of one epoch", readings, lambda reading: reading.gap)
        start = limit("its start", readings, lambda reading: reading.gap_start)
        held = Threshold("noted above", self.least_gap)
        return (TracePanel("train reward less validation reward", "score", (gap,), (start, held)),)


def _drift(readings: tuple[GapReading, ...]) -> tuple[TracedLine, ...]:
    return (line("drift of the gap", readings, lambda reading: reading.drift),)


def _values(reading: GapReading, threshold: float) -> dict[str, float]:
    return {
        "valid": reading.valid,
        "gap": reading.gap,
        "gap_start": reading.gap_start,
        "drift": reading.drift,
        "error": reading.error,
        "threshold": threshold,
        "best": reading.best,
        "best_step": float(reading.best_step),
        "stale": float(reading.stale),
    }


def _text(reading: GapReading, threshold: float) -> str:
    return (
        f"Possible overfitting: train reward pulls away from validation. By step {reading.step} the gap grew from "
        f"{reading.gap_start:.2f} to {reading.gap:.2f}, more than noise explains ({threshold:.2f}).\n"
        f"The policy probably learns its training items rather than the task: validation has had no new best for "
        f"{reading.stale} evaluations (best {reading.best:.2f} at step {reading.best_step}, now {reading.valid:.2f}).\n"
        f"Next: look at checkpoints near step {reading.best_step} first. Pausing or cancelling the job stops spending; "
        f"for the next one, use more training items or fewer epochs."
    )
