"""The composition root: every part of the bot is made here, once, and handed to the parts that need it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from aiohttp import ClientSession, ClientTimeout
from slack_sdk.web.async_client import AsyncWebClient

from bot.alias_pages import AliasPages
from bot.kinds import KINDS
from bot.logs import Redactor, secrets_of
from bot.redis_server.embedded_redis import embedded_redis
from bot.reports import Reports
from bot.schedule import next_daily
from bot.settings import Settings, audit_key, key_of
from bot.worker import job_work, named_work, repeated_work
from charts import ChartPool
from handlers.aliases.messages import ProposalMessages
from handlers.approvals.pending import Notices
from handlers.home import Homes
from handlers.notifications.commands import NotificationCommands, zones_of
from handlers.notifications.digests import DigestMessages
from handlers.posting import SlackPoster
from handlers.proctor import COMMANDS, TaskChecker
from handlers.render import Renderer
from handlers.slack.images import Pictures
from handlers.slack.links import card_link
from handlers.slack.people import People
from jobs import checks
from jobs.aliases.call import calls_of
from jobs.aliases.move import Aliases, in_production
from jobs.aliases.records import Alias
from jobs.aliases.rollback import Rollbacks
from jobs.aliases.webhook import HttpSender, Webhook
from jobs.approvals.decide import Approvals
from jobs.approvals.open import approval_of
from jobs.approvals.records import Approval, Ending
from jobs.approvals.remind import Reminders
from jobs.audit.query import AuditTrail
from jobs.core import ids
from jobs.core.errors import UserError
from jobs.core.permissions import Permissions
from jobs.core.records import PostingKind
from jobs.evals.answer_store import AnswerStore, LocalAnswerStore, remote_answer_store
from jobs.evals.plan import EvalPlanner
from jobs.evals.report.cache import ReportCache
from jobs.evals.run import EvalRunner
from jobs.evals.service import Evals
from jobs.evidence.plan import RoundPlanner
from jobs.evidence.runner import EvidenceRunner
from jobs.gates.gate import Gate
from jobs.graders import GraderRuntime
from jobs.learning.service import Sweeps
from jobs.notifications.digests import Digests
from jobs.notifications.refusals import RefusalNotices
from jobs.notifications.service import Quiet
from jobs.outbox.postings import Outbox
from jobs.outbox.worker import OutboxWorker, RateLimits
from jobs.platforms.judge import PlatformJudge
from jobs.platforms.profiles import load_profiles
from jobs.platforms.registry import HideSecret, Platforms
from jobs.queue.envelopes import Envelopes
from jobs.queue.pools import Work
from jobs.schedules.baseline import Baselines
from jobs.schedules.measure import ScheduleRunner
from jobs.schedules.service import Schedules
from jobs.state.connection import AWAY, connection_to, quick_connection_to
from jobs.state.store import Store
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.defaults import DefaultsDesk, chosen_for
from jobs.training.import_job import JobImporter
from jobs.training.launch import Launcher
from jobs.training.poll import Poller
from jobs.training.service import RftJobs
from jobs.training.sweep import Sweeper
from jobs.training.sweep_state import SweepState
from jobs.views.job import JobViews

SLACK_TIMEOUT: Final = 10
CURVE_PAUSE: Final = 2.0
"""Times the card's pause: a picture costs an upload and an edit."""
NEWEST_EVALS: Final = 50
"""Evals among which a check looks for one of its task."""


@dataclass(frozen=True, slots=True)
class Base:
    """What everything else stands on."""

    settings: Settings
    redis_url: str
    store: Store
    envelopes: Envelopes
    platforms: Platforms
    tasks: TaskCatalogue
    graders: GraderRuntime
    answer_store: AnswerStore
    """Where evals keep their answers."""
    client: AsyncWebClient
    people: People
    charts: ChartPool
    pictures: Pictures


@dataclass(frozen=True, slots=True)
class Wiring:
    """Every part of the bot."""

    base: Base
    jobs: RftJobs
    views: JobViews
    job_importer: JobImporter
    evals: Evals
    eval_runner: EvalRunner
    evidence_runner: EvidenceRunner
    report_cache: ReportCache
    reports: Reports
    checker: TaskChecker
    approvals: Approvals
    aliases: Aliases
    rollbacks: Rollbacks
    audit: AuditTrail
    quiet: Quiet
    digests: Digests
    schedules: Schedules
    sweeps: Sweeps
    notifications: NotificationCommands
    redact: Callable[[str], str]
    """Takes secrets out of a text that leaves the bot."""
    homes: Homes

    def services(self) -> dict[str, object]:
        """Return what handlers ask for, by the names of their parameters."""
        return {
            "jobs": self.jobs,
            "views": self.views,
            "job_importer": self.job_importer,
            "evals": self.evals,
            "evidence_runner": self.evidence_runner,
            "report_link": self.reports.link,
            "checker": self.checker,
            "approvals": self.approvals,
            "aliases": self.aliases,
            "rollbacks": self.rollbacks,
            "audit": self.audit,
            "schedules": self.schedules,
            "sweeps": self.sweeps,
            "notifications": self.notifications,
            "homes": self.homes,
            "commands": COMMANDS,
            "people": self.base.people,
            "pictures": self.base.pictures,
            "store": self.base.store,
            "tasks": self.base.tasks,
            "defaults_desk": DefaultsDesk(self.base.store, self.base.tasks, time.time),
            "profiles": self.base.platforms.profiles,
            "redact": self.redact,
            "platforms_with_keys": self.base.platforms.with_keys,
        }

    def work(self) -> dict[str, Work]:
        """Return what the queue does for each kind of work item; see `jobs.core.ids.kind_of_item`."""
        store, settings = self.base.store, self.base.settings
        reminders = Reminders(store, self.approvals, time.time, self.quiet.next_allowed)
        poster = SlackPoster(self.base.client, self._renderer(), self.quiet)
        return {
            "job": job_work(self.jobs.work),
            ids.EVIDENCE: job_work(self.evidence_runner.turn),
            "eval": job_work(self.eval_runner.turn, "evaluation"),
            ids.APPROVAL: named_work(reminders.turn),
            ids.MOVE: named_work(self.rollbacks.turn),
            ids.WEBHOOK: named_work(Webhook(store, _webhook_sender(settings), time.time).turn),
            ids.DIGEST: named_work(self.digests.post_due),
            ids.QUIET: named_work(self.digests.post_held_back),
            ids.SCHEDULE: named_work(self.schedules.runner.turn),
            ids.LEARNING: repeated_work(self.sweeps.turn),
            ids.HOME: repeated_work(self.homes.refresh),
            ids.GATE: repeated_work(self._gate().turn),
            ids.SWEEP: repeated_work(Sweeper(SweepState(store.connection), self.base.platforms.platform_of).sweep),
            ids.DELIVER: OutboxWorker(
                store,
                Outbox(store),
                poster,
                _rate_limits(settings.card_seconds),
                RefusalNotices(store).tell,
            ).deliver,
        }

    def alias_pages(self) -> AliasPages:
        """Return the page that tells production where an alias points."""
        store = self.base.store

        async def find(name: str) -> Alias | None:
            held = await store.record(Alias, name)
            return held.value if held else None

        return AliasPages(find, self.base.settings.alias_token, AWAY)

    def _gate(self) -> Gate:
        base = self.base
        return Gate(
            base.store,
            self.evals,
            base.tasks,
            base.people.require_membership,
            partial(card_link, base.store, base.client),
            time.time,
        )

    def _renderer(self) -> Renderer:
        return Renderer(
            views=self.views,
            evals=self.evals,
            pictures=self.base.pictures,
            report_cache=self.report_cache,
            report_link=self.reports.link,
            notices=Notices(self.approvals, self.base.people),
            proposals=ProposalMessages(self.rollbacks, self.base.people),
            digests=DigestMessages(self.base.store, self.base.client),
            quiet=self.quiet,
            schedules=self.schedules,
            sweeps=self.sweeps,
        )


async def wire(settings: Settings, hide: HideSecret, stack: AsyncExitStack) -> Wiring:
    """Make every part of the bot; `stack` closes them, `hide` is told each secret that must not be seen in the log.

    Raises:
        ConfigurationError: the settings do not allow it.
    """
    base = await _base(settings, hide, stack)
    store, people = base.store, base.people
    permissions = _permissions(base)
    jobs = _jobs(base, permissions)
    planner = EvalPlanner(base.tasks, base.platforms.platform_of, base.platforms.default, time.time)
    evals = Evals(store, planner, base.answer_store, permissions)
    evidence_runner = _evidence_runner(base, planner)
    report_cache = ReportCache(settings.proctor_home / "evals", base.answer_store, evals.find, evals.reviews.of_task)
    notifies = settings.alias_webhook is not None
    quiet, digests = Quiet(store, time.time), Digests(store, next_daily, time.time)
    approvals = Approvals(store, people, time.time, evidence_runner.recheck)
    return Wiring(
        base=base,
        jobs=jobs,
        views=JobViews(store, base.platforms.profile_of),
        job_importer=_job_importer(base, permissions),
        evals=evals,
        eval_runner=_eval_runner(base),
        evidence_runner=evidence_runner,
        report_cache=report_cache,
        reports=Reports(await _report_secret(base), report_cache.report, settings.public_url, time.time),
        checker=_checker(base, evals),
        approvals=approvals,
        aliases=Aliases(
            store, people, time.time, notifies=notifies, call_of=calls_of(base.tasks, base.platforms.profile_of)
        ),
        rollbacks=Rollbacks(store, people, time.time, notifies=notifies),
        audit=AuditTrail(store, audit_key(settings.audit_key), time.time),
        quiet=quiet,
        digests=digests,
        schedules=_schedules(base, planner, permissions),
        sweeps=Sweeps(store, jobs.launcher, base.answer_store, time.time),
        notifications=NotificationCommands(
            quiet, digests, jobs, base.tasks, zone_of=zones_of(base.client), clock=time.time
        ),
        redact=_redactor(settings, base.platforms),
        homes=Homes(store, base.client, approvals, people, time.time),
    )


def _redactor(settings: Settings, platforms: Platforms) -> Redactor:
    """Return what takes every secret of the settings and every platform's key out of a text."""
    keys = (key_of(each.api_key_env) for each in platforms.profiles.values() if each.api_key_env)
    return Redactor([*secrets_of(settings), *filter(None, keys)])


async def _base(settings: Settings, hide: HideSecret, stack: AsyncExitStack) -> Base:
    redis_url = settings.redis_url
    if redis_url is None:
        redis_url = await stack.enter_async_context(embedded_redis(settings.proctor_home))
    store = await _store(redis_url, audit_key(settings.audit_key), stack)
    profiles = load_profiles(settings.proctor_platforms, settings.local_platform_url)
    platforms = Platforms(profiles, key_of, stack, hide)
    judge = PlatformJudge(
        lambda: platforms.sampler_of(settings.judge_platform),
        lambda: platforms.platform_of(settings.judge_platform)[1],
    )
    graders = await stack.enter_async_context(GraderRuntime(judge=judge, embedder=judge))
    charts = await stack.enter_async_context(ChartPool(workers=settings.chart_workers))
    # Without retries of its own: a retry inside the client would post twice.
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=SLACK_TIMEOUT,
        session=await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=SLACK_TIMEOUT))),
        retry_handlers=[],
    )
    return Base(
        settings=settings,
        redis_url=redis_url,
        store=store,
        envelopes=_envelopes(redis_url, store, stack),
        platforms=platforms,
        tasks=TaskCatalogue(settings.proctor_tasks),
        graders=graders,
        answer_store=remote_answer_store(settings.evals_url)
        if settings.evals_url
        else LocalAnswerStore(settings.proctor_home / "evals"),
        client=client,
        people=People(client),
        charts=charts,
        pictures=Pictures(charts, client, store),
    )


async def _store(redis_url: str, key: bytes, stack: AsyncExitStack) -> Store:
    connection = connection_to(redis_url)
    stack.push_async_callback(connection.redis.aclose)
    store = Store(connection, KINDS, key)
    await store.open()
    return store


def _envelopes(redis_url: str, store: Store, stack: AsyncExitStack) -> Envelopes:
    quick = quick_connection_to(redis_url, store.connection.member)
    stack.push_async_callback(quick.redis.aclose)
    envelopes = Envelopes(store.connection, quick, store.committed.set)
    stack.push_async_callback(envelopes.close)
    return envelopes


def _permissions(base: Base) -> Permissions:
    settings = base.settings

    async def approvers_of(task: str) -> tuple[str, ...]:
        try:
            named = (await asyncio.to_thread(base.tasks.load, task)).approvers
        except UserError:  # its folder is gone or broken; what runs for it can be cancelled all the same
            named = ()
        return named or settings.approvers

    return Permissions(base.people, approvers_of, open_control=settings.open_control)


def _jobs(base: Base, permissions: Permissions) -> RftJobs:
    settings, platforms = base.settings, base.platforms
    launcher = Launcher(
        base.store,
        base.tasks,
        platforms.platform_of,
        base.graders,
        default_platform=platforms.default,
        default_approvers=settings.approvers,
        clock=time.time,
    )
    poller = Poller(
        base.store,
        SweepState(base.store.connection),
        platforms.platform_of,
        time.time,
        picture_steps=settings.picture_steps,
    )
    return RftJobs(base.store, launcher, poller, platforms.profile_of, permissions)


def _job_importer(base: Base, permissions: Permissions) -> JobImporter:
    async def is_approved(job_id: str) -> bool:
        held = await base.store.record(Approval, job_id)
        settled = held.value.settled if held else None
        return settled is not None and settled.ending is Ending.APPROVED

    return JobImporter(
        base.store,
        base.tasks,
        base.platforms.platform_of,
        permissions,
        default_platform=base.platforms.default,
        approvers=base.settings.approvers,
        is_approved=is_approved,
        clock=time.time,
    )


def _eval_runner(base: Base) -> EvalRunner:
    platforms = base.platforms
    return EvalRunner(
        base.store,
        base.tasks,
        platforms.platform_of,
        platforms.sampler_of,
        base.graders,
        base.answer_store,
        clock=time.time,
    )


def _evidence_runner(base: Base, planner: EvalPlanner) -> EvidenceRunner:
    store, platform_of = base.store, base.platforms.platform_of
    rounds = RoundPlanner(store, base.tasks, planner, platform_of, partial(in_production, store), time.time)
    return EvidenceRunner(store, rounds, base.answer_store, platform_of, partial(approval_of, store), time.time)


def _schedules(base: Base, planner: EvalPlanner, permissions: Permissions) -> Schedules:
    baselines = Baselines(base.store, base.tasks, base.answer_store)
    runner = ScheduleRunner(base.store, planner, baselines, next_daily, time.time)
    return Schedules(base.store, runner, permissions, time.time)


async def _report_secret(base: Base) -> str:
    given = base.settings.report_key
    return given.get_secret_value() if given else await base.store.secret("reports")


def _checker(base: Base, evals: Evals) -> TaskChecker:
    """Return what checks a task: on the platform that a launch of it would take, against the newest evals."""
    platforms = base.platforms

    async def check(task: Task) -> tuple[checks.Finding, ...]:
        profile, gateway = platforms.platform_of(task.defaults.platform or platforms.default)
        chosen = (await chosen_for(base.store, task.name)).choice.prompt
        return await checks.check_task(
            replace(task, default_prompt=chosen) if chosen and chosen in task.prompts else task,
            base.tasks,
            base.graders,
            profile=profile,
            platform=gateway,
            evals=await evals.newest(NEWEST_EVALS),
            reviews=await evals.reviews.of_task(task.name),
        )

    return check


def _webhook_sender(settings: Settings) -> HttpSender | None:
    if settings.alias_webhook is None or settings.alias_webhook_secret is None:
        return None
    return HttpSender(settings.alias_webhook, settings.alias_webhook_secret.get_secret_value().encode())


def _rate_limits(card_seconds: float) -> RateLimits:
    return RateLimits(
        pauses={
            PostingKind.CARD: card_seconds,
            PostingKind.CURVE: card_seconds * CURVE_PAUSE,
            PostingKind.EVAL_CARD: card_seconds,
            PostingKind.SCHEDULE: 0.0,
            PostingKind.SWEEP: card_seconds,
            PostingKind.SUMMARY: 0.0,
            PostingKind.EVAL_RESULT: 0.0,
            PostingKind.EVAL_SUSPECTS: 0.0,
            PostingKind.ALERT: 0.0,  # edited when it is over; what follows in the thread does not wait for that
        }
    )
