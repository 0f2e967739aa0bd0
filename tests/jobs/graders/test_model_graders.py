"""Graders that ask a model, with a judge of our own that answers as told."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from jobs.core.errors import PlatformRejected, PlatformUnavailable
from jobs.graders import (
    Grade,
    GraderErrorKind,
    GraderRuntime,
    JudgeAnswer,
    JudgeQuestion,
    JudgeSettings,
    Limits,
    Sample,
    TokenUsage,
    check_grader,
    parse_grader,
)
from tests.jobs.graders.definitions import PRECISION, check, judge, labeller, python, similarity

ITEM = {"reference": "law", "reference_answer": ["law"]}
SERVER_ERROR = GraderErrorKind.MODEL_GRADER_SERVER_ERROR
PARSE_ERROR = GraderErrorKind.MODEL_GRADER_PARSE_ERROR

Reply = Callable[[JudgeQuestion], JudgeAnswer]


@dataclass
class Bench:
    """A judge that replies by a function and writes down what it was asked."""

    reply: Reply
    asked: list[JudgeQuestion] = field(default_factory=list)

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        self.asked.append(question)
        return self.reply(question)


def says(text: str, finish_reason: str | None = "stop") -> Bench:
    return Bench(lambda _: JudgeAnswer(text, finish_reason, input_tokens=10, output_tokens=5))


async def judged(bench: Bench | None, definition: dict[str, object], text: str = "trade") -> Grade:
    async with GraderRuntime(judge=bench) as runtime:
        (grade,) = await runtime.grade(parse_grader(definition), [(Sample(text), ITEM)])
    return grade


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ('{"steps": [], "result": 0.7}', 0.7),
        ('{"steps": [{"description": "d", "conclusion": "c"}], "result": 1}', 1.0),
        ('```json\n{"result": 0.25}\n```', 0.25),
        ("```\n0.5\n```", 0.5),
        ('{"result": "0.5"}', 0.5),
        (" 0.7\n", 0.7),
        ('"0.7"', 0.7),
        ('{"result": 7}', 1.0),
        ("-3", 0.0),
        ('{"result": 1e-3}', 0.001),
    ],
)
async def test_a_number_is_read_and_clipped_to_the_range(answer: str, score: float) -> None:
    grade = await judged(says(answer), judge())
    assert (grade.reward, dict(grade.scores), dict(grade.errors)) == (score, {"judge": score}, {})
    assert dict(grade.usage) == {"judge-1": TokenUsage(10, 5)}
    assert grade.detail is None


async def test_the_range_may_be_another() -> None:
    assert (await judged(says("7"), judge(range=[1, 5]))).reward == 5.0
    assert (await judged(says("0"), judge(range=[1, 5]))).reward == 1.0
    assert (await judged(says("-0.5"), judge(range=[-1, 1.5]))).reward == -0.5


@pytest.mark.parametrize(
    "answer",
    [
        "I would say that this is a very good answer, perhaps 0.9.",
        "",
        "null",
        "true",
        "[0.5]",
        "{}",
        '{"score": 0.5}',
        '{"result": null}',
        '{"result": true}',
        '{"result": NaN}',
        '{"result": "NaN"}',
        '{"result": 1e999}',
        "Infinity",
        "nan",
        '{"result": 0.5',
        "<html><body>502 Bad Gateway</body></html>",
        "\u202e0.5 \U0001f600",
        "[" * 100_000,
        "prose " * 200_000,
        "1" * 5000,
    ],
)
async def test_an_answer_without_a_number_is_an_error_and_never_a_score(answer: str) -> None:
    grade = await judged(says(answer), judge())
    assert dict(grade.errors) == {"judge": (PARSE_ERROR,)}
    assert grade.reward == 0.0
    detail = grade.detail or ""
    assert detail.startswith("judge: judge-1 answered ")
    assert detail.endswith(" instead of a number")
    assert len(detail) < 250
    assert dict(grade.usage) == {"judge-1": TokenUsage(10, 5)}


async def test_a_judge_that_ran_out_of_tokens_is_told_apart() -> None:
    grade = await judged(says('{"steps": [{"descr', "length"), judge())
    assert dict(grade.errors) == {"judge": (PARSE_ERROR,)}
    assert grade.detail == "judge: judge-1 ran out of tokens before its result; raise max_completions_tokens"


async def test_a_refusal_is_told_apart() -> None:
    grade = await judged(Bench(lambda _: JudgeAnswer("", refused=True)), judge())
    assert dict(grade.errors) == {"judge": (GraderErrorKind.MODEL_GRADER_REFUSAL_ERROR,)}
    assert grade.detail == "judge: judge-1 refused to judge"


@pytest.mark.parametrize(
    "failure",
    [
        PlatformUnavailable("The platform cannot be reached."),
        PlatformUnavailable("The platform asks for less (429).", retry_after=60.0),
        PlatformRejected("The platform has no model judge-1.", code="model_not_found"),
    ],
)
async def test_a_judge_who_cannot_be_asked_is_an_error_with_the_reason(failure: Exception) -> None:
    def fail(_question: JudgeQuestion) -> JudgeAnswer:
        raise failure

    grade = await judged(Bench(fail), judge())
    assert dict(grade.errors) == {"judge": (SERVER_ERROR,)}
    assert grade.detail == f"judge: {failure}"
    assert not grade.stopped


class Silent:
    """A judge that never answers, and counts how many wait for it."""

    def __init__(self) -> None:
        self.is_full = asyncio.Event()
        """Set once three wait."""
        self.waiting = 0
        self.most = 0

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting == 3:
            self.is_full.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1
        raise AssertionError(question)


async def test_a_judge_that_never_answers_is_left() -> None:
    silent = Silent()
    async with GraderRuntime(limits=Limits(judge_seconds=0.05), judge=silent, judges_at_once=3) as runtime:
        grades = await runtime.grade(parse_grader(judge()), [(Sample(str(n)), ITEM) for n in range(7)])
    assert {grade.detail for grade in grades} == {
        "judge: judge-1 gave no answer within 0.05 s; JUDGE_PLATFORM names the platform that it is asked on"
    }
    assert {grade.errors["judge"] for grade in grades} == {(SERVER_ERROR,)}
    assert (silent.waiting, silent.most) == (0, 3)


async def test_questions_under_way_are_taken_back_with_the_batch() -> None:
    silent = Silent()
    async with GraderRuntime(judge=silent, judges_at_once=3) as runtime:
        grading = asyncio.create_task(runtime.grade(parse_grader(judge()), [(Sample("x"), ITEM)] * 9))
        async with asyncio.timeout(30):
            await silent.is_full.wait()
        grading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await grading
    assert silent.waiting == 0


async def test_the_question_is_what_the_definition_says() -> None:
    bench = says("1")
    settings = {"seed": 42, "temperature": 1, "top_p": 0.5, "max_completions_tokens": 32768, "reasoning_effort": "low"}
    messages = [
        {"role": "developer", "content": "Judge."},
        {"role": "user", "type": "message", "content": {"type": "input_text", "text": "{{ item.reference_answer }}"}},
        {"role": "user", "content": ["One", {"type": "text", "text": "{{ sample.output_text }}"}]},
    ]
    answer = "{{ item.reference }} \u05e9\U0001f600 \ud83d"
    grade = await judged(bench, judge(sampling_params=settings, input=messages), answer)
    assert grade.reward == 1.0
    (question,) = bench.asked
    assert (question.model, question.settings) == ("judge-1", JudgeSettings(42, 1.0, 0.5, 32768, "low"))
    assert [(message.role, message.content) for message in question.messages] == [
        ("developer", "Judge."),
        ("user", '["law"]'),
        ("user", f"One\n{answer}"),
    ]
    schema = question.response_format["json_schema"]
    assert isinstance(schema, dict)
    assert (schema["strict"], list(schema["schema"]["properties"])) == (True, ["steps", "result"])
    assert schema["schema"]["properties"]["result"]["type"] == "number"


async def test_an_answer_of_a_megabyte_reaches_the_judge_whole() -> None:
    bench = says("1")
    text = json.dumps({"z": "\U0001f600 long " * 100_000})
    await judged(bench, judge(input=[{"role": "user", "content": "{{ sample.output_json.z }}"}]), text)
    assert bench.asked[0].messages[0].content == "\U0001f600 long " * 100_000


async def test_a_missing_value_is_an_error_and_nobody_is_asked() -> None:
    bench = says("1")
    grade = await judged(bench, judge(input=[{"role": "user", "content": "{{ item.nope }}"}]))
    assert dict(grade.errors) == {"judge": (GraderErrorKind.INVALID_VARIABLE_ERROR,)}
    assert not bench.asked


async def test_without_anybody_to_ask_the_grader_says_so() -> None:
    grade = await judged(None, judge())
    assert dict(grade.errors) == {"judge": (SERVER_ERROR,)}
    assert "no platform is set up here" in (grade.detail or "")


@pytest.mark.parametrize(
    ("answer", "label", "score"),
    [('{"steps": [], "result": "Polite"}', "Polite", 1.0), ("rude ", "Rude", 0.0), ('"POLITE"', "Polite", 1.0)],
)
async def test_a_label_passes_or_does_not(answer: str, label: str, score: float) -> None:
    bench = says(answer)
    grade = await judged(bench, labeller())
    assert (grade.reward, dict(grade.labels), grade.detail) == (score, {"tone": label}, None)
    schema = bench.asked[0].response_format["json_schema"]
    assert isinstance(schema, dict)
    assert schema["schema"]["properties"]["result"] == {"type": "string", "enum": ["Polite", "Rude"]}


@pytest.mark.parametrize("answer", ["It is polite.", "", "{}", '{"result": 1}', "null", "Kind"])
async def test_a_label_that_is_none_is_an_error(answer: str) -> None:
    grade = await judged(says(answer), labeller())
    assert dict(grade.errors) == {"tone": (PARSE_ERROR,)}
    assert (grade.detail or "").endswith("instead of one of Polite, Rude")
    assert not grade.labels


async def test_a_multi_grader_mixes_judges_with_what_is_computed() -> None:
    graders = {
        "a": judge("first"),
        "b": python(PRECISION, "precision"),
        "c": labeller("tone"),
        "d": check("like", reference="labels"),
    }
    mixed: dict[str, object] = {
        "type": "multi",
        "name": "m",
        "graders": graders,
        "calculate_output": "a + 10 * b + 100 * c + 1000 * d",
    }
    bench = Bench(lambda q: JudgeAnswer("polite" if "enum" in str(q.response_format) else "0.5", None, False, 10, 5))
    async with GraderRuntime(judge=bench) as runtime:
        batch = [(Sample('{"labels": ["law"]}'), ITEM), (Sample("prose"), ITEM)]
        good, bad = await runtime.grade(parse_grader(mixed), batch)
    assert (good.reward, bad.reward) == (1110.5, 100.5)
    assert list(good.scores) == ["first", "precision", "tone", "same"]
    assert dict(good.usage) == {"judge-1": TokenUsage(20, 10)}


async def test_one_part_that_fails_leaves_the_other_scores_standing() -> None:
    graders = {"a": judge("first"), "b": check("eq", reference="trade")}
    mixed: dict[str, object] = {"type": "multi", "name": "m", "graders": graders, "calculate_output": "a + b"}
    grade = await judged(says("no idea"), mixed)
    assert dict(grade.errors) == {"first": (PARSE_ERROR,)}
    assert (grade.reward, grade.scores["same"]) == (0.0, 1.0)


@dataclass
class Vectors:
    """Embeds by a table."""

    vectors: Sequence[Sequence[float]]
    asked: list[tuple[str, Sequence[str]]] = field(default_factory=list)

    async def embed(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self.asked.append((model, texts))
        return self.vectors


FORMULA = "a + 10 * b + 100 * c + 1000 * d"
COSINE = similarity("cosine", embedding_model="embed-1")


async def compared(vectors: Vectors | None, text: str = "trade") -> Grade:
    async with GraderRuntime(embedder=vectors) as runtime:
        (grade,) = await runtime.grade(parse_grader(COSINE), [(Sample(text), ITEM)])
    return grade


@pytest.mark.parametrize(
    ("vectors", "score"),
    [(((1.0, 0.0), (2.0, 0.0)), 1.0), (((1.0, 0.0), (1.0, 1.0)), 0.5**0.5), (((1.0, 0.0), (-1.0, 0.0)), 0.0)],
)
async def test_cosine_compares_embeddings(vectors: Sequence[Sequence[float]], score: float) -> None:
    embedder = Vectors(vectors)
    grade = await compared(embedder)
    assert grade.reward == pytest.approx(score)
    assert grade.detail is None
    assert embedder.asked == [("embed-1", ["trade", "law"])]


@pytest.mark.parametrize("vectors", [(), ((1.0,),), ((0.0,), (1.0,)), ((1.0, 2.0), (1.0,)), ((float("nan"),), (1.0,))])
async def test_embeddings_that_cannot_be_compared_are_an_error(vectors: Sequence[Sequence[float]]) -> None:
    grade = await compared(Vectors(vectors))
    assert dict(grade.errors) == {"alike": (PARSE_ERROR,)}


async def test_an_empty_answer_is_like_nothing_and_costs_nothing() -> None:
    embedder = Vectors(())
    assert ((await compared(embedder, " ")).reward, embedder.asked) == (0.0, [])


async def test_cosine_without_anybody_to_ask_says_so() -> None:
    assert dict((await compared(None)).errors) == {"alike": (SERVER_ERROR,)}


async def test_a_check_before_launch_asks_the_judge_about_well_formed_answers_only() -> None:
    bench = says("1")
    graders = {"a": judge("first"), "b": python("def grade(sample, item):\n    return 1", "fine")}
    mixed: dict[str, object] = {"type": "multi", "name": "m", "graders": graders, "calculate_output": "a * b"}
    async with GraderRuntime(judge=bench) as runtime:
        assert await check_grader(runtime, parse_grader(judge()), {"reference": "x", "reference_answer": "x"}) == []
        once = len(bench.asked)
        assert await check_grader(runtime, parse_grader(mixed), {"reference": "x", "reference_answer": "x"}) == []
    assert len(bench.asked) == 2 * once


async def test_a_check_before_launch_finds_a_judge_that_answers_prose() -> None:
    async with GraderRuntime(judge=says("Good")) as runtime:
        (told,) = await check_grader(runtime, parse_grader(judge()), {"reference": "x", "reference_answer": "x"})
    assert told.startswith("The grader judge fails: judge: judge-1 answered `Good` instead of a number.")
