"""A desk that posts into a real local workspace what a real store holds."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any
from zlib import compress, crc32

from slack_sdk.web.async_client import AsyncWebClient

from bot.schedule import next_daily
from charts import Chart, ChartFailed, ChartPool
from charts.values import Theme
from handlers.aliases.messages import ProposalMessages
from handlers.approvals.pending import Notices
from handlers.notifications.digests import DigestMessages
from handlers.posting import SlackPoster
from handlers.render import Renderer
from handlers.slack.images import Pictures
from handlers.slack.people import People
from jobs.aliases.rollback import Rollbacks
from jobs.approvals.decide import Approvals
from jobs.core import ids
from jobs.core.permissions import Permissions
from jobs.core.records import PostingKind
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.plan import EvalPlanner
from jobs.evals.report.cache import ReportCache
from jobs.evals.service import Evals
from jobs.graders import GraderRuntime
from jobs.learning.service import Sweeps
from jobs.notifications.service import Quiet
from jobs.outbox.postings import Outbox
from jobs.outbox.worker import OutboxWorker, RateLimits
from jobs.platforms.gateway import Gateway
from jobs.platforms.profiles import Profile
from jobs.schedules.baseline import Baselines
from jobs.schedules.measure import ScheduleRunner
from jobs.schedules.service import Schedules
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.training.launch import Launcher
from jobs.training.poll import Poller
from jobs.training.service import RftJobs
from jobs.training.sweep_state import SweepState
from jobs.views.job import JobViews
from local.slack.fault_injection import MethodFault
from local.slack.server import WorkspaceServer, serve
from local.slack.timing import Timing
from tests.permitted import EVERYBODY_MAY
from tests.records import PROFILE
from tests.working import worked_off

RFT, GENERAL = "C0RFT0001", "C0GENERAL"
BOB, DAVE = "U0BOB0001", "U0DAVE001"
QUICK = RateLimits(settle=0.0, post_interval=0.0, edit_interval=0.0, pauses=dict.fromkeys(PostingKind, 0.0))
Json = dict[str, Any]


class SmallPool(ChartPool):
    """Draws one grey pixel at once, or fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Chart] = []
        self.fails = False

    async def render(self, chart: Chart, theme: Theme = "light") -> bytes:
        del theme
        if self.fails:
            raise ChartFailed("the drawing process ended")
        self.drawn.append(chart)
        return png()


def png() -> bytes:
    """Return a picture of one grey pixel."""
    parts = ((b"IHDR", pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", compress(b"\x00\x80")), (b"IEND", b""))
    chunks = (pack(">I", len(body)) + kind + body + pack(">I", crc32(kind + body)) for kind, body in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def no_platform(name: str) -> tuple[Profile, Gateway]:
    """Stand for platforms where none is asked."""
    raise AssertionError(f"{name} is asked for nothing here")


def jobs_of(store: Store, tasks: Path, permissions: Permissions = EVERYBODY_MAY) -> RftJobs:
    """Return the jobs of a store, to be looked at and asked for things; no platform is there."""
    launcher = Launcher(
        store,
        TaskCatalogue(tasks),
        no_platform,
        GraderRuntime(),
        default_platform="local",
        default_approvers=(),
        appearance=0.0,
        clock=time.time,
    )
    watcher = Poller(store, SweepState(store.connection), no_platform, time.time)
    return RftJobs(store, launcher, watcher, lambda _name: PROFILE, permissions)


@dataclass
class Desk:
    """Posts, and looks at what the workspace then shows."""

    server: WorkspaceServer
    client: AsyncWebClient
    store: Store
    pool: SmallPool
    views: JobViews
    poster: SlackPoster
    folder: Path

    async def deliver(self) -> None:
        """Deliver once what is due in the outbox, each lane until it is empty or has to wait."""
        outbox_worker = OutboxWorker(self.store, Outbox(self.store), self.poster, QUICK)
        await worked_off(self.store, {ids.DELIVER: outbox_worker.deliver}, ids.DELIVERIES)

    def fault(self, method: str, kind: str, **more: Any) -> None:
        """Let the next call of a method go wrong."""
        self.server.workspace.faults.add(MethodFault(method, kind, **more))  # type: ignore[arg-type] # a known kind

    async def history(self, channel: str = RFT) -> list[Json]:
        """Return the channel's messages, oldest first."""
        answer = await self.client.conversations_history(channel=channel, include_all_metadata=True, limit=999)
        messages: list[Json] = answer["messages"]
        return messages[::-1]

    async def thread(self, ts: str) -> list[Json]:
        """Return the replies to a message, oldest first."""
        messages: list[Json] = (await self.client.conversations_replies(channel=RFT, ts=ts))["messages"]
        return messages[1:]

    def whispers(self, user: str) -> list[str]:
        """Return what only this person was shown."""
        return [shown.text for shown in self.server.workspace.messages.ephemerals_for(user)]

    def answered(self, method: str) -> int:
        """Return how many calls of a method the workspace has worked on."""
        return sum(1 for entry in self.server.workspace.traffic.since() if entry["name"] == method and "args" in entry)


def poster_of(client: AsyncWebClient, views: JobViews, store: Store, pictures: Pictures, folder: Path) -> SlackPoster:
    """Return what posts, over evals that lie in the folder."""

    planner = EvalPlanner(TaskCatalogue(folder), _nowhere, "local", time.time)
    evals = Evals(store, planner, LocalAnswerStore(folder / "evals"), EVERYBODY_MAY)
    nobody = AsyncWebClient("xoxb-nobody", retry_handlers=[])
    people = People(nobody)
    notices = Notices(Approvals(store, people, time.time), people)
    rollbacks = Rollbacks(store, people, time.time, notifies=False)
    quiet = Quiet(store, time.time)
    renderer = Renderer(
        views=views,
        evals=evals,
        pictures=pictures,
        notices=notices,
        proposals=ProposalMessages(rollbacks, people),
        digests=DigestMessages(store, nobody),
        quiet=quiet,
        sweeps=Sweeps(store, jobs_of(store, folder).launcher, evals.answer_store, time.time),
        schedules=Schedules(
            store,
            ScheduleRunner(store, planner, Baselines(store, planner.tasks, evals.answer_store), next_daily, time.time),
            EVERYBODY_MAY,
            time.time,
        ),
        report_cache=ReportCache(folder / "reports", evals.answer_store, evals.find, evals.reviews.of_task),
        report_link=lambda _: None,
    )
    return SlackPoster(client, renderer, quiet)


def _no_profile(name: str) -> Profile:
    raise AssertionError(f"no alias moves to a model on {name} here")


def _nowhere(name: str) -> tuple[Profile, Gateway]:
    raise AssertionError(f"nobody plans an eval on {name} here")


@asynccontextmanager
async def open_desk(store: Store, folder: Path, *, timeout: int = 10) -> AsyncIterator[Desk]:
    """Open a desk at a fresh workspace without rate limits."""
    async with serve(timing=Timing(file_processing=0.02), limited=False) as server:
        client = AsyncWebClient("xoxb-local-proctor", base_url=server.api_url, retry_handlers=[], timeout=timeout)
        pool, views = SmallPool(), JobViews(store, lambda _name: PROFILE)
        yield Desk(
            server,
            client,
            store,
            pool,
            views,
            poster_of(client, views, store, Pictures(pool, client, store), folder),
            folder,
        )
