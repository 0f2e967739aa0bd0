"""Jobs, put together: who launches, attaches to and watches them, and who may do what to them."""

import asyncio
import time
from dataclasses import dataclass

from bot.ground import Ground
from jobs.core.errors import UserError
from jobs.core.permissions import Permissions
from jobs.training.import_job import JobImporter
from jobs.training.launch import Launcher
from jobs.training.poll import Poller
from jobs.training.service import RftJobs


@dataclass(frozen=True, slots=True)
class JobParts:
    """What is made once for all who need it."""

    jobs: RftJobs
    job_importer: JobImporter


def permissions_of(ground: Ground) -> Permissions:
    """Return who may do what to a job or an eval: its task's approvers where it names some, else the bot's."""
    settings = ground.settings

    async def approvers_of(task: str) -> tuple[str, ...]:
        try:
            named = (await asyncio.to_thread(ground.tasks.load, task)).approvers
        except UserError:  # its folder went, or is broken; what runs of it can be cancelled all the same
            named = ()
        return named or settings.approvers

    return Permissions(ground.people, approvers_of, open_control=settings.open_control)


def job_parts(ground: Ground, permissions: Permissions) -> JobParts:
    """Return the parts, on the clock of this machine."""
    settings, store, platforms = ground.settings, ground.store, ground.platforms
    launcher = Launcher(
        store,
        ground.tasks,
        platforms.platform_of,
        ground.graders,
        default_platform=platforms.default,
        default_approvers=settings.approvers,
        clock=time.time,
    )
    job_importer = JobImporter(
        store,
        ground.tasks,
        platforms.platform_of,
        permissions,
        default_platform=platforms.default,
        approvers=settings.approvers,
        clock=time.time,
    )
    watcher = Poller(store, platforms.platform_of, time.time, picture_steps=settings.picture_steps)
    return JobParts(RftJobs(store, launcher, watcher, platforms.profile_of, permissions), job_importer)
