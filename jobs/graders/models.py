"""Reading the definitions of graders that ask a model: `score_model` and `label_model`."""

from collections.abc import Mapping
from math import isfinite
from typing import cast

from jobs.graders.fields import (
    SHARED,
    InvalidGrader,
    check_fields,
    checked_template,
    choice_of,
    kept,
    name_of,
    number_of,
    shown,
    text_of,
    threshold_of,
    whole_of,
)
from jobs.graders.kinds import JudgeMessage, JudgeSettings, LabelModelGrader, Role, ScoreModelGrader

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ROLES = ("user", "assistant", "system", "developer")
TEXT_PARTS = ("text", "input_text", "output_text")
_SAMPLING = ("seed", "temperature", "top_p", "max_completions_tokens", "reasoning_effort")
_ASKING = (*SHARED, "model", "input", "sampling_params")


def read_score_model(definition: Mapping[str, object], where: str) -> ScoreModelGrader:
    """The grader that a `score_model` definition describes.

    Raises:
        InvalidGrader: naming the field at fault.
    """
    check_fields(definition, (*_ASKING, "range"), where, "a score_model grader")
    lowest, highest = _range(definition.get("range"), f"{where}.range")
    return ScoreModelGrader(
        name_of(definition, where),
        text_of(definition, "model", where),
        _messages(definition.get("input"), f"{where}.input"),
        lowest,
        highest,
        _settings(definition.get("sampling_params"), f"{where}.sampling_params"),
        kept(definition),
        threshold_of(definition, where),
    )


def read_label_model(definition: Mapping[str, object], where: str) -> LabelModelGrader:
    """The grader that a `label_model` definition describes.

    Raises:
        InvalidGrader: naming the field at fault.
    """
    check_fields(definition, (*_ASKING, "labels", "passing_labels"), where, "a label_model grader")
    labels = _labels(definition, "labels", where)
    passing = _labels(definition, "passing_labels", where)
    strangers = [label for label in passing if label not in labels]
    if strangers:
        raise InvalidGrader(f"{where}.passing_labels", f"{shown(strangers[0])} is not one of labels")
    return LabelModelGrader(
        name_of(definition, where),
        text_of(definition, "model", where),
        _messages(definition.get("input"), f"{where}.input"),
        labels,
        frozenset(passing),
        _settings(definition.get("sampling_params"), f"{where}.sampling_params"),
        kept(definition),
        threshold_of(definition, where),
    )


def _range(given: object, where: str) -> tuple[float, float]:
    if given is None:
        return 0.0, 1.0
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise InvalidGrader(where, f"must be two numbers, such as [0, 1], not {shown(given)}")
    numbers = [float(end) for end in given if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numbers) != 2 or not all(map(isfinite, numbers)) or numbers[0] >= numbers[1]:
        raise InvalidGrader(where, f"must be two numbers, the smaller first, not {shown(given)}")
    return numbers[0], numbers[1]


def _labels(definition: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    labels = definition.get(key)
    if not isinstance(labels, list | tuple) or not labels or not all(isinstance(one, str) and one for one in labels):
        raise InvalidGrader(f"{where}.{key}", f"must be a list of texts, not {shown(labels)}")
    if len(set(labels)) < len(labels):
        raise InvalidGrader(f"{where}.{key}", "names a label twice")
    return tuple(labels)


def _settings(given: object, where: str) -> JudgeSettings:
    if given is None:
        return JudgeSettings()
    if not isinstance(given, Mapping):
        raise InvalidGrader(where, f"must be an object with {', '.join(_SAMPLING)}")
    check_fields(given, _SAMPLING, where, "sampling_params")
    effort = given.get("reasoning_effort")
    return JudgeSettings(
        seed=whole_of(given, "seed", where),
        temperature=number_of(given, "temperature", where),
        top_p=number_of(given, "top_p", where),
        max_tokens=whole_of(given, "max_completions_tokens", where, least=1),
        effort=None if effort is None else choice_of(given, "reasoning_effort", where, EFFORTS),
    )


def _messages(given: object, where: str) -> tuple[JudgeMessage, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise InvalidGrader(where, "must be a list of messages, each with role and content")
    return tuple(_message(message, f"{where}[{place}]") for place, message in enumerate(given))


def _message(message: object, where: str) -> JudgeMessage:
    if not isinstance(message, Mapping):
        raise InvalidGrader(where, "must be an object with role and content")
    check_fields(message, ("role", "content", "type"), where, "a message")
    role = choice_of(message, "role", where, ROLES)
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else [content]
    texts = [_text(part, f"{where}.content") for part in parts]
    return JudgeMessage(cast("Role", role), "\n".join(texts))


def _text(part: object, where: str) -> str:
    """The text of one content part; judges here read text only."""
    if isinstance(part, Mapping) and part.get("type") in TEXT_PARTS:
        part = part.get("text")
    if not isinstance(part, str):
        kind = part.get("type") if isinstance(part, Mapping) else part
        raise InvalidGrader(where, f"must be text; {shown(kind)} cannot be shown to a judge here")
    return checked_template(part, where)
