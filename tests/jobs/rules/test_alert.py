import pytest

from jobs.core.series import Step
from jobs.rules import JobFacts
from jobs.rules.alert import Episode, Sign, episodes
from jobs.rules.job_facts import counted_epoch

SIGNS = {"!": Sign.HOLDS, "?": Sign.UNCLEAR, ".": Sign.CLEAN}


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ("", ()),
        ("....", ()),
        ("!.!.!", ()),
        ("!?!?", ()),
        ("..!!", (Episode(3),)),
        ("!!!!!!", (Episode(1),)),
        ("!!.!.!", (Episode(1),)),
        ("!!??.?.", (Episode(1),)),
        ("!!..", (Episode(1, 3),)),
        ("!!..!!..", (Episode(1, 3),)),
        ("!!..!!!!", (Episode(1, 3),)),
        ("!!..!!!!!", (Episode(1, 3), Episode(8))),
        ("!!.....!.!!..", (Episode(1, 3), Episode(10, 12))),
    ],
)
def test_an_alert_fires_on_the_edge_is_over_after_two_clean_evaluations_and_does_not_come_back_at_once(
    signs: str, expected: tuple[Episode, ...]
) -> None:
    assert episodes([SIGNS[sign] for sign in signs], in_row=2) == expected


@pytest.mark.parametrize(
    ("items", "batch", "steps"),
    [(100, 16, 7), (96, 16, 6), (5, 16, 1), (None, 16, None), (100, None, None), (0, 1, None)],
)
def test_an_epoch_is_every_item_once(items: int | None, batch: int | None, steps: int | None) -> None:
    assert JobFacts(items, batch).epoch_steps == steps


@pytest.mark.parametrize(
    ("facts", "steps"),
    [
        (JobFacts(None, None, total_steps=92, epochs=4), 23),
        (JobFacts(100, None, total_steps=90, epochs=12), 8),
        (JobFacts(100, 16, total_steps=90, epochs=1), 7),
        (JobFacts(100, None, total_steps=90), None),
        (JobFacts(None, 16, epochs=3), None),
    ],
)
def test_where_the_batch_is_not_known_all_steps_and_epochs_tell_how_long_an_epoch_is(
    facts: JobFacts, steps: int | None
) -> None:
    assert facts.epoch_steps == steps
    assert facts.epoch_or_stated == (steps or 10)


@pytest.mark.parametrize(
    ("epochs", "steps"),
    [
        ([0.14, 0.29, 0.43], 7),
        ([0.02, 0.03, 0.05, 0.07, 0.08], 60),
        ([0.5, 1.0, 1.5], 2),
        ([1.0, 2.0, 3.0], 1),
        ([0.0, 0.0, 0.0, 1.0, 1.0], 3),
        ([None, 0.0, 0.0], None),
        ([0.01, 0.02], None),
        ([], None),
    ],
)
def test_the_platforms_count_of_epochs_tells_too_and_says_the_same_on_a_longer_series(
    epochs: list[float | None], steps: int | None
) -> None:
    series = [Step(number, epoch=epoch) for number, epoch in enumerate(epochs, start=1)]
    found = [counted_epoch(series[:end]) for end in range(len(series) + 1)]
    assert found[-1] == steps
    assert set(found) <= {None, steps}
