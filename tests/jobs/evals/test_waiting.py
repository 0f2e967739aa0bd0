"""An eval waits for a platform that cannot be used now before it asks its first question, and then begins."""

import json
import time

import pytest
from aiohttp import web

from jobs.core.errors import PlatformUnavailable
from jobs.evals.records import Eval, EvalState
from jobs.graders import GraderRuntime, JudgeAnswer, JudgeQuestion
from jobs.platforms.gateway import Gateway
from jobs.platforms.patience import LONGEST_PAUSE, PATIENCE
from tests import working
from tests.jobs.evals.laboratory import Laboratory, a_profile, only
from tests.jobs.evals.model_endpoint import Fault, drop, refusing
from tests.records import BOB

BUSY = refusing(429, "slow down", headers={"Retry-After": "1"})
ATTEMPTS = 3
"""Of the gateway, for one question about the platform's models."""


async def turn(lab: Laboratory, eval_id: str) -> Eval:
    """Take the next turn, although it may not be due yet."""
    await working.make_due(lab.store, eval_id)
    await (await lab.begin_turn(lab.runner()))
    return await lab.eval(eval_id)


async def due_in(lab: Laboratory, eval_id: str) -> float:
    """Return the seconds until the eval's next turn."""
    seconds = await working.due_in(lab.store, eval_id)
    assert seconds is not None, "no turn is planned"
    return seconds


@pytest.mark.parametrize("fault", [BUSY, refusing(500), refusing(503, headers={"Retry-After": "1"}), drop])
async def test_a_platform_that_fails_when_it_is_asked_for_its_models_is_waited_for(
    lab: Laboratory, fault: Fault
) -> None:
    lab.endpoint.listing_faults = [fault] * 20  # after a cut connection, the HTTP client asks again by itself
    started = await lab.start()
    waiting = await turn(lab, started.id)
    lab.endpoint.listing_faults.clear()
    assert (waiting.state, waiting.waiting_since is not None) == (EvalState.CHECKING, True)
    assert 0.5 < await due_in(lab, started.id) < LONGEST_PAUSE
    (said,) = await lab.told(started.id)
    assert said == f"{started.id} waits. {waiting.note} `/eval cancel {started.id}` ends it."
    assert "I keep trying until " in said
    begun = await turn(lab, started.id)
    assert (begun.state, begun.waiting_since, begun.note) == (EvalState.RUNNING, None, None)
    assert (await lab.run(started.id)).state is EvalState.FINISHED
    assert await lab.told(started.id) == [said]
    assert set(lab.endpoint.answered.values()) == {1}


async def test_one_fault_while_its_models_are_listed_holds_nothing_up(lab: Laboratory) -> None:
    lab.endpoint.listing_faults = [BUSY]
    started = await lab.start()
    assert (await turn(lab, started.id)).state is EvalState.RUNNING
    assert await lab.told(started.id) == []


async def test_a_model_that_cannot_be_looked_up_now_is_waited_for(lab: Laboratory) -> None:
    async def listed(request: web.Request) -> web.StreamResponse:
        del request
        return web.json_response({"object": "list", "data": [{"id": "large", "object": "model"}]})

    lab.endpoint.listing_faults = [listed, BUSY, BUSY, BUSY]
    started = await lab.start()
    assert (await turn(lab, started.id)).waiting_since is not None
    assert (await turn(lab, started.id)).state is EvalState.RUNNING


async def test_it_is_said_once_however_often_it_is_tried(lab: Laboratory) -> None:
    started = await lab.start()
    for _ in range(4):
        lab.endpoint.listing_faults = [BUSY] * ATTEMPTS
        assert (await turn(lab, started.id)).state is EvalState.CHECKING
    assert len(await lab.told(started.id)) == 1


async def test_it_is_given_up_in_words(lab: Laboratory) -> None:
    started = await lab.start()
    for passed in (0.0, PATIENCE + 1):
        lab.clock = lambda passed=passed: time.time() + passed  # type: ignore[misc] # the default binds it
        lab.endpoint.listing_faults = [refusing(503)] * ATTEMPTS
        await turn(lab, started.id)
    ended = await lab.eval(started.id)
    assert ended.state is EvalState.REFUSED
    assert ended.note == (
        "Endpoint has a problem of its own (HTTP 503) when asked to list its models. I tried for 6 h 00 min; ask "
        "again when the platform answers."
    )
    assert (await lab.told(started.id))[1] == f"small was not evaluated. {ended.note}"


async def test_a_cancel_ends_the_wait_at_once(lab: Laboratory) -> None:
    lab.endpoint.listing_faults = [BUSY] * ATTEMPTS
    started = await lab.start()
    await turn(lab, started.id)
    await lab.evals.cancel(started.id, BOB)
    assert await due_in(lab, started.id) < 0.1
    assert (await lab.run(started.id)).state is EvalState.CANCELLED


async def test_a_cancel_while_it_is_checked_is_not_put_off_by_the_wait(lab: Laboratory) -> None:
    started = await lab.start()

    async def cancelled(request: web.Request) -> web.StreamResponse:
        await lab.evals.cancel(started.id, BOB)
        return await BUSY(request)

    lab.endpoint.listing_faults = [cancelled, BUSY, BUSY]
    await turn(lab, started.id)
    assert await due_in(lab, started.id) < 0.1
    assert (await lab.run(started.id)).state is EvalState.CANCELLED


async def test_a_platform_that_takes_no_connections_is_waited_for(lab: Laboratory) -> None:
    async with Gateway(a_profile("http://127.0.0.1:1/v1"), "any", sleep=lab.sampler.sleep) as gateway:
        there, lab.platform_of = lab.platform_of, only(gateway)
        started = await lab.start()
        waiting = await turn(lab, started.id)
        assert "cannot be reached" in str(waiting.note)
    lab.platform_of = there
    assert (await turn(lab, started.id)).state is EvalState.RUNNING
    assert (await lab.run(started.id)).state is EvalState.FINISHED


async def test_a_busy_platform_holds_up_the_first_questions_and_fails_none(lab: Laboratory) -> None:
    lab.endpoint.faults = [BUSY] * 20
    started = await lab.start()
    ended = await lab.run(started.id)
    assert (ended.state, dict(ended.progress.failures)) == (EvalState.FINISHED, {})


async def test_the_eval_of_a_job_leaves_it_to_the_jobs_card_to_say_so(lab: Laboratory) -> None:
    lab.endpoint.listing_faults = [BUSY] * ATTEMPTS
    started = await lab.start(job="rft-abc234")
    waiting = await turn(lab, started.id)
    assert waiting.note is not None
    assert await lab.told(started.id) == []


class AwayOnce:
    """A judge on a platform that does not answer the first time."""

    def __init__(self) -> None:
        self.asked = 0

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        del question
        self.asked += 1
        if self.asked <= 1:
            raise PlatformUnavailable("Judges are away.")
        return JudgeAnswer('{"steps": [], "result": 1.0}')


async def test_a_judge_that_cannot_be_asked_now_is_waited_for(lab: Laboratory) -> None:
    message = {"role": "user", "content": "Is {{sample.output_text}} right?"}
    judge = {"type": "score_model", "name": "exact", "model": "judge-1", "input": [message], "range": [0, 1]}
    lab.write_task({"graders/exact.json": json.dumps(judge)})
    async with GraderRuntime(judge=AwayOnce()) as lab.graders:
        started = await lab.start()
        waiting = await turn(lab, started.id)
        assert str(waiting.note).startswith("The grader exact: Judges are away. I keep trying until ")
        assert (await turn(lab, started.id)).state is EvalState.RUNNING
