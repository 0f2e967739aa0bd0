"""Grading by asking a model: the question, and the score read from its answer.

An answer that is not a number, or no answer at all, is an error of the grading and never a score.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from math import isfinite, sqrt
from operator import mul
from time import monotonic

from jobs.core.errors import PlatformError, PlatformUnavailable
from jobs.graders.grades import Item, Outcome, Outcomes, Sample, TokenUsage
from jobs.graders.judge import Embedder, Judge, JudgeAnswer, JudgeQuestion
from jobs.graders.kinds import CosineGrader, JudgeGrader, JudgeMessage, LabelModelGrader, ModelGrader
from jobs.graders.sandbox.errors import GraderErrorKind, GradingError
from jobs.graders.sandbox.sample import read_json, sample_of
from jobs.graders.sandbox.template import fill

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


class ModelGrading:
    """Grades by asking models: at most `at_once` questions are in flight, each for at most `seconds`."""

    def __init__(self, judge: Judge | None, embedder: Embedder | None, at_once: int, seconds: float) -> None:
        self._judge = judge
        self._embedder = embedder
        self._slots = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def grade(
        self,
        graders: Sequence[ModelGrader],
        batch: Sequence[tuple[Sample, Item]],
        patience: float | None = None,
        within: float | None = None,
    ) -> list[Outcomes]:
        """The outcomes of each sample of `batch`, in its order; `patience` is as in `JudgeQuestion`."""
        limit = within or self._seconds
        async with asyncio.TaskGroup() as group:
            rows = [
                {
                    grader.name: group.create_task(self._outcome(grader, sample, item, patience, limit))
                    for grader in graders
                }
                for sample, item in batch
            ]
        return [{name: task.result() for name, task in row.items()} for row in rows]

    async def _outcome(
        self, grader: ModelGrader, sample: Sample, item: Item, patience: float | None, limit: float
    ) -> Outcome:
        usage: TokenUsage | None = None
        async with self._slots:
            started = monotonic()
            try:
                async with asyncio.timeout(limit):
                    texts = await asyncio.to_thread(_filled, grader.templates, sample, item)
                    if isinstance(grader, CosineGrader):
                        return Outcome(await self._similarity(grader, texts), monotonic() - started)
                    answer = await self._answer(grader, texts, patience)
                usage = TokenUsage(answer.input_tokens or 0, answer.output_tokens or 0)
                score, label = _score(answer, grader)
                return Outcome(score, monotonic() - started, label=label, usage=usage)
            except GradingError as failure:
                kind, detail, is_unasked = failure.kind, failure.detail, False
            except PlatformError as failure:
                kind, detail, is_unasked = SERVER_ERROR, str(failure), isinstance(failure, PlatformUnavailable)
            except TimeoutError:
                where = "JUDGE_PLATFORM names the platform that it is asked on"
                kind, is_unasked = SERVER_ERROR, True
                detail = f"{grader.model} gave no answer within {limit:g} s; {where}"
            said = f"{grader.name}: {detail}"
            return Outcome(0.0, monotonic() - started, kind, said, usage=usage, is_unasked=is_unasked)

    async def _answer(self, grader: JudgeGrader, texts: Sequence[str], patience: float | None) -> JudgeAnswer:
        if self._judge is None:
            why = f"it asks {grader.model}, and no platform is set up here on which judges could be asked"
            raise GradingError(SERVER_ERROR, why)
        messages = tuple(JudgeMessage(message.role, text) for message, text in zip(grader.messages, texts, strict=True))
        return await self._judge.judge(
            JudgeQuestion(grader.model, messages, _response_format(grader), grader.settings, patience)
        )

    async def _similarity(self, grader: CosineGrader, texts: Sequence[str]) -> float:
        if self._embedder is None:
            why = f"it asks {grader.model}, and no platform is set up here that could make embeddings"
            raise GradingError(SERVER_ERROR, why)
        if not all(text.strip() for text in texts):
            return 0.0  # an empty text has no embedding, and is like nothing
        vectors = await self._embedder.embed(grader.model, texts)
        cosine = _cosine(*vectors) if len(vectors) == 2 else None
        if cosine is None:
            raise GradingError(PARSE_ERROR, f"{grader.model} gave embeddings that cannot be compared")
        return max(0.0, cosine)


def _filled(templates: Sequence[str], sample: Sample, item: Item) -> list[str]:
    seen = sample_of(sample.output_text, sample.tool_calls)
    row = json.loads(json.dumps(item, default=dict))  # mappings become dicts
    return [fill(template, seen, row) for template in templates]


def _response_format(grader: JudgeGrader) -> dict[str, object]:
    """The reply the fine-tuning API asks its judges for: the steps of their reasoning, then a result."""
    if isinstance(grader, LabelModelGrader):
        result: dict[str, object] = {"type": "string", "enum": list(grader.labels)}
    else:
        lowest, highest = grader.range
        result = {"type": "number", "description": f"The score, a number from {lowest:g} to {highest:g}"}
    schema = {
        "type": "object",
        "properties": {"steps": _STEPS, "result": result},
        "required": ["steps", "result"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "grade", "strict": True, "schema": schema}}


def _score(answer: JudgeAnswer, grader: JudgeGrader) -> tuple[float, str | None]:
    """The score in a judge's answer, and its label."""
    result = _result(answer, grader.model)
    if isinstance(grader, LabelModelGrader):
        label = _label(result, grader.labels)
        wanted = f"one of {', '.join(grader.labels)[:200]}"
        if label is not None:
            return float(label in grader.passing_labels), label
    else:
        number = _number(result)
        wanted = "a number"
        if number is not None:
            return min(max(number, grader.range[0]), grader.range[1]), None
    raise GradingError(PARSE_ERROR, f"{grader.model} answered {_shown(answer.text)} instead of {wanted}")


def _result(answer: JudgeAnswer, model: str) -> object:
    """The result in a judge's reply; the text itself if it is not JSON, for judges that answer just the result."""
    if answer.refused:
        raise GradingError(GraderErrorKind.MODEL_GRADER_REFUSAL_ERROR, f"{model} refused to judge")
    text = answer.text.strip()
    fenced = _FENCED.fullmatch(text)
    value = read_json(fenced[1] if fenced else text)
    if value is None and answer.finish_reason == "length":
        why = f"{model} ran out of tokens before its result; raise max_completions_tokens"
        raise GradingError(PARSE_ERROR, why)
    return value.get("result") if isinstance(value, dict) else text if value is None else value


def _number(result: object) -> float | None:
    """A finite number, given as a number or as text."""
    if isinstance(result, bool) or not isinstance(result, int | float | str):
        return None
    try:
        number = float(result)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _label(result: object, labels: Sequence[str]) -> str | None:
    """The label as the grader spells it, exactly or in any case."""
    spelled = {label.casefold(): label for label in labels} | {label: label for label in labels}
    return spelled.get(result, spelled.get(result.strip().casefold())) if isinstance(result, str) else None


def _shown(text: str) -> str:
    flat = " ".join(text[:400].split())
    return f"`{flat[:120]}`{'...' if len(text) > 120 else ''}" if flat else "nothing"


def _cosine(mine: Sequence[float], theirs: Sequence[float]) -> float | None:
    """a.b / |a||b|; None if that is not a number."""
    length = sqrt(sum(map(mul, mine, mine))) * sqrt(sum(map(mul, theirs, theirs)))
    if len(mine) != len(theirs) or not isfinite(length) or length == 0.0:
        return None
    return min(1.0, float(sum(map(mul, mine, theirs))) / length)
