"""The composition root: every collaborator is made here, once, and handed to those who need it."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from aiohttp import web
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

import handlers
from bot.aliases import AliasPages, alias_parts
from bot.embedded_redis import embedded_redis
from bot.health import Check, Condition, health_app, serving
from bot.logs import log_bug, reference
from bot.outages import Outages
from bot.quieting import quiet_parts
from bot.reports import Reports
from bot.schedule import Tick, Ticks
from bot.settings import Settings, audit_key, key_of
from bot.slack_socket import SlackSocket
from charts import ChartPool
from handlers.boundary import Boundary
from handlers.images import Pictures
from handlers.pending import Notices
from handlers.people import People
from handlers.posting import SlackPoster
from handlers.proctor import TaskChecker
from handlers.showing import Showing
from jobs import checks
from jobs.approvals.deciding import Approvals
from jobs.approvals.waiting import Waiting
from jobs.attaching import Attacher
from jobs.engine import DocketEngine, UnknownWork, Work, with_connections
from jobs.errors import NotFound, UserError
from jobs.evals.planning import EvalPlanner
from jobs.evals.records import Eval
from jobs.evals.remote_rows import remote_rows
from jobs.evals.rows import LocalRows, RowStore
from jobs.evals.running import EvalRunner
from jobs.evals.sampling import Sampler
from jobs.evals.service import Evals
from jobs.evals.shelf import ReportShelf
from jobs.evals.statistics import summarise
from jobs.evidence.gathering import Examiner
from jobs.gateway import Gateway
from jobs.graders import GraderRuntime
from jobs.judging import PlatformJudge
from jobs.launching import Launcher
from jobs.ledger import Courier, Tempo
from jobs.permissions import Permissions
from jobs.platforms import Profile, load_profiles
from jobs.records import PostingKind
from jobs.retention import Retention
from jobs.rft import RftJobs
from jobs.store import Store
from jobs.sweeping import LEASE as SWEEP_LEASE
from jobs.sweeping import Sweeper
from jobs.tasks import Task, TaskCatalogue, nearest
from jobs.turns import kept, kind_of_turn
from jobs.watching import Watcher

STORE_CONNECTIONS: Final = 60
JOB_LEASE: Final = 60.0
LANE_LEASE: Final = 60.0
CLAIMS: Final = 100
SLACK_TIMEOUT: Final = 10
NEWEST_EVALS: Final = 50
"""Evals among which a check looks for one of its task."""
OLDEST_OUTBOX: Final = 120.0
"""Seconds a message may wait to go out before the bot counts as not ready."""
RETENTION_TICK: Final = 300.0
"""Seconds after which a bot asks whether anything is to be removed; one of them does it, once an hour."""
CURVE_PAUSE: Final = 2.0
"""Times the card's pause: a picture costs an upload and an edit."""

Hide = Callable[[SecretStr], None]

log: Final = structlog.get_logger(__name__)


class Listener(Protocol):
    """The way in from Slack."""

    def start(self) -> None:
        """Begin to hear."""
        ...

    async def stop(self) -> None:
        """Hear nothing more."""
        ...

    async def is_connected(self) -> bool:
        """Tell whether Slack can reach us now."""
        ...

    async def watch(self) -> None:
        """Look after the connection."""
        ...


class Platforms:
    """The platforms by name, each with one gateway that is opened when it is first needed.

    Args:
        profiles: what is known about each.
        stack: closes the gateways.
        hide: keeps a key out of the log.
    """

    def __init__(self, profiles: Mapping[str, Profile], stack: AsyncExitStack, hide: Hide) -> None:
        self.profiles = profiles
        self._stack = stack
        self._hide = hide
        self._gateways: dict[str, Gateway] = {}
        self._samplers: dict[str, Sampler] = {}

    def profile_of(self, name: str) -> Profile:
        """Return a platform's profile; raises NotFound naming the nearest."""
        if name not in self.profiles:
            raise NotFound(f"There is no platform '{name}'; {nearest(name, self.profiles)}")
        return self.profiles[name]

    def platform_of(self, name: str) -> tuple[Profile, Gateway]:
        """Return a platform's profile and gateway; see `jobs.launching.PlatformOf`."""
        profile = self.profile_of(name)
        if name not in self._gateways:
            secret = key_of(profile.api_key_env) if profile.api_key_env else None
            if secret:
                self._hide(secret)
            gateway = Gateway(profile, secret.get_secret_value() if secret else (profile.default_key or ""))
            self._stack.push_async_callback(gateway.aclose)
            self._gateways[name] = gateway
        return profile, self._gateways[name]

    def sampler_of(self, name: str) -> Sampler:
        """Return what asks a platform's models: one for everybody, so that together they keep to its limits."""
        profile, gateway = self.platform_of(name)
        if name not in self._samplers:
            self._samplers[name] = Sampler(gateway, profile.max_concurrency)
        return self._samplers[name]


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot that runs."""

    health_port: int
    http_port: int | None


@asynccontextmanager
async def running(settings: Settings, give_up: Callable[[], None], hide: Hide = lambda _: None) -> AsyncIterator[Bot]:
    """Run one bot as long as the context lasts.

    Args:
        settings: what it was told.
        give_up: called when it cannot go on and should be started afresh.
        hide: told each secret that must never be seen in the log.

    Raises:
        ConfigurationError: it cannot run with these settings.
    """
    async with AsyncExitStack() as stack:
        redis_url = settings.redis_url
        if redis_url is None:
            redis_url = await stack.enter_async_context(embedded_redis(settings.proctor_home))
        store = await _store(redis_url, audit_key(settings.audit_key), stack)
        profiles = load_profiles(settings.proctor_platforms, settings.local_platform_url)
        platforms = Platforms(profiles, stack, hide)
        tasks = TaskCatalogue(settings.proctor_tasks)
        judge = PlatformJudge(
            lambda: platforms.sampler_of(settings.judge_platform),
            lambda: platforms.platform_of(settings.judge_platform)[1],
        )
        graders = await stack.enter_async_context(GraderRuntime(judge=judge, embedder=judge))
        pool = await stack.enter_async_context(ChartPool(workers=settings.chart_workers))
        client = _client(settings)
        people = People(client)
        permissions = _permissions(settings, people, tasks)
        jobs, attacher = _jobs(settings, store, tasks, platforms, graders, permissions)
        rows = _rows(settings)
        examiner = _examiner(store, tasks, platforms, rows)
        approvals = Approvals(store, people, time.time, examiner.recheck)
        parts = alias_parts(settings, store, people)
        hush = quiet_parts(store, client, jobs, tasks)
        pictures = Pictures(pool, client, store)
        evals, runner = _evals(store, tasks, platforms, graders, rows, permissions)

        shelf = _shelf(settings, store, rows)
        reports = Reports(await _report_secret(settings, store), shelf.report, settings.public_url, time.time)
        showing = Showing(
            jobs,
            evals,
            pictures,
            report_file=shelf.report,
            report_link=reports.link,
            log_file=shelf.inspect_log,
            notices=Notices(approvals, people),
            proposals=parts.messages,
            digests=hush.showing,
            mute_of=hush.quiet.mute_of,
        )
        courier = Courier(store, SlackPoster(client, showing, loudness=hush.quiet.loudness), _tempo(settings))

        kinds = {
            "turn": _turn(jobs, store),
            "eval": _eval_turn(runner, store),
            "evidence": _evidence_turn(examiner, store),
            "approval": _approval_turn(Waiting(store, approvals, time.time, hush.quiet.next_allowed), store),
            "move": _named_turn(parts.consequences.turn, store),
            "webhook": _named_turn(parts.webhook.turn, store),
            "digest": _named_turn(hush.digests.daily_turn, store),
            "quiet": _named_turn(hush.digests.quiet_turn, store),
            "sweep": Sweeper(store, platforms.platform_of).sweep,
            "deliver": courier.deliver,
        }
        engine = await stack.enter_async_context(DocketEngine(redis_url, kinds))

        app = AsyncApp(client=client, signing_secret=_secret(settings), name="proctor")
        services = {
            "jobs": jobs,
            "attacher": attacher,
            "evals": evals,
            "examiner": examiner,
            "approvals": approvals,
            "aliases": parts.aliases,
            "rollbacks": parts.rollbacks,
            "audit": parts.audit,
            "people": people,
            "quieting": hush.quieting,
            "pictures": pictures,
            "store": store,
            "tasks": tasks,
            "profiles": profiles,
            "shelf": shelf,
            "report_link": reports.link,
            "checker": _checker(tasks, graders, platforms, evals),
        }
        handlers.register(app, Boundary(log_bug), services)
        listener, http_port = await _listener(settings, app, give_up, stack)

        ticks = _ticks(store, engine, listener, Retention(store, settings.retention_days), stack)
        pages = _pages(_checks(store, listener, ticks, engine), reports, parts.pages)
        health_port = await stack.enter_async_context(
            serving(pages, settings.bind_host, settings.health_port, named="HEALTH_PORT")
        )
        stack.enter_context(_kept_for_good())
        engine.start()
        ticks.start()
        listener.start()
        log.info("started", health_port=health_port, platforms=list(profiles))
        try:
            yield Bot(health_port, http_port)
        finally:
            await listener.stop()
            ticks.stop()
            await runner.leave()
            await engine.stop()
            log.info("stopped")


def _client(settings: Settings) -> AsyncWebClient:
    """Return the client that posts: without retries of its own, for a retry inside it posts twice."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=SLACK_TIMEOUT,
        retry_handlers=[],
    )


def _permissions(settings: Settings, people: People, tasks: TaskCatalogue) -> Permissions:
    async def approvers_of(task: str) -> tuple[str, ...]:
        try:
            named = (await asyncio.to_thread(tasks.load, task)).approvers
        except UserError:  # its folder went, or is broken; what runs of it can be cancelled all the same
            named = ()
        return named or settings.approvers

    return Permissions(people, approvers_of, open_control=settings.open_control)


def _jobs(
    settings: Settings,
    store: Store,
    tasks: TaskCatalogue,
    platforms: Platforms,
    graders: GraderRuntime,
    permissions: Permissions,
) -> tuple[RftJobs, Attacher]:
    default = _default_platform(platforms.profiles)
    launcher = Launcher(
        store,
        tasks,
        platforms.platform_of,
        graders,
        default_platform=default,
        default_approvers=settings.approvers,
        clock=time.time,
    )
    attacher = Attacher(
        store, platforms.platform_of, default_platform=default, approvers=settings.approvers, clock=time.time
    )
    watcher = Watcher(store, platforms.platform_of, time.time, picture_steps=settings.picture_steps)
    return RftJobs(store, launcher, watcher, platforms.profile_of, permissions), attacher


def _pages(checks: Sequence[Check], *more: Reports | AliasPages) -> web.Application:
    """Return what the health port serves."""
    pages = health_app(checks)
    for each in more:
        each.add_to(pages)
    return pages


def _ticks(
    store: Store, engine: DocketEngine, listener: Listener, retention: Retention, stack: AsyncExitStack
) -> Ticks:
    outages = Outages((RedisConnectionError, RedisTimeoutError))
    stack.enter_context(outages.in_the_log())
    return Ticks(
        (
            Tick("due jobs", 0.5, lambda: _hand_over_due(store, engine)),
            Tick("outbox", 0.25, lambda: _hand_over_outbox(store, engine)),
            Tick("slack connection", 5.0, listener.watch, asks_redis=False),
            Tick("retention", RETENTION_TICK, retention.tick),
        ),
        outages=outages,
    )


async def _store(redis_url: str, key: bytes, stack: AsyncExitStack) -> Store:
    redis = Redis.from_url(with_connections(redis_url, STORE_CONNECTIONS), decode_responses=True)
    stack.push_async_callback(redis.aclose)
    store = Store(redis, key)
    await store.open()
    return store


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Tell Python that what was made until here stays.

    Looking through it for garbage, as Python does now and then, would hold up the event loop for a tenth of a second
    and more.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _hand_over_due(store: Store, engine: DocketEngine) -> None:
    """Claim the platforms, jobs, evals and others whose turn it is and give them to the engine."""
    for claim in await store.claim("sweeps", lease=SWEEP_LEASE, limit=CLAIMS):
        await engine.submit("sweep", claim.id, claim.token)
    for claim in await store.claim("due", lease=JOB_LEASE, limit=CLAIMS):
        try:
            await engine.submit(kind_of_turn(claim.id), claim.id, claim.token)
        except UnknownWork as work:
            # While versions change, a newer bot may have planned what this one does not know.
            log.warning("turn.unknown_here", work=str(work))


async def _hand_over_outbox(store: Store, engine: DocketEngine) -> None:
    """Claim the lanes in which something waits and give them to the engine."""
    for claim in await store.claim("outbox", lease=LANE_LEASE, limit=CLAIMS):
        await engine.submit("deliver", claim.id, claim.token)


def _turn(jobs: RftJobs, store: Store) -> Work:
    """Return the work of one job's turn, with its log lines tagged and its faults referenced."""

    async def turn(job_id: str, token: str) -> None:
        found_by = reference()
        with structlog.contextvars.bound_contextvars(job=job_id, turn=found_by):
            async with kept(store, job_id, token, JOB_LEASE):
                await jobs.turn(job_id, await store.starts(job_id), found_by)

    return turn


def _approval_turn(waiting: Waiting, store: Store) -> Work:
    """Return the work of one turn of an approval that waits, with its log lines tagged and its faults referenced."""

    async def turn(turn_id: str, token: str) -> None:
        found_by = reference()
        with structlog.contextvars.bound_contextvars(approval=turn_id, turn=found_by):
            async with kept(store, turn_id, token, JOB_LEASE):
                await waiting.turn(turn_id)

    return turn


def _named_turn(take: Callable[[str], Awaitable[None]], store: Store) -> Work:
    """Return the work of one turn of what its id names, with its log lines tagged and its faults referenced."""

    async def turn(turn_id: str, token: str) -> None:
        with structlog.contextvars.bound_contextvars(about=turn_id, turn=reference()):
            async with kept(store, turn_id, token, JOB_LEASE):
                await take(turn_id)

    return turn


def _shelf(settings: Settings, store: Store, rows: RowStore) -> ReportShelf:
    async def find(eval_id: str) -> Eval | None:
        found = await store.evaluation(eval_id)
        return found.value if found else None

    return ReportShelf(settings.proctor_home / "evals", rows, find)


async def _report_secret(settings: Settings, store: Store) -> str:
    given = settings.report_key
    return given.get_secret_value() if given else await store.secret("reports")


def _rows(settings: Settings) -> RowStore:
    """Return where evals keep their answers."""
    return remote_rows(settings.evals_url) if settings.evals_url else LocalRows(settings.proctor_home / "evals")


def _evals(
    store: Store,
    tasks: TaskCatalogue,
    platforms: Platforms,
    graders: GraderRuntime,
    rows: RowStore,
    permissions: Permissions,
) -> tuple[Evals, EvalRunner]:
    """Return what people ask evals of, and what takes their turns."""
    planner = EvalPlanner(tasks, platforms.platform_of, _default_platform(platforms.profiles), time.time)
    runner = EvalRunner(
        store, tasks, platforms.platform_of, platforms.sampler_of, graders, rows, summarise, clock=time.time
    )
    return Evals(store, planner, rows, permissions), runner


def _eval_turn(runner: EvalRunner, store: Store) -> Work:
    """Return the work of one eval's turn, with its log lines tagged and its faults referenced."""

    async def turn(eval_id: str, token: str) -> None:
        found_by = reference()
        with structlog.contextvars.bound_contextvars(evaluation=eval_id, turn=found_by):
            await runner.turn(eval_id, token, await store.starts(eval_id), found_by)

    return turn


def _examiner(store: Store, tasks: TaskCatalogue, platforms: Platforms, rows: RowStore) -> Examiner:
    """Return what has checkpoints evaluated."""
    planner = EvalPlanner(tasks, platforms.platform_of, _default_platform(platforms.profiles), time.time)
    return Examiner(store, tasks, planner, rows, platforms.platform_of, time.time)


def _evidence_turn(examiner: Examiner, store: Store) -> Work:
    """Return the work of one turn of a job's evidence, with its log lines tagged and its faults referenced."""

    async def turn(turn_id: str, token: str) -> None:
        found_by, job_id = reference(), turn_id.partition(":")[2]
        with structlog.contextvars.bound_contextvars(job=job_id, turn=found_by):
            async with kept(store, turn_id, token, JOB_LEASE):
                await examiner.turn(job_id, await store.starts(turn_id), found_by)

    return turn


def _checker(tasks: TaskCatalogue, graders: GraderRuntime, platforms: Platforms, evals: Evals) -> TaskChecker:
    """Return what checks a task: on the platform that a launch of it would take, against the newest evals."""

    async def check(task: Task) -> tuple[checks.Finding, ...]:
        profile, gateway = platforms.platform_of(task.defaults.platform or _default_platform(platforms.profiles))
        newest = await evals.newest(NEWEST_EVALS)
        return await checks.check_task(task, tasks, graders, profile=profile, platform=gateway, evals=newest)

    return check


def _tempo(settings: Settings) -> Tempo:
    pause = settings.card_seconds
    return Tempo(
        pauses={
            PostingKind.CARD: pause,
            PostingKind.CURVE: pause * CURVE_PAUSE,
            PostingKind.EVAL_CARD: pause,
            PostingKind.SUMMARY: 0.0,
            PostingKind.ALERT: 0.0,  # edited when it is over; what follows in the thread does not wait for that
        }
    )


def _default_platform(profiles: Mapping[str, Profile]) -> str:
    """Return the platform used where nobody names one: the local one where it runs."""
    return "local" if "local" in profiles else next(iter(profiles), "local")


def _secret(settings: Settings) -> str | None:
    return settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else None


class _HttpListener:
    """Slack reaches us by requests; there is no connection to look after."""

    def start(self) -> None:
        """Do nothing: the server already listens."""

    async def stop(self) -> None:
        """Do nothing: the server is closed with the rest."""

    async def is_connected(self) -> bool:
        """Tell that requests can come in."""
        return True

    async def watch(self) -> None:
        """Do nothing."""


async def _listener(
    settings: Settings, app: AsyncApp, give_up: Callable[[], None], stack: AsyncExitStack
) -> tuple[Listener, int | None]:
    if settings.slack_mode == "http":
        port = await stack.enter_async_context(
            serving(app.web_app(path="/slack/events"), settings.bind_host, settings.http_port, named="HTTP_PORT")
        )
        return _HttpListener(), port
    assert settings.slack_app_token is not None, "the settings require it in socket mode"
    handler = AsyncSocketModeHandler(app, settings.slack_app_token.get_secret_value())
    connection = SlackSocket(handler, time.monotonic, give_up)
    stack.push_async_callback(connection.stop)  # where the start fails later on, it holds a session already
    return connection, None


def _checks(store: Store, listener: Listener, ticks: Ticks, engine: DocketEngine) -> tuple[Check, ...]:
    async def redis() -> Condition:
        await store.ping()
        return Condition(ok=True)

    async def slack() -> Condition:
        return Condition(ok=await listener.is_connected())

    async def schedule() -> Condition:
        late = ticks.late()
        return Condition(ok=not late, detail=", ".join(late))

    async def work() -> Condition:
        return Condition(ok=engine.is_working)

    async def outbox() -> Condition:
        age = await store.outbox_age()
        return Condition(ok=age < OLDEST_OUTBOX, detail=f"{age:.1f} s")

    return (
        Check("redis", redis),
        Check("slack", slack),
        Check("schedule", schedule),
        Check("engine", work),
        Check("outbox", outbox),
    )
