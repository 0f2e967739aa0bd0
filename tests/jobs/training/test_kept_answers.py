"""Answers of two evaluations, before and after: which steps are compared, and which items are shown."""

import pytest

from jobs.core.errors import BotError
from jobs.core.series import Series
from jobs.platforms.parse import KeptAnswer, KeptItem, read_kept
from jobs.training.kept_answers import compared_steps, most_changed
from tests.jobs.rules.made_up_jobs import a_series
from tests.records import a_job

JOB = a_job()
SERIES = a_series(last=60)
"""Evaluated every five steps from 0 on."""


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
        (SERIES, 2, None, "Step 0 is compared with an earlier evaluation, and 0 is none"),
        (SERIES, 20, 40, "and 40 is none. .* was evaluated from step 0 to step 60"),
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
