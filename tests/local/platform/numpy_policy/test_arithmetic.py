from fractions import Fraction

import pytest

from local.platform.numpy_policy.arithmetic import asked_for, calculated, number_of, numbers_in, ways_to


def test_numbers_are_read_in_the_order_of_the_text() -> None:
    assert numbers_in("9" * 5000) == []
    assert numbers_in("1,200 men, 3.5 kg, A4 paper, 7th, 12.") == [1200, Fraction(7, 2), 12]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (0, 0),
        ("-1,200", -1200),
        (" 2.5 ", Fraction(5, 2)),
        ("He has 3 + 4 = 7.\n#### 7", 7),
        (True, None),
        ("9" * 5000, None),
        ("seven", None),
        ("7 men", None),
        (None, None),
        ([7], None),
    ],
)
def test_references_are_read_as_numbers_where_they_are_numbers(value: object, number: int | None) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("way", "result"),
    [
        ("n2", "4"),
        ("n1 + n2", "10"),
        ("n1 / n2", "1.5"),
        ("(n2 - n1) * n3", "0"),
        ("(n1 * n2) - n1", "18"),
        ("n1 / n3", "0"),
        ("n1 + n4", "0"),
    ],
)
def test_a_way_is_calculated_with_the_numbers_of_a_text(way: str, result: str) -> None:
    assert calculated(way, "6 of 4, and 0") == result


def test_ways_are_those_that_lead_to_the_references_of_several_rows() -> None:
    def row(one: int, other: int, answer: int) -> tuple[str, Fraction]:
        return f"{one} and {other}", Fraction(answer)

    sums = [row(n, 101 + 3 * n, 101 + 4 * n) for n in range(50, 60)]
    unlike = [row(n, 101 + 3 * n, 7001 + n**3) for n in range(50, 60)]

    assert ways_to(sums, is_finite=False) == ("n1 + n2",)
    assert ways_to([*sums, *unlike], is_finite=False) == ("n1 + n2",)
    assert ways_to([*sums, *unlike], is_finite=True) == ()
    assert ways_to(unlike, is_finite=False) == ()
    assert ways_to(sums[:1], is_finite=False) == ()


def test_a_number_is_asked_for_in_so_many_words() -> None:
    assert asked_for("3 hens and 4 geese: how many birds?")[:3] == ("n1", "n2", "n1 + n2")
    assert asked_for("3 hens and 4 geese came by.") == ()
    assert asked_for("How many hens?") == ()
