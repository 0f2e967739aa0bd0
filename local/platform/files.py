"""Uploaded files and result files, kept on disk as `<id>.bin` with `<id>.json` beside it."""

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from local.platform.disk import read_object, write_atomically, write_object
from local.platform.names import fresh
from local.platform.refusal import Refusal, bad_request, no_such_file
from local.platform.rows import BadRow, read_rows

MOST_BYTES = 64 * 1024 * 1024
PURPOSES = ("fine-tune",)


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


class FileStore:
    """The files of one platform.

    Args:
        folder: where they lie; made if missing.
        most_bytes: the largest upload that is taken.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._most_bytes = most_bytes
        described = (read_object(path) for path in folder.glob("file-*.json"))
        self._files = {file.id: file for file in map(_described, filter(None, described))}

    def within_limit(self, chunk: bytes, before: int) -> bytes:
        """Return a chunk of an upload that has `before` bytes already, or refuse with 413 when it grows too big."""
        if before + len(chunk) > self._most_bytes:
            limit = f"{self._most_bytes / 2**20:,.0f} MB"
            raise Refusal(f"The file is larger than {limit}.", status=413, param="file", code="file_too_large")
        return chunk

    async def upload(self, filename: str, purpose: str, content: bytes) -> StoredFile:
        """Keep an upload of training or validation rows, after looking at every line.

        Raises:
            Refusal: 400 for another purpose, a malformed line (named) or an empty file.
        """
        if purpose not in PURPOSES:
            raise bad_request(f"'{purpose}' is not one of ['fine-tune'].", "purpose", "invalid_value")
        await asyncio.to_thread(_check, content)
        file = StoredFile(fresh("file-"), len(content), int(time.time()), filename, "fine-tune")
        self._keep(file, content)
        return file

    def keep_result(self, file_id: str, filename: str, content: bytes) -> None:
        """Keep a job's result under an id of the caller's choice; doing so twice leaves one file."""
        if file_id not in self._files:
            self._keep(
                StoredFile(file_id, len(content), int(time.time()), filename, "fine-tune-results"),
                content,
            )

    def get(self, file_id: str) -> StoredFile:
        """Return the description of a file, or refuse with 404."""
        if file_id not in self._files:
            raise no_such_file(file_id)
        return self._files[file_id]

    def path(self, file_id: str) -> Path:
        """Return where the content of a file lies, or refuse with 404."""
        return self._folder / f"{self.get(file_id).id}.bin"

    def list(self) -> list[StoredFile]:
        """Return all files, newest first."""
        return sorted(self._files.values(), key=lambda file: file.created_at, reverse=True)

    def delete(self, file_id: str) -> None:
        """Remove a file, or refuse with 404; jobs keep the copy they were created with."""
        path = self.path(file_id)
        (self._folder / f"{file_id}.json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        del self._files[file_id]

    def _keep(self, file: StoredFile, content: bytes) -> None:
        write_atomically(self._folder / f"{file.id}.bin", content)
        write_object(self._folder / f"{file.id}.json", asdict(file))
        self._files[file.id] = file


def _described(value: dict[str, object]) -> StoredFile:
    return replace(StoredFile("", 0, 0, "", "fine-tune"), **value)  # type: ignore[arg-type] # our own record, read back


def _check(content: bytes) -> None:
    try:
        rows = sum(1 for _ in read_rows(content))
    except BadRow as fault:
        raise bad_request(f"Invalid file format. {fault}", "file", "invalid_file_format") from None
    if not rows:
        raise bad_request("Invalid file format. The file has no examples.", "file", "empty_file")
