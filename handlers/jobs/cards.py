"""How a job looks in its channel and in answers: the live card, the list, the status. No Slack call is made here.

Each edit of a message gets new block ids and keeps its action ids, so that a click on an old copy can be told apart.
"""

import re
from statistics import median
from typing import Final

from charts import describe
from charts.wording import quantity
from handlers.approvals.approval_blocks import settled_line
from handlers.evidence.words import headline
from handlers.jobs.costs import training_cost
from handlers.jobs.curve_charts import RECENT
from handlers.jobs.significance import since_start
from handlers.jobs.thread import LEVELS, heading, pictured, reward_curve, why_button
from handlers.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    confirmation,
    context,
    cut,
    escape,
    fields,
    header,
    image,
    section,
)
from handlers.slack.wording import UNKNOWN, duration, moment, person, progress, score, state
from jobs.core.records import Action, Job, JobState
from jobs.evals.stats.validation_noise import LEAST
from jobs.evidence.records import EvidenceState
from jobs.rules import blind, evaluate, facts_of, notes, rules_of
from jobs.rules.alert_state import open_alerts
from jobs.views.job import JobView

MOST_NOTES: Final = 5
ACT: Final = "act_on_job"
ACTIONS: Final = re.compile(rf"^{ACT}:")
"""Matches every control of a card; the value says which job and what to do."""


def card(view: JobView, now: float, file: str | None = None) -> Message:
    """Return a job's card: how it does, its curve, where it stands, and what can be done about it.

    Args:
        view: the job.
        now: unix seconds.
        file: the picture of its curve, by Slack's file id.
    """
    job = view.job
    blocks = [header(f"{job.task} on {job.model}"), section(f"{_verdict(view)}\n{_standing(job, now)}")]
    if file:
        blocks.append(image(file, describe(reward_curve(pictured(view)))))
    blocks.append(
        fields(
            f"*Step*\n{_step(job)}",
            f"*Validation reward*\n{_reward(job)}",
            _tokens(view),
            f"*Cost*\n{training_cost(view)}",
        )
    )
    blocks.append(context(f"`{job.id}` · {_origin(job)} · {_platform(view)} · {_items(job)}"))
    controls = _controls(job)
    if controls:
        blocks.append(actions(*controls, block_id=_block_id(job)))
    text = f"{job.task} ({job.id}): {state(job)}, {progress(job)}. Validation reward {score(job.valid_reward)}."
    return Message(text, tuple(blocks))


def _verdict(view: JobView) -> str:
    """Return the one sentence that says how the job does."""
    job, approval = view.job, view.approval
    if job.state is JobState.FAILED and not job.checkpoints:
        return escape(job.note or "The platform gave no reason.")
    if job.state is JobState.NOT_LAUNCHED:
        return escape(job.note or "It was not launched.")
    if gathering := _gathering(view):
        return gathering
    if approval:
        return settled_line(job, approval) if approval.settled else _waiting(view)
    if worst := next(iter(open_alerts(job)), None):
        return escape(worst.text.splitlines()[0])
    if job.valid_reward is None:
        if job.state.is_final:
            return "It ended before its first evaluation."
        return "No evaluation yet; the first one sets the mark that later ones are compared with."
    return since_start(view)


def _waiting(view: JobView) -> str:
    """Return what the evidence says, where there is any, and how many checkpoints wait for approval."""
    count = len(view.job.checkpoints)
    waiting = f"{count} checkpoint{'s wait' if count != 1 else ' waits'} for approval in the thread."
    if view.evidence is None or view.evidence.state is not EvidenceState.READY:
        return waiting
    return f"{escape(headline(view.job, view.evidence))}. {waiting}"


def _gathering(view: JobView) -> str:
    """Return how far the evaluation of the checkpoints is; empty where none is under way."""
    evidence = view.evidence
    if evidence is None or evidence.state is not EvidenceState.GATHERING:
        return ""
    count = len(evidence.checkpoints)
    far = f": {evidence.answered:,} of {evidence.total:,} answers" if evidence.total else ""
    return f"Evaluating {count} checkpoint{'s' if count != 1 else ''} against the base model{far}."


def _standing(job: Job, now: float) -> str:
    """Return what the job does, for how long, what a person asked of it, and how many alerts it has."""
    elapsed = None if job.started_at is None else (job.finished_at or now) - job.started_at
    still = len(open_alerts(job))
    over = len(job.alerts) - still
    parts = [f"*{state(job)}*"]
    if elapsed is not None:
        parts.append(f"took {duration(elapsed)}" if job.state.is_final else f"{duration(elapsed)} so far")
    if job.pending:
        parts.append(f"{job.pending.action.value} asked for by {person(job.pending.by)}")
    counts = [f"{many} {how}" for many, how in ((still, "open"), (over, "over")) if many]
    if counts:
        several = "s" if len(job.alerts) > 1 else ""
        parts.append(f"alert{several}: {', '.join(counts)}")
    return " · ".join(parts)


def _step(job: Job) -> str:
    if not job.last_step:
        return "before step 1"
    return f"{job.last_step:,} of {job.total_steps:,}" if job.total_steps else f"{job.last_step:,}"


def _reward(job: Job) -> str:
    if job.first_valid_reward is None or job.valid_reward is None:
        return score(job.valid_reward) if job.valid_reward is not None else "no evaluation yet"
    moved = round(job.valid_reward, 2) - round(job.first_valid_reward, 2)
    if abs(moved) < LEAST:
        return f"{score(job.valid_reward)}, as at the start"
    return f"{score(job.valid_reward)}, {'up' if moved > 0 else 'down'} {abs(moved):.2f} from the start"


def _tokens(view: JobView) -> str:
    """Return how long answers are by the newest steps: reasoning tokens, or all where those are not reported."""
    steps = view.series.steps
    for name, values in (
        ("Reasoning tokens", [step.train_reasoning_tokens for step in steps]),
        ("Answer tokens", [step.train_completion_tokens for step in steps]),
    ):
        known = [value for value in values if value is not None]
        if known:
            return f"*{name}*\n{quantity(median(known[-RECENT:]), 'tokens')} an answer"
    return f"*Reasoning tokens*\n{UNKNOWN}"


def _block_id(job: Job) -> str:
    asked = job.pending.action.value if job.pending else ""
    return f"controls:{job.id}:{job.state.value}:{job.last_step}:{len(open_alerts(job))}:{asked}"


def _origin(job: Job) -> str:
    who, when = person(job.request.requested_by), moment(job.created_at)
    if job.imported:
        return f"`{escape(job.remote_id or '')}`, launched elsewhere, watched for {who} since {when}"
    return f"launched by {who} {when}"


def _items(job: Job) -> str:
    known = {"train": job.train_items, "validation": job.valid_items}
    parts = [f"{count} {name}" for name, count in known.items() if count is not None]
    return f"{' and '.join(parts)} items" if parts else "number of items not reported"


def _platform(view: JobView) -> str:
    job, profile = view.job, view.profile
    name = escape(profile.title or profile.name) if profile else f"platform {escape(job.platform)}"
    link = profile.link(job.remote_id) if profile and job.remote_id else None
    return f"<{link}|its page on {name}>" if link else name


def _controls(job: Job) -> list[Block]:
    why = [why_button(job, worst) for worst in open_alerts(job)[:1]]
    if job.state.is_final:
        return why
    pausable = [
        button("Resume" if job.state is JobState.PAUSED else "Pause", f"{ACT}:pause", f"{_toggle(job)}|{job.id}")
    ]
    cancel = button(
        "Cancel job",
        f"{ACT}:cancel",
        f"{Action.CANCEL}|{job.id}",
        style="danger",
        confirm=confirmation(
            "Cancel this job?",
            f"{job.id} stops for good at {progress(job)}. Work done so far is charged where the platform charges.",
            "Cancel job",
            "Keep it running",
        ),
    )
    return [*why, *pausable, cancel]


def _toggle(job: Job) -> Action:
    return Action.RESUME if job.state is JobState.PAUSED else Action.PAUSE


def job_list(jobs: tuple[Job, ...]) -> Message:
    """Return the newest jobs, one line each."""
    if not jobs:
        return Message("No job yet. `/rft launch task=&lt;task&gt;` starts one; `/proctor tasks` lists the tasks.")
    lines = [
        f"`{job.id}` *{escape(job.task)}* · {state(job)}, {progress(job)} · "
        f"validation reward {score(job.valid_reward)} · "
        f"{person(job.request.requested_by)}, {moment(job.created_at)}"
        for job in jobs
    ]
    text = f"{len(jobs)} newest job{'s' if len(jobs) != 1 else ''}"
    return Message(text, (section(f"*{text}*"), *(section(line) for line in lines)))


def job_status(view: JobView, now: float, link: str | None) -> Message:
    """Return where a job stands, for the person who asked: its card without controls, and its alerts."""
    job, shown = view.job, card(view, now)
    blocks = [block for block in shown.blocks if block["type"] != "actions"]
    blocks += [section(f"*{heading(job, a)}* at step {a.step}\n{escape(a.text)}") for a in job.alerts]
    facts, rules = facts_of(job, now=now), rules_of(job)
    told = {(a.rule, a.step) for a in job.alerts}
    untold = [a for a in evaluate(view.series, facts, rules) if (a.rule, a.step) not in told]
    noted = [a for a in (*untold, *notes(view.series, facts, rules)) if a.cleared is None][-MOST_NOTES:]
    blocks += [section(f"*{LEVELS[a.level]}* at step {a.step}\n{escape(a.text)}") for a in noted]
    if unseen := blind(view.series, facts, rules):
        listed = "; ".join(f"{name} ({reason})" for name, reason in unseen)
        blocks.append(context(escape(cut(f"Rules that see nothing on this job: {listed}.", 1500))))
    if link:
        blocks.append(context(f"<{link}|Open its thread>"))
    return Message(shown.text, tuple(blocks))
