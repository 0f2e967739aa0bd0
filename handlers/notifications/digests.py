"""Digests as messages: what happened in a channel in a day, and what its quiet hours kept back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, duration, grader_name, number
from handlers.slack.blocks import Message, context, cut, escape, section, sections
from handlers.slack.links import approval_link, card_link, link_to, linked
from handlers.slack.wording import moment, people
from jobs.approvals.records import Approval
from jobs.core.records import Job, Posting
from jobs.evals.records import Eval
from jobs.notifications.records import Digest, HeldBack, HeldItem, Mute, Scope
from jobs.state.store import Store
from jobs.views.wording import progress_of, reward_of, state_of

MOST_LINES: Final = 10
MOST_HELD: Final = 30
LONGEST: Final = 200
"""Characters of what one line quotes."""

T = TypeVar("T")
LinkOf = Callable[[Store, AsyncWebClient, str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class DigestMessages:
    """Renders digests from the records they are about; `client` knows the links to the threads."""

    store: Store
    client: AsyncWebClient

    async def show(self, posting: Posting) -> Message:
        """Return a digest, or what quiet hours kept back, as it looks now."""
        kind, _, record_id = posting.subject.partition(":")
        if kind == "quiet":
            held = await self.store.record(HeldBack, record_id)
            assert held is not None, "it is posted together with its record"
            return await self._held(held.value)
        digest = await self.store.record(Digest, record_id)
        assert digest is not None, "it is posted together with its record"
        return await self._digest(digest.value)

    async def _held(self, held: HeldBack) -> Message:
        shown, total = held.items[-MOST_HELD:], len(held.items) + held.earlier
        title = f"While it was quiet: {counted(total, 'message')}"
        more = [f"{total - len(shown)} earlier ones are in their threads."] if total > len(shown) else []
        lines = [held_line(item, await link_to(self.store, self.client, item.subject, item.posting)) for item in shown]
        newest = " ".join(f"{item.subject}: {escape(cut(item.text, LONGEST))}" for item in shown[-3:])
        return Message(f"{title}. {newest}", sections([f"*{title}*", *more, *lines]))

    async def _digest(self, digest: Digest) -> Message:
        def pending(approval: Approval, link: str | None) -> str:
            return pending_line(approval, digest.until, link)

        running = await self._lines(Job, digest.running, job_line)
        finished = await self._lines(Job, digest.finished, job_line)
        evals = await self._lines(Eval, digest.evals, eval_line)
        waiting = await self._lines(Approval, digest.pending, pending, approval_link)
        parts = (
            ("Running", running, len(digest.running), "`/rft list`"),
            ("Ended", finished, len(digest.finished), "`/rft list`"),
            ("Evals that ended", evals, len(digest.evals), "`/eval list`"),
            ("Waiting for approval", waiting, len(digest.pending), "`/proctor approvals`"),
            ("Muted", [mute_line(mute) for mute in digest.mutes], len(digest.mutes), "`/proctor mute`"),
        )
        title = f"Digest, since {moment(digest.since)}"
        if digest.is_empty:
            title = f"Digest: nothing ran, ended or waited since {moment(digest.since)}."
        blocks = [section(f"*{title}*")]
        for heading, lines, total, where in parts:
            if lines:
                more = [f"and {total - MOST_LINES} more; {where} has them."] if total > MOST_LINES else []
                blocks += sections([f"*{heading}*", *lines[:MOST_LINES], *more])
        if digest.asked_by:
            blocks.append(context("Asked for with `/proctor digest now`"))
        counts = "; ".join(f"{heading.lower()}: {total}" for heading, _, total, _ in parts if total)
        return Message(f"{title} {counts}".strip(), tuple(blocks))

    async def _lines(
        self, kind: type[T], ids: Sequence[str], line: Callable[[T, str | None], str], link_of: LinkOf = card_link
    ) -> list[str]:
        """Return a line for each of the first records, with a link; for those that are gone, the id."""
        lines = []
        for each in ids[:MOST_LINES]:
            held = await self.store.record(kind, each)
            lines.append(line(held.value, await link_of(self.store, self.client, each)) if held else f"`{each}`")
        return lines


def held_line(item: HeldItem, link: str | None) -> str:
    """Return one line of what quiet hours kept back: when, what, for whom, and where it stands."""
    whom = f" For {people(item.people)}." if item.people else ""
    return f"\u2022 {moment(item.at)}, `{item.subject}`: {escape(cut(item.text, LONGEST))}{whom}{linked(link)}"


def job_line(job: Job, link: str | None) -> str:
    """Return where a job stands: state, step, validation reward and its open alerts."""
    still = [each for each in job.alerts if each.cleared is None and each.level != "info"]
    alerts = f". Open: {escape(cut(still[-1].text.splitlines()[0], LONGEST)).rstrip('.')}" if still else ""
    others = f", and {counted(len(still) - 1, 'more alert')}" if len(still) > 1 else ""
    stands = f"{escape(state_of(job)).lower()}, {progress_of(job)}, {reward_of(job)}"
    return f"\u2022 *{escape(job.task)}* `{job.id}`: {stands}{alerts}{others}.{linked(link)}"


def eval_line(evaluation: Eval, link: str | None) -> str:
    """Return what an eval was, how it ended, and its best mean reward."""
    arms = evaluation.arms
    models = arms[0].name if len(arms) == 1 else counted(len(arms), "model")
    graded = ((each.arm, each.grader(evaluation.reward)) for each in evaluation.summaries)
    means = [(found.mean, arm) for arm, found in graded if found and found.mean is not None]
    reward = ""
    if means:
        mean, arm = max(means, key=lambda each: each[0])
        remark = next(each.coverage(evaluation.reward).remark for each in evaluation.summaries if each.arm == arm)
        reward = f", {grader_name(evaluation.reward)} {number(mean)}" + (f" of {arm}" if len(arms) > 1 else "")
        reward += f" ({remark})" if remark else ""
    told = escape(f"{evaluation.state.value}, {models}, {evaluation.items:,} items x {evaluation.runs}{reward}.")
    return f"\u2022 *{escape(evaluation.task)}* `{evaluation.id}`: {told}{linked(link)}"


def pending_line(approval: Approval, now: float, link: str | None) -> str:
    """Return what an approval still needs, and for how long it has waited."""
    missing = f"{counted(approval.votes_missing, 'vote')} of {approval.quorum} missing"
    waits = missing if approval.evidence else "its evidence is being gathered"
    what = f"*{escape(approval.task or approval.subject)}* `{approval.subject}`"
    return f"\u2022 {what}: asked for {duration(now - approval.requested_at)} ago, {waits}.{linked(link)}"


def mute_line(mute: Mute) -> str:
    """Return what is muted, and until when; the cards say by whom; here that would call them each day."""
    return f"\u2022 {covered(mute)} until {moment(mute.until)}"


def covered(mute: Mute) -> str:
    """Return what a mute covers, in words."""
    match mute.scope:
        case Scope.CHANNEL:
            return "this channel"
        case Scope.TASK:
            return f"task *{escape(mute.name)}* in this channel"
        case Scope.JOB:
            return f"job `{mute.name}`"
