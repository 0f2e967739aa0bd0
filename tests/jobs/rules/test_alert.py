import pytest

from jobs.rules import JobFacts
from jobs.rules.alert import Episode, Sign, episodes

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
        ("!!..!.!!.", (Episode(1, 3), Episode(7))),
        ("!!..!!..", (Episode(1, 3), Episode(5, 7))),
    ],
)
def test_an_alert_fires_on_the_edge_and_is_over_after_two_clean_evaluations(
    signs: str, expected: tuple[Episode, ...]
) -> None:
    assert episodes([SIGNS[sign] for sign in signs], in_row=2) == expected


@pytest.mark.parametrize(
    ("items", "batch", "steps"),
    [(100, 16, 7), (96, 16, 6), (5, 16, 1), (None, 16, None), (100, None, None), (0, 1, None)],
)
def test_an_epoch_is_every_item_once(items: int | None, batch: int | None, steps: int | None) -> None:
    assert JobFacts(items, batch).epoch_steps == steps
