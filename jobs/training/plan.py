"""From a request to the job it describes: the task, platform, model and settings, each looked up and checked.

Nothing is written and no platform is asked.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TypedDict

from jobs.checks.rows import measured_elsewhere, unfit_ends, unfit_reward, unheeded_tools
from jobs.core.errors import InvalidRequest
from jobs.core.ids import JOB_PREFIX, short_id
from jobs.core.nearest import nearest
from jobs.core.records import ApprovalPolicy, Job, JobState, LaunchRequest
from jobs.graders import MultiGrader, parse_grader, run_elsewhere, untrainable
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.profiles import Profile, require_open
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.defaults import Choice
from jobs.tasks.records import EVIDENCE_SPLITS, TRAINING_SPLITS


class TaskPolicy(TypedDict):
    """The fields of a job that its task decides, whoever launched it."""

    task: str
    task_version: str
    reward: str
    quorum: int
    approvers: tuple[str, ...]
    alert_settings: Mapping[str, object]
    held_out_graders: tuple[str, ...]
    policy: ApprovalPolicy
    guardrails: Mapping[str, float]
    alias: str
    evidence_runs: int
    calls_a_day: float | None
    instead_of: str
    reward_range: tuple[float, float] | None


async def plan(
    request: LaunchRequest,
    choice: Choice,
    tasks: TaskCatalogue,
    platform_of: PlatformOf,
    *,
    default_platform: str,
    default_approvers: tuple[str, ...],
    now: float,
) -> Job:
    """Return the requested job in its first state; nothing is written or sent. `now` is in unix seconds.

    `choice` was made for the task: it holds where the request says nothing, before task.yaml.

    Raises:
        UserError: the task, platform, model or rows do not allow a launch.
    """
    task = (await asyncio.to_thread(tasks.load, request.task)).training_on(request.reward)
    profile, _ = platform_of(request.platform or task.defaults.platform or default_platform)
    for split in TRAINING_SPLITS:
        if split not in task.splits:
            raise InvalidRequest(f"{task.name} has no {split}.jsonl; a job needs a train and a valid split.")
    used = dict.fromkeys((*TRAINING_SPLITS, *(split for split in EVIDENCE_SPLITS if split in task.splits)))
    rows = {split: await asyncio.to_thread(tasks.rows, task, split) for split in used}
    train, valid = (len(rows[split]) for split in TRAINING_SPLITS)
    if request.items and request.items > train:
        raise InvalidRequest(f"items={request.items:,} is more than {task.name} has: {train:,} training items.")
    train = request.items or train
    unheeded = unheeded_tools(profile, [row for split in TRAINING_SPLITS for row in rows[split]])
    if unfit := unfit_ends(profile, rows) or unfit_reward(profile, task):
        raise InvalidRequest(f"{task.name}: {unfit}")
    model = _model(request, task, profile)
    require_open(profile, model, datetime.fromtimestamp(now, UTC).date())
    _check_fit(task, profile, train)
    if request.prompt and request.prompt not in task.prompts:
        raise InvalidRequest(
            f"{task.name} has no prompt '{request.prompt}'; {nearest(request.prompt, task.prompt_versions)}"
        )
    prompt = request.prompt or (choice.prompt if choice.prompt in task.prompts else None) or task.default_prompt
    chosen = {"reasoning_effort": choice.effort} if choice.effort else {}
    given = {name: value for name, value in asdict(request.hyperparameters).items() if value is not None}
    given |= dict.fromkeys(request.auto)
    return Job(
        id=job_id(request.trigger),
        state=JobState.CHECKING,
        request=replace(request, hyperparameters=replace(task.defaults.hyperparameters, **(chosen | given))),
        created_at=now,
        platform=profile.name,
        model=model,
        prompt=prompt,
        train_items=train,
        valid_items=valid,
        remarks=tuple(filter(None, (unheeded, measured_elsewhere(task), _trained_on(request, task)))),
        trained_on=task.trained_by if task.trained_by != task.reward else "",
        **task_policy(task, default_approvers),
        prompt_hash=prompt_hash(task.prompts.get(prompt, ""), task.response_format),
    )


def _trained_on(request: LaunchRequest, task: Task) -> str | None:
    if request.reward in {None, task.reward}:
        return None
    return f"Training climbs {request.reward}; checkpoints are measured by {task.reward}, as ever."


def task_policy(task: Task, default_approvers: tuple[str, ...]) -> TaskPolicy:
    """Return how a task's jobs are watched and its checkpoints evaluated and approved."""
    return TaskPolicy(
        task=task.name,
        task_version=task.version,
        reward=task.reward,
        quorum=task.quorum,
        approvers=task.approvers or default_approvers,
        alert_settings=task.alerts,
        held_out_graders=task.held_out_graders,
        policy=task.approval,
        guardrails=task.guardrails,
        alias=task.alias,
        evidence_runs=task.evidence_runs,
        calls_a_day=task.calls_a_day,
        instead_of=task.instead_of,
        reward_range=task.range_of(task.trained_by),
    )


def job_id(trigger: str) -> str:
    """Return the id of the job that this trigger launches: always the same one."""
    return short_id(JOB_PREFIX, trigger)


def _model(request: LaunchRequest, task: Task, profile: Profile) -> str:
    named = request.model
    if named is None and (task.defaults.platform or profile.name) == profile.name:
        named = task.defaults.model
    model = named or profile.default_model
    if model is None:
        raise InvalidRequest(f"{profile.name} has no default model; add model=<base model>.")
    if profile.models and model not in profile.models:
        raise InvalidRequest(f"{profile.name} cannot tune '{model}'; {nearest(model, profile.models)}")
    return model


def _check_fit(task: Task, profile: Profile, rows: int) -> None:
    """Raise InvalidRequest if the task has too few rows for the platform, or a grader that it does not run."""
    if rows < profile.min_rows:
        raise InvalidRequest(
            f"{task.name} has {rows} training items; {profile.name} takes no fewer than {profile.min_rows}."
        )
    grader = parse_grader(task.training_grader, task.trained_by)
    if reason := untrainable(grader):
        raise InvalidRequest(reason)
    for part in (grader, *(grader.graders.values() if isinstance(grader, MultiGrader) else ())):
        if (kind := str(part.definition["type"])) not in profile.grader_types:
            known = ", ".join(sorted(profile.grader_types))
            only = None if isinstance(part, MultiGrader) else run_elsewhere(part)
            said = f"{task.name} trains on a grader of type '{kind}'; {profile.name} runs {known}."
            raise InvalidRequest(f"{said} {only}" if only else said)
