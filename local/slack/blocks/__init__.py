"""A strict validator for Block Kit: what Slack would refuse, in words and with its place.

It is pure: whether a `slack_file` exists, or who may post where, is not its concern.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from local.slack.blocks.contents import characters
from local.slack.blocks.cross_block_rules import Problem, ProblemCode, broken_rules
from local.slack.blocks.schema import BLOCKS, VIEW, Surface, blocks_on

__all__ = ["Problem", "ProblemCode", "Surface", "characters", "too_much_text", "validate", "validate_view"]

_MESSAGE_CHARACTERS = 12_000


def validate(blocks: object, surface: Surface, *, at: str = "/blocks") -> list[Problem]:
    """What Slack would refuse about these blocks on that surface; an empty list means they would be accepted.

    Args:
        blocks: the value of `blocks`, as JSON; a field that is null counts as absent.
        surface: where they are shown.
        at: the JSON pointer of `blocks` in what is sent.
    """
    misplaced = list(_misplaced(blocks, surface, at))
    problems = misplaced or _problems(_BLOCKS[surface], blocks, at)
    return problems or list(broken_rules(_without_nulls(blocks), at))


def validate_view(view: object) -> list[Problem]:
    """What Slack would refuse about a modal or Home view; pointers start at `/view`."""
    head = view if isinstance(view, dict) else {}
    misplaced = list(_misplaced(head.get("blocks"), head.get("type"), "/view/blocks"))
    problems = misplaced or _problems(_VIEW, view, "/view")
    if problems:
        return problems
    given = _without_nulls(view)
    if given["type"] == "modal" and "submit" not in given and any(one["type"] == "input" for one in given["blocks"]):
        return [Problem("missing_submit", "a modal with an input block needs a submit button", "/view/submit")]
    return list(broken_rules(given["blocks"], "/view/blocks"))


def too_much_text(blocks: object) -> bool:
    """Whether Slack would answer `msg_blocks_too_long`.

    Slack does not document the limit; refusals were measured from about 11,300 to 13,300 characters of text over all
    blocks, so builders do well to stay under 9,000.
    """
    return characters(blocks) > _MESSAGE_CHARACTERS


def _without_nulls(node: object) -> Any:
    if isinstance(node, dict):
        return {key: _without_nulls(child) for key, child in node.items() if child is not None}
    return [_without_nulls(child) for child in node] if isinstance(node, list) else node


def _misplaced(blocks: object, surface: Any, at: str) -> Iterator[Problem]:
    here = BLOCKS.get(str(surface), {})
    elsewhere = {name for kinds in BLOCKS.values() for name in kinds if here and name not in here}
    for index, block in enumerate(blocks if isinstance(blocks, list) else []):
        if isinstance(block, dict) and str(block.get("type")) in elsewhere:
            sentence = f"{block['type']} blocks are not allowed in a {surface}"
            yield Problem("unsupported_surface", sentence, f"{at}/{index}/type")


# -- JSON Schema's findings in Slack's words --------------------------------------------------------------------------

_ARTICLES = {"integer": "an", "array": "an", "object": "an"}


def _names(alternatives: list[dict[str, list[str]]]) -> list[str]:
    return [alternative["required"][0] for alternative in alternatives]


_WORDS: Mapping[str, tuple[ProblemCode, Callable[[Any], str]]] = {
    "type": ("wrong_type", lambda name: f"must be {_ARTICLES.get(name, 'a')} {name}"),
    "minLength": ("too_short", lambda least: f"must be more than {least - 1} characters"),
    "maxLength": ("too_long", lambda most: f"must be less than {most + 1} characters"),
    "pattern": ("unsupported_value", lambda pattern: f"must match the pattern {pattern}"),
    "enum": ("unsupported_value", lambda allowed: f"must be a valid enum value: {', '.join(allowed)}"),
    "minimum": ("out_of_range", lambda low: f"must be at least {low}"),
    "maximum": ("out_of_range", lambda high: f"must be at most {high}"),
    "exclusiveMinimum": ("out_of_range", lambda low: f"must be more than {low}"),
    "minItems": ("too_few_items", lambda least: f"no fewer than {least} items allowed"),
    "maxItems": ("too_many_items", lambda most: f"no more than {most} items allowed"),
    "oneOf": ("not_exactly_one", lambda given: f"must have exactly one of: {', '.join(_names(given))}"),
    "anyOf": ("missing_field", lambda given: f"missing required field: {' or '.join(_names(given))}"),
}
_OWN_WORDS: Mapping[str, ProblemCode] = {
    "required": "missing_field",
    "additionalProperties": "unknown_field",
    "kinds": "unsupported_type",
}


def _problems(validator: Validator, value: Any, at: str) -> list[Problem]:
    return [_problem(error, at) for error in validator.iter_errors(value)]


def _problem(error: ValidationError, at: str) -> Problem:
    keyword = str(error.validator)
    pointer = "/".join([at, *map(str, error.absolute_path)])
    if keyword in _OWN_WORDS:
        return Problem(_OWN_WORDS[keyword], error.message, pointer)
    code, words = _WORDS[keyword]
    return Problem(code, words(error.validator_value), pointer)


def _required(validator: Any, names: list[str], value: Any, _schema: object) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        missing = [name for name in names if value.get(name) is None]
        yield from (ValidationError(f"missing required field: {name}") for name in missing)


def _properties(validator: Any, schemas: Mapping[str, Any], value: Any, _schema: object) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in [name for name in schemas if value.get(name) is not None]:
            yield from validator.descend(value[name], schemas[name], path=name)


def _no_others(validator: Any, _allowed: object, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        extra = [name for name in value if name not in schema["properties"]]
        yield from (ValidationError(f"invalid additional property: {name}") for name in extra)


def _kinds(validator: Any, kinds: Mapping[str, Any], value: Any, _schema: object) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    kind = value.get("type")
    if not isinstance(kind, str):
        yield ValidationError("missing required field: type", validator="required")
    elif kind not in kinds:
        yield ValidationError(f"unsupported type: {kind}", path=["type"])
    else:
        yield from validator.descend(value, kinds[kind])


# As with Slack, a field that is null counts as absent.
_KEYWORDS = {"required": _required, "properties": _properties, "additionalProperties": _no_others, "kinds": _kinds}
_Validator = extend(Draft202012Validator, _KEYWORDS)  # type: ignore[no-untyped-call]  # its stubs are not annotated
_BLOCKS = {surface: _Validator(blocks_on(surface)) for surface in BLOCKS}
_VIEW = _Validator(VIEW)
