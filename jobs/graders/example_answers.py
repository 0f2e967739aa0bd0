"""Answers that a model might well give, made from the shape they must have and the item they answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.graders.grades import Sample
from jobs.graders.tool_calls import call_of, calls_in, functions

HERE = "{}"
"""Stands in a form for the answer itself."""
TEXT_FORMS = (HERE, "Answer: {}", "The answer is {}.", "#### {}", r"\boxed{{}}", "<answer>{}</answer>")
"""How a free text may give a short answer: bare, or where the graders of public tasks look for it."""
MOST_CALLS = 8
"""Answers that call tools, of all that a row offers."""
MAX_DEPTH = 20
"""A schema may contain itself; deeper than this it is filled with null."""


def example_answers(item: Mapping[str, object], response_format: Mapping[str, object] | None) -> list[str]:
    """At least one answer to `item`, likeliest first.

    With a response format it is one JSON text that obeys it, with the item's own words wherever an enum offers them.
    Without one it is the item's reference answer, as text, in the forms in which graders look for it, and as JSON.
    """
    if response_format is not None:
        schema = _schema_of(response_format)
        return [json.dumps(_Filler(schema, frozenset(_words(item))).fill(schema, 0), ensure_ascii=False)]
    reference = item.get("reference_answer")
    known = "answer" if reference is None else reference
    as_json = [json.dumps(known, default=str), json.dumps({"answer": known}, default=str)]
    return list(dict.fromkeys([*(form.replace(HERE, as_text(known)) for form in TEXT_FORMS), *as_json]))


def example_samples(item: Mapping[str, object], response_format: Mapping[str, object] | None) -> list[Sample]:
    """At least one answer to `item`: `example_answers`, and where it offers tools, calls of them."""
    texts = [Sample(text) for text in example_answers(item, response_format)]
    offered = functions(item)
    words = frozenset(_words({field: value for field, value in item.items() if field != "tools"}))
    right = [
        calls for field in dict.fromkeys(("reference_answer", *item)) if (calls := calls_in(item.get(field), offered))
    ]
    guessed = [
        (call_of(name, _Filler(schema, words).fill(schema, 0) or {}),)
        for name, schema in sorted(offered.items(), key=lambda pair: pair[0] not in words)
    ]
    return [*texts, *(Sample("", calls) for calls in [*right, *guessed][:MOST_CALLS])]


def as_text(value: object) -> str:
    """A JSON value as it stands in a text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _schema_of(response_format: Mapping[str, object]) -> Mapping[str, object]:
    """The bare schema, whether nested as in chat completions, flat as in responses, or bare."""
    nested = response_format.get("json_schema", response_format)
    schema = nested.get("schema", nested) if isinstance(nested, Mapping) else None
    return schema if isinstance(schema, Mapping) else {}


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str | int | float):
        yield as_text(value)
    elif isinstance(value, Mapping | Sequence):
        for inner in value.values() if isinstance(value, Mapping) else value:
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
            return self.fill(self._resolved(schema), depth + 1)
        for union in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(union), Sequence):
                options = (one for one in schema[union] if not (isinstance(one, Mapping) and one.get("type") == "null"))
                return self.fill(next(options, None), depth + 1)
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
            case "integer" | "number":
                return schema.get("minimum", 1)
        return {"string": "text", "boolean": True}.get(str(kind))

    def _array(self, schema: Mapping[str, object], depth: int) -> list[object]:
        inner = schema.get("items")
        minimum, maximum = schema.get("minItems", 0), schema.get("maxItems")
        choices = self._choices(inner)
        filled = [choice for choice in choices if self._is_mentioned(choice)] or [self.fill(inner, depth + 1)]
        spare = [choice for choice in choices if choice not in filled]
        missing = max(minimum - len(filled), 0) if isinstance(minimum, int) else 0
        filled += spare[:missing] if choices else [filled[0]] * missing
        return filled[:maximum] if isinstance(maximum, int) else filled

    def _choices(self, schema: object) -> list[object]:
        """An enum's values, those that the item mentions first."""
        schema = self._resolved(schema)
        values = schema.get("enum") if isinstance(schema, Mapping) else None
        return sorted(values, key=lambda value: not self._is_mentioned(value)) if isinstance(values, Sequence) else []

    def _is_mentioned(self, value: object) -> bool:
        return isinstance(value, str | int | float) and as_text(value) in self.words

    def _resolved(self, schema: object) -> object:
        """The schema that a `$ref` stands for; any other schema itself."""
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        found: object = self.root
        for step in str(schema["$ref"]).removeprefix("#").split("/")[1:]:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found
