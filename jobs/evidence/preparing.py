"""What is asked before checkpoints are evaluated: is the task still the one they were trained on, and which evals."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jobs.aliases.naming import alias_of
from jobs.aliases.records import Alias, Target
from jobs.core.errors import BotError, Conflict
from jobs.core.records import Job
from jobs.evals.planning import EvalPlanner, eval_id
from jobs.evals.records import Eval, EvalRequest, EvalState
from jobs.evidence.digest import parts_of
from jobs.evidence.line_up import line_up
from jobs.evidence.records import Candidate, Evidence
from jobs.platforms.gateway import PlatformOf
from jobs.platforms.prompt_hash import prompt_hash
from jobs.state.change import Versioned
from jobs.state.store import Store
from jobs.tasks import Task, TaskCatalogue

VALID: Final = "valid"
TEST: Final = "test"
ALIKE: Final[Mapping[str, str]] = {VALID: "dataset", TEST: "test"}
"""Split to the part of the evidence that stands for its items."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round of evidence begins with."""

    parts: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    alias: str | None
    alias_model: str | None
    valid: Eval
    test: Eval | None
    started: tuple[Versioned[Eval], ...]
    """Those of them that are new; the others were run in an earlier round and still hold."""
    notes: tuple[str, ...]


class Preparer:
    """Prepares the evaluation of jobs' checkpoints.

    Args:
        store: where evals and aliases are kept.
        tasks: the tasks of the jobs.
        planner: plans the evals.
        platform_of: profile and gateway by name.
        clock: unix seconds.
    """

    def __init__(
        self,
        store: Store,
        tasks: TaskCatalogue,
        planner: EvalPlanner,
        platform_of: PlatformOf,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._planner = planner
        self._platform_of = platform_of
        self._clock = clock

    async def parts(self, job: Job) -> dict[str, str]:
        """Return what of the task the evidence for a job's checkpoints rests on now; {} where the task is not known."""
        try:
            return _parts(job, await self._task(job), None, None)
        except BotError:
            return {}

    async def plan(self, job: Job, number: int, previous: Evidence | None, *, anew: bool) -> Plan:
        """Return the evals that a round takes; what an earlier one has measured and still holds is not asked again.

        Args:
            job: whose checkpoints are evaluated; the test split is opened only when it is final.
            number: of the round.
            previous: the evidence until now.
            anew: evaluate on the validation split even where nothing has changed.

        Raises:
            BotError: it cannot be done; says why and what to do.
        """
        task = await self._task(job)
        profile, _ = self._platform_of(job.platform)
        target = await self._target(job)
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        candidates, notes = line_up(job, alias_of(job), target, profile, today)
        parts = _parts(job, task, None, None)
        valid = await self._eval(job, number, VALID, candidates)
        test = await self._eval(job, number, TEST, candidates) if parts["test"] else None
        if any(each and each.task_version != task.version for each in (valid, test)):
            raise Conflict(f"The files of {task.name} are being changed right now.")
        valid, held = await self._or_earlier(valid, previous.valid_eval if previous else None, previous, parts)
        if anew and held:
            valid, held = await self._eval(job, number, VALID, candidates), False
        started = [] if held else [valid]
        if test:
            test, held = await self._or_earlier(test, previous.test_eval if previous else None, previous, parts)
            started += [] if held else [test]
        return Plan(
            parts=_parts(job, task, valid.id, test.id if test else None),
            candidates=candidates,
            alias=alias_of(job) if target else None,
            alias_model=target.model if target and target.platform == job.platform else None,
            valid=valid,
            test=test,
            started=tuple(Versioned(each, 0) for each in started),
            notes=(*notes, *_notes(job, task)),
        )

    async def _task(self, job: Job) -> Task:
        """Return the job's task; raises where checkpoints would be asked otherwise than they were trained."""
        if not job.has_task:
            raise Conflict(
                f"{job.id} was launched elsewhere, so its task, prompt and graders are not known to me. "
                f"`/rft watch {job.id} task=<task>` names the task; its checkpoints are evaluated then."
            )
        task = await asyncio.to_thread(self._tasks.load, job.task)
        if VALID not in task.splits:
            raise Conflict(f"{task.name} has no {VALID}.jsonl any more; checkpoints are evaluated on it.")
        asked = prompt_hash(task.prompts.get(job.prompt, ""), task.response_format)
        if job.prompt_hash and asked != job.prompt_hash:
            raise Conflict(
                f"Prompt {job.prompt or 'of the rows'} or the response format of {job.task} was changed since {job.id} "
                "was launched, so its checkpoints would be asked otherwise than they were trained. "
                "Put the old text back."
            )
        return task

    async def _target(self, job: Job) -> Target | None:
        held = await self._store.record(Alias, alias_of(job))
        return held.value.current.target if held else None

    async def _eval(self, job: Job, number: int, split: str, candidates: tuple[Candidate, ...]) -> Eval:
        """Return the eval that a round asks for, under an id that is free or its own."""
        effort = job.request.hyperparameters.reasoning_effort
        planned = await self._planner.plan(
            EvalRequest(
                task=job.task,
                requested_by=job.request.requested_by,
                channel=job.request.channel,
                trigger=f"evidence:{job.id}:{number}:{split}",
                models=tuple(dict.fromkeys(each.model for each in candidates)),
                efforts=(effort,) if effort and effort != "default" else (),
                split=split,
                runs=job.evidence_runs,
                prompt=job.prompt or None,
                platform=job.platform,
                job=job.id,
            )
        )
        return await self._free(planned)

    async def _free(self, planned: Eval) -> Eval:
        """Return the eval under its own id, or where that short id is another eval's, under the next."""
        while True:
            held = await self._store.record(Eval, planned.id)
            if held is None or held.value.request.trigger == planned.request.trigger:
                return planned
            planned = _renamed(planned)

    async def _or_earlier(
        self, wanted: Eval, earlier: str | None, previous: Evidence | None, parts: Mapping[str, str]
    ) -> tuple[Eval, bool]:
        """Return the earlier round's eval where it asked for the same and lacks nothing, and whether it did."""
        held = await self._store.record(Eval, earlier) if earlier else None
        if held is None or previous is None:
            return wanted, False
        same = all(previous.parts.get(part) == parts[part] for part in (ALIKE[wanted.split], *COMMON))
        return (held.value, True) if same and _asks_alike(held.value, wanted) else (wanted, False)


COMMON: Final = ("graders", "prompt", "schema")
"""Parts that every eval of a task rests on."""


def _parts(job: Job, task: Task, valid_eval: str | None, test_eval: str | None) -> dict[str, str]:
    """Return the parts; the test split counts only once it may be opened: when nothing more happens to the job."""
    test = TEST if TEST in task.splits and job.state.is_final else None
    return parts_of(task, job.prompt, valid=VALID, test=test, valid_eval=valid_eval, test_eval=test_eval)


def _asks_alike(held: Eval, wanted: Eval) -> bool:
    complete = held.state is EvalState.FINISHED and held.note is None and not held.progress.failures
    return complete and (held.arms, held.runs, held.items) == (wanted.arms, wanted.runs, wanted.items)


def _notes(job: Job, task: Task) -> tuple[str, ...]:
    notes = [*job.remarks]
    if job.state.is_final and TEST not in task.splits:
        notes.append(f"{task.name} has no test split: nothing was held out from the choice.")
    if task.version != job.task_version:
        notes.append(
            f"Files of {task.name} were changed since {job.id} was launched; what stands there now is what counts here."
        )
    return tuple(notes)


def _renamed(planned: Eval) -> Eval:
    return replace(planned, id=eval_id(f"{planned.id} {planned.request.trigger}"))
