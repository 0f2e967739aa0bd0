"""How numbers, intervals, units and lists are written."""

import pytest
from hypothesis import given, settings
from hypothesis.strategies import floats

from charts.wording import (
    MOST_DECIMALS,
    Unit,
    apart,
    changed,
    compared,
    counted,
    decimals_apart,
    decimals_of,
    duration,
    estimate,
    file_size,
    interval,
    joined,
    listed,
    moved,
    number,
    percentage,
    quantities,
    quantity,
    score,
    sentence,
    signed,
)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.5, 2, "0.50"),
        (-0.001, 2, "0.00"),
        (-0.25, 2, "-0.25"),
        (0.0312, 3, "0.031"),
        (99.9, 1, "99.9"),
        (-12345.6, 2, "-12,346"),
        (2.5e12, 2, "2.5e+12"),
    ],
)
def test_a_number_has_its_decimals_and_no_sign_at_zero(value: float, decimals: int, text: str) -> None:
    assert number(value, decimals) == text


def test_a_score_that_is_not_known_is_said_to_be_missing() -> None:
    assert score(0.526) == "0.53"
    assert score(None) == "not reported"
    assert score(None, missing="no evaluation yet") == "no evaluation yet"


def test_values_that_differ_get_the_decimals_that_tell_them_apart() -> None:
    assert decimals_apart(0.52, 0.55) == 2
    assert decimals_apart(0.521, 0.524) == 3
    assert decimals_apart(0.5, 0.5) == 2
    assert decimals_apart(0.5, 0.5 + 1e-9) == 2
    assert decimals_apart(0.5, 0.5 + 1e-9, 0.503) == 3


def test_values_that_a_sentence_compares_look_different_if_they_are() -> None:
    assert apart(0.63, 0.64) == ("0.63", "0.64")
    assert apart(0.004, 0.0513, 0.0488) == ("0.004", "0.051", "0.049")
    assert apart(0.50001, 0.5) == ("0.50001", "0.50000")
    assert apart(0.5, 0.5) == ("0.50", "0.50")
    assert apart(250.25, 250.5, 3.0) == ("250.2", "250.5", "3.0")
    assert apart() == ()


def test_two_scores_and_their_change_agree_as_they_are_written() -> None:
    assert compared(0.50, 0.53) == ("0.50", "0.53", "+0.03")
    assert compared(0.524, 0.521) == ("0.524", "0.521", "-0.003")
    assert compared(0.536, 0.674) == ("0.536", "0.674", "+0.138")
    assert compared(0.5, 0.5) == ("0.50", "0.50", "0.00")
    assert compared(10 / 18, 17 / 18) == ("0.556", "0.944", "+0.388")
    assert moved(10 / 18, 17 / 18) == "up 0.388"


@settings(max_examples=200)
@given(floats(0, 1), floats(0, 1))
def test_a_written_change_is_the_difference_of_the_written_scores(before: float, after: float) -> None:
    was, now, by = compared(before, after)
    if decimals_of(was) < MOST_DECIMALS:
        assert round(float(now) - float(was), MOST_DECIMALS) == float(by)


def test_a_change_is_as_precise_as_its_interval() -> None:
    assert changed(0.2, 0.12, 0.28) == ("+0.20", "0.12 to 0.28")
    assert changed(0.0042, 0.0011, 0.0073) == ("+0.004", "0.001 to 0.007")
    assert changed(-0.2) == ("-0.20", "")


def test_an_end_of_a_changes_interval_reads_as_nothing_only_where_it_is() -> None:
    assert changed(0.14, 0.004, 0.276) == ("+0.140", "0.004 to 0.276")
    assert changed(-0.14, -0.276, -0.0004) == ("-0.1400", "-0.2760 to -0.0004")
    assert changed(0.14, 0.0, 0.28) == ("+0.14", "0.00 to 0.28")
    assert changed(0.14, 1e-9, 0.28) == ("+0.14", "0.00 to 0.28")


def test_an_interval_is_written_in_one_way() -> None:
    assert interval(0.451, 0.576) == "0.45 to 0.58"
    assert interval(0.996, 1.0) == "0.996 to 1.000"
    assert interval(None, 0.5) == interval(0.5, None) == ""
    assert estimate(0.52, 0.45, 0.58) == "0.52 (0.45 to 0.58)"
    assert estimate(0.5213, 0.519, 0.5237) == "0.521 (0.519 to 0.524)"
    assert estimate(0.52, None, 0.58) == "0.52"
    assert estimate(None, 0.1, 0.2) == "not measured"


@pytest.mark.parametrize(
    ("value", "text"), [(0.123, "+0.12"), (-0.05, "-0.05"), (0.003, "+0.003"), (-0.0001, "0.00"), (0.0, "0.00")]
)
def test_a_change_has_a_sign_unless_it_is_written_as_nothing(value: float, text: str) -> None:
    assert signed(value) == text


def test_a_change_is_told_from_two_scores() -> None:
    assert signed(0.1234, 3) == "+0.123"
    assert moved(0.501, 0.526) == "up 0.03"
    assert moved(0.53, 0.5) == "down 0.03"
    assert moved(0.501, 0.504) == "up 0.003"
    assert moved(0.5, 0.5 + 1e-9) == "unchanged"
    assert moved(0.40, 0.451, 0.0508) == "up 0.0510"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.53, "score", "0.53"),
        (1240.4, "tokens", "1,240"),
        (18.44, "tokens", "18.4"),
        (20.0, "tokens", "20"),
        (0.004, "share", "0.4%"),
        (0.0, "seconds", "0 s"),
        (2.1e-6, "seconds", "2.1 \u00b5s"),
        (0.25, "seconds", "250 ms"),
        (3.14159, "seconds", "3.14 s"),
        (1402.3, "seconds", "1,402 s"),
    ],
)
def test_figures_are_written_in_their_unit(value: float, unit: Unit, words: str) -> None:
    assert quantity(value, unit) == words


def test_figures_of_one_sentence_are_told_apart() -> None:
    assert quantities([0.631, 0.634], "score") == ("0.631", "0.634")
    assert quantities([18.44, 20.0], "tokens") == ("18.4", "20")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.583, "58%"), (1.0, "100%"), (0.0999, "10%"), (0.0123, "1.2%"), (0.004, "0.4%"), (0.0, "0%"), (-0.5, "-50%")],
)
def test_a_percentage_has_two_digits(share: float, text: str) -> None:
    assert percentage(share) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (None, "not started"),
        (-3.0, "0 s"),
        (42.9, "42 s"),
        (303.0, "5 min 03 s"),
        (3900.0, "1 h 05 min"),
        (183_600.0, "2 d 3 h"),
    ],
)
def test_a_duration_has_at_most_two_units(span: float | None, text: str) -> None:
    assert duration(span) == text


def test_things_are_counted_and_listed() -> None:
    assert counted(1, "item") == "1 item"
    assert counted(1200, "item") == "1,200 items"
    assert counted(0, "entry", "entries") == "0 entries"
    assert [joined(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert joined(["a", "b"], "or") == "a or b"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b"], 2) == "a, b"


def test_a_file_size_has_its_unit() -> None:
    assert [file_size(count) for count in (1, 812, 1434, 3 * 1024**2)] == ["1 byte", "812 bytes", "1.4 KiB", "3.0 MiB"]


def test_a_sentence_ends_in_one_full_stop() -> None:
    assert [sentence(words) for words in ("a", "a.", "a?", "")] == ["a.", "a.", "a?", ""]
