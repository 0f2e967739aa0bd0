"""Approve and reject: the click, the form that asks for the reason, and the answer to each."""

import json
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blocks import Block, context, escape, plain, section, text_input
from handlers.forms import open_form
from handlers.summary import APPROVE, REJECT, settled_sentence
from handlers.wording import grader_name, group, person, score
from jobs.approvals.deciding import Answer, Approvals, Outcome
from jobs.approvals.records import Verdict
from jobs.errors import Conflict, NotFound
from jobs.records import Checkpoint
from jobs.rft import JobView, RftJobs

FORM: Final = "decision"
REASON: Final = "reason"
MOST_REASON: Final = 500
SHORTEST_REASON: Final = 3


def register(app: AsyncApp) -> None:
    """Listen to the approval controls of summaries and to their form."""
    app.action(APPROVE)(ask_reason)
    app.action(REJECT)(ask_reason)
    app.view(FORM)(take_decision)


async def ask_reason(
    ack: AsyncAck,
    body: dict[str, Any],
    action: dict[str, Any],
    client: AsyncWebClient,
    jobs: RftJobs,
    approvals: Approvals,
) -> None:
    """Open the form for whoever may decide; tell everybody else why they may not."""
    await ack()
    job_id, _, checkpoint_id = str(action["value"]).partition("|")
    user, channel = str(body["user"]["id"]), str(body["channel"]["id"])
    standing = await approvals.standing(job_id, user)
    view = await jobs.view(job_id)
    if standing.outcome is not Outcome.OPEN:
        await client.chat_postEphemeral(channel=channel, user=user, text=reply(standing, view, user))
        return
    verdict = Verdict.APPROVE if action["action_id"] == APPROVE else Verdict.REJECT
    checkpoint = _checkpoint(view, checkpoint_id) if verdict is Verdict.APPROVE else None
    remembered = json.dumps(
        {
            "job": job_id,
            "checkpoint": checkpoint_id,
            "verdict": verdict,
            "channel": channel,
        }
    )
    await open_form(client, str(body["trigger_id"]), form(view, checkpoint, remembered))


async def take_decision(
    ack: AsyncAck,
    body: dict[str, Any],
    view: dict[str, Any],
    client: AsyncWebClient,
    jobs: RftJobs,
    approvals: Approvals,
) -> None:
    """Count the decision, and tell who made it what it came to."""
    reason = str(view["state"]["values"][REASON][REASON]["value"] or "").strip()
    if len(reason) < SHORTEST_REASON:
        await ack(
            response_action="errors", errors={REASON: "Give a reason in a few words; it stays with the decision."}
        )
        return
    await ack()
    remembered = json.loads(str(view["private_metadata"]))
    user = str(body["user"]["id"])
    answer = await approvals.decide(
        remembered["job"], user, Verdict(remembered["verdict"]), remembered["checkpoint"], reason
    )
    # In the channel, not in the thread: the summary is seen in both, and a thread that is not open hides its answer.
    await client.chat_postEphemeral(
        channel=remembered["channel"],
        user=user,
        text=reply(answer, await jobs.view(remembered["job"]), user),
    )


def form(view: JobView, checkpoint: Checkpoint | None, remembered: str) -> Block:
    """Return the form that asks for the reason of a decision.

    Args:
        view: the job.
        checkpoint: what is approved; None rejects all checkpoints.
        remembered: what the submission needs to know, as text.
    """
    job = view.job
    if checkpoint:
        title, verb = f"Approve step {checkpoint.step}", "Approve"
        known = {**checkpoint.scores, job.reward: checkpoint.valid_reward}
        scores = ", ".join(
            f"{escape(grader_name(name))} {score(value)}" for name, value in known.items() if value is not None
        )
        text = f"*{escape(job.task)}*, `{job.id}`\n`{escape(checkpoint.model_id)}`\n{scores or 'No scores reported.'}"
        consequence = f"With {job.quorum} approvals this checkpoint is the approved one."
    else:
        title, verb = "Reject all", "Reject"
        text = f"*{escape(job.task)}*, `{job.id}`: all {len(job.checkpoints)} checkpoints"
        consequence = "One rejection settles it: no checkpoint of this job can be approved afterwards."
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": remembered,
        "title": plain(title, 24),
        "submit": plain(verb, 24),
        "close": plain("Back", 24),
        "blocks": [
            section(text),
            text_input(
                "Reason",
                block_id=REASON,
                action_id=REASON,
                hint="Your name, the time and this reason are shown with the decision.",
                most=MOST_REASON,
            ),
            context(consequence),
        ],
    }


def reply(answer: Answer, view: JobView, user: str) -> str:
    """Return what a click or a decision came to, as a sentence for the person who made it."""
    approval = answer.approval
    match answer.outcome:
        case Outcome.OWN_JOB if view.job.attached:
            return (
                "You asked me to watch this job, and I cannot tell who launched it; so you count as its launcher, and "
                "somebody else has to decide."
            )
        case Outcome.OWN_JOB:
            return "You launched this job, so you cannot approve or reject its checkpoints; somebody else has to."
        case Outcome.NOT_APPROVER:
            groups = ", ".join(group(handle) for handle in approval.approvers)
            return f"Only approvers of this task can decide: {groups}. You are not among them."
        case Outcome.ALREADY_SETTLED:
            return f"This is settled already. {settled_sentence(JobView(view.job, view.series, approval))}"
        case Outcome.SETTLED:
            return f"Your decision settled it. {settled_sentence(JobView(view.job, view.series, approval))}"
        case Outcome.REPEATED:
            return "You had already decided so; your decision stands as it was."
        case Outcome.RECORDED:
            mine = next(d for d in approval.decisions if d.user == user)
            votes = approval.votes_for(mine.choice)
            missing = approval.quorum - len(votes)
            others = ", ".join(person(d.user) for d in votes)
            return (
                f"Recorded. Approved so far by {others}; {missing} more approval{'s' if missing != 1 else ''} needed."
            )
        case Outcome.OPEN:
            return "You can decide on these checkpoints."


def _checkpoint(view: JobView, checkpoint_id: str) -> Checkpoint:
    for checkpoint in view.job.checkpoints:
        if checkpoint.id == checkpoint_id:
            return checkpoint
    if not view.job.checkpoints:
        raise NotFound(f"{view.job.id} has no checkpoint any more.")
    raise Conflict(f"That checkpoint of {view.job.id} is no longer kept; use the buttons of the newest summary.")
