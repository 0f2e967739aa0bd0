import math
import random

from charts.thinning import Point, strokes, thin


def test_points_without_a_gap_are_one_stroke() -> None:
    points = tuple((step, step / 10) for step in range(10))
    assert strokes(points, 100) == (points,)


def test_a_step_nobody_reported_is_a_gap() -> None:
    points = [(step, 0.5) for step in range(10) if step not in {4, 5}]
    assert [[step for step, _ in stroke] for stroke in strokes(points, 100)] == [[0, 1, 2, 3], [6, 7, 8, 9]]


def test_a_value_that_is_not_finite_is_a_gap() -> None:
    points = [(1, 0.1), (2, math.nan), (3, 0.3), (4, 0.4), (5, math.inf)]
    assert strokes(points, 100) == (((1, 0.1),), ((3, 0.3), (4, 0.4)))


def test_evaluations_every_few_steps_are_joined() -> None:
    points = tuple((step, 0.5) for step in (0, 5, 10, 15, 19))
    assert strokes(points, 100) == (points,)


def test_points_come_out_in_order() -> None:
    assert strokes([(3, 0.3), (1, 0.1), (2, 0.2)], 100) == (((1, 0.1), (2, 0.2), (3, 0.3)),)


def test_nothing_finite_is_no_stroke() -> None:
    assert strokes([], 100) == ()
    assert strokes([(1, math.nan)], 100) == ()


def test_thinning_keeps_ends_and_every_bucket_s_extremes() -> None:
    noise = random.Random(1)
    points: list[Point] = [(step, noise.gauss(0, 1)) for step in range(5000)]
    points[2503] = (2503, 99.0)
    points[4111] = (4111, -99.0)
    (line,) = strokes(points, 1000)
    assert len(line) <= 1002
    assert line == tuple(sorted(line))
    assert line[0] == points[0]
    assert line[-1] == points[-1]
    assert {(2503, 99.0), (4111, -99.0)} <= set(line)
    for start in range(0, 5000, 10):
        bucket = points[start : start + 10]
        assert {min(bucket, key=lambda p: p[1]), max(bucket, key=lambda p: p[1])} <= set(line)


def test_thinning_keeps_gaps() -> None:
    points = [(step, float(step % 7)) for step in range(4000) if not 1000 <= step < 1100]
    first, second = strokes(points, 500)
    assert first[-1][0] == 999
    assert second[0][0] == 1100


def test_a_bucket_of_equal_values_keeps_one_point() -> None:
    assert thin([(step, 1.0) for step in range(10)], 10) == ((0, 1.0), (9, 1.0))
