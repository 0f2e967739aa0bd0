"""Graders that ask a model: the question they put, and what they make of the answer.

Whoever asks (`Judge`, `Embedder`) is a collaborator, and does all it can to get an answer: retries are its affair. An
answer that is no number, or no answer at all, is an error of the grading and never a score.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from operator import mul
from time import monotonic
from typing import Protocol

from jobs.core.errors import PlatformError
from jobs.graders.cell.grading import read_json, sample_of
from jobs.graders.cell.template import Unfilled, filled, read_template
from jobs.graders.frames import Outcome, Row, plain
from jobs.graders.kinds import (
    CosineGrader,
    JudgeMessage,
    JudgeSettings,
    LabelModelGrader,
    ModelGrader,
    ScoreModelGrader,
)
from jobs.graders.records import GraderErrorKind, Sample, TokenUsage

JUDGES_AT_ONCE = 16
LARGE_TEXT = 100_000
"""Characters from which reading an answer takes long enough to leave the event loop."""

SERVER_ERROR = GraderErrorKind.MODEL_GRADER_SERVER_ERROR
PARSE_ERROR = GraderErrorKind.MODEL_GRADER_PARSE_ERROR

_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_STEPS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"description": {"type": "string"}, "conclusion": {"type": "string"}},
        "required": ["description", "conclusion"],
        "additionalProperties": False,
    },
}

Item = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class JudgeQuestion:
    """What a judge is asked, in nobody's wire format."""

    model: str
    messages: tuple[JudgeMessage, ...]
    response_format: Mapping[str, object]
    """Chat-completions nesting: `{"type": "json_schema", "json_schema": {"name", "strict", "schema"}}`."""
    settings: JudgeSettings


@dataclass(frozen=True, slots=True)
class JudgeAnswer:
    """What a judge said; None for what the platform did not report."""

    text: str
    finish_reason: str | None = None
    """`length` where it was cut short."""
    refused: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None


class Judge(Protocol):
    """Asks the models of score_model and label_model graders."""

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        """Ask, and ask again where that may help.

        Raises:
            PlatformError: there is no answer, and the text says why.
        """
        ...


class Embedder(Protocol):
    """Asks models that embed texts."""

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one vector for each text.

        Raises:
            PlatformError: there are none, and the text says why.
        """
        ...


@dataclass(eq=False)
class _Failed(Exception):
    """One judgement came to nothing."""

    kind: GraderErrorKind
    detail: str
    """The rest of a sentence that starts with the grader's name and a colon."""
    usage: TokenUsage | None = None


class Judging:
    """Grades by asking models, so many at a time.

    Args:
        judge: asks the judges; None where there is nobody to ask.
        embedder: asks for embeddings; None where there is nobody to ask.
        at_once: most questions under way.
        seconds: how long one may take.
    """

    def __init__(self, judge: Judge | None, embedder: Embedder | None, at_once: int, seconds: float) -> None:
        self._judge = judge
        self._embedder = embedder
        self._at_once = at_once
        self._slots = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def grade(self, graders: Sequence[ModelGrader], batch: Sequence[tuple[Sample, Item]]) -> list[Row]:
        """One row for each sample of `batch`, in its order, each with one outcome for each of `graders`."""
        outcomes: dict[tuple[int, int], Outcome] = {}
        places = [(row, column) for row in range(len(batch)) for column in range(len(graders))]
        todo = iter(places)

        async def work() -> None:
            for row, column in todo:  # shared: each takes the next one that nobody has
                async with self._slots:
                    outcomes[row, column] = await self._outcome(graders[column], *batch[row])

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._at_once, len(places))):
                workers.create_task(work())
        return [[outcomes[row, column] for column in range(len(graders))] for row in range(len(batch))]

    async def _outcome(self, grader: ModelGrader, sample: Sample, item: Item) -> Outcome:
        since = monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                score, label, usage = await self._ask(grader, sample, item)
            return Outcome(score, monotonic() - since, label=label, usage=usage)
        except _Failed as failure:
            kind, detail, usage = failure.kind, failure.detail, failure.usage
        except Unfilled as failure:
            kind, detail, usage = GraderErrorKind(failure.kind), failure.detail, None
        except PlatformError as failure:
            kind, detail, usage = SERVER_ERROR, str(failure), None
        except TimeoutError:
            kind, detail, usage = SERVER_ERROR, f"{grader.model} took longer than {self._seconds:g} s", None
        return Outcome(0.0, monotonic() - since, kind, f"{grader.name}: {detail}", usage=usage)

    async def _ask(
        self, grader: ModelGrader, sample: Sample, item: Item
    ) -> tuple[float, str | None, TokenUsage | None]:
        templates = _templates(grader)
        if len(sample.output_text) > LARGE_TEXT:
            texts = await asyncio.to_thread(_texts, templates, sample, item)
        else:
            texts = _texts(templates, sample, item)
        if isinstance(grader, CosineGrader):
            return await self._similarity(grader, texts), None, None
        answer = await self._answer(grader, texts)
        usage = TokenUsage(answer.input_tokens or 0, answer.output_tokens or 0)
        try:
            said = _said(answer, grader.model)
            if isinstance(grader, LabelModelGrader):
                label = _label(said, answer.text, grader)
                return float(label in grader.passing_labels), label, usage
            return min(max(_number(said, answer.text, grader.model), grader.lowest), grader.highest), None, usage
        except _Failed as failure:
            failure.usage = usage
            raise

    async def _answer(self, grader: ScoreModelGrader | LabelModelGrader, texts: Sequence[str]) -> JudgeAnswer:
        if self._judge is None:
            msg = f"it asks {grader.model}, and no platform is set up here that judges could be asked on"
            raise _Failed(SERVER_ERROR, msg)
        messages = tuple(JudgeMessage(message.role, text) for message, text in zip(grader.messages, texts, strict=True))
        return await self._judge.judge(JudgeQuestion(grader.model, messages, _response_format(grader), grader.settings))

    async def _similarity(self, grader: CosineGrader, texts: Sequence[str]) -> float:
        if self._embedder is None:
            msg = f"it asks {grader.model}, and no platform is set up here that embeddings could be had from"
            raise _Failed(SERVER_ERROR, msg)
        if not all(text.strip() for text in texts):
            return 0.0  # an empty text has no embedding, and is like nothing
        vectors = await self._embedder.embed(grader.model, texts)
        cosine = _cosine(*vectors) if len(vectors) == 2 else None
        if cosine is None:
            raise _Failed(PARSE_ERROR, f"{grader.model} gave embeddings that cannot be compared")
        return max(0.0, cosine)


def _templates(grader: ModelGrader) -> tuple[str, ...]:
    if isinstance(grader, CosineGrader):
        return (grader.input, grader.reference)
    return tuple(message.content for message in grader.messages)


def _texts(templates: Sequence[str], sample: Sample, item: Item) -> list[str]:
    shown, row = sample_of(sample.output_text), plain(item)
    return [filled(read_template(template), shown, row) for template in templates]


def _response_format(grader: ScoreModelGrader | LabelModelGrader) -> dict[str, object]:
    """The reply the fine-tuning API asks its judges for: a result, and before it the steps that led there."""
    if isinstance(grader, LabelModelGrader):
        result: dict[str, object] = {"type": "string", "enum": list(grader.labels)}
    else:
        bounds = f"The score, a number from {grader.lowest:g} to {grader.highest:g}"
        result = {"type": "number", "description": bounds}
    schema = {
        "type": "object",
        "properties": {"steps": _STEPS, "result": result},
        "required": ["steps", "result"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "grade", "strict": True, "schema": schema}}


def _said(answer: JudgeAnswer, model: str) -> object:
    """The result in a judge's reply; the text itself where it is no JSON, for judges that answer just the result."""
    if answer.refused:
        raise _Failed(GraderErrorKind.MODEL_GRADER_REFUSAL_ERROR, f"{model} refused to judge")
    text = answer.text.strip()
    fenced = _FENCED.fullmatch(text)
    value = read_json(fenced[1] if fenced else text)
    if value is None and answer.finish_reason == "length":
        msg = f"{model} ran out of tokens before its result; raise max_completions_tokens"
        raise _Failed(PARSE_ERROR, msg)
    return value.get("result") if isinstance(value, dict) else text if value is None else value


def _number(said: object, text: str, model: str) -> float:
    """The finite number that was said, as a number or as one in text."""
    number: float | None = None
    if isinstance(said, int | float | str) and not isinstance(said, bool):
        try:
            number = float(said)
        except (ValueError, OverflowError):
            number = None
    if number is None or not isfinite(number):
        raise _Failed(PARSE_ERROR, f"{model} answered {_shown(text)} instead of a number")
    return number


def _label(said: object, text: str, grader: LabelModelGrader) -> str:
    """The label that was said, whatever its case."""
    spelled = {label.casefold(): label for label in grader.labels} | {label: label for label in grader.labels}
    label = spelled.get(said, spelled.get(said.strip().casefold())) if isinstance(said, str) else None
    if label is None:
        labels = ", ".join(grader.labels)[:200]
        raise _Failed(PARSE_ERROR, f"{grader.model} answered {_shown(text)} instead of one of {labels}")
    return label


def _shown(text: str) -> str:
    flat = " ".join(text[:400].split())
    return f"`{flat[:120]}`{'...' if len(text) > 120 else ''}" if flat else "nothing"


def _cosine(mine: Sequence[float], theirs: Sequence[float]) -> float | None:
    """a.b / |a||b|, or None where that is no number."""
    length = sqrt(sum(map(mul, mine, mine))) * sqrt(sum(map(mul, theirs, theirs)))
    if len(mine) != len(theirs) or not isfinite(length) or length == 0.0:
        return None
    return min(1.0, float(sum(map(mul, mine, theirs))) / length)
