"""Request bodies as pydantic models: a missing key, a wrong type or a value out of range is a 400 that names it.

As in the public API, null means the same as leaving a key out.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import jsonschema
import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from local.platform.errors import ApiError

JsonObject: TypeAlias = dict[str, object]
Metadata: TypeAlias = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]
_TYPES: Mapping[str, str] = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
}


class RequestModel(BaseModel):
    """An object of a request; keys it does not know are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value


class StrictRequestModel(RequestModel):
    """An object of a request; keys it does not know are refused."""

    model_config = ConfigDict(extra="forbid")


class JsonSchema(RequestModel):
    """A named JSON Schema; the keys that nothing here reads are kept."""

    model_config = ConfigDict(extra="allow")

    schema_: Annotated[JsonObject, Field(alias="schema")]
    name: str | None = None


class ResponseFormat(RequestModel):
    """The wanted answer in the nesting of chat completions and fine-tuning jobs."""

    type: Literal["text", "json_schema"]
    json_schema: JsonSchema | None = None


Parsed = TypeVar("Parsed", bound=RequestModel)


def parse(model: type[Parsed], body: bytes) -> Parsed:
    """Return a request's JSON as a `model`, or refuse with a 400 that names the parameter at fault."""
    try:
        return model.model_validate(pydantic_core.from_json(body))
    except ValidationError as invalid:
        raise _api_error(invalid.errors()[0]) from None
    except ValueError:
        raise ApiError("We could not parse the JSON body of your request.") from None


def schema_of(response_format: ResponseFormat | None, at: str) -> JsonObject | None:
    """Return the checked JSON Schema that a response format asks for; None for plain text."""
    if response_format is None or response_format.type == "text":
        return None
    if response_format.json_schema is None:
        raise missing(f"{at}.json_schema")
    return checked_schema(response_format.json_schema.schema_, f"{at}.json_schema.schema")


def checked_schema(schema: JsonObject, at: str) -> JsonObject:
    """Return `schema`, or refuse what is not the JSON Schema of an object."""
    fault = _schema_fault(json.dumps(schema))
    if fault is not None:
        raise ApiError(f"'{at}' is not a JSON Schema: {fault}", at, "invalid_json_schema")
    if schema.get("type") != "object":
        raise ApiError(f"'{at}' must have the type object.", f"{at}.type", "invalid_json_schema")
    return schema


@lru_cache(maxsize=256)
def _schema_fault(schema: str) -> str | None:
    """Return what is wrong with a JSON Schema, given as text; checking one costs more than answering by it."""
    try:
        jsonschema.Draft202012Validator.check_schema(json.loads(schema))
    except jsonschema.SchemaError as fault:
        return fault.message
    return None


def missing(param: str) -> ApiError:
    """Return the 400 for a parameter that is required."""
    return ApiError(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def _api_error(error: ErrorDetails) -> ApiError:
    param = ".".join(str(part) for part in error["loc"] if part != "[key]")
    value = error["input"]
    match error["type"]:
        case "missing":
            return missing(param)
        case "extra_forbidden":
            return ApiError(f"Unknown parameter: '{param}'.", param, "unknown_parameter")
        case "literal_error":
            supported = error["ctx"]["expected"]
            return ApiError(f"Invalid value: {value!r}. Supported values are: {supported}.", param, "invalid_value")
        case "model_type" if not param:
            return ApiError("The body of your request must be a JSON object.")
        case kind if kind in _TYPES:
            said = f"expected {_TYPES[kind]}, but got {type(value).__name__} instead"
            return ApiError(f"Invalid type for '{param}': {said}.", param, "invalid_type")
        case _:  # a limit: "Input should be less than or equal to 256", "String should have at most 64 characters"
            limit = error["msg"].partition(" should ")[2].replace(" after validation", "")
            given = f", not {value}" if isinstance(value, int | float) else ""
            return ApiError(f"'{param}' must {limit}{given}.", param)
