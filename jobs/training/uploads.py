"""The files that a launch uploads: each once, however often its upload is interrupted, and none left behind."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import structlog

from jobs.core.errors import PlatformError, PlatformRejected
from jobs.core.records import Job
from jobs.platforms.gateway import Gateway
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.records import TRAINING_SPLITS

log: Final = structlog.get_logger(__name__)


async def upload(
    gateway: Gateway, tasks: TaskCatalogue, task: Task, job: Job, files: list[str], *, look_first: bool
) -> None:
    """Upload what a job trains on, and add the id of each file to `files`, which has those of an earlier attempt.

    Args:
        gateway: of the job's platform.
        tasks: where the rows are.
        task: the job's.
        job: whose files.
        files: ids in the order of `TRAINING_SPLITS`.
        look_first: an earlier attempt may have left a file of which nothing is known here.

    Raises:
        BotError: what went wrong; the files until then are in `files`.
    """
    for split in TRAINING_SPLITS[len(files) :]:
        most = job.request.items if split == TRAINING_SPLITS[0] else None
        rows = await asyncio.to_thread(tasks.training_rows, task, split, job.prompt or None, most)
        name = _name(job, split)
        left = await _left(gateway, name, rows) if look_first else None
        files.append(left or await gateway.upload(name, rows))


async def uploaded(gateway: Gateway, job: Job) -> set[str]:
    """Return every file uploaded for a job, known or left by an upload whose answer was lost; raises BotError."""
    named = [file for split in TRAINING_SPLITS for file in await gateway.files_named(_name(job, split))]
    return {*job.files, *named}


async def delete(gateway: Gateway, files: Iterable[str]) -> None:
    """Delete files that nothing needs; those that cannot be deleted cost nothing, and are only logged."""
    for file in files:
        try:
            await gateway.delete_file(file)
        except PlatformError as failure:
            log.warning("files.left_behind", files=(file,), reason=str(failure))


async def delete_others(gateway: Gateway, job: Job, files: Iterable[str]) -> None:
    """Delete every file uploaded for a job except these; those that cannot be deleted are only logged."""
    try:
        others = await uploaded(gateway, job) - set(files)
    except PlatformError as failure:
        log.warning("files.left_behind", reason=str(failure))
    else:
        await delete(gateway, others)


async def _left(gateway: Gateway, name: str, content: bytes) -> str | None:
    """Return the file that an earlier attempt left, if there is one and the platform lists files."""
    with suppress(PlatformRejected):
        return await gateway.uploaded(name, content)
    return None


def _name(job: Job, split: str) -> str:
    return f"{job.id}-{split}.jsonl"
