"""Axes over steps: gaps in lines, and the ranges of axes."""

import math

import pytest

from charts.step_axes import strokes, value_range
from charts.wording import Unit


def test_points_without_a_gap_are_one_stroke() -> None:
    points = tuple((step, step / 10) for step in range(10))
    assert strokes(points) == [points]


def test_a_step_nobody_reported_is_a_gap() -> None:
    points = tuple((step, 0.5) for step in range(10) if step not in {4, 5})
    assert [[step for step, _ in stroke] for stroke in strokes(points)] == [[0, 1, 2, 3], [6, 7, 8, 9]]


def test_a_value_that_is_not_finite_is_a_gap() -> None:
    points = ((1, 0.1), (2, math.nan), (3, 0.3), (4, 0.4), (5, math.inf))
    assert strokes(points) == [((1, 0.1),), ((3, 0.3), (4, 0.4))]


def test_evaluations_every_few_steps_are_joined() -> None:
    points = tuple((step, 0.5) for step in (0, 5, 10, 15, 19))
    assert strokes(points) == [points]


def test_points_come_out_in_order() -> None:
    assert strokes(((3, 0.3), (1, 0.1), (2, 0.2))) == [((1, 0.1), (2, 0.2), (3, 0.3))]


def test_nothing_finite_is_no_stroke() -> None:
    assert strokes(()) == []
    assert strokes(((1, math.nan),)) == []


@pytest.mark.parametrize(
    ("values", "unit", "ends"),
    [
        ([0.2, 0.7], "score", (0.17, 0.73)),
        ([0.0, 1.0], "score", (0.0, 1.0)),
        ([-0.5, 0.5], "score", (-0.56, 0.56)),
        ([0.9995, 1.0], "score", (0.9695, 1.0)),
        ([0.0], "score", (0.0, 1.0)),
        ([300.0, 400.0], "tokens", (0.0, 432.0)),
        ([0.0, 0.0], "share", (0.0, 0.01)),
        ([], "seconds", (0.0, 0.001)),
    ],
)
def test_scores_are_shown_where_they_are_and_amounts_from_zero(
    values: list[float], unit: Unit, ends: tuple[float, float]
) -> None:
    assert value_range(values, unit) == pytest.approx(ends)
