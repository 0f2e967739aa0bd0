"""What waits for approval: the list of it, and the notices in each thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.approvals.words import groups, notice, standing
from handlers.slack.blocks import Message, escape, section
from handlers.slack.people import People
from handlers.slack.wording import moment
from jobs.approvals.decide import Approvals
from jobs.approvals.records import Approval, ApprovalKind
from jobs.core.ids import card_id
from jobs.core.records import Posting
from jobs.state.store import Store

MOST_LISTED: Final = 20
DAY: Final = 86_400.0
HOUR: Final = 3_600.0
MINUTE: Final = 60.0


class Notices:
    """How the notices in the threads of approvals look.

    Args:
        approvals: what they are about.
        people: names approvers so that it reaches them.
    """

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
    """To its message; None where that is gone."""
    is_yours: bool
    """It waits for the person who asked."""


async def waiting_for(
    user: str, approvals: Approvals, people: People, store: Store, client: AsyncWebClient
) -> tuple[tuple[Waiting, ...], int]:
    """Return what waits for approval, the longest waiting first, at most `MOST_LISTED`; and how many there are."""
    pending = await approvals.pending()
    shown = [
        Waiting(each, await _link(each, store, client), await _is_yours(each, user, people))
        for each in pending[:MOST_LISTED]
    ]
    return tuple(shown), len(pending)


def pending_list(waiting: Sequence[Waiting], several: int, now: float) -> str:
    """Return what waits for approval, one line each: age, missing votes, time left, and where it is decided.

    Args:
        waiting: what to list.
        several: how many there are.
        now: unix seconds.
    """
    if not waiting:
        return "Nothing waits for approval."
    lines = [f"{several} approval{'s wait' if several != 1 else ' waits'}, the longest waiting first:"]
    lines += [_line(each, now) for each in waiting]
    if several > len(waiting):
        lines.append(f"and {several - len(waiting)} more.")
    return "\n".join(lines)


def span(seconds: float) -> str:
    """Return a span of time as one says it, in its largest unit and the next: `2 d 3 h`."""
    if seconds >= DAY:
        return f"{int(seconds // DAY)} d {int(seconds % DAY // HOUR)} h"
    if seconds >= HOUR:
        return f"{int(seconds // HOUR)} h {int(seconds % HOUR // MINUTE)} min"
    return f"{max(0, int(seconds // MINUTE))} min"


def _line(waiting: Waiting, now: float) -> str:
    approval = waiting.approval
    what = f"*{escape(approval.task or approval.subject)}* `{approval.subject}`, {_KINDS[approval.kind]}"
    parts = [f"{what}: asked {span(now - approval.requested_at)} ago", _state(approval), _left(approval, now)]
    line = "; ".join(part for part in parts if part)
    yours = " *It waits for you.*" if waiting.is_yours else ""
    return f"\u2022 {line}. By {groups(approval)}.{yours}" + (f" <{waiting.link}|Open>" if waiting.link else "")


_KINDS: Final = {
    ApprovalKind.CHECKPOINT: "checkpoints",
    ApprovalKind.ALIAS_MOVE: "rollback of an alias",
    ApprovalKind.REVIEW: "review of an emergency rollback",
}


def _state(approval: Approval) -> str:
    if not approval.evidence:
        why = f" ({escape(approval.renewed_why.rstrip('.'))})" if approval.renewed_why else ""
        return f"evidence is being gathered{why}"
    most = max((len(approval.votes_for(choice)) for choice in approval.evidence), default=0)
    missing = approval.quorum - most
    return f"{standing(approval)}, {missing} missing"


def _left(approval: Approval, now: float) -> str:
    if approval.expires_at is None:
        return ""
    return f"lapses in {span(approval.expires_at - now)}, {moment(approval.expires_at)}"


async def _is_yours(approval: Approval, user: str, people: People) -> bool:
    if not approval.evidence or user in approval.barred or any(d.user == user for d in approval.decisions):
        return False
    return await people.is_any_of(user, approval.approvers)


async def _link(approval: Approval, store: Store, client: AsyncWebClient) -> str | None:
    """Return a link to the message with the buttons, or to its thread."""
    is_job = approval.kind is ApprovalKind.CHECKPOINT
    places = (f"job:{approval.subject}:summary", card_id(approval.subject)) if is_job else (card_id(approval.subject),)
    for place in places:
        entry = await store.ledger(approval.subject, place)
        if entry is None:
            continue
        try:
            found = await client.chat_getPermalink(channel=entry.channel, message_ts=entry.ts)
        except SlackApiError:
            continue  # the message was deleted by hand; the line is worth showing all the same
        return str(found["permalink"])
    return None
