"""Rules that look at several blocks at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from local.slack.blocks.schema import Problem
from local.slack.blocks.tables import characters

_MARKDOWN_CHARACTERS = 12_000
_MESSAGE_CHARACTERS = 12_000
_MOST_CHARTS = 2


def across(blocks: Sequence[Any], at: str) -> Iterator[Problem]:
    """Every rule of this file over blocks that are well-formed one by one."""
    yield from _unique_block_ids(blocks, at)
    for index, block in enumerate(blocks):
        yield from _unique_action_ids(block, f"{at}/{index}")
    yield from _one_table(blocks, at)
    yield from _two_charts(blocks, at)
    yield from _markdown_total(blocks, at)


def too_much_text(blocks: Sequence[Any]) -> bool:
    """Whether Slack would answer `msg_blocks_too_long`.

    Slack does not document the limit; refusals were measured from about 11,300 to 13,300 characters of text over all
    blocks, so builders do well to stay under 9,000.
    """
    return sum(characters(block) for block in blocks) > _MESSAGE_CHARACTERS


def _unique_block_ids(blocks: Sequence[Any], at: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in seen:
            yield Problem("duplicate_id", f"`block_id` {block_id} already exists", f"{at}/{index}/block_id")
        if block_id:
            seen.add(block_id)


def _unique_action_ids(block: Any, at: str) -> Iterator[Problem]:
    elements = [one for one in block.get("elements") or [] if isinstance(one, dict)]
    counts = Counter(element["action_id"] for element in elements if element.get("action_id"))
    for action_id, count in counts.items():
        if count > 1:
            yield Problem("duplicate_id", f"`action_id` {action_id} already exists in this block", f"{at}/elements")


def _of_type(blocks: Sequence[Any], *kinds: str) -> list[int]:
    return [index for index, block in enumerate(blocks) if block["type"] in kinds]


def _one_table(blocks: Sequence[Any], at: str) -> Iterator[Problem]:
    for index in _of_type(blocks, "table", "data_table")[1:]:
        yield Problem("only_one_table_allowed", "only_one_table_allowed", f"{at}/{index}")


def _two_charts(blocks: Sequence[Any], at: str) -> Iterator[Problem]:
    for index in _of_type(blocks, "data_visualization")[_MOST_CHARTS:]:
        yield Problem("too_many_charts", f"no more than {_MOST_CHARTS} data_visualization blocks", f"{at}/{index}")


def _markdown_total(blocks: Sequence[Any], at: str) -> Iterator[Problem]:
    total = sum(len(blocks[index]["text"]) for index in _of_type(blocks, "markdown"))
    if total > _MARKDOWN_CHARACTERS:
        yield Problem("too_long", f"markdown blocks may hold {_MARKDOWN_CHARACTERS} characters together", at)
