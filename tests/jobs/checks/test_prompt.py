import json
from dataclasses import replace

import pytest

from jobs.checks import Level
from jobs.evals.records import Arm, Eval, EvalRequest, EvalState
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks.schema import response_format
from tests.jobs.checks.conftest import TRAIN, Check
from tests.jobs.tasks.datasets.labelled_task import schema, split

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = prompt_hash("Name the label.", response_format(json.loads(schema()), "x", "goods"))


def evaluation(prompt: str, task: str = "goods", at: float = 1.0) -> Eval:
    return Eval(
        id="eval-abcdef",
        state=EvalState.FINISHED,
        request=EvalRequest(task, "U0ALICE", "C0RFT", "t"),
        created_at=at,
        task=task,
        task_version="1",
        platform="local",
        arms=(Arm("m"),),
        split="valid",
        items=1,
        runs=1,
        prompt="v1",
        prompt_hash=prompt,
        reward="exact",
        graders=("exact",),
    )


async def test_training_asks_as_evals_do(check: Check) -> None:
    finding = (await check())["same_prompt"]
    assert (finding.level, finding.text) == (Level.OK, f"Training and evals ask alike: prompt v1, hash {ASKED}.")


async def test_an_eval_that_asked_otherwise_is_no_baseline(check: Check) -> None:
    finding = (await check(evals=[evaluation("0123456789ab")]))["same_prompt"]
    assert finding.level is Level.WARN
    assert "eval-abcdef, asked with another prompt or response format (hash 0123456789ab)" in finding.text


async def test_an_eval_of_several_prompts_is_a_baseline_if_one_of_them_is_the_tasks(check: Check) -> None:
    arms = (Arm("m", prompt="v0", prompt_hash="0123456789ab"), Arm("m", prompt="v1", prompt_hash=ASKED))
    compared = replace(evaluation("0123456789ab"), arms=arms)
    assert (await check(evals=[compared]))["same_prompt"].level is Level.OK


async def test_only_the_newest_eval_of_the_task_counts(check: Check) -> None:
    evals = [evaluation("old", at=1.0), evaluation(ASKED, at=2.0), evaluation("other", "another", at=3.0)]
    assert (await check(evals=evals))["same_prompt"].level is Level.OK


async def test_rows_with_and_without_messages_of_their_own_are_noted(check: Check) -> None:
    own = {"messages": [{"role": "user", "content": "a question of its own"}], "reference_answer": ["fish"]}
    finding = (await check(changes={"train.jsonl": json.dumps(own) + "\n" + split(TRAIN)}))["same_prompt"]
    assert finding.level is Level.NOTE
    assert "1 of 41 train rows bring messages of their own" in finding.text
