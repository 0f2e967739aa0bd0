"""Reads a task, has its graders tried, and asks the platform: everything that the checks then look at."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from jobs.checks.facts import Facts, OddGrade, Repeat, Source
from jobs.checks.trials import make_trials
from jobs.core.errors import BotError, InvalidRequest
from jobs.core.series import JsonObject
from jobs.evals.records import Eval
from jobs.graders import Grade, Grader, GraderRuntime, Sample, parse_grader
from jobs.platforms.parse import GraderTrial
from jobs.platforms.profiles import Profile
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.answer_shape import AnswerShape, shape_of
from jobs.tasks.datasets.balancing import POOL
from jobs.tasks.datasets.duplicates import find_duplicates, text_of
from jobs.tasks.labels import REFERENCE, is_labelled, row_labels

PATIENCE_SECONDS: Final = 10.0
"""Training grades hundreds of answers a step; a grader that takes longer for one is of no use to it."""
MODEL_GRADERS: Final = frozenset({"score_model", "label_model"})
ODD_ANSWERS: Final[Mapping[str, str]] = {
    "an empty answer": "",
    "{}": "{}",
    "null": "null",
    "[]": "[]",
    "a number": "7",
    "a text": '"text"',
    "no JSON at all": "no JSON at all",
    "fields nobody asked for": '{"unexpected": [null, 1, {"deeper": true}]}',
}
_WRONG_LABELS: Mapping[str, object] = {"null": None, "a number": 7, "a list of nulls": [None, 1, {}], "an object": {}}
_ODD_REFERENCES: Mapping[str, object] = {"an empty list": [], "an empty text": "", "null": None, "a number": 7}
_READABLE = 0.9
"""Share of the references that must be labels; the others are a finding of their own."""

Grading = Callable[[Grader, Sequence[tuple[Sample, Mapping[str, object]]]], Awaitable[list[Grade]]]


class GraderChecker(Protocol):
    """A platform that can try a grader: `jobs.platforms.gateway.Gateway`."""

    async def check_grader(self, definition: JsonObject, item: JsonObject, sample: str) -> GraderTrial:
        """Validate the grader and run it on one answer."""
        ...


async def gather(
    task: Task,
    catalogue: TaskCatalogue,
    graders: GraderRuntime,
    *,
    profile: Profile | None = None,
    platform: GraderChecker | None = None,
    evals: Iterable[Eval] = (),
    answers: Mapping[str, str] | None = None,
    seconds: float = PATIENCE_SECONDS,
) -> Facts:
    """Return everything that the checks look at; see `jobs.checks.check_task` for the arguments."""
    newest_first = sorted((each for each in evals if each.task == task.name), key=lambda each: -each.created_at)
    facts = replace(await asyncio.to_thread(_read, task, catalogue), profile=profile, evals=tuple(newest_first))
    if not facts.train:
        return facts
    grade: Grading = partial(graders.grade, seconds=seconds)
    trials = await asyncio.to_thread(make_trials, facts, answers or {})
    grader = parse_grader(task.reward_grader, task.reward)
    for source, trial in trials.items():
        batch = [(Sample(text), row.item) for text, row in zip(trial.answers, trial.rows, strict=True)]
        trials[source] = replace(trial, grades=tuple(await grade(grader, batch)))
    right = trials[Source.REFERENCE]
    return replace(
        facts,
        trials=trials,
        odd_answers=await _odd_answers(facts, grade, right.rows[0]),
        odd_rows=() if facts.asks_models else await _odd_rows(grader, grade, right.rows[0], right.answers[0]),
        remote=await _asked(platform, task, right.rows[0], right.answers[0]),
    )


async def _odd_answers(facts: Facts, grade: Grading, row: Row) -> tuple[OddGrade, ...]:
    """Have every grader that costs nothing grade answers that a model may give although nobody asked for them."""
    odd = {**ODD_ANSWERS, **(_wrong_types(facts.shape) if facts.shape else {})}
    batch = [(Sample(text), row.item) for text in odd.values()]
    tried: list[OddGrade] = []
    for name, definition in facts.task.graders.items():
        if not _asks_models(definition):
            grades = await grade(parse_grader(definition, name), batch)
            tried += [OddGrade(name, what, each) for what, each in zip(odd, grades, strict=True)]
    return tuple(tried)


async def _odd_rows(grader: Grader, grade: Grading, row: Row, answer: str) -> tuple[OddGrade, ...]:
    """Have a good answer graded against rows whose reference is empty, of another type, or not there."""
    without = {key: value for key, value in row.item.items() if key != REFERENCE}
    odd = {f"{what} as reference": {**without, REFERENCE: value} for what, value in _ODD_REFERENCES.items()}
    odd["no reference"] = without
    grades = await grade(grader, [(Sample(answer), item) for item in odd.values()])
    return tuple(OddGrade(grader.name, what, each) for what, each in zip(odd, grades, strict=True))


async def _asked(platform: GraderChecker | None, task: Task, row: Row, answer: str) -> GraderTrial | BotError | None:
    if platform is None:
        return None
    try:
        return await platform.check_grader(task.reward_grader, row.item, answer)
    except BotError as error:
        return error


def _read(task: Task, catalogue: TaskCatalogue) -> Facts:
    rows: dict[str, tuple[Row, ...]] = {}
    unreadable: dict[str, str] = {}
    for split in task.splits:
        try:
            rows[split] = catalogue.rows(task, split)
        except InvalidRequest as error:
            unreadable[split] = str(error)
    facts = Facts(task, rows, unreadable, repeats=tuple(_repeats(rows)), shape=shape_of(task.response_format))
    return replace(facts, labelled=_has_labels(facts.train), asks_models=_asks_models(task.reward_grader))


def _repeats(rows: Mapping[str, Sequence[Row]]) -> Iterator[Repeat]:
    """Rows that repeat one of their own split or of an earlier one; a pool is only drawn from, so it is left out."""
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


def _wrong_types(shape: AnswerShape) -> dict[str, str]:
    """Answers of the right outer shape whose labels are no labels."""
    return {f"{value} as {'.'.join(shape.path)}": shape.with_value(held) for value, held in _WRONG_LABELS.items()}
