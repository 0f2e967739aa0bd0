"""The experiment that a finished job proposes, by what was read of it, and the reward that a launch may name."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.core.errors import NotFound
from jobs.core.records import Hyperparameters, Job, JobState, RaisedAlert
from jobs.core.series import Series
from jobs.graders import GraderRuntime, Sample, parse_grader
from jobs.rules import facts_of
from jobs.rules.alert_state import alerts_of
from jobs.tasks import TaskCatalogue
from jobs.training.next_experiment import NextExperiment, next_experiment
from jobs.training.postings import finish_line
from tests.jobs.rules.made_up_jobs import a_series, between
from tests.records import a_job, a_request

ENDED = a_job(
    state=JobState.SUCCEEDED, train_items=80, batch_size=16, valid_items=50, reward="f1", last_step=60, total_steps=60
)
RISING = between(0.4, 0.6, 0, 60)
BUNDLED = Path(__file__).parents[3] / "tasks"


def with_alert(job: Job, rule: str, **values: float) -> Job:
    return replace(job, alerts=(RaisedAlert(rule, "critical", 30, "x.", values),))


def proposed(job: Job, series: Series | None = None) -> NextExperiment | None:
    return next_experiment(job, series or a_series(RISING, RISING))


def test_a_job_that_does_well_speaks_for_nothing() -> None:
    assert proposed(ENDED) is None
    assert "Next experiment" not in finish_line(ENDED, proposed(ENDED))


@pytest.mark.parametrize(
    ("precision", "recall", "reward", "more"), [(0.8, 0.4, "f2", "recall"), (0.4, 0.8, "f0.5", "precision")]
)
def test_lopsided_precision_and_recall_speak_for_another_balance(
    precision: float, recall: float, reward: str, more: str
) -> None:
    series = a_series(RISING, RISING, parts={"precision": lambda _: precision, "recall": lambda _: recall})
    found = proposed(ENDED, series)
    assert found == NextExperiment(
        f"precision {precision:.2f} and recall {recall:.2f} are far apart: {reward} as the reward counts {more} twice "
        "as much.",
        {"reward": reward},
    )
    assert found.label == f"Launch again with reward={reward}"
    assert finish_line(ENDED, found).endswith(f"\nNext experiment: {found.reason}")
    again = proposed(replace(ENDED, trained_on=reward), series)
    assert again is not None
    assert again.settings == {}
    other = proposed(replace(ENDED, trained_on={"f2": "f0.5", "f0.5": "f2"}[reward]), series)
    assert other is not None
    assert other.settings == {"reward": "f1"}
    assert other.reason.endswith("pays for: f1 as the reward counts both alike.")


def test_overfitting_speaks_for_as_many_epochs_as_were_of_use() -> None:
    """The alert is raised by the rules themselves, on train reward that climbs away from validation."""
    series = a_series(between(0.4, 0.9, 0, 60), between(0.4, 0.5, 0, 15))
    alerts = alerts_of(replace(ENDED, state=JobState.WATCHING), series, 1e9).carried
    found = proposed(replace(ENDED, alerts=alerts), series)
    assert found is not None
    assert facts_of(ENDED).epoch_steps == 5
    assert 3 <= int(found.settings["epochs"]) <= 6
    assert "instead of 12 would have been enough; more training items help too." in found.reason
    early = proposed(with_alert(replace(ENDED, last_step=5), "O1", best_step=5))
    assert early is not None
    assert (early.settings, early.label) == ({}, "Launch again")
    assert "use more training items" in early.reason


def test_no_signal_speaks_for_a_grader_that_tells_answers_apart() -> None:
    parts = {"f1": lambda _: 0.0, "recall": between(0.1, 0.5, 0, 60), "same": lambda _: 0.2}
    found = proposed(with_alert(ENDED, "N"), a_series(lambda _: 0.0, lambda _: 0.0, parts=parts))
    assert found is not None
    assert found.settings == {"reward": "recall"}
    assert found.reason.startswith("f1 gave training nothing to learn from, while recall moved")
    alone = proposed(with_alert(ENDED, "N2"), a_series(lambda _: 0.0, lambda _: 0.0))
    assert alone is not None
    assert alone.settings == {}
    assert "partial credit" in alone.reason


@pytest.mark.parametrize(("effort", "lower"), [("high", "medium"), (None, "low"), ("medium", "low"), ("low", None)])
def test_rising_tokens_speak_for_another_effort(effort: str | None, lower: str | None) -> None:
    asked = a_request(hyperparameters=Hyperparameters(reasoning_effort=effort))  # type: ignore[arg-type] # as typed
    found = proposed(with_alert(replace(ENDED, request=asked), "L1"))
    assert found is not None
    assert found.settings == ({"effort": lower} if lower else {})


def test_one_experiment_is_proposed_and_what_is_over_speaks_for_none() -> None:
    lopsided = a_series(RISING, RISING, parts={"precision": lambda _: 0.8, "recall": lambda _: 0.4})
    both = proposed(with_alert(ENDED, "N2"), lopsided)
    assert both is not None
    assert "nothing to learn from" in both.reason
    over = replace(ENDED, alerts=(RaisedAlert("O2", "critical", 30, "x.", {"best_step": 20}, cleared=40),))
    assert proposed(over) is None


async def test_f_beta_is_made_from_precision_and_recall() -> None:
    task = TaskCatalogue(BUNDLED).load("eurovoc")
    answer, item = '{"domains": ["law"]}', {"reference_answer": ["law", "trade", "energy"]}
    rewards = {}
    async with GraderRuntime(workers=1) as grading:
        for reward in ("f1", "f2", "f0.5", "recall"):
            grader = parse_grader(task.training_on(reward).training_grader, reward)
            (grade,) = await grading.grade(grader, [(Sample(answer), item)])
            rewards[reward] = grade.reward
    assert rewards == pytest.approx({"f1": 0.5, "f2": 5 / 13, "f0.5": 5 / 7, "recall": 1 / 3})
    assert task.training_on("f2").reward == "f1"
    assert task.training_on(None).trained_by == "f1"
    with pytest.raises(NotFound, match="eurovoc has no grader 'f3x' to train on"):
        task.training_on("f3x")
