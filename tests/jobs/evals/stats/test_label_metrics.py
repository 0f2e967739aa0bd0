"""Precision, recall and F1 over sets of labels."""

import json

import pytest

from jobs.evals.stats.label_metrics import LabelCounts


def _tally(references: dict[str, object], *answers: tuple[str, str]) -> LabelCounts:
    tally = LabelCounts(references)
    for item, text in answers:
        tally.add("base", item, text)
    return tally


def test_micro_counts_labels_macro_counts_each_label_alike() -> None:
    references: dict[str, object] = {"1": ["a", "b"], "2": ["a"], "3": ["c"]}
    scores = _tally(
        references,
        ("1", '{"domains": ["a"]}'),
        ("2", '{"domains": ["a", "c"]}'),
        ("3", '{"domains": ["b", "z"]}'),
    ).scores("base")

    assert scores is not None
    micro, macro = scores
    assert (micro.precision, micro.recall, micro.f1) == pytest.approx((2 / 5, 2 / 4, 4 / 9))
    # a: P 1 R 1, b: P 0 R 0, c: P 0 R 0; z is in no reference
    assert (macro.precision, macro.recall, macro.f1) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


@pytest.mark.parametrize("form", ["{}", '{{"team": "{}", "sure": true}}'])
def test_single_references_that_come_again_and_again_are_classes(form: str) -> None:
    references: dict[str, object] = {"1": "billing", "2": "billing", "3": "billing", "4": "returns", "5": "returns"}
    said = ("billing", "billing", "billing", "billing", "returns")
    answers = [(item, form.format(label)) for item, label in zip(references, said, strict=True)]
    scores = _tally({**references, "6": "returns"}, *answers, ("6", "No idea.")).scores("base")
    assert scores is not None
    micro, macro = scores
    assert (micro.precision, micro.recall) == pytest.approx((4 / 6 if form == "{}" else 4 / 5, 4 / 6))
    # billing: 3 of 4 named, 3 of 3 found; returns: 1 of 1, 1 of 3
    assert macro.f1 == pytest.approx((6 / 7 + 2 / 4) / 2)


def test_single_references_that_differ_are_prose() -> None:
    assert _tally({"1": "It rains.", "2": "It snows.", "3": "It rains."}, ("1", "It rains.")).scores("base") is None


def test_an_answer_that_breaks_the_form_has_no_labels() -> None:
    scores = _tally({"1": ["a"], "2": ["b"]}, ("1", '{"domains": ["a"]}'), ("2", "Certainly: b")).scores("base")

    assert scores is not None
    assert (scores[0].precision, scores[0].recall) == (1.0, 0.5)


def test_of_two_lists_the_one_that_agrees_with_the_references_counts_for_every_answer() -> None:
    everything = ["a", "b", "c"]
    answers = [
        (item, json.dumps({"considered": everything, "final": chosen}))
        for item, chosen in [("1", ["a"]), ("2", ["b"]), ("3", [])]
    ]
    scores = _tally({"1": ["a"], "2": ["b"], "3": ["c"]}, *answers).scores("base")

    assert scores is not None
    assert (scores[0].precision, scores[0].recall) == pytest.approx((1.0, 2 / 3))


@pytest.mark.parametrize(
    "references", [{}, {"1": "a", "2": "b"}, {"1": ["a"], "2": "free text"}, {"1": [], "2": []}, {"1": ["a"]}]
)
def test_without_sets_of_labels_there_are_no_scores(references: dict[str, object]) -> None:
    tally = _tally(references, ("1", "prose"), ("2", '{"domains": ["a"]}'), ("9", '["a"]'))

    assert tally.scores("base") is None
    assert tally.scores("an arm without answers") is None


def test_an_arm_that_never_gave_a_list_beside_one_that_did_scores_nothing() -> None:
    tally = LabelCounts({"1": ["a"]})
    tally.add("prose", "1", "a, I should say")
    tally.add("form", "1", '{"domains": ["a"]}')

    prose = tally.scores("prose")
    assert prose is not None
    assert prose[0].f1 == 0.0


def test_a_model_that_invents_fields_fills_no_memory() -> None:
    tally = LabelCounts({"1": ["a"]})
    for number in range(500):
        tally.add("base", "1", json.dumps({f"field {number}": ["a"]}))

    scores = tally.scores("base")
    assert scores is not None
    assert len(tally._counts) < 50
