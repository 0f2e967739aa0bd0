"""YAML files and typed settings read with pydantic, so that whatever is wrong is said with its line, key and bounds."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, ValidationInfo, field_validator

from jobs.core.errors import InvalidRequest
from jobs.core.nearest import kind, nearest, quoted

LONGEST_YAML: Final = 500_000
MOST_YAML_VALUES: Final = 2_000_000
T = TypeVar("T")
Path = tuple[str | int, ...]


class Section(BaseModel):
    """Keys that belong together. A key without a value has its default; a key that is not known is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _default_for_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name:
            return cls.model_fields[info.field_name].get_default(call_default_factory=True)
        return value


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed file and the line of each key, so that every complaint can name it."""

    where: str
    """What sentences call the file."""
    values: Mapping[str, object]
    lines: Mapping[Path, int]

    def read(self, shape: TypeAdapter[T], values: object, at: Path = (), *, quote: bool = True) -> T:
        """Return `values` as what `shape` describes.

        Args:
            shape: of a pydantic model or dataclass.
            values: the file's, or those of one of its sections.
            at: the keys that lead to that section.
            quote: whether a sentence may repeat a text of the file; not where it may be a secret.

        Raises:
            InvalidRequest: names file, line and key of the first thing that is wrong, and what would be right.
        """
        try:
            return shape.validate_python(values)
        except ValidationError as error:
            path, complaint = complaint_of(shape, error, self.where, quote=quote)
        raise self.error((*at, *path), complaint)

    def error(self, path: Path, complaint: str) -> InvalidRequest:
        """Return the error for what is wrong at a path: file, line, key and complaint."""
        return InvalidRequest(f"{self.where} line {self.line(path)}: {dotted(path)} {complaint}")

    def line(self, path: Path) -> int:
        """Return the line of a key, or of the nearest one above it that has a line."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str, where: str, such_as: str) -> YamlFile:
    """Return the YAML in `text`, which must be keys `such_as` these; raises InvalidRequest naming file and line."""
    with _yaml_complaints(where):
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines = dict(_key_lines(node, where, (), set()))
        values = loader.construct_document(node) if node else {}
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise InvalidRequest(f"{where} must hold {such_as}, not {kind(values)}.")
    return YamlFile(where, values, lines)


def read_yaml_value(text: str, where: str) -> object:
    """Return what the YAML in `text` holds, in JSON's types; dates are texts, keys too.

    Raises:
        InvalidRequest: it is not YAML, is long (a mebibyte takes the parser a minute), or its aliases (`&a`, `*a`)
            repeat so much that it grows past all bounds.
    """
    if len(text) > LONGEST_YAML:
        raise InvalidRequest(f"{where} has more than {LONGEST_YAML:,} characters, too long for YAML; give JSON or CSV.")
    with _yaml_complaints(where):
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_YAML_VALUES:
            raise InvalidRequest(f"{where} repeats itself to more than {MOST_YAML_VALUES:,} values.")
        value = _json_value(loader.construct_document(node))
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text, and a ValueError
        return value


@contextmanager
def _yaml_complaints(where: str) -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidRequest(f"{where} line {line} is not YAML: {error.problem or error.context}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InvalidRequest(f"{where} is not YAML that can be read: {reason}.") from error


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node stands for, what an alias repeats counted each time; one within itself has none."""
    if id(node) not in known:
        known[id(node)] = MOST_YAML_VALUES + 1  # for whoever asks before this is known: it is within itself
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = list(node.value)
        known[id(node)] = 1 + sum(_size(each, known) for each in inner)
    return known[id(node)]


def _json_value(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _json_value(held) for key, held in value.items()}
    if isinstance(value, list | tuple | set):
        return [_json_value(held) for held in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def complaint_of(
    shape: TypeAdapter[Any], error: ValidationError, where: str, *, quote: bool = True
) -> tuple[Path, str]:
    """Return the path of the first thing that is wrong, and what is wrong with it: the end of a sentence."""
    first = error.errors(include_url=False)[0]
    path = tuple(step for step in first["loc"] if step != "[key]")
    match first["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument" | "invalid_key":
            known = _schema_at(shape, path[:-1]).get("properties", {})
            return path, f"is not a key of {PurePath(where).name}; {nearest(str(path[-1]), known)}"
        case "missing":
            return path, "is missing."
        case "value_error":
            return path, str(first["ctx"]["error"])
    return path, f"must {_what_fits(_schema_at(shape, path), first['input'], quote=quote)}"


def expected(shape: TypeAdapter[Any], *path: str) -> str:
    """Say what may stand at a path: `a whole number from 1 to 50`, `one of low, high`."""
    return _expected(_schema_at(shape, path))


def _key_lines(node: yaml.Node | None, where: str, under: Path, read: set[int]) -> Iterator[tuple[Path, int]]:
    """Yield each key's path and line; a key written twice is refused, because YAML would drop the first in silence.

    What an alias repeats is read only once (`read` has the ids of its nodes): aliases of aliases would never end.
    """
    if not isinstance(node, yaml.MappingNode) or id(node) in read:
        return
    read.add(id(node))
    seen: set[str] = set()
    for key, value in node.value:
        name, line = str(key.value) if isinstance(key, yaml.ScalarNode) else "?", key.start_mark.line + 1
        path = (*under, name)
        if name in seen:
            raise InvalidRequest(f"{where} line {line}: {dotted(path)} is written twice.")
        seen.add(name)
        yield path, line
        yield from _key_lines(value, where, path, read)


def dotted(path: Path) -> str:
    """Return a path as a sentence names it."""
    return quoted(".".join(map(str, path)))


def _schema_at(shape: TypeAdapter[Any], path: Path) -> Mapping[str, Any]:
    """Return the JSON Schema of what stands at a path."""
    whole = shape.json_schema()
    found = _resolved(whole, whole)
    for step in path:
        inner = found.get("properties", {}).get(step) or found.get("additionalProperties") or found.get("items")
        found = _resolved(inner if isinstance(inner, Mapping) else {}, whole)
    return found


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its reference followed, and without the null that an optional value may be."""
    if "$ref" in schema:
        return dict(whole["$defs"][schema["$ref"].rpartition("/")[2]])
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return {**_resolved(options[0], whole), **schema} if options else schema


def _what_fits(schema: Mapping[str, Any], value: object, *, quote: bool) -> str:
    if schema.get("type") == "object":
        return f"hold keys of its own, not {kind(value)}."
    fits = _expected(schema)
    if fits == "text":
        return f"be text, not {kind(value.strip() if isinstance(value, str) else value)}; put it in quotes."
    shown = quoted(value) if isinstance(value, int | float) or (quote and isinstance(value, str)) else kind(value)
    return f"be {fits}, not {shown}."


def _expected(schema: Mapping[str, Any]) -> str:
    if "description" in schema:
        return str(schema["description"])
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    match schema.get("type"):
        case "integer":
            return f"a whole number{_bounds(schema)}"
        case "number":
            return f"a number{_bounds(schema)}"
        case "boolean":
            return "true or false"
        case "array":
            return "a list"
    return "a date such as 2027-01-31" if schema.get("format") == "date" else "text"


def _bounds(schema: Mapping[str, Any]) -> str:
    low, above, high = (_plain(schema.get(key)) for key in ("minimum", "exclusiveMinimum", "maximum"))
    if above:
        return f" above {above}" + (f" and up to {high}" if high else "")
    if low and high:
        return f" from {low} to {high}"
    return f" of at least {low}" if low else ""


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.6f}".rstrip("0").rstrip(".")
