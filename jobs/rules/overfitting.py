"""Rules O1, O2, O0 and K1: train reward pulls away from validation, or could without being seen.

All of them read the aligned gap; G, D, SE, s_V and "new best" as in `jobs.rules.gap`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from charts.wording import counted
from jobs.rules.alert import Level, Sign
from jobs.rules.formula import Values, apart
from jobs.rules.gap import GapReading, read_gap
from jobs.rules.inputs import TRAIN, VALID, RuleInputs
from jobs.rules.noise import LEAST_EVALS
from jobs.rules.rule import Panel, Reading, Rule

GAP: Final = (TRAIN, VALID)
DRIFTED: Final = "D{drift:.3f} > max({least_drift}, ({errors} + l{luck:.2f}) x SE{error:.3f}) = {threshold:.3f} and "
DRIFTED_WIDE: Final = (
    "D{drift:.3f} > max({wide_drift}, ({wide_errors} + l{luck:.2f}) x SE{error:.3f}) = {wide:.3f} and "
)
DRIFT: Final = (
    "D = G - G0 = {gap:.3f} - {gap_start:.3f}: how far train reward has pulled away from validation, means of the "
    "last {gap_steps:.0f} and of the first {start_steps:.0f} steps. SE = {error:.3f}: its standard error.\n"
    "l = {luck:.2f}: what the luck of the highest of {evals:.0f} evaluations adds to it.\n"
)
STALE: Final = (
    "n = {stale:.0f}: evaluations since the newest best beyond noise, {rise:.2f} at step {rise_step:.0f} (mean of "
    "m = {pooled:.0f})."
)
OUTWAITED: Final = "n{stale:.0f} >= max({patience}, m{pooled:.0f})"
NO_NEW_BEST: Final = OUTWAITED + ", at {in_row} evaluations in a row\n" + DRIFT + STALE
NOT_RISING: Final = (
    OUTWAITED
    + " and g{gain:.2f} < {most_gain}, at {in_row} evaluations in a row\n"
    + DRIFT
    + STALE
    + " g = {gain:.2f}: "
    "the gain of the last third of the evaluations over the third before, in standard errors."
)
FALLEN: Final = (
    "V{recent:.3f} < B{best:.3f} - max({least_fall}, {fall_errors} x SEv{fall_error:.3f} + lv{fall_luck:.3f}) = "
    "{floor:.3f}, at {in_row} evaluations in a row\n" + DRIFT + "V = {recent:.3f}: the mean of the last {pooled:.0f} "
    "evaluations; B = {best:.3f}: the highest such mean. SEv: the standard error of their difference; lv: what the "
    "luck of the highest adds."
)
UNKEPT: Final = {"luck": 0.0, "pooled": 2.0}
DRIFT_LABEL: Final = "drift of the gap between train and validation"
DRIFT_LINE: Final = {"drift": "drift of the gap"}
SMALLEST: Final = 0.001
"""No split is asked to show smaller gaps, even if a task's threshold is 0."""


def read_gaps(inputs: RuleInputs) -> tuple[GapReading, ...]:
    """Return the readings of the aligned gap."""
    facts = inputs.facts
    return read_gap(
        inputs.points("train_reward"),
        inputs.points("valid_reward"),
        facts.gap_steps,
        epoch=facts.epoch_steps,
        expected=facts.expected_noise,
        scale=facts.scale,
    )


def _sign_of(reading: Reading, calm: float, *, holds: bool) -> Sign:
    """Return the sign of a drift that counts where `holds`.

    Clean is a new best, or a drift well under what noise explains, so that one about as large neither raises an alert
    nor ends one. One lucky new best clears nothing, two in a row do.
    """
    if reading.stale == 0 or reading.drift <= calm * reading.threshold:
        return Sign.CLEAN
    return Sign.HOLDS if holds and reading.drift > reading.threshold else Sign.UNCLEAR


def stands_still(gap: GapReading) -> str:
    """Return for how long validation has not risen beyond noise, with the means of evaluations that say so."""
    count, means = counted(gap.stale, "evaluation"), f"means of {gap.pooled}"
    rise, best, now = apart(gap.rise, gap.best, gap.recent)
    if gap.best <= gap.rise:
        return f"validation has had no new best for {count} (best {best} at step {gap.rise_step}, now {now}; {means})"
    highest = "its highest" if gap.best == gap.recent else f"highest {best} at step {gap.best_step}"
    since = f"{rise} at step {gap.rise_step}, now {now}, {highest}; {means}"
    return f"validation has risen by no more than noise for {count} ({since})"


@dataclass(frozen=True)
class Overfitting(Rule, code="O1", title="overfitting", level="warn", needs=GAP):
    """Fires when the aligned gap has drifted from its own start and validation has stopped rising.

    The defaults: .05 is the gap that Microsoft's guide to reward hacking calls healthy; 2.75 standard errors, patience
    and persistence hold false alarms under 1%, whether a job is evaluated 18 or 200 times (simulated in the tests). On
    jobs that
    really train (the local platform, EU acts, 100 steps of 16 x 16 rollouts, 50 validation items, 20 seeds a size) it
    warns in 20 of 20 with 24 training items (true gap .45 at the end), 20 with 100 (.13) and 1 with 400 (.03), where
    the plain gap T - V warns in 18 (`python -m tests.bench overfitting`).
    """

    text = (
        "Possible overfitting: train reward pulls away from validation. By step {step} the gap grew by {grown}, "
        "more than noise explains ({explained}).\n"
        "The policy probably learns its training items rather than the task: {stands}.\n"
        "Next: look at checkpoints near step {best_step} first. Pausing or cancelling the job stops spending; "
        "for the next one, use more training items or fewer epochs."
    )
    formula = DRIFTED + NO_NEW_BEST
    panels = (
        Panel(DRIFT_LABEL, "score", DRIFT_LINE, {"threshold": "what noise explains"}),
        Panel(
            "validation reward",
            "score",
            {"recent": "mean of the newest evaluations"},
            {"rise": "its best beyond noise"},
        ),
    )
    unkept = UNKEPT
    least_drift: float = 0.05
    errors: float = 2.75
    patience: int = 2
    in_row: int = 2
    calm: float = 0.6

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        for gap in inputs.once(read_gaps):
            threshold = max(self.least_drift, (self.errors + gap.luck) * gap.error)
            grown, explained = apart(gap.drift, threshold)
            yield Reading(
                **gap._asdict(), threshold=threshold, grown=grown, explained=explained, stands=stands_still(gap)
            )

    def _sign(self, reading: Reading) -> Sign:
        return _sign_of(reading, self.calm, holds=reading.stale >= max(self.patience, reading.pooled))


@dataclass(frozen=True)
class SevereOverfitting(Rule, code="O2", title="severe overfitting", level="critical", needs=GAP):
    """Fires when the gap has grown wide for long, or has drifted while validation falls from its best.

    .10 is the gap at which Microsoft's guide stops a job.
    """

    text = (
        "Severe overfitting: by step {step} the gap between train and validation grew by {drift:.2f}, and {seen}.\n"
        "More steps probably {outcome}: validation was highest around step {best_step}, {top}; it is {now} (means of "
        "{pooled} evaluations).\n"
        "Next: pause or cancel the job, and evaluate checkpoints near step {best_step} on the test split."
    )
    panels = (
        Panel(DRIFT_LABEL, "score", DRIFT_LINE, {"threshold": "what noise explains", "wide": "wide"}),
        Panel(
            "validation reward",
            "score",
            {"recent": "mean of the newest evaluations"},
            {"floor": "its best, less what noise explains"},
        ),
    )
    unkept = UNKEPT
    wide_drift: float = 0.10
    wide_errors: float = 3.25
    patience: int = 4
    least_drift: float = 0.05
    errors: float = 2.75
    least_fall: float = 0.03
    most_gain: float = 2.0
    fall_errors: float = 2.0
    in_row: int = 2
    calm: float = 0.6

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        for gap in inputs.once(read_gaps):
            floor = gap.best - max(self.least_fall, self.fall_errors * gap.fall_error + gap.fall_luck)
            top, now = apart(gap.best, gap.recent)
            if gap.recent < floor:
                seen = f"validation fell {gap.best - gap.recent:.2f} below its best"
                outcome = "make the model worse on new items"
            else:
                seen = f"validation has not risen beyond noise for {counted(gap.stale, 'evaluation')}"
                outcome = "only memorize the training items"
            yield Reading(
                **gap._asdict(),
                threshold=max(self.least_drift, (self.errors + gap.luck) * gap.error),
                wide=max(self.wide_drift, (self.wide_errors + gap.luck) * gap.error),
                floor=floor,
                top=top,
                now=now,
                seen=seen,
                outcome=outcome,
            )

    def _sign(self, reading: Reading) -> Sign:
        wide = (
            reading.drift > reading.wide
            and reading.stale >= max(self.patience, reading.pooled)
            and reading.gain < self.most_gain
        )
        return _sign_of(reading, self.calm, holds=wide or reading.recent < reading.floor)

    def _formula_of(self, level: Level, values: Values) -> str:  # noqa: ARG002 - both forms are critical
        fallen = values.get("recent", 0.0) < values.get("floor", 0.0)
        return DRIFTED + FALLEN if fallen else DRIFTED_WIDE + NOT_RISING


@dataclass(frozen=True)
class HarderValidation(Rule, code="O0", title="validation harder than training", level="info", needs=GAP):
    """Notes once that validation is harder than training from the start. It is no fault of training, and stays."""

    text = (
        "Validation is harder: its reward lies {gap_start:.2f} below train reward from the start.\n"
        "That is a property of the splits, not of training; overfitting is judged by how the gap changes.\n"
        "Next: nothing now. For the next job, draw both splits from the same pool at random."
    )
    formula = (
        "G0{gap_start:.3f} > {least_gap}\n"
        "G0: train reward less validation reward, the mean of the first {start_steps:.0f} steps."
    )
    panels = (
        Panel(
            "train reward less validation reward",
            "score",
            {"gap": "gap, mean of the last steps"},
            {"gap_start": "its start", "least_gap": "noted above"},
        ),
    )
    least_gap: float = 0.10

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        return (Reading(**gap._asdict()) for gap in inputs.once(read_gaps))

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.gap_start > self.least_gap)


@dataclass(frozen=True)
class Underpowered(Rule, code="K1", title="validation set too small", level="info", needs=GAP):
    """Notes that a gap of the size that matters is hidden by noise.

    Read from `least_evals` evaluations on, when the noise is measured and not assumed.
    """

    text = (
        "This validation set cannot see gaps under {visible:.3f}; {least_drift:.3f} is the size that matters.\n"
        "One evaluation is uncertain by {noise:.3f}, so overfitting may go unnoticed on this job.\n"
        "Next: for the next job, {advice}."
    )
    formula = (
        "{errors} x SE{error:.3f} = {visible:.3f} > {least_drift}, at {in_row} evaluations in a row\n"
        "SE = {error:.3f}: the standard error of the gap's drift, with {noise:.3f} of noise in one evaluation."
    )
    panels = (
        Panel("smallest gap that can be seen", "score", {"visible": "gap"}, {"least_drift": "the gap that matters"}),
    )
    least_drift: float = 0.05
    errors: float = 2.5
    least_evals: int = LEAST_EVALS + 2
    in_row: int = 2

    def _readings(self, inputs: RuleInputs) -> Iterator[Reading]:
        items, samples = inputs.facts.valid_items, inputs.facts.eval_samples
        for gap in inputs.once(read_gaps):
            if gap.evals >= self.least_evals:
                visible = self.errors * gap.error
                # The standard error shrinks with the root of the items.
                factor = (visible / max(self.least_drift, SMALLEST)) ** 2
                yield Reading(**gap._asdict(), visible=visible, factor=factor, advice=_advice(items, samples, factor))

    def _sign(self, reading: Reading) -> Sign:
        return Sign.of(reading.visible > self.least_drift)


def _advice(items: int | None, samples: int | None, factor: float) -> str:
    if items is None:
        return f"use about {factor:.1f} times as many validation items, or more eval_samples"
    above = "" if samples is None else f" above {samples}"
    return f"use about {math.ceil(items * factor)} validation items instead of {items}, or raise eval_samples{above}"
