"""The platform's own check of a grader, over HTTP."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import PlatformRejected
from jobs.graders import GraderErrorKind
from jobs.platforms.gateway import RUN_PATH, VALIDATE_PATH, Gateway
from jobs.platforms.parse import read_trial
from jobs.platforms.profiles import PROFILES, load_profiles
from local.platform.server import serve
from tests.jobs.platforms.stand_in import Says, StandIn, error, standing_in

ITEM = {"id": "1", "reference_answer": ["law"]}
GRADER = {
    "type": "multi",
    "name": "half",
    "pass_threshold": 0.5,
    "graders": {
        "one": {
            "type": "python",
            "name": "one",
            "source": "def grade(sample, item):\n    return float(len(item['reference_answer']))",
            "pass_threshold": 0.1,
        }
    },
    "calculate_output": "one / 2",
}


def verdict(reward: object = 0.0, **flags: object) -> Mapping[str, object]:
    errors = {kind.value: False for kind in GraderErrorKind} | {"python_grader_server_error_type": None} | flags
    return {"reward": reward, "metadata": {"name": "x", "errors": errors}, "sub_rewards": {"one": 1, "two": "bad"}}


@pytest.fixture
async def platform() -> AsyncIterator[StandIn]:
    async with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
async def gateway(platform: StandIn) -> AsyncIterator[Gateway]:
    openai = next(profile for profile in PROFILES if profile.name == "openai")
    async with Gateway(replace(openai, base_url=platform.url), "sk-0123456789abcdef") as gateway:
        yield gateway


async def test_a_grader_is_validated_and_run_as_training_would(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"POST {VALIDATE_PATH}", Says({"grader": {}}))
    platform.on(f"POST {RUN_PATH}", Says(verdict(0.5)))

    trial = await gateway.check_grader(GRADER, ITEM, "{}")

    assert (trial.reward, trial.errors, trial.detail) == (0.5, (), None)
    (sent,) = platform.asked(f"POST {RUN_PATH}")
    assert (sent.json["item"], sent.json["model_sample"]) == (ITEM, "{}")
    assert b"pass_threshold" not in sent.body
    assert platform.asked(f"POST {VALIDATE_PATH}")[0].json == {"grader": sent.json["grader"]}


async def test_what_is_no_grader_is_not_run(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"POST {VALIDATE_PATH}", error(400, "source is empty", param="grader.source"))
    with pytest.raises(PlatformRejected, match=r"refused to take the grader \(HTTP 400\) \(field grader\.source\)"):
        await gateway.check_grader(GRADER, ITEM, "{}")
    assert platform.asked(f"POST {RUN_PATH}") == []


@pytest.mark.parametrize("flag", [kind.value for kind in GraderErrorKind])
def test_every_flag_makes_a_reward_worthless(flag: str) -> None:
    trial = read_trial(verdict(0.7, **{flag: True}))
    assert (trial.reward, trial.errors) == (None, (flag,))


def test_a_detail_without_its_flag_and_an_unknown_flag_are_errors_too() -> None:
    trial = read_trial(verdict(python_grader_server_error_type="unauthorized_error", brand_new_error=True))
    assert trial.errors == ("brand_new_error", "python_grader_server_error_type")
    assert trial.detail == "unauthorized_error"
    told = read_trial(verdict(python_grader_runtime_error=True, python_grader_runtime_error_details="KeyError:\n 'x'"))
    assert (told.errors, told.detail) == (("python_grader_runtime_error",), "KeyError: 'x'")


def test_an_answer_without_a_number_is_an_error() -> None:
    assert read_trial({"reward": None}).errors == ("no reward",)
    assert read_trial({}).errors == ("no reward",)


async def test_the_local_platform_gives_the_reward_and_says_when_the_grader_breaks(tmp_path: Path) -> None:
    async with (
        serve(tmp_path, port=0, pace=0.0) as platform,
        Gateway(load_profiles(None, platform.url)["local"], "local") as gateway,
    ):
        assert (await gateway.check_grader(GRADER, ITEM, "{}")).reward == 0.5
        broken = await gateway.check_grader(GRADER, {"id": "1"}, "{}")
        assert (broken.reward, broken.errors) == (None, ("python_grader_runtime_error",))
        assert "KeyError: 'reference_answer'" in (broken.detail or "")
