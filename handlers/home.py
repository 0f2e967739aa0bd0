"""The Home tab: what a person's work is at, what waits for them, and where to begin."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, Self

import structlog
from slack_bolt.async_app import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, joined, plural
from handlers.aliases.messages import points_at
from handlers.approvals.pending import pending_line, waits_for
from handlers.help import ways_to_begin
from handlers.notifications.digests import eval_line, job_line
from handlers.slack.blocks import Block, button, section, sections
from handlers.slack.links import KnownLinks, approval_link, card_link
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.people import People
from handlers.slack.replies import Asker
from jobs.aliases.records import Alias
from jobs.approvals.decide import Approvals
from jobs.approvals.records import Approval
from jobs.core.ids import home_item
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.notifications.records import PersonPreferences
from jobs.notifications.service import preferences_of
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, retried_on_conflict

MENTIONS: Final = "home_mentions"
"""The action id of the button that turns mentions on and off; its value is what they become."""
MOST_LINES: Final = 5
RECENT: Final = 50
"""Newest jobs and evals among which a person's are looked for."""
ENDED_FOR: Final = 24 * 3600.0
"""Seconds for which what has ended is still shown."""
REFRESH: Final = 20.0
"""Seconds between two looks at whether an open Home has changed; Slack takes a few publications a minute."""
WATCHED_FOR: Final = 1800.0
"""Seconds after a visit for which a Home is kept up to date: Slack does not say when somebody leaves it."""

NOTHING: Final = (
    "*Nothing of yours runs, and nothing waits for you.* An eval shows where a model stands today; a job tunes one."
)

log: Final = structlog.get_logger(__name__)


def register(listeners: Listeners) -> None:
    """Listen to visits, and to the controls of the Home tab."""
    listeners.event("app_home_opened", show_home)
    listeners.action(MENTIONS, set_mentions, Handling.CHANGES)


async def show_home(ack: AsyncAck, event: dict[str, Any], homes: "Homes") -> None:
    """Show a person's Home."""
    await ack()
    if event.get("tab", "home") == "home":
        await homes.visit(str(event["user"]))


async def set_mentions(ack: AsyncAck, action: dict[str, Any], asker: Asker, homes: "Homes") -> None:
    """Turn a person's mentions on or off, and show that."""
    await ack()
    await homes.set_mentions(asker.user, on=action["value"] == "on")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a Home: the lines that are shown, and how many there are."""

    lines: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, lines: Sequence[str]) -> Self:
        """Return a part of which all lines are known."""
        return cls(tuple(lines[:MOST_LINES]), len(lines))


@dataclass(frozen=True, slots=True)
class HomeContent:
    """What one person's Home shows, each part newest first."""

    waiting: Part
    """Approvals that wait for this person."""
    running: Part
    ended: Part
    others: int
    """Jobs and evals of others that run; those of a job's checkpoints are part of the job."""
    aliases: Part
    mentions: bool


@dataclass
class Homes:
    """Publishes Home tabs."""

    store: Store
    client: AsyncWebClient
    approvals: Approvals
    people: People
    clock: Callable[[], float]
    """Unix seconds."""
    _published: dict[str, str] = field(default_factory=dict)
    """The digest of what each person was last shown by this process."""
    _links: KnownLinks = field(default_factory=dict)

    async def visit(self, user: str) -> None:
        """Show a person's Home, and keep it up to date for a while."""
        await self._publish(user, force=True)
        await self._keep_until(user, self.clock() + WATCHED_FOR)

    async def refresh(self, user: str) -> float | None:
        """Show a person's Home if it has changed; return the seconds until the next look, None if nobody looks."""
        preferences = (await preferences_of(self.store, PersonPreferences, user)).value
        if preferences.home_until < self.clock():
            return None
        await self._publish(user)
        return REFRESH

    async def set_mentions(self, user: str, *, on: bool) -> None:
        """Turn a person's mentions on or off, and show that."""
        await self._edit(user, lambda person: replace(person, mentions=on))
        await self._publish(user, force=True)

    async def _keep_until(self, user: str, until: float) -> None:
        await self._edit(user, lambda person: replace(person, home_until=until), after=REFRESH)

    @retried_on_conflict
    async def _edit(
        self, user: str, edit: Callable[[PersonPreferences], PersonPreferences], after: float | None = None
    ) -> None:
        held = await preferences_of(self.store, PersonPreferences, user)
        schedule = {} if after is None else {home_item(user): after}
        await self.store.commit(Change(records=(Versioned(edit(held.value), held.version),), schedule=schedule))

    async def _publish(self, user: str, *, force: bool = False) -> None:
        blocks = await self._blocks(user)
        digest = sha256(repr(blocks).encode()).hexdigest()
        if not force and self._published.get(user) == digest:
            return
        try:
            await self.client.views_publish(user_id=user, view={"type": "home", "blocks": blocks})
        except SlackApiError as refusal:  # the next visit shows it
            log.warning("home.not_published", user=user, reason=str(refusal.response.get("error")))
            return
        self._published[user] = digest

    async def _blocks(self, user: str) -> list[Block]:
        now, store = self.clock(), self.store
        jobs, evals = await store.records(Job, RECENT), await store.records(Eval, RECENT)
        work: list[Job | Eval] = [*jobs, *(each for each in evals if not each.request.job)]
        mine = [each for each in work if each.request.requested_by == user or _watches(each, user)]
        waiting = [each for each in await self.approvals.pending() if await waits_for(each, user, self.people)]
        ended = [each for each in mine if _ended_lately(each.finished_at, now)]
        ours = {each.id for each in mine}
        person = (await preferences_of(store, PersonPreferences, user)).value
        return home_blocks(
            HomeContent(
                waiting=Part(
                    tuple([await self._pending_line(each, now) for each in waiting[:MOST_LINES]]), len(waiting)
                ),
                running=await self._part(
                    [each for each in mine if not each.state.is_final], lambda each: each.created_at
                ),
                ended=await self._part(ended, lambda each: each.finished_at or 0.0),
                others=sum(not each.state.is_final and each.id not in ours for each in work),
                aliases=Part.of([points_at(each) for each in await store.records(Alias, RECENT)]),
                mentions=person.mentions,
            )
        )

    async def _part(self, work: Sequence[Job | Eval], at: Callable[[Job | Eval], float]) -> Part:
        newest = sorted(work, key=at, reverse=True)[:MOST_LINES]
        return Part(tuple([await self._line(each) for each in newest]), len(work))

    async def _line(self, work: Job | Eval) -> str:
        link = await card_link(self.store, self.client, work.id, self._links)
        return job_line(work, link) if isinstance(work, Job) else eval_line(work, link)

    async def _pending_line(self, approval: Approval, now: float) -> str:
        link = await approval_link(self.store, self.client, approval.subject, self._links)
        return pending_line(approval, now, link, is_yours=False)


def _watches(work: Job | Eval, user: str) -> bool:
    return isinstance(work, Job) and user in work.watchers


def _ended_lately(finished_at: float | None, now: float) -> bool:
    return finished_at is not None and now - finished_at < ENDED_FOR


def home_blocks(content: HomeContent) -> list[Block]:
    """Return a Home tab as blocks: the state in a sentence, the ways to begin, then what there is."""
    mentions = ("off", "Stop mentioning me") if content.mentions else ("on", "Mention me")
    blocks: list[Block] = [
        section(_headline(content)),
        ways_to_begin("home:begin"),
    ]
    parts = (
        ("Waiting for you", content.waiting, "`/proctor approvals`"),
        ("Running", content.running, "`/rft list` and `/eval list`"),
        ("Ended in the last day", content.ended, "`/rft list` and `/eval list`"),
        ("In production", content.aliases, "`/proctor alias`"),
    )
    for heading, part, where in parts:
        if part.lines:
            more = [f"There is more in {where}."] if part.count > len(part.lines) else []
            blocks += sections([f"*{heading}*", *part.lines, *more])
    told = "You are mentioned where it concerns you." if content.mentions else "You are mentioned nowhere."
    blocks.append(section(told, accessory=button(mentions[1], MENTIONS, mentions[0])))
    return blocks


def _headline(content: HomeContent) -> str:
    waiting, running = content.waiting.count, content.running.count
    parts = [
        f"{counted(waiting, 'approval')} {plural(waiting, 'waits', 'wait')} for you" if waiting else "",
        f"{running} of yours {plural(running, 'runs', 'run')}" if running else "",
        f"{content.others} of others {plural(content.others, 'runs', 'run')}" if content.others else "",
    ]
    said = joined([part for part in parts if part])
    return f"*{said}.*" if said else NOTHING
