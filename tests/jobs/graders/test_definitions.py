from collections.abc import Mapping
from dataclasses import FrozenInstanceError

import pytest

from jobs.core.errors import InvalidRequest
from jobs.graders import (
    InvalidGrader,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
    extra_fields,
    models_of,
    parse_grader,
    run_elsewhere,
    score_range,
    training_definition,
    untrainable,
    with_names,
    without_secrets,
)
from tests.jobs.graders.definitions import PRECISION, check, judge, labeller, multi, python, similarity

GRADE = "def grade(sample, item):\n    return 1.0\n"


def test_fields_that_are_not_known_are_kept_and_named() -> None:
    definition = multi() | {"owner": "team", "graders": {"a": python(GRADE) | {"image": 1}}, "calculate_output": "a"}
    grader = parse_grader(definition)
    assert training_definition(grader) == definition
    assert extra_fields(grader) == ("owner", "graders.a.image")
    assert extra_fields(parse_grader(similarity("bleu", embedding_model="e"))) == ("embedding_model",)


def test_a_grader_without_a_name_takes_the_one_it_is_given_and_its_key_within_a_multi_grader() -> None:
    nameless = {key: value for key, value in python(GRADE).items() if key != "name"}
    named = with_names(multi("a") | {"name": None, "graders": {"a": nameless, "b": python(GRADE)}}, "file")
    grader = parse_grader(named)
    assert (grader.name, [part.name for part in grader.parts]) == ("file", ["a", "p"])
    assert with_names(python(GRADE), "file") == python(GRADE)


def test_a_python_grader_is_read_and_kept_as_it_came() -> None:
    definition = python(GRADE) | {"image_tag": "2025-05-08", "pass_threshold": 0.5}
    grader = parse_grader(definition)
    assert isinstance(grader, PythonGrader)
    assert (grader.type, grader.name, grader.source, grader.pass_threshold) == ("python", "p", GRADE, 0.5)
    assert grader.definition == definition
    assert grader.parts == (grader,)
    with pytest.raises(FrozenInstanceError):
        grader.name = "q"  # type: ignore[misc]  # that it is frozen is what is tested


def test_a_multi_grader_knows_its_parts_by_variable_and_by_name() -> None:
    definition = multi()
    grader = parse_grader(definition)
    assert isinstance(grader, MultiGrader)
    assert (grader.type, list(grader.graders)) == ("multi", ["precision", "recall"])
    assert [part.name for part in grader.parts] == ["precision", "recall"]
    assert grader.definition == definition


def test_a_later_change_of_the_definition_does_not_reach_the_grader() -> None:
    definition = multi()
    grader = parse_grader(definition)
    definition["graders"] = {}
    assert grader.definition["graders"]


def test_pass_thresholds_are_left_out_for_training_and_nothing_else_is() -> None:
    plain = multi()
    children: Mapping[str, dict[str, object]] = {
        key: python(PRECISION, key) | {"pass_threshold": 0.9} for key in ("precision", "recall")
    }
    with_thresholds = plain | {"pass_threshold": 0.5, "graders": children}
    stripped = training_definition(parse_grader(with_thresholds))
    assert stripped == plain | {"graders": {key: python(PRECISION, key) for key in ("precision", "recall")}}
    assert "pass_threshold" in children["precision"]


ENDPOINT = {
    "type": "endpoint",
    "name": "e",
    "url": "https://example.org/grade",
    "rate_limit": 50,
    "headers": {"K": "v"},
}
LAMBDA = {"type": "lambda", "name": "l", "lambda": {"function": "arn:aws:lambda:us-west-2:123456789012:function:f"}}


@pytest.mark.parametrize(("definition", "who"), [(ENDPOINT, "OpenAI and Azure"), (LAMBDA, "Amazon Bedrock")])
def test_graders_that_only_some_platforms_run_are_read_and_kept_as_they_are(
    definition: dict[str, object], who: str
) -> None:
    grader = parse_grader(definition)
    assert training_definition(grader) == definition
    assert who in (run_elsewhere(grader) or "")
    assert score_range(grader) is None
    within = parse_grader({**multi("a"), "graders": {"a": definition}})
    assert who in (run_elsewhere(within) or "")
    assert run_elsewhere(parse_grader(multi())) is None


def test_what_is_shown_of_an_endpoint_has_no_secret() -> None:
    secret = {**ENDPOINT, "url": "https://example.org/grade?code=hush", "headers": {"Authorization": "Bearer hush"}}
    shown = without_secrets({"type": "multi", "name": "m", "graders": {"a": secret, "b": python(GRADE)}})
    assert "hush" not in str(shown)
    graders = shown["graders"]
    assert isinstance(graders, dict)
    assert graders["a"] == {**ENDPOINT, "headers": {"Authorization": "[hidden]"}}
    assert graders["b"] == python(GRADE)
    assert parse_grader(secret).definition == secret, "it is sent as it is"


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({**ENDPOINT, "url": "example.org"}, "^grader.url: must be an address that starts with https://, not 'example"),
        ({**ENDPOINT, "url": None}, "^grader.url: must be an address that starts with https://, not missing"),
        ({**LAMBDA, "lambda": "f"}, "^grader.lambda: must be .*\"arn:aws:lambda:.*, not 'f'"),
        ({"type": "lambda", "name": "l"}, "^grader.lambda: must be .*, not missing"),
    ],
)
def test_what_such_a_grader_lacks_is_named(definition: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        parse_grader(definition)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a", (0, 1)),
        ("0.5 * a + 0.5 * b / 5", (0, 1)),
        ("a + b", (0, 6)),
        ("a - b", (-5, 1)),
        ("1 - a", (0, 1)),
        ("-b + 2", (-3, 2)),
        ("a * b", (0, 5)),
        ("a * (1 - b)", (-4, 1)),
        ("7", (0, 7)),
        ("a + p", None),
        ("a / b", None),
        ("2 / b", None),
        ("b ^ 2", None),
        ("min(a, b)", None),
        ("exp(a)", None),
        ("a / 0", None),
    ],
)
def test_the_range_of_a_multi_grader_follows_from_a_formula_that_adds_and_scales(
    formula: str, expected: tuple[float, float] | None
) -> None:
    rated = {**judge(), "name": "b", "range": [0, 5]}
    children = {"a": {**check(), "name": "a"}, "b": rated, "p": python(GRADE, "p")}
    definition = {"type": "multi", "name": "m", "graders": children, "calculate_output": formula}
    assert score_range(parse_grader(definition)) == expected


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        (
            {"type": None},
            "grader.type",
            "must be one of python, string_check, text_similarity, score_model, label_model, endpoint, lambda, multi",
        ),
        ({"type": "pyhton"}, "grader.type", "not 'pyhton'; did you mean python?"),
        ({"type": ["python"]}, "grader.type", "must be one of python"),
        ({"name": ""}, "grader.name", "must be text"),
        ({"name": 3}, "grader.name", "must be text"),
        ({"source": None}, "grader.source", "must be Python source"),
        ({"source": " \n"}, "grader.source", "must be Python source"),
        ({"source": ["def grade"]}, "grader.source", "must be Python source"),
        ({"source": "def grade(sample, item)\n  return 1"}, "grader.source", "line 1: expected ':'"),
        ({"source": "x = 1\n\ndef grade(:\n"}, "grader.source", "line 3"),
        ({"source": "x\0 = 1"}, "grader.source", "null"),
        ({"source": "-" * 100_000 + "1"}, "grader.source", "nested too deeply"),
        ({"source": "a" + ".b" * 100_000}, "grader.source", "nested too deeply"),
        ({"source": "def score(sample, item):\n  return 1"}, "grader.source", "must define `grade"),
        ({"source": "async def grade(sample, item):\n  return 1"}, "grader.source", "not an async one"),
        ({"source": "def grade(sample):\n  return 1"}, "grader.source", "line 1: `grade` must take two"),
        ({"source": "\ndef grade(s, i, more):\n  return 1"}, "grader.source", "line 2: `grade` must take two"),
        ({"source": "def grade(s, i, *, more):\n  return 1"}, "grader.source", "must take two"),
        ({"source": GRADE + "#" * 256 * 1024}, "grader.source", "256.0 KB long; at most 256 KB"),
        ({"image_tag": 1}, "grader.image_tag", "must be text"),
        ({"pass_threshold": "high"}, "grader.pass_threshold", "must be a number, not 'high'"),
        ({"pass_threshold": True}, "grader.pass_threshold", "must be a number"),
        ({"pass_threshold": 10**400}, "grader.pass_threshold", "must be a number"),
        ({"pass_treshold": 1}, "grader.pass_treshold", "not a field of a python grader; did you mean pass_threshold"),
    ],
)
def test_a_malformed_python_grader_names_the_field(change: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(InvalidGrader) as failure:
        parse_grader(python(GRADE) | change)
    assert failure.value.field == field
    assert str(failure.value).startswith(f"{field}: ")
    assert says in str(failure.value)


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"graders": None}, "grader.graders", "must be an object of graders"),
        ({"graders": []}, "grader.graders", "must be an object of graders"),
        ({"graders": {}}, "grader.graders", "must be an object of graders"),
        ({"graders": {"a": 1}}, "grader.graders.a", "must be a JSON object"),
        ({"graders": {"a": multi()}}, "grader.graders.a", "cannot contain another multi grader"),
        ({"graders": {"a b": python(GRADE)}}, "grader.graders", "'a b' cannot be a name in the formula"),
        ({"graders": {"lambda": python(GRADE)}}, "grader.graders", "'lambda' cannot be a name"),
        ({"graders": {"max": python(GRADE)}}, "grader.graders", "max is a function of the formula"),
        ({"graders": {"a": python(GRADE), "b": python(GRADE)}}, "grader.graders.b.name", "two graders are named p"),
        ({"graders": {"a": python("")}}, "grader.graders.a.source", "must be Python source"),
        ({"calculate_output": None}, "grader.calculate_output", "must be a formula"),
        ({"calculate_output": "precison"}, "grader.calculate_output", "did you mean precision?"),
        ({"graders": {"a": python(GRADE)}}, "grader.calculate_output", "its graders are a"),
        ({"name": None}, "grader.name", "must be text"),
        ({"pass_treshold": 1}, "grader.pass_treshold", "did you mean pass_threshold?"),
    ],
)
def test_a_malformed_multi_grader_names_the_field(change: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(InvalidGrader) as failure:
        parse_grader(multi() | change)
    assert failure.value.field == field
    assert says in str(failure.value)


def test_what_is_no_object_at_all_is_refused() -> None:
    with pytest.raises(InvalidGrader, match=r"^graders/f1\.json: must be a JSON object"):
        parse_grader([], "graders/f1.json")  # type: ignore[arg-type]  # JSON that came from outside may be anything


@pytest.mark.parametrize(
    "source",
    [
        "def grade(sample, item, more=1):\n  return 1",
        "def grade(*all):\n  return 1",
        "def grade(sample, *rest):\n  return 1",
        "def grade(a, b, /, *, c=2):\n  return 1",
        "def score(s, i):\n  return 1\ngrade = score",
        "from math import fsum as grade",
        "from graders import *",
        "class grade:\n  pass",
        "if True:\n  def grade(sample, item):\n    return 1",
        "grade: object = None",
    ],
)
def test_grade_may_be_bound_in_any_way_that_takes_two_arguments(source: str) -> None:
    assert parse_grader(python(source)).name == "p"


def asked(content: object, role: object = "user") -> dict[str, object]:
    return judge(input=[{"role": role, "content": content}])


@pytest.mark.parametrize(
    ("definition", "field", "says"),
    [
        (check("neq"), "grader.operation", "must be one of eq, ne, like, ilike, not 'neq'; did you mean ne?"),
        (check() | {"operation": None}, "grader.operation", "not missing"),
        (check() | {"input": 3}, "grader.input", "must be text, such as {{ sample.output_text }}, not 3"),
        (check(reference="{{ reference }}"), "grader.reference", "must begin with item or sample"),
        (check() | {"name": " "}, "grader.name", "must be text"),
        (similarity("rouge_6"), "grader.evaluation_metric", "rouge_5, rouge_l, not 'rouge_6'"),
        (similarity("blue"), "grader.evaluation_metric", "did you mean bleu?"),
        (similarity("cosine"), "grader.evaluation_metric", "name the model that makes them as embedding_model"),
        (similarity("cosine", embedding_model=""), "grader.embedding_model", "must be text, not blank"),
        (similarity("bleu", pass_threshold=float("nan")), "grader.pass_threshold", "must be a number, not nan"),
        (judge(model=None), "grader.model", "must be text, not missing"),
        (judge(input="Judge."), "grader.input", "must be a list of messages"),
        (judge(input=[]), "grader.input", "must be a list of messages"),
        (judge(input=["Judge."]), "grader.input[0]", "must be an object with role, content"),
        (asked("x", "judge"), "grader.input[0].role", "must be one of user, assistant, system, developer"),
        (asked("{{ x }}"), "grader.input[0].content", "must begin with item or sample"),
        (asked(None), "grader.input[0].content", "must be text; missing cannot be shown"),
        (asked([{"type": "input_image"}]), "grader.input[0].content", "'input_image' cannot be shown"),
        (judge(input=[{"role": "user", "text": "x"}]), "grader.input[0].text", "is not a field of a message"),
        (judge(range=[1]), "grader.range", "must be two numbers, the smaller first, such as [0, 1], not [1]"),
        (judge(range=[1, 1]), "grader.range", "not [1, 1]"),
        (judge(range=[0, None]), "grader.range", "must be two numbers"),
        (judge(range=[False, True]), "grader.range", "must be two numbers"),
        (judge(range=[0, 10**400]), "grader.range", "must be two numbers"),
        (judge(range=[0, float("inf")]), "grader.range", "not [0, inf]"),
        (judge(sampling_params=[]), "grader.sampling_params", "must be an object with seed, temperature"),
        (
            judge(sampling_params={"max_completion_tokens": 9}),
            "grader.sampling_params.max_completion_tokens",
            "did you mean max_completions_tokens?",
        ),
        (
            judge(sampling_params={"max_completions_tokens": 0}),
            "grader.sampling_params.max_completions_tokens",
            "must be at least 1, not 0",
        ),
        (judge(sampling_params={"seed": 1.5}), "grader.sampling_params.seed", "must be a whole number, not 1.5"),
        (judge(sampling_params={"reasoning_effort": "lots"}), "grader.sampling_params.reasoning_effort", "must be one"),
        (labeller(labels=[]), "grader.labels", "must be a list of texts"),
        (labeller(labels=["a", 1]), "grader.labels", "must be a list of texts"),
        (labeller(labels=["Polite", "Polite"]), "grader.labels", "names a label twice"),
        (labeller(passing_labels=["Kind"]), "grader.passing_labels", "'Kind' is not one of labels"),
    ],
)
def test_a_malformed_grader_of_any_type_names_the_field(definition: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(InvalidGrader) as failure:
        parse_grader(definition)
    assert failure.value.field == field
    assert says in str(failure.value)


def test_judges_are_read_and_kept_as_they_came() -> None:
    definition = judge(range=[0, 5], pass_threshold=3)
    grader = parse_grader(definition)
    assert isinstance(grader, ScoreModelGrader)
    assert (grader.range, grader.pass_threshold) == ((0.0, 5.0), 3.0)
    assert grader.definition == definition
    label = parse_grader(labeller())
    assert isinstance(label, LabelModelGrader)
    assert label.labels == ("Polite", "Rude")
    assert label.passing_labels == ("Polite",)


def test_thresholds_are_stripped_from_children_of_every_type() -> None:
    children = {"a": check(), "b": similarity("bleu"), "c": judge(), "d": python(GRADE)}
    plain: dict[str, object] = {"type": "multi", "name": "m", "graders": children, "calculate_output": "a+b+c+d"}
    marked = plain | {"graders": {key: child | {"pass_threshold": 0.5} for key, child in children.items()}}
    assert training_definition(parse_grader(marked)) == plain


@pytest.mark.parametrize("child", [labeller("x"), similarity("cosine", "x", embedding_model="e")])
def test_what_only_evals_have_cannot_be_trained_on(child: dict[str, object]) -> None:
    whole = {"type": "multi", "name": "m", "graders": {"a": child}, "calculate_output": "a"}
    for definition in (child, whole):
        why = untrainable(parse_grader(definition)) or ""
        assert why.startswith("x cannot be trained on: ")
        assert why.endswith(" can be used in evals only.")
        assert training_definition(parse_grader(definition)) == definition
    assert untrainable(parse_grader(multi())) is None


def test_a_grader_knows_the_models_it_asks() -> None:
    children = {"a": judge("a"), "b": labeller("b", model="m2"), "c": check(), "d": judge("d")}
    whole = {"type": "multi", "name": "m", "graders": children, "calculate_output": "a"}
    assert models_of(parse_grader(whole)) == ("judge-1", "m2")
    assert models_of(parse_grader(similarity("cosine", embedding_model="e"))) == ("e",)
    assert models_of(parse_grader(multi())) == ()
