"""Rule O1: the policy gets better on its training items and no better on others."""

from dataclasses import dataclass
from typing import ClassVar

from jobs.alerts.alert import Alert, JobFacts, Level, Sign, episodes
from jobs.alerts.gap import GapReading, read_gap
from jobs.series import Series


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
    level: ClassVar[Level] = "warn"
    least_drift: float = 0.05
    errors: float = 2.5
    patience: int = 2
    in_row: int = 2

    def alerts(self, series: Series, facts: JobFacts) -> tuple[Alert, ...]:
        """Return every time the job began to overfit; () until the baseline is known, and where W cannot be."""
        if facts.epoch_steps is None:
            return ()
        readings = read_gap(series, facts.epoch_steps)
        signs = [self._sign(reading) for reading in readings]
        return tuple(
            self._alert(readings[e.fired], None if e.cleared is None else readings[e.cleared].step)
            for e in episodes(signs, in_row=self.in_row)
        )

    def _sign(self, reading: GapReading) -> Sign:
        """Clean is a gap that noise explains, or a new best: one lucky new best clears nothing, two in a row do."""
        if reading.drift <= self._threshold(reading) or reading.stale == 0:
            return Sign.CLEAN
        return Sign.HOLDS if reading.stale >= self.patience else Sign.UNCLEAR

    def _threshold(self, reading: GapReading) -> float:
        return max(self.least_drift, self.errors * reading.error)

    def _alert(self, reading: GapReading, cleared: int | None) -> Alert:
        threshold = self._threshold(reading)
        values = {
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
        return Alert(self.rule, self.level, reading.step, _text(reading, threshold), values, cleared)


def _text(reading: GapReading, threshold: float) -> str:
    return (
        f"Possible overfitting: train reward pulls away from validation. By step {reading.step} the gap grew from "
        f"{reading.gap_start:.2f} to {reading.gap:.2f}, more than noise explains ({threshold:.2f}).\n"
        f"The policy probably learns its training items rather than the task: validation has had no new best for "
        f"{reading.stale} evaluations (best {reading.best:.2f} at step {reading.best_step}, now {reading.valid:.2f}).\n"
        f"Next: look at checkpoints near step {reading.best_step} first. Pausing or cancelling the job stops spending; "
        f"for the next one, use more training items or fewer epochs."
    )
