"""From a request to a job on the platform, launched once however often this is interrupted.

Each state is a step that may run again: checking costs nothing, launching uploads files, and before the one call that
costs money the intent is written (creating). Whoever finds a job in creating asks the platform for a job with our id
in its metadata before asking for a new one.
"""

import asyncio
import hashlib
from base64 import b32encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TypeVar

import structlog

from jobs.approvals import card_posting
from jobs.errors import BotError, InvalidRequest, PlatformError, PlatformUnavailable
from jobs.gateway import Gateway
from jobs.graders import GraderRuntime, MultiGrader, check_grader, parse_grader
from jobs.platforms import Profile, require_open
from jobs.records import Hyperparameters, Job, JobState, LaunchRequest, Posting, PostingKind
from jobs.remote import JobSpec, RemoteJob
from jobs.store import Change, Once, Store, VersionConflict, Versioned
from jobs.tasks import LaunchDefaults, Task, TaskCatalogue, nearest

CREATE_LEASE: Final = 90.0
"""Seconds until another turn may look at a job in creating: longer than the create call's own time-out."""
RETYPED: Final = 10.0
"""Seconds in which the same launch by the same person counts as typed twice."""
MOST_UNKNOWN: Final = 10
"""Looks at a platform that cannot say whether it has the job before the person is told."""

log: Final = structlog.get_logger(__name__)
T = TypeVar("T")

PlatformOf = Callable[[str], tuple[Profile, Gateway]]
"""Returns profile and gateway of a platform; raises NotFound naming the nearest, InvalidRequest without its key."""


class Launcher:
    """Launches RFT jobs.

    Args:
        store: where jobs are kept.
        tasks: the tasks that can be launched.
        platform_of: profile and gateway by name.
        graders: runs graders before money is spent.
        default_platform: used where neither the person nor the task names one.
        default_approvers: who may approve where the task does not say.
        clock: unix seconds.
    """

    def __init__(
        self,
        store: Store,
        tasks: TaskCatalogue,
        platform_of: PlatformOf,
        graders: GraderRuntime,
        *,
        default_platform: str,
        default_approvers: tuple[str, ...],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._platform_of = platform_of
        self._graders = graders
        self._default_platform = default_platform
        self._default_approvers = default_approvers
        self._clock = clock

    # -- the request ---------------------------------------------------------------------------------------------

    async def launch(self, request: LaunchRequest) -> Job:
        """Check what was asked for and write the job down; its turns do the rest.

        The same trigger asked twice returns the same job.

        Raises:
            UserError: the task, platform, model or rows do not allow a launch; nothing was written.
            AlreadyTaken: the same person asked for the same within the last seconds; names that job.
        """
        job = await self._plan(request)
        words = f"{replace(request, trigger='')!r}"
        once = Once(f"launched:{hashlib.sha256(words.encode()).hexdigest()[:24]}", job.id, RETYPED)
        try:
            await self._store.commit(Change(job=Versioned(job, 0), next_turn=0, once=once))
        except VersionConflict:
            held = await self._store.job(job.id)
            assert held is not None, "a conflict at version 0 means that the job exists"
            return held.value
        return job

    async def _plan(self, request: LaunchRequest) -> Job:
        task = await asyncio.to_thread(self._tasks.load, request.task)
        profile, _ = self._platform_of(request.platform or task.defaults.platform or self._default_platform)
        train, valid = await asyncio.to_thread(self._count_rows, task)
        model = _model(request, task, profile)
        require_open(profile, model, datetime.fromtimestamp(self._clock(), UTC).date())
        _check_fit(task, profile, train)
        if request.prompt and request.prompt not in task.prompts:
            raise InvalidRequest(
                f"{task.name} has no prompt '{request.prompt}'; {nearest(request.prompt, task.prompt_versions)}"
            )
        hyperparameters = _merged(request.hyperparameters, task.defaults)
        return Job(
            id=job_id(request.trigger),
            state=JobState.CHECKING,
            request=replace(request, hyperparameters=hyperparameters),
            created_at=self._clock(),
            task=task.name,
            task_version=task.version,
            platform=profile.name,
            model=model,
            prompt=request.prompt or task.default_prompt,
            reward=task.reward,
            quorum=task.quorum,
            approvers=task.approvers or self._default_approvers,
            train_items=train,
            valid_items=valid,
        )

    def _count_rows(self, task: Task) -> tuple[int, int]:
        for split in ("train", "valid"):
            if split not in task.splits:
                raise InvalidRequest(f"{task.name} has no {split}.jsonl; a job needs a train and a valid split.")
        return len(self._tasks.rows(task, "train")), len(self._tasks.rows(task, "valid"))

    # -- its turns -----------------------------------------------------------------------------------------------

    async def check(self, held: Versioned[Job]) -> None:
        """Try the reward grader on a real item; go on to launching, or refuse in words."""
        job = held.value
        try:
            problems = await self._problems(job)
        except BotError as failure:
            problems = [str(failure)]
        if problems:
            await self.refuse(held, " ".join(problems))
            return
        await self._store.commit(
            Change(job=Versioned(replace(job, state=JobState.LAUNCHING), held.version), next_turn=0)
        )

    async def _problems(self, job: Job) -> list[str]:
        task = await asyncio.to_thread(self._tasks.load, job.task)
        rows = await asyncio.to_thread(self._tasks.rows, task, "train")
        grader = parse_grader(task.reward_grader, task.reward)
        return await check_grader(self._graders, grader, rows[0].item, task.response_format)

    async def send(self, held: Versioned[Job]) -> None:
        """Upload the job's files, write down that it is about to be created, and create it."""
        job = held.value
        _, gateway = self._platform_of(job.platform)
        files: list[str] = []
        try:
            task = await asyncio.to_thread(self._tasks.load, job.task)
            for split in ("train", "valid"):
                rows = await asyncio.to_thread(self._tasks.training_rows, task, split, job.prompt or None)
                files.append(await gateway.upload(f"{job.id}-{split}.jsonl", rows))
        except BotError as failure:
            await self._clean_up(gateway, tuple(files))
            await self.refuse(held, str(failure))
            return
        creating = replace(job, state=JobState.CREATING, files=tuple(files), task_version=task.version)
        try:
            await self._store.commit(Change(job=Versioned(creating, held.version), next_turn=CREATE_LEASE))
        except VersionConflict:
            await self._clean_up(gateway, tuple(files))
            raise
        await self._create(Versioned(creating, held.version + 1), gateway, task)

    async def recover(self, held: Versioned[Job]) -> None:
        """Find out whether the platform took a job whose creation was interrupted, and create it if not."""
        job = held.value
        _, gateway = self._platform_of(job.platform)
        try:
            found = await gateway.find(job.id)
        except PlatformError as failure:
            await self._still_unknown(held, failure)
            return
        if found is not None:
            await self._created(held, found)
            return
        # Claimed anew before the call that costs money: of two turns that got here, one loses this write.
        claimed = replace(job, troubles=job.troubles + 1)
        await self._store.commit(Change(job=Versioned(claimed, held.version), next_turn=CREATE_LEASE))
        task = await asyncio.to_thread(self._tasks.load, job.task)
        await self._create(Versioned(claimed, held.version + 1), gateway, task)

    async def _create(self, held: Versioned[Job], gateway: Gateway, task: Task) -> None:
        job = held.value
        try:
            remote = await gateway.create(_spec(job, task))
        except PlatformUnavailable as failure:
            if failure.outcome_unknown:
                await self._still_unknown(held, failure)
                return
            await self._not_created(held, gateway, failure)
        except BotError as failure:
            await self._not_created(held, gateway, failure)
        else:
            await self._created(held, remote)

    async def _not_created(self, held: Versioned[Job], gateway: Gateway, failure: BotError) -> None:
        await self._clean_up(gateway, held.value.files)
        await self.refuse(held, str(failure))

    async def _created(self, held: Versioned[Job], remote: RemoteJob) -> None:
        job = replace(
            held.value,
            state=JobState.WATCHING,
            remote_id=remote.id,
            platform_status=remote.status,
            batch_size=remote.batch_size,
            troubles=0,
            note=None,
        )
        await self._store.commit(
            Change(job=Versioned(job, held.version), next_turn=0, postings=(card_posting(job, urgent=True),))
        )
        log.info("job.created", remote=remote.id)

    async def _still_unknown(self, held: Versioned[Job], failure: PlatformError) -> None:
        """Look again later; tell the person once when it takes long."""
        job = replace(held.value, troubles=held.value.troubles + 1, note=str(failure))
        wait = min(300.0, 5.0 * 2 ** min(job.troubles, 6))
        text = (
            f"{job.platform} has not said whether it took {job.id}: {failure} "
            "I keep asking and launch it only if it did not; you need do nothing."
        )
        postings = (answer(job, text, "unknown"),) if job.troubles == MOST_UNKNOWN else ()
        await self._store.commit(Change(job=Versioned(job, held.version), next_turn=wait, postings=postings))

    async def refuse(self, held: Versioned[Job], reason: str) -> None:
        """End a launch before the platform has the job, and tell the person why."""
        job = replace(held.value, state=JobState.NOT_LAUNCHED, note=reason, finished_at=self._clock(), files=())
        text = f"{job.task} was not launched. {reason}"
        await self._store.commit(
            Change(job=Versioned(job, held.version), next_turn=-1, postings=(answer(job, text, "refused"),))
        )
        log.info("job.refused", reason=reason)

    async def _clean_up(self, gateway: Gateway, files: tuple[str, ...]) -> None:
        for file in files:
            try:
                await gateway.delete_file(file)
            except PlatformError as failure:
                log.warning("file.left_behind", file=file, reason=str(failure))


def job_id(trigger: str) -> str:
    """Return the id of the job that this trigger launches: always the same one."""
    return "rft-" + b32encode(hashlib.sha256(trigger.encode()).digest())[:6].decode().lower()


def answer(job: Job, text: str, about: str) -> Posting:
    """Return a sentence that only the person who launched the job sees."""
    return Posting(
        id=f"job:{job.id}:answer:{about}",
        kind=PostingKind.ANSWER,
        lane=f"answer:{job.id}",
        subject=job.id,
        channel=job.request.channel,
        user=job.request.requested_by,
        text=text,
    )


def _model(request: LaunchRequest, task: Task, profile: Profile) -> str:
    named = request.model
    if named is None and (task.defaults.platform or profile.name) == profile.name:
        named = task.defaults.model
    model = named or profile.default_model
    if model is None:
        raise InvalidRequest(f"{profile.name} has no model of its own choice; add model=<base model>.")
    if profile.models and model not in profile.models:
        raise InvalidRequest(f"{profile.name} cannot tune '{model}'; {nearest(model, profile.models)}")
    return model


def _check_fit(task: Task, profile: Profile, rows: int) -> None:
    """Raise InvalidRequest where the platform takes fewer kinds of grader, or more rows, than the task has."""
    if rows < profile.min_rows:
        raise InvalidRequest(
            f"{task.name} has {rows} training items; {profile.name} takes no fewer than {profile.min_rows}."
        )
    grader = parse_grader(task.reward_grader, task.reward)
    parts = (grader, *(grader.graders.values() if isinstance(grader, MultiGrader) else ()))
    for kind in (str(part.definition["type"]) for part in parts):
        if kind not in profile.grader_types:
            known = ", ".join(sorted(profile.grader_types))
            raise InvalidRequest(f"{task.name} trains on a '{kind}' grader; {profile.name} runs {known}.")


def _merged(given: Hyperparameters, defaults: LaunchDefaults) -> Hyperparameters:
    """Return what the person gave, filled up with the task's defaults."""
    fallback = defaults.hyperparameters
    return Hyperparameters(
        n_epochs=_or(given.n_epochs, fallback.n_epochs),
        batch_size=_or(given.batch_size, fallback.batch_size),
        eval_interval=_or(given.eval_interval, fallback.eval_interval),
        eval_samples=_or(given.eval_samples, fallback.eval_samples),
        compute_multiplier=_or(given.compute_multiplier, fallback.compute_multiplier),
        learning_rate_multiplier=_or(given.learning_rate_multiplier, fallback.learning_rate_multiplier),
        reasoning_effort=_or(given.reasoning_effort, fallback.reasoning_effort),
    )


def _spec(job: Job, task: Task) -> JobSpec:
    training_file, validation_file = job.files
    return JobSpec(
        key=job.id,
        model=job.model,
        training_file=training_file,
        validation_file=validation_file,
        suffix=job.suffix,
        seed=job.request.seed,
        grader=task.reward_grader,
        response_format=task.response_format,
        hyperparameters=job.request.hyperparameters,
    )


def _or(value: T | None, fallback: T | None) -> T | None:
    return fallback if value is None else value
