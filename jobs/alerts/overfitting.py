"""Rules O1, O2 and O0: the policy gets better on its training items and no better on others."""

from dataclasses import dataclass
from typing import ClassVar

from jobs.alerts.alert import Alert, JobFacts, Level, Sign, Values, Voice, raised
from jobs.alerts.gap import GapReading, read_gap
from jobs.alerts.inputs import first_reason, no_epoch, no_train, no_valid
from jobs.series import Series


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
    evaluations in a row; over after two clean ones. D, SE and "new best" as in `jobs.alerts.gap`.

    The defaults: .05 is the gap that Microsoft's guide to reward hacking calls healthy; 2.5 standard errors, patience
    and persistence hold false alarms under 1% where a job is evaluated 18 times (simulated in the tests). On jobs that
    really train (the local platform, EU acts, 100 steps of 16 x 16 rollouts, 50 validation items, 20 seeds a size) it
    warns in 20 of 20 with 24 training items (true gap .45 at the end), 19 with 100 (.13) and 0 with 400 (.04).
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
        voice = Voice(self.rule, self.level, self.in_row)
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
        voice = Voice(self.rule, self.level, self.in_row)
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
        return reading.recent < reading.best - max(self.least_fall, self.fall_noises * reading.noise)

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
        return text, {**_values(reading, threshold), "wide": self._wide(reading), "recent": reading.recent}


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
        return Alert(self.rule, self.level, reading.step, text, {"gap_start": reading.gap_start})


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
