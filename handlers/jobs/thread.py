"""How the messages in a job's thread look: the reward curve, alerts, changes of state. No Slack call is made here."""

from dataclasses import replace
from typing import Final

from charts import RewardCurve, RuleTrace, describe
from handlers.slack.blocks import Block, Message, actions, button, context, escape, image, section
from handlers.slack.wording import change, people, person, progress, score
from jobs.core.records import Job, RaisedAlert
from jobs.core.series import Series
from jobs.evals.stats.validation_noise import valid_error
from jobs.rules import JobFacts, facts_of, rules_of, trace
from jobs.rules.alert_state import TITLES, became_worse
from jobs.views.job import JobView

LEVELS: Final = {"info": "Note", "warn": "Warning", "critical": "Critical"}
EXPLAIN: Final = "explain_alert"
"""Action id of every "Why?"; the value says which job's, and which alert."""
LONGEST_TITLE: Final = 90


def reward_curve(view: JobView) -> RewardCurve:
    """Return the chart of a job's rewards so far."""
    job, series = view.job, view.series
    moved = change(job.first_valid_reward, job.valid_reward)
    title = f"Validation reward {score(job.valid_reward)}" + (f", {moved}" if moved else "")
    return RewardCurve(
        title=title if job.valid_reward is not None else "No evaluation yet",
        subtitle=about(job),
        train=series.train,
        valid=series.valid,
        checkpoints=tuple(checkpoint.step for checkpoint in job.checkpoints),
        alerts=tuple(alert.step for alert in job.alerts),
        total_steps=job.total_steps,
        epoch_steps=_epoch_steps(job),
        valid_error=valid_error(series),
    )


def pictured(view: JobView) -> JobView:
    """Return a job as it was at the step up to which its curve is drawn.

    The card and the thread show one picture of one moment, however often they are edited after it.
    """
    job = view.job
    if job.pictured_step in {0, job.last_step}:
        return view
    series = Series.of(step for step in view.series.steps if step.step <= job.pictured_step)
    then = replace(
        job,
        last_step=job.pictured_step,
        train_reward=series.train[-1][1] if series.train else None,
        valid_reward=series.valid[-1][1] if series.valid else None,
        first_valid_reward=series.valid[0][1] if series.valid else None,
        alerts=tuple(alert for alert in job.alerts if alert.step <= job.pictured_step),
    )
    return replace(view, job=then, series=series)


def about(job: Job) -> str:
    """Return the line below a picture's title: which job it is about, and where that stands."""
    return f"{job.task} · {job.model} · {job.id} · {progress(job)}"


def _epoch_steps(job: Job) -> int | None:
    batch = job.batch_size or job.request.hyperparameters.batch_size
    return JobFacts(job.train_items, batch).epoch_steps


def curve(view: JobView, file: str | None) -> Message:
    """Return the reward curve of a job; without a picture its numbers in words."""
    chart = reward_curve(view)
    words = describe(chart)
    if file is None:
        return Message(words, (section(f"*Reward curve*\n{escape(words)}"),))
    return Message(words, (image(file, words, f"Reward curve of {view.job.id}"),))


def rule_trace(view: JobView, raised: RaisedAlert, now: float) -> RuleTrace | None:
    """Return the chart of what an alert's rule looks at on its job; None where there is nothing to draw.

    Reads the whole series with the rule; a long one takes tenths of a second.

    Args:
        view: the job.
        raised: the alert.
        now: unix seconds.
    """
    job = view.job
    seen = trace(raised.rule, view.series, facts_of(job, now), rules_of(job))
    if seen is None:
        return None
    return RuleTrace(
        title=_title(raised),
        panels=seen.panels,
        subtitle=f"Rule {raised.rule} · {about(job)}",
        fired=seen.fired,
        cleared=seen.cleared,
        total_steps=job.total_steps,
    )


def _title(raised: RaisedAlert) -> str:
    """Return the first sentence of an alert, or where that is long the rule's title."""
    first = raised.text.splitlines()[0].partition(". ")[0].rstrip(".")
    return first if len(first) <= LONGEST_TITLE else f"{title_of(raised).capitalize()} at step {raised.step}"


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
        mentions: Slack user ids of who is to notice.
    """
    first, *rest = raised.text.splitlines()
    body = "\n".join([f"*{heading(job, raised)}: {escape(first)}*", *(escape(line) for line in rest)])
    blocks: list[Block] = [section(body)]
    if file and chart:
        blocks.append(image(file, describe(chart)))
    blocks.append(context(f"`{job.id}` · rule {raised.rule} · first held at step {raised.step}"))
    block_id = f"alert:{job.id}:{raised.rule}:{raised.step}:{raised.cleared or ''}"
    blocks.append(actions(why_button(job, raised), block_id=block_id))
    if mentions:
        blocks.append(context(f"For {people(list(mentions))}"))
    return Message(f"{heading(job, raised)} for {job.id}: {escape(raised.text)}", tuple(blocks))


def heading(job: Job, raised: RaisedAlert) -> str:
    """Return an alert's level, and whether it is over."""
    level = LEVELS[raised.level]
    if raised.cleared is None:
        return level
    became = "worse" if became_worse(raised, job.alerts) else "over"
    return f"{level}, {became} since step {raised.cleared}"


def why_button(job: Job, raised: RaisedAlert) -> Block:
    """Return the button that explains an alert."""
    value = f"{job.id}|{raised.rule}|{raised.step}"
    return button("Why?", EXPLAIN, value, reads=f"Why: {title_of(raised)}, step {raised.step}")


def status(job: Job, text: str, by: str | None, mentions: tuple[str, ...] = ()) -> Message:
    """Return a line about a change of state; with `by`, what that person did; `mentions` are to notice it."""
    line = f"{person(by)} {escape(text)}." if by else escape(text)
    told = (context(f"For {people(list(mentions))}"),) if mentions else ()
    return Message(f"{job.id}: {line}", (section(line), *told))
