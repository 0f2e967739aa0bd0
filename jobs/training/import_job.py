"""Importing a job that was launched elsewhere: from then on it is a job like any other.

The first poll reads its past; see `jobs.training.poll`. Its task is known only if somebody names it: then the task's
graders, splits, approvers and policy hold as for a job launched here. Until then, its approvers and their number are
the defaults, and its checkpoints are not evaluated. Whoever asked to watch it counts as its launcher, because the
platform does not say who was.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from itertools import count
from typing import Final

import structlog

from jobs.core.errors import Conflict, InvalidRequest, NotFound, PlatformRejected
from jobs.core.ids import evidence_item
from jobs.core.permissions import Permission, Permissions
from jobs.core.records import Job, JobState, LaunchRequest
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.platforms.parse import RemoteJob
from jobs.platforms.profiles import Profile
from jobs.state.change import Change, Versioned
from jobs.state.store import Store, VersionConflict, retried_on_conflict
from jobs.tasks import Task, TaskCatalogue
from jobs.training.plan import job_id, task_policy
from jobs.training.postings import card_posting, status
from jobs.training.task_match import matching_prompt_hash, prompt_in, remarks, tasks_like
from jobs.training.trail_entries import given_task, imported

QUORUM: Final = 2
"""Approvals needed, as for a task that names no number."""

VALID: Final = "valid"
"""The split that checkpoints are evaluated on."""

NO_SUCH_JOB: Final = frozenset({"not_found", "fine_tune_not_found"})
"""How platforms say that they do not have a job."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """A person's request to watch a job that was launched elsewhere."""

    remote_id: str
    """The platform's id of the job, or ours if it is watched already."""
    requested_by: str
    """Slack user id."""
    channel: str
    trigger: str
    """Unique per invocation."""
    platform: str | None = None
    task: str | None = None
    """The job's task; None if the person does not say."""


@dataclass(frozen=True, slots=True)
class ImportedJob:
    """A job that is watched from now on, or was watched before and has got its task."""

    job: Job
    is_new: bool = True
    """Whether it was not watched before."""
    tasks_like: tuple[str, ...] = ()
    """If its task is not known: the tasks whose reward is the grader that it trains on."""


@dataclass(frozen=True, slots=True)
class JobImporter:
    """Imports jobs launched elsewhere."""

    store: Store
    tasks: TaskCatalogue
    platform_of: PlatformOf
    permissions: Permissions
    _: KW_ONLY
    default_platform: str
    """Used if the person does not name one."""
    approvers: tuple[str, ...]
    """Who may approve if a task does not say."""
    is_approved: Callable[[str], Awaitable[bool]]
    """Tells by a job's id whether one of its checkpoints is approved."""
    clock: Callable[[], float]

    async def import_job(self, request: WatchRequest) -> ImportedJob:
        """Write the job down with its card; polls then read its history and follow it.

        The same trigger returns the same job again. A job that is watched without a task is given the one named.

        Raises:
            Conflict: it is watched already; names the job.
            InvalidRequest: it is not reinforcement fine-tuning, the id is malformed, or the task cannot evaluate it.
            NotFound: there is no such task or platform, or the platform does not have the job.
            NotPermitted: the job is watched for somebody else, who may say which task it is of.
            PlatformError: the platform does not answer.
        """
        task = await asyncio.to_thread(self.tasks.load, request.task) if request.task else None
        if task and VALID not in task.splits:
            raise InvalidRequest(f"{task.name} has no {VALID}.jsonl; checkpoints are evaluated on it.")
        held = await self.store.record(Job, request.remote_id)
        if held:
            if task is None:
                said = f"`/rft status {held.value.id}` shows where it stands."
                raise Conflict(f"{held.value.id} is a job of mine already; {said}")
            return await self._give(held.value.id, task, request)
        profile, gateway = self.platform_of(request.platform or self.default_platform)
        remote = await _found(gateway, profile, request)
        if remote.method not in {None, "reinforcement"}:
            raise InvalidRequest(
                f"{remote.id} is a {remote.method} fine-tuning job; I watch reinforcement fine-tuning only."
            )
        await self._check_not_launched_here(profile, remote)
        job = await self._job(request, profile, gateway, remote)
        found = await self._write(await self._of_task(job, task, remote, gateway) if task else job)
        if found.value.request.trigger != request.trigger:
            if task is None:
                raise _known_as(remote.id, found.value)
            return await self._give(found.value.id, task, request)
        if task:
            return ImportedJob(found.value)
        return ImportedJob(found.value, tasks_like=await asyncio.to_thread(tasks_like, self.tasks, remote))

    async def _check_not_launched_here(self, profile: Profile, remote: RemoteJob) -> None:
        """Raise Conflict if this bot launched the job, according to the platform's record of it."""
        held = await self.store.record(Job, remote.key) if remote.key else None
        if held is None or held.value.platform != profile.name or held.value.state is JobState.NOT_LAUNCHED:
            return
        if held.value.remote_id in {None, remote.id}:
            raise _known_as(remote.id, held.value)

    async def _write(self, job: Job) -> Versioned[Job]:
        """Write a new job down under the first of its ids that is free, or return it if it is watched already."""
        cause = f"watch {job.platform} {job.remote_id}"  # the same for one job, whoever asks
        for number in count():
            named = replace(job, id=job_id(f"{cause} {number}" if number else cause))
            change = Change(
                records=(Versioned(named, 0),),
                due_in=0,
                postings=(card_posting(named, urgent=True),),
                audit=(imported(named),),
            )
            with suppress(VersionConflict):
                await self.store.commit(change)
                log.info("job.imported", job=named.id, remote=named.remote_id)
                return Versioned(named, 1)
            held = await self.store.record(Job, named.id)
            assert held is not None, "a conflict at version 0 means that the job exists"
            if (held.value.platform, held.value.remote_id) == (job.platform, job.remote_id):
                return held  # otherwise two jobs share the short id, as one pair in thousands does
        raise AssertionError("an id was free or taken")

    # -- its task ------------------------------------------------------------------------------------------------

    @retried_on_conflict
    async def _give(self, job_id: str, task: Task, request: WatchRequest) -> ImportedJob:
        """Apply a task's policy to a job that is watched without one; its checkpoints are evaluated from then on."""
        held = await self.store.record(Job, job_id)
        assert held is not None, "jobs are not deleted while they are watched"
        job = held.value
        if not job.imported:
            raise Conflict(f"{job.id} was launched here, as a job of {job.task}.")
        if job.has_task and job.task == task.name:
            return ImportedJob(job, is_new=False)
        if job.has_task:
            raise Conflict(f"{job.id} is watched as a job of {job.task}; that cannot be changed.")
        await self.permissions.require_for_job(Permission.GIVE_TASK, job, request.requested_by)
        if await self.is_approved(job.id):
            raise Conflict(f"A checkpoint of {job.id} is approved already; what it was approved on stays as it is.")
        _, gateway = self.platform_of(job.platform)
        remote = await gateway.job(job.remote_id or "")
        job = replace(await self._of_task(job, task, remote, gateway), status_notes=job.status_notes + 1)
        line = status(job, f"said that it is a job of {job.task}", by=request.requested_by)
        change = Change(
            records=(Versioned(job, held.version),),
            schedule={evidence_item(job.id): 0.0} if job.has_final_checkpoints else {},
            postings=(line, card_posting(job, urgent=True)),
            audit=(given_task(job, request.requested_by, request.channel, self.clock()),),
        )
        await self.store.commit(change)
        log.info("job.given_task", job=job.id, task=task.name)
        return ImportedJob(job, is_new=False)

    async def _of_task(self, job: Job, task: Task, remote: RemoteJob, gateway: Gateway) -> Job:
        """Return the job under a task's policy, with remarks on how it differs from the task."""
        row = await gateway.first_row(remote.training_file) if remote.training_file else None
        prompt = prompt_in(task, row)
        return replace(
            job,
            request=replace(job.request, task=task.name),
            prompt=prompt or task.default_prompt,
            prompt_hash=matching_prompt_hash(task, remote, prompt),
            trained_on=remote.reward if remote.reward and remote.reward != task.reward else "",
            remarks=remarks(task, remote, row),
            **task_policy(task, self.approvers),
        )

    async def _job(self, request: WatchRequest, profile: Profile, gateway: Gateway, remote: RemoteJob) -> Job:
        """Return the job as its platform reports it, without a task."""

        async def rows(file: str | None) -> int | None:
            return await gateway.count_rows(file) if file else None

        called = remote.suffix or remote.id
        train_items, valid_items = await asyncio.gather(rows(remote.training_file), rows(remote.validation_file))
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
            created_at=self.clock(),
            task=called,
            task_version="",
            platform=profile.name,
            model=remote.model or "a model not reported",
            prompt="",
            reward=remote.reward or "reward",
            quorum=QUORUM,
            approvers=self.approvers,
            train_items=train_items,
            valid_items=valid_items,
            remote_id=remote.id,
            platform_status=remote.status,
            batch_size=remote.batch_size,
            n_epochs=remote.hyperparameters.n_epochs,
            imported=True,
        )


async def _found(gateway: Gateway, profile: Profile, request: WatchRequest) -> RemoteJob:
    try:
        return await gateway.job(request.remote_id)
    except PlatformRejected as error:
        if error.code not in NO_SUCH_JOB:
            raise
        elsewhere = " Where it runs on another platform, add `platform=<platform>`." if not request.platform else ""
        raise NotFound(f"{profile.title or profile.name} has no job '{request.remote_id}'.{elsewhere}") from None


def _known_as(remote_id: str, job: Job) -> Conflict:
    return Conflict(f"{remote_id} is {job.id}, which I watch already; `/rft status {job.id}` shows where it stands.")
