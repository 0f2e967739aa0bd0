"""Reads response_format.json: free text, or a JSON Schema, alone or in one of the API's own wrappings."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind
from jobs.core.validation import complaint_of, dotted


class _Wrapped(BaseModel):
    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 letters, digits, '_' or '-'")]
    strict: bool | None = None
    schema_: Annotated[dict[str, object], Field(alias="schema")]


_WRAPPED = TypeAdapter(_Wrapped)


def response_format(content: Mapping[str, object], where: str, name: str) -> dict[str, object] | None:
    """Return the response format in Chat Completions nesting; None for free text, `{"type": "text"}`.

    Args:
        content: a JSON Schema, or one in the nesting of chat completions (`{"type": "json_schema", "json_schema":
            {name, strict, schema}}`), of responses (`{"type": "json_schema", name, strict, schema}`), or in neither
            (`{name, strict, schema}`). Where a wrapping leaves `strict` open, it holds if the schema allows it.
        where: what sentences call the file.
        name: what a schema is called that has no name of its own.
    """
    if content == {"type": "text"}:
        return None
    if content.get("type") == "json_object":
        raise InvalidRequest(
            f"{where}: 'json_object' asks for JSON of any shape, which no platform trains on; give a JSON Schema, or "
            "remove the file for free text."
        )
    inner = _unwrapped(content)
    if not isinstance(inner, Mapping):
        raise InvalidRequest(f"{where}: 'json_schema' must be an object, not {kind(inner)}.")
    try:
        wrapped = _WRAPPED.validate_python({"name": name, **inner})
    except ValidationError as error:
        path, complaint = complaint_of(_WRAPPED, error, where)
        raise InvalidRequest(f"{where}: {dotted(path)} {complaint}") from None
    is_bare = inner.get("schema") is content
    strict = _check(wrapped.schema_, where, strict=True if is_bare else wrapped.strict)
    nested = {"name": wrapped.name, "strict": strict, "schema": wrapped.schema_}
    return {"type": "json_schema", "json_schema": nested}


def _unwrapped(content: Mapping[str, object]) -> object:
    """Return the object that holds name, strict and schema."""
    is_wrapped = content.get("type", "json_schema") == "json_schema"  # a JSON Schema has no such type
    if is_wrapped and "json_schema" in content:
        return content["json_schema"]
    if content.get("type") == "json_schema" or (is_wrapped and isinstance(content.get("schema"), Mapping)):
        return content
    return {"schema": content}


def _check(schema: Mapping[str, object], where: str, *, strict: bool | None) -> bool:
    """Refuse what is not a schema of answers, and return whether it is to be kept to strictly."""
    try:
        Draft202012Validator.check_schema(dict(schema))
        complaints = [] if strict is False else list(_strict_complaints(schema))
    except SchemaError as error:
        at = ".".join(str(part) for part in error.absolute_path) or "the top"
        reason = " ".join(error.message.split())[:160]
        raise InvalidRequest(f"{where} is not a JSON Schema, at {at}: {reason}.") from error
    except RecursionError as error:
        raise InvalidRequest(f"{where} is nested too deeply to be read.") from error
    if schema.get("type") != "object":
        raise InvalidRequest(f"{where}: the schema's top must have type 'object', as structured output demands.")
    if complaints and strict:
        raise InvalidRequest(f"{where}: {complaints[0]}, as strict structured output demands.")
    return strict is not False and not complaints


def _strict_complaints(schema: Mapping[str, object], at: str = "the top") -> Iterator[str]:
    """Strict mode closes every object and requires all of its properties; the platform refuses anything else."""
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, Mapping):
        names = set(properties) if isinstance(properties, Mapping) else set()
        required = schema.get("required", [])
        left_out = names - set(required if isinstance(required, list) else [])
        if schema.get("additionalProperties") is not False:
            yield f"{at} needs 'additionalProperties': false"
        if left_out:
            yield f"{at} must list {', '.join(sorted(left_out))} under 'required'"
    for name, child in _children(schema):
        yield from _strict_complaints(child, name)


def _children(schema: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for key in ("properties", "$defs"):
        held = schema.get(key)
        for name, child in held.items() if isinstance(held, Mapping) else ():
            if isinstance(child, Mapping):
                yield str(name), child
    items, choices = schema.get("items"), schema.get("anyOf")
    for child in [items, *(choices if isinstance(choices, list) else [])]:
        if isinstance(child, Mapping):
            yield "an inner schema", child
