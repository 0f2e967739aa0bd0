"""The /rft command and the controls on a job's card."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.evidence.commands import show_checkpoints
from handlers.jobs.cards import CONTROLS, job_list, job_status
from handlers.jobs.curves import WORDS, show_comparison, show_curves
from handlers.jobs.details import hand_over_bundle, show_details
from handlers.jobs.launch import LAUNCH
from handlers.jobs.platform_events import MOST_MESSAGES, MOST_SEARCHED, platform_messages, read_wanted
from handlers.jobs.samples import show_samples
from handlers.jobs.sweep import SWEEP_KEYS, answer_sweep
from handlers.notifications.commands import NotificationCommands
from handlers.slack.blocks import Message, escape
from handlers.slack.commands import Typed, Verb, listen
from handlers.slack.links import card_link
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.people import People
from handlers.slack.replies import Asker
from handlers.slack.wording import group
from jobs.core.records import Action
from jobs.platforms.patience import answered
from jobs.state.store import Store
from jobs.training.import_job import ImportedJob, JobImporter, WatchRequest
from jobs.training.service import RftJobs
from jobs.views.job import JobViews

MOST_ALIKE: Final = 3
"""Tasks with the same reward that are named."""
MOST_CURVES: Final = 5
"""More lines in one picture cannot be told apart."""


def register(listeners: Listeners) -> None:
    """Listen to /rft and to the controls on cards."""
    listen(listeners, "/rft", RFT, CONTROLS, bare="launch")


async def list_jobs(jobs: RftJobs) -> Message:
    """Show the newest jobs."""
    return job_list(await jobs.newest())


async def show_status(
    typed: Typed, client: AsyncWebClient, views: JobViews, store: Store, notifications: NotificationCommands
) -> Message:
    """Show where a job stands."""
    view = await views.job(typed.word)
    shown = job_status(view, time.time(), await card_link(store, client, view.job.id))
    return await notifications.noted(shown, view.job)


async def show_events(typed: Typed, respond: AsyncRespond, jobs: RftJobs) -> Message:
    """Show what the platform says about a job, or what of it is wanted."""
    wanted = read_wanted(typed.given)
    most = MOST_SEARCHED if wanted else MOST_MESSAGES
    job, events = await answered(lambda: jobs.messages(typed.word, most), saying(respond))
    return platform_messages(job, events, wanted)


def saying(respond: AsyncRespond) -> Callable[[str], Awaitable[None]]:
    """Return what tells somebody a sentence where they typed, before the answer."""

    async def say(text: str) -> None:
        await respond(text=escape(text), response_type="ephemeral", replace_original=False)

    return say


async def watch(
    typed: Typed,
    asker: Asker,
    respond: AsyncRespond,
    job_importer: JobImporter,
    people: People,
    notifications: NotificationCommands,
) -> str:
    """Notify who asks about a job from now on; a job launched elsewhere becomes a job of ours."""
    await people.require_membership(asker.channel)
    told = None if typed.given else await notifications.watch(typed.word, asker.user)
    if told:
        return told
    platform, task = typed.given.get("platform"), typed.given.get("task")
    request = WatchRequest(typed.word, asker.user, asker.channel, asker.trigger, platform, task)
    imported = await answered(lambda: job_importer.import_job(request), saying(respond))
    return watched(imported, asker.user)


def watched(imported: ImportedJob, user: str) -> str:
    """Return the sentences that confirm to a person that a job launched elsewhere is watched, or what its task is."""
    job = imported.job
    remote = f"`{escape(job.remote_id or '')}` on {job.platform}"
    if imported.is_new:
        of = f", a job of {job.task}" if job.has_task else ""
        status = escape(job.platform_status or "in no state")
        opening = (
            f"I watch {remote} as `{job.id}`{of}; the platform says it is {status}. Its card appears here, its history "
            "in the thread."
        )
    else:
        opening = (
            f"`{job.id}`, which is {remote}, is a job of {job.task}. Its checkpoints are evaluated as that task's; the "
            "summary in its thread has the result."
        )
    groups = ", ".join(map(group, job.approvers))
    told = [opening, f"{job.quorum} of {groups} approve a checkpoint of it.", *map(escape, job.remarks)]
    if user == job.request.requested_by:
        cannot = "" if job.policy.self_approval else " and cannot approve"
        told.append(f"I cannot tell who launched it, so you count as its launcher{cannot}.")
    if not job.has_task:
        told.append(_task_wanted(job.id, imported.tasks_like))
    return " ".join(told)


def _task_wanted(job_id: str, like: tuple[str, ...]) -> str:
    """Return how to say what a job's task is, and which it probably is."""
    if not like:
        named = escape(f"`/rft watch {job_id} task=<task>`")
        return f"{named} says which task it is of; its checkpoints are evaluated then."
    return (
        f"It trains on the reward of {' or '.join(like[:MOST_ALIKE])}: `/rft watch {job_id} task={like[0]}` has its "
        "checkpoints evaluated as that task's."
    )


async def unwatch(typed: Typed, asker: Asker, people: People, notifications: NotificationCommands) -> str:
    """Notify who asks about a job no more."""
    await people.require_membership(asker.channel)
    return await notifications.unwatch(typed.word, asker.user)


async def act(typed: Typed, asker: Asker, jobs: RftJobs) -> str:
    """Pause, resume or cancel a job."""
    action = Action(typed.verb)
    job = await jobs.request(typed.word, action, by=asker.user, channel=asker.channel, trigger=asker.trigger)
    if not job.state.is_on_platform:
        return f"`{job.id}` is not on {job.platform} yet. I stop it before it gets there, or at once when it does."
    return f"I ask {job.platform} to {action.value} `{job.id}`. Its thread says when that is done."


RFT: Final = (
    LAUNCH,
    Verb(
        "sweep",
        "does more data pay: jobs on growing parts of the training items; with its id, what it found",
        answer_sweep,
        takes="<sweep>",
        least=0,
        keys=SWEEP_KEYS,
        handling=Handling.CHANGES_FOR_LONG,
    ),
    Verb("list", "the newest jobs", list_jobs, handling=Handling.READS),
    Verb("status", "where a job stands", show_status, takes="<job>", handling=Handling.READS),
    Verb(
        "curve",
        "its curves; without a further word, the rewards",
        show_curves,
        takes="<job>",
        choices=WORDS,
        handling=Handling.READS,
    ),
    Verb(
        "compare",
        "the validation rewards of jobs, one over the other",
        show_comparison,
        takes="<job>",
        least=2,
        most=MOST_CURVES,
        handling=Handling.READS,
    ),
    Verb(
        "checkpoints",
        "its checkpoints, evaluated; the best for what you need first",
        show_checkpoints,
        takes="<job>",
        keys={"prefer": "precision|recall|f1|f2|cheapest", "again": "yes"},
        handling=Handling.READS,
        handling_with={"again": Handling.CHANGES},
    ),
    Verb(
        "samples",
        "its answers at a step next to earlier ones: five validation items, before and after",
        show_samples,
        takes="<job>",
        keys={"step": "n", "from": "n"},
        handling=Handling.READS_FOR_LONG,
    ),
    Verb(
        "details",
        "how it was run: settings, seed, files, grader, output model",
        show_details,
        takes="<job>",
        handling=Handling.READS_FOR_LONG,
    ),
    Verb(
        "events",
        "what its platform says about it",
        show_events,
        takes="<job>",
        keys={"level": "info|warn|error", "type": "<type>", "step": "80-90"},
        handling=Handling.READS_FOR_LONG,
    ),
    Verb(
        "bundle",
        "its events, curves, grader errors and configuration as one file, for whoever must look at it",
        hand_over_bundle,
        takes="<job>",
        handling=Handling.READS_FOR_LONG,
    ),
    Verb(
        "watch",
        "be notified about a job; or watch one that was launched elsewhere",
        watch,
        takes="<job or platform job id>",
        keys={"platform": "<platform>", "task": "<task>"},
        handling=Handling.CHANGES_FOR_LONG,
    ),
    Verb("unwatch", "no longer be notified about it", unwatch, takes="<job>"),
    Verb("pause", "stop after the step in hand, keeping a snapshot", act, takes="<job>"),
    Verb("resume", "go on from the snapshot", act, takes="<job>"),
    Verb("cancel", "stop for good", act, takes="<job>"),
)
