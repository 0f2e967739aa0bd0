"""Where an answer has its labels, as the response format says, and answers with given labels in that place."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jobs.graders.example_answers import as_text, example_answers
from jobs.tasks.labels import LABEL_KEYS, as_label

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """The field of an answer that holds its labels.

    Attributes:
        path: the properties that lead to it.
        many: True for a list of labels, False for one.
        key: where a label is an object, the property that names it.
        choices: the labels that the response format allows; empty where it allows any text.
        example: a well-formed answer, to put labels into.
        values: label to its value in an answer, where that is not the label itself: `"0"` to 0.
        is_only: whether no other field could hold labels.
    """

    path: tuple[str, ...]
    many: bool
    key: str | None
    choices: tuple[str, ...]
    example: object = None
    values: Mapping[str, object] = field(default_factory=dict)
    is_only: bool = True

    @property
    def is_sure(self) -> bool:
        """Whether labels are known to belong here: it names them, or there is no other field for them."""
        return bool(self.choices) or self.is_only

    def answer(self, labels: Sequence[str]) -> str:
        """Return a well-formed answer with these labels, as JSON text; of several the first where one is allowed."""
        entries = [self._entry(label) for label in labels]
        return self.with_value(entries if self.many else next(iter(entries), ""))

    def value_in(self, answer: object) -> object:
        """Return what stands where the labels do in an answer that was read as JSON; None where nothing does."""
        return _value_at(answer, self.path)

    def with_value(self, held: object) -> str:
        """Return an answer with this JSON value where the labels stand, whether it may stand there or not."""
        whole = copy.deepcopy(self.example)
        at = _value_at(whole, self.path[:-1])
        if isinstance(at, dict):
            at[self.path[-1]] = held
        return json.dumps(whole, ensure_ascii=False)

    def _entry(self, label: str) -> object:
        value = self.values.get(label, label)
        if self.key is None:
            return value
        at = _value_at(self.example, self.path)
        pattern = at[0] if isinstance(at, list) and at and isinstance(at[0], dict) else {}
        return {**pattern, self.key: value}


def shape_of(response_format: Mapping[str, object] | None) -> AnswerShape | None:
    """Return where labels stand in answers of this format (chat completions nesting); None where nothing can.

    A field with choices is surer than one without, and a list surer than a single value; of equals the first counts.
    """
    if response_format is None:
        return None
    nested = response_format.get("json_schema", response_format)
    schema = nested.get("schema", nested) if isinstance(nested, Mapping) else {}
    found = list(_fields(schema, schema, ()))
    best = max(found, key=lambda each: (bool(each.choices), each.many), default=None)
    example = json.loads(example_answers({}, response_format)[0])
    return best and replace(best, example=example, is_only=len(found) == 1)


def may_hold_many(response_format: Mapping[str, object] | None) -> bool:
    """Tell whether an answer of this format names several labels."""
    shape = shape_of(response_format)
    return shape is not None and shape.many


def _value_at(value: object, path: tuple[str, ...]) -> object:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _fields(schema: object, root: object, path: tuple[str, ...]) -> Iterator[AnswerShape]:
    schema = _resolved(schema, root)
    if len(path) > _DEEPEST:
        return
    match schema.get("type"):
        case "object":
            properties = schema.get("properties")
            for name, inner in properties.items() if isinstance(properties, Mapping) else ():
                yield from _fields(inner, root, (*path, str(name)))
        case "array" if path:
            yield from _list_field(_resolved(schema.get("items"), root), root, path)
        case "string" if path:
            yield AnswerShape(path, many=False, key=None, choices=_choices(schema), values=_values(schema))
        case _ if path and _choices(schema):
            yield AnswerShape(path, many=False, key=None, choices=_choices(schema), values=_values(schema))


def _list_field(entry: Mapping[str, object], root: object, path: tuple[str, ...]) -> Iterator[AnswerShape]:
    if _holds_text(entry):
        yield AnswerShape(path, many=True, key=None, choices=_choices(entry), values=_values(entry))
    for key in LABEL_KEYS:
        named = _resolved(_value_at(entry, ("properties", key)), root)
        if _holds_text(named):
            yield AnswerShape(path, many=True, key=key, choices=_choices(named), values=_values(named))
            return


def _holds_text(schema: Mapping[str, object]) -> bool:
    return schema.get("type") == "string" or bool(_choices(schema))


def _choices(schema: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(as_label(as_text(each)) for each in _enum(schema))


def _values(schema: Mapping[str, object]) -> dict[str, object]:
    return {label: each for each in _enum(schema) if (label := as_label(as_text(each))) != each}


def _enum(schema: Mapping[str, object]) -> list[object]:
    values = schema.get("enum")
    return [each for each in values if isinstance(each, str | int | float)] if isinstance(values, list) else []


def _resolved(schema: object, root: object) -> Mapping[str, object]:
    """The schema, with a reference followed and the null taken out of a choice with null."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        options = schema.get("anyOf")
        if "$ref" in schema:
            schema = _value_at(root, tuple(str(schema["$ref"]).removeprefix("#").split("/")[1:]))
        elif isinstance(options, list):
            schema = next((each for each in options if isinstance(each, Mapping) and each.get("type") != "null"), None)
        else:
            return schema
    return {}
