"""Where in an answer its labels stand, found in the response format; and answers made with labels of one's choice."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.core.labels import LABEL_KEYS
from jobs.graders.example_answers import example_answers

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """The field of an answer that holds its labels.

    Attributes:
        path: the properties that lead to it.
        many: True for a list of labels, False for one.
        key: where a label is an object, the property that names it.
        choices: the labels that the response format allows; empty where it allows any text.
    """

    path: tuple[str, ...]
    many: bool
    key: str | None
    choices: tuple[str, ...]
    _whole: object
    """A well-formed answer, to put labels into."""

    def answer(self, labels: Sequence[str]) -> str:
        """Return a well-formed answer with these labels, as JSON text; of several the first where one is allowed."""
        return self.with_value([self._entry(label) for label in labels] if self.many else next(iter(labels), ""))

    def with_value(self, held: object) -> str:
        """Return an answer with this JSON value where the labels stand, whether it may stand there or not."""
        whole = copy.deepcopy(self._whole)
        at = whole
        for step in self.path[:-1]:
            at = at[step] if isinstance(at, dict) else None
        if isinstance(at, dict):
            at[self.path[-1]] = held
        return json.dumps(whole, ensure_ascii=False)

    def _entry(self, label: str) -> object:
        if self.key is None:
            return label
        at = self._whole
        for step in self.path:
            at = at[step] if isinstance(at, dict) else None
        pattern = at[0] if isinstance(at, list) and at and isinstance(at[0], dict) else {}
        return {**pattern, self.key: label}


@dataclass(frozen=True, slots=True)
class _Found:
    path: tuple[str, ...]
    many: bool
    key: str | None
    choices: tuple[str, ...]

    @property
    def promise(self) -> tuple[bool, bool]:
        """How sure it is that this is the field: one with choices before one without, a list before a single text."""
        return bool(self.choices), self.many


def shape_of(response_format: Mapping[str, object]) -> AnswerShape | None:
    """Return where labels stand in answers of this format (chat completions nesting); None where no text can stand."""
    nested = response_format.get("json_schema", response_format)
    schema = nested.get("schema", nested) if isinstance(nested, Mapping) else {}
    found = list(_fields(schema, schema, ()))
    if not found:
        return None
    best = max(found, key=lambda each: each.promise)  # of equals the first
    whole: object = json.loads(example_answers({}, response_format)[0])
    return AnswerShape(best.path, best.many, best.key, best.choices, whole)


def _fields(schema: object, root: object, path: tuple[str, ...]) -> Iterator[_Found]:
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
            yield _Found(path, many=False, key=None, choices=_choices(schema))


def _list_field(entry: Mapping[str, object], root: object, path: tuple[str, ...]) -> Iterator[_Found]:
    if entry.get("type") == "string" or _choices(entry):
        yield _Found(path, many=True, key=None, choices=_choices(entry))
    properties = entry.get("properties")
    if not isinstance(properties, Mapping):
        return
    for key in LABEL_KEYS:
        named = _resolved(properties.get(key), root)
        if named.get("type") == "string" or _choices(named):
            yield _Found(path, many=True, key=key, choices=_choices(named))
            return


def _choices(schema: Mapping[str, object]) -> tuple[str, ...]:
    values = schema.get("enum")
    return tuple(each for each in values if isinstance(each, str)) if isinstance(values, list) else ()


def _resolved(schema: object, root: object) -> Mapping[str, object]:
    """The schema, with a reference followed and the null taken out of a choice with null."""
    for _ in range(_DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        options = schema.get("anyOf")
        if "$ref" in schema:
            schema = _referred(str(schema["$ref"]), root)
        elif isinstance(options, list):
            schema = next((each for each in options if isinstance(each, Mapping) and each.get("type") != "null"), None)
        else:
            return schema
    return {}


def _referred(reference: str, root: object) -> object:
    at = root
    for step in reference.removeprefix("#").split("/")[1:]:
        at = at.get(step) if isinstance(at, Mapping) else None
    return at
