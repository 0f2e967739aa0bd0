"""Answers of two evaluations, before and after: which steps are compared, and which items are shown."""

import pytest

from jobs.core.errors import BotError
from jobs.core.series import Series, Step
from jobs.platforms.parse import KeptAnswer, KeptItem, read_kept
from jobs.training.kept_answers import compared_steps, most_changed
from tests.jobs.rules.made_up_jobs import a_series
from tests.records import a_job

JOB = a_job()
SERIES = a_series(last=60)
"""Evaluated every five steps from 0 on."""


def evaluated_at(*steps: int) -> Series:
    return Series(tuple(Step(step, valid_reward=0.5) for step in steps))


EVERY_FIVE = evaluated_at(*range(5, 96, 5), 96)


def item(name: str, *rewards: float) -> KeptItem:
    return KeptItem(name, f"text of {name}", '["a"]', tuple(KeptAnswer(f"{name} {r}", r) for r in rewards))


@pytest.mark.parametrize(
    ("step", "since", "compared"),
    [(None, None, (0, 60)), (32, None, (0, 30)), (30, 12, (10, 30)), (500, 59, (55, 60))],
)
def test_the_newest_evaluation_up_to_a_step_is_compared_with_the_first_or_an_earlier_one(
    step: int | None, since: int | None, compared: tuple[int, int]
) -> None:
    assert compared_steps(JOB, SERIES, step, since) == compared


@pytest.mark.parametrize(
    ("series", "step", "since", "said"),
    [
        (Series(), None, None, "has had 0 evaluations"),
        (EVERY_FIVE, 3, 2, "There was no evaluation at step 2 or 3; they were every 5 steps, from 5 to 96."),
        (EVERY_FIVE, 12, 10, "There was no evaluation at step 12; they were every 5 steps, from 5 to 96."),
        (EVERY_FIVE, None, 100, "There was no evaluation at step 100; they were every 5 steps, from 5 to 96."),
        (EVERY_FIVE, None, 96, "There was no evaluation after step 96; they were every 5 steps, from 5 to 96."),
        (EVERY_FIVE, 5, None, "There was no evaluation before step 5; they were every 5 steps, from 5 to 96."),
        (EVERY_FIVE, 20, 40, "`from=40` does not come before `step=20`; give an earlier step as `from=`."),
        (evaluated_at(1, 5, 10, 15), 4, 3, "step 3 or 4; there were 4, from step 1 to step 15."),
        (evaluated_at(5, 10, 40), 4, 3, "step 3 or 4; there were 3, from step 5 to step 40."),
        (evaluated_at(5, 10), 4, 3, "step 3 or 4; they were at steps 5 and 10."),
        (evaluated_at(2, 3, 4), 1, 0, "step 0 or 1; they were every step, from 2 to 4."),
        (SERIES, 2, None, "There was no evaluation at step 2; they were every 5 steps, from 0 to 60."),
    ],
)
def test_where_nothing_can_be_compared_it_is_said(
    series: Series, step: int | None, since: int | None, said: str
) -> None:
    with pytest.raises(BotError, match=said):
        compared_steps(JOB, series, step, since)


def test_the_items_whose_reward_changed_most_are_shown() -> None:
    before = [item(f"i{n}", 0.5, 0.5) for n in range(8)]
    after = [item(f"i{n}", 0.5 + change, 0.5) for n, change in enumerate((0, 0.1, -0.5, 0.2, 0.05, -0.3, 0.4, 0))]
    found = most_changed(JOB, (0, 30), before, after)
    assert [each.after.name for each in found.items] == ["i2", "i6", "i5", "i3", "i1"]
    assert (found.of, found.before, round(found.after, 4)) == (8, 0.5, 0.4969)
    assert found.items[0].change == pytest.approx(-0.25)


def test_what_the_platform_kept_is_read_tolerantly() -> None:
    rows = [
        {"item": {"id": "x", "reference_answer": ["à"]}, "input": "t", "answers": [{"text": "a", "reward": 1}, 3]},
        {"item": {"reference_answer": 0}, "answers": None},
    ]
    first, second = read_kept({"data": rows})
    assert (first.name, first.reference, first.answers, first.reward) == ("x", '["à"]', (KeptAnswer("a", 1.0),), 1.0)
    assert (second.name, second.reference, second.answers, second.reward) == ("row 2", "0", (), 0.0)
    assert read_kept({}) == ()
