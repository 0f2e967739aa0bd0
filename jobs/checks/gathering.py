"""Reads a task, has its grader tried, and asks the platform: everything that the checks then look at."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from jobs.checks.examining import Examiner
from jobs.checks.facts import Facts, OddGrade, Repeat, Source, Trial
from jobs.checks.trials import ROWS, ROWS_FOR_MODELS, TrialMaker
from jobs.core.errors import BotError, InvalidRequest
from jobs.core.series import JsonObject
from jobs.evals.records import Eval
from jobs.graders import parse_grader
from jobs.platforms.parse import GraderTrial
from jobs.platforms.profiles import Profile
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.answer_shape import AnswerShape, shape_of
from jobs.tasks.datasets.balancing import POOL
from jobs.tasks.datasets.duplicates import find_duplicates, text_of
from jobs.tasks.labels import is_labelled, row_labels

MODEL_GRADERS = frozenset({"score_model", "label_model"})
FOR_MODELS = (Source.REFERENCE, Source.OTHER, Source.EMPTY)
"""The only trials where each grading costs tokens: with three rows, nine gradings."""
_READABLE = 0.9
"""Share of the references that must be labels; the others are a finding of their own."""


class GraderChecker(Protocol):
    """A platform that can try a grader: `jobs.platforms.gateway.Gateway`."""

    async def check_grader(self, definition: JsonObject, item: JsonObject, sample: str) -> GraderTrial:
        """Validate the grader and run it on one answer."""
        ...


@dataclass(frozen=True, slots=True)
class _Read:
    """What the task's files say."""

    rows: Mapping[str, tuple[Row, ...]]
    unreadable: Mapping[str, str]
    repeats: tuple[Repeat, ...]


async def gather(
    task: Task,
    catalogue: TaskCatalogue,
    examiner: Examiner,
    *,
    profile: Profile | None = None,
    platform: GraderChecker | None = None,
    evals: Iterable[Eval] = (),
    real: Mapping[str, str] | None = None,
) -> Facts:
    """Return everything that the checks look at; see `jobs.checks.check_task` for the arguments."""
    read = await asyncio.to_thread(_read, task, catalogue)
    facts = Facts(
        task,
        read.rows,
        read.unreadable,
        repeats=read.repeats,
        profile=profile,
        evals=tuple(sorted((each for each in evals if each.task == task.name), key=lambda each: -each.created_at)),
    )
    if not facts.train:
        return facts
    return await _tried(facts, examiner, platform, real or {})


async def _tried(facts: Facts, examiner: Examiner, platform: GraderChecker | None, real: Mapping[str, str]) -> Facts:
    task, train, shape = facts.task, facts.train, shape_of(facts.task.response_format)
    labelled, asks_models = _has_labels(train), _asks_models(task.reward_grader)
    maker = TrialMaker(task, train, shape, labelled=labelled, most=ROWS_FOR_MODELS if asks_models else ROWS)
    answers = await asyncio.to_thread(maker.answers)
    if asks_models:
        answers = {source: answers[source] for source in FOR_MODELS if source in answers}
    grader = parse_grader(task.reward_grader, task.reward)
    trials = await examiner.trials(grader, maker.rows, answers)
    trials |= await _real_trial(facts, examiner, real, ROWS_FOR_MODELS if asks_models else ROWS)
    row = maker.rows[0]
    return replace(
        facts,
        labelled=labelled,
        shape=shape,
        trials=trials,
        odd_answers=tuple(await _odd_answers(task, examiner, row, shape)),
        odd_rows=() if asks_models else tuple(await examiner.odd_rows(grader, row, maker.reference(row))),
        asks_models=asks_models,
        remote=await _asked(platform, task, row, maker.reference(row)),
    )


async def _odd_answers(task: Task, examiner: Examiner, row: Row, shape: AnswerShape | None) -> list[OddGrade]:
    """Of the reward grader and those reported beside it, as far as that costs nothing."""
    tried: list[OddGrade] = []
    for name, definition in task.graders.items():
        if not _asks_models(definition):
            tried += await examiner.odd_answers(parse_grader(definition, name), row, shape)
    return tried


async def _real_trial(facts: Facts, examiner: Examiner, real: Mapping[str, str], most: int) -> dict[Source, Trial]:
    rows = tuple(row for row in facts.train if row.id in real)[:most]
    if not rows:
        return {}
    grader = parse_grader(facts.task.reward_grader, facts.task.reward)
    answers = tuple(real[row.id] for row in rows)
    return await examiner.trials(grader, rows, {Source.REAL: ("what a model answered", answers)})


async def _asked(platform: GraderChecker | None, task: Task, row: Row, answer: str) -> GraderTrial | BotError | None:
    if platform is None:
        return None
    try:
        return await platform.check_grader(task.reward_grader, row.item, answer)
    except BotError as error:
        return error


def _read(task: Task, catalogue: TaskCatalogue) -> _Read:
    rows: dict[str, tuple[Row, ...]] = {}
    unreadable: dict[str, str] = {}
    for split in task.splits:
        try:
            rows[split] = catalogue.rows(task, split)
        except InvalidRequest as error:
            unreadable[split] = str(error)
    return _Read(rows, unreadable, tuple(_repeats(rows)))


def _repeats(rows: Mapping[str, Sequence[Row]]) -> Iterator[Repeat]:
    """Rows that repeat one of their own split or of one before it; a pool is there to be drawn from and counts not."""
    every = [(split, row) for split, of_split in rows.items() if split != POOL for row in of_split]
    for pair in find_duplicates([text_of(row) for _, row in every]):
        (split, row), (earlier_split, earlier) = every[pair.second], every[pair.first]
        yield Repeat(split, row, earlier_split, earlier, pair.exact)


def _has_labels(rows: Sequence[Row]) -> bool:
    readable = [row for row in rows if row_labels(row) is not None]
    return len(readable) >= _READABLE * len(rows) and is_labelled(readable)


def _asks_models(definition: object) -> bool:
    """Whether a grader, or one within it, asks a model and so costs tokens."""
    if not isinstance(definition, Mapping):
        return False
    children = definition.get("graders")
    within = children.values() if isinstance(children, Mapping) else ()
    return (
        definition.get("type") in MODEL_GRADERS
        or definition.get("evaluation_metric") == "cosine"
        or any(_asks_models(child) for child in within)
    )
