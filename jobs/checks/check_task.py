"""The checks of a task before money is spent on it: it is read, its graders are tried, and each check says its part."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from jobs.checks.facts import Facts, OddGrade, Repeat, SideTrial, Source, Trial
from jobs.checks.finding import Finding
from jobs.checks.grader import (
    checked_judges,
    finite_range,
    odd_answers,
    odd_references,
    other_graders,
    platform_grader,
    right_answers,
)
from jobs.checks.prompt import same_prompt
from jobs.checks.rewards import binary, constant, exploitable
from jobs.checks.rows import allowed_labels, balance, names, platform_rows, repeats_across, repeats_within
from jobs.checks.trials import AS_CALL, in_form, make_trials
from jobs.core.errors import BotError, InvalidRequest, PlatformUnavailable
from jobs.core.series import JsonObject
from jobs.evals.records import Eval
from jobs.evals.reviews import NO_REVIEWS, TaskReviews
from jobs.graders import Grade, Grader, GraderRuntime, Sample, parse_grader, run_elsewhere
from jobs.graders.example_answers import TEXT_FORMS
from jobs.graders.tool_calls import call_of
from jobs.platforms.parse import GraderTrial
from jobs.platforms.profiles import Profile
from jobs.tasks import Row, Task, TaskCatalogue
from jobs.tasks.datasets.answer_shape import AnswerShape, shape_of
from jobs.tasks.datasets.balancing import POOL
from jobs.tasks.datasets.duplicates import find_duplicates, text_of
from jobs.tasks.labels import REFERENCE, is_labelled, row_labels
from jobs.tasks.rows import tools_of

PATIENCE_SECONDS: Final = 10.0
"""Training grades hundreds of answers a step; a grader that takes longer for one is of no use to it."""
JUDGE_PATIENCE: Final = 5.0
"""Seconds that the platform of a judge is waited for if it is overrun or away."""
JUDGE_SECONDS: Final = 12.0
"""Seconds that one judgement may take: somebody waits for the check. Once a judge has been silent, none is asked."""
PLATFORM_SECONDS: Final = 15.0
"""Seconds in which the platform is to try the grader, meanwhile."""
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
ODD_CALLS: Final[Mapping[str, Sample]] = {
    "a call of a tool that there is not": Sample("", (call_of("no_such_tool", {}),)),
    "a call whose arguments are no JSON": Sample("", (call_of("find", '{"cut sho'),)),
}
_WRONG_LABELS: Mapping[str, object] = {"null": None, "a number": 7, "a list of nulls": [None, 1, {}], "an object": {}}
_ODD_REFERENCES: Mapping[str, object] = {"an empty list": [], "an empty text": "", "null": None, "a number": 7}
ROWS_FOR_FORMS: Final = 5
MOST_FIELDS: Final = 4
ROWS_BY_OTHERS: Final = 20
_READABLE = 0.9
"""Share of the references that must be labels; the others are a finding of their own."""

Grading = Callable[[Grader, Sequence[tuple[Sample, Mapping[str, object]]]], Awaitable[list[Grade]]]


class GraderChecker(Protocol):
    """A platform that can try a grader: `jobs.platforms.gateway.Gateway`."""

    async def check_grader(self, definition: JsonObject, item: JsonObject, sample: str) -> GraderTrial:
        """Validate the grader and run it on one answer."""
        ...


CHECKS: tuple[Callable[[Facts], Finding | None], ...] = (
    right_answers,
    other_graders,
    checked_judges,
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
    reviews: TaskReviews = NO_REVIEWS,
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
        reviews: what people say of grades of this task; judges are to be checked before they are trusted.
        answers: train row id to what a model answered, where there are real answers to try the grader on.
        seconds: how long a grader may take for one answer.
    """
    newest_first = sorted((each for each in evals if each.task == task.name), key=lambda each: -each.created_at)
    facts = replace(await asyncio.to_thread(_read, task, catalogue), profile=profile, evals=tuple(newest_first))
    facts = replace(facts, reviews=reviews)
    if facts.train and run_elsewhere(parse_grader(task.reward_grader, task.reward)) is None:
        grade = partial(graders.grade, seconds=seconds, patience=JUDGE_PATIENCE, within=JUDGE_SECONDS)
        facts = await _tried(facts, grade, platform, answers or {})
    return await asyncio.to_thread(lambda: tuple(finding for check in CHECKS if (finding := check(facts))))


async def _tried(facts: Facts, grade: Grading, platform: GraderChecker | None, real: Mapping[str, str]) -> Facts:
    task = facts.task
    if task.response_format is None and not facts.asks_models:
        reference, form = await _best_form(facts, grade)
        facts = replace(facts, reference=reference, form=form)
    made = await asyncio.to_thread(make_trials, facts, real)
    row, answer = made[Source.REFERENCE].rows[0], made[Source.REFERENCE].answers[0]
    asked = asyncio.create_task(_asked(platform, task, row, answer))
    try:
        grader = parse_grader(task.reward_grader, task.reward)
        trials: dict[Source, Trial] = {}
        for source, trial in made.items():
            if not any(_was_silent(tried.grades) for tried in trials.values()):
                batch = [(answer, row.item) for answer, row in zip(trial.answers, trial.rows, strict=True)]
                trials[source] = replace(trial, grades=tuple(await grade(grader, batch)))
        silent = _was_silent(trials[Source.REFERENCE].grades)
        return replace(
            facts,
            trials=trials,
            others=await _by_others(facts, grade, trials[Source.REFERENCE], silent=silent),
            odd_answers=await _odd_answers(facts, grade, row),
            odd_rows=() if facts.asks_models else await _odd_rows(grader, grade, row, answer),
            remote=await asked,
        )
    finally:
        asked.cancel()


def _was_silent(grades: Sequence[Grade]) -> bool:
    """Tell whether a judge gave no answer: it is not waited for again."""
    return any(grade.is_unasked for grade in grades)


async def _best_form(facts: Facts, grade: Grading) -> tuple[str, str]:
    """Return the field and the form of an answer for which the reward grader pays most; of equals the plainest."""
    fields = _reference_fields(facts)
    rows = [row for row in facts.train if all(row.item.get(field) is not None for field in fields)][:ROWS_FOR_FORMS]
    forms = (*TEXT_FORMS, *([AS_CALL] if any(tools_of(row) for row in rows) else []))
    ways = [(field, form) for field in fields for form in forms]
    batch = [(in_form(form, row, row.item[field]), row.item) for field, form in ways for row in rows]
    grades = await grade(parse_grader(facts.task.reward_grader, facts.task.reward), batch) if batch else []
    paid = {
        way: sum(each.reward for each in grades[place * len(rows) : (place + 1) * len(rows)])
        for place, way in enumerate(ways)
    }
    return max(paid, key=lambda way: paid[way])


def _reference_fields(facts: Facts) -> tuple[str, ...]:
    """Return where a right answer may stand: in `reference_answer` or, where that is absent, in what is graded by."""
    if any(row.item.get(REFERENCE) is not None for row in facts.train):
        return (REFERENCE,)
    read = json.dumps(facts.task.reward_grader, ensure_ascii=False)
    first = facts.train[0].item
    named = [field for field, value in first.items() if field in read and isinstance(value, str | int | float)]
    return tuple(field for field in named if field not in {"id", "text_input"})[:MOST_FIELDS] or (REFERENCE,)


async def _by_others(facts: Facts, grade: Grading, trial: Trial, *, silent: bool) -> tuple[SideTrial, ...]:
    """Have the graders beside the reward grade well-formed answers: one each where that asks a model.

    `silent`: whether a judge has been asked in vain.
    """
    tried: list[SideTrial] = []
    for name, definition in facts.task.graders.items():
        if name == facts.task.reward or run_elsewhere(parse_grader(definition, name)):
            continue
        if silent and _asks_models(definition):
            continue
        most = 1 if _asks_models(definition) else ROWS_BY_OTHERS
        rows = trial.rows[:most]
        batch = [(answer, row.item) for answer, row in zip(trial.answers, rows, strict=False)]
        tried.append(SideTrial(name, rows, tuple(await grade(parse_grader(definition, name), batch))))
        silent = silent or _was_silent(tried[-1].grades)
    return tuple(tried)


async def _odd_answers(facts: Facts, grade: Grading, row: Row) -> tuple[OddGrade, ...]:
    """Have every grader that costs nothing grade answers that a model may give although nobody asked for them."""
    texts = {**ODD_ANSWERS, **(_wrong_types(facts.shape) if facts.shape else {})}
    odd = {what: Sample(text) for what, text in texts.items()}
    odd |= ODD_CALLS if tools_of(row) else {}
    batch = [(answer, row.item) for answer in odd.values()]
    tried: list[OddGrade] = []
    for name, definition in facts.task.graders.items():
        if not _asks_models(definition) and run_elsewhere(parse_grader(definition, name)) is None:
            grades = await grade(parse_grader(definition, name), batch)
            tried += [OddGrade(name, what, each) for what, each in zip(odd, grades, strict=True)]
    return tuple(tried)


async def _odd_rows(grader: Grader, grade: Grading, row: Row, answer: Sample) -> tuple[OddGrade, ...]:
    """Have a good answer graded against rows whose reference is empty, of another type, or not there."""
    without = {key: value for key, value in row.item.items() if key != REFERENCE}
    odd = {f"{what} as reference": {**without, REFERENCE: value} for what, value in _ODD_REFERENCES.items()}
    odd["no reference"] = without
    grades = await grade(grader, [(answer, item) for item in odd.values()])
    return tuple(OddGrade(grader.name, what, each) for what, each in zip(odd, grades, strict=True))


async def _asked(platform: GraderChecker | None, task: Task, row: Row, answer: Sample) -> GraderTrial | BotError | None:
    if platform is None or answer.tool_calls:  # platforms try graders on texts only
        return None
    try:
        async with asyncio.timeout(PLATFORM_SECONDS):
            return await platform.check_grader(task.training_grader, row.item, answer.output_text)
    except TimeoutError:
        return PlatformUnavailable(f"It has not tried the grader within {PLATFORM_SECONDS:g} s.")
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
