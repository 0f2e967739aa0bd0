from dataclasses import dataclass

import pytest
from aiohttp import web

from bot.health import serving
from jobs.core.errors import InvalidRequest, NotFound, PlatformRejected, PlatformUnavailable
from jobs.graders import GraderErrorKind, GraderRuntime, Sample, check_grader, parse_grader
from jobs.platforms.gateway import Gateway
from jobs.platforms.judge import PlatformJudge
from jobs.platforms.profiles import Profile
from jobs.platforms.sampling import ModelAnswer, NotAnswered, Question, Remedy, Sampler, Trouble

GRADER = parse_grader(
    {
        "type": "score_model",
        "name": "judge",
        "model": "judge-1",
        "input": [{"role": "user", "content": "Rate {{sample.output_text}} against {{item.reference}}."}],
        "range": [0, 10],
        "sampling_params": {"temperature": 0.5, "max_completions_tokens": 100, "reasoning_effort": "high"},
    }
)


class SmallModel:
    """Answers every question alike, or not at all; remembers what it was asked."""

    def __init__(self, answer: ModelAnswer | Trouble) -> None:
        self.reply = answer
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> ModelAnswer:
        self.asked.append(question)
        if isinstance(self.reply, Trouble):
            raise NotAnswered(self.reply)
        return self.reply


@dataclass
class Skipping:
    """A clock that sleeps at once."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def judge_of(model: SmallModel) -> PlatformJudge:
    async def no_wait(_seconds: float) -> None:
        return None

    sampler = Sampler(model, 4, sleep=no_wait, patience=0.0, attempts=1)
    gateway = Gateway(Profile(name="judges", base_url="http://127.0.0.1:9/v1", title="Judges"), "key")
    return PlatformJudge(lambda: sampler, lambda: gateway)


def not_set_up() -> Gateway:
    raise NotFound("There is no platform 'nowhere'.")


async def test_a_judge_is_asked_as_the_definition_says_and_its_number_counts() -> None:
    model = SmallModel(ModelAnswer('{"steps": [], "result": 7}', "stop", 50, 9))
    async with GraderRuntime(judge=judge_of(model)) as runtime:
        (grade,) = await runtime.grade(GRADER, [(Sample("four"), {"reference": "4"})])
    assert grade.reward == pytest.approx(7)
    (question,) = model.asked
    assert (question.model, question.temperature, question.max_tokens, question.effort) == ("judge-1", 0.5, 100, "high")
    assert "Rate four against 4." in str(question.messages)


@pytest.mark.parametrize("remedy", list(Remedy))
async def test_a_judge_that_does_not_answer_is_an_error_and_never_a_zero_without_one(remedy: Remedy) -> None:
    model = SmallModel(Trouble("503", "The judge is away.", remedy))
    async with GraderRuntime(judge=judge_of(model)) as runtime:
        (grade,) = await runtime.grade(GRADER, [(Sample("four"), {"reference": "4"})])
    assert grade.errors["judge"] == (GraderErrorKind.MODEL_GRADER_SERVER_ERROR,)
    assert "The judge is away." in str(grade.detail)


async def test_a_platform_that_is_not_set_up_is_said() -> None:
    judge = PlatformJudge(lambda: Sampler(SmallModel(ModelAnswer("1")), 1), not_set_up)
    with pytest.raises(PlatformRejected, match="There is no platform 'nowhere'"):
        await judge.embed("embedding-1", ["a"])


async def embedding(request: web.Request) -> web.Response:
    asked = await request.json()
    vectors = [{"index": n, "embedding": [float(len(text)), 1.0]} for n, text in enumerate(asked["input"])]
    if asked["model"] == "forgetful":
        vectors = vectors[:-1]
    return web.json_response({"object": "list", "data": vectors[::-1]})


async def test_texts_are_embedded_in_their_order_and_a_missing_vector_is_noticed() -> None:
    app = web.Application()
    app.router.add_post("/v1/embeddings", embedding)
    async with serving(app, "127.0.0.1", 0) as port:
        profile = Profile(name="embedder", title="Embedder", base_url=f"http://127.0.0.1:{port}/v1")
        async with Gateway(profile, "key") as gateway:
            assert await gateway.embed("embedding-1", ["a", "bbb"]) == ((1.0, 1.0), (3.0, 1.0))
            with pytest.raises(PlatformUnavailable, match="embedded 1 of 2 texts"):
                await gateway.embed("forgetful", ["a", "bbb"])
        async with Gateway(Profile(name="e", base_url=profile.base_url, api_key_env="E_KEY"), "") as keyless:
            with pytest.raises(InvalidRequest, match="E_KEY"):
                await keyless.embed("embedding-1", ["a"])
            judge = PlatformJudge(lambda: Sampler(keyless, 1), lambda: keyless)
            with pytest.raises(PlatformRejected, match="E_KEY"):
                await judge.embed("embedding-1", ["a"])


async def test_a_judge_without_a_key_is_said_at_once_by_the_variables_name_and_nothing_is_sent() -> None:
    """Case 15: a question used to leave for the address of a platform that nobody had set up."""
    model = SmallModel(ModelAnswer("1"))
    keyless = Gateway(Profile(name="judges", base_url="http://127.0.0.1:9/v1", api_key_env="JUDGES_KEY"), "")
    async with GraderRuntime(judge=PlatformJudge(lambda: Sampler(model, 1), lambda: keyless)) as runtime:
        problems = await check_grader(runtime, GRADER, {"reference": "4"})
    assert len(problems) == 1
    assert "JUDGES_KEY is not set" in problems[0]
    assert "JUDGE_PLATFORM names another platform" in problems[0]
    assert model.asked == []


async def test_a_wrong_key_is_said_with_the_setting_that_chose_the_platform() -> None:
    model = SmallModel(Trouble("401", "Judges refused the key in JUDGES_KEY.", Remedy.STOP))
    async with GraderRuntime(judge=judge_of(model)) as runtime:
        problems = await check_grader(runtime, GRADER, {"reference": "4"})
    assert "JUDGES_KEY" in problems[0]
    assert "JUDGE_PLATFORM" in problems[0]


async def test_a_check_waits_for_a_platform_that_is_away_for_seconds_where_an_eval_waits_for_minutes() -> None:
    clock = Skipping()
    model = SmallModel(Trouble("cannot be reached", "Judges cannot be reached.", Remedy.WAIT))
    sampler = Sampler(model, 4, sleep=clock.sleep, clock=clock)
    gateway = Gateway(Profile(name="judges", base_url="http://127.0.0.1:9/v1"), "key")
    async with GraderRuntime(judge=PlatformJudge(lambda: sampler, lambda: gateway)) as runtime:
        with pytest.raises(PlatformUnavailable, match=r"Judges cannot be reached\. .*JUDGE_PLATFORM"):
            await check_grader(runtime, GRADER, {"reference": "4"})
        assert clock.now < 20
        await runtime.grade(GRADER, [(Sample("four"), {"reference": "4"})])
    assert clock.now > 300


async def test_a_judge_that_refuses_is_told_apart_from_one_that_says_nothing() -> None:
    refusal = ModelAnswer("", "refusal", 50, 0)
    model = SmallModel(Trouble("refused by the model", "It refused.", Remedy.NOTHING, silence=refusal))
    async with GraderRuntime(judge=judge_of(model)) as runtime:
        (grade,) = await runtime.grade(GRADER, [(Sample("four"), {"reference": "4"})])
    assert grade.errors["judge"] == (GraderErrorKind.MODEL_GRADER_REFUSAL_ERROR,)
