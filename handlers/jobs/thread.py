"""How the messages in a job's thread look: the reward curve, alerts, changes of state. No Slack call is made here."""

from typing import Final

from charts import RewardCurve, RuleTrace, describe
from handlers.slack.blocks import Block, Message, actions, button, context, escape, image, picture, section
from handlers.slack.wording import people, person
from jobs.core.records import Job, RaisedAlert
from jobs.evals.stats.validation_noise import valid_error
from jobs.rules import JobFacts, facts_of, rules_of, trace
from jobs.rules.alert_state import TITLES, became_worse
from jobs.views.job import JobView
from jobs.views.wording import progress_of, reward_of

LEVELS: Final = {"info": "Note", "warn": "Warning", "critical": "Critical"}
EXPLAIN: Final = "explain_alert"
"""Action id of every "Why?"; the value says which job's, and which alert."""
LONGEST_TITLE: Final = 90


def reward_curve(view: JobView) -> RewardCurve:
    """Return the chart of a job's rewards so far."""
    job, series = view.job, view.series
    batch = job.batch_size or job.request.hyperparameters.batch_size
    return RewardCurve(
        title=reward_of(job).capitalize() if job.valid_reward is not None else "No evaluation yet",
        subtitle=about(job),
        train=series.train,
        valid=series.valid,
        checkpoints=tuple(checkpoint.step for checkpoint in job.checkpoints),
        alerts=tuple(alert.step for alert in job.alerts),
        total_steps=job.total_steps,
        epoch_steps=JobFacts(job.train_items, batch).epoch_steps,
        valid_error=valid_error(series),
    )


def about(job: Job) -> str:
    """Return the line below a picture's title: which job it is about, and where that stands."""
    return f"{job.task} · {job.model} · {job.id} · {progress_of(job)}"


def curve(view: JobView, file: str | None) -> Message:
    """Return the reward curve of a job; without a picture its numbers in words."""
    numbers = describe(reward_curve(view))
    return Message(numbers, (picture(file, numbers, "Reward curve", about=view.job.id),))


def rule_trace(view: JobView, raised: RaisedAlert, now: float) -> RuleTrace | None:
    """Return the chart of what an alert's rule looks at on its job; None if the platform no longer sends that.

    Reads the whole series with the rule; a long one takes tenths of a second.
    """
    job = view.job
    seen = trace(raised.rule, view.series, facts_of(job, now), rules_of(job))
    if seen is None:
        return None
    first = raised.text.splitlines()[0].partition(". ")[0].rstrip(".")
    return RuleTrace(
        title=first if len(first) <= LONGEST_TITLE else f"{title_of(raised).capitalize()} at step {raised.step}",
        panels=seen.panels,
        subtitle=f"Rule {raised.rule} · {about(job)}",
        fired=seen.fired,
        cleared=seen.cleared,
        total_steps=job.total_steps,
    )


def title_of(raised: RaisedAlert) -> str:
    """Return what an alert's rule looks for, in a few words."""
    return TITLES.get(raised.rule, f"rule {raised.rule}")


def alert(
    job: Job,
    raised: RaisedAlert,
    file: str | None = None,
    chart: RuleTrace | None = None,
    mentions: tuple[str, ...] = (),
) -> Message:
    """Return a warning, in words, with its numbers and what its rule looks at.

    Args:
        job: whose alert it is.
        raised: the alert.
        file: the picture of `chart`, by Slack's file id.
        chart: what the rule looks at.
        mentions: Slack user ids of people to notify.
    """
    first, *rest = raised.text.splitlines()
    body = "\n".join([f"*{heading(job, raised)}: {escape(first)}*", *map(escape, rest)])
    blocks: list[Block] = [section(body)]
    if file and chart:
        blocks.append(image(file, describe(chart)))
    blocks.append(context(f"`{job.id}` · rule {raised.rule} · first held at step {raised.step}"))
    block_id = f"alert:{job.id}:{raised.rule}:{raised.step}:{raised.cleared or ''}"
    blocks.append(actions(why_button(job, raised), block_id=block_id))
    blocks += _notified(mentions)
    return Message(f"{heading(job, raised)} for {job.id}: {escape(raised.text)}", tuple(blocks))


def _notified(mentions: tuple[str, ...]) -> list[Block]:
    return [context(f"For {people(mentions)}")] if mentions else []


def heading(job: Job, raised: RaisedAlert) -> str:
    """Return an alert's level, and whether it is over."""
    level = LEVELS[raised.level]
    if raised.cleared is None:
        return level
    became = "worse" if became_worse(raised, job) else "over"
    return f"{level}, {became} since step {raised.cleared}"


def why_button(job: Job, raised: RaisedAlert) -> Block:
    """Return the button that explains an alert."""
    value = f"{job.id}|{raised.rule}|{raised.step}"
    return button("Why?", EXPLAIN, value, reads=f"Why: {title_of(raised)}, step {raised.step}")


def status(job: Job, text: str, by: str | None, mentions: tuple[str, ...] = ()) -> Message:
    """Return a line about a change of state; with `by`, what that person did; it notifies `mentions`."""
    line = f"{person(by)} {escape(text)}." if by else escape(text)
    return Message(f"{job.id}: {line}", (section(line), *_notified(mentions)))
