"""How aliases and the rollbacks proposed for them look. No change is made here."""

from collections.abc import Sequence
from typing import Final, assert_never

from handlers.approvals.approval_blocks import APPROVE, REJECT
from handlers.approvals.words import ended, groups, own_vote, standing
from handlers.slack.blocks import Block, Message, actions, button, context, escape, header, section
from handlers.slack.people import People
from handlers.slack.wording import moment, people, person
from jobs.aliases.records import Alias, AliasMove, MoveKind, ProposalState, undone_by_rollback
from jobs.aliases.rollback import ProposalView, Rollbacks
from jobs.approvals.records import Approval
from jobs.core.records import Posting

MOST_HISTORY: Final = 12
MOST_LISTED: Final = 40
NONE_YET: Final = (
    "No alias points at a model yet. Once a checkpoint is approved, its summary has the button *Move alias\u2026*"
)


class ProposalMessages:
    """Shows proposals as they are now.

    Args:
        rollbacks: where they are.
        people: knows how to call groups.
    """

    def __init__(self, rollbacks: Rollbacks, people: People) -> None:
        self._rollbacks = rollbacks
        self._people = people

    async def show(self, posting: Posting) -> Message:
        """Return the message of a proposal."""
        view = await self._rollbacks.view(posting.subject)
        return proposal_message(view, await self._people.called(view.approval.approvers))


def alias_list(aliases: Sequence[Alias]) -> str:
    """Return where each alias points, one line each."""
    if not aliases:
        return NONE_YET
    lines = [
        f"`{alias.name}` points at {_place(alias.current)} since {moment(alias.current.at)}"
        for alias in aliases[:MOST_LISTED]
    ]
    if len(aliases) > MOST_LISTED:
        lines.append(f"... and {len(aliases) - MOST_LISTED} more; `/proctor alias <alias>` shows each.")
    return "\n".join(lines)


def alias_details(alias: Alias, waiting: ProposalView | None) -> str:
    """Return where an alias points, since when and why, how production reads it, and where it pointed before."""
    lines = [
        f"`{alias.name}` points at {_place(alias.current)} since {moment(alias.current.at)} (version {alias.version}).",
        f"Model `{escape(alias.model)}` on {escape(alias.current.target.platform)}.",
        f"{_who(alias.current)} Reason: {_quoted(alias.current.reason)}",
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


def proposal_message(view: ProposalView, called: str) -> Message:
    """Return a proposed rollback, or the review of one, with its buttons while it waits.

    Args:
        view: the proposal.
        called: mentions of the approvers that reach them; used for an emergency only.
    """
    proposal, approval = view.proposal, view.approval
    title = f"Emergency rollback of {proposal.alias}" if proposal.emergency else f"Roll back {proposal.alias}?"
    opening = _emergency(view, called) if proposal.emergency else _wish(view)
    blocks: list[Block] = [header(title), section(opening), section(_models(view))]
    if proposal.state is ProposalState.OPEN and approval.settled is None:
        blocks += [context(_needs(approval)), _controls(view)]
    else:
        blocks.append(section(_outcome(view)))
    return Message(f"{title} {_summary(view)}", tuple(blocks))


def _wish(view: ProposalView) -> str:
    proposal = view.proposal
    return (
        f"{person(proposal.by)} proposes to take `{proposal.alias}` back from {_place(view.leaves)} to "
        f"{_place(view.returns_to)}. Reason: {_quoted(proposal.reason)}"
    )


def _emergency(view: ProposalView, called: str) -> str:
    proposal = view.proposal
    return (
        f"{called}: {person(proposal.by)} took `{proposal.alias}` back from {_place(view.leaves)} to "
        f"{_place(view.returns_to)} {moment(proposal.at)}, *at once and without approval*. Reason: "
        f"{_quoted(proposal.reason)}\nApprove it if it was right. A rejection takes the alias forward again to "
        f"{_place(view.leaves)}."
    )


def _models(view: ProposalView) -> str:
    went = "Left" if view.proposal.emergency else "Now"
    came = "Now" if view.proposal.emergency else "Then"
    used = f"in use since {moment(view.leaves.at)}"
    left, back = view.leaves, view.returns_to
    approved = f"approved by {people(list(back.approved_by))} and first in use {moment(back.at)}"
    return f"{went}: `{escape(left.target.model)}`, {used}\n{came}: `{escape(back.target.model)}`, {approved}"


def _needs(approval: Approval) -> str:
    many = f"{approval.quorum} approval{'s' if approval.quorum != 1 else ''} by {groups(approval)}"
    own = (
        f"{person(approval.launched_by)} may decide as well; the task allows it."
        if approval.policy.self_approval
        else f"{person(approval.launched_by)} cannot decide."
    )
    until = f" Open until {moment(approval.expires_at)}." if approval.expires_at else ""
    said = " ".join(part for part in (own, own_vote(approval)) if part)
    return f"Needs {many}; so far {standing(approval)}. {said}{until}"


def _controls(view: ProposalView) -> Block:
    approval = view.approval
    model = view.returns_to.target.model
    approve = f"{approval.subject}|{model}|{approval.basis(model) or ''}"
    reject = f"{approval.subject}||{approval.basis('') or ''}"
    return actions(
        button("Approve", APPROVE, approve, style="primary"),
        button("Reject", REJECT, reject, style="danger"),
        block_id=f"proposal:{approval.subject}:{len(approval.decisions)}",
    )


def _outcome(view: ProposalView) -> str:
    said = f"{ended(view.approval)}\n" if view.approval.settled and view.approval.settling else ""
    return f"{said}{_consequence(view)}"


def _consequence(view: ProposalView) -> str:
    proposal = view.proposal
    left, back = _place(view.leaves), _place(view.returns_to)
    match proposal.state:
        case ProposalState.OPEN:
            return f"`{proposal.alias}` follows in a moment."
        case ProposalState.DONE:
            stays = "stays at" if proposal.emergency else "went back to"
            return f"`{proposal.alias}` {stays} {back}."
        case ProposalState.REJECTED:
            went = "went forward again to" if proposal.emergency else "stays at"
            return f"`{proposal.alias}` {went} {left}."
        case ProposalState.EXPIRED:
            return f"Nobody settled it in time. `{proposal.alias}` stays at {back if proposal.emergency else left}."
        case ProposalState.SUPERSEDED:
            return f"This is over: `{proposal.alias}` was moved meanwhile."
        case _:
            assert_never(proposal.state)


def _summary(view: ProposalView) -> str:
    proposal = view.proposal
    way = f"from {view.leaves.place} to {view.returns_to.place}"
    waits = proposal.state is ProposalState.OPEN
    return f"{way}, {'waiting for decisions' if waits else proposal.state.value}. {escape(proposal.reason)}"


def _history(alias: Alias) -> list[str]:
    earlier = alias.moves[-2::-1]
    if not earlier:
        return []
    lines = [f"\u2022 {_line(alias, move)}" for move in earlier[:MOST_HISTORY]]
    more = [f"... and {len(earlier) - MOST_HISTORY} earlier ones"] if len(earlier) > MOST_HISTORY else []
    return ["Before that, newest first:", *lines, *more]


def _line(alias: Alias, move: AliasMove) -> str:
    until = alias.move(move.number + 1).at
    return f"{_place(move)}, {moment(move.at)} to {moment(until)}. {_who(move)} {_quoted(move.reason)}"


def _who(move: AliasMove) -> str:
    by, approved = person(move.by), people(list(move.approved_by))
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


def _quoted(reason: str) -> str:
    return escape(" ".join(reason.split()))
