"""What an answer may look like: its open choices, by a response format or in plain text, and how it is rendered."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from jobs.graders import is_answer
from local.platform.file_store import user_text
from local.platform.numpy_policy.arithmetic import calculated
from local.platform.numpy_policy.free_text import BARE, CANNOT_WRITE

Option: TypeAlias = str | int | float | bool | None

FORM_PATH = "(form)"
"""The path of the choice among forms; a property's path has no parentheses."""
MOST_OPTIONS = 512
MOST_CHARACTERS = 200
"""A longer reference is prose to write, not an answer to choose."""
MOST_TRIES = 100
REPEATED = 0.5
"""The share of references that other rows must repeat for them to span a finite set."""
MOST_DEPTH = 16
MOST_PARTS = 2_000
"""A schema that refers to itself several times over would otherwise grow without end."""


class NothingToChoose(Exception):
    """The response format and the rows leave nothing open to learn; the text says what is needed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One open point of an answer: `one` of the options, or a list of any `many` of them."""

    path: str
    """Where in the answer, such as `verdict` or `labels[]`; choices of two plans with one path are the same."""
    kind: Literal["one", "many"]
    options: tuple[Option, ...]
    at_least: int = 0
    at_most: int | None = None
    key: str | None = None
    """Where set, the list holds objects `{key: option, **rest}`."""
    rest: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Fixed:
    """A part of every answer that is always the same."""

    value: object


@dataclass(frozen=True, slots=True)
class Branch:
    """An object with a part under each key."""

    parts: tuple[tuple[str, "Part"], ...]


Part: TypeAlias = Choice | Fixed | Branch


@dataclass(frozen=True, slots=True)
class Prose:
    """An answer in plain text: one of some answers, in one of some forms such as "Answer: {}"."""

    form: Choice
    answer: Choice
    is_calculated: bool = False
    """Whether the options are ways of calculating with the numbers of the text."""


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """The form of an answer, with its open choices."""

    root: Part | Prose
    frame: tuple[str, str] | None = None
    """How the prompts of a job that answers in open text begin and end; None where a schema names all answers."""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices in the order they are made in."""
        return tuple(_choices(self.root))

    @property
    def is_calculated(self) -> bool:
        """Whether an answer depends on the text it is given to as well as on what is chosen."""
        return isinstance(self.root, Prose) and self.root.is_calculated

    def render(self, chosen: Sequence[Sequence[int]], text: str) -> str:
        """Return the answer, JSON or the bare option where the whole answer is one choice of text.

        Args:
            chosen: for each choice, the indices of the chosen options.
            text: what the user says, for an answer that is calculated from it.
        """
        if isinstance(self.root, Prose):
            (form,), (answer,) = chosen
            option = _plain(self.root.answer.options[answer])
            said = calculated(option, text) if self.root.is_calculated else option
            return str(self.root.form.options[form]).replace(BARE, said)
        value = _value(self.root, iter(chosen))
        return _plain(value) if isinstance(self.root, Choice) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """Answers found in training rows, for where a schema leaves text open: by property name, and all of them."""

    by_name: Mapping[str, tuple[Option, ...]]
    all: tuple[Option, ...]
    lists: bool
    """Whether the reference answer is a list."""
    is_calculated: bool = False
    """Whether they are ways of calculating with the numbers of the text; a schema's fields are not filled by them."""

    def options(self, name: str, types: tuple[type, ...]) -> tuple[Option, ...]:
        """Return the options of one of `types` for a property called `name`."""
        return tuple(option for option in self.by_name.get(name, self.all) if type(option) in types)


NO_ANSWERS = KnownAnswers({}, (), False)


def answers_to_try(plan: AnswerPlan, row: Mapping[str, object]) -> list[str]:
    """Return different answers of `plan`: first those that `row` itself has, in every form, then any."""
    text = user_text(_messages(row))
    said = {option for value in row.values() for inner in _nested(value) for option in _scalars(inner)}
    own, every = ([_tries(choice, options) for choice in plan.choices] for options in (said, set[Option]()))
    rng = np.random.default_rng(0)
    drawn = ([tries[int(rng.integers(len(tries)))] for tries in every] for _ in range(MOST_TRIES))
    tried = itertools.chain(itertools.islice(itertools.product(*own), MOST_TRIES), drawn)
    return list(dict.fromkeys(plan.render(chosen, text) for chosen in tried))


def _tries(choice: Choice, said: set[Option]) -> list[list[int]]:
    """Return what may be chosen: the options that are `said`, together in a choice of many; or else each option."""
    own = [index for index, option in enumerate(choice.options) if option in said]
    if choice.kind == "many" and own:
        return [own]
    return [[index] for index in own or range(len(choice.options))]


def _messages(row: Mapping[str, object]) -> Iterable[object]:
    messages = row.get("messages")
    return messages if isinstance(messages, list) else ()


def _nested(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else (value,)


def answers_in_rows(
    items: Iterable[Mapping[str, object]], is_wanted: Callable[[str], bool] = is_answer
) -> KnownAnswers:
    """Return the distinct answers in the fields of `items` that are wanted, sorted, where they span a finite set.

    A field whose answers rows do not repeat, such as one with a summary of each row, has none.
    """
    by_name: dict[str, Counter[Option]] = {}
    lists = False
    for item in items:
        for key, value in item.items():
            if not is_wanted(key):
                continue
            lists = lists or isinstance(value, list)
            nested = value.items() if isinstance(value, dict) else ()
            for name, inner in ((key, value), *nested):
                by_name.setdefault(name, Counter()).update(_scalars(inner))
    known = {name: _sorted(answers) for name, found in by_name.items() if (answers := _finite(found))}
    return KnownAnswers(known, _sorted(set().union(*known.values())), lists)


def _finite(found: Counter[Option]) -> list[Option]:
    repeated = sum(count for count in found.values() if count > 1)
    if repeated < REPEATED * found.total():
        return []
    return [option for option in found if not isinstance(option, str) or len(option) <= MOST_CHARACTERS]


def answers_in_plan(plan: AnswerPlan) -> KnownAnswers:
    """Return the answers a model knows from the plan it was trained with, for where a new schema leaves text open."""
    choices = [choice for choice in plan.choices if choice.path != FORM_PATH]
    by_name = {choice.path.rpartition(".")[2].removesuffix("[]"): choice.options for choice in choices}
    options = {option for choice in choices for option in choice.options}
    lists = any(choice.kind == "many" for choice in choices)
    return KnownAnswers(by_name, _sorted(options), lists, plan.is_calculated)


def plan_of(
    schema: Mapping[str, object] | None, known: KnownAnswers = NO_ANSWERS, forms: Sequence[str] = ()
) -> AnswerPlan:
    """Return the plan of answers that obey `schema`, or without one, of the known answers in one of `forms`.

    Raises:
        NothingToChoose: if no choice is left open.
    """
    known = NO_ANSWERS if schema is not None and known.is_calculated else known
    plan = AnswerPlan(
        _SchemaReader(schema, known).part(schema, "", "", 0) if schema is not None else _text(known, forms)
    )
    if not plan.choices:
        raise NothingToChoose(CANNOT_WRITE)
    return plan


def _text(known: KnownAnswers, forms: Sequence[str]) -> Part | Prose:
    if known.all and known.lists:
        return Choice("", "many", known.all)
    answer = _one("", known.all)
    if isinstance(answer, Choice) and len(forms) > 1:
        return Prose(Choice(FORM_PATH, "one", tuple(forms)), answer, known.is_calculated)
    return answer


class _SchemaReader:
    """Walks a JSON Schema."""

    def __init__(self, root: Mapping[str, object], known: KnownAnswers) -> None:
        self._root = root
        self._known = known
        self._parts = 0

    def part(self, schema: object, path: str, name: str, depth: int) -> Part:
        """Return the part that `schema` describes, at `path`, under the property `name`."""
        node = self._resolved(schema)
        self._parts += 1
        if depth > MOST_DEPTH or self._parts > MOST_PARTS:
            return Fixed(None)
        if "const" in node:
            return Fixed(node["const"])
        if isinstance(node.get("enum"), list):
            return _one(path, tuple(_scalars(node["enum"]))[:MOST_OPTIONS])
        match _type(node):
            case "object":
                return self._branch(node, path, depth)
            case "array":
                return _list(node, self.part(node.get("items", {}), f"{path}[]", name, depth + 1))
            case "boolean":
                return _one(path, (False, True))
            case other:
                return self._open(node, other, path, name)

    def _branch(self, node: Mapping[str, object], path: str, depth: int) -> Branch:
        properties = node.get("properties")
        named = properties.items() if isinstance(properties, dict) else ()
        at = f"{path}." if path else ""
        return Branch(tuple((key, self.part(inner, f"{at}{key}", key, depth + 1)) for key, inner in named))

    def _open(self, node: Mapping[str, object], kind: str, path: str, name: str) -> Part:
        types: Mapping[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
        options = self._known.options(name, types.get(kind, ()))
        if len(options) > 1:
            return _one(path, options)
        if kind == "string":
            return Fixed("-" * _whole(node.get("minLength")))
        if kind in types:
            low = node.get("minimum")
            return Fixed(low if isinstance(low, int | float) else 0)
        return Fixed(None)

    def _resolved(self, schema: object) -> Mapping[str, object]:
        """Return the schema behind references, alternatives (the first that is not null) and a single `allOf`."""
        for _ in range(MOST_DEPTH):
            if not isinstance(schema, dict):
                return {}
            alternatives = _alternatives(schema)
            if isinstance(schema.get("$ref"), str):
                schema = _referenced(self._root, schema["$ref"])
            elif alternatives and all("const" in alternative for alternative in alternatives):
                return {"enum": [alternative["const"] for alternative in alternatives]}
            elif alternatives:
                schema = alternatives[0]
            else:
                return schema
        return {}


def _one(path: str, options: tuple[Option, ...]) -> Part:
    return Choice(path, "one", options) if len(options) > 1 else Fixed(options[0] if options else None)


def _list(node: Mapping[str, object], item: Part) -> Part:
    """A list is a choice of many over the first choice in its items; the rest of an item is always the same."""
    most, rest = node.get("maxItems"), tuple[tuple[str, object], ...]()
    match item:
        case Choice(kind="one"):
            choice, key = item, None
        case Branch(parts) if open_parts := [(k, v) for k, v in parts if isinstance(v, Choice) and v.kind == "one"]:
            key, choice = open_parts[0]
            rest = tuple((name, _first_value(part)) for name, part in parts if name != key)
        case _:
            return Fixed([_first_value(item)] * _whole(node.get("minItems")))
    least = min(_whole(node.get("minItems")), len(choice.options))
    return replace(
        choice, kind="many", at_least=least, at_most=most if isinstance(most, int) else None, key=key, rest=rest
    )


def _choices(part: Part | Prose) -> Iterator[Choice]:
    match part:
        case Prose(form, answer):
            yield from (form, answer)
        case Choice():
            yield part
        case Branch(parts):
            for _, inner in parts:
                yield from _choices(inner)


def _value(part: Part, chosen: Iterator[Sequence[int]]) -> object:
    match part:
        case Fixed(value):
            return value
        case Branch(parts):
            return {key: _value(inner, chosen) for key, inner in parts}
        case Choice():
            options = [part.options[index] for index in next(chosen)]
            if part.kind == "one":
                return options[0]
            return options if part.key is None else [{part.key: option, **dict(part.rest)} for option in options]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _first_value(part: Part) -> object:
    return _value(part, itertools.repeat([0]))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _type(node: Mapping[str, object]) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in node else "array" if "items" in node else ""


def _referenced(root: Mapping[str, object], reference: str) -> object:
    found: object = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _alternatives(node: Mapping[str, object]) -> list[Mapping[str, object]]:
    for word in ("anyOf", "oneOf", "allOf"):
        branches = node.get(word)
        if isinstance(branches, list):
            return [branch for branch in branches if isinstance(branch, dict) and branch.get("type") != "null"]
    return []


def _scalars(value: object) -> Iterable[Option]:
    values = value if isinstance(value, list) else [value]
    return (inner for inner in values if inner is None or isinstance(inner, str | int | float))


def _sorted(options: Iterable[Option]) -> tuple[Option, ...]:
    known = [option for option in options if option is not None]
    return tuple(sorted(known, key=lambda option: (type(option).__name__, option)))[:MOST_OPTIONS]
