"""How aliases, and the rollbacks proposed for them, look and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from handlers.approvals.messages import APPROVE, REJECT, control_value, ended, own_vote, standing, terms
from handlers.slack.blocks import Block, Message, actions, button, context, escape, header, quoted, section
from handlers.slack.people import People
from handlers.slack.wording import moment, people, person
from jobs.aliases.call import Call, sha256
from jobs.aliases.records import Alias, AliasMove, MoveKind, ProposalState, undone_by_rollback
from jobs.aliases.rollback import ProposalView, Rollbacks
from jobs.core.records import Posting

MOST_HISTORY: Final = 12
MOST_LISTED: Final = 40
NONE_YET: Final = (
    "No alias points at a model yet. Once a checkpoint is approved, its summary has the button *Move alias\u2026*"
)


@dataclass(frozen=True, slots=True)
class ProposalMessages:
    """Shows proposed rollbacks as they are now; `people` knows how to call groups."""

    rollbacks: Rollbacks
    people: People

    async def show(self, posting: Posting) -> Message:
        """Return the message of a proposal."""
        view = await self.rollbacks.view(posting.subject)
        return proposal_message(view, await self.people.called(view.approval.approvers))


# -- aliases ----------------------------------------------------------------------------------------------------------


def alias_list(aliases: Sequence[Alias]) -> str:
    """Return where each alias points, one line each."""
    if not aliases:
        return NONE_YET
    lines = [points_at(alias) for alias in aliases[:MOST_LISTED]]
    if len(aliases) > MOST_LISTED:
        lines.append(f"... and {len(aliases) - MOST_LISTED} more; `/proctor alias <alias>` shows each.")
    return "\n".join(lines)


def alias_details(alias: Alias, waiting: ProposalView | None) -> str:
    """Return where an alias points, since when and why, how production reads it, and where it pointed before."""
    current = alias.current
    lines = [
        f"{points_at(alias)} (version {alias.version}).",
        f"Model `{escape(alias.model)}` on {escape(current.target.platform)}.",
        f"{_who(current)} Reason: {quoted(current.reason)}",
        _asked(current.target.call),
        f"Production reads it with `GET /aliases/{alias.name}` or `python -m bot.cli alias get {alias.name}`.",
    ]
    if waiting:
        what = "The review of its emergency rollback" if waiting.proposal.emergency else "A rollback"
        lines.append(f"{what} waits for decisions: {standing(waiting.approval)} (`{waiting.proposal.id}`).")
    elif before := undone_by_rollback(alias):
        lines.append(
            f'`/proctor alias rollback {alias.name} reason="..."` proposes to go back to {_place(before)}; with '
            "`emergency=yes` one approver does it at once."
        )
    return "\n".join([*lines, *_history(alias)])


def _asked(call: Call) -> str:
    """Return how the model is to be asked, and whether that is how training asked."""
    effort = f", effort {call.effort}" if call.effort else ""
    prompt = f"prompt {escape(call.prompt)}" if call.prompt else "no prompt"
    if call.is_unchanged:
        digest = f" (SHA-256 {str(sha256(call.prompt_text))[:12]})" if call.prompt_text else ""
        return f"Ask it as training did: {prompt}{digest}{effort}."
    return f"Asked in training with {prompt}{effort}; whether its text is still the same is not known."


def points_at(alias: Alias) -> str:
    """Return where an alias points, and since when."""
    return f"`{alias.name}` points at {_place(alias.current)} since {moment(alias.current.at)}"


def _history(alias: Alias) -> list[str]:
    earlier = alias.moves[-2::-1]
    if not earlier:
        return []
    lines = [
        f"\u2022 {_place(move)}, {moment(move.at)} to {moment(alias.move(move.number + 1).at)}. {_who(move)} "
        f"{quoted(move.reason)}"
        for move in earlier[:MOST_HISTORY]
    ]
    more = [f"... and {len(earlier) - MOST_HISTORY} earlier ones"] if len(earlier) > MOST_HISTORY else []
    return ["Before that, newest first:", *lines, *more]


def _who(move: AliasMove) -> str:
    by, approved = person(move.by), people(move.approved_by)
    match move.kind:
        case MoveKind.APPROVED:
            return f"Moved by {by}, approved by {approved}."
        case MoveKind.ROLLBACK:
            return f"Rolled back; proposed by {by}, approved by {approved}."
        case MoveKind.EMERGENCY:
            return f"Rolled back in an emergency by {by}."
        case MoveKind.RESTORED:
            return f"Taken forward again after the review, by {by}."
        case _:
            assert_never(move.kind)


def _place(move: AliasMove) -> str:
    return f"step {move.target.step} of `{move.target.job}`"


# -- proposed rollbacks -----------------------------------------------------------------------------------------------


def proposal_message(view: ProposalView, called: str) -> Message:
    """Return a proposed rollback, or the review of one, with its buttons while it waits.

    Args:
        view: the proposal.
        called: mentions of the approvers that reach them; used for an emergency only.
    """
    proposal, approval = view.proposal, view.approval
    title = f"Emergency rollback of {proposal.alias}" if proposal.emergency else f"Roll back {proposal.alias}?"
    blocks = [header(title), section(_opening(view, called)), section(_models(view))]
    if proposal.state is ProposalState.OPEN and approval.settled is None:
        did = "did this" if proposal.emergency else "proposed this"
        lines = [*terms(approval, did), own_vote(approval)]
        blocks += [context("\n".join(filter(None, lines))), _controls(view)]
    else:
        said = f"{ended(approval)}\n" if approval.settled and approval.settling else ""
        blocks.append(section(f"{said}{_consequence(view)}"))
    waits = "waiting for decisions" if proposal.state is ProposalState.OPEN else proposal.state.value
    way = f"from {view.leaves.place} to {view.returns_to.place}"
    return Message(f"{title} {way}, {waits}. {escape(proposal.reason)}", tuple(blocks))


def _opening(view: ProposalView, called: str) -> str:
    proposal = view.proposal
    back = f"`{proposal.alias}` back from {_place(view.leaves)} to {_place(view.returns_to)}"
    reason = f"Reason: {quoted(proposal.reason)}"
    if not proposal.emergency:
        return f"{person(proposal.by)} proposes to take {back}. {reason}"
    return (
        f"{called}: {person(proposal.by)} took {back} {moment(proposal.at)}, *at once and without approval*. {reason}\n"
        f"Approve it if it was right. A rejection takes the alias forward again to {_place(view.leaves)}."
    )


def _models(view: ProposalView) -> str:
    before, after = ("Left", "Now") if view.proposal.emergency else ("Now", "Then")
    left, back = view.leaves, view.returns_to
    approved = f"approved by {people(back.approved_by)} and first in use {moment(back.at)}"
    return (
        f"{before}: `{escape(left.target.model)}`, in use since {moment(left.at)}\n"
        f"{after}: `{escape(back.target.model)}`, {approved}"
    )


def _controls(view: ProposalView) -> Block:
    approval, model = view.approval, view.returns_to.target.model
    approve = control_value(approval.subject, model, approval.basis(model) or "")
    reject = control_value(approval.subject, "", approval.basis("") or "")
    return actions(
        button("Approve", APPROVE, approve, style="primary"),
        button("Reject", REJECT, reject, style="danger"),
        block_id=f"proposal:{approval.subject}:{len(approval.decisions)}",
    )


def _consequence(view: ProposalView) -> str:
    proposal = view.proposal
    alias, left, back = f"`{proposal.alias}`", _place(view.leaves), _place(view.returns_to)
    match proposal.state:
        case ProposalState.OPEN:
            return f"{alias} follows in a moment."
        case ProposalState.DONE:
            return f"{alias} {'stays at' if proposal.emergency else 'went back to'} {back}."
        case ProposalState.REJECTED:
            return f"{alias} {'went forward again to' if proposal.emergency else 'stays at'} {left}."
        case ProposalState.EXPIRED:
            return f"Nobody settled it in time. {alias} stays at {back if proposal.emergency else left}."
        case ProposalState.SUPERSEDED:
            return f"This is over: {alias} was moved in the meantime."
        case _:
            assert_never(proposal.state)
