"""A small language for saying what a JSON value may be; every check yields the problems it finds, with their place."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

ProblemCode: TypeAlias = Literal[
    "wrong_type",
    "missing_field",
    "unknown_field",
    "unsupported_type",
    "unsupported_surface",
    "unsupported_value",
    "too_short",
    "too_long",
    "too_few_items",
    "too_many_items",
    "out_of_range",
    "not_exactly_one",
    "duplicate_id",
    "only_one_table_allowed",
    "too_many_charts",
    "inconsistent",
    "missing_submit",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing Slack would refuse: what kind, in words, and where (a JSON pointer)."""

    code: ProblemCode
    message: str
    pointer: str

    @property
    def sentence(self) -> str:
        """As Slack prints it."""
        return f"{self.message} [json-pointer:{self.pointer}]"


Check: TypeAlias = Callable[[Any, str], Iterator[Problem]]


def text(longest: int, *, shortest: int = 1, pattern: str | None = None) -> Check:
    """A string of so many characters; `pattern` must match all of it."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem("wrong_type", "must be a string", at)
        elif len(value) < shortest:
            yield Problem("too_short", f"must be more than {shortest - 1} characters", at)
        elif len(value) > longest:
            yield Problem("too_long", f"must be less than {longest + 1} characters", at)
        elif pattern and not re.fullmatch(pattern, value):
            yield Problem("unsupported_value", f"must match the pattern {pattern}", at)

    return check


def one_of(*allowed: object) -> Check:
    """One of these values."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if value not in allowed:
            yield Problem("unsupported_value", f"must be a valid enum value: {', '.join(map(str, allowed))}", at)

    return check


def flag() -> Check:
    """True or false."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, bool):
            yield Problem("wrong_type", "must be a boolean", at)

    return check


def number(low: float | None = None, high: float | None = None, *, whole: bool = False) -> Check:
    """A number within bounds (both included)."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        fits = isinstance(value, int) or (isinstance(value, float) and not whole)
        if not fits or isinstance(value, bool):
            yield Problem("wrong_type", "must be an integer" if whole else "must be a number", at)
        elif low is not None and value < low:
            yield Problem("out_of_range", f"must be at least {low}", at)
        elif high is not None and value > high:
            yield Problem("out_of_range", f"must be at most {high}", at)

    return check


def items(each: Check, most: int, *, least: int = 1) -> Check:
    """A list of so many items, each of which passes `each`."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem("wrong_type", "must be an array", at)
            return
        if len(value) < least:
            yield Problem("too_few_items", f"no fewer than {least} items allowed", at)
        if len(value) > most:
            yield Problem("too_many_items", f"no more than {most} items allowed", at)
        for index, item in enumerate(value):
            yield from each(item, f"{at}/{index}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    fields = {**required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem("wrong_type", "must be an object", at)
            return
        for name in required:
            if value.get(name) is None:
                yield Problem("missing_field", f"missing required field: {name}", at)
        for name, content in value.items():
            if name not in fields:
                yield Problem("unknown_field", f"invalid additional property: {name}", at)
            elif content is not None:
                yield from fields[name](content, f"{at}/{name}")

    return check


def typed(kinds: Mapping[str, Check], *, code: ProblemCode = "unsupported_type") -> Check:
    """An object whose `type` says which check it must pass."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem("wrong_type", "must be an object", at)
        elif not isinstance(value.get("type"), str):
            yield Problem("missing_field", "missing required field: type", at)
        elif value["type"] not in kinds:
            yield Problem(code, f"unsupported type: {value['type']}", f"{at}/type")
        else:
            yield from kinds[value["type"]](value, at)

    return check


def kind(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """A `record` that also carries its `type`, which `typed` has looked at already."""
    return record(required, {"type": anything(), **(optional or {})})


def both(*checks: Check) -> Check:
    """All of these checks; the later ones only where the earlier ones found nothing."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        for one in checks:
            found = list(one(value, at))
            if found:
                yield from found
                return

    return check


def exactly_one(*names: str) -> Check:
    """An object holding one of these fields, not none and not two."""

    def check(value: Any, at: str) -> Iterator[Problem]:
        if sum(value.get(name) is not None for name in names) != 1:
            yield Problem("not_exactly_one", f"must have exactly one of: {', '.join(names)}", at)

    return check


def anything() -> Check:
    """No demands."""

    def check(_value: Any, _at: str) -> Iterator[Problem]:
        return iter(())

    return check
