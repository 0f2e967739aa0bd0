"""How approvals are said: how one ended, what a click came to, what becomes of one in its thread."""

from typing import Final, assert_never

from charts.wording import joined
from handlers.slack.blocks import escape
from handlers.slack.wording import group, moment, people, person
from jobs.approvals.records import Approval, ApprovalKind, Decision, Ending, Verdict
from jobs.approvals.rules import Answer, Outcome
from jobs.views.wording import grader_name


def ended(approval: Approval) -> str:
    """Return how an approval ended: what was approved or rejected, by whom and when."""
    settled = approval.settled
    assert settled is not None, "only a settled approval is said to have ended"
    when = moment(settled.at)
    who = people([d.user for d in approval.settling])
    match settled.ending:
        case Ending.EXPIRED:
            return f"*Nobody settled it in time*; it lapsed {when}. {what_next(approval)}"
        case Ending.REJECTED:
            return f"*{_everything(approval)} rejected* by {who} {when}."
        case Ending.APPROVED:
            line = f"*{_named(approval, settled.choice)} is approved* by {who} {when}"
            model = approval.models.get(settled.choice)
            more = [part for part in (_set_aside(approval), own_vote(approval)) if part]
            model_line = f"{line}: `{escape(model)}`{'.' if more else ''}" if model else f"{line}."
            return " ".join([model_line, *more])
        case _:
            assert_never(settled.ending)


def _set_aside(approval: Approval) -> str:
    """Return which guardrails were set aside by what settled an approval."""
    names = dict.fromkeys(name for vote in approval.settling for name in vote.overrides)
    if not names:
        return ""
    return f"It breaks guardrails that were set aside: {joined([escape(grader_name(name)) for name in names])}."


def own_vote(approval: Approval) -> str:
    """Return what is said in public where somebody decides on their own job; empty where nobody did."""
    own = [d.user for d in approval.decisions if d.user in approval.own and d.verdict is Verdict.APPROVE]
    if not own:
        return ""
    did = "launched this job" if approval.kind is ApprovalKind.CHECKPOINT else "proposed it"
    return f"{people(own)} {did} and approved it as well; the task allows that."


def what_next(approval: Approval) -> str:
    """Return what to do about an approval that lapsed."""
    if approval.kind is ApprovalKind.CHECKPOINT:
        return f"`/rft checkpoints {approval.subject} again=yes` gathers the evidence anew and asks again."
    if approval.kind is ApprovalKind.REVIEW:
        return "The alias stays where the emergency rollback put it; `/proctor alias` shows it."
    return "The alias stays where it points; `/proctor alias rollback` proposes it again."


def answer(given: Answer, user: str, *, imported: bool = False) -> str:
    """Return what a click or a decision came to, as a sentence for the person who made it.

    Args:
        given: what it came to.
        user: who clicked.
        imported: whether the job was launched elsewhere, so that who asked to watch it counts as its launcher.
    """
    approval = given.approval
    match given.outcome:
        case Outcome.OPEN:
            return f"You can decide on {_these(approval)}."
        case Outcome.RECORDED:
            return " ".join(part for part in (_recorded(approval, user), _discounted(given)) if part)
        case Outcome.REPEATED:
            return "You had already decided so; your decision stands as it was."
        case Outcome.SETTLED:
            return f"Your decision settled it. {ended(approval)}"
        case Outcome.ALREADY_SETTLED:
            return f"This is settled already. {ended(approval)}"
        case Outcome.OWN_JOB if imported:
            return (
                "You asked me to watch this job, and I cannot tell who launched it; so you count as its launcher, and "
                "somebody else has to decide."
            )
        case Outcome.OWN_JOB:
            return f"{_OWN[approval.kind]}; somebody else has to."
        case _:
            return _uncounted(given.outcome, approval)


_OWN: Final = {
    ApprovalKind.CHECKPOINT: "You launched this job, so you cannot approve or reject its checkpoints",
    ApprovalKind.ALIAS_MOVE: "You proposed this, so you cannot approve or reject it",
    ApprovalKind.REVIEW: "You did this rollback, so you cannot review it",
}


def _uncounted(outcome: Outcome, approval: Approval) -> str:
    """Return why a decision was not counted though nobody has settled it."""
    match outcome:
        case Outcome.EXPIRED:
            lapsed_at = approval.settled.at if approval.settled else approval.expires_at
            when = f" {moment(lapsed_at)}" if lapsed_at else ""
            return f"Nothing was counted: this lapsed{when}, for nobody settled it in time. {what_next(approval)}"
        case Outcome.NOT_APPROVER:
            return f"Only approvers of this task can decide: {groups(approval)}. You are not among them."
        case Outcome.LOST_ROLE:
            return (
                f"You are not among the approvers of this task any more ({groups(approval)}), so this was not counted, "
                "and what you decided earlier does not count either."
            )
        case Outcome.NO_EVIDENCE:
            return _no_evidence(approval)
        case Outcome.STALE:
            why = f" {escape(approval.renewed_why)}" if approval.renewed_why else ""
            return (
                f"Nothing was counted: the evidence has changed since this was shown.{why} Look at it as it is now, "
                "and use the buttons there."
            )
        case Outcome.NEEDS_OVERRIDE:
            return (
                "Nothing was counted: this choice breaks a guardrail, and approving it needs each broken one to be "
                "set aside in the form. Click Approve again; the form lists them."
            )
        case _:
            raise AssertionError(f"{outcome} is counted")


def notice(approval: Approval, told: str, called: str) -> str:
    """Return the line that a thread is told about an approval.

    Args:
        approval: as it stands now.
        told: what about; see `jobs.approvals.change.Notice`.
        called: mentions of the approvers.
    """
    if told == "reminder" and approval.settled is None and approval.expires_at:
        return (
            f"{called}: {_these(approval)} of *{escape(approval.task)}* "
            f"{'wait' if approval.kind is ApprovalKind.CHECKPOINT else 'waits'} for your decision until "
            f"{moment(approval.expires_at)}; {standing(approval)}."
        )
    if told == "invalidated" and approval.settled is None:
        return (
            f"The approval begins anew: {escape(approval.renewed_why)} Decisions made until now do not count; the "
            "buttons come back with the new evidence."
            if not approval.evidence
            else f"The approval begins anew: {escape(approval.renewed_why)} Decisions made until now do not count."
        )
    if approval.settled and approval.settled.ending.value == told:
        called_back = f"{person(approval.launched_by)}: " if told == "expired" else ""
        return f"{called_back}{ended(approval)}"
    return "This approval has moved on since; where it stands is shown with the evidence above."


def groups(approval: Approval) -> str:
    """Return who may decide, named without calling anybody."""
    return ", ".join(group(handle) for handle in approval.approvers)


def standing(approval: Approval) -> str:
    """Return the votes so far and what is missing: `step 45 has 1 of 2 approvals (by @bob)`."""
    choices = list(dict.fromkeys(d.choice for d in approval.decisions if d.verdict is Verdict.APPROVE))
    parts = [
        f"{escape(approval.name_of(choice))} has {len(votes)} of {approval.quorum} approvals ({_voters(votes)})"
        for choice in choices
        if (votes := approval.votes_for(choice))
    ]
    rejections = tuple(d for d in approval.decisions if d.verdict is Verdict.REJECT)
    if rejections:
        parts.append(f"{len(rejections)} of {approval.quorum} rejections ({_voters(rejections)})")
    return joined(parts) or f"0 of {approval.quorum} approvals"


def _voters(votes: tuple[Decision, ...]) -> str:
    return f"by {people([vote.user for vote in votes])}"


def _named(approval: Approval, choice: str) -> str:
    name = escape(approval.name_of(choice))
    if approval.kind is ApprovalKind.REVIEW:
        return f"The rollback to {name}"
    if approval.kind is ApprovalKind.ALIAS_MOVE:
        return f"Going back to {name}"
    return name[:1].upper() + name[1:]


def _everything(approval: Approval) -> str:
    match approval.kind:
        case ApprovalKind.CHECKPOINT:
            return "All checkpoints were"
        case ApprovalKind.ALIAS_MOVE:
            return "The move was"
        case ApprovalKind.REVIEW:
            return "The emergency rollback was"


def _these(approval: Approval) -> str:
    return "these checkpoints" if approval.kind is ApprovalKind.CHECKPOINT else "this"


def _recorded(approval: Approval, user: str) -> str:
    mine = next(d for d in approval.decisions if d.user == user)
    if mine.verdict is Verdict.REJECT:
        said, what = tuple(d for d in approval.decisions if d.verdict is Verdict.REJECT), "rejection"
    else:
        said, what = approval.votes_for(mine.choice), "approval"
    missing = approval.quorum - len(said)
    line = (
        f"Recorded. {'Approved' if what == 'approval' else 'Rejected'} so far {_voters(said)}; "
        f"{missing} more {what}{'s' if missing != 1 else ''} needed."
    )
    return f"{line} This is your own job; the task allows that, and it is shown." if user in approval.own else line


def _discounted(given: Answer) -> str:
    if not given.discounted:
        return ""
    many = len(given.discounted) > 1
    return (
        f"{people(list(given.discounted))} {'are' if many else 'is'} not among the approvers any more, so "
        f"{'their decisions count' if many else 'that decision counts'} no longer."
    )


def _no_evidence(approval: Approval) -> str:
    if approval.renewed_at is None:
        return "Nothing was counted: these checkpoints have not been evaluated yet. The buttons come with the evidence."
    return (
        f"Nothing was counted: the evidence is being gathered anew. {escape(approval.renewed_why)} The buttons come "
        "back with it, and everybody decides again."
    )
