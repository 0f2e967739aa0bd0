"""Asking again: how often, after how long, and until when; and the gateway that asks once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from jobs.core.records import Message
from jobs.platforms.gateway import Gateway
from jobs.platforms.sampling import ModelAnswer, NotAnswered, Question, Remedy, Sampler, Trouble
from tests.jobs.evals.laboratory import SkippingClock, a_profile
from tests.jobs.evals.model_endpoint import Fault, drop, hang, page, refusing, serving_models

QUESTION = Question("small", (Message("user", "an act on fish"),))
YES = ModelAnswer("yes")


def trouble(remedy: Remedy, retry_after: float | None = None) -> Trouble:
    return Trouble(remedy.value, "A sentence.", remedy, retry_after)


@dataclass
class Scripted:
    """A model that has these troubles, one a question, and then answers; notes when it was asked."""

    clock: Callable[[], float]
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)

    async def answer(self, question: Question) -> ModelAnswer:
        assert question is QUESTION
        self.asked.append(self.clock())
        await asyncio.sleep(0)
        if self.troubles:
            raise NotAnswered(self.troubles.pop(0))
        return YES


def sampler(*troubles: Trouble, patience: float = 900.0) -> tuple[Sampler, Scripted]:
    clock = SkippingClock()
    model = Scripted(clock, list(troubles))
    return Sampler(model, 4, sleep=clock.sleep, clock=clock, patience=patience), model


async def test_a_fault_is_asked_again_a_few_times_with_growing_pauses() -> None:
    asking, model = sampler(*[trouble(Remedy.AGAIN)] * 3)
    assert await asking.answer(QUESTION) is YES
    first, second, third, fourth = model.asked
    assert 0.75 <= second - first <= 1.0
    assert 1.5 <= third - second <= 2.0
    assert 3.0 <= fourth - third <= 4.0


async def test_a_fault_that_stays_is_a_failure() -> None:
    asking, model = sampler(*[trouble(Remedy.AGAIN)] * 9)
    assert await asking.answer(QUESTION) == trouble(Remedy.AGAIN)
    assert len(model.asked) == 4


@pytest.mark.parametrize("remedy", [Remedy.NOTHING, Remedy.STOP])
async def test_what_asking_again_does_not_mend_is_not_asked_again(remedy: Remedy) -> None:
    asking, model = sampler(trouble(remedy))
    assert await asking.answer(QUESTION) == trouble(remedy)
    assert len(model.asked) == 1


async def test_minutes_of_too_many_requests_are_no_failure() -> None:
    asking, model = sampler(trouble(Remedy.WAIT, 90.0), trouble(Remedy.WAIT, 240.0), *[trouble(Remedy.WAIT)] * 3)
    assert await asking.answer(QUESTION) is YES
    first, second, third, *_ = model.asked
    assert 90.0 <= second - first <= 99.0
    assert 240.0 <= third - second <= 264.0


async def test_while_the_platform_wants_less_nobody_asks_it() -> None:
    asking, model = sampler(trouble(Remedy.WAIT, 100.0))
    assert await asyncio.gather(*(asking.answer(QUESTION) for _ in range(12))) == [YES] * 12
    early = [at for at in model.asked if at < 100.0]
    assert 1 <= len(early) <= 4
    assert len(model.asked) == 13


async def test_patience_ends() -> None:
    asking, model = sampler(*[trouble(Remedy.WAIT)] * 99, patience=300.0)
    assert await asking.answer(QUESTION) == trouble(Remedy.WAIT)
    assert max(model.asked) <= 300.0
    assert 8 <= len(model.asked) <= 16


async def test_a_wait_beyond_patience_is_not_begun() -> None:
    asking, model = sampler(trouble(Remedy.WAIT, 3_600.0))
    assert await asking.answer(QUESTION) == trouble(Remedy.WAIT, 3_600.0)
    assert await asking.answer(QUESTION) == trouble(Remedy.WAIT, 3_600.0)
    assert model.asked == [0.0]


async def test_a_retry_after_of_a_fault_is_honoured() -> None:
    asking, model = sampler(trouble(Remedy.AGAIN, 30.0))
    assert await asking.answer(QUESTION) is YES
    assert model.asked[1] - model.asked[0] == 30.0


# -- once ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason", "remedy"),
    [
        (refusing(429, headers={"Retry-After": "7"}), "429 rate limited", Remedy.WAIT),
        (refusing(500), "HTTP 500", Remedy.AGAIN),
        (refusing(401), "401 invalid_request_error", Remedy.STOP),
        (refusing(404, code="model_not_found"), "404 model_not_found", Remedy.STOP),
        (refusing(400, code="bad", param="input"), "400 bad", Remedy.NOTHING),
        (page, "not the API's JSON", Remedy.AGAIN),
        (drop, "connection dropped", Remedy.AGAIN),
        (hang, "time-out", Remedy.AGAIN),
    ],
)
async def test_the_gateway_says_what_kept_an_answer_back(fault: Fault, reason: str, remedy: Remedy) -> None:
    async with serving_models() as endpoint, Gateway(a_profile(endpoint.url), "sk-secret-key-0123") as gateway:
        endpoint.always = fault
        with pytest.raises(NotAnswered) as failure:
            await gateway.answer(replace(QUESTION, seconds=0.3))
    assert (failure.value.trouble.reason, failure.value.trouble.remedy) == (reason, remedy)
    assert "sk-secret" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert len(endpoint.heard) == 1
    assert failure.value.trouble.retry_after == (7.0 if remedy is Remedy.WAIT else None)


async def test_an_endpoint_that_is_not_there_is_waited_for() -> None:
    async with serving_models() as endpoint:
        gone = endpoint.url
    async with Gateway(a_profile(gone), "any") as gateway:
        with pytest.raises(NotAnswered) as failure:
            await gateway.answer(QUESTION)
    assert failure.value.trouble.reason == "cannot be reached"
    assert failure.value.trouble.remedy is Remedy.WAIT


async def test_the_gateway_asks_with_its_key_and_reads_the_answer() -> None:
    async with serving_models() as endpoint, Gateway(a_profile(endpoint.url), "any") as gateway:
        answer = await gateway.answer(QUESTION)
        assert await gateway.has_model("small")
        assert not await gateway.has_model("smal")
    assert (answer.text, answer.tokens) == ('{"label": "fish"}', 120)
    assert answer.latency > 0


async def test_more_questions_than_connections_of_the_usual_kind_are_under_way_at_once() -> None:
    profile = a_profile("", max_concurrency=120)
    async with (
        serving_models() as endpoint,
        Gateway(replace(profile, base_url=endpoint.url), "any") as gateway,
    ):
        endpoint.hold = asyncio.Event()
        asking = Sampler(gateway, 120)
        questions = [asyncio.create_task(asking.answer(QUESTION)) for _ in range(150)]
        async with asyncio.timeout(30):
            while endpoint.under_way < 120:  # noqa: ASYNC110 - the endpoint has no event for it
                await asyncio.sleep(0.01)
        endpoint.hold.set()
        await asyncio.gather(*questions)
        assert endpoint.most_under_way == 120
