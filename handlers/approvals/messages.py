"""How approvals look and read: votes and buttons under a summary, the answer to a click, notices in the thread."""

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from charts.wording import counted, grader_name, joined, plural
from handlers.slack.blocks import Block, actions, button, context, escape, plain, quoted, section
from handlers.slack.wording import group, moment, people, person
from jobs.aliases.records import alias_of
from jobs.approvals.records import Approval, ApprovalKind, Decision, Ending, Verdict
from jobs.approvals.rules import Answer, Outcome
from jobs.core.records import Job
from jobs.evals.verdict import Verdict as Standing
from jobs.views.checkpoint import CheckpointView, Comparison, capitalized

APPROVE: Final = "approve_checkpoint"
REJECT: Final = "reject_checkpoints"
MOVE_ALIAS: Final = "move_alias"


@dataclass(frozen=True, slots=True)
class KindWords:
    """How one kind of approval is spoken of."""

    listed: str
    approved: str
    """What is approved; {} is the name of the choice."""
    rejected: str
    did: str
    own: str
    lapsed: str
    """What to do once it has lapsed; {} is its subject."""


KINDS: Final = {
    ApprovalKind.CHECKPOINT: KindWords(
        listed="checkpoints",
        approved="{}",
        rejected="All checkpoints were",
        did="launched this job",
        own="You launched this job, so you cannot approve or reject its checkpoints",
        lapsed="`/rft checkpoints {} again=yes` gathers the evidence anew and asks again.",
    ),
    ApprovalKind.ALIAS_MOVE: KindWords(
        listed="rollback of an alias",
        approved="Going back to {}",
        rejected="The move was",
        did="proposed it",
        own="You proposed this, so you cannot approve or reject it",
        lapsed="The alias stays where it points; `/proctor alias rollback` proposes it again.",
    ),
    ApprovalKind.REVIEW: KindWords(
        listed="review of an emergency rollback",
        approved="The rollback to {}",
        rejected="The emergency rollback was",
        did="proposed it",
        own="You did this rollback, so you cannot review it",
        lapsed="The alias stays where the emergency rollback put it; `/proctor alias` shows it.",
    ),
}


def control_value(subject: str, choice: str, evidence: str) -> str:
    """Return the value of an Approve or Reject button; `evidence` is the digest of what is shown next to it."""
    return f"{subject}|{choice}|{evidence}"


# -- in the summary of a job's checkpoints ----------------------------------------------------------------------------


def approve_button(approval: Approval | None, checkpoint: CheckpointView, *, recommended: bool) -> Block | None:
    """Return the button that approves one checkpoint, or None if it cannot be approved now.

    One that is worse than what it would replace asks first; only the recommended one is in the primary colour.
    """
    measured = checkpoint.measured
    choice, name = measured.checkpoint or "", measured.name
    basis = approval.basis(choice) if approval else None
    if approval is None or approval.settled or not basis:
        return None
    votes = len(approval.votes_for(choice))
    label = f"Approve {name}" + (f" ({votes} of {approval.quorum})" if votes else "")
    # The digest is of the evidence that is shown next to the button, if there is any.
    value = control_value(approval.subject, choice, measured.digest or basis)
    return button(label, APPROVE, value, style="primary" if recommended else None, confirm=_confirmed(checkpoint))


def _confirmed(checkpoint: CheckpointView) -> Block | None:
    """Return the question before the approval of a checkpoint that is worse; None for any other."""
    lead = checkpoint.lead
    if lead is None or lead.verdict is not Standing.WORSE:
        return None
    return {
        "title": plain(f"Worse than {lead.other}", 100),
        "text": plain(f"{lead.sentence}. Approve it all the same?", 300),
        "confirm": plain("Go on", 30),
        "deny": plain("Leave it", 30),
        "style": "danger",
    }


def edition(approval: Approval | None) -> str:
    """Return what changes with every vote and round, for block ids: an edited message needs new ones."""
    return f"{approval.round}.{len(approval.decisions)}" if approval else "0"


def vote_lines(approval: Approval | None, checkpoint: str) -> list[str]:
    """Return who approved a checkpoint, when and why; the votes that settled it stand with the outcome."""
    if approval is None or (approval.settled and approval.settled.choice == checkpoint):
        return []
    return [_vote_line(vote) for vote in approval.votes_for(checkpoint)]


def _vote_line(vote: Decision) -> str:
    verb = "Approved" if vote.verdict is Verdict.APPROVE else "Rejected"
    aside = f" (set aside: {escape(', '.join(vote.overrides))})" if vote.overrides else ""
    return f"{verb} by {person(vote.user)} {moment(vote.at)}{aside}: {quoted(vote.reason)}"


def comparison_numbers(comparison: Comparison) -> str:
    """Return the verdict and its numbers as mrkdwn: `*better*, +0.20 (0.14 to 0.26)`."""
    return f"*{comparison.verdict.words}*, {comparison.numbers}"


def comparison_line(comparison: Comparison) -> str:
    """Return how a model compares with another as a line of mrkdwn that begins with the other's name."""
    return f"Against {escape(comparison.other)}: {comparison_numbers(comparison)}."


def sign_off(job: Job, approval: Approval | None, aliases: tuple[str, ...] = ()) -> list[Block]:
    """Return where the approval stands, and what can be done about it; `aliases` point at what was approved."""
    if approval is None:
        return [context("Nothing is asked of you: these checkpoints are not up for approval.")]
    if approval.settled:
        return _settled(job, approval, aliases)
    why = escape(approval.renewed_why)
    if not approval.evidence:
        parts = ["Nobody can approve for now: the evidence is not there yet.", why]
        return [context(" ".join(filter(None, [*parts, "The buttons come with it, and everybody votes again."])))]
    did = "asked me to watch the job" if job.imported else "launched the job"
    lines = terms(approval, did, " of one checkpoint")
    if approval.renewed_at is not None:
        lines.append(f"The evidence changed {moment(approval.renewed_at)}: everybody votes again. {why}".strip())
    reject = button("Reject all", REJECT, control_value(job.id, "", ""), style="danger")
    return [context("\n".join(lines)), actions(reject, block_id=f"reject:{job.id}:{edition(approval)}")]


def _settled(job: Job, approval: Approval, aliases: tuple[str, ...]) -> list[Block]:
    said = section("\n".join([ended(approval), *(_vote_line(vote) for vote in approval.settling)]))
    if approval.settled is None or approval.settled.ending is not Ending.APPROVED:
        return [said]
    if aliases:
        names = joined([f"`{escape(alias)}`" for alias in aliases])
        use = f"{names} {plural(len(aliases), 'points', 'point')} at it; `/proctor alias` shows since when."
    else:
        use = f"Next: point an alias such as `{alias_of(job)}` at it. Production changes with the alias, not before."
    move = button("Move alias\u2026", MOVE_ALIAS, job.id)
    return [said, context(use), actions(move, block_id=f"settled:{job.id}:{edition(approval)}")]


# -- where an approval stands -----------------------------------------------------------------------------------------


def groups(approval: Approval) -> str:
    """Return who may decide, named without calling anybody."""
    return ", ".join(group(handle) for handle in approval.approvers)


def terms(approval: Approval, did: str, of: str = "") -> list[str]:
    """Return what an approval needs, who cannot decide because of what they `did`, and the votes so far: lines."""
    until = f", until {moment(approval.expires_at)}" if approval.expires_at else ""
    settle = "One rejection settles"
    if not approval.policy.one_rejection_settles:
        settle = f"{counted(approval.quorum, 'rejection')} {plural(approval.quorum, 'settles', 'settle')}"
    may = "cannot decide" if approval.barred else "may decide as well: the task allows that"
    return [
        f"Needs {counted(approval.quorum, 'approval')}{of} by {groups(approval)}{until}. {settle} it too.",
        f"{person(approval.launched_by)} {did} and {may}.",
        f"So far {standing(approval)}.",
    ]


def standing(approval: Approval) -> str:
    """Return the votes so far and what is missing: `step 45 has 1 of 2 approvals (by @bob)`."""
    choices = dict.fromkeys(d.choice for d in approval.decisions if d.verdict is Verdict.APPROVE)
    parts = [
        f"{escape(approval.name_of(choice))} has {len(votes)} of {approval.quorum} approvals ({_voters(votes)})"
        for choice, votes in ((choice, approval.votes_for(choice)) for choice in choices)
    ]
    if rejections := _rejections(approval):
        parts.append(f"{len(rejections)} of {approval.quorum} rejections ({_voters(rejections)})")
    return joined(parts) or f"0 of {approval.quorum} approvals"


def own_vote(approval: Approval) -> str:
    """Return what is said in public if somebody decides on their own job; "" if nobody did."""
    own = [d.user for d in approval.decisions if d.user in approval.own and d.verdict is Verdict.APPROVE]
    if not own:
        return ""
    return f"{people(own)} {KINDS[approval.kind].did} and approved it as well; the task allows that."


def ended(approval: Approval) -> str:
    """Return how a settled approval ended: what was approved or rejected, by whom and when."""
    settled = approval.settled
    assert settled is not None, "only a settled approval is said to have ended"
    when, who = moment(settled.at), people(d.user for d in approval.settling)
    match settled.ending:
        case Ending.EXPIRED:
            return f"*Nobody settled it in time*; it lapsed {when}. {_what_next(approval)}"
        case Ending.REJECTED:
            return f"*{KINDS[approval.kind].rejected} rejected* by {who} {when}."
        case Ending.APPROVED:
            choice = KINDS[approval.kind].approved.format(escape(approval.name_of(settled.choice)))
            line = f"*{capitalized(choice)} is approved* by {who} {when}"
            notes = " ".join(filter(None, [_set_aside(approval), own_vote(approval)]))
            model = approval.models.get(settled.choice, settled.choice)
            return f"{line}: `{escape(model)}`" + (f". {notes}" if notes else "")
        case _:
            assert_never(settled.ending)


def _set_aside(approval: Approval) -> str:
    """Return which guardrails were set aside by the votes that settled an approval."""
    names = dict.fromkeys(escape(grader_name(name)) for vote in approval.settling for name in vote.overrides)
    return f"It breaks guardrails that were set aside: {joined(list(names))}." if names else ""


def _what_next(approval: Approval) -> str:
    return KINDS[approval.kind].lapsed.format(approval.subject)


def _rejections(approval: Approval) -> tuple[Decision, ...]:
    return tuple(d for d in approval.decisions if d.verdict is Verdict.REJECT)


def _voters(votes: tuple[Decision, ...]) -> str:
    return f"by {people(vote.user for vote in votes)}"


# -- the answer to a click --------------------------------------------------------------------------------------------


def answer(given: Answer, user: str, *, imported: bool = False) -> str:
    """Return the result of a click or a decision, as a sentence for the person who made it.

    Args:
        given: the result.
        user: who clicked.
        imported: whether the job was launched elsewhere, so that whoever asked to watch it counts as its launcher.
    """
    approval = given.approval
    match given.outcome:
        case Outcome.OPEN:
            return f"You can decide on {_these(approval)}."
        case Outcome.RECORDED:
            return " ".join(filter(None, [_recorded(approval, user), _discounted(given.discounted)]))
        case Outcome.REPEATED:
            return "You had already decided so; your decision stands as it was."
        case Outcome.SETTLED:
            return f"Your decision settled it. {ended(approval)}"
        case Outcome.ALREADY_SETTLED:
            return f"This is settled already. {ended(approval)}"
        case Outcome.OWN_JOB | Outcome.NOT_APPROVER | Outcome.LOST_ROLE:
            return _not_entitled(given.outcome, approval, imported=imported)
        case Outcome.EXPIRED | Outcome.NO_EVIDENCE | Outcome.STALE | Outcome.NEEDS_OVERRIDE:
            return f"Nothing was counted: {_not_counted(given.outcome, approval)}"
        case _:
            assert_never(given.outcome)


def _not_entitled(
    outcome: Literal[Outcome.OWN_JOB, Outcome.NOT_APPROVER, Outcome.LOST_ROLE], approval: Approval, *, imported: bool
) -> str:
    """Return why this person cannot decide."""
    match outcome:
        case Outcome.OWN_JOB if imported:
            return (
                "You asked me to watch this job, and I cannot tell who launched it; so you count as its launcher, and "
                "somebody else has to decide."
            )
        case Outcome.OWN_JOB:
            return f"{KINDS[approval.kind].own}; somebody else has to."
        case Outcome.NOT_APPROVER:
            return f"Only approvers of this task can decide: {groups(approval)}. You are not among them."
        case Outcome.LOST_ROLE:
            return (
                f"You are not among the approvers of this task any more ({groups(approval)}), so this was not counted, "
                "and what you decided earlier does not count either."
            )


def _not_counted(
    outcome: Literal[Outcome.EXPIRED, Outcome.NO_EVIDENCE, Outcome.STALE, Outcome.NEEDS_OVERRIDE], approval: Approval
) -> str:
    """Return what a decision lacked, and what to do next."""
    why = f" {escape(approval.renewed_why)}" if approval.renewed_why else ""
    match outcome:
        case Outcome.EXPIRED:
            lapsed_at = approval.settled.at if approval.settled else approval.expires_at
            when = f" {moment(lapsed_at)}" if lapsed_at else ""
            return f"this lapsed{when} because nobody settled it in time. {_what_next(approval)}"
        case Outcome.NO_EVIDENCE if approval.renewed_at is None:
            return "these checkpoints have not been evaluated yet. The buttons come with the evidence."
        case Outcome.NO_EVIDENCE:
            again = "The buttons come back with it, and everybody decides again."
            return f"the evidence is being gathered anew.{why} {again}"
        case Outcome.STALE:
            now = "Look at it as it is now, and use the buttons there."
            return f"the evidence has changed since this was shown.{why} {now}"
        case Outcome.NEEDS_OVERRIDE:
            return (
                "this choice breaks a guardrail, and approving it needs each broken one to be set aside in the form. "
                "Click Approve again; the form lists them."
            )


def _these(approval: Approval) -> str:
    return "these checkpoints" if approval.kind is ApprovalKind.CHECKPOINT else "this"


def _recorded(approval: Approval, user: str) -> str:
    mine = next(d for d in approval.decisions if d.user == user)
    did, noun, votes = "Approved", "approval", approval.votes_for(mine.choice)
    if mine.verdict is Verdict.REJECT:
        did, noun, votes = "Rejected", "rejection", _rejections(approval)
    missing = approval.quorum - len(votes)
    line = f"Recorded. {did} so far {_voters(votes)}; {missing} more {plural(missing, noun)} needed."
    return f"{line} This is your own job; the task allows that, and it is shown." if user in approval.own else line


def _discounted(users: tuple[str, ...]) -> str:
    if not users:
        return ""
    theirs = plural(len(users), "decision no longer counts", "decisions no longer count")
    return f"{people(users)} {plural(len(users), 'is', 'are')} not among the approvers any more, so their {theirs}."


# -- notices in the thread --------------------------------------------------------------------------------------------


def notice(approval: Approval, told: str, called: str) -> str:
    """Return the line about an approval that goes into its thread.

    Args:
        approval: as it stands now.
        told: what about; see `jobs.approvals.change.Notice`.
        called: mentions of the approvers.
    """
    if told == "reminder" and approval.settled is None and approval.expires_at:
        wait = "wait" if approval.kind is ApprovalKind.CHECKPOINT else "waits"
        return (
            f"{called}: {_these(approval)} of *{escape(approval.task)}* {wait} for your decision until "
            f"{moment(approval.expires_at)}; {standing(approval)}."
        )
    if told == "invalidated" and approval.settled is None:
        again = f"The approval starts over: {escape(approval.renewed_why)} Decisions made until now do not count"
        return f"{again}." if approval.evidence else f"{again}; the buttons come back with the new evidence."
    if approval.settled and approval.settled.ending.value == told:
        launcher = f"{person(approval.launched_by)}: " if told == "expired" else ""
        return f"{launcher}{ended(approval)}"
    return "This approval has moved on since; where it stands is shown with the evidence above."
