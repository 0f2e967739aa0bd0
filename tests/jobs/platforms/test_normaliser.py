"""Figures of every spelling become one record per step."""

import json
import math
from typing import Any

import pytest

from jobs.core.series import GraderFigures, Series, Step, StepTiming
from jobs.platforms.metrics import child, number, step_of, whole
from jobs.platforms.parse import RemoteEvent, read_event
from jobs.state.change import STEP
from tests.jobs.platforms.stand_in import capture


def metrics(data: dict[str, Any], message: str = "", kind: str = "metrics") -> RemoteEvent:
    return RemoteEvent(id="e", at=100.0, level="info", message=message, kind=kind, data=data)


def read(event: RemoteEvent) -> Step | None:
    return step_of(event.data, kind=event.kind, message=event.message, at=event.at)


def test_the_published_event_is_read_whole() -> None:
    event = read_event(capture("rft_metrics_event.json"))
    no_errors = {"sample_parse_error": 0.0, "invalid_variable_error": 0.0, "other_error": 0.0}

    step = read(event)

    assert step == Step(
        step=10,
        total_steps=20,
        at=1746679539.0,
        train_reward=0.4215686274509804,
        valid_reward=0.675,
        graders=(
            GraderFigures(
                name="basic_model_grader",
                train_score=0.4471057884231537,
                valid_score=0.675,
                train_latency=2.6894934929297594,
                valid_latency=4.141402995586395,
                train_errors=no_errors,
                valid_errors=no_errors,
            ),
        ),
        train_reasoning_tokens=3330.017964071856,
        valid_reasoning_tokens=1948.9,
        train_completion_tokens=3376.0019607843137,
        valid_completion_tokens=None,
        timing=StepTiming(
            sampling=226.82190561294556, training=402.43121099472046, eval=101.69386267662048, full=731.5038568973541
        ),
        unread={
            "mean_unresponsive_rewards": 0.0,
            "model_graders_token_usage.gpt-4o-2024-08-06.eval_cached_tokens": 0.0,
            "model_graders_token_usage.gpt-4o-2024-08-06.eval_prompt_tokens": 4820.0,
            "model_graders_token_usage.gpt-4o-2024-08-06.train_cached_tokens": 0.0,
            "model_graders_token_usage.gpt-4o-2024-08-06.train_prompt_tokens": 120741.0,
            "model_graders_token_usage.gpt-4o-2024-08-06.eval_completion_tokens": 2810.0,
        },
    )


def test_bedrocks_event_is_read() -> None:
    step = read(
        metrics(
            {"step": 4, "total_steps": 67, "critic_rewards_mean": 0.4375, "response_length_mean": 211.5},
            "Step 4/67: training metrics",
        )
    )

    assert step is not None
    assert (step.step, step.total_steps, step.train_reward, step.valid_reward) == (4, 67, 0.4375, None)
    assert step.train_completion_tokens == 211.5
    assert step.graders == ()
    assert step.timing == StepTiming()


@pytest.mark.parametrize(
    "data",
    [
        {"scores": {"train_reward_mean": 0.5, "valid_reward_mean": 0.25}, "train_mean_reward": 9.0},
        {"train_mean_reward": 0.5, "full_valid_mean_reward": 0.25},
        {"train_reward_mean": 0.5, "valid_reward_mean": 0.25},
        {"scores": {"train_reward_mean": None, "valid_reward_mean": None}, "reward": 0.5, "eval_reward": 0.25},
        {"scores": None, "train_mean_reward": 0.5, "full_valid_mean_reward": 0.25},
    ],
)
def test_every_spelling_of_the_rewards_is_read(data: dict[str, Any]) -> None:
    step = read(metrics({"step": 1, **data}))

    assert step is not None
    assert (step.train_reward, step.valid_reward) == (0.5, 0.25)


@pytest.mark.parametrize(
    "data",
    [
        {"train/mean_reward": 0.5, "valid/mean_reward": 0.25},
        {"critic/rewards/mean": 0.5, "critic/score/mean": 0.4, "val-core/gsm8k/reward/mean@1": 0.25},
        {"critic/score/mean": 0.5, "val/test_score/gsm8k": 0.25},
        {"reward": 0.5, "eval_reward": 0.25, "rewards/f1/mean": 0.1},
        {"Train-Reward": 0.5, "Validation-Reward": 0.25},
        {"train": {"reward": 0.5}, "validation": {"reward": 0.25}},
        {"train/reward_mean": 0.5, "eval/reward_mean": 0.25},
    ],
)
def test_the_spellings_of_trainers_are_read_whatever_joins_their_words(data: dict[str, Any]) -> None:
    step = read(metrics({"step": 1, **data}))
    assert step is not None
    assert (step.train_reward, step.valid_reward) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("message", "rewards"),
    [
        ("Step 3/20 , train mean reward=0.36", (0.36, None)),
        ("Step 3/20 , train mean reward=-0.36, full validation mean reward=0.41", (-0.36, 0.41)),
        ("Step 3/20: training reward: 0.36, validation reward: 4.1e-1", (0.36, 0.41)),
        ("Step 3/20, mean reward=36%", (None, None)),
    ],
)
def test_rewards_are_read_from_the_words_where_the_data_has_none(
    message: str, rewards: tuple[float | None, float | None]
) -> None:
    step = read(metrics({}, message))
    assert step is not None
    assert (step.step, step.total_steps) == (3, 20)
    assert (step.train_reward, step.valid_reward) == rewards
    if rewards[0] is not None:
        assert read(metrics({}, message, kind="message")) == step


def test_the_data_counts_more_than_what_the_words_round() -> None:
    step = read(metrics({"step": 3, "train_mean_reward": 0.3612}, "Step 3/20 , train mean reward=0.36"))
    assert step is not None
    assert step.train_reward == 0.3612


def test_several_validation_sets_are_no_validation_reward() -> None:
    step = read(metrics({"step": 1, "val-core/a/reward/mean@1": 0.5, "val-core/b/reward/mean@1": 0.1}))
    assert step is not None
    assert step.valid_reward is None
    assert set(step.unread) == {"val-core/a/reward/mean@1", "val-core/b/reward/mean@1"}


def test_what_trl_says_of_its_reward_functions_epochs_and_time_is_read() -> None:
    data = {
        "global_step": 7,
        "max_steps": 70,
        "reward": 0.5,
        "rewards/f1/mean": 0.4,
        "rewards/format/mean": 0.9,
        "eval_rewards/f1/mean": 0.3,
        "epoch": 0.5,
        "step_time": 12.5,
    }
    step = read(metrics(data))
    assert step is not None
    assert (step.step, step.total_steps, step.epoch, step.timing.full) == (7, 70, 0.5, 12.5)
    assert step.graders == (GraderFigures("f1", 0.4, 0.3), GraderFigures("format", 0.9))
    assert step.unread == {}


def test_two_events_of_one_step_are_one_step_where_each_has_one_reward() -> None:
    trained = Step(5, at=1.0, train_reward=0.5, entropy=0.2)
    evaluated = Step(5, at=2.0, valid_reward=0.25, total_steps=9)
    whole_step = Step(5, total_steps=9, at=2.0, train_reward=0.5, valid_reward=0.25, entropy=0.2)
    assert Series.of((evaluated, trained)).steps == (whole_step,)
    again = Step(5, at=3.0, train_reward=0.6)
    assert Series.of((trained, again)).steps == (again,)


def test_a_step_without_validation_has_none() -> None:
    step = read(metrics({"step": 3, "scores": {"train_reward_mean": 0.0}}))

    assert step is not None
    assert step.train_reward == 0.0
    assert step.valid_reward is None
    assert step.total_steps is None


def test_nan_infinity_text_and_truth_are_no_figures() -> None:
    data = json.loads(
        '{"step": 2, "train_mean_reward": NaN, "full_valid_mean_reward": Infinity, "timing": {"step": 3}}'
    )
    step = read(metrics({**data, "completion_tokens_mean": "12", "reasoning_tokens_mean": True}))

    assert step is not None
    assert (step.train_reward, step.valid_reward) == (None, None)
    assert (step.train_completion_tokens, step.train_reasoning_tokens) == (None, None)
    assert step.timing == StepTiming()


def test_rewards_below_zero_stay_below_zero() -> None:
    step = read(metrics({"step": 1, "train_mean_reward": -0.02}))

    assert step is not None
    assert step.train_reward == -0.02


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("Step 10/20 , train mean reward=0.42", (10, 20)),
        ("Step 4/67: training metrics", (4, 67)),
        ("training step 7", (7, None)),
        ("Step 5 / 9", (5, 9)),
    ],
)
def test_the_step_is_read_from_the_words_where_the_data_has_none(message: str, place: tuple[int, int | None]) -> None:
    step = read(metrics({"train_mean_reward": 0.5}, message))

    assert step is not None
    assert (step.step, step.total_steps) == place


def test_the_data_is_believed_before_the_words() -> None:
    step = read(metrics({"step": 11.0, "total_steps": 40}, "Step 10/20"))

    assert step is not None
    assert (step.step, step.total_steps) == (11, 40)


@pytest.mark.parametrize(
    "event",
    [
        metrics({}, "Checkpoint created at step 200 with Snapshot ID: ft:m:ckpt-step-200", kind="message"),
        metrics({"hate": {"flagged": False}}, "Moderation checks passed", kind="moderation_checks"),
        metrics({"train_mean_reward": 0.5}, "no place is named"),
        metrics({"step": -1, "train_mean_reward": 0.5}),
        metrics({"step": 1.5, "train_mean_reward": 0.5}),
    ],
)
def test_what_is_not_a_step_is_none(event: RemoteEvent) -> None:
    assert read(event) is None


def test_figures_count_even_where_the_platform_forgets_to_call_them_metrics() -> None:
    assert read(metrics({"step": 1, "critic_rewards_mean": 0.1}, kind="message")) is not None


def test_graders_may_come_as_an_object_by_name_and_with_some_figures_only() -> None:
    data = {
        "step": 1,
        "scores": {"graders": {"f1": {"train_reward_mean": 0.5}, "broken": 3}},
        "errors": {"graders": [{"name": "recall", "train_python_grader_runtime_error_mean": 0.25, "type": "python"}]},
        "timing": {"graders": [{"name": "f1", "valid_execution_latency_mean": 0.01}, {"no": "name"}, "text"]},
    }

    step = read(metrics(data))

    assert step is not None
    assert step.graders == (
        GraderFigures(name="f1", train_score=0.5, valid_latency=0.01),
        GraderFigures(name="recall", train_errors={"python_grader_runtime_error": 0.25}),
    )


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("frac_reward_zero_std", "zero_std_share"),
        ("critic_frac_reward_zero_std", "zero_std_share"),
        ("completions/clipped_ratio", "clipped_share"),
        ("response_length_clip_ratio", "clipped_share"),
        ("actor_entropy", "entropy"),
        ("policy_entropy", "entropy"),
    ],
)
def test_what_few_platforms_send_is_read_under_each_of_its_names(name: str, field: str) -> None:
    step = read(metrics({"step": 1, name: 0.25}))
    assert step is not None
    assert getattr(step, field) == 0.25
    assert step.unread == {}


def test_rewards_and_losses_that_are_not_finite_are_named() -> None:
    step = read(metrics({"step": 1, "loss": math.nan, "train_reward_mean": math.inf, "kl": math.nan}))
    assert step is not None
    assert step.not_finite == ("train_reward_mean", "loss")
    assert (step.train_reward, step.unread) == (None, {})
    assert STEP.validate_json(STEP.dump_json(step, exclude_defaults=True)) == step


def test_figures_that_nobody_reads_are_kept_by_name_a_few_of_them() -> None:
    nested = {f"figure_{number}": number for number in range(9)}
    step = read(metrics({"step": 1, "more": nested, "kl": 0.5, "loss": 0.1, "note": "text", "on": True}))
    assert step is not None
    assert len(step.unread) == 6
    assert list(step.unread)[:3] == ["kl", "loss", "more.figure_0"]


def test_a_count_beside_its_mean_is_no_news() -> None:
    step = read(metrics({"step": 1, "usage": {"tokens_mean": 2.0, "tokens_count": 8.0, "calls_count": 4.0}}))
    assert step is not None
    assert step.unread == {"usage.tokens_mean": 2.0, "usage.calls_count": 4.0}


@pytest.mark.parametrize(
    ("given", "expected"), [(1, 1.0), (0, 0.0), (-2.5, -2.5), (True, None), ("1", None), (None, None), (math.nan, None)]
)
def test_numbers(given: object, expected: float | None) -> None:
    assert number(given) == expected


@pytest.mark.parametrize(("given", "expected"), [(3, 3), (3.0, 3), (3.5, None), (-1, None), ("auto", None), (0, 0)])
def test_whole_numbers(given: object, expected: int | None) -> None:
    assert whole(given) == expected


def test_a_path_through_something_else_leads_to_nothing() -> None:
    assert child({"a": {"b": 1}}, "a", "b") == {}
    assert child({"a": None}, "a") == {}
    assert child({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}


def test_what_is_kept_of_a_job_of_96_steps_is_small_and_is_read_back() -> None:
    event = capture("rft_metrics_event.json")
    steps = [read(read_event({**event, "data": {**event["data"], "step": number}})) for number in range(96)]
    kept = [STEP.dump_json(step, exclude_defaults=True) for step in steps if step]
    assert sum(map(len, kept)) <= 110_000  # this one was evaluated at every step
    assert [STEP.validate_json(step) for step in kept] == steps
