"""Rules that a schema cannot say: about several fields, or several blocks, at once. They look at well-formed blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from local.slack.blocks.contents import characters, objects
from local.slack.errors import Json

_MOST_CHARTS = 2
_MARKDOWN_CHARACTERS = 12_000
_TABLE_CHARACTERS = {"table": 10_000, "data_table": 20_000}

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


def broken_rules(blocks: Sequence[Json], at: str) -> Iterator[Problem]:
    """What is wrong between fields or blocks; `at` is the JSON pointer of the blocks."""
    for pointer, found in objects(list(blocks), at):
        if "type" in found:
            yield from _options(found, pointer)
        if "axis_config" in found:
            yield from _series(found, pointer)
    for index, block in enumerate(blocks):
        yield from _rows(block, f"{at}/{index}")
        yield from _unique_action_ids(block, f"{at}/{index}")
    yield from _unique_block_ids(blocks, at)
    yield from _counts(blocks, at)


def _options(element: Json, at: str) -> Iterator[Problem]:
    own = [option.get("value") for option in element.get("options", [])]
    grouped = [option.get("value") for group in element.get("option_groups", []) for option in group["options"]]
    initial = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    if (own or grouped) and any(option.get("value") not in own + grouped for option in initial):
        yield Problem("inconsistent", "initial option is not one of the options", at)
    if _repeated([value for value in own if value is not None]):
        yield Problem("duplicate_id", "option values must be unique", f"{at}/options")


def _series(chart: Json, at: str) -> Iterator[Problem]:
    if _repeated([series["name"] for series in chart["series"]]):
        yield Problem("duplicate_id", "series names must be unique", f"{at}/series")
    for index, series in enumerate(chart["series"]):
        if [point["label"] for point in series["data"]] != chart["axis_config"]["categories"]:
            sentence = "must have one data point for each category, in their order"
            yield Problem("inconsistent", sentence, f"{at}/series/{index}/data")


def _rows(block: Json, at: str) -> Iterator[Problem]:
    limit = _TABLE_CHARACTERS.get(block["type"])
    if limit and characters(block["rows"]) > limit:
        yield Problem("too_long", f"table cells may hold {limit} characters together", f"{at}/rows")
    if block["type"] == "data_table" and len({len(row) for row in block["rows"]}) > 1:
        yield Problem("inconsistent", "all rows must have the same number of cells", f"{at}/rows")


def _unique_action_ids(block: Json, at: str) -> Iterator[Problem]:
    for action_id in _repeated([one["action_id"] for one in block.get("elements", []) if "action_id" in one]):
        yield Problem("duplicate_id", f"`action_id` {action_id} already exists in this block", f"{at}/elements")


def _unique_block_ids(blocks: Sequence[Json], at: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in seen:
            yield Problem("duplicate_id", f"`block_id` {block_id} already exists", f"{at}/{index}/block_id")
        if block_id:
            seen.add(block_id)


def _counts(blocks: Sequence[Json], at: str) -> Iterator[Problem]:
    for index in _places(blocks, "table", "data_table")[1:]:
        yield Problem("only_one_table_allowed", "only_one_table_allowed", f"{at}/{index}")
    for index in _places(blocks, "data_visualization")[_MOST_CHARTS:]:
        yield Problem("too_many_charts", f"no more than {_MOST_CHARTS} data_visualization blocks", f"{at}/{index}")
    if sum(len(blocks[index]["text"]) for index in _places(blocks, "markdown")) > _MARKDOWN_CHARACTERS:
        yield Problem("too_long", f"markdown blocks may hold {_MARKDOWN_CHARACTERS} characters together", at)


def _places(blocks: Sequence[Json], *kinds: str) -> list[int]:
    return [index for index, block in enumerate(blocks) if block["type"] in kinds]


def _repeated(values: Sequence[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if values.count(value) > 1]
