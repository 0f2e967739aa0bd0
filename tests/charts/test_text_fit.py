"""Text that fits: wrapped, shortened, and only with glyphs that the font has."""

from charts.text_fit import ELLIPSIS, MISSING, MOST_LINES, clusters, printable, shorten, shorten_all, width_of, wrap
from tests.charts.charts_to_draw import LONG_NAME


def test_long_names_keep_both_ends() -> None:
    name = shorten(LONG_NAME.format(1), 330, 24)
    assert name.startswith("ft:o4-mini")
    assert name.endswith("(high)")
    assert ELLIPSIS in name
    assert width_of(name, 24) <= 330
    assert shorten("x" * 10**6, 300, 24).count(ELLIPSIS) == 1
    assert shorten("short", 300, 24) == "short"
    assert shorten("", 300, 24) == ""


def test_words_that_fit_stay_as_they_are() -> None:
    assert wrap("two words", 900, 24) == ["two words"]
    assert wrap("", 900, 24) == []


def test_long_words_are_wrapped_into_even_lines() -> None:
    words = "validation stopped rising at step 40 while train reward went on"
    first, second = wrap(words, 900, 30, "bold")
    assert f"{first} {second}" == words
    assert abs(width_of(first, 30, "bold") - width_of(second, 30, "bold")) < 250


def test_a_title_is_wrapped_and_not_cut() -> None:
    words = "Step 45 is better than the base model on the validation split: F1 up 0.20 (95% interval 0.12 to 0.28) " * 3
    lines = wrap(words, 900, 34, "bold")
    assert len(lines) > 4
    assert " ".join(lines) == words.strip()
    assert all(width_of(line, 34, "bold") <= 900 for line in lines)


def test_a_number_stays_with_the_word_before_it() -> None:
    for width in range(200, 900, 70):
        lines = wrap("Validation stopped rising at step 40 while train reward went to 0.61", width, 30)
        assert not any(line[0].isdigit() for line in lines), lines


def test_a_novel_ends_in_a_cut_line() -> None:
    lines = wrap("never ending " * 5000, 900, 30)
    assert len(lines) <= MOST_LINES + 1
    assert any(ELLIPSIS in line for line in lines)
    assert all(width_of(line, 30) <= 900 for line in lines)


def test_a_long_word_keeps_its_line_and_the_next_goes_below() -> None:
    assert wrap(f"{'m' * 25} m", 760, 30) == ["m" * 25, "m"]


def test_one_endless_word_is_cut() -> None:
    (line,) = wrap("x" * 500, 300, 24)
    assert ELLIPSIS in line
    assert width_of(line, 24) <= 300


def test_what_the_font_cannot_draw_becomes_a_box() -> None:
    assert printable("a\n\tb \ue000") == f"a b {MISSING}"
    assert printable("\u4e2d") == "\u4e2d"


def test_signs_that_turn_a_line_are_left_out_and_letters_are_composed() -> None:
    assert printable("\u202eevil\u202c \x00e\u0301") == "evil \u00e9"


def test_a_line_that_runs_from_the_right_keeps_to_itself() -> None:
    hebrew = "\u05e9\u05dc\u05d5\u05dd"
    assert printable(hebrew) == printable(printable(hebrew)) == f"\u200e{hebrew}\u200e"


def test_a_text_without_spaces_goes_on_in_the_next_line() -> None:
    words = "\u6807\u7b7e\u5206\u5e03\uff0c" * 12
    lines = wrap(words, 500, 34, "bold")
    assert len(lines) > 3
    assert "".join(lines) == words
    assert not any(line.startswith("\uff0c") for line in lines)
    thai = "\u0e1b\u0e49\u0e32\u0e22\u0e01\u0e33\u0e01\u0e31\u0e1a" * 12
    assert "".join(wrap(thai, 500, 34)) == thai


def test_letters_are_not_cut_apart_from_their_marks() -> None:
    hindi = "\u0939\u093f\u0928\u094d\u0926\u0940"
    assert "".join(clusters(hindi)) == hindi
    assert clusters("e\u0301a") == ["e\u0301", "a"]
    assert len(clusters("\U0001f469\U0001f3fd\u200d\U0001f4bb")) == 1


def test_names_that_would_look_alike_are_numbered() -> None:
    assert shorten_all(["a", "b"], 300) == ["a", "b"]
    assert shorten_all(["a", "\ue000"], 300) == ["1. a", f"2. {MISSING}"]
    assert shorten_all(["x" * 90, f"{'x' * 44}y{'x' * 45}"], 300)[1].startswith("2. x")
