"""Approve and reject: the click, the form that asks for the reason, and the answer to each."""

import json
from dataclasses import dataclass
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers.approvals.approval_blocks import APPROVE, REJECT
from handlers.approvals.form import FORM, REASON, form, overridden
from handlers.approvals.words import answer
from handlers.slack.forms import open_form
from handlers.slack.replies import Answers
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.records import Approval, ApprovalKind, Verdict
from jobs.approvals.rules import Outcome
from jobs.core.errors import Conflict, NotFound
from jobs.views.job import JobView, JobViews

SHORTEST_REASON: Final = 3


@dataclass(frozen=True, slots=True)
class Control:
    """What an Approve or Reject button stands for; its value is `<subject>|<choice>|<digest of the evidence>`."""

    subject: str
    choice: str
    evidence: str

    @classmethod
    def read(cls, value: str) -> "Control":
        """Return what a button's value says; buttons of long ago carry no evidence."""
        subject, choice, evidence, *_ = (*value.split("|", 2), "", "")
        return cls(subject, choice, evidence)

    @property
    def value(self) -> str:
        """The value of its button."""
        return f"{self.subject}|{self.choice}|{self.evidence}"


def register(app: AsyncApp) -> None:
    """Listen to the approval controls of messages and to their form."""
    app.action(APPROVE)(ask_reason)
    app.action(REJECT)(ask_reason)
    app.view(FORM)(take_decision)


async def ask_reason(
    ack: AsyncAck,
    body: dict[str, Any],
    action: dict[str, Any],
    client: AsyncWebClient,
    answers: Answers,
    views: JobViews,
    approvals: Approvals,
) -> None:
    """Open the form for whoever may decide; tell everybody else why they may not."""
    await ack()
    user, channel = str(body["user"]["id"]), str(body["channel"]["id"])
    vote = await _clicked(Control.read(str(action["value"])), str(action["action_id"]), user, channel, approvals)
    given = await approvals.standing(vote)
    view = await _job_of(given.approval, views)
    if given.outcome is not Outcome.OPEN:
        await answers.tell(user, channel, answer(given, user, imported=_attached(view)))
        return
    if vote.choice and view:
        _require_kept(view, vote.choice)
    earlier = next((each for each in given.approval.decisions if each.user == user), None)
    opened = form(given.approval, vote.verdict, vote.choice, view, _remembered(vote), earlier)
    await open_form(client, str(body["trigger_id"]), opened)


async def take_decision(
    ack: AsyncAck,
    body: dict[str, Any],
    view: dict[str, Any],
    answers: Answers,
    views: JobViews,
    approvals: Approvals,
) -> None:
    """Count the decision, and tell who made it what it came to."""
    values = view["state"]["values"]
    reason = str(values[REASON][REASON]["value"] or "").strip()
    if len(reason) < SHORTEST_REASON:
        words = "Give a reason in a few words; it stays with the decision."
        await ack(response_action="errors", errors={REASON: words})
        return
    await ack()
    user = str(body["user"]["id"])
    vote = _recalled(str(view["private_metadata"]), user, reason, overridden(values))
    given = await approvals.decide(vote)
    job = await _job_of(given.approval, views)
    # In the channel, not in the thread: the summary is seen in both, and a thread that is not open hides its answer.
    await answers.tell(user, vote.where, answer(given, user, imported=_attached(job)))


async def _clicked(control: Control, action_id: str, user: str, channel: str, approvals: Approvals) -> Vote:
    """Return what a click wants to decide; a rejection that names no evidence is of what stands as its form opens."""
    if action_id == APPROVE:
        return Vote(control.subject, user, Verdict.APPROVE, control.choice, control.evidence, where=channel)
    shown = control.evidence or (await approvals.get(control.subject)).value.basis("") or ""
    return Vote(control.subject, user, Verdict.REJECT, "", shown, where=channel)


def _remembered(vote: Vote) -> str:
    return json.dumps(
        {
            "subject": vote.subject,
            "verdict": vote.verdict,
            "choice": vote.choice,
            "evidence": vote.evidence,
            "channel": vote.where,
        }
    )


def _recalled(remembered: str, user: str, reason: str, overrides: tuple[str, ...]) -> Vote:
    known = json.loads(remembered)
    verdict = Verdict(known["verdict"])
    return Vote(
        known["subject"], user, verdict, known["choice"], known["evidence"], reason, overrides, known["channel"]
    )


async def _job_of(approval: Approval, views: JobViews) -> JobView | None:
    return await views.job(approval.subject) if approval.kind is ApprovalKind.CHECKPOINT else None


def _attached(view: JobView | None) -> bool:
    return view is not None and view.job.imported


def _require_kept(view: JobView, checkpoint_id: str) -> None:
    """Raise, saying what to do, where the checkpoint is no longer kept."""
    if any(checkpoint.id == checkpoint_id for checkpoint in view.job.checkpoints):
        return
    if not view.job.checkpoints:
        raise NotFound(f"{view.job.id} has no checkpoint any more.")
    raise Conflict(f"That checkpoint of {view.job.id} is no longer kept; use the buttons of the newest summary.")
