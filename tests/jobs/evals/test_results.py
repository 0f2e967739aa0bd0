"""Results for a person: the items that went worst."""

import pytest

from jobs.evals.records import Answer
from jobs.evals.results import worst_items
from tests.jobs.evals.reported import an_answer, an_eval


def test_the_worst_items_are_those_with_the_lowest_mean_reward() -> None:
    answers = [
        *(an_answer("good", run, scores={"f1": 0.9}) for run in (1, 2)),
        *(an_answer("bad", run, scores={"f1": score}) for run, score in ((1, 0.3), (2, 0.1), (3, 0.1))),
        *(an_answer(name, scores={"f1": 0.5}) for name in ("b", "a")),
    ]

    worst = worst_items(an_eval(), answers, most=3)

    assert [item.id for item in worst] == ["bad", "a", "b"]
    assert worst[0].mean == pytest.approx(0.5 / 3)
    assert (worst[0].scored, worst[0].worst.run) == (3, 2)


def test_a_failure_is_no_score_of_zero() -> None:
    answers = [
        an_answer("half", scores={"f1": 0.8}),
        Answer("half", "local-policy-1", 2, failure="time-out"),
        Answer("none", "local-policy-1", 1, failure="time-out"),
        an_answer("odd", scores={"f1": float("nan")}),
        an_answer("ungraded", scores={"recall": 0.0}),
    ]

    (only,) = worst_items(an_eval(), answers)

    assert (only.id, only.mean, only.scored) == ("half", 0.8, 1)
