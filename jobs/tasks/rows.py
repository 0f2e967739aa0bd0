"""Reads a split into rows, and writes rows as the platform's training file."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Literal

from jobs.core.errors import InvalidRequest, NotFound
from jobs.core.nearest import kind, nearest, quoted
from jobs.core.records import Message
from jobs.graders import Grader, TwoItems, item_in, lacking, offered_tools
from jobs.tasks.records import Row, Task
from jobs.tasks.split_formats import entries_of

# The public API's limits for one fine-tuning file.
ROW_LIMITS: Mapping[str, int] = {"train": 50_000, "valid": 1_000}
OTHER_SPLITS_LIMIT = 50_000
ROLES = ("developer", "system", "user", "assistant", "tool")
LAST_ROLES = ("user", "tool", "assistant")
"""With which a row's messages may end. What a platform trains on is a matter of its profile."""
PARTS = ("text", "image_url")


def read_rows(content: bytes, where: str, split: str, *, many: bool = False) -> tuple[Row, ...]:
    """Read a split; raise InvalidRequest naming file, line and field of the first thing that is wrong.

    `many`: whether a cell may hold several labels, where the split is CSV.
    """
    entries = entries_of(content, where, many=many)
    return rows_of(entries.values, where, split, unit=entries.unit)


def rows_of(
    values: Iterable[tuple[int, object]], where: str, split: str, *, unit: Literal["line", "row"] = "line"
) -> tuple[Row, ...]:
    """Return decoded values as rows, each given with its number of `unit`; raises as `read_rows` does."""
    limit = ROW_LIMITS.get(split, OTHER_SPLITS_LIMIT)
    rows: dict[str, Row] = {}
    line_of: dict[str, int] = {}
    for number, value in values:
        if len(rows) == limit:
            raise InvalidRequest(f"{where} has more than {limit:,} rows, the limit for '{split}'.")
        at = f"{where} {unit} {number}"
        row = _row(value, at, f"{split}-{number}")
        if row.id in rows:
            raise InvalidRequest(
                f"{at}: field 'id' is {quoted(row.id)}, as on {unit} {line_of[row.id]}; ids must differ."
            )
        rows[row.id], line_of[row.id] = row, number
    if not rows:
        raise InvalidRequest(f"{where} has no rows; a split needs at least one.")
    return tuple(rows.values())


def conversation(task: Task, row: Row, prompt: str | None = None) -> tuple[Message, ...]:
    """Return the messages a model gets for a row: the row's own, or the prompt as developer and the text as user.

    The prompt is named by its version; None takes the task's default.
    """
    if row.messages is not None:
        return row.messages
    version = prompt or task.default_prompt
    if not version:
        raise InvalidRequest(f"{task.name} has no prompt, and row {quoted(row.id)} no messages; add prompts/v1.md.")
    if version not in task.prompts:
        raise NotFound(f"{task.name} has no prompt {quoted(version)}; {nearest(version, task.prompts)}")
    return (Message("developer", task.prompts[version]), Message("user", str(row.item["text_input"])))


def tools_of(row: Row) -> tuple[Mapping[str, object], ...]:
    """Return the tools that a row offers the model, as it gave them; () where its `tools` are something else."""
    return offered_tools(row.item)


def unfed(grader: Grader, rows: Iterable[Row]) -> Iterator[str]:
    """Yield a sentence with its place for each row that lacks what a grader reads: no answer to it earns anything."""
    return (f"{row.where}: {missing}" for row in rows if (missing := lacking(grader, row.item)))


def write_training_rows(task: Task, rows: Iterable[Row], prompt: str | None) -> bytes:
    """Return the rows as the JSONL that reinforcement fine-tuning takes.

    Each line has `messages` (ending with the user's) next to every other field of the item, so that graders find
    them as `item.*`.
    """
    return b"".join(_training_line(task, row, prompt) for row in rows)


def drawn(rows: Sequence[Row], most: int | None) -> tuple[Row, ...]:
    """Return `most` of the rows, drawn by lot and in their order; all for None. A larger draw holds the smaller ones.

    The lot of a row follows from its id and place, so that the same rows are drawn whenever they are asked for.
    """
    lots = sorted(range(len(rows)), key=lambda place: hashlib.sha256(f"{place}:{rows[place].id}".encode()).digest())
    return tuple(rows[place] for place in sorted(lots[:most]))


def _training_line(task: Task, row: Row, prompt: str | None) -> bytes:
    messages = [{"role": each.role, "content": each.content} for each in conversation(task, row, prompt)]
    # A row's own messages go out as they came: they may carry fields that we do not read.
    line = {**row.item, "messages": row.item.get("messages") or messages}
    return json.dumps({"messages": line.pop("messages"), **line}, ensure_ascii=False).encode() + b"\n"


def _row(value: object, where: str, fallback_id: str) -> Row:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} must be a JSON object, not {kind(value)}.")
    try:
        item = item_in(value)
    except TwoItems as twice:
        raise InvalidRequest(f"{where}: {twice}.") from None
    if not isinstance(item, dict):
        raise InvalidRequest(f"{where}: field 'item' must be an object, not {kind(item)}.")
    row_id = fallback_id if item.get("id") is None else item["id"]
    if isinstance(row_id, bool) or not isinstance(row_id, str | int | float) or row_id == "":
        raise InvalidRequest(f"{where}: field 'id' must be text or a number, not {kind(row_id)}.")
    if item.get("messages") is not None:
        return Row(str(row_id), item, _messages(item["messages"], where), where)
    text = item.get("text_input")
    if text is None:
        raise InvalidRequest(f"{where} has neither 'text_input' nor 'messages': there is no user message to answer.")
    if not isinstance(text, str):
        raise InvalidRequest(f"{where}: field 'text_input' must be text, not {kind(text)}.")
    if not text.strip():
        raise InvalidRequest(f"{where}: field 'text_input' is blank.")
    return Row(str(row_id), item, where=where)


def _messages(value: object, where: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidRequest(f"{where}: field 'messages' must be a list of messages, not {kind(value)}.")
    messages = tuple(_message(each, f"{where}: field 'messages[{index}]'") for index, each in enumerate(value))
    if messages[-1].role not in LAST_ROLES:
        raise InvalidRequest(
            f"{where}: the last of 'messages' must have role 'user', 'tool' or 'assistant', not "
            f"{quoted(messages[-1].role)}: it is what the model answers."
        )
    if not any(message.role == "user" for message in messages):
        raise InvalidRequest(f"{where}: field 'messages' has no turn with role 'user': there is nothing to answer.")
    _check_answered(messages, where)
    return messages


def _check_answered(messages: Sequence[Message], where: str) -> None:
    """Refuse calls of tools without what they returned: no API answers such a conversation."""
    for index, message in enumerate(messages):
        calls = message.more.get("tool_calls")
        returned = takewhile(lambda after: after.role == "tool", messages[index + 1 :])
        missing = {call["id"] for call in calls} if isinstance(calls, list) else set()
        missing -= {after.more.get("tool_call_id") for after in returned}
        if missing:
            raise InvalidRequest(
                f"{where}: field 'messages[{index}].tool_calls' has the call {quoted(min(missing))}, and no turn with "
                "role 'tool' after it says what that returned. Add it, or take out what the model is to answer itself."
            )


def _message(value: object, where: str) -> Message:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} must be an object, not {kind(value)}.")
    role, content = value.get("role"), value.get("content")
    more = {key: held for key, held in value.items() if key not in {"role", "content"} and held is not None}
    if role not in ROLES:
        raise InvalidRequest(f"{where} has role {quoted(role)}; allowed: {', '.join(ROLES)}.")
    if role == "tool" and not isinstance(value.get("tool_call_id"), str):
        raise InvalidRequest(f"{where} has role 'tool' and needs 'tool_call_id': the id of the call that it answers.")
    if "tool_calls" in more:
        _check_calls(more["tool_calls"], f"{where}.tool_calls")
    may_be_empty = role == "tool" or "tool_calls" in more
    if isinstance(content, str) and (content.strip() or may_be_empty):
        return Message(str(role), content, more)
    if content is None and "tool_calls" in more:
        return Message(str(role), "", more)
    if not isinstance(content, list) or not content:
        raise InvalidRequest(f"{where} needs 'content' as text or a list of parts, not {kind(content)}.")
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in PARTS:
            raise InvalidRequest(f"{where} has a content part that is neither of {' and '.join(PARTS)}.")
    return Message(str(role), tuple(content), more)


def _check_calls(calls: object, where: str) -> None:
    if not isinstance(calls, list) or not calls:
        raise InvalidRequest(f"{where} must be a list of calls, not {kind(calls)}.")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(call.get("id"), str) or "name" not in function:
            raise InvalidRequest(f"{where} has a call without 'id' or without 'function' with its 'name'.")
        if not isinstance(function.get("arguments", ""), str):
            raise InvalidRequest(
                f"{where}: 'arguments' of a call must be JSON as text, not {kind(function['arguments'])}."
            )
