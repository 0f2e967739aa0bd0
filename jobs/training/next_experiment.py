"""The experiment that a finished job's readings speak for: one, with its reason, and the settings that change."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from statistics import pstdev
from typing import Final

from charts.wording import counted
from jobs.core.hyperparameters import EFFORTS
from jobs.core.records import Job, RaisedAlert
from jobs.core.series import Series
from jobs.rules import RuleInputs, facts_of, notes, rules_of
from jobs.rules.alert_state import open_alerts

RECALL_FIRST, PRECISION_FIRST = "f2", "f0.5"
"""Rewards that count recall twice as much as precision, and half as much."""
LEAST_SPREAD: Final = 0.01
"""A grader whose score moves by less over a job tells its answers apart no better than the reward does."""
USUAL_EFFORT: Final = "medium"


@dataclass(frozen=True, slots=True)
class NextExperiment:
    """What to try next.

    Args:
        reason: what was seen and what to do about it, as a sentence.
        settings: what changes against the job, as keys of `/rft launch`; {} where it is the task that must change.
    """

    reason: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What the button that opens the prefilled launch says."""
        changes = " ".join(f"{key}={value}" for key, value in self.settings.items())
        return f"Launch again with {changes}" if changes else "Launch again"


def next_experiment(job: Job, series: Series) -> NextExperiment | None:
    """Return what the readings of a finished job speak for; None if they speak for nothing.

    Of several the one that explains most comes first: nothing to learn from, learned by heart, dearer answers, then
    lopsided.
    """
    still = {alert.rule: alert for alert in open_alerts(job)}
    lopsided = (note for note in notes(series, facts_of(job), rules_of(job)) if note.rule == "B" and not note.cleared)
    return next(
        chain(
            _finer_grader(job, series, still),
            _less_by_heart(job, series, still),
            _other_effort(job, still),
            (_balanced(job, note) for note in lopsided),
        ),
        None,
    )


def _finer_grader(job: Job, series: Series, still: Mapping[str, RaisedAlert]) -> Iterator[NextExperiment]:
    if not {"N", "N2"} & still.keys():
        return
    seen = f"{job.training_reward} gave training nothing to learn from"
    scores = RuleInputs(series, facts_of(job)).graders
    spreads = {name: pstdev(value for _, value in points) for name, points in scores.items() if len(points) > 1}
    others = spreads.keys() - {job.training_reward, *job.held_out_graders}
    finest = max(sorted(others), key=lambda name: spreads[name], default=None)
    if finest is None or spreads[finest] < LEAST_SPREAD:
        yield NextExperiment(f"{seen}: give it partial credit, or use items of another difficulty, and launch again.")
    else:
        said = f"{seen}, while {finest} moved: train on {finest}, the finer grader."
        yield NextExperiment(said, {"reward": finest})


def _less_by_heart(job: Job, series: Series, still: Mapping[str, RaisedAlert]) -> Iterator[NextExperiment]:
    alert = still.get("O2") or still.get("O1")
    if alert is None:
        return
    facts, best = RuleInputs(series, facts_of(job)).facts, int(alert.values.get("best_step", 0))
    seen = f"training ran ahead of validation, which was best around step {best}"
    if facts.epoch_steps is None or not best:
        yield NextExperiment("training ran ahead of validation: use more training items, or fewer epochs.")
        return
    last, enough = -(-job.last_step // facts.epoch_steps), max(1, -(-best // facts.epoch_steps))
    if enough < last:
        said = f"{seen}: {counted(enough, 'epoch')} instead of {last} would have been enough; more training items help"
        yield NextExperiment(f"{said} too.", {"epochs": str(enough)})
    else:
        yield NextExperiment(f"{seen}: use more training items; fewer epochs would not have helped.")


def _other_effort(job: Job, still: Mapping[str, RaisedAlert]) -> Iterator[NextExperiment]:
    alert = still.get("L2") or still.get("L1")
    if alert is None:
        return
    now = job.request.hyperparameters.reasoning_effort or USUAL_EFFORT
    place = EFFORTS.index(now) if now in EFFORTS else EFFORTS.index(USUAL_EFFORT)
    lower = EFFORTS[place - 1] if place and EFFORTS[place - 1] != "default" else None
    seen = f"answers grew longer at effort {now} and no better"
    if lower is None:
        yield NextExperiment(f"{seen}: read some of them, and see whether the grader pays for length.")
    else:
        yield NextExperiment(f"{seen}: try effort {lower}.", {"effort": lower})


def _balanced(job: Job, note: RaisedAlert) -> NextExperiment:
    precision, recall = note.values["precision"], note.values["recall"]
    reward, more = (RECALL_FIRST, "recall") if precision > recall else (PRECISION_FIRST, "precision")
    seen = f"precision {precision:.2f} and recall {recall:.2f} are far apart"
    if job.training_reward == reward:
        return NextExperiment(f"{seen} with {reward} as the reward too: look at the labels that are missed or made up.")
    if job.training_reward in {RECALL_FIRST, PRECISION_FIRST}:
        paid = f"{seen}, which {job.training_reward} pays for"
        return NextExperiment(f"{paid}: {job.reward} as the reward counts both alike.", {"reward": job.reward})
    return NextExperiment(f"{seen}: {reward} as the reward counts {more} twice as much.", {"reward": reward})
