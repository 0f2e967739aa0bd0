"""What waits for approval: the list of it, and the notices in each thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, duration, plural
from handlers.approvals.messages import groups, notice, standing
from handlers.slack.blocks import Message, escape, section
from handlers.slack.links import approval_link, linked
from handlers.slack.people import People
from handlers.slack.wording import moment
from jobs.approvals.decide import Approvals
from jobs.approvals.records import Approval, ApprovalKind
from jobs.core.records import Posting
from jobs.state.store import Store

MOST_LISTED: Final = 20
KINDS: Final = {
    ApprovalKind.CHECKPOINT: "checkpoints",
    ApprovalKind.ALIAS_MOVE: "rollback of an alias",
    ApprovalKind.REVIEW: "review of an emergency rollback",
}


class Notices:
    """Shows the notices in the threads of approvals; `people` names approvers so that it reaches them."""

    def __init__(self, approvals: Approvals, people: People) -> None:
        self._approvals = approvals
        self._people = people

    async def show(self, posting: Posting) -> Message:
        """Return a notice as it is to be posted."""
        approval = (await self._approvals.get(posting.subject)).value
        told = posting.text or ""
        called = await self._people.called(approval.approvers) if told == "reminder" else ""
        words = notice(approval, told, called)
        return Message(f"{posting.subject}: {words}", (section(words),))


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the list."""

    approval: Approval
    link: str | None
    """To its message; None if that is gone."""
    is_yours: bool
    """It waits for the person who asked."""


async def waiting_for(
    user: str, approvals: Approvals, people: People, store: Store, client: AsyncWebClient
) -> tuple[tuple[Waiting, ...], int]:
    """Return what waits for approval, the longest waiting first, at most `MOST_LISTED`; and how many wait in all."""
    pending = await approvals.pending()
    shown = [
        Waiting(each, await approval_link(store, client, each.subject), await _is_yours(each, user, people))
        for each in pending[:MOST_LISTED]
    ]
    return tuple(shown), len(pending)


def pending_list(waiting: Sequence[Waiting], count: int, now: float) -> str:
    """Return what waits for approval, one line each: age, missing votes, time left, and where it is decided.

    Args:
        waiting: what to list.
        count: how many wait in all.
        now: unix seconds.
    """
    if not waiting:
        return "Nothing waits for approval."
    lines = [f"{counted(count, 'approval')} {plural(count, 'waits', 'wait')}, the longest waiting first:"]
    lines += [_line(each, now) for each in waiting]
    if count > len(waiting):
        lines.append(f"and {count - len(waiting)} more.")
    return "\n".join(lines)


def _line(waiting: Waiting, now: float) -> str:
    approval, until = waiting.approval, waiting.approval.expires_at
    what = f"*{escape(approval.task or approval.subject)}* `{approval.subject}`, {KINDS[approval.kind]}"
    parts = [f"{what}: asked {duration(now - approval.requested_at)} ago", _missing(approval)]
    if until is not None:
        parts.append(f"lapses in {duration(until - now)}, {moment(until)}")
    yours = " *It waits for you.*" if waiting.is_yours else ""
    return f"\u2022 {'; '.join(parts)}. By {groups(approval)}.{yours}{linked(waiting.link)}"


def _missing(approval: Approval) -> str:
    if not approval.evidence:
        why = f" ({escape(approval.renewed_why.rstrip('.'))})" if approval.renewed_why else ""
        return f"evidence is being gathered{why}"
    return f"{standing(approval)}, {approval.votes_missing} missing"


async def _is_yours(approval: Approval, user: str, people: People) -> bool:
    if not approval.evidence or user in approval.barred or any(d.user == user for d in approval.decisions):
        return False
    return await people.is_any_of(user, approval.approvers)
