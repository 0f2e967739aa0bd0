"""Approve and reject: the click, the form that asks for the reason, and the answer to each."""

from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter
from slack_bolt.async_app import AsyncAck

from charts.wording import counted, grader_name, plural
from handlers.approvals.messages import APPROVE, REJECT, answer, comparison_line
from handlers.slack.blocks import Block, context, cut, escape, plain, section
from handlers.slack.forms import REASON, REASON_MISSING, modal, read_reason, reason_input
from handlers.slack.listeners import Listeners
from handlers.slack.replies import DONE_BEFORE, Answers, Asker
from handlers.slack.wording import moment
from jobs.approvals.decide import Approvals, Vote
from jobs.approvals.records import Approval, ApprovalKind, Decision, Verdict
from jobs.approvals.rules import Outcome
from jobs.core.errors import Conflict, NotFound
from jobs.evidence.measure import NOT_EVALUATED
from jobs.views.checkpoint import CheckpointView, EvidenceView, evidence_view
from jobs.views.job import JobView, JobViews

FORM: Final = "decision"
OVERRIDE: Final = "override:"
"""What the ids of the boxes begin with, one for each guardrail."""
MOST_OPTION: Final = 75
VOTE: Final = TypeAdapter(Vote)


def register(listeners: Listeners) -> None:
    """Listen to the approval controls of messages and to their form."""
    listeners.opens_form(APPROVE, ask_reason)
    listeners.opens_form(REJECT, ask_reason)
    listeners.form(FORM, take_decision)


async def ask_reason(action: dict[str, Any], asker: Asker, views: JobViews, approvals: Approvals) -> Block | str:
    """Return the form for whoever may decide; tell everybody else why they may not."""
    vote = await _clicked(action, asker.user, asker.channel, approvals)
    given = await approvals.standing(vote)
    view = await _job_of(given.approval, views)
    if given.outcome is not Outcome.OPEN:
        return answer(given, asker.user, imported=bool(view and view.job.imported))
    if vote.choice and view:
        _require_kept(view, vote.choice)
    earlier = next((each for each in given.approval.decisions if each.user == asker.user), None)
    return form(given.approval, vote, view, earlier)


async def take_decision(
    ack: AsyncAck,
    body: dict[str, Any],
    view: dict[str, Any],
    answers: Answers,
    views: JobViews,
    approvals: Approvals,
    took_effect: bool,
) -> None:
    """Count the decision, and tell the person who made it the result."""
    values = view["state"]["values"]
    reason = read_reason(values)
    if not reason:
        await ack(response_action="errors", errors={REASON: REASON_MISSING})
        return
    await ack()
    user = str(body["user"]["id"])
    asked = VOTE.validate_json(str(view["private_metadata"]))
    given = await approvals.decide(replace(asked, user=user, reason=reason, overrides=overridden(values)))
    job = await _job_of(given.approval, views)
    # In the channel, not in the thread: the summary is seen in both, and a thread that is not open hides its answer.
    text = answer(given, user, imported=bool(job and job.job.imported))
    await answers.tell(user, asked.where, f"{DONE_BEFORE} {text}" if took_effect else text)


async def _clicked(action: dict[str, Any], user: str, channel: str, approvals: Approvals) -> Vote:
    """Return what a click wants to decide; a rejection that names no evidence is of what stands as its form opens."""
    subject, choice, shown = str(action["value"]).split("|", 2)
    if action["action_id"] == APPROVE:
        return Vote(subject, user, Verdict.APPROVE, choice, shown, where=channel)
    shown = shown or (await approvals.get(subject)).value.basis("") or ""
    return Vote(subject, user, Verdict.REJECT, "", shown, where=channel)


async def _job_of(approval: Approval, views: JobViews) -> JobView | None:
    return await views.job(approval.subject) if approval.kind is ApprovalKind.CHECKPOINT else None


def _require_kept(view: JobView, checkpoint_id: str) -> None:
    """Raise, saying what to do, if the checkpoint is no longer kept."""
    if any(checkpoint.id == checkpoint_id for checkpoint in view.job.checkpoints):
        return
    if not view.job.checkpoints:
        raise NotFound(f"{view.job.id} has no checkpoint any more.")
    raise Conflict(f"That checkpoint of {view.job.id} is no longer kept; use the buttons of the newest summary.")


# -- the form ---------------------------------------------------------------------------------------------------------


def form(approval: Approval, vote: Vote, view: JobView | None, earlier: Decision | None = None) -> Block:
    """Return the form that asks for the reason of a decision, and for each broken guardrail to be set aside.

    Args:
        approval: what is decided on.
        vote: what the person is about to say.
        view: the job, if it is about checkpoints.
        earlier: what the person has decided already, which this would replace.
    """
    verdict, choice = vote.verdict, vote.choice
    approves, of_job = verdict is Verdict.APPROVE, approval.kind is ApprovalKind.CHECKPOINT
    title = "Approve" if approves else "Reject"
    if of_job:
        title = f"Approve {approval.name_of(choice)}" if approves else "Reject all"
    evidence = evidence_view(view.job, view.evidence) if approves and view and view.evidence else None
    blocks = [
        section(_about(approval, verdict, choice, evidence)),
        *(_overrides(approval.broken.get(choice, ()), choice, evidence) if approves else ()),
        reason_input("Your name, the time and this reason are shown with the decision."),
        context(" ".join(filter(None, [_replaced(approval, earlier), _consequence(approval, verdict)]))),
    ]
    return modal(FORM, title, "Approve" if approves else "Reject", blocks, VOTE.dump_json(vote).decode())


def overridden(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the guardrails that were set aside in the form; `values` is the submission's `state.values`."""
    return tuple(
        str(option["value"])
        for block, entered in values.items()
        if block.startswith(OVERRIDE)
        for option in entered[OVERRIDE].get("selected_options") or ()
    )


def _about(approval: Approval, verdict: Verdict, choice: str, evidence: EvidenceView | None) -> str:
    head = f"*{escape(approval.task)}*, `{approval.subject}`"
    if verdict is Verdict.REJECT and approval.kind is ApprovalKind.CHECKPOINT:
        return f"{head}: all {counted(len(approval.evidence), 'checkpoint')}"
    lines = [head]
    if choice:
        lines.append(f"{escape(approval.name_of(choice))}: `{escape(approval.models.get(choice, choice))}`")
    if evidence and (checkpoint := evidence.of(choice)):
        lines += _measured(checkpoint, evidence.job.reward) or ["No scores were measured."]
    return "\n".join(lines)


def _measured(checkpoint: CheckpointView, reward: str) -> list[str]:
    """Return what was measured of a checkpoint, the reward first."""
    graders = sorted(checkpoint.measured.valid, key=lambda name: (name != reward, name))
    scores = [f"{escape(grader_name(grader))} {checkpoint.score(grader)}" for grader in graders]
    lead = [f"*{escape(checkpoint.lead.sentence)}.*"] if checkpoint.lead else []
    base = [comparison_line(checkpoint.against_base)] if checkpoint.against_alias and checkpoint.against_base else []
    worse = [f"*{escape(checkpoint.worse_slices)}*"] if checkpoint.worse_slices else []
    return [*lead, *worse, *base, *scores]


def _overrides(broken: tuple[str, ...], choice: str, evidence: EvidenceView | None) -> list[Block]:
    if not broken:
        return []
    warning = (
        f"*Warning: it breaks {counted(len(broken), 'guardrail')}.* Approving it sets "
        f"{plural(len(broken), 'it', 'them')} aside; that is kept in the audit trail with your name and reason."
    )
    checkpoint = evidence.of(choice) if evidence else None
    guards = checkpoint.measured.guards if checkpoint else ()
    hints = {each.grader: evidence.guard_words(each) for each in guards} if evidence else {}
    return [section(warning), *(_box(name, hints.get(name, "")) for name in broken)]


def _box(guardrail: str, hint: str) -> Block:
    is_evaluated, name = guardrail != NOT_EVALUATED, grader_name(guardrail)
    why = f"{name} may have fallen" if is_evaluated else "it was not evaluated by me"
    option: Block = {"text": plain(f"Approve although {why}", MOST_OPTION), "value": cut(guardrail, 150)}
    block: Block = {
        "type": "input",
        "block_id": f"{OVERRIDE}{guardrail}"[:255],
        "label": plain(f"Guardrail {name}" if is_evaluated else "Guardrail: evidence", 2000),
        "element": {"type": "checkboxes", "action_id": OVERRIDE, "options": [option]},
    }
    return {**block, "hint": plain(hint, 2000)} if hint and is_evaluated else block


def _replaced(approval: Approval, earlier: Decision | None) -> str:
    """Return what happens to the decision that somebody has made already; "" if there is no such decision."""
    if earlier is None:
        return ""
    of_one = f"approved {escape(approval.name_of(earlier.choice))}" if earlier.choice else "approved"
    did = of_one if earlier.verdict is Verdict.APPROVE else "rejected"
    return f"You {did} {moment(earlier.at)}; what you send now takes its place."


def _consequence(approval: Approval, verdict: Verdict) -> str:
    quorum, one = approval.quorum, approval.policy.one_rejection_settles
    of_job = approval.kind is ApprovalKind.CHECKPOINT
    if verdict is Verdict.APPROVE:
        what = "this checkpoint is approved" if of_job else "it is approved"
        return f"With {counted(quorum, 'approval')} {what}."
    if not of_job:
        return "Your rejection settles it" + ("." if one else f" together with {quorum - 1} more.")
    settles = (
        "One rejection settles" if one else f"{counted(quorum, 'rejection')} {plural(quorum, 'settles', 'settle')}"
    )
    return f"{settles} it: no checkpoint of this job can be approved afterwards."
