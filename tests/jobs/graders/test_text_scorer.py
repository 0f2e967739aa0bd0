"""What compares texts inside the grading process, run in this one."""

import sys

import pytest

from jobs.graders import GraderErrorKind
from jobs.graders.sandbox import text_scorer
from jobs.graders.sandbox.errors import GradingError
from jobs.graders.sandbox.sample import sample_of
from jobs.graders.sandbox.similarity import MEASURES
from jobs.graders.sandbox.text_scorer import TextScorer


@pytest.mark.parametrize("metric", MEASURES)
@pytest.mark.parametrize(
    ("text", "reference"),
    [("", "law"), ("law", ""), ("...", "!?"), ("\u0000\U0001f600\ud83d", "x"), ("a" * 5000, "b c " * 2000)],
)
def test_any_two_texts_score_from_0_to_1(metric: str, text: str, reference: str) -> None:
    assert 0.0 <= MEASURES[metric](text, reference) <= 1.0


@pytest.mark.parametrize("metric", MEASURES)
def test_texts_of_any_script_can_agree(metric: str) -> None:
    texts = ("Русский язык красив и очень стар", "اللغة العربية جميلة وقديمة جدا جدا هنا", "日本語の文章です")
    for text in texts:
        assert MEASURES[metric](text, text) > 0.99


def scored(operation: str, text: str = "{{ sample.output_text }}", reference: str = "{{ item.reference }}") -> float:
    return TextScorer("alike", operation, text, reference)(sample_of("law"), {"reference": "law"})


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz.fuzz", None)
    with pytest.raises(GradingError) as failure:
        scored("fuzzy_match")
    assert failure.value.kind is GraderErrorKind.OTHER_ERROR
    assert failure.value.detail == "alike needs rapidfuzz.fuzz for fuzzy_match, and it is not installed beside Proctor"


def test_texts_too_large_for_the_memory_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(_text: str, _reference: str) -> float:
        raise MemoryError

    monkeypatch.setattr(text_scorer, "MEASURES", {"bleu": hungry})
    with pytest.raises(GradingError) as failure:
        scored("bleu")
    assert failure.value.kind is GraderErrorKind.OTHER_ERROR
    assert failure.value.detail == "alike: the texts are too large to compare"


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("{{ item.nope }}", GraderErrorKind.INVALID_VARIABLE_ERROR),
        ("{{ sample.output_json.z }}", GraderErrorKind.SAMPLE_PARSE_ERROR),
    ],
)
def test_a_comparison_without_its_texts_is_an_error_of_its_kind(reference: str, kind: GraderErrorKind) -> None:
    assert scored("eq") == 1.0
    with pytest.raises(GradingError, match=r"^alike: ") as failure:
        scored("eq", reference=reference)
    assert failure.value.kind is kind
