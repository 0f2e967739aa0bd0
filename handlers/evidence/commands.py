"""`/rft checkpoints`: a job's checkpoints for one person, in the order of what they need; and evaluating them again."""

from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted
from handlers.evidence.summary import PREFER, ReportLink, chart_of, summary
from handlers.slack.blocks import Message, context
from handlers.slack.commands import Typed
from handlers.slack.images import Pictures
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.replies import Asker, whisper
from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.core.permissions import Permission
from jobs.evidence.choose import preferred, read_need
from jobs.evidence.records import Evidence, EvidenceState
from jobs.evidence.runner import EvidenceRunner
from jobs.training.service import RftJobs
from jobs.views.job import JobView, JobViews


def register(listeners: Listeners) -> None:
    """Listen to the menu of what a person needs."""
    listeners.action(PREFER, handle_preference, Handling.READS)


async def handle_preference(
    ack: AsyncAck,
    body: dict[str, Any],
    action: dict[str, Any],
    client: AsyncWebClient,
    views: JobViews,
    pictures: Pictures,
    report_link: ReportLink,
) -> None:
    """Show the checkpoints to the person who chose in the menu, in that order."""
    await ack()
    job_id, _, need = str(action["selected_option"]["value"]).partition("|")
    shown = await shown_to_one(await views.job(job_id), need, pictures, report_link)
    await whisper(client, shown, str(body["user"]["id"]), str(body["channel"]["id"]))


async def show_checkpoints(
    typed: Typed,
    asker: Asker,
    jobs: RftJobs,
    views: JobViews,
    evidence_runner: EvidenceRunner,
    pictures: Pictures,
    report_link: ReportLink,
    took_effect: bool,
) -> Message | str:
    """Show a job's checkpoints, or evaluate them again; once, even if an earlier attempt was interrupted after that.

    Raises:
        NotFound: no such job, or it kept no checkpoint.
        NotPermitted: this person may not have them evaluated again.
        InvalidRequest: what was typed cannot be understood.
        Conflict: they cannot be evaluated again, or are not evaluated yet and so cannot be ranked.
    """
    view = await views.job(typed.word)
    if "again" in typed.given:
        if took_effect:
            return f"the checkpoints of `{view.job.id}` are evaluated again; the buttons come back in the job's thread."
        return await _again(view, typed.given["again"], evidence_runner, jobs, asker.user)
    return await shown_to_one(view, typed.given.get("prefer"), pictures, report_link)


async def _again(view: JobView, answer: str, evidence_runner: EvidenceRunner, jobs: RftJobs, user: str) -> str:
    if answer.lower() != "yes":
        raise InvalidRequest(
            "`again=` takes only `yes`: the checkpoints are evaluated again, and everybody votes again."
        )
    await jobs.require(Permission.EVALUATE_AGAIN, view.job, user)
    begun = await evidence_runner.again(view.job.id, user)
    return (
        f"I evaluate {counted(len(begun.checkpoints), 'checkpoint')} of `{view.job.id}` and the base model again. "
        "Votes given until now no longer count; the buttons come back in the job's thread with the new evidence."
    )


async def shown_to_one(view: JobView, need: str | None, pictures: Pictures, report_link: ReportLink) -> Message:
    """Return a job's checkpoints without controls, the preferred one first if somebody says what they need.

    Raises:
        NotFound: the job has kept none.
        InvalidRequest: no such need, or nothing was measured for it.
        Conflict: they have not been evaluated.
    """
    if not view.job.checkpoints:
        raise NotFound(_none_yet(view))
    chosen = preferred(_evaluated(view), read_need(need)) if need is not None else None
    chart = chart_of(view, chosen)
    file = await pictures.file_of(chart, f"checkpoints-{view.job.id}") if chart else None
    message = summary(view, file, report_link, chosen)
    blocks = [
        {key: value for key, value in block.items() if key not in {"accessory", "block_id"}}
        for block in message.blocks
        if block["type"] != "actions"
    ]
    if view.approval and view.approval.settled is None:
        blocks.append(context("Approve or reject in the job's thread."))
    return Message(message.text, tuple(blocks))


def _evaluated(view: JobView) -> Evidence:
    """Return finished evidence, or raise Conflict with how far it is."""
    evidence, job = view.evidence, view.job
    if evidence is None:
        raise Conflict(f"The checkpoints of {job.id} have not been evaluated, so none can be preferred.")
    match evidence.state:
        case EvidenceState.GATHERING:
            done = f"{evidence.answered:,} of {evidence.total:,} answers so far"
            raise Conflict(f"The checkpoints of {job.id} are being evaluated: {done}. Ask again when that is done.")
        case EvidenceState.WITHDRAWN:
            raise Conflict(
                f"The checkpoints of {job.id} are evaluated when it stops; it goes on training. Ask again then."
            )
        case EvidenceState.FAILED:
            why = evidence.note or f"`/rft checkpoints {job.id} again=yes` tries once more."
            raise Conflict(f"The checkpoints of {job.id} could not be evaluated, so none can be preferred. {why}")
        case EvidenceState.READY:
            return evidence


def _none_yet(view: JobView) -> str:
    if view.job.state.is_final:
        return f"{view.job.id} kept no checkpoint."
    return (
        f"{view.job.id} is still training, and a better checkpoint may displace an earlier one. They are "
        "read when it has finished or is paused."
    )
