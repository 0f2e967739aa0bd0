"""Attaching to a job that was launched elsewhere: from then on it is a job like any other.

Its past is read by its first turn; see `jobs.watching`. Nothing is known of its task, so who approves, and how many of
them, is what holds where a task does not say. Who asked to watch it counts as its launcher: nobody can tell who was.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

import structlog

from jobs.audit.entries import attached
from jobs.changes import Change, Versioned
from jobs.errors import Conflict, InvalidRequest, NotFound, PlatformRejected
from jobs.gateway import Gateway
from jobs.planning import PlatformOf, job_id
from jobs.platforms import Profile
from jobs.postings import card_posting
from jobs.records import Job, JobState, LaunchRequest
from jobs.remote import RemoteJob
from jobs.store import Store, VersionConflict

QUORUM: Final = 2
"""Approvals needed, as for a task that names no number."""

NO_SUCH_JOB: Final = frozenset({"not_found", "fine_tune_not_found"})
"""How platforms say that they do not have a job."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """Whom a person asked to watch what for."""

    remote_id: str
    """The platform's id of the job."""
    requested_by: str
    """Slack user id."""
    channel: str
    trigger: str
    """Unique per invocation."""
    platform: str | None = None


class Attacher:
    """Attaches to jobs launched elsewhere.

    Args:
        store: where jobs are kept.
        platform_of: profile and gateway by name.
        default_platform: used where the person names none.
        approvers: who may approve.
        clock: unix seconds.
    """

    def __init__(
        self,
        store: Store,
        platform_of: PlatformOf,
        *,
        default_platform: str,
        approvers: tuple[str, ...],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._platform_of = platform_of
        self._default_platform = default_platform
        self._approvers = approvers
        self._clock = clock

    async def attach(self, request: WatchRequest) -> Job:
        """Write the job down with its card; its turns read its history and watch it.

        The same trigger asked twice returns the same job.

        Raises:
            Conflict: it is watched already; names the job.
            InvalidRequest: it is no reinforcement fine-tuning job, or the id is none.
            NotFound: there is no such platform, or it does not have the job.
            PlatformError: the platform does not say.
        """
        await self._check_not_ours(request.remote_id)
        profile, gateway = self._platform_of(request.platform or self._default_platform)
        remote = await _found(gateway, profile, request)
        if remote.method not in {None, "reinforcement"}:
            raise InvalidRequest(
                f"{remote.id} is a {remote.method} fine-tuning job; I watch reinforcement fine-tuning only."
            )
        await self._check_not_launched_here(profile, remote)
        rows = await asyncio.gather(*(_rows(gateway, file) for file in (remote.training_file, remote.validation_file)))
        return await self._write(self._job(request, profile, remote, rows))

    async def _check_not_ours(self, typed: str) -> None:
        held = await self._store.job(typed)
        if held:
            raise Conflict(f"{typed} is a job of mine already; `/rft status {typed}` shows where it stands.")

    async def _check_not_launched_here(self, profile: Profile, remote: RemoteJob) -> None:
        """Raise Conflict where this bot launched the job, as the platform's record of it says."""
        held = await self._store.job(remote.key) if remote.key else None
        if held is None or held.value.platform != profile.name or held.value.state is JobState.NOT_LAUNCHED:
            return
        if held.value.remote_id in {None, remote.id}:
            raise _known_as(remote.id, held.value)

    async def _write(self, job: Job) -> Job:
        """Write a new job down under the first of its ids that is free."""
        for number in count():
            named = _named(job, number)
            change = Change(
                job=Versioned(named, 0),
                next_turn=0,
                postings=(card_posting(named, urgent=True),),
                audit=(attached(named),),
            )
            try:
                await self._store.commit(change)
            except VersionConflict:
                held = await self._store.job(named.id)
                assert held is not None, "a conflict at version 0 means that the job exists"
                if (held.value.platform, held.value.remote_id) != (job.platform, job.remote_id):
                    continue  # two jobs share the short id, as one pair in thousands does
                if held.value.request.trigger != job.request.trigger:
                    raise _known_as(str(job.remote_id), held.value) from None
                return held.value
            else:
                log.info("job.attached", job=named.id, remote=named.remote_id)
                return named
        raise AssertionError("an id was free or taken")

    def _job(self, request: WatchRequest, profile: Profile, remote: RemoteJob, rows: list[int | None]) -> Job:
        called = remote.suffix or remote.id
        model = remote.model or "a model not reported"
        train_items, valid_items = rows
        return Job(
            id="",
            state=JobState.WATCHING,
            request=LaunchRequest(
                task=called,
                requested_by=request.requested_by,
                channel=request.channel,
                trigger=request.trigger,
                platform=profile.name,
                model=remote.model,
                suffix=remote.suffix,
                hyperparameters=remote.hyperparameters,
            ),
            created_at=self._clock(),
            task=called,
            task_version="",
            platform=profile.name,
            model=model,
            prompt="",
            reward=remote.reward or "reward",
            quorum=QUORUM,
            approvers=self._approvers,
            train_items=train_items,
            valid_items=valid_items,
            remote_id=remote.id,
            platform_status=remote.status,
            batch_size=remote.batch_size,
            attached=True,
        )


async def _found(gateway: Gateway, profile: Profile, request: WatchRequest) -> RemoteJob:
    try:
        return await gateway.job(request.remote_id)
    except PlatformRejected as error:
        if error.code not in NO_SUCH_JOB:
            raise
        elsewhere = " Where it runs on another platform, add `platform=<platform>`." if not request.platform else ""
        raise NotFound(f"{profile.title or profile.name} has no job '{request.remote_id}'.{elsewhere}") from None


def _named(job: Job, number: int) -> Job:
    """Return the job with its id: the same for one job of one platform, whoever asks; further ones for `number` > 0."""
    words = f"watch {job.platform} {job.remote_id}"
    return replace(job, id=job_id(f"{words} {number}" if number else words))


def _known_as(remote_id: str, job: Job) -> Conflict:
    return Conflict(f"{remote_id} is {job.id}, which I watch already; `/rft status {job.id}` shows where it stands.")


async def _rows(gateway: Gateway, file: str | None) -> int | None:
    return await gateway.count_rows(file) if file else None
