"""What a job's policy may answer: by its schema, its training rows, and what their prompts name.

Nothing of the validation rows is known here: an answer that only they have is one that the policy cannot give.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from jobs.graders import is_answer
from local.platform.file_store import Row, texts_of, user_text
from local.platform.job_request import Reinforcement
from local.platform.numpy_policy.answer_schema import (
    NO_ANSWERS,
    AnswerPlan,
    KnownAnswers,
    NothingToChoose,
    answers_in_rows,
    plan_of,
)
from local.platform.numpy_policy.arithmetic import number_of, ways_to
from local.platform.numpy_policy.free_text import CANNOT_WRITE, choices_in, forms_in

MOST_PROMPTS = 500
"""So many prompts, evenly spread, are searched for what they name."""
MOST_CALCULATED = 100
"""In so many rows, evenly spread, ways to their references are looked for."""
_MARK = "\x1e"
_ITEM_FIELD = re.compile(r"item(?:\.get\(|\[|\.)[\s\\\"']*(\w+)")
"""A field of the row in a grader's template, `{{ item.label }}`, or in its source, `item["label"]`."""


def prompt_text(messages: Iterable[object]) -> str:
    """Return all that a prompt says, instructions included."""
    return "\n".join(texts_of(messages))


def plan_of_job(reinforcement: Reinforcement, training: Sequence[Row]) -> AnswerPlan:
    """Return what a job's policy may answer.

    Raises:
        NothingToChoose: with a sentence that says what would be needed.
    """
    schema = reinforcement.answer_schema
    prompts = [prompt_text(row["messages"]) for row in training[:: -(-len(training) // MOST_PROMPTS)]]
    known = answers_in_rows(training) if schema is not None else _read_by(reinforcement.grader, training)
    if schema is None and (ways := _ways(training, bool(known.all))):
        known = replace(NO_ANSWERS, all=ways, is_calculated=True)
    elif not known.all and (named := choices_in(prompts)):
        known = replace(NO_ANSWERS, all=named)
    try:
        plan = plan_of(schema, known, forms_in(prompts))
    except NothingToChoose:
        raise NothingToChoose(f"{_why(known, training)} {CANNOT_WRITE}") from None
    is_open = schema is None or not _has_choice(schema)
    return replace(plan, frame=_frame_of(training)) if is_open else plan


def framed_text(messages: Iterable[object]) -> str:
    """Return a prompt as its frame is looked for in it: the instructions, a mark, what the user says."""
    said = list(messages)
    return "\n".join((*texts_of(said, "developer"), *texts_of(said, "system"), f"{_MARK}{user_text(said)}"))


def _frame_of(rows: Sequence[Row]) -> tuple[str, str]:
    """Return the whole lines that all prompts begin with, and those that they all end with."""
    texts = [framed_text(row["messages"]) for row in rows]
    begins, ends = _common_prefix(texts), _common_prefix([text[::-1] for text in texts])[::-1]
    return begins[: max(begins.rfind("\n"), begins.rfind(_MARK)) + 1], ends[ends.find("\n") :] if "\n" in ends else ""


def _common_prefix(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[
        : next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    ]


def _read_by(grader: Mapping[str, object], training: Sequence[Row]) -> KnownAnswers:
    """Return the answers in the fields that the grader reads; those called as answers are, where there are any."""
    read = frozenset(_ITEM_FIELD.findall(json.dumps(grader, ensure_ascii=False)))
    named = frozenset(filter(is_answer, read)) or frozenset(key for row in training for key in row if is_answer(key))
    return answers_in_rows(training, (named or read - {"messages"}).__contains__)


def _ways(training: Sequence[Row], is_finite: bool) -> tuple[str, ...]:
    """Return the ways of calculating that lead to the references of the training rows, where these are numbers."""
    some = training[:: -(-len(training) // MOST_CALCULATED)]
    references = [
        (user_text(row["messages"]), number)
        for row in some
        for key, value in row.items()
        if is_answer(key) and (number := number_of(value)) is not None
    ]
    return ways_to(references, is_finite) if len(references) * 2 >= len(some) else ()


def _has_choice(schema: Mapping[str, object]) -> bool:
    try:
        plan_of(schema)
    except NothingToChoose:
        return False
    return True


def _why(known: KnownAnswers, training: Sequence[Row]) -> str:
    if len(known.all) > 1:
        return "The response format leaves nothing to choose."
    if known.all:
        return "All training rows have the same reference answer."
    distinct = {json.dumps(value, sort_keys=True) for row in training for key, value in row.items() if is_answer(key)}
    if not distinct:
        return "No training row has a reference answer."
    return f"The references are long or do not repeat ({len(distinct):,} different ones in {len(training):,} rows)."
