"""Graders that compare texts, run as the runtime runs them, and the measures against figures of other libraries."""

import pytest

from jobs.graders import Grade, GraderErrorKind, GraderRuntime, Sample, parse_grader
from jobs.graders.cell import similarity as measures
from jobs.graders.cell.grading import sample_of
from jobs.graders.cell.texts import Compared
from tests.jobs.graders.definitions import PRECISION, check, python, similarity

MEGABYTE = "word and \u05e9\u05dc\u05d5\u05dd \U0001f600 " * 50_000
METRICS = ("fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l")


async def graded(runtime: GraderRuntime, definition: dict[str, object], text: str, reference: object) -> Grade:
    (grade,) = await runtime.grade(parse_grader(definition), [(Sample(text), {"reference": reference})])
    return grade


@pytest.mark.parametrize(
    ("operation", "text", "reference", "score"),
    [
        ("eq", "law", "law", 1),
        ("eq", "Law", "law", 0),
        ("eq", "law ", "law", 0),
        ("eq", "", "", 1),
        ("ne", "Law", "law", 1),
        ("ne", "law", "law", 0),
        ("like", "trade law", "law", 1),
        ("like", "law", "trade law", 0),
        ("like", "trade Law", "law", 0),
        ("ilike", "trade LAW", "law", 1),
        ("ilike", "STRASSE", "straße", 1),
        ("ilike", "sea", "law", 0),
        ("eq", "\u202eright to left \U0001f600 \ud83d", "\u202eright to left \U0001f600 \ud83d", 1),
        ("eq", "[1, 2]", [1, 2], 1),
    ],
)
async def test_string_checks(
    runtime: GraderRuntime, operation: str, text: str, reference: object, score: float
) -> None:
    grade = await graded(runtime, check(operation), text, reference)
    assert (grade.reward, dict(grade.scores), grade.detail) == (score, {"same": score}, None)


FIGURES = (  # sacrebleu 2.6.0, nltk 3.10.4 (no WordNet), rouge-score 0.1.2 and rapidfuzz 3.14.6 give these
    (
        "the cat sat on the mat .",
        "the cat is on the mat .",
        (0.93617, 0.488923, 0.590909, 0.84127, 0.833333, 0.6, 0.25, 0.0, 0.0, 0.833333),
    ),
    (
        "EU trade policy, 2021: tariffs rise!",
        "The EU's trade policy of 2021 raises tariffs.",
        (0.691358, 0.09601, 0.157895, 0.344444, 0.666667, 0.153846, 0.0, 0.0, 0.0, 0.666667),
    ),
    ("law", "law", (1.0, 1.0, 1.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    (
        "runs running run",
        "run ran runs",
        (0.714286, 0.346681, 0.333333, 0.333333, 0.666667, 0.0, 0.0, 0.0, 0.0, 0.333333),
    ),
)


@pytest.mark.parametrize(("text", "reference", "scores"), FIGURES)
async def test_measures_agree_with_the_libraries_people_know(
    runtime: GraderRuntime, text: str, reference: str, scores: tuple[float, ...]
) -> None:
    children = {metric: similarity(metric, metric) for metric in METRICS}
    formula: dict[str, object] = {"type": "multi", "name": "all", "graders": children, "calculate_output": "bleu"}
    grade = await graded(runtime, formula, text, reference)
    assert grade.scores == pytest.approx(dict(zip(METRICS, scores, strict=True)), abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("text", "reference"),
    [("", "law"), ("law", ""), ("...", "!?"), ("\u0000\U0001f600\ud83d", "x"), ("a" * 5000, "b c " * 2000)],
)
def test_any_two_texts_score_from_0_to_1(metric: str, text: str, reference: str) -> None:
    assert 0.0 <= measures.measure_of(metric)(text, reference) <= 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_texts_of_any_script_can_agree(metric: str) -> None:
    texts = ("Русский язык красив и очень стар", "اللغة العربية جميلة وقديمة جدا جدا هنا", "日本語の文章です")
    for text in texts:
        assert measures.measure_of(metric)(text, text) > 0.99


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "fuzzy_match"])
async def test_a_megabyte_is_compared_word_by_word(runtime: GraderRuntime, metric: str) -> None:
    grade = await graded(runtime, similarity(metric), MEGABYTE, MEGABYTE)
    assert grade.reward > 0.99


async def test_a_comparison_without_end_is_stopped_like_any_grader(runtime: GraderRuntime) -> None:
    grader = parse_grader(similarity("fuzzy_match"))
    slow, quick = "ab" * 2_000_000, "ab"
    batch = [(Sample(slow), {"reference": "ba" * 2_000_000}), (Sample(quick), {"reference": "ab"})]
    stopped, fine = await runtime.grade(grader, batch, seconds=0.5)
    assert dict(stopped.errors) == {"alike": (GraderErrorKind.UNRESPONSIVE_REWARD_ERROR,)}
    assert (stopped.detail, stopped.stopped) == ("alike took longer than 0.5 s and was stopped", True)
    assert fine.reward == 1.0


@pytest.mark.parametrize(
    ("reference", "text", "kind", "says"),
    [
        ("{{ item.nope }}", "x", GraderErrorKind.INVALID_VARIABLE_ERROR, "same: there is no item.nope; the item has"),
        ("{{ sample.output_json.z }}", "x", GraderErrorKind.SAMPLE_PARSE_ERROR, "same: the answer is not JSON"),
    ],
)
async def test_a_value_that_is_not_there_is_an_error_and_no_score(
    runtime: GraderRuntime, reference: str, text: str, kind: GraderErrorKind, says: str
) -> None:
    grade = await graded(runtime, check(reference=reference), text, "law")
    assert dict(grade.errors) == {"same": (kind,)}
    assert grade.reward == 0.0
    assert (grade.detail or "").startswith(says)


async def test_a_multi_grader_may_mix_python_and_comparing_parts(runtime: GraderRuntime) -> None:
    mixed: dict[str, object] = {
        "type": "multi",
        "name": "mixed",
        "graders": {
            "p": python(PRECISION, "precision"),
            "s": check("like") | {"pass_threshold": 0.5},
            "r": similarity("rouge_1"),
        },
        "calculate_output": "p + 10 * s + 100 * r",
    }
    item = {"reference_answer": ["law"], "reference": "labels"}
    (grade,) = await runtime.grade(parse_grader(mixed), [(Sample('{"labels": ["law"]}'), item)])
    assert grade.reward == pytest.approx(1 + 10 + 100 * 2 / 3)
    assert grade.detail is None
    assert list(grade.scores) == ["precision", "same", "alike"]


def test_a_library_that_is_not_installed_is_named() -> None:
    def absent(_metric: str) -> measures.Measure:
        raise ModuleNotFoundError("No module named 'rapidfuzz'", name="rapidfuzz")

    grader = Compared("alike", "fuzzy_match", "a", "b", absent)
    kind, detail = "other_error", "alike needs rapidfuzz for fuzzy_match, and it is not installed beside Proctor"
    assert grader.call(sample_of("x"), {}) == (None, 0.0, kind, detail)


def test_texts_too_large_for_the_memory_are_an_error() -> None:
    def hungry(_text: str, _reference: str) -> float:
        raise MemoryError

    outcome = Compared("alike", "bleu", "a", "b", lambda _metric: hungry).call(sample_of("x"), {})
    assert outcome[0] is None
    assert outcome[2:] == ("other_error", "alike: the texts are too large to compare")


@pytest.mark.parametrize(
    ("reference", "outcome"),
    [("{{ item.reference }}", 1.0), ("{{ item.nope }}", None), ("{{ sample.output_json.z }}", None)],
)
def test_a_comparison_says_what_came_of_it(reference: str, outcome: float | None) -> None:
    grader = Compared("same", "eq", "{{ sample.output_text }}", reference)
    score, seconds, *why = grader.call(sample_of("law"), {"reference": "law"})
    assert (score, len(why)) == (outcome, 0 if outcome else 2)
    assert seconds >= 0.0
