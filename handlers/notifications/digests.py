"""How digests look: what happened in a channel in a day, and what its quiet hours kept back."""

from collections.abc import Sequence
from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import score
from handlers.slack.blocks import MOST_TEXT, Block, Message, context, cut, escape, section
from handlers.slack.wording import moment, people
from jobs.approvals.records import Approval
from jobs.core.ids import card_id
from jobs.core.records import Job, Posting
from jobs.evals.records import Eval
from jobs.notifications.records import Digest, HeldBack, HeldItem, Mute, Scope
from jobs.state.store import Store
from jobs.views.wording import grader_name, progress_of, reward_of, state_of

MOST_LINES: Final = 10
MOST_HELD: Final = 30
LONGEST: Final = 200
"""Characters of what one line quotes."""
HOUR: Final = 3600.0


class DigestShowing:
    """Renders digests from the records they are about, with links to the threads.

    Args:
        store: where the records are.
        client: knows the links.
    """

    def __init__(self, store: Store, client: AsyncWebClient) -> None:
        self._store = store
        self._client = client

    async def show(self, posting: Posting) -> Message:
        """Return a digest, or what quiet hours kept back, as it looks now."""
        kind, _, record_id = posting.subject.partition(":")
        if kind == "quiet":
            held = await self._store.record(HeldBack, record_id)
            assert held is not None, "it is posted together with its record"
            return await self._held(held.value)
        digest = await self._store.record(Digest, record_id)
        assert digest is not None, "it is posted together with its record"
        return await self._digest(digest.value)

    async def _held(self, held: HeldBack) -> Message:
        shown = held.items[-MOST_HELD:]
        lines = [held_line(item, await self._link(item.subject, item.posting)) for item in shown]
        several = len(held.items) + held.earlier
        more = several - len(shown)
        if more:
            lines.insert(0, f"{more} earlier ones are in their threads.")
        title = f"While it was quiet: {_count(several, 'message')}"
        return Message(f"{title}. {_plain(shown)}", tuple(_sections([f"*{title}*", *lines])))

    async def _digest(self, digest: Digest) -> Message:
        jobs = await self._jobs((*digest.running, *digest.finished))
        running = [await self._job_line(jobs[each]) for each in digest.running if each in jobs]
        finished = [await self._job_line(jobs[each]) for each in digest.finished if each in jobs]
        evals = [await self._eval_line(each) for each in digest.evals[:MOST_LINES]]
        pending = [await self._pending_line(each, digest.until) for each in digest.pending[:MOST_LINES]]
        parts = (
            ("Running", running, len(digest.running), "`/rft list`"),
            ("Ended", finished, len(digest.finished), "`/rft list`"),
            ("Evals that ended", evals, len(digest.evals), "`/eval list`"),
            ("Waiting for approval", pending, len(digest.pending), "`/proctor approvals`"),
            ("Muted", [mute_line(mute) for mute in digest.mutes], len(digest.mutes), "`/proctor mute`"),
        )
        blocks: list[Block] = [section(f"*{_title(digest)}*")]
        for heading, lines, several, where in parts:
            if lines:
                blocks += _sections([f"*{heading}*", *lines[:MOST_LINES], *_more(several, where)])
        if digest.asked_by:
            blocks.append(context("Asked for with `/proctor digest now`"))
        counts = "; ".join(f"{heading.lower()}: {several}" for heading, _, several, _ in parts if several)
        return Message(f"{_title(digest)} {counts}".strip(), tuple(blocks))

    async def _jobs(self, ids: Sequence[str]) -> dict[str, Job]:
        """Return those jobs that are shown."""
        found = [await self._store.record(Job, job_id) for job_id in ids[: 2 * MOST_LINES]]
        return {held.value.id: held.value for held in found if held}

    async def _job_line(self, job: Job) -> str:
        return job_line(job, await self._link(job.id, card_id(job.id)))

    async def _eval_line(self, eval_id: str) -> str:
        held = await self._store.record(Eval, eval_id)
        link = await self._link(eval_id, card_id(eval_id))
        return eval_line(held.value, link) if held else f"`{eval_id}`"

    async def _pending_line(self, subject: str, now: float) -> str:
        held = await self._store.record(Approval, subject)
        link = await self._link(subject, f"job:{subject}:summary") or await self._link(subject, card_id(subject))
        return pending_line(held.value, now, link) if held else f"`{subject}`"

    async def _link(self, subject: str, posting: str) -> str | None:
        """Return a link to a message; None where it was not posted or is gone."""
        entry = await self._store.ledger(subject, posting)
        if entry is None or not entry.ts:
            return None
        try:
            found = await self._client.chat_getPermalink(channel=entry.channel, message_ts=entry.ts)
        except SlackApiError:
            return None  # deleted by hand, or Slack is busy; the line is worth showing all the same
        return str(found["permalink"])


def held_line(item: HeldItem, link: str | None) -> str:
    """Return one line of what quiet hours kept back: when, what, for whom, and where it stands."""
    whom = f" For {people(list(item.people))}." if item.people else ""
    return f"\u2022 {moment(item.at)}, `{item.subject}`: {escape(cut(item.text, LONGEST))}{whom}{_linked(link)}"


def job_line(job: Job, link: str | None) -> str:
    """Return where a job stands: state, step, validation reward and its open alerts."""
    still = [each for each in job.alerts if each.cleared is None and each.level != "info"]
    alerts = f". Open: {escape(cut(still[-1].text.splitlines()[0], LONGEST)).rstrip('.')}" if still else ""
    others = f", and {_count(len(still) - 1, 'more alert')}" if len(still) > 1 else ""
    state = escape(state_of(job).lower())
    return (
        f"\u2022 *{escape(job.task)}* `{job.id}`: {state}, {progress_of(job)}, {reward_of(job)}{alerts}{others}."
        f"{_linked(link)}"
    )


def eval_line(evaluation: Eval, link: str | None) -> str:
    """Return what an eval was, how it ended, and its best mean reward."""
    arms = evaluation.arms
    models = arms[0].name if len(arms) == 1 else _count(len(arms), "model")
    size = f"{models}, {evaluation.items} items x {evaluation.runs}"
    whose = " of {}" if len(arms) > 1 else ""
    best = _best(evaluation)
    reward = f", {grader_name(evaluation.reward)} {score(best[1])}{whose.format(best[0])}" if best else ""
    told = escape(f"{evaluation.state.value}, {size}{reward}.")
    return f"\u2022 *{escape(evaluation.task)}* `{evaluation.id}`: {told}{_linked(link)}"


def _best(evaluation: Eval) -> tuple[str, float] | None:
    """Return the arm with the best mean reward, and that; None where nothing was graded."""
    graded = ((each.arm, each.grader(evaluation.reward)) for each in evaluation.summaries)
    means = [(arm, found.mean) for arm, found in graded if found and found.mean is not None]
    return max(means, key=lambda each: each[1], default=None)


def pending_line(approval: Approval, now: float, link: str | None) -> str:
    """Return what an approval still needs, and for how long it has waited."""
    most = max((len(approval.votes_for(choice)) for choice in approval.evidence), default=0)
    missing = f"{_count(approval.quorum - most, 'vote')} of {approval.quorum} missing"
    waits = missing if approval.evidence else "its evidence is being gathered"
    asked = f"asked for {_age(now - approval.requested_at)} ago"
    what = f"*{escape(approval.task or approval.subject)}* `{approval.subject}`"
    return f"\u2022 {what}: {asked}, {waits}.{_linked(link)}"


def mute_line(mute: Mute) -> str:
    """Return what is muted, and until when; by whom, the cards say, for here it would call them each day."""
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


def _title(digest: Digest) -> str:
    if digest.is_empty:
        return f"Digest: nothing ran, ended or waited since {moment(digest.since)}."
    return f"Digest, since {moment(digest.since)}"


def _more(several: int, where: str) -> list[str]:
    return [f"and {several - MOST_LINES} more; {where} has them."] if several > MOST_LINES else []


def _sections(lines: Sequence[str]) -> list[Block]:
    """Return the lines in as few blocks as have room for them."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < MOST_TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return [section(text) for text in texts]


def _plain(items: Sequence[HeldItem]) -> str:
    return " ".join(f"{item.subject}: {escape(cut(item.text, LONGEST))}" for item in items[-3:])


def _linked(link: str | None) -> str:
    return f" <{link}|Open>" if link else ""


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _age(seconds: float) -> str:
    hours = int(seconds // HOUR)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h" if hours else f"{int(seconds // 60)} min"
