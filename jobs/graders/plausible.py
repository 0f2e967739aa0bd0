"""Answers that a model might well give, made from the shape they must have and the item they answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_DEPTH = 20
"""A schema may contain itself; deeper than this it is filled with null."""


def plausible_answers(item: Mapping[str, object], response_format: Mapping[str, object] | None) -> list[str]:
    """At least one answer to `item`, likeliest first.

    With a response format it is one JSON text that obeys it, with the item's own words wherever an enum offers them.
    Without one it is the item's reference answer, as text and as JSON.
    """
    if response_format is not None:
        schema = _schema_of(response_format)
        return [json.dumps(_Filler(schema, frozenset(_words(item))).fill(schema, 0), ensure_ascii=False)]
    reference = item.get("reference_answer", "answer")
    as_text = [reference] if isinstance(reference, str) else []
    return [*as_text, json.dumps(reference, default=str), json.dumps({"answer": reference}, default=str)]


def _schema_of(response_format: Mapping[str, object]) -> Mapping[str, object]:
    """The bare schema, whether it came as chat completions nest it, as responses flatten it, or bare."""
    nested = response_format.get("json_schema", response_format)
    schema = nested.get("schema", nested) if isinstance(nested, Mapping) else None
    return schema if isinstance(schema, Mapping) else {}


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _words(inner)


@dataclass(frozen=True, slots=True)
class _Filler:
    """Makes one value that obeys a schema."""

    root: Mapping[str, object]
    words: frozenset[str]

    def fill(self, schema: object, depth: int) -> object:
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return next(iter(self._choices(schema)), None)
        if "$ref" in schema:
            return self.fill(self._referred(str(schema["$ref"])), depth + 1)
        for union in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(union), Sequence):
                return self.fill(self._first_telling(schema[union]), depth + 1)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, object], depth: int) -> object:
        kinds = schema.get("type", "object" if "properties" in schema else "null")
        kind = next((one for one in kinds if one != "null"), "null") if isinstance(kinds, list | tuple) else kinds
        match kind:
            case "object":
                properties = schema.get("properties", {})
                named = properties.items() if isinstance(properties, Mapping) else ()
                return {name: self.fill(inner, depth + 1) for name, inner in named}
            case "array":
                return self._array(schema, depth)
            case "string":
                return "text"
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
        return None

    def _array(self, schema: Mapping[str, object], depth: int) -> list[object]:
        inner = schema.get("items")
        fewest, most = schema.get("minItems", 0), schema.get("maxItems")
        choices = self._choices(inner)
        filled = [choice for choice in choices if self._mentioned(choice)] or [self.fill(inner, depth + 1)]
        spare = [choice for choice in choices if choice not in filled]
        missing = max(fewest - len(filled), 0) if isinstance(fewest, int) else 0
        filled += spare[:missing] if choices else [filled[0]] * missing
        return filled[:most] if isinstance(most, int) else filled

    def _choices(self, schema: object) -> list[object]:
        """An enum's values, those that the item mentions first."""
        if isinstance(schema, Mapping) and "$ref" in schema:
            schema = self._referred(str(schema["$ref"]))
        values = schema.get("enum") if isinstance(schema, Mapping) else None
        return sorted(values, key=lambda value: not self._mentioned(value)) if isinstance(values, Sequence) else []

    def _mentioned(self, value: object) -> bool:
        return isinstance(value, str) and value in self.words

    def _referred(self, reference: str) -> object:
        at: object = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            at = at.get(step) if isinstance(at, Mapping) else None
        return at

    @staticmethod
    def _first_telling(options: Sequence[object]) -> object:
        telling = (option for option in options if not (isinstance(option, Mapping) and option.get("type") == "null"))
        return next(telling, None)
