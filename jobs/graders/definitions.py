"""Grader definitions as the fine-tuning API spells them: read, checked, and kept unchanged."""

import copy
import hashlib
import json
import keyword
import re
from collections.abc import Callable, Mapping

from jobs.graders import fields
from jobs.graders.fields import InvalidGrader, keys_of, read_fields, shown
from jobs.graders.formula import FUNCTIONS, FormulaError, parse_formula
from jobs.graders.kinds import (
    MODEL_GRADERS,
    REMOTE_GRADERS,
    SANDBOXED_GRADERS,
    CosineGrader,
    EndpointGrader,
    Grader,
    LabelModelGrader,
    LambdaGrader,
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
    SingleGrader,
)

KINDS: Mapping[str, type[SingleGrader]] = {
    kind.type: kind for kind in (*SANDBOXED_GRADERS, ScoreModelGrader, LabelModelGrader, *REMOTE_GRADERS)
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_grader(definition: Mapping[str, object], where: str = "grader") -> Grader:
    """The grader that `definition` describes.

    Args:
        definition: OpenAI grader JSON of any type.
        where: how errors call the definition; a field is named `<where>.<field>`.

    Raises:
        InvalidGrader: an `InvalidRequest` naming the field.
    """
    if _type_of(definition, where) != "multi":
        return _single(definition, where)
    graders = _children(definition.get("graders"), f"{where}.graders")
    text = definition.get("calculate_output")
    if not isinstance(text, str):
        raise InvalidGrader(f"{where}.calculate_output", "must be a formula over the names in graders")
    try:
        formula = parse_formula(text, graders)
    except FormulaError as failure:
        raise InvalidGrader(f"{where}.calculate_output", str(failure)) from None
    known = {"definition": copy.deepcopy(dict(definition)), "graders": graders, "formula": formula}
    return read_fields(
        MultiGrader, definition, where, "a multi grader", ("graders", "calculate_output"), extra=True, **known
    )


def with_names(definition: Mapping[str, object], name: str) -> dict[str, object]:
    """The definition with a name for each grader that has none: `name` at the top, its key within a multi grader."""
    named = {"name": name, **{key: value for key, value in definition.items() if (key, value) != ("name", None)}}
    children = named.get("graders")
    if isinstance(children, Mapping):
        named["graders"] = {
            key: with_names(child, str(key)) if isinstance(child, Mapping) else child for key, child in children.items()
        }
    return named


def extra_fields(grader: Grader) -> tuple[str, ...]:
    """The fields of its definition that no grader of its kind has, by their paths; they are passed on as they are."""
    found: list[str] = []
    definitions = {"": (grader.definition, type(grader))}
    if isinstance(grader, MultiGrader):
        definitions |= {f"graders.{key}.": (child.definition, type(child)) for key, child in grader.graders.items()}
    for at, (definition, kind) in definitions.items():
        known = {"type", "graders", "calculate_output", *keys_of(kind)}
        found += [f"{at}{key}" for key in definition if key not in known]
    return tuple(found)


def training_definition(grader: Grader) -> dict[str, object]:
    """The definition without `pass_threshold`, which belongs to evals; see `untrainable` too."""
    stripped = _without_threshold(grader.definition)
    children = stripped.get("graders")
    if isinstance(children, Mapping):
        stripped["graders"] = {key: _without_threshold(child) for key, child in children.items()}
    return stripped


def fingerprint(grader: Grader) -> str:
    """12 hex digits over everything in a definition that can change a score; equal ones grade alike."""
    canonical = json.dumps(training_definition(grader), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def untrainable(grader: Grader) -> str | None:
    """Why no platform trains on this grader, as a sentence; None if some may."""
    for part in grader.parts:
        if isinstance(part, LabelModelGrader | CosineGrader):
            what = "label_model graders" if isinstance(part, LabelModelGrader) else "the metric cosine"
            return f"{part.name} cannot be trained on: {what} can be used in evals only."
    return None


def without_secrets(definition: Mapping[str, object]) -> dict[str, object]:
    """The definition as it may be shown: of the headers of an endpoint the names, of its address no query."""
    shown = dict(definition)
    if isinstance(headers := shown.get("headers"), Mapping):
        shown["headers"] = dict.fromkeys(map(str, headers), "[hidden]")
    if isinstance(url := shown.get("url"), str):
        shown["url"] = url.partition("?")[0]
    if isinstance(children := shown.get("graders"), Mapping):
        shown["graders"] = {
            key: without_secrets(child) if isinstance(child, Mapping) else child for key, child in children.items()
        }
    return shown


def run_elsewhere(grader: Grader) -> str | None:
    """Why this grader cannot be run here, as a sentence; None if it can."""
    for part in grader.parts:
        if isinstance(part, EndpointGrader | LambdaGrader):
            return f"{part.name} is a grader of type '{part.type}', which only {part.run_by} can run."
    return None


def needs_tool_calls(grader: Grader) -> bool:
    """Whether no answer could be graded that calls no tool: a template names what it calls."""
    templates = [template for part in grader.parts for template in getattr(part, "templates", ())]
    return any("sample.output_tools" in template for template in templates)


def models_of(grader: Grader) -> tuple[str, ...]:
    """The models that this grader asks, each once, in order."""
    return tuple(dict.fromkeys(part.model for part in grader.parts if isinstance(part, MODEL_GRADERS)))


def score_range(grader: Grader) -> tuple[float, float] | None:
    """The lowest and the highest score that the grader can give; None if its definition does not say."""
    match grader:
        case ScoreModelGrader():
            low, high = grader.range
        case PythonGrader() | EndpointGrader() | LambdaGrader():
            return None
        case MultiGrader():
            return _range_of_formula(grader)
        case _:
            low, high = 0.0, 1.0
    return min(low, grader.score_if_ungradable), max(high, grader.score_if_ungradable)


def _range_of_formula(grader: MultiGrader) -> tuple[float, float] | None:
    ranges = {name: score_range(part) for name, part in grader.graders.items()}
    known = {name: each for name, each in ranges.items() if each is not None}
    found = grader.formula.range(known) if grader.formula.names <= known.keys() else None
    if found is None:
        return None
    return min(found[0], grader.score_if_ungradable), max(found[1], grader.score_if_ungradable)


def _without_threshold(definition: Mapping[str, object]) -> dict[str, object]:
    return {key: copy.deepcopy(value) for key, value in definition.items() if key != "pass_threshold"}


def _type_of(definition: object, where: str) -> str:
    if not isinstance(definition, Mapping):
        raise InvalidGrader(where, "must be a JSON object")
    fields.choice(*KINDS, "multi")(definition.get("type"), f"{where}.type")
    return str(definition["type"])


def _single(definition: Mapping[str, object], where: str) -> SingleGrader:
    named = _type_of(definition, where)
    kind: Callable[..., SingleGrader] = KINDS[named]
    if named == CosineGrader.type and definition.get("evaluation_metric") == "cosine":
        if "embedding_model" not in definition:
            why = "cosine compares embeddings; name the model that makes them as embedding_model, or use another metric"
            raise InvalidGrader(f"{where}.evaluation_metric", why)
        kind = CosineGrader
    kept = copy.deepcopy(dict(definition))
    grader = read_fields(kind, definition, where, f"a {named} grader", extra=True, definition=kept)
    if isinstance(grader, LabelModelGrader):
        unknown = [label for label in grader.passing_labels if label not in grader.labels]
        if unknown:
            raise InvalidGrader(f"{where}.passing_labels", f"{shown(unknown[0])} is not one of labels")
    return grader


def _children(graders: object, where: str) -> dict[str, SingleGrader]:
    if not isinstance(graders, Mapping) or not graders:
        raise InvalidGrader(where, "must be an object of graders, each under the name the formula uses for it")
    children: dict[str, SingleGrader] = {}
    for key, child in graders.items():
        _check_variable(key, where)
        at = f"{where}.{key}"
        if _type_of(child, at) == "multi":
            raise InvalidGrader(at, "a multi grader cannot contain another multi grader")
        grader = _single(child, at)
        if any(grader.name == other.name for other in children.values()):
            why = f"two graders are named {grader.name}; their scores could not be told apart"
            raise InvalidGrader(f"{at}.name", why)
        children[key] = grader
    return children


def _check_variable(key: object, where: str) -> None:
    if not isinstance(key, str) or not _VARIABLE.fullmatch(key) or keyword.iskeyword(key):
        raise InvalidGrader(where, f"{shown(key)} cannot be a name in the formula; use letters, digits and _")
    if key in FUNCTIONS:
        raise InvalidGrader(where, f"{key} is a function of the formula and cannot name a grader")
