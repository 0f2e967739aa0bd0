"""What news of a job changes: its record, the alerts that the rules raise, and the messages that follow from both.

Values in, values out: nothing here reads or writes. It may be done twice: steps are kept by number, alerts by rule and
step, and messages by their posting id, so that the second time changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from jobs.core.ids import evidence_item
from jobs.core.records import Checkpoint, Job, JobState, Posting
from jobs.core.series import Series, Step
from jobs.platforms.parse import RemoteEvent, RemoteJob
from jobs.platforms.profiles import Profile
from jobs.rules.alert_state import Alerts, alerts_of
from jobs.rules.grader_scores import Lopsided
from jobs.rules.inputs import RuleInputs
from jobs.rules.job_facts import facts_of
from jobs.rules.settings import rules_of
from jobs.rules.stall import Stall, step_seconds
from jobs.state.change import Change, Versioned
from jobs.training.curve_refresh import pictured_step
from jobs.training.next_experiment import next_experiment
from jobs.training.poll_interval import poll_interval
from jobs.training.postings import (
    alert_posting,
    card_posting,
    curve_posting,
    finish_line,
    finish_posting,
    lopsided_posting,
    past_posting,
    recovered_posting,
    status,
    unseen_posting,
)
from jobs.training.unseen import newly_unseen

SAY_SO_AFTER: Final = 5
"""Consecutive polls without an answer before the thread hears of it."""
STATES: Final[Mapping[str, JobState]] = {
    "paused": JobState.PAUSED,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}
"""The platform's status to ours; every other status, known or not, means that the job is alive."""


@dataclass(frozen=True, slots=True)
class News:
    """What the platform says beyond what was known."""

    remote: RemoteJob
    events: tuple[RemoteEvent, ...]
    steps: tuple[Step, ...]
    checkpoints: tuple[Checkpoint, ...] | None
    """None if they were not asked for, because they may still be displaced."""


def changes_nothing(job: Job, news: News, now: float) -> bool:
    """Tell whether neither the platform nor the clock brings anything new, so that no steps need to be read."""
    if news.steps or _with_remote(job, news, now) != job:
        return False
    if news.checkpoints is not None and {each.id for each in news.checkpoints} != {each.id for each in job.checkpoints}:
        return False
    # The one rule with a clock needs the steps only once the shortest silence that it reacts to has passed.
    return not any(
        isinstance(rule, Stall) and rule.alerts(RuleInputs(Series(), facts_of(job, now))) for rule in rules_of(job)
    )


def reduce(
    held: Versioned[Job], news: News, known: Series, profile: Profile, now: float, *, picture_steps: int | None = None
) -> Change:
    """Return what the news changes: the job's new state, its steps, and the messages they cause.

    Args:
        held: the job as it was read.
        news: what the platform says.
        known: the steps read before.
        profile: sets the intervals between polls.
        now: unix seconds.
        picture_steps: steps between two pictures of the curve; None leaves it to the job's length.
    """
    before = held.value
    series = Series.of((*known.steps, *news.steps))
    job = _with_series(_with_remote(before, news, now), series, news.checkpoints)
    first = news.steps[0].at if news.steps else before.created_at
    # The history of a job launched elsewhere, from before anybody asked to watch it.
    past = before.imported and not before.last_step and (first is None or first < before.created_at)
    alerts = alerts_of(job, series, now, past=past)
    job = replace(job, alerts=alerts.carried, status_notes=before.status_notes + _speaks(before, job))
    job = replace(job, pictured_step=pictured_step(before, job, series, every=picture_steps))
    known_steps = {step.step: step for step in known.steps}
    # Checkpoints are to be evaluated, or may not be approved because training goes on.
    concerns_evidence = job.checkpoints and (job.state, job.checkpoints) != (before.state, before.checkpoints)
    return Change(
        records=(Versioned(job, held.version),),
        steps=tuple(step for step in series.steps if known_steps.get(step.step) != step),
        due_in=-1 if job.state.is_final else poll_interval(job, profile, now),
        schedule={evidence_item(job.id): 0.0} if concerns_evidence else {},
        postings=(
            *_refreshed(before, job, alerts),
            *((past_posting(job, len(series.steps)),) if past else _of_alerts(job, alerts)),
            *([unseen_posting(job, unseen)] if (unseen := newly_unseen(before, job, series)) else []),
            *([] if past else _lopsided(job, known, series)),
            *_of_state(before, job, series, past=past),
        ),
    )


def _with_remote(job: Job, news: News, now: float) -> Job:
    """Return the job with everything that the platform said about it, except for its steps and checkpoints."""
    remote = news.remote
    state = STATES.get(remote.status, JobState.WATCHING)
    # Whoever asked to watch a job launched elsewhere knows about silences before that.
    heard = (job.heard_at, job.created_at if job.imported else None, *(event.at for event in news.events))
    heard_at = max((at for at in heard if at), default=None)
    return replace(
        job,
        state=state,
        platform_status=remote.status,
        note=remote.error_message if state is JobState.FAILED else None,
        started_at=job.started_at or _started(news, now),
        finished_at=(remote.finished_at or now) if state.is_final else None,
        batch_size=remote.batch_size or job.batch_size,
        n_epochs=remote.hyperparameters.n_epochs or job.n_epochs,
        last_event=news.events[-1].id if news.events else job.last_event,
        heard_at=heard_at if remote.status == job.platform_status else now,
        fine_tuned_model=remote.fine_tuned_model or job.fine_tuned_model,
        troubles=0,
    )


def _with_series(job: Job, series: Series, checkpoints: tuple[Checkpoint, ...] | None) -> Job:
    """Return the job with what its steps say, and its checkpoints with their scores."""
    last, train, valid = series.last, series.train, series.valid
    return replace(
        job,
        last_step=last.step if last else 0,
        step_seconds=step_seconds(series.steps),
        total_steps=(last.total_steps if last else None) or job.total_steps,
        train_reward=train[-1][1] if train else None,
        valid_reward=valid[-1][1] if valid else None,
        first_valid_reward=valid[0][1] if valid else None,
        checkpoints=job.checkpoints if checkpoints is None else with_scores(checkpoints or _tuned(job, last), series),
    )


def _tuned(job: Job, last: Step | None) -> tuple[Checkpoint, ...]:
    """Return the tuned model of a finished job as its checkpoint, where the platform lists none."""
    if job.state is not JobState.SUCCEEDED or job.fine_tuned_model is None:
        return ()
    return (Checkpoint(job.fine_tuned_model, job.fine_tuned_model, last.step if last else 0),)


def _started(news: News, now: float) -> float | None:
    """Return when training began: with the first sign that the job runs."""
    if news.steps:
        return min((step.at for step in news.steps if step.at is not None), default=now)
    return now if news.remote.status == "running" else None


def _speaks(before: Job, job: Job) -> bool:
    """Tell whether the change of state is worth a line in the thread; the end has its own."""
    if job.state is before.state:
        return before.troubles >= SAY_SO_AFTER
    return job.state is JobState.PAUSED


def _refreshed(before: Job, job: Job, alerts: Alerts) -> tuple[Posting, ...]:
    """Return the messages that are edited as the job moves."""
    postings: list[Posting] = []
    if job != before:
        postings.append(card_posting(job, urgent=job.state is not before.state or bool(alerts.raised)))
    has_marks = job.checkpoints != before.checkpoints or len(job.alerts) != len(before.alerts)
    if job.pictured_step != before.pictured_step or (job.pictured_step and has_marks):
        postings.append(curve_posting(job, urgent=job.state.is_final or bool(alerts.raised)))
    return tuple(postings)


def _of_alerts(job: Job, alerts: Alerts) -> tuple[Posting, ...]:
    """Return the messages for new alerts, the edits of those that closed or reopened, and the notes on recovery."""
    postings = [alert_posting(job, place) for place in alerts.raised]
    for place in alerts.changed:
        if job.alerts[place].notified:
            postings.append(alert_posting(job, place, again=True))
        if place in alerts.recovered:
            postings.append(recovered_posting(job, place))
    return tuple(postings)


def _lopsided(job: Job, known: Series, series: Series) -> tuple[Posting, ...]:
    """Return what the thread says when precision and recall are first seen to lie far apart."""
    rules = [rule for rule in rules_of(job) if isinstance(rule, Lopsided)]
    found = [rule.alerts(RuleInputs(steps, facts_of(job))) for rule in rules for steps in (known, series)]
    was, now = found or ((), ())
    return (lopsided_posting(job, now[0].text),) if now and not was else ()


def _of_state(before: Job, job: Job, series: Series, *, past: bool) -> tuple[Posting, ...]:
    """Return what the thread says about the job's state, and at its end the channel too."""
    postings: list[Posting] = []
    if _speaks(before, job):
        text = f"{job.platform} answers again."
        if job.state is JobState.PAUSED:
            at = f" at step {job.last_step}" if job.last_step else ""
            text = f"Paused{at}. A snapshot is kept; `/rft resume {job.id}` goes on from there."
        postings.append(status(job, text))
    has_ended = job.state.is_final and not before.state.is_final
    # What was over before anybody asked to watch it is no news to the channel.
    if has_ended and not (past and job.checkpoints):
        proposed = None if job.imported else next_experiment(job, series)
        postings.append(finish_posting(job, finish_line(job, proposed), broadcast=not past))
    return tuple(postings)


def with_scores(checkpoints: tuple[Checkpoint, ...], series: Series) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in order of step, with the scores their step reported; what was not reported stays out."""
    by_step = {step.step: step for step in series.steps}
    scored = (_with_step(each, by_step[each.step]) if each.step in by_step else each for each in checkpoints)
    return tuple(sorted(scored, key=lambda checkpoint: checkpoint.step))


def _with_step(checkpoint: Checkpoint, step: Step) -> Checkpoint:
    reported = {grader.name: grader.valid_score for grader in step.graders if grader.valid_score is not None}
    valid, train = checkpoint.valid_reward, checkpoint.train_reward
    return replace(
        checkpoint,
        scores={**reported, **checkpoint.scores},
        valid_reward=step.valid_reward if valid is None else valid,
        train_reward=step.train_reward if train is None else train,
    )
