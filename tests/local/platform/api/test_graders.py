import json
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from tests.local.platform.small_task import F1, python_grader

GRADER: Any = F1


async def test_a_well_formed_grader_comes_back(client: AsyncOpenAI) -> None:
    response = await client.fine_tuning.alpha.graders.with_raw_response.validate(grader=GRADER)

    assert json.loads(response.text) == {"grader": F1}


async def test_a_malformed_grader_is_a_400_that_names_the_field(client: AsyncOpenAI) -> None:
    broken: Any = {**F1, "calculate_output": "p + q"}
    with pytest.raises(BadRequestError) as refused:
        await client.fine_tuning.alpha.graders.validate(grader=broken)
    assert (refused.value.param, refused.value.code) == ("grader.calculate_output", "invalid_grader")


async def test_a_grader_run_tells_the_reward_and_that_of_each_child(client: AsyncOpenAI) -> None:
    run = await client.fine_tuning.alpha.graders.run(
        grader=GRADER, model_sample='{"labels": ["seafood", "timber"]}', item={"reference_answer": ["seafood"]}
    )

    assert run.reward == pytest.approx(2 / 3)
    assert run.sub_rewards == {"precision": 0.5, "recall": 1.0}
    assert (run.metadata.name, run.metadata.type) == ("f1", "multi")
    assert run.metadata.execution_time > 0
    assert not run.metadata.errors.python_grader_runtime_error


async def test_a_grader_that_breaks_is_a_reward_of_nought_with_its_flag(client: AsyncOpenAI) -> None:
    broken: Any = python_grader("broken", "def grade(sample, item):\n    return item['label']")

    run = await client.fine_tuning.alpha.graders.run(grader=broken, model_sample="cod", item={})

    assert run.reward == 0
    assert run.metadata.errors.python_grader_runtime_error
    assert "KeyError" in (run.metadata.errors.python_grader_runtime_error_details or "")
    assert run.sub_rewards == {}


async def test_a_sample_must_be_text(client: AsyncOpenAI) -> None:
    for body in ({"grader": F1}, {"grader": F1, "model_sample": {}}):
        with pytest.raises(BadRequestError) as refused:
            await client.post("/fine_tuning/alpha/graders/run", body=body, cast_to=object)
        assert refused.value.param == "model_sample"
