"""What a round of evidence takes: the models to evaluate, the evals to run, and digests of what both rest on."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from jobs.core.errors import BotError, Conflict, InvalidRequest
from jobs.core.ids import checkpoint_name
from jobs.core.records import Checkpoint, Job
from jobs.evals.answer_form import AnswerForm
from jobs.evals.held_out import opened_by, opened_sentences, openings
from jobs.evals.plan import EvalPlanner, eval_id
from jobs.evals.records import SCORING, Eval, EvalRequest, EvalState
from jobs.evidence.records import Candidate, Evidence, Role
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.profiles import Profile, Retirement
from jobs.platforms.prompt_hash import prompt_hash
from jobs.state.store import Store
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.records import NATURAL

VALID: Final = "valid"
TEST: Final = "test"
ITEMS_OF: Final[Mapping[str, str]] = {VALID: "dataset", TEST: "test", NATURAL: "natural"}
"""Split to the part of the evidence that stands for its items."""
TASK_PARTS: Final[Mapping[str, str]] = {
    "dataset": "the validation split",
    "test": "the test split",
    "natural": "the natural validation split",
    "graders": "the graders",
    "prompt": "the prompt",
    "schema": "the response format",
    "scoring": "the way answers are scored",
}
"""What of the task evidence rests on, with what people call it; the other parts are the evals."""
DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Production:
    """What a job's alias points at."""

    alias: str
    model: str
    platform: str
    step: int


ProductionOf = Callable[[Job], Awaitable[Production | None]]
"""Returns what is in production for a job's alias, or None if the alias points at nothing yet."""


@dataclass(frozen=True, slots=True)
class RoundPlanner:
    """Plans the rounds of evidence."""

    store: Store
    tasks: TaskCatalogue
    planner: EvalPlanner
    platform_of: PlatformOf
    production_of: ProductionOf
    clock: Callable[[], float]
    """Unix seconds."""

    async def parts(self, job: Job) -> dict[str, str]:
        """Return what of the task the evidence for a job rests on now; {} if the task cannot be used."""
        try:
            return parts_of(await self._readable(job), job)
        except BotError:
            return {}

    async def changed(self, job: Job, before: Mapping[str, str]) -> str | None:
        """Return what of the task has changed since evidence rested on these parts, as a sentence; None if nothing."""
        try:
            task = await self._readable(job)
        except BotError as problem:
            return f"{job.task} can no longer be used. {problem}" if changed_parts(before, {}) else None
        parts = changed_parts(before, parts_of(task, job))
        return said_changed(parts, prompt=_prompt_change(job, task)) if parts else None

    async def plan(
        self, job: Job, new: Evidence, previous: Evidence | None, *, reuse_valid: bool
    ) -> tuple[Evidence, tuple[Eval, ...]]:
        """Return the evidence with what its round takes, and those of its evals that are new.

        What an earlier round measured and still holds is not asked again.

        Args:
            job: the test split is opened only when it is final.
            new: the evidence of the new round.
            previous: the evidence so far.
            reuse_valid: whether an eval on the validation split may be reused as well.

        Raises:
            BotError: it cannot be done; says why and what to do.
        """
        task = await self._task(job)
        profile, _ = self.platform_of(job.platform)
        production = await self.production_of(job)
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        candidates, notes = candidates_of(job, production, profile, today)
        parts = parts_of(task, job)
        wanted = [await self._eval(job, new.round, VALID, candidates)]
        for split in (each for each in (TEST, NATURAL) if parts[ITEMS_OF[each]]):
            try:
                wanted.append(await self._eval(job, new.round, split, candidates))
                if split == TEST:
                    opened = await openings(self.store, task.name, opened_by(task, TEST))
                    notes = (*notes, *opened_sentences(opened))
            except InvalidRequest as problem:
                notes = (*notes, f"The {split} split is left out: {problem}")
        if any(each.task_version != task.version for each in wanted):
            raise Conflict(f"The files of {task.name} are being changed right now.")
        # `_task` has made sure that the response format is the one of the launch, unless that was not written down.
        is_constrained = AnswerForm.of(task).schema is not None if job.prompt_hash else None
        started, evals = [], dict[str, Eval]()
        for each in wanted:
            may_reuse = reuse_valid or each.split != VALID
            reused = await self._reused(each, previous, parts) if may_reuse else None
            evals[each.split] = reused or each
            started += [] if reused else [each]
        ids = {split: each.id for split, each in evals.items()}
        evidence = replace(
            new,
            valid_eval=ids[VALID],
            test_eval=ids.get(TEST),
            natural_eval=ids.get(NATURAL),
            answered=sum(each.progress.answered for each in evals.values()),
            total=sum(each.total for each in evals.values()),
            candidates=candidates,
            alias=production.alias if production else None,
            alias_model=production.model if production and production.platform == job.platform else None,
            parts=parts_of(task, job, ids),
            constrained_in_training=is_constrained,
            note=" ".join((*notes, *_remarks(job, task))) or None,
        )
        return evidence, tuple(started)

    async def _readable(self, job: Job) -> Task:
        """Return the job's task; raises if it is not known, or cannot be read."""
        if not job.has_task:
            raise Conflict(
                f"{job.id} was launched elsewhere, so its task, prompt and graders are not known to me. "
                f"`/rft watch {job.id} task=<task>` names the task; its checkpoints are evaluated then."
            )
        task = await asyncio.to_thread(self.tasks.load, job.task)
        if VALID not in task.splits:
            raise Conflict(f"{task.name} has no {VALID}.jsonl any more; checkpoints are evaluated on it.")
        return task

    async def _task(self, job: Job) -> Task:
        """Return the job's task; raises if checkpoints would not be asked the way they were trained."""
        task = await self._readable(job)
        now = prompt_hash(task.prompts.get(job.prompt, ""), task.response_format)
        if job.prompt_hash and now != job.prompt_hash:
            raise Conflict(
                f"Prompt {job.prompt or 'of the rows'} or the response format of {job.task} was changed since {job.id} "
                "was launched, so its checkpoints would be asked otherwise than they were trained. "
                "Put the old text back."
            )
        return task

    async def _eval(self, job: Job, number: int, split: str, candidates: Sequence[Candidate]) -> Eval:
        """Return the eval that a round asks for."""
        models = tuple(dict.fromkeys(each.model for each in candidates))
        trigger = f"evidence:{job.id}:{number}:{split}"
        request = replace(request_as_trained(job, models, split, trigger), job=job.id)
        return await planned_as_trained(self.store, self.planner, job, request)

    async def _reused(self, wanted: Eval, previous: Evidence | None, parts: Mapping[str, str]) -> Eval | None:
        """Return the eval of the round before, if it asked for the same and lacks nothing."""
        if previous is None:
            return None
        earlier = previous.evals.get(wanted.split)
        held = await self.store.record(Eval, earlier) if earlier else None
        rests_on = (ITEMS_OF[wanted.split], "graders", "prompt", "schema", "scoring")
        if held is None or any(previous.parts.get(part) != parts[part] for part in rests_on):
            return None
        found = held.value
        is_complete = found.state is EvalState.FINISHED and found.note is None and not found.progress.failures
        is_same = all(
            getattr(found, name) == getattr(wanted, name)
            for name in ("arms", "runs", "items", "scoring", "lenient_json")
        )
        return found if is_complete and is_same else None


def request_as_trained(job: Job, models: tuple[str, ...], split: str, trigger: str) -> EvalRequest:
    """Return the request to ask models as the job's were trained: its prompt and effort, and as often as evidence."""
    effort = job.request.hyperparameters.reasoning_effort
    return EvalRequest(
        task=job.task,
        requested_by=job.request.requested_by,
        channel=job.request.channel,
        trigger=trigger,
        models=models,
        efforts=(effort,) if effort and effort != "default" else (),
        split=split,
        runs=job.evidence_runs,
        prompt=job.prompt or None,
        platform=job.platform,
    )


async def planned_as_trained(store: Store, planner: EvalPlanner, job: Job, request: EvalRequest) -> Eval:
    """Return the eval of a request, with the job's checkpoints called by their steps.

    It has its short id, or the next one if that is another eval's.

    Raises:
        BotError: it cannot be done; says why and what to do.
    """
    planned = await planner.plan(request)
    labels = {each.model_id: checkpoint_name(each.step, job.id) for each in job.checkpoints}
    planned = replace(planned, arms=tuple(replace(arm, label=labels.get(arm.model)) for arm in planned.arms))
    while (held := await store.record(Eval, planned.id)) and held.value.request.trigger != request.trigger:
        planned = replace(planned, id=eval_id(f"{planned.id} {request.trigger}"))
    return planned


# -- candidates ----------------------------------------------------------------------------------------------------


def candidates_of(
    job: Job, production: Production | None, profile: Profile, today: date
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return the models to evaluate, not yet measured, and sentences about those that cannot be among them.

    Base first, unless it has been switched off by `today`, then the checkpoints by step, then what is in production,
    unless that is one of them.
    """
    notes = []
    found = [checkpoint_candidate(each, job, profile.retired) for each in by_step(job)]
    gone = profile.retired.get(job.model)
    if gone and today >= gone.since:
        notes.append(f"Nothing is compared with the base: {gone.sentence(job.model, profile.title)}")
    else:
        base = Candidate(Role.BASE, job.model, "base", shutdown=gone.since.isoformat() if gone else None)
        found.insert(0, base)
    if production and production.platform != job.platform:
        elsewhere = f"{production.alias} points at a model of {production.platform}"
        notes.append(f"{elsewhere}, so nothing is compared with it.")
    elif production and production.model not in {each.model for each in found}:
        found.append(Candidate(Role.ALIAS, production.model, production.alias, step=production.step))
    return tuple(found), tuple(notes)


def by_step(job: Job) -> list[Checkpoint]:
    """Return a job's checkpoints in the order of their steps."""
    return sorted(job.checkpoints, key=lambda each: each.step)


def checkpoint_candidate(checkpoint: Checkpoint, job: Job, retired: Mapping[str, Retirement]) -> Candidate:
    """Return a checkpoint with nothing measured; it is switched off no later than what it was tuned from."""
    end = retired.get(checkpoint.model_id) or retired.get(job.model)
    return Candidate(
        role=Role.CHECKPOINT,
        model=checkpoint.model_id,
        name=f"step {checkpoint.step}",
        checkpoint=checkpoint.id,
        step=checkpoint.step,
        shutdown=end.since.isoformat() if end else None,
    )


def _remarks(job: Job, task: Task) -> tuple[str, ...]:
    """Return what is to be said with the figures, as sentences."""
    remarks = [*job.remarks]
    if job.state.is_final and TEST not in task.splits:
        remarks.append(f"{task.name} has no test split: nothing was held out from the choice.")
    if task.version != job.task_version:
        remarks.append(
            f"Files of {task.name} were changed since {job.id} was launched; what stands there now is what counts here."
        )
    return tuple(remarks)


# -- digests -------------------------------------------------------------------------------------------------------


def parts_of(task: Task, job: Job, evals: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the evidence for every checkpoint of a job rests on, each part as a digest or an id.

    The test split counts only once it may be opened: when nothing more happens to the job. `evals` are ids by split.
    """
    opened, evals = TEST in task.splits and job.state.is_final, evals or {}
    return {
        "dataset": task.digests[task.splits[VALID].name],
        "test": task.digests[task.splits[TEST].name] if opened else "",
        "natural": task.digests[task.splits[NATURAL].name] if NATURAL in task.splits else "",
        "graders": hash_of({"graders": task.graders, "reward": task.reward}),
        "prompt": hash_of(task.prompts.get(job.prompt, "")),
        "schema": hash_of(task.response_format),
        "scoring": hash_of([SCORING, task.lenient_json]),
        "valid_eval": evals.get(VALID, ""),
        "test_eval": evals.get(TEST, ""),
        "natural_eval": evals.get(NATURAL, ""),
    }


def digest_of(checkpoint: str, model: str, parts: Mapping[str, str]) -> str:
    """Return the digest of all that an approval of a checkpoint rests on: equal ones mean that nothing has changed."""
    return hash_of({"checkpoint": checkpoint, "model": model, "parts": parts})


def changed_parts(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the task's parts that have changed, in the order of `TASK_PARTS`.

    Evidence of earlier versions did not look at the natural validation split, and stands without it.
    """
    old = {"natural": now.get("natural", "")} if before else {}
    return tuple(part for part in TASK_PARTS if {**old, **before}.get(part, "") != now.get(part, ""))


def said_changed(parts: Sequence[str], *, prompt: str = "") -> str:
    """Return which parts of a task changed, as a sentence; `prompt` says from what to what it did."""
    if tuple(parts) == ("prompt",) and prompt:
        return f"The prompt changed: {prompt}."
    *others, last = (TASK_PARTS[part] + (f" ({prompt})" if part == "prompt" and prompt else "") for part in parts)
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{listed[0].upper()}{listed[1:]} changed."


def _prompt_change(job: Job, task: Task) -> str:
    """Return what became of the prompt that a job was trained with, if it is not what it was."""
    if not job.prompt:
        return ""
    if job.prompt not in task.prompts:
        return f"{job.prompt} to {task.default_prompt or 'none'}"
    return f"the text of {job.prompt} is another one now"


def hash_of(value: object) -> str:
    """Return 16 hex digits over a JSON value; the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
