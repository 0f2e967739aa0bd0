"""What waits for approval: the list of it, and the notices in each thread."""

from dataclasses import dataclass
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, duration, plural
from handlers.approvals.messages import KINDS, groups, notice, standing
from handlers.slack.blocks import Message, escape, section
from handlers.slack.links import approval_link, linked
from handlers.slack.people import People
from handlers.slack.wording import moment
from jobs.approvals.decide import Approvals
from jobs.approvals.records import Approval
from jobs.core.records import Posting
from jobs.state.store import Store

MOST_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Notices:
    """Shows the notices in the threads of approvals; `people` names approvers so that it reaches them."""

    approvals: Approvals
    people: People

    async def show(self, posting: Posting) -> Message:
        """Return a notice as it is to be posted."""
        approval = (await self.approvals.get(posting.subject)).value
        told = posting.text or ""
        called = await self.people.called(approval.approvers) if told == "reminder" else ""
        words = notice(approval, told, called)
        return Message(f"{posting.subject}: {words}", (section(words),))


async def pending_list(
    user: str, approvals: Approvals, people: People, store: Store, client: AsyncWebClient, now: float
) -> str:
    """Return what waits for approval, the longest waiting first; `now` is in unix seconds."""
    pending = await approvals.pending()
    if not pending:
        return "Nothing waits for approval."
    waits = plural(len(pending), "waits", "wait")
    lines = [f"{counted(len(pending), 'approval')} {waits}, the longest waiting first:"]
    for each in pending[:MOST_LISTED]:
        is_yours = await waits_for(each, user, people)
        lines.append(pending_line(each, now, await approval_link(store, client, each.subject), is_yours=is_yours))
    if len(pending) > MOST_LISTED:
        lines.append(f"and {len(pending) - MOST_LISTED} more.")
    return "\n".join(lines)


def pending_line(approval: Approval, now: float, link: str | None, *, is_yours: bool) -> str:
    """Return what waits, its age, missing votes, time left, and where it is decided."""
    what = f"*{escape(approval.task or approval.subject)}* `{approval.subject}`, {KINDS[approval.kind].listed}"
    parts = [f"{what}: asked {duration(now - approval.requested_at)} ago", _missing(approval)]
    if approval.expires_at is not None:
        parts.append(f"lapses in {duration(approval.expires_at - now)}, {moment(approval.expires_at)}")
    yours = " *It waits for you.*" if is_yours else ""
    return f"\u2022 {'; '.join(parts)}. By {groups(approval)}.{yours}{linked(link)}"


def _missing(approval: Approval) -> str:
    if approval.evidence:
        return f"{standing(approval)}, {approval.votes_missing} missing"
    why = f" ({escape(approval.renewed_why.rstrip('.'))})" if approval.renewed_why else ""
    return f"evidence is being gathered{why}"


async def waits_for(approval: Approval, user: str, people: People) -> bool:
    """Tell whether an approval lacks this person's vote."""
    if not approval.evidence or user in approval.barred or any(d.user == user for d in approval.decisions):
        return False
    return await people.is_any_of(user, approval.approvers)
