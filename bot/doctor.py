"""Looks at every part of a bot's set-up: what Slack allows it, Redis, platforms and their keys, tasks, disk, clock."""

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.wiring import Base
from charts.wording import counted, duration, joined
from handlers.doctor import Diagnosis, Health
from jobs.core.errors import BotError, UserError
from jobs.graders import models_of, parse_grader
from jobs.platforms.profiles import Profile
from jobs.state.connection import AWAY, REFUSED
from jobs.tasks import Task

SECONDS: Final = 20.0
"""After which a part that has not answered counts as broken."""
SCOPES: Final = (
    *("commands", "app_mentions:read", "chat:write", "files:write", "files:read", "usergroups:read", "users:read"),
    *("channels:read", "groups:read", "channels:history", "groups:history"),
)
"""Bot scopes of the manifest."""
MOST_SKEW: Final = 60.0
"""Seconds; Slack refuses, and is refused, from five minutes on."""
OLDEST_REDIS: Final = (6, 2)
LEAST_DISK: Final = 1_000_000_000
"""Bytes free for pictures, answers and the embedded server."""
MOST_NAMED: Final = 5

Probe = Callable[[], Awaitable[Sequence[Diagnosis]]]


@dataclass(frozen=True, slots=True)
class Doctor:
    """Examines the parts of a bot, running or about to."""

    base: Base

    async def examine(self) -> tuple[Diagnosis, ...]:
        """Return what was found about each part; nothing is changed, and only what costs nothing is asked."""
        platforms = self.base.platforms
        probes: list[tuple[str, Probe]] = [
            ("Slack", self._slack),
            ("Redis", self._redis),
            ("tasks", self._tasks),
            ("disk", self._disk),
            ("webhook", self._webhook),
            *((f"platform {name}", self._platform_probe(profile)) for name, profile in platforms.profiles.items()),
        ]
        found = await asyncio.gather(*(_within(SECONDS, part, probe) for part, probe in probes))
        return tuple(each for several in found for each in several)

    # -- Slack ---------------------------------------------------------------------------------------------------

    async def _slack(self) -> list[Diagnosis]:
        try:
            answer = await self.base.client.auth_test()
        except SlackApiError as refusal:
            reason = str(refusal.response.get("error"))
            return [
                _broken("Slack", f"Slack refuses the bot's token ({reason}). Set SLACK_BOT_TOKEN to that of the app.")
            ]
        headers = {name.lower(): value for name, value in cast("Mapping[str, str]", answer.headers).items()}
        scopes = _scopes(headers)
        found = [scopes or _ok("Slack", f"signed in to {answer.get('team')} as {answer.get('user')}.")]
        if skew := _skew(headers.get("date"), time.time()):
            text = (
                f"This machine's clock is {duration(abs(skew))} {'ahead of' if skew > 0 else 'behind'} Slack's. Set it."
            )
            found.append(Diagnosis("clock", Health.RISK, text))
        return found + await self._approvers()

    async def _approvers(self) -> list[Diagnosis]:
        """Return what is wrong with the groups that approve, of the bot and of each task."""
        try:
            groups = {each["handle"] for each in (await self.base.client.usergroups_list())["usergroups"]}
        except SlackApiError as refusal:
            return [_broken("approvers", f"Slack does not list user groups ({refusal.response.get('error')}).")]
        tasks = await asyncio.to_thread(lambda: list(self._readable()))
        wanted = dict.fromkeys(self.base.settings.approvers, "APPROVERS")
        wanted |= {name: f"task {task.name}" for task in tasks for name in task.approvers}
        unknown = {name: place for name, place in wanted.items() if name not in groups and not _is_person(name)}
        if not unknown:
            return [_ok("approvers", f"{counted(len(wanted), 'group or person', 'groups and people')} known to Slack.")]
        named = joined([f"@{name} ({place})" for name, place in list(unknown.items())[:MOST_NAMED]])
        text = f"Slack knows no user group {named}, so nobody in it can approve. Make it in Slack, or name another one."
        return [_broken("approvers", text)]

    # -- state ---------------------------------------------------------------------------------------------------

    async def _redis(self) -> list[Diagnosis]:
        redis = self.base.store.connection.redis
        server = cast("Mapping[str, Any]", await redis.info("server"))
        problems = [await self.base.store.durability()]
        version = str(server.get("valkey_version") or server.get("redis_version"))
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
            problems.append(f"Version {version} is too old; 6.2 or newer is needed.")
        try:
            policy = cast("Mapping[str, str]", await redis.config_get("maxmemory-policy")).get("maxmemory-policy")
        except REFUSED:
            policy = "noeviction"  # a server that hides its settings is a hosted one, whose owner looks at them
        if policy != "noeviction":
            problems.append(f"It may evict what is stored (maxmemory-policy is {policy}): set it to noeviction.")
        if _is_open(self.base.redis_url):
            problems.append(
                "It takes commands from anybody who reaches it: give it a password or ACL, and the URL too."
            )
        if said := " ".join(filter(None, problems)):
            return [Diagnosis("Redis", Health.RISK, said)]
        return [_ok("Redis", f"version {version}, keeps every write.")]

    async def _disk(self) -> list[Diagnosis]:
        home = self.base.settings.proctor_home
        if not os.access(home if home.exists() else home.parent, os.W_OK):
            return [_broken("disk", f"{home} cannot be written. Set PROCTOR_HOME to a folder that can.")]
        free = shutil.disk_usage(home if home.exists() else home.parent).free
        said = f"{free / 1e9:,.1f} GB free under {home}."
        return [_ok("disk", said) if free >= LEAST_DISK else Diagnosis("disk", Health.RISK, f"Only {said} Make room.")]

    # -- tasks ---------------------------------------------------------------------------------------------------

    async def _tasks(self) -> list[Diagnosis]:
        names = await asyncio.to_thread(self.base.tasks.names)
        if not names:
            return [Diagnosis("tasks", Health.RISK, f"No task.yaml under {self.base.settings.proctor_tasks}.")]
        tasks = await asyncio.to_thread(lambda: list(self._readable()))
        broken = await asyncio.to_thread(lambda: list(self._unreadable(names)))
        found = broken or [_ok("tasks", f"{counted(len(names), 'task')} can be read.")]
        return [*found, *self._judge(tasks)]

    def _readable(self) -> Iterator[Task]:
        for name in self.base.tasks.names():
            try:
                yield self.base.tasks.load(name)
            except UserError:
                continue

    def _unreadable(self, names: Iterable[str]) -> Iterator[Diagnosis]:
        for name in names:
            try:
                self.base.tasks.load(name)
            except UserError as problem:
                yield _broken("tasks", str(problem))

    def _judge(self, tasks: Iterable[Task]) -> list[Diagnosis]:
        """Return what is missing for the tasks whose graders ask a model."""
        judged = [
            task.name
            for task in tasks
            if any(models_of(parse_grader(each, name)) for name, each in task.graders.items())
        ]
        judge = self.base.settings.judge_platform
        if not judged or judge in self.base.platforms.with_keys:
            return []
        profile = self.base.platforms.profiles.get(judge)
        how = f"set {profile.api_key_env}" if profile else f"JUDGE_PLATFORM names {judge}, which is no platform here"
        named = joined(judged[:MOST_NAMED])
        return [
            _broken(
                "judge", f"{named} {'is' if len(judged) == 1 else 'are'} graded by a model, and it has no key: {how}."
            )
        ]

    # -- outside -------------------------------------------------------------------------------------------------

    def _platform_probe(self, profile: Profile) -> Probe:
        async def probe() -> list[Diagnosis]:
            part = f"platform {profile.name}"
            until = profile.accepts_new_jobs_until
            closes = f" Takes new jobs until {until.isoformat()}." if until else ""
            if profile.name not in self.base.platforms.with_keys:
                return [_ok(part, f"not in use: {profile.api_key_env} is not set.{closes}")]
            try:
                _, gateway = self.base.platforms.platform_of(profile.name)
                models = await gateway.models()
            except BotError as problem:
                return [_broken(part, str(problem))]
            return [_ok(part, f"answers with {counted(len(models), 'model')}.{closes}")]

        return probe

    async def _webhook(self) -> list[Diagnosis]:
        address = self.base.settings.alias_webhook
        if address is None:
            return []
        try:
            async with aiohttp.ClientSession() as session, session.head(address, allow_redirects=False):
                return [_ok("webhook", f"{urlsplit(address).hostname} can be reached.")]
        except (aiohttp.ClientError, OSError) as problem:
            reason = str(problem) or type(problem).__name__
            return [
                _broken("webhook", f"ALIAS_WEBHOOK cannot be reached ({reason}); moves of aliases are sent in vain.")
            ]


async def _within(seconds: float, part: str, probe: Probe) -> Sequence[Diagnosis]:
    """Return what a probe finds; that it does not answer, or fails, is found as well."""
    try:
        async with asyncio.timeout(seconds):
            return await probe()
    except TimeoutError:
        return [_broken(part, f"No answer within {seconds:.0f} s.")]
    except AWAY as away:
        return [_broken(part, f"It does not answer: {str(away) or type(away).__name__}.")]
    except (SlackApiError, aiohttp.ClientError, OSError) as failure:
        return [_broken(part, f"It could not be looked at: {str(failure) or type(failure).__name__}.")]


def _scopes(headers: Mapping[str, str]) -> Diagnosis | None:
    """Return which scopes the token lacks, as far as Slack says."""
    said = headers.get("x-oauth-scopes")
    missing = set(SCOPES) - {each.strip() for each in said.split(",")} if said else set[str]()
    if not missing:
        return None
    named = joined(sorted(missing))
    return _broken("Slack", f"The app lacks {named}. Add that under OAuth & Permissions and install the app again.")


def _skew(date: str | None, now: float) -> float | None:
    """Return by how many seconds the clock is ahead of Slack's, if that is more than a network explains."""
    if not date:
        return None
    skew = now - parsedate_to_datetime(date).timestamp()
    return skew if abs(skew) > MOST_SKEW else None


def _is_open(url: str) -> bool:
    """Tell whether a server is reached over a network without a password."""
    address = urlsplit(url)
    if address.scheme == "unix" or address.password:
        return False
    host = address.hostname or "localhost"
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def _is_person(name: str) -> bool:
    return name[:1] in {"U", "W"} and name.isupper()


def _ok(part: str, text: str) -> Diagnosis:
    return Diagnosis(part, Health.OK, text)


def _broken(part: str, text: str) -> Diagnosis:
    return Diagnosis(part, Health.BROKEN, text)
