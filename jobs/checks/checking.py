"""The checks of a task before money is spent on it, in the order in which their findings are shown."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from jobs.checks.facts import Facts
from jobs.checks.finding import Finding
from jobs.checks.gather import PATIENCE_SECONDS, GraderChecker, gather
from jobs.checks.grader import finite_range, odd_answers, odd_references, platform_grader, right_answers
from jobs.checks.prompt import same_prompt
from jobs.checks.rewards import binary, constant, exploitable
from jobs.checks.rows import allowed_labels, balance, names, platform_rows, repeats_across, repeats_within
from jobs.evals.records import Eval
from jobs.graders import GraderRuntime
from jobs.platforms.profiles import Profile
from jobs.tasks import Task, TaskCatalogue

CHECKS: tuple[Callable[[Facts], Finding | None], ...] = (
    right_answers,
    odd_answers,
    odd_references,
    finite_range,
    constant,
    binary,
    exploitable,
    platform_grader,
    platform_rows,
    allowed_labels,
    repeats_within,
    repeats_across,
    balance,
    names,
    same_prompt,
)
"""Each returns what it found, or None where it has nothing to look at."""


async def check_task(
    task: Task,
    catalogue: TaskCatalogue,
    graders: GraderRuntime,
    *,
    profile: Profile | None = None,
    platform: GraderChecker | None = None,
    evals: Iterable[Eval] = (),
    answers: Mapping[str, str] | None = None,
    seconds: float = PATIENCE_SECONDS,
) -> tuple[Finding, ...]:
    """Check a task before money is spent on it; the same task gives the same findings, in the order of CHECKS.

    Args:
        task: what is checked.
        catalogue: reads its rows.
        graders: where its graders are run; about 1,600 gradings, nine where each of them asks a model.
        profile: the platform it would be trained on, for its limits; None checks none of them.
        platform: that platform, where it is to try the grader itself; one that cannot is a note.
        evals: evals of any task; the newest of this one should have asked as training will.
        answers: train row id to what a model answered, where there are real answers to try the grader on.
        seconds: how long a grader may take for one answer.
    """
    facts = await gather(
        task,
        catalogue,
        graders,
        profile=profile,
        platform=platform,
        evals=evals,
        answers=answers,
        seconds=seconds,
    )
    return await asyncio.to_thread(lambda: tuple(finding for check in CHECKS if (finding := check(facts))))
