"""How a job looks in its channel and in answers: the live card, the list, the status. No Slack call is made here.

Each edit of a message gets new block ids and keeps its action ids, so that a click on an old copy can be told apart.
"""

import re
from statistics import median
from typing import Final

from charts import describe
from charts.wording import counted, duration, moved, number, plural, quantity, score
from handlers.approvals.messages import ended
from handlers.jobs.compare import since_start
from handlers.jobs.curves import RECENT, reward_curve
from handlers.jobs.launch import next_button
from handlers.jobs.thread import LEVELS, heading, why_button
from handlers.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    cancel_button,
    context,
    cut,
    escape,
    fields,
    header,
    image,
    section,
    without,
)
from handlers.slack.wording import moment, person
from jobs.core.records import Action, Job, JobState
from jobs.evidence.records import EvidenceState
from jobs.rules import blind, evaluate, facts_of, notes, rules_of
from jobs.rules.alert_state import open_alerts
from jobs.training.next_experiment import next_experiment
from jobs.training.unseen import told_unread
from jobs.views.break_even import training_dollars
from jobs.views.checkpoint import evidence_view
from jobs.views.job import JobView
from jobs.views.wording import progress_of, state_of

MOST_NOTES: Final = 5
MOST_BLIND: Final = 1500
"""Characters of the line that lists rules without data."""
ACT: Final = "act_on_job"
CONTROLS: Final = re.compile(rf"^{ACT}:")
"""Matches every control of a card; the value is a verb of /rft and the job."""


def card(view: JobView, now: float, file: str | None = None) -> Message:
    """Return a job's card at `now`: how it does, its curve, where it stands, and what can be done about it.

    `file` is the picture of its curve, by Slack's file id.
    """
    job = view.job
    blocks = [header(f"{job.task} on {job.model}"), section(f"{_verdict(view)}\n{_standing(job, now)}")]
    if file:
        blocks.append(image(file, describe(reward_curve(view.as_pictured()))))
    blocks.append(
        fields(
            f"*Step*\n{progress_of(job).removeprefix('step ')}",
            _reward(job),
            _tokens(view),
            f"*Cost*\n{training_cost(view)}",
        )
    )
    blocks.append(context(f"`{job.id}` · {_origin(job)} · {_platform(view)} · {_items(job)}"))
    if job.remarks and not job.imported:
        blocks.append(context(escape(" ".join(job.remarks))))
    if controls := _controls(view):
        asked = job.pending.action.value if job.pending else ""
        shown = f"{job.state.value}:{job.last_step}:{len(open_alerts(job))}:{asked}"
        blocks.append(actions(*controls, block_id=f"controls:{job.id}:{shown}"))
    state = escape(state_of(job))
    text = f"{job.task} ({job.id}): {state}, {progress_of(job)}. Validation reward {score(job.valid_reward)}."
    return Message(text, tuple(blocks))


def _verdict(view: JobView) -> str:
    """Return the one sentence that says how the job does."""
    job, approval, evidence = view.job, view.approval, view.evidence
    if job.state is JobState.FAILED and not job.checkpoints:
        return escape(job.note or "The platform gave no reason.")
    if job.state is JobState.NOT_LAUNCHED:
        return escape(job.note or "It was not launched.")
    if job.note and not job.state.is_on_platform:
        return escape(job.note)
    if evidence and evidence.state is EvidenceState.GATHERING:
        far = f": {evidence.answered:,} of {evidence.total:,} answers" if evidence.total else ""
        waits = f" {escape(evidence.waits)}" if evidence.waits else ""
        return f"Evaluating {counted(len(evidence.checkpoints), 'checkpoint')} against the base model{far}.{waits}"
    if approval and job.state is not JobState.WATCHING:  # what was asked for at a pause is over once it trains again
        return ended(approval) if approval.settled else _waiting(view)
    if worst := next(iter(open_alerts(job)), None):
        return escape(worst.text.splitlines()[0])
    return since_start(view) if job.valid_reward is not None else _without_validation(view)


def _without_validation(view: JobView) -> str:
    """Return how a job does that no evaluation is known of, by what its platform did send."""
    job, train = view.job, view.series.train
    if kept := [checkpoint for checkpoint in job.checkpoints if checkpoint.valid_reward is not None]:
        best = max(kept, key=lambda checkpoint: checkpoint.valid_reward or 0.0)
        return f"Validation reward {score(best.valid_reward)} at step {best.step}."
    if not train and (said := told_unread(view.series.steps)):
        return escape(said)
    if len(train) > 1:
        moves = f"train reward {number(train[-1][1])}, {moved(train[0][1], train[-1][1])} since step {train[0][0]}"
        return (
            f"No evaluation{'' if job.state.is_final else ' yet'}; {moves}. Steps differ in how hard their items are."
        )
    if job.state is JobState.SUCCEEDED:
        return "It finished; the platform sent no reward of any step."
    if job.state.is_final:
        return "It ended before its first evaluation."
    return "No evaluation yet; the first one sets the mark that later ones are compared with."


def _waiting(view: JobView) -> str:
    """Return the verdict of the evidence, if it is ready, and how many checkpoints wait for approval."""
    count = len(view.job.checkpoints)
    waiting = f"{counted(count, 'checkpoint')} {plural(count, 'waits', 'wait')} for approval in the thread."
    if view.evidence is None or view.evidence.state is not EvidenceState.READY:
        return waiting
    shown = evidence_view(view.job, view.evidence)
    worse = f"{escape(shown.best.worse_slices)} " if shown.best and shown.best.worse_slices else ""
    return f"{escape(shown.headline)}. {worse}{waiting}"


def _standing(job: Job, now: float) -> str:
    """Return what the job does, for how long, what a person asked of it, and how many alerts it has."""
    parts = [f"*{escape(state_of(job))}*"]
    if job.started_at is not None:
        elapsed = duration((job.finished_at or now) - job.started_at)
        parts.append(f"took {elapsed}" if job.state.is_final else f"{elapsed} so far")
    if job.pending:
        parts.append(f"{job.pending.action.value} asked for by {person(job.pending.by)}")
    still = len(open_alerts(job))
    counts = [f"{count} {how}" for count, how in ((still, "open"), (len(job.alerts) - still, "over")) if count]
    if counts:
        parts.append(f"{plural(len(job.alerts), 'alert')}: {', '.join(counts)}")
    return " · ".join(parts)


def _reward(job: Job) -> str:
    """Return the newest validation reward, or the train reward where the platform sends that alone."""
    if job.valid_reward is None and job.train_reward is not None:
        return f"*Train reward*\n{number(job.train_reward)}"
    if job.valid_reward is None:
        return f"*Validation reward*\n{'not reported' if job.state.is_final else 'no evaluation yet'}"
    reward = f"*Validation reward*\n{number(job.valid_reward)}"
    if job.first_valid_reward is None:
        return reward
    how = moved(job.first_valid_reward, job.valid_reward)
    return f"{reward}, {'as at' if how == 'unchanged' else f'{how} from'} the start"


def _tokens(view: JobView) -> str:
    """Return how long answers are by the newest steps: reasoning tokens, or all if those are not reported."""
    steps = view.series.steps
    for name, values in (
        ("Reasoning tokens", [step.train_reasoning_tokens for step in steps]),
        ("Answer tokens", [step.train_completion_tokens for step in steps]),
    ):
        known = [value for value in values if value is not None]
        if known:
            return f"*{name}*\n{quantity(median(known[-RECENT:]), 'tokens')} an answer"
    return "*Reasoning tokens*\nnot reported"


def training_cost(view: JobView) -> str:
    """Return what training has cost so far, in words; an unknown price is unknown, never 0.

    Formula: hours of sampling and training, by the platform's own timing of each step, x its price of an hour. The cost
    of models that grade, and of evaluation, is not in it.
    """
    price = view.profile.training_hour if view.profile else None
    if price == 0:
        return "nothing is charged"
    if price is None:
        return "unknown: no price is known here"
    dollars = training_dollars(view.series, view.profile)
    if dollars is None:
        return f"unknown so far, at ${price:,.0f} an hour of training"
    return f"about ${dollars:,.2f} for training"


def _origin(job: Job) -> str:
    who, when = person(job.request.requested_by), moment(job.created_at)
    if job.imported:
        return f"`{escape(job.remote_id or '')}`, launched elsewhere, watched for {who} since {when}"
    return f"launched by {who} {when}{f', {escape(job.like)}' if job.like else ''}"


def _items(job: Job) -> str:
    known = {"train": job.train_items, "validation": job.valid_items}
    parts = [f"{count:,} {name}" for name, count in known.items() if count is not None]
    return f"{' and '.join(parts)} items" if parts else "number of items not reported"


def _platform(view: JobView) -> str:
    job, profile = view.job, view.profile
    name = escape(profile.title or profile.name) if profile else f"platform {escape(job.platform)}"
    link = profile.link(job.remote_id) if profile and job.remote_id else None
    return f"<{link}|its page on {name}>" if link else name


def _controls(view: JobView) -> list[Block]:
    job = view.job
    why = [why_button(job, worst) for worst in open_alerts(job)[:1]]
    looks = [button("Details", f"{ACT}:details", f"details|{job.id}")] if job.remote_id else []
    if job.state is JobState.FAILED:
        looks.append(button("Debug bundle", f"{ACT}:bundle", f"bundle|{job.id}"))
    if job.state.is_final:
        return [*why, *_next_steps(view), *looks]
    label, toggle = ("Resume", Action.RESUME) if job.state is JobState.PAUSED else ("Pause", Action.PAUSE)
    consequence = f"{job.id} stops for good at {progress_of(job)}. Work done so far is charged if the platform charges."
    return [
        *why,
        button(label, f"{ACT}:pause", f"{toggle}|{job.id}"),
        cancel_button(
            "Cancel job",
            f"{ACT}:cancel",
            f"{Action.CANCEL}|{job.id}",
            question="Cancel this job?",
            consequence=consequence,
        ),
        *looks,
    ]


def _next_steps(view: JobView) -> list[Block]:
    """Return what people look at, or do, once a job is over."""
    job = view.job
    seen = [
        button("Curves", f"{ACT}:curve", f"curve|{job.id}") if job.last_step else None,
        button("Checkpoints", f"{ACT}:checkpoints", f"checkpoints|{job.id}") if job.checkpoints else None,
        None if job.imported else next_button(job.id, next_experiment(job, view.series)),
    ]
    return [each for each in seen if each]


def job_list(jobs: tuple[Job, ...]) -> Message:
    """Return the newest jobs, one line each."""
    if not jobs:
        return Message("No job yet. `/rft launch task=&lt;task&gt;` starts one; `/proctor tasks` lists the tasks.")
    lines = [
        f"`{job.id}` *{escape(job.task)}* · {escape(state_of(job))}, {progress_of(job)} · "
        f"validation reward {score(job.valid_reward)} · {person(job.request.requested_by)}, {moment(job.created_at)}"
        for job in jobs
    ]
    text = counted(len(jobs), "newest job")
    return Message(text, (section(f"*{text}*"), *map(section, lines)))


def job_status(view: JobView, now: float, link: str | None) -> Message:
    """Return where a job stands, for the person who asked: its card without controls, and its alerts."""
    job, shown = view.job, without(card(view, now), "actions")
    facts, rules = facts_of(job, now=now), rules_of(job)
    told = {(alert.rule, alert.step) for alert in job.alerts}
    untold = [alert for alert in evaluate(view.series, facts, rules) if (alert.rule, alert.step) not in told]
    noted = [alert for alert in (*untold, *notes(view.series, facts, rules)) if alert.cleared is None]
    blocks = [section(f"*{heading(job, alert)}* at step {alert.step}\n{escape(alert.text)}") for alert in job.alerts]
    blocks += [
        section(f"*{LEVELS[alert.level]}* at step {alert.step}\n{escape(alert.text)}") for alert in noted[-MOST_NOTES:]
    ]
    if unseen := blind(view.series, facts, rules):
        listed = "; ".join(f"{name} ({reason})" for name, reason in unseen)
        blocks.append(context(escape(cut(f"Rules without the data they need on this job: {listed}.", MOST_BLIND))))
    if said := told_unread(view.series.steps):
        blocks.append(context(escape(cut(said, MOST_BLIND))))
    if link:
        blocks.append(context(f"<{link}|Open its thread>"))
    return Message(shown.text, (*shown.blocks, *blocks))
