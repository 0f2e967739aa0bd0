"""How a job looks in its channel and in answers: the live card, the list, the status. No Slack call is made here.

Each edit of a message gets new block ids and keeps its action ids, so that a click on an old copy can be told apart.
"""

import re
from typing import Final

from handlers.blocks import (
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
    section,
)
from handlers.summary import settled_line
from handlers.thread import LEVELS
from handlers.wording import change, duration, moment, person, progress, score, state
from jobs.alerts import blind, evaluate, facts_of, notes
from jobs.records import Action, Job, JobState
from jobs.rft import JobView

MOST_NOTES: Final = 5
ACT: Final = "act_on_job"
ACTIONS: Final = re.compile(rf"^{ACT}:")
"""Matches every control of a card; the value says which job and what to do."""


def card(view: JobView, now: float) -> Message:
    """Return a job's card: what it does, where it stands, and what can be done about it."""
    job = view.job
    verdict = _verdict(view)
    elapsed = None if job.started_at is None else (job.finished_at or now) - job.started_at
    blocks = [
        header(f"{job.task} on {job.model}"),
        section(f"*{state(job)}* · {progress(job)}\n{verdict}"),
        fields(
            f"*Validation reward*\n{score(job.valid_reward)}",
            f"*Train reward, last batch*\n{score(job.train_reward)}",
            f"*{'Time' if job.state.is_final else 'Time so far'}*\n{duration(elapsed)}",
            f"*Alerts*\n{_alert_count(job)}",
        ),
        context(f"`{job.id}` · {_origin(job)} · platform {escape(job.platform)} · {_items(job)}"),
    ]
    controls = _controls(job)
    if controls:
        blocks.append(actions(*controls, block_id=f"controls:{job.id}:{job.state.value}:{job.last_step}"))
    text = f"{job.task} ({job.id}): {state(job)}, {progress(job)}. Validation reward {score(job.valid_reward)}."
    return Message(text, tuple(blocks))


def _verdict(view: JobView) -> str:
    """Return the one sentence that says how the job does."""
    job, approval = view.job, view.approval
    if job.state is JobState.FAILED:
        return escape(job.note or "The platform gave no reason.")
    if job.state is JobState.NOT_LAUNCHED:
        return escape(job.note or "It was not launched.")
    if approval:
        count = len(job.checkpoints)
        waiting = f"{count} checkpoint{'s wait' if count != 1 else ' waits'} for approval in the thread."
        return settled_line(job, approval) if approval.settled else waiting
    if job.alerts:
        return escape(job.alerts[-1].text.splitlines()[0])
    if job.valid_reward is None:
        if job.state.is_final:
            return "It ended before its first evaluation."
        return "No evaluation yet; the first one sets the mark that later ones are compared with."
    moved = change(job.first_valid_reward, job.valid_reward)
    return f"Validation reward {score(job.valid_reward)}" + (f", {moved}." if moved else ".")


def _origin(job: Job) -> str:
    who, when = person(job.request.requested_by), moment(job.created_at)
    if job.attached:
        return f"`{escape(job.remote_id or '')}`, launched elsewhere, watched for {who} since {when}"
    return f"launched by {who} {when}"


def _items(job: Job) -> str:
    known = {"train": job.train_items, "validation": job.valid_items}
    parts = [f"{count} {name}" for name, count in known.items() if count is not None]
    return f"{' and '.join(parts)} items" if parts else "number of items not reported"


def _alert_count(job: Job) -> str:
    return f"{len(job.alerts)} in the thread" if job.alerts else "none"


def _controls(job: Job) -> list[Block]:
    if job.state.is_final:
        return []
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
    return [*pausable, cancel]


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
    shown = card(view, now)
    blocks = [block for block in shown.blocks if block["type"] != "actions"]
    blocks += [section(f"*{LEVELS[a.level]}* at step {a.step}\n{escape(a.text)}") for a in view.job.alerts]
    facts = facts_of(view.job, now=now)
    told = {(a.rule, a.step) for a in view.job.alerts}
    untold = [a for a in evaluate(view.series, facts) if (a.rule, a.step) not in told]
    noted = [*untold, *notes(view.series, facts)][-MOST_NOTES:]
    blocks += [section(f"*{LEVELS[a.level]}* at step {a.step}\n{escape(a.text)}") for a in noted]
    if unseen := blind(view.series, facts):
        listed = "; ".join(f"{name} ({reason})" for name, reason in unseen)
        blocks.append(context(escape(cut(f"Rules that see nothing on this job: {listed}.", 1500))))
    if link:
        blocks.append(context(f"<{link}|Open its thread>"))
    return Message(shown.text, tuple(blocks))
