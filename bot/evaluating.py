"""Evals, put together: those that people ask for, those of checkpoints, their reports, and the check of a task."""

import time
from dataclasses import dataclass
from typing import Final

from bot.ground import Ground
from bot.reports import Reports
from handlers.proctor import TaskChecker
from jobs import checks
from jobs.core.permissions import Permissions
from jobs.evals.planning import EvalPlanner
from jobs.evals.records import Eval
from jobs.evals.running import EvalRunner
from jobs.evals.service import Evals
from jobs.evals.shelf import ReportShelf
from jobs.evals.statistics import summarise
from jobs.evidence.gathering import EvidenceRunner
from jobs.tasks import Task

NEWEST_EVALS: Final = 50
"""Evals among which a check looks for one of its task."""


@dataclass(frozen=True, slots=True)
class EvalParts:
    """What is made once for all who need it."""

    evals: Evals
    """What people ask evals of."""
    runner: EvalRunner
    """Takes their turns."""
    evidence_runner: EvidenceRunner
    """Has checkpoints evaluated."""
    shelf: ReportShelf
    reports: Reports
    checker: TaskChecker


async def eval_parts(ground: Ground, permissions: Permissions) -> EvalParts:
    """Return the parts, on the clock of this machine."""
    store, tasks, platforms, rows = ground.store, ground.tasks, ground.platforms, ground.rows
    planner = EvalPlanner(tasks, platforms.platform_of, platforms.default, time.time)
    runner = EvalRunner(
        store, tasks, platforms.platform_of, platforms.sampler_of, ground.graders, rows, summarise, clock=time.time
    )
    evals = Evals(store, planner, rows, permissions)
    shelf = _shelf(ground)
    return EvalParts(
        evals=evals,
        runner=runner,
        evidence_runner=EvidenceRunner(store, tasks, planner, rows, platforms.platform_of, time.time),
        shelf=shelf,
        reports=Reports(await _report_secret(ground), shelf.report, ground.settings.public_url, time.time),
        checker=_checker(ground, evals),
    )


def _shelf(ground: Ground) -> ReportShelf:
    async def find(eval_id: str) -> Eval | None:
        found = await ground.store.record(Eval, eval_id)
        return found.value if found else None

    return ReportShelf(ground.settings.proctor_home / "evals", ground.rows, find)


async def _report_secret(ground: Ground) -> str:
    given = ground.settings.report_key
    return given.get_secret_value() if given else await ground.store.secret("reports")


def _checker(ground: Ground, evals: Evals) -> TaskChecker:
    """Return what checks a task: on the platform that a launch of it would take, against the newest evals."""
    platforms = ground.platforms

    async def check(task: Task) -> tuple[checks.Finding, ...]:
        profile, gateway = platforms.platform_of(task.defaults.platform or platforms.default)
        newest = await evals.newest(NEWEST_EVALS)
        return await checks.check_task(
            task, ground.tasks, ground.graders, profile=profile, platform=gateway, evals=newest
        )

    return check
