"""Graders that compare texts, run as the runtime runs them, and the measures against figures of other libraries."""

import pytest

from jobs.graders import Grade, GraderErrorKind, GraderRuntime, Sample, parse_grader
from tests.jobs.graders.definitions import PRECISION, check, python, similarity

MEGABYTE = "word and \u05e9\u05dc\u05d5\u05dd \U0001f600 " * 50_000
METRICS = ("fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l")
pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    shared_runtime: GraderRuntime, operation: str, text: str, reference: object, score: float
) -> None:
    grade = await graded(shared_runtime, check(operation), text, reference)
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
    shared_runtime: GraderRuntime, text: str, reference: str, scores: tuple[float, ...]
) -> None:
    children = {metric: similarity(metric, metric) for metric in METRICS}
    formula: dict[str, object] = {"type": "multi", "name": "all", "graders": children, "calculate_output": "bleu"}
    grade = await graded(shared_runtime, formula, text, reference)
    assert grade.scores == pytest.approx(dict(zip(METRICS, scores, strict=True)), abs=1e-6)


async def test_a_megabyte_is_compared_word_by_word(shared_runtime: GraderRuntime) -> None:
    """By one metric of each way to compare words; the others differ in the length of their n-grams."""
    metrics = ("bleu", "meteor", "rouge_2", "rouge_l")
    children = {metric: similarity(metric, metric) for metric in metrics}
    formula: dict[str, object] = {"type": "multi", "name": "all", "graders": children, "calculate_output": "bleu"}
    grade = await graded(shared_runtime, formula, MEGABYTE, MEGABYTE)
    assert min(grade.scores.values()) > 0.99


async def test_a_comparison_without_end_is_stopped_like_any_grader(shared_runtime: GraderRuntime) -> None:
    grader = parse_grader(similarity("fuzzy_match"))
    slow, quick = "ab" * 2_000_000, "ab"
    batch = [(Sample(slow), {"reference": "ba" * 2_000_000}), (Sample(quick), {"reference": "ab"})]
    stopped, fine = await shared_runtime.grade(grader, batch, seconds=0.3)
    assert dict(stopped.errors) == {"alike": (GraderErrorKind.UNRESPONSIVE_REWARD_ERROR,)}
    assert (stopped.detail, stopped.stopped) == ("alike took longer than 0.3 s and was stopped", True)
    assert fine.reward == 1.0


@pytest.mark.parametrize(
    ("reference", "text", "kind", "says"),
    [
        ("{{ item.nope }}", "x", GraderErrorKind.INVALID_VARIABLE_ERROR, "same: there is no item.nope; the item has"),
        ("{{ sample.output_json.z }}", "x", GraderErrorKind.SAMPLE_PARSE_ERROR, "same: the answer is not JSON"),
    ],
)
async def test_a_value_that_is_not_there_is_an_error_and_no_score(
    shared_runtime: GraderRuntime, reference: str, text: str, kind: GraderErrorKind, says: str
) -> None:
    grade = await graded(shared_runtime, check(reference=reference), text, "law")
    assert dict(grade.errors) == {"same": (kind,)}
    assert grade.reward == 0.0
    assert (grade.detail or "").startswith(says)


async def test_a_multi_grader_may_mix_python_and_comparing_parts(shared_runtime: GraderRuntime) -> None:
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
    (grade,) = await shared_runtime.grade(parse_grader(mixed), [(Sample('{"labels": ["law"]}'), item)])
    assert grade.reward == pytest.approx(1 + 10 + 100 * 2 / 3)
    assert grade.detail is None
    assert list(grade.scores) == ["precision", "same", "alike"]
