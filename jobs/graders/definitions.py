"""Grader definitions as the fine-tuning API spells them: read, checked, and kept as they came."""

import copy
import keyword
import re
from collections.abc import Callable, Mapping

from jobs.graders.cell.texts import OPERATIONS
from jobs.graders.fields import (
    SHARED,
    InvalidGrader,
    check_fields,
    choice_of,
    kept,
    name_of,
    shown,
    template_of,
    text_of,
    threshold_of,
)
from jobs.graders.formula import FUNCTIONS, FormulaError, parse_formula
from jobs.graders.kinds import (
    MODEL_GRADERS,
    CosineGrader,
    Grader,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    SingleGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from jobs.graders.models import read_label_model, read_score_model
from jobs.graders.source import check_source

METRICS = (
    *("fuzzy_match", "bleu", "gleu", "meteor", "cosine"),
    *("rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"),
)
_COMPARING = (*SHARED, "input", "reference")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_grader(definition: Mapping[str, object], where: str = "grader") -> Grader:
    """The grader that `definition` describes.

    Args:
        definition: OpenAI grader JSON of any type but `endpoint`.
        where: how errors call the definition; a field is named `<where>.<field>`.

    Raises:
        InvalidGrader: an `InvalidRequest` naming the field.
    """
    if _type_of(definition, where) == "multi":
        return _multi(definition, where)
    return _single(definition, where)


def training_definition(grader: Grader) -> dict[str, object]:
    """The definition without `pass_threshold`, which belongs to evals; see `untrainable` too."""
    stripped = _without_threshold(grader.definition)
    children = stripped.get("graders")
    if isinstance(children, Mapping):
        stripped["graders"] = {key: _without_threshold(child) for key, child in children.items()}
    return stripped


def untrainable(grader: Grader) -> str | None:
    """Why no platform trains on this grader, as a sentence; None where some may."""
    for part in grader.parts:
        if isinstance(part, LabelModelGrader | CosineGrader):
            what = "label_model graders" if isinstance(part, LabelModelGrader) else "the metric cosine"
            return f"{part.name} cannot be trained on: {what} can be used in evals only."
    return None


def models_of(grader: Grader) -> tuple[str, ...]:
    """The models that are asked when this grader grades, each once, in order; () where grading asks nobody."""
    asking = [part.model for part in grader.parts if isinstance(part, MODEL_GRADERS)]
    return tuple(dict.fromkeys(asking))


def _without_threshold(definition: Mapping[str, object]) -> dict[str, object]:
    return {key: copy.deepcopy(value) for key, value in definition.items() if key != "pass_threshold"}


def _type_of(definition: object, where: str) -> str:
    if not isinstance(definition, Mapping):
        raise InvalidGrader(where, "must be a JSON object")
    if definition.get("type") == "endpoint":
        raise InvalidGrader(f"{where}.type", "endpoint graders are not supported; use python or score_model")
    return choice_of(definition, "type", where, (*_READERS, "multi"))


def _single(definition: Mapping[str, object], where: str) -> SingleGrader:
    return _READERS[_type_of(definition, where)](definition, where)


def _python(definition: Mapping[str, object], where: str) -> PythonGrader:
    check_fields(definition, (*SHARED, "source", "image_tag"), where, "a python grader")
    source = definition.get("source")
    if not isinstance(source, str) or not source.strip():
        raise InvalidGrader(f"{where}.source", "must be Python source that defines `grade(sample, item)`")
    check_source(source, f"{where}.source")
    if not isinstance(definition.get("image_tag"), str | None):
        raise InvalidGrader(f"{where}.image_tag", "must be text")
    return PythonGrader(name_of(definition, where), source, kept(definition), threshold_of(definition, where))


def _string_check(definition: Mapping[str, object], where: str) -> StringCheckGrader:
    check_fields(definition, (*_COMPARING, "operation"), where, "a string_check grader")
    return StringCheckGrader(
        name_of(definition, where),
        choice_of(definition, "operation", where, tuple(OPERATIONS)),
        template_of(definition, "input", where),
        template_of(definition, "reference", where),
        kept(definition),
        threshold_of(definition, where),
    )


def _text_similarity(definition: Mapping[str, object], where: str) -> TextSimilarityGrader | CosineGrader:
    metric = choice_of(definition, "evaluation_metric", where, METRICS)
    more = ("embedding_model",) if metric == "cosine" else ()
    check_fields(definition, (*_COMPARING, "evaluation_metric", *more), where, "a text_similarity grader")
    name, threshold = name_of(definition, where), threshold_of(definition, where)
    text, reference = template_of(definition, "input", where), template_of(definition, "reference", where)
    if metric != "cosine":
        return TextSimilarityGrader(name, metric, text, reference, kept(definition), threshold)
    if "embedding_model" not in definition:
        raise InvalidGrader(
            f"{where}.evaluation_metric",
            "cosine compares embeddings; name the model that makes them as embedding_model, or use another metric",
        )
    model = text_of(definition, "embedding_model", where)
    return CosineGrader(name, model, text, reference, kept(definition), threshold)


_READERS: Mapping[str, Callable[[Mapping[str, object], str], SingleGrader]] = {
    "python": _python,
    "string_check": _string_check,
    "text_similarity": _text_similarity,
    "score_model": read_score_model,
    "label_model": read_label_model,
}


def _multi(definition: Mapping[str, object], where: str) -> MultiGrader:
    check_fields(definition, (*SHARED, "graders", "calculate_output"), where, "a multi grader")
    graders = _children(definition.get("graders"), f"{where}.graders")
    text = definition.get("calculate_output")
    if not isinstance(text, str):
        raise InvalidGrader(f"{where}.calculate_output", "must be a formula over the names in graders")
    try:
        formula = parse_formula(text, graders)
    except FormulaError as failure:
        raise InvalidGrader(f"{where}.calculate_output", str(failure)) from None
    return MultiGrader(name_of(definition, where), graders, formula, kept(definition), threshold_of(definition, where))


def _children(graders: object, where: str) -> dict[str, SingleGrader]:
    if not isinstance(graders, Mapping) or not graders:
        raise InvalidGrader(where, "must be an object of graders, each under the name the formula uses for it")
    children: dict[str, SingleGrader] = {}
    for key, child in graders.items():
        _check_variable(key, where)
        at = f"{where}.{key}"
        if isinstance(child, Mapping) and child.get("type") == "multi":
            raise InvalidGrader(at, "a multi grader cannot contain another multi grader")
        grader = _single(child, at)
        if any(grader.name == other.name for other in children.values()):
            raise InvalidGrader(
                f"{at}.name", f"two graders are named {grader.name}; their scores could not be told apart"
            )
        children[key] = grader
    return children


def _check_variable(key: object, where: str) -> None:
    if not isinstance(key, str) or not _VARIABLE.fullmatch(key) or keyword.iskeyword(key):
        raise InvalidGrader(where, f"{shown(key)} cannot be a name in the formula; use letters, digits and _")
    if key in FUNCTIONS:
        raise InvalidGrader(where, f"{key} is a function of the formula and cannot name a grader")
