"""The /rft command and the controls on a job's card."""

import time
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.evidence.commands import show_checkpoints
from handlers.jobs.cards import ACTIONS, job_list, job_status
from handlers.jobs.curves import pictured
from handlers.jobs.platform_events import MOST_MESSAGES, platform_messages
from handlers.notifications.commands import Quieting
from handlers.slack.blocks import escape
from handlers.slack.commands import RFT, Typed
from handlers.slack.dispatch import Answering, Asker, listen
from handlers.slack.images import Pictures
from handlers.slack.people import People
from handlers.slack.replies import answer, whisper
from handlers.slack.wording import group
from jobs.core.hyperparameters import read_hyperparameters, read_seed, read_suffix
from jobs.core.ids import card_id
from jobs.core.records import Action, Job, LaunchRequest
from jobs.state.store import AlreadyTaken, Store
from jobs.training.import_job import ImportedJob, JobImporter, WatchRequest
from jobs.training.service import RftJobs
from jobs.views.job import JobViews

COMMAND: Final = "/rft"
MOST_LIKE: Final = 3
"""Tasks with the same reward that are named."""


def register(app: AsyncApp) -> None:
    """Listen to /rft and to the controls on cards."""
    listen(app, COMMAND, RFT, ANSWERS)
    app.action(ACTIONS)(handle_control)


async def answer_launch(typed: Typed, asker: Asker, respond: AsyncRespond, jobs: RftJobs, people: People) -> None:
    """Launch a job."""
    await people.require_membership(asker.channel)
    await respond(text=await launch(typed, asker.user, asker.channel, asker.trigger, jobs))


async def answer_watch(
    typed: Typed, asker: Asker, respond: AsyncRespond, job_importer: JobImporter, people: People, quieting: Quieting
) -> None:
    """Tell who asks of a job from now on, or no more."""
    await people.require_membership(asker.channel)
    await respond(text=await follow(typed, asker.user, asker.channel, asker.trigger, job_importer, quieting))


async def answer_list(respond: AsyncRespond, jobs: RftJobs) -> None:
    """Show the newest jobs."""
    await answer(respond, job_list(await jobs.newest()))


async def answer_status(
    typed: Typed, respond: AsyncRespond, client: AsyncWebClient, views: JobViews, store: Store, quieting: Quieting
) -> None:
    """Say where a job stands."""
    view = await views.job(typed.word)
    shown = job_status(view, time.time(), await _thread_link(view.job, store, client))
    await answer(respond, await quieting.noted(shown, view.job))


async def answer_curve(typed: Typed, asker: Asker, client: AsyncWebClient, views: JobViews, pictures: Pictures) -> None:
    """Draw a job's curves, or several jobs' over one another."""
    await whisper(client, await pictured(typed, views, pictures), asker.user, asker.channel)


async def answer_events(typed: Typed, respond: AsyncRespond, jobs: RftJobs) -> None:
    """Show what the platform says about a job."""
    await answer(respond, platform_messages(*await jobs.messages(typed.word, MOST_MESSAGES)))


async def answer_action(typed: Typed, asker: Asker, respond: AsyncRespond, jobs: RftJobs) -> None:
    """Pause, resume or cancel a job."""
    wanted = Action(typed.verb)
    await respond(text=await ask(jobs, typed.word, wanted, asker.user, asker.channel, asker.trigger))


ANSWERS: Final[Mapping[str, Answering]] = {
    "launch": answer_launch,
    "list": answer_list,
    "status": answer_status,
    "curve": answer_curve,
    "compare": answer_curve,
    "checkpoints": show_checkpoints,
    "events": answer_events,
    "watch": answer_watch,
    "unwatch": answer_watch,
    **dict.fromkeys((action.value for action in Action), answer_action),
}


async def handle_control(
    ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond, jobs: RftJobs
) -> None:
    """Do what a button on a card asks for."""
    await ack()
    wanted, _, job_id = str(action["value"]).partition("|")
    text = await ask(
        jobs, job_id, Action(wanted), str(body["user"]["id"]), str(body["channel"]["id"]), str(body["trigger_id"])
    )
    await respond(text=text, response_type="ephemeral", replace_original=False)


async def launch(typed: Typed, user: str, channel: str, trigger: str, jobs: RftJobs) -> str:
    """Launch what was typed; return the sentence that confirms it."""
    given = typed.given
    request = LaunchRequest(
        task=given["task"],
        requested_by=user,
        channel=channel,
        trigger=trigger,
        platform=given.get("platform"),
        model=given.get("model"),
        prompt=given.get("prompt"),
        seed=read_seed(given["seed"]) if "seed" in given else None,
        suffix=read_suffix(given["suffix"]) if "suffix" in given else None,
        hyperparameters=read_hyperparameters(given),
    )
    try:
        job = await jobs.launch(request)
    except AlreadyTaken as taken:
        return f"You asked for just that a moment ago: `{taken.holder}` is on its way. Add `seed=` to launch another."
    return (
        f"Launching *{job.task}* on {job.platform} as `{job.id}`: {job.train_items} train and {job.valid_items} "
        f"validation items, model {escape(job.model)}. Its card appears here once {job.platform} has taken it."
    )


async def follow(
    typed: Typed, user: str, channel: str, trigger: str, job_importer: JobImporter, quieting: Quieting
) -> str:
    """Tell a person of a job of ours from now on, or no more; a job that is not ours is imported."""
    if typed.verb == "unwatch":
        return await quieting.unwatch(typed.word, user)
    told = None if typed.given else await quieting.watch(typed.word, user)
    return told or await watch(typed, user, channel, trigger, job_importer)


async def watch(typed: Typed, user: str, channel: str, trigger: str, job_importer: JobImporter) -> str:
    """Import a job launched elsewhere; return the sentence that confirms it."""
    given = typed.given
    found = await job_importer.import_job(
        WatchRequest(typed.word, user, channel, trigger, given.get("platform"), given.get("task"))
    )
    return watched(found, user)


def watched(found: ImportedJob, user: str) -> str:
    """Return the sentences that confirm to a person that a job launched elsewhere is watched, or what it is of."""
    job = found.job
    told = [_begun(job) if found.is_new else _given(job)]
    told += [f"{job.quorum} of {_groups(job)} approve a checkpoint of it.", *map(escape, job.remarks)]
    if user == job.request.requested_by:
        cannot = "" if job.policy.self_approval else " and cannot approve"
        told.append(f"I cannot tell who launched it, so you count as its launcher{cannot}.")
    if not job.has_task:
        told.append(_task_wanted(found))
    return " ".join(told)


def _begun(job: Job) -> str:
    of = f", a job of {job.task}" if job.has_task else ""
    standing = f"the platform says it is {escape(job.platform_status or 'in no state')}"
    return (
        f"I watch `{escape(job.remote_id or '')}` on {job.platform} as `{job.id}`{of}; {standing}. Its card appears "
        "here, its history in the thread."
    )


def _given(job: Job) -> str:
    known = f"`{escape(job.remote_id or '')}` on {job.platform}"
    return (
        f"`{job.id}`, which is {known}, is a job of {job.task}. Its checkpoints are evaluated as that task's; the "
        "summary in its thread says what came of it."
    )


def _groups(job: Job) -> str:
    return ", ".join(group(handle) for handle in job.approvers)


def _task_wanted(found: ImportedJob) -> str:
    """Return how to say which task a job is of, and which it looks to be."""
    job_id, like = found.job.id, found.tasks_like
    if not like:
        named = escape(f"`/rft watch {job_id} task=<task>`")
        return f"{named} says which task it is of; its checkpoints are evaluated then."
    return (
        f"It trains on the reward of {' or '.join(like[:MOST_LIKE])}: `/rft watch {job_id} task={like[0]}` has its "
        "checkpoints evaluated as that task's."
    )


async def ask(jobs: RftJobs, reference: str, action: Action, user: str, channel: str, trigger: str) -> str:
    """Write down what a person wants of a job; return the sentence that confirms it."""
    job = await jobs.ask(reference, action, by=user, channel=channel, trigger=trigger)
    if not job.state.is_on_platform:
        return f"`{job.id}` is not on {job.platform} yet. I stop it before it gets there, or at once when it does."
    return f"I ask {job.platform} to {action.value} `{job.id}`. Its thread says when that is done."


async def _thread_link(job: Job, store: Store, client: AsyncWebClient) -> str | None:
    entry = await store.ledger(job.id, card_id(job.id))
    if entry is None:
        return None
    try:
        link = await client.chat_getPermalink(channel=entry.channel, message_ts=entry.ts)
    except SlackApiError:
        return None  # the card was deleted by hand; the status is worth showing all the same
    return str(link["permalink"])
