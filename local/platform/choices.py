"""What an answer may look like: the open choices in a response format, and an answer rendered from chosen options."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Option: TypeAlias = str | int | float | bool | None
Chosen: TypeAlias = Sequence[Sequence[int]]
"""For each choice of a plan, the indices of the options taken."""

MOST_OPTIONS = 512
MOST_DEPTH = 16
MOST_PARTS = 2_000
"""A schema that refers to itself several times over would otherwise grow without end."""
ANSWER_WORDS = ("reference", "answer", "label", "target", "expected", "gold", "correct", "truth", "ideal")


class NothingToChoose(Exception):
    """The response format and the rows leave nothing open to learn; the text says what is needed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One open point of an answer: `one` of the options, or any `many` of them."""

    path: str
    """Where in the answer, such as `verdict` or `labels[]`; choices of two plans with one path are the same."""
    kind: Literal["one", "many"]
    options: tuple[Option, ...]
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """A part of every answer that is always the same."""

    value: object


@dataclass(frozen=True, slots=True)
class One:
    """A place for the single option taken at a choice."""

    choice: int


@dataclass(frozen=True, slots=True)
class Many:
    """A list of the options taken at a choice, each alone or inside an object `{key: option, **rest}`."""

    choice: int
    key: str | None = None
    rest: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """An object with a part under each key."""

    parts: tuple[tuple[str, "Part"], ...]


Part: TypeAlias = Fixed | One | Many | Branch


@dataclass(frozen=True, slots=True)
class Plan:
    """The choices of an answer and how a taken one is written down."""

    choices: tuple[Choice, ...]
    root: Part

    def render(self, chosen: Chosen) -> str:
        """Return the answer: JSON, or the bare option where the whole answer is one choice of text."""
        value = _value(self.root, self.choices, chosen)
        if isinstance(self.root, One) and isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """Answers found in training rows, for where a schema leaves text open: by the name they stand under, and all."""

    by_name: Mapping[str, tuple[Option, ...]]
    every: tuple[Option, ...]
    lists: bool
    """Whether the reference answer is a list."""

    def options(self, name: str, types: tuple[type, ...]) -> tuple[Option, ...]:
        """Return the options of one of `types` for a property called `name`."""
        return tuple(option for option in self.by_name.get(name, self.every) if type(option) in types)


NOTHING_SEEN = Seen({}, (), False)


def seen_answers(items: Iterable[Mapping[str, object]]) -> Seen:
    """Return the distinct answers in the reference-like fields of `items`, sorted."""
    by_name: dict[str, set[Option]] = {}
    every: set[Option] = set()
    lists = False
    for item in items:
        for key, value in item.items():
            if key == "messages" or not any(word in key.lower() for word in ANSWER_WORDS):
                continue
            lists = lists or isinstance(value, list)
            nested = value.items() if isinstance(value, dict) else ()
            for name, inner in ((key, value), *nested):
                found = set(_scalars(inner))
                by_name.setdefault(name, set()).update(found)
                every |= found
    return Seen({name: _sorted(found) for name, found in by_name.items() if found}, _sorted(every), lists)


def seen_before(plan: Plan) -> Seen:
    """Return the answers a model knows from the plan it was trained with, for where a new schema leaves text open."""
    by_name = {choice.path.rpartition(".")[2].removesuffix("[]"): choice.options for choice in plan.choices}
    every = {option for choice in plan.choices for option in choice.options}
    return Seen(by_name, _sorted(every), any(choice.kind == "many" for choice in plan.choices))


def plan_of(schema: Mapping[str, object] | None, seen: Seen = NOTHING_SEEN) -> Plan:
    """Return the plan of answers that obey `schema`; without one, of answers like those `seen`.

    Raises:
        NothingToChoose: if no choice is left open.
    """
    reader = _Reader(schema or {}, seen)
    if schema is not None:
        root = reader.part(schema, "", "", 0)
    elif seen.every:
        root = reader.many("", seen.every, {}) if seen.lists else reader.one("", seen.every)
    else:
        root = Fixed(None)
    if not reader.choices:
        raise NothingToChoose(
            "Nothing to learn: the response format needs a property with an enum, "
            "or the rows a reference answer whose labels are to be chosen."
        )
    return Plan(tuple(reader.choices), root)


class _Reader:
    """Walks a JSON Schema and gathers its open choices."""

    def __init__(self, root: Mapping[str, object], seen: Seen) -> None:
        self._root = root
        self._seen = seen
        self.choices: list[Choice] = []
        self._parts = 0

    def one(self, path: str, options: tuple[Option, ...]) -> Part:
        if len(options) < 2:
            return Fixed(options[0] if options else None)
        self.choices.append(Choice(path, "one", options))
        return One(len(self.choices) - 1)

    def many(self, path: str, options: tuple[Option, ...], limits: Mapping[str, object]) -> Many:
        low, high = limits.get("minItems"), limits.get("maxItems")
        at_least = min(low, len(options)) if isinstance(low, int) else 0
        self.choices.append(Choice(path, "many", options, at_least, high if isinstance(high, int) else None))
        return Many(len(self.choices) - 1)

    def part(self, schema: object, path: str, name: str, depth: int) -> Part:
        """The part that `schema` describes, at `path`, under the property `name`."""
        node = self._resolved(schema)
        self._parts += 1
        if depth > MOST_DEPTH or self._parts > MOST_PARTS:
            return Fixed(None)
        if "const" in node:
            return Fixed(node["const"])
        if isinstance(node.get("enum"), list):
            return self.one(path, _options(node["enum"]))
        match _type(node):
            case "object":
                return self._branch(node, path, depth)
            case "array":
                return self._list(node, path, name, depth)
            case "boolean":
                return self.one(path, (False, True))
            case other:
                return self._open(node, other, path, name)

    def _branch(self, node: Mapping[str, object], path: str, depth: int) -> Branch:
        properties = node.get("properties")
        named = properties.items() if isinstance(properties, dict) else ()
        at = f"{path}." if path else ""
        return Branch(tuple((key, self.part(inner, f"{at}{key}", key, depth + 1)) for key, inner in named))

    def _list(self, node: Mapping[str, object], path: str, name: str, depth: int) -> Part:
        inner = _Reader(self._root, self._seen)
        inner._parts = self._parts
        part = inner.part(node.get("items", {}), f"{path}[]", name, depth + 1)
        self._parts = inner._parts
        first = [[0]] * len(inner.choices)
        match part:
            case One(index):
                choice = inner.choices[index]
                return self.many(choice.path, choice.options, node)
            case Branch(parts) if ones := [(key, value) for key, value in parts if isinstance(value, One)]:
                key, taken = ones[0]
                choice = inner.choices[taken.choice]
                rest = tuple((name, _value(value, inner.choices, first)) for name, value in parts if name != key)
                return Many(self.many(choice.path, choice.options, node).choice, key, rest)
        least = node.get("minItems")
        filler = _value(part, inner.choices, first)
        return Fixed([filler] * (least if isinstance(least, int) else 0))

    def _open(self, node: Mapping[str, object], kind: str, path: str, name: str) -> Part:
        types: Mapping[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
        options = self._seen.options(name, types.get(kind, ()))
        if len(options) > 1:
            return self.one(path, options)
        if kind == "string":
            least = node.get("minLength")
            return Fixed("-" * (least if isinstance(least, int) else 0))
        if kind in types:
            low = node.get("minimum")
            return Fixed(low if isinstance(low, int | float) else 0)
        return Fixed(None)

    def _resolved(self, schema: object) -> Mapping[str, object]:
        """The schema behind references, alternatives (the first that is not null) and a single `allOf`."""
        for _ in range(MOST_DEPTH):
            if not isinstance(schema, dict):
                return {}
            if isinstance(schema.get("$ref"), str):
                schema = _pointed(self._root, schema["$ref"])
            elif consts := _consts(schema):
                return {"enum": consts}
            elif alternatives := _alternatives(schema):
                schema = alternatives[0]
            else:
                return schema
        return {}


def _value(part: Part, choices: Sequence[Choice], chosen: Chosen) -> object:
    match part:
        case Fixed(value):
            return value
        case One(index):
            return choices[index].options[chosen[index][0]]
        case Many(index, key, rest):
            options = [choices[index].options[taken] for taken in chosen[index]]
            return options if key is None else [{key: option, **dict(rest)} for option in options]
        case Branch(parts):
            return {key: _value(inner, choices, chosen) for key, inner in parts}


def _type(node: Mapping[str, object]) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in node else "array" if "items" in node else ""


def _pointed(root: Mapping[str, object], reference: str) -> object:
    found: object = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _consts(node: Mapping[str, object]) -> list[object]:
    for word in ("anyOf", "oneOf"):
        branches = node.get(word)
        if isinstance(branches, list) and branches and all(isinstance(b, dict) and "const" in b for b in branches):
            return [branch["const"] for branch in branches]
    return []


def _alternatives(node: Mapping[str, object]) -> list[object]:
    for word in ("anyOf", "oneOf", "allOf"):
        branches = node.get(word)
        if isinstance(branches, list):
            return [b for b in branches if not (isinstance(b, dict) and b.get("type") == "null")]
    return []


def _options(values: object) -> tuple[Option, ...]:
    return tuple(_scalars(values))[:MOST_OPTIONS]


def _scalars(value: object) -> Iterable[Option]:
    values = value if isinstance(value, list) else [value]
    return (inner for inner in values if inner is None or isinstance(inner, str | int | float))


def _sorted(options: set[Option]) -> tuple[Option, ...]:
    known = [option for option in options if option is not None]
    return tuple(sorted(known, key=lambda option: (type(option).__name__, option)))[:MOST_OPTIONS]
