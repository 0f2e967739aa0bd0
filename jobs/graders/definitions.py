"""Grader definitions as the fine-tuning API spells them: read, checked, and kept unchanged."""

import copy
import keyword
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TypedDict, cast

from jobs.graders.fields import Fields, InvalidGrader, shown, valid_template
from jobs.graders.formula import FUNCTIONS, FormulaError, parse_formula
from jobs.graders.kinds import (
    MODEL_GRADERS,
    CosineGrader,
    Grader,
    JudgeMessage,
    JudgeSettings,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    Role,
    ScoreModelGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from jobs.graders.python_source import check_source
from jobs.graders.sandbox.similarity import MEASURES
from jobs.graders.sandbox.text_scorer import OPERATIONS

METRICS = ("cosine", *MEASURES)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ROLES = ("user", "assistant", "system", "developer")
TEXT_PARTS = ("text", "input_text", "output_text")
_EVERY = ("type", "name", "pass_threshold")
_COMPARISON = (*_EVERY, "input", "reference")
_JUDGED = (*_EVERY, "model", "input", "sampling_params")
_SAMPLING = ("seed", "temperature", "top_p", "max_completions_tokens", "reasoning_effort")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_grader(definition: Mapping[str, object], where: str = "grader") -> Grader:
    """The grader that `definition` describes.

    Args:
        definition: OpenAI grader JSON of any type but `endpoint`.
        where: how errors call the definition; a field is named `<where>.<field>`.

    Raises:
        InvalidGrader: an `InvalidRequest` naming the field.
    """
    fields = _fields(definition, where)
    return _multi(fields) if definition["type"] == "multi" else _single(fields)


def training_definition(grader: Grader) -> dict[str, object]:
    """The definition without `pass_threshold`, which belongs to evals; see `untrainable` too."""
    stripped = _without_threshold(grader.definition)
    children = stripped.get("graders")
    if isinstance(children, Mapping):
        stripped["graders"] = {key: _without_threshold(child) for key, child in children.items()}
    return stripped


def untrainable(grader: Grader) -> str | None:
    """Why no platform trains on this grader, as a sentence; None if some may."""
    for part in grader.parts:
        if isinstance(part, LabelModelGrader | CosineGrader):
            what = "label_model graders" if isinstance(part, LabelModelGrader) else "the metric cosine"
            return f"{part.name} cannot be trained on: {what} can be used in evals only."
    return None


def models_of(grader: Grader) -> tuple[str, ...]:
    """The models that this grader asks, each once, in order."""
    return tuple(dict.fromkeys(part.model for part in grader.parts if isinstance(part, MODEL_GRADERS)))


def _without_threshold(definition: Mapping[str, object]) -> dict[str, object]:
    return {key: copy.deepcopy(value) for key, value in definition.items() if key != "pass_threshold"}


def _fields(definition: object, where: str) -> Fields:
    if not isinstance(definition, Mapping):
        raise InvalidGrader(where, "must be a JSON object")
    fields = Fields(definition, where)
    if definition.get("type") == "endpoint":
        raise fields.error("type", "endpoint graders are not supported; use python or score_model")
    fields.choice("type", (*_READERS, "multi"))
    return fields


def _single(fields: Fields) -> SingleGrader:
    return _READERS[str(fields.values["type"])](fields)


class _Shared(TypedDict):
    name: str
    definition: Mapping[str, object]
    pass_threshold: float | None


def _shared(fields: Fields) -> _Shared:
    """What every grader has; the definition is a copy that later changes do not reach."""
    return {
        "name": fields.name(),
        "definition": copy.deepcopy(dict(fields.values)),
        "pass_threshold": fields.number("pass_threshold"),
    }


def _python(fields: Fields) -> PythonGrader:
    fields.only((*_EVERY, "source", "image_tag"), "a python grader")
    source = fields.values.get("source")
    if not isinstance(source, str) or not source.strip():
        raise fields.error("source", "must be Python source that defines `grade(sample, item)`")
    check_source(source, f"{fields.path}.source")
    if not isinstance(fields.values.get("image_tag"), str | None):
        raise fields.error("image_tag", "must be text")
    return PythonGrader(source=source, **_shared(fields))


def _string_check(fields: Fields) -> StringCheckGrader:
    fields.only((*_COMPARISON, "operation"), "a string_check grader")
    return StringCheckGrader(
        operation=fields.choice("operation", tuple(OPERATIONS)),
        input=fields.template("input"),
        reference=fields.template("reference"),
        **_shared(fields),
    )


def _text_similarity(fields: Fields) -> TextSimilarityGrader | CosineGrader:
    metric = fields.choice("evaluation_metric", METRICS)
    extra = ("embedding_model",) if metric == "cosine" else ()
    fields.only((*_COMPARISON, "evaluation_metric", *extra), "a text_similarity grader")
    text, reference = fields.template("input"), fields.template("reference")
    if metric != "cosine":
        return TextSimilarityGrader(operation=metric, input=text, reference=reference, **_shared(fields))
    if "embedding_model" not in fields.values:
        why = "cosine compares embeddings; name the model that makes them as embedding_model, or use another metric"
        raise fields.error("evaluation_metric", why)
    return CosineGrader(model=fields.text("embedding_model"), input=text, reference=reference, **_shared(fields))


def _score_model(fields: Fields) -> ScoreModelGrader:
    fields.only((*_JUDGED, "range"), "a score_model grader")
    lowest, highest = _range(fields)
    return ScoreModelGrader(
        model=fields.text("model"),
        messages=_messages(fields),
        lowest=lowest,
        highest=highest,
        settings=_settings(fields),
        **_shared(fields),
    )


def _label_model(fields: Fields) -> LabelModelGrader:
    fields.only((*_JUDGED, "labels", "passing_labels"), "a label_model grader")
    labels, passing = _labels(fields, "labels"), _labels(fields, "passing_labels")
    strangers = [label for label in passing if label not in labels]
    if strangers:
        raise fields.error("passing_labels", f"{shown(strangers[0])} is not one of labels")
    return LabelModelGrader(
        model=fields.text("model"),
        messages=_messages(fields),
        labels=labels,
        passing_labels=frozenset(passing),
        settings=_settings(fields),
        **_shared(fields),
    )


def _range(fields: Fields) -> tuple[float, float]:
    given = fields.values.get("range")
    if given is None:
        return 0.0, 1.0
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise fields.error("range", f"must be two numbers, such as [0, 1], not {shown(given)}")
    numbers = [float(end) for end in given if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numbers) != 2 or not all(map(isfinite, numbers)) or numbers[0] >= numbers[1]:
        raise fields.error("range", f"must be two numbers, the smaller first, not {shown(given)}")
    return numbers[0], numbers[1]


def _labels(fields: Fields, key: str) -> tuple[str, ...]:
    labels = fields.values.get(key)
    if not isinstance(labels, list | tuple) or not labels or not all(isinstance(one, str) and one for one in labels):
        raise fields.error(key, f"must be a list of texts, not {shown(labels)}")
    if len(set(labels)) < len(labels):
        raise fields.error(key, "names a label twice")
    return tuple(labels)


def _settings(fields: Fields) -> JudgeSettings:
    given = fields.values.get("sampling_params")
    if given is None:
        return JudgeSettings()
    if not isinstance(given, Mapping):
        raise fields.error("sampling_params", f"must be an object with {', '.join(_SAMPLING)}")
    sampling = Fields(given, f"{fields.path}.sampling_params")
    sampling.only(_SAMPLING, "sampling_params")
    return JudgeSettings(
        seed=sampling.integer("seed"),
        temperature=sampling.number("temperature"),
        top_p=sampling.number("top_p"),
        max_tokens=sampling.integer("max_completions_tokens", minimum=1),
        effort=sampling.choice("reasoning_effort", EFFORTS) if given.get("reasoning_effort") is not None else None,
    )


def _messages(fields: Fields) -> tuple[JudgeMessage, ...]:
    given = fields.values.get("input")
    if not isinstance(given, list | tuple) or not given:
        raise fields.error("input", "must be a list of messages, each with role and content")
    return tuple(_message(message, f"{fields.path}.input[{place}]") for place, message in enumerate(given))


def _message(message: object, where: str) -> JudgeMessage:
    if not isinstance(message, Mapping):
        raise InvalidGrader(where, "must be an object with role and content")
    fields = Fields(message, where)
    fields.only(("role", "content", "type"), "a message")
    role = cast("Role", fields.choice("role", ROLES))
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else [content]
    return JudgeMessage(role, "\n".join(_text(part, f"{where}.content") for part in parts))


def _text(part: object, where: str) -> str:
    """The text of one content part; judges here read text only."""
    if isinstance(part, Mapping) and part.get("type") in TEXT_PARTS:
        part = part.get("text")
    if not isinstance(part, str):
        kind = part.get("type") if isinstance(part, Mapping) else part
        raise InvalidGrader(where, f"must be text; {shown(kind)} cannot be shown to a judge here")
    return valid_template(part, where)


_READERS: Mapping[str, Callable[[Fields], SingleGrader]] = {
    "python": _python,
    "string_check": _string_check,
    "text_similarity": _text_similarity,
    "score_model": _score_model,
    "label_model": _label_model,
}


def _multi(fields: Fields) -> MultiGrader:
    fields.only((*_EVERY, "graders", "calculate_output"), "a multi grader")
    graders = _children(fields)
    text = fields.values.get("calculate_output")
    if not isinstance(text, str):
        raise fields.error("calculate_output", "must be a formula over the names in graders")
    try:
        formula = parse_formula(text, graders)
    except FormulaError as failure:
        raise fields.error("calculate_output", str(failure)) from None
    return MultiGrader(graders=graders, formula=formula, **_shared(fields))


def _children(fields: Fields) -> dict[str, SingleGrader]:
    given = fields.values.get("graders")
    if not isinstance(given, Mapping) or not given:
        raise fields.error("graders", "must be an object of graders, each under the name the formula uses for it")
    children: dict[str, SingleGrader] = {}
    for key, definition in given.items():
        _check_variable(key, fields)
        child = _fields(definition, f"{fields.path}.graders.{key}")
        if definition["type"] == "multi":
            raise InvalidGrader(child.path, "a multi grader cannot contain another multi grader")
        grader = _single(child)
        if any(grader.name == other.name for other in children.values()):
            raise child.error("name", f"two graders are named {grader.name}; their scores could not be told apart")
        children[key] = grader
    return children


def _check_variable(key: object, fields: Fields) -> None:
    if not isinstance(key, str) or not _VARIABLE.fullmatch(key) or keyword.iskeyword(key):
        raise fields.error("graders", f"{shown(key)} cannot be a name in the formula; use letters, digits and _")
    if key in FUNCTIONS:
        raise fields.error("graders", f"{key} is a function of the formula and cannot name a grader")
