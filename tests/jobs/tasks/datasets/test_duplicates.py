import random

from jobs.core.records import Message
from jobs.tasks import Row
from jobs.tasks.datasets.duplicates import NEAR, find_duplicates, normalised, places_to_keep, text_of

WORDS = [f"word{n}" for n in range(400)]


def passage(seed: int, length: int = 60) -> list[str]:
    return random.Random(seed).choices(WORDS, k=length)


def test_case_punctuation_and_spacing_make_no_other_text() -> None:
    texts = ["A rule, on  TRADE.", "another rule", "a rule on trade", "\uff21 rule: on (trade)"]
    assert [(pair.first, pair.second, pair.exact) for pair in find_duplicates(texts)] == [(0, 2, True), (0, 3, True)]


def test_texts_without_words_are_told_apart() -> None:
    assert find_duplicates(["\U0001f600", "\U0001f680", " \U0001f600 "])[0].second == 2
    assert normalised("\U0001f600") != normalised("\U0001f680")


def test_scripts_other_than_latin_are_read() -> None:
    arabic = "\u0642\u0627\u0646\u0648\u0646 \u0627\u0644\u062a\u062c\u0627\u0631\u0629"
    assert find_duplicates([arabic, f"{arabic}.", "\u5546\u6cd5"])[0].second == 1


def test_a_text_with_one_word_changed_is_near() -> None:
    one = passage(1)
    changed = [*one[:30], "other", *one[31:]]
    (pair,) = find_duplicates([" ".join(one), " ".join(passage(2)), " ".join(changed)])
    assert (pair.first, pair.second, pair.exact) == (0, 2, False)
    assert NEAR <= pair.similarity < 1


def test_short_texts_are_never_near() -> None:
    assert find_duplicates(["the price of one ton of fish", "the price of one ton of iron"]) == ()


def test_every_planted_repeat_is_found_and_no_other() -> None:
    texts = [" ".join(passage(n)) for n in range(400)]
    repeats = [" ".join([*passage(n)[:-2], "other", "end"]) for n in range(0, 400, 4)]
    pairs = find_duplicates(texts + repeats)
    assert {(pair.first, pair.second) for pair in pairs} == {(4 * n, 400 + n) for n in range(100)}


def test_what_all_texts_share_is_a_template_and_no_repeat() -> None:
    mould = (
        "the commission amends on day {} the rules on the market in goods and services of every kind in all states at "
    )
    mould += "once and for as long as a later act that is published in the journal says nothing else about it"
    assert find_duplicates([mould.format(n) for n in range(2000)]) == ()
    own = [" ".join(passage(n, 30)) for n in range(50)]
    repeated = f"{mould} {own[7]} other {mould}"
    (pair,) = find_duplicates([*(f"{mould} {text} {mould}" for text in own), repeated])
    assert (pair.first, pair.second, pair.exact) == (7, 50, False)


def test_sums_of_the_same_numbers_are_not_the_same() -> None:
    assert find_duplicates(["What is 3 + 5?", "What is 3 - 5?", "What is 3 * 5?"]) == ()
    assert find_duplicates(["What is 3 + 5?", "what is 3+5"])[0].exact


def test_what_is_known_elsewhere_is_not_kept() -> None:
    assert places_to_keep(["a one", "b two", "A ONE", "c three"], known=["c, three"]) == (0, 1)


def test_one_question_about_two_pictures_is_two_texts() -> None:
    rows = [
        Row(
            url,
            {},
            (
                Message("developer", "Name what you see."),
                Message("user", ({"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": url})),
            ),
        )
        for url in ("a", "b", "a")
    ]
    assert [(pair.first, pair.second) for pair in find_duplicates([text_of(row) for row in rows])] == [(0, 2)]
    assert text_of(Row("c", {}, (Message("system", "x"), Message("user", "only this")))) == "only this"
