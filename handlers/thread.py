"""How the messages in a job's thread look: the reward curve, alerts, changes of state. No Slack call is made here."""

from typing import Final

from charts import RewardCurve, describe
from handlers.blocks import Message, context, escape, image, section
from handlers.wording import change, person, progress, score
from jobs.alerts import JobFacts
from jobs.alerts.noise import LARGEST, LEAST_EVALS, ValidNoise
from jobs.records import Job, RaisedAlert
from jobs.rft import JobView

LEVELS: Final = {"info": "Note", "warn": "Warning", "critical": "Critical"}


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
        valid_error=valid_error(view),
    )


def about(job: Job) -> str:
    """Return the line below a picture's title: which job it is about, and where that stands."""
    return f"{job.task} · {job.model} · {job.id} · {progress(job)}"


def valid_error(view: JobView) -> float | None:
    """Return the standard error of one evaluation, from the jumps between them; None while there are too few."""
    usable = [reward for _, reward in view.series.valid if abs(reward) < LARGEST]
    if len(usable) < LEAST_EVALS:
        return None
    noise = ValidNoise()
    return [noise.after(reward) for reward in usable][-1]


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


def alert(job: Job, raised: RaisedAlert) -> Message:
    """Return a warning, in words, with its numbers."""
    level = LEVELS[raised.level]
    first, *rest = raised.text.splitlines()
    body = "\n".join([f"*{level}: {escape(first)}*", *(escape(line) for line in rest)])
    blocks = (section(body), context(f"`{job.id}` · rule {raised.rule} · first held at step {raised.step}"))
    return Message(f"{level} for {job.id}: {escape(raised.text)}", blocks)


def status(job: Job, text: str, by: str | None) -> Message:
    """Return a line about a change of state; with `by`, what that person did."""
    line = f"{person(by)} {escape(text)}." if by else escape(text)
    return Message(f"{job.id}: {line}", (section(line),))
