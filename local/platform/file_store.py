"""Uploaded files and result files, kept on disk as `<id>.bin` with its description in `<id>.json`.

Uploads hold training rows: one JSON object a line, with `messages` that end with what the user or the assistant says
or a tool returned; every other key is for the graders.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from jobs.graders import Grader, TwoItems, item_in, lacking
from local.platform.disk import write_atomically, write_json
from local.platform.errors import ApiError
from local.platform.ids import new_id

MOST_ROWS: Mapping[str, int] = {"training": 50_000, "validation": 1_000}
ROLES = ("developer", "system", "user", "assistant", "tool")
ASKING = ("user", "tool")
"""The roles whose texts the policy reads."""
LAST = (*ASKING, "assistant")
"""The roles that a prompt may end with."""
Split = Literal["training", "validation"]
Row: TypeAlias = Mapping[str, Any]
"""One example: what graders see of it, and in `messages` the prompt."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file's description in the API's words."""

    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: Literal["fine-tune", "fine-tune-results"]

    def view(self) -> dict[str, object]:
        """Return the API's file object."""
        return {"object": "file", "status": "processed", "expires_at": None, "status_details": None, **asdict(self)}


_STORED_FILE = TypeAdapter(StoredFile)


class FileStore:
    """The files of one platform, in `folder`; uploads of more than `most_bytes` are refused."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._most_bytes = most_bytes
        stored = [_STORED_FILE.validate_json(path.read_bytes()) for path in folder.glob("file-*.json")]
        self._files = {file.id: file for file in stored}

    def check_size(self, size: int) -> None:
        """Refuse an upload that has grown to `size` bytes with 413 where that is too much."""
        if size > self._most_bytes:
            limit = f"{self._most_bytes / 2**20:,.0f} MB"
            raise ApiError(f"The file is larger than {limit}.", "file", "file_too_large", status=413)

    async def upload(self, filename: str, purpose: str, content: bytes) -> StoredFile:
        """Keep an upload of training or validation rows; refuse a malformed line (named) or an empty file with 400."""
        if purpose != "fine-tune":
            raise ApiError(f"'{purpose}' is not one of ['fine-tune'].", "purpose", "invalid_value")
        await asyncio.to_thread(_check_rows, content)
        file = StoredFile(new_id("file-"), len(content), int(time.time()), filename, "fine-tune")
        self._keep(file, content)
        return file

    def keep_result(self, file_id: str, filename: str, content: bytes) -> None:
        """Keep a job's result under an id of the caller's choice; doing so twice leaves one file."""
        if file_id not in self._files:
            self._keep(StoredFile(file_id, len(content), int(time.time()), filename, "fine-tune-results"), content)

    def get(self, file_id: str) -> StoredFile:
        """Return the description of a file, or refuse with 404."""
        if file_id not in self._files:
            raise ApiError(f"No such File object: {file_id}", "id", status=404)
        return self._files[file_id]

    def path(self, file_id: str) -> Path:
        """Return where the content of a file is, or refuse with 404."""
        return self._folder / f"{self.get(file_id).id}.bin"

    def rows(self, file_id: str, param: str) -> bytes:
        """Return the content of an upload that a request names in `param`, or refuse with 400."""
        if file_id not in self._files or self._files[file_id].purpose != "fine-tune":
            raise ApiError(f"invalid {param}: {file_id}", param, "invalid_file")
        return self.path(file_id).read_bytes()

    def list(self) -> list[StoredFile]:
        """Return all files, newest first."""
        return sorted(self._files.values(), key=lambda file: file.created_at, reverse=True)

    def delete(self, file_id: str) -> None:
        """Remove a file, or refuse with 404; jobs keep the copy they were created with."""
        path = self.path(file_id)
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        del self._files[file_id]

    def _keep(self, file: StoredFile, content: bytes) -> None:
        path = self._folder / f"{file.id}.bin"
        write_atomically(path, content)
        write_json(path.with_suffix(".json"), file)
        self._files[file.id] = file


def _check_rows(content: bytes) -> None:
    try:
        rows = sum(1 for _ in read_rows(content))
    except BadRow as fault:
        raise ApiError(f"Invalid file format. {fault}", "file", "invalid_file_format") from None
    if not rows:
        raise ApiError("Invalid file format. The file has no examples.", "file", "empty_file")


class BadRow(Exception):
    """A row is not what training needs; the text names its line."""


def read_rows(data: bytes, grader: Grader | None = None) -> Iterator[Row]:
    """Yield the rows of a JSONL file, without blank lines; each must have what the grader, if there is one, reads.

    Raises:
        BadRow: naming the line and what is wrong with it.
    """
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            try:
                row = _row(line)
                if grader is not None and (missing := lacking(grader, row)):
                    raise BadRow(missing)
                yield row
            except BadRow as fault:
                raise BadRow(f"Line {number}: {fault}") from None


def split_rows(data: bytes, split: Split, grader: Grader | None = None) -> tuple[Row, ...]:
    """Return the rows of a job's split; refuse an empty one, more rows than the API takes, or one without a reference.

    Raises:
        BadRow: naming the line, or the count.
    """
    rows = tuple(read_rows(data, grader))
    if not rows:
        raise BadRow(f"The {split} file has no examples.")
    if len(rows) > MOST_ROWS[split]:
        raise BadRow(f"The {split} file has {len(rows):,} examples; at most {MOST_ROWS[split]:,} are allowed.")
    return rows


def texts_of(messages: Iterable[object], *roles: str) -> list[str]:
    """Return every text in `messages`, or only those of some roles."""
    said = (_said(message) for message in messages if isinstance(message, dict))
    return [text for role, content in said if not roles or role in roles for text in _texts(content)]


def user_text(messages: Iterable[object]) -> str:
    """Return what the user and tools say in `messages`, one part after the other."""
    return "\n".join(texts_of(messages, *ASKING))


def _said(message: Mapping[str, object]) -> tuple[object, object]:
    """Return a message's role and content; the Responses API has items of its own for what tools return."""
    if message.get("type") == "function_call_output":
        return "tool", message.get("output")
    return message.get("role"), message.get("content")


def _row(line: bytes) -> Row:
    try:
        item = json.loads(line.decode())
    except UnicodeDecodeError:
        raise BadRow("not valid UTF-8.") from None
    except (json.JSONDecodeError, RecursionError) as fault:
        raise BadRow(f"not valid JSON ({fault}).") from None
    if not isinstance(item, dict):
        raise BadRow("must be a JSON object.")
    try:
        item = item_in(item)
    except TwoItems as twice:
        raise BadRow(f"{twice}.") from None
    if not isinstance(item, dict):
        raise BadRow("'item' must be a JSON object.")
    _check_messages(item.get("messages"))
    return item


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise BadRow("'messages' must be a list with at least one message.")
    for index, message in enumerate(messages):
        _check_message(index, message)
    if messages[-1]["role"] not in LAST:
        raise BadRow(f"the last message must have the role user, tool or assistant, not {messages[-1]['role']}.")
    if messages[-1].get("tool_calls"):
        raise BadRow("the last message calls tools, and no message says what they returned.")
    if not user_text(messages).strip():
        raise BadRow("no message has text from the user or a tool.")


def _check_message(index: int, message: object) -> None:
    if not isinstance(message, dict):
        raise BadRow(f"messages[{index}] must be an object.")
    if message.get("role") not in ROLES:
        raise BadRow(f"messages[{index}].role must be one of {', '.join(ROLES)}.")
    if message["role"] == "tool" or message.get("tool_calls"):
        return
    if not any(text.strip() for text in _texts(message.get("content"))):
        raise BadRow(f"messages[{index}].content has no text.")


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        yield from (text for text in parts if isinstance(text, str))
