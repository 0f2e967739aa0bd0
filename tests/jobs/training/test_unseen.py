"""What a platform does not send, or names in ways nobody knows, is said once; the rules see with what there is."""

from dataclasses import replace

import pytest

from jobs.core.records import Hyperparameters, Job, JobState, PostingKind
from jobs.core.series import Series, Step
from jobs.platforms.metrics import step_of
from jobs.platforms.parse import RemoteEvent
from jobs.state.change import Change, Versioned
from jobs.training.reduce import News, reduce
from tests.records import PROFILE, a_checkpoint, a_job, a_remote, a_request

NOW, NOTHING = 1_111.0, Series()
AUTO = a_job(batch_size=None)


def events(count: int, data: dict[str, float], *, message: str = "", kind: str = "metrics") -> tuple[RemoteEvent, ...]:
    return tuple(
        RemoteEvent(f"ev-{n}", 1_000.0 + n, "info", f"Step {n}/{count}{message}", kind, data)
        for n in range(1, count + 1)
    )


def steps_of(told: tuple[RemoteEvent, ...]) -> tuple[Step, ...]:
    read = (step_of(event.data, kind=event.kind, message=event.message, at=event.at) for event in told)
    return tuple(step for step in read if step is not None)


def followed(
    job: Job, steps: tuple[Step, ...], status: str = "running", known: Series = NOTHING, **remote: object
) -> Change:
    checkpoints = () if status == "succeeded" else None
    return reduce(
        Versioned(job, 7),
        News(a_remote(status, batch_size=None, **remote), (), steps, checkpoints),
        known,
        PROFILE,
        NOW,
    )


def job_of(change: Change) -> Job:
    held = change.record(Job)
    assert held is not None
    return held.value


def lines(change: Change) -> list[str]:
    return [str(p.text) for p in change.postings if p.kind is PostingKind.STATUS and p.id.endswith(":unseen")]


def test_sixty_steps_of_nothing_are_told_with_everything_on_auto() -> None:
    flat = tuple(Step(n, train_reward=0.0, valid_reward=0.0 if n % 5 == 0 else None) for n in range(1, 61))
    alerts = job_of(followed(AUTO, flat)).alerts
    assert [(alert.rule, alert.level, alert.step) for alert in alerts if alert.rule == "N"] == [("N", "critical", 20)]


def test_a_job_that_overfits_is_told_with_everything_on_auto() -> None:
    climb = tuple(Step(n, train_reward=0.31 + 0.64 * n / 60, valid_reward=0.60 - 0.32 * n / 60) for n in range(1, 61))
    assert {alert.rule for alert in job_of(followed(AUTO, climb)).alerts} & {"O1", "O2"}


def test_all_steps_and_epochs_tell_how_long_an_epoch_is() -> None:
    news = replace(a_remote(), hyperparameters=Hyperparameters(n_epochs=4))
    change = reduce(Versioned(AUTO, 7), News(news, (), (), None), Series(), PROFILE, NOW)
    assert job_of(change).n_epochs == 4


def test_figures_under_unknown_names_are_named_once() -> None:
    told = events(20, {"policy/quality_avg": 0.5, "policy/tokens": 3.0})
    first = followed(AUTO, steps_of(told[:4]))
    assert lines(first) == []
    second = followed(job_of(first), steps_of(told[4:8]), known=Series.of(steps_of(told[:4])))
    (line,) = lines(second)
    assert line == (
        "local has sent no reward that I can read up to step 8, so nothing here can warn of overfitting, of rewards "
        "that never change or of a collapse. "
        "The platform sent figures I do not know: policy/quality_avg, policy/tokens."
    )
    third = followed(job_of(second), steps_of(told[8:]), known=Series.of(steps_of(told[:8])))
    assert lines(third) == []


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {"train_reward": 0.3},
            "no validation reward up to step 25, so nothing here can warn of overfitting. A collapse",
        ),
        ({"valid_reward": 0.3}, "no train reward up to step 25, so nothing here can warn of overfitting or of rewards"),
    ],
)
def test_one_reward_alone_is_watched_and_what_cannot_be_seen_is_said(figures: dict[str, float], said: str) -> None:
    steps = tuple(replace(Step(n), **figures) for n in range(1, 26))  # type: ignore[arg-type] # a test's shorthand
    early = followed(AUTO, steps[:19])
    assert lines(early) == []
    (line,) = lines(followed(job_of(early), steps[19:], known=Series(steps[:19])))
    assert said in line


@pytest.mark.parametrize(
    "job", [a_job(total_steps=200), a_job(request=a_request(hyperparameters=Hyperparameters(eval_interval=40)))]
)
def test_a_job_that_is_evaluated_seldom_has_time_for_it(job: Job) -> None:
    assert lines(followed(job, tuple(Step(n, train_reward=0.3) for n in range(1, 40)))) == []
    assert lines(followed(job, tuple(Step(n, train_reward=0.3) for n in range(1, 41)))) != []


def test_a_job_on_which_the_rules_see_gets_no_such_line() -> None:
    steps = tuple(Step(n, train_reward=0.3 + n / 200, valid_reward=0.3 + n / 200) for n in range(1, 31))
    assert lines(followed(AUTO, steps, "succeeded")) == []


def test_a_finished_job_is_finished_though_its_platform_says_nothing_of_it() -> None:
    change = followed(AUTO, (), "succeeded")
    assert job_of(change).state is JobState.SUCCEEDED
    assert lines(change) == []


def test_the_tuned_model_is_what_is_evaluated_where_no_checkpoint_is_listed() -> None:
    steps = tuple(Step(n, train_reward=0.3) for n in range(1, 9))
    (kept,) = job_of(followed(AUTO, steps, "succeeded", fine_tuned_model="ft:m:acts")).checkpoints
    assert (kept.model_id, kept.step, kept.train_reward) == ("ft:m:acts", 8, 0.3)
    assert job_of(followed(AUTO, steps, "succeeded")).checkpoints == ()


def test_checkpoints_that_are_listed_are_the_ones_to_evaluate() -> None:
    news = News(a_remote("succeeded", fine_tuned_model="ft:m:acts"), (), (), (a_checkpoint(10),))
    change = reduce(Versioned(AUTO, 7), news, Series(), PROFILE, NOW)
    assert [each.id for each in job_of(change).checkpoints] == ["ckpt-10"]


def test_rewards_in_words_alone_are_read() -> None:
    told = events(20, {}, message=" , train mean reward=0.36, full validation mean reward=0.41", kind="message")
    job = job_of(followed(AUTO, steps_of(told), "succeeded"))
    assert (job.last_step, job.total_steps, job.train_reward, job.valid_reward) == (20, 20, 0.36, 0.41)
