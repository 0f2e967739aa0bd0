"""The check says whether people have checked the judges that training would climb."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.checks.facts import Facts
from jobs.checks.finding import Level
from jobs.checks.grader import checked_judges
from jobs.evals.reviews import NO_REVIEWS, Review, ReviewedGrade, TaskReviews
from jobs.graders import fingerprint, parse_grader
from jobs.tasks import Task, TaskCatalogue
from tests.jobs.tasks.folder import write_folder

JUDGE = {
    "type": "score_model",
    "name": "helpful",
    "model": "judge-1",
    "range": [0, 1],
    "input": [{"role": "user", "content": "{{sample.output_text}}"}],
}


@pytest.fixture
def small_task(tmp_path: Path) -> Task:
    return TaskCatalogue(write_folder(tmp_path)).load("small")


def judged(task: Task) -> Task:
    return replace(task, graders={"helpful": JUDGE}, reward="helpful")


def reviews(*, right: int, wrong: int) -> TaskReviews:
    version = fingerprint(parse_grader(JUDGE))
    return TaskReviews(
        "small",
        tuple(
            ReviewedGrade("helpful", version, f"i{number}", "c", "a", 0.1).with_review(
                Review("U0ALICE", "alice", 1.0, 0.5, is_right=number < right, is_drawn=True)
            )
            for number in range(right + wrong)
        ),
    )


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        (NO_REVIEWS, Level.NOTE, "No grades of this judge (helpful) have been checked by a person."),
        (reviews(right=5, wrong=1), Level.NOTE, "5 of 6 (83%"),
        (reviews(right=40, wrong=1), Level.OK, "40 of 41 (98%"),
        (reviews(right=10, wrong=20), Level.WARN, "correct its prompt or its model"),
    ],
)
def test_a_judge_is_called_what_people_found(small_task: Task, said: TaskReviews, level: Level, words: str) -> None:
    found = checked_judges(Facts(judged(small_task), {}, reviews=said))
    assert found is not None
    assert (found.level, words in found.text) == (level, True), found.text


def test_a_task_without_a_judge_has_nothing_to_check(small_task: Task) -> None:
    assert checked_judges(Facts(small_task, {})) is None
