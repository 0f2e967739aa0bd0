"""Training rows: one JSON object a line, `messages` that end with the user's, every other key for the graders."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

MOST_ROWS: Mapping[str, int] = {"training": 50_000, "validation": 1_000}
ROLES = ("developer", "system", "user", "assistant")
Split = Literal["training", "validation"]


class BadRow(Exception):
    """A row is not what training needs; the text names its line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example: `item` is the whole row as graders see it, `text` what the user says in it."""

    item: Mapping[str, object]
    text: str


def read_rows(data: bytes) -> Iterator[Row]:
    """Yield the rows of a JSONL file, without blank lines.

    Raises:
        BadRow: naming the line and what is wrong with it.
    """
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            try:
                yield _row(line)
            except BadRow as fault:
                raise BadRow(f"Line {number}: {fault}") from None


def split_rows(data: bytes, split: Split) -> tuple[Row, ...]:
    """Return the rows of a job's split; refuse an empty one, or more rows than the API takes.

    Raises:
        BadRow: naming the line, or the count.
    """
    rows = tuple(read_rows(data))
    if not rows:
        raise BadRow(f"The {split} file has no examples.")
    if len(rows) > MOST_ROWS[split]:
        raise BadRow(f"The {split} file has {len(rows):,} examples; at most {MOST_ROWS[split]:,} are allowed.")
    return rows


def texts_of(messages: Iterable[object], role: str | None = None) -> list[str]:
    """Return every text in `messages`, or only those of one role."""
    chosen = (m for m in messages if isinstance(m, dict) and role in (None, m.get("role")))
    return [text for message in chosen for text in _texts(message.get("content"))]


def user_text(messages: Iterable[object]) -> str:
    """Return what the user says in `messages`, one part after the other."""
    return "\n".join(texts_of(messages, "user"))


def _row(line: bytes) -> Row:
    try:
        item = json.loads(line.decode())
    except UnicodeDecodeError:
        raise BadRow("not valid UTF-8.") from None
    except (json.JSONDecodeError, RecursionError) as fault:
        raise BadRow(f"not valid JSON ({fault}).") from None
    if not isinstance(item, dict):
        raise BadRow("must be a JSON object.")
    messages = item.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRow("'messages' must be a list with at least one message.")
    for index, message in enumerate(messages):
        _check_message(index, message)
    if messages[-1]["role"] != "user":
        raise BadRow(f"the last message must have the role user, not {messages[-1]['role']}.")
    return Row(item, user_text(messages))


def _check_message(index: int, message: object) -> None:
    if not isinstance(message, dict):
        raise BadRow(f"messages[{index}] must be an object.")
    if message.get("role") not in ROLES:
        raise BadRow(f"messages[{index}].role must be one of {', '.join(ROLES)}.")
    if not any(text.strip() for text in _texts(message.get("content"))):
        raise BadRow(f"messages[{index}].content has no text.")


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        yield from (text for text in parts if isinstance(text, str))
