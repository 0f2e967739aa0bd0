"""Turns a request into an eval, and tries out what it needs before the first token is spent."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jobs.core.errors import Conflict, InvalidRequest, NotFound, PlatformRejected
from jobs.core.ids import EVAL_PREFIX, short_id
from jobs.core.nearest import nearest
from jobs.evals.answer_form import AnswerForm
from jobs.evals.grade import EvalGraders
from jobs.evals.held_out import opened_by
from jobs.evals.records import DEFAULT_MARGIN, NO_FORMAT, SCORING, Arm, Eval, EvalRequest, EvalState
from jobs.evals.split_file import SplitFile, check_rows
from jobs.graders import GraderRuntime, check_grader, fingerprint, gates_of, models_of, parse_grader, run_elsewhere
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.profiles import Profile
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import Row, Task, TaskCatalogue, conversation
from jobs.tasks.defaults import Choice
from jobs.tasks.rows import unfed

SPLITS: Final = ("valid", "test", "train")
"""The first of these that the task has is the default."""
MOST_RUNS: Final = 50
FEWEST_STUDY_RUNS: Final = 3
"""Fewer runs than this say nothing about an item's spread."""
RUNS: Final[Mapping[str, int]] = {"run": 1, "variance": 9}
MOST_ARMS: Final = 12
MOST_ANSWERS: Final = 200_000


@dataclass(frozen=True, slots=True)
class EvalPlanner:
    """Plans evals: looks up and checks task, split, prompt, models; writes nothing and asks no platform."""

    tasks: TaskCatalogue
    platform_of: PlatformOf
    default_platform: str
    """Used if neither the person nor the task names one."""
    clock: Callable[[], float]

    async def plan(self, request: EvalRequest, choice: Choice = Choice()) -> Eval:  # noqa: B008  # frozen
        """Return the eval that was asked for, in its first state; `choice` holds where the request says nothing.

        Raises:
            UserError: the task, split, prompt, platform, models or numbers do not allow it; says which and why.
        """
        task = await asyncio.to_thread(self.tasks.load, request.task)
        request = _chosen(request, task, choice)
        profile, gateway = self.platform_of(request.platform or task.defaults.platform or self.default_platform)
        gateway.require_key()
        if reason := run_elsewhere(parse_grader(task.reward_grader, task.reward)):
            raise InvalidRequest(f"{reason} Add a grader that runs here to {task.name}; answers are measured by that.")
        split = _split(request, task)
        rows, first = await asyncio.to_thread(check_rows, self.tasks, task, split)
        prompt = _prompt(request, task, first)
        arms = _arms(request, task, _models(request, task, profile, self.clock()))
        items, runs = _items_and_runs(request, rows, len(arms))
        threshold = task.reward_grader.get("pass_threshold")
        graders = {name: parse_grader(definition, name) for name, definition in task.graders.items()}
        return Eval(
            id=eval_id(request.trigger),
            state=EvalState.CHECKING,
            request=request,
            created_at=self.clock(),
            task=task.name,
            task_version=task.version,
            platform=profile.name,
            arms=arms,
            split=split,
            items=items,
            runs=runs,
            prompt=prompt,
            prompt_hash=prompt_hash(task.prompts.get(prompt, ""), task.response_format),
            reward=task.reward,
            graders=tuple(task.graders),
            headline=task.headline,
            slice_fields=task.slice_fields,
            threshold=float(threshold) if isinstance(threshold, int | float) else None,
            scoring=SCORING,
            ranges=_ranges(task),
            fingerprints={name: fingerprint(grader) for name, grader in graders.items()},
            judges=tuple(name for name, grader in graders.items() if models_of(grader)),
            constrained=AnswerForm.of(task).schema is not None,
            lenient_json=task.lenient_json,
            opens="" if request.job else opened_by(task, split),
            margin=_margin(request, task),
            gates=gates_of(parse_grader(task.reward_grader, task.reward)).names
            if request.purpose == "variance"
            else (),
            prompt_lengths={version: len(task.prompts[version]) for version in request.prompts},
        )


def eval_id(trigger: str) -> str:
    """Return the id of the eval that this trigger starts: always the same one."""
    return short_id(EVAL_PREFIX, trigger)


def _ranges(task: Task) -> dict[str, tuple[float, float]]:
    return {name: each for name in task.graders if (each := task.range_of(name)) is not None}


def _chosen(request: EvalRequest, task: Task, choice: Choice) -> EvalRequest:
    """Return the request with what was chosen for the task; a prompt that the task has no more is left out."""
    if choice.effort and not request.efforts:
        request = replace(request, efforts=(choice.effort,))
    if choice.prompt in task.prompts and not (request.prompt or request.prompts):
        request = replace(request, prompt=choice.prompt)
    return request


def _models(request: EvalRequest, task: Task, profile: Profile, now: float) -> tuple[str, ...]:
    models = request.models
    if not models:
        named = task.defaults.model if (task.defaults.platform or profile.name) == profile.name else None
        default = named or profile.default_model
        if default is None:
            raise InvalidRequest(f"{profile.name} has no default model; add model=<model>.")
        models = (default,)
    for model in models:
        gone = profile.retired.get(model)
        if gone and datetime.fromtimestamp(now, UTC).date() >= gone.since:
            raise InvalidRequest(gone.sentence(model, profile.title))
    return models


def _arms(request: EvalRequest, task: Task, models: Sequence[str]) -> tuple[Arm, ...]:
    """Return every model at every effort with every prompt, and the same without the response format if asked for."""
    arms = tuple(
        dict.fromkeys(
            Arm(model, effort, prompt=prompt)
            for model in models
            for effort in request.efforts or (None,)
            for prompt in request.prompts or (None,)
        )
    )
    if request.format:
        if AnswerForm.of(task).schema is None:
            raise InvalidRequest(f"{task.name} asks for free text as it is; format=none would ask the same twice.")
        arms = tuple(each for arm in arms for each in (arm, replace(arm, format=request.format)))
    if len(arms) > MOST_ARMS:
        raise InvalidRequest(
            f"Models, efforts, prompts and formats make {len(arms)} combinations; one eval takes {MOST_ARMS}."
        )
    return tuple(replace(arm, prompt_hash=_own_hash(arm, request, task)) for arm in arms)


def _own_hash(arm: Arm, request: EvalRequest, task: Task) -> str | None:
    if arm.prompt is None and arm.format is None:
        return None
    prompt = arm.prompt or request.prompt or task.default_prompt
    return prompt_hash(task.prompts.get(prompt, ""), None if arm.format == NO_FORMAT else task.response_format)


def _margin(request: EvalRequest, task: Task) -> float:
    if request.margin is not None:
        return request.margin
    return abs(task.guardrails.get(task.reward, 0.0)) or DEFAULT_MARGIN


def _split(request: EvalRequest, task: Task) -> str:
    if request.split is None:
        return next((split for split in SPLITS if split in task.splits), next(iter(task.splits)))
    if request.split not in task.splits:
        raise NotFound(f"{task.name} has no split '{request.split}'; {nearest(request.split, task.splits)}")
    return request.split


def _prompt(request: EvalRequest, task: Task, first: Row) -> str:
    """Return the prompt version that is asked with; of several, the first."""
    versions = request.prompts or ((request.prompt,) if request.prompt else ())
    for version in versions:
        if version not in task.prompts:
            raise NotFound(f"{task.name} has no prompt '{version}'; {nearest(version, task.prompt_versions)}")
    if len(versions) > 1 and first.messages is not None:
        raise InvalidRequest(f"The rows of {task.name} bring their own messages, so its prompts cannot be compared.")
    conversation(task, first, next(iter(versions), None))  # refuses, in words, a task without any prompt
    return next(iter(versions), task.default_prompt)


def _items_and_runs(request: EvalRequest, rows: int, arms: int) -> tuple[int, int]:
    if request.limit is not None and request.limit < 1:
        raise InvalidRequest(f"limit={request.limit} leaves nothing to evaluate; give 1 or more items.")
    if request.budget is not None and request.budget < 1:
        raise InvalidRequest(f"budget={request.budget} allows no answer; give a number of tokens.")
    runs = RUNS[request.purpose] if request.runs is None else request.runs
    fewest = FEWEST_STUDY_RUNS if request.purpose == "variance" else 1
    if not fewest <= runs <= MOST_RUNS:
        raise InvalidRequest(f"runs={runs} is outside {fewest} to {MOST_RUNS}.")
    items = min(rows, request.limit or rows)
    if items * runs * arms > MOST_ANSWERS:
        raise InvalidRequest(
            f"{items:,} items x {runs} runs x {arms} models are {items * runs * arms:,} answers; one eval takes "
            f"{MOST_ANSWERS:,}. Use limit= or fewer runs."
        )
    return items, runs


# -- before the first token -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preflight:
    """Tries out what an eval needs: the files, the models, the graders."""

    tasks: TaskCatalogue
    platform_of: PlatformOf
    runtime: GraderRuntime

    async def check(self, evaluation: Eval) -> Mapping[str, str]:
        """Return the graders to leave out, each with the reason, or raise what keeps the eval from beginning.

        Raises:
            InvalidRequest: there is no such model, or the reward grader fails.
            BotError: its files cannot be read, or a platform does not answer.
        """
        if problem := await self._missing_model(evaluation):
            raise InvalidRequest(problem)
        return await self._failing_graders(evaluation)

    async def task_of(self, evaluation: Eval) -> Task:
        """Return the task as it was when the eval was started; raises UserError if it has changed or is gone.

        Answers that are on file already may have been scored by other rules: then it says so as well.
        """
        if evaluation.scoring != SCORING:
            raise Conflict(f"{evaluation.id} was started when answers were scored by other rules; start it again.")
        task = await asyncio.to_thread(self.tasks.load, evaluation.task)
        if task.version != evaluation.task_version:
            raise Conflict(f"The files of {task.name} were changed since {evaluation.id} was started; start it again.")
        return task

    async def _missing_model(self, evaluation: Eval) -> str | None:
        profile, gateway = self.platform_of(evaluation.platform)
        if profile.needs_deployment:
            return None  # such a platform lists what can be deployed, not what is
        with suppress(PlatformRejected):  # a platform that cannot say: the first answer will tell
            known = await gateway.models()
            for model in dict.fromkeys(arm.model for arm in evaluation.arms):
                if known and model not in known and not await gateway.has_model(model):
                    suggestion = nearest(model, known)
                    return f"{profile.title} has no model '{model}' that this key has access to; {suggestion}"
        return None

    async def _failing_graders(self, evaluation: Eval) -> dict[str, str]:
        """Return the graders that fail beside the reward, each with the reason; raises if it is the reward."""
        task = await self.task_of(evaluation)
        with await asyncio.to_thread(SplitFile, task, evaluation.split, evaluation.items) as rows:
            first = await asyncio.to_thread(rows.row, 0)
            failing = await asyncio.to_thread(_unfed, task, rows)
        reasons = {name: run_elsewhere(parse_grader(each, name)) for name, each in task.graders.items()}
        failing |= {name: reason for name, reason in reasons.items() if reason}
        sound: set[str] = set()
        # What a failing multi grader would have run with its parts is run, and tried, alone.
        while untried := [each for each in EvalGraders(self.runtime, task, failing).run if each.name not in sound]:
            grader = untried[0]
            problems = await check_grader(self.runtime, grader, first.item, task.response_format)
            if problems and grader.name == task.reward:
                raise InvalidRequest(" ".join(problems))
            if problems:
                failing[grader.name] = " ".join(problems)
            else:
                sound.add(grader.name)
        return failing


def _unfed(task: Task, rows: Iterable[Row]) -> dict[str, str]:
    """Return the graders beside the reward that read what a row lacks, each with why; raises if it is the reward."""
    graders = {name: parse_grader(definition, name) for name, definition in task.graders.items()}
    failing: dict[str, str] = {}
    for row in rows:
        for name in graders.keys() - failing.keys():
            if problem := next(unfed(graders[name], (row,)), None):
                failing[name] = problem
    if task.reward in failing:
        raise InvalidRequest(failing[task.reward])
    return failing
