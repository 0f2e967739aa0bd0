"""What can be tried before an eval spends its first token: the files, the models, the graders."""

import asyncio

from jobs.core.errors import BotError, Conflict
from jobs.core.nearest import nearest
from jobs.evals.grading import EvalGraders
from jobs.evals.items import look_through
from jobs.evals.records import Eval
from jobs.graders import GraderRuntime, check_grader
from jobs.platforms.gateway import Gateway, PlatformOf
from jobs.tasks import Task, TaskCatalogue


class EvalChecker:
    """Tries evals out.

    Args:
        tasks: the tasks they are about.
        platform_of: profile and gateway by name.
        runtime: runs graders.
    """

    def __init__(self, tasks: TaskCatalogue, platform_of: PlatformOf, runtime: GraderRuntime) -> None:
        self._tasks = tasks
        self._platform_of = platform_of
        self._runtime = runtime

    async def problem(self, evaluation: Eval) -> str | None:
        """Return why the eval cannot begin, as sentences, or None."""
        try:
            return await self._models(evaluation) or await self._graders(evaluation)
        except BotError as failure:
            return str(failure)

    async def task_of(self, evaluation: Eval) -> Task:
        """Return the task as it was when the eval was started; raises UserError where it is another or gone."""
        task = await asyncio.to_thread(self._tasks.load, evaluation.task)
        if task.version != evaluation.task_version:
            raise Conflict(f"The files of {task.name} were changed since {evaluation.id} was started; start it again.")
        return task

    async def _models(self, evaluation: Eval) -> str | None:
        profile, gateway = self._platform_of(evaluation.platform)
        if profile.needs_deployment:
            return None  # such a platform lists what can be deployed, not what is
        for model in dict.fromkeys(arm.model for arm in evaluation.arms):
            meant = await _missing(gateway, model)
            if meant:
                return f"{profile.title} has no model '{model}' that this key may ask; {meant}"
        return None

    async def _graders(self, evaluation: Eval) -> str | None:
        task = await self.task_of(evaluation)
        _, first = await asyncio.to_thread(look_through, self._tasks, task, evaluation.split)
        for grader in EvalGraders(self._runtime, task).run:
            problems = await check_grader(self._runtime, grader, first.item, task.response_format)
            if problems:
                return " ".join(problems)
        return None


async def _missing(gateway: Gateway, model: str) -> str | None:
    """Say what was probably meant where the platform has no such model; None where it has, or cannot say."""
    try:
        known = await gateway.models()
        if not known or model in known or await gateway.has_model(model):
            return None
    except BotError:
        return None  # the first answer will tell
    return nearest(model, known)
