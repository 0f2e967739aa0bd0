"""Uploads: an upload URL, then the bytes, then a file that blocks can show."""

import mimetypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote

from local.slack.blocks.contents import slack_files
from local.slack.change_stream import ChangeStream
from local.slack.errors import Json, SlackError
from local.slack.ids import Ids
from local.slack.seed_data import TEAM_ID
from local.slack.storage import Storage
from local.slack.timing import Timing

FileStage: TypeAlias = Literal["announced", "uploaded", "completed"]

_PNG = b"\x89PNG\r\n\x1a\n"
_MAGIC = ((_PNG, "image/png"), (b"GIF8", "image/gif"), (b"\xff\xd8\xff", "image/jpeg"))
_LOOKED_AT = 4096
_BLOCK_IMAGE_TYPES = frozenset({"image/png", "image/gif", "image/jpeg"})
_TYPE_NAMES = {"image/png": "png", "image/gif": "gif", "image/jpeg": "jpg", "text/plain": "text", "text/csv": "csv"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file; `shares` are `(channel, message ts)` pairs, `ready_at` is when its processing ends (Unix seconds)."""

    id: str
    name: str
    length: int
    stage: FileStage = "announced"
    title: str = ""
    alt_text: str = ""
    mimetype: str = ""
    size: tuple[int, int] | None = None
    ready_at: float = 0.0
    created: int = 0
    shares: tuple[tuple[str, str], ...] = ()
    user: str = ""
    """The person who uploaded it; empty where the app did."""


class Files:
    """The workspace's files and their bytes, kept in the home folder or in memory."""

    def __init__(self, home: Path | None, storage: Storage, ids: Ids, changes: ChangeStream, timing: Timing) -> None:
        self._table = storage.table("files", StoredFile)
        self._ids = ids
        self._changes = changes
        self._timing = timing
        self._folder = home / "files" if home else None
        self._in_memory: dict[str, bytes] = {}
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)

    def announce(self, name: str, length: int, alt_text: str = "", user: str = "") -> StoredFile:
        """A new file, still without its bytes; `user` is the person who uploads it."""
        created = int(self._ids.now())
        return self._keep(StoredFile(self._ids.make("F"), name, length, alt_text=alt_text, created=created, user=user))

    def receive(self, file_id: str, content: bytes) -> StoredFile:
        """Take the bytes; they must be as many as were announced."""
        file = self._table.rows.get(file_id)
        if file is None or file.stage == "completed":
            raise SlackError("invalid_upload_url")
        if len(content) != file.length:
            raise SlackError("file_upload_size_mismatch")
        if self._folder:
            (self._folder / file.id).write_bytes(content)
        else:
            self._in_memory[file.id] = content
        kind = _mimetype(file.name, content)
        return self._keep(replace(file, stage="uploaded", mimetype=kind, size=_image_size(content)))

    def complete(self, file_id: str, title: str) -> StoredFile:
        """End an upload, once; processing starts now."""
        file = self._table.rows.get(file_id)
        if file is None or file.stage == "announced":
            raise SlackError("file_not_found")
        if file.stage == "completed":
            raise SlackError("file_already_completed")
        ready_at = self._ids.now() + self._timing.file_processing
        file = self._keep(replace(file, stage="completed", title=title or file.name, ready_at=ready_at))
        self._changes.tell("file", file=file.id)
        return file

    def share(self, file_id: str, channel: str, ts: str) -> None:
        """Remember that a message shows the file."""
        file = self._table.rows[file_id]
        self._keep(replace(file, shares=(*file.shares, (channel, ts))))

    def get(self, file_id: str) -> StoredFile | None:
        """The file of that id, whatever its stage."""
        return self._table.rows.get(file_id)

    def completed(self, file_id: str) -> StoredFile:
        """The file of that id, which must have been uploaded whole."""
        file = self._table.rows.get(file_id)
        if file is None or file.stage != "completed":
            raise SlackError("file_not_found")
        return file

    def content(self, file_id: str) -> bytes | None:
        """The bytes of a file."""
        if self._folder is None:
            return self._in_memory.get(file_id)
        path = self._folder / file_id
        return path.read_bytes() if file_id in self._table.rows and path.exists() else None

    def is_ready(self, file: StoredFile) -> bool:
        """Whether processing has ended."""
        return file.stage == "completed" and self._ids.now() >= file.ready_at

    def unusable_images(self, blocks: Sequence[Json], at: str) -> Iterator[str]:
        """The JSON pointers of `slack_file`s that name no processed image; `at` is the pointer of the blocks."""
        for pointer, reference in slack_files(blocks, at):
            file = self._named(reference)
            if file is None or not self.is_ready(file) or file.mimetype not in _BLOCK_IMAGE_TYPES:
                yield pointer

    def reset(self) -> None:
        """Forget every file."""
        for path in [self._folder / file_id for file_id in self._table.rows] if self._folder else []:
            path.unlink(missing_ok=True)
        self._in_memory.clear()
        self._table.clear()

    def _named(self, reference: Json) -> StoredFile | None:
        parts = [str(reference["id"])] if "id" in reference else str(reference.get("url", "")).split("/")
        found = (self._table.rows.get(part.removeprefix(f"{TEAM_ID}-")) for part in parts)
        return next((file for file in found if file), None)

    def _keep(self, file: StoredFile) -> StoredFile:
        self._table.put(file.id, file)
        return file


def file_json(file: StoredFile, base_url: str, *, ready: bool, app_user: str) -> Json:
    """A file as `files.info` shows it; until it is ready its type and shares are blank, as with Slack."""
    name = quote(file.name, safe="")
    private = f"{base_url}/files-pri/{TEAM_ID}-{file.id}"
    shown: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype if ready else "",
        "filetype": _TYPE_NAMES.get(file.mimetype, "binary") if ready else "",
        "size": file.length,
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(file.shares),
        "user": file.user or app_user,
        "url_private": f"{private}/{name}",
        "url_private_download": f"{private}/download/{name}",
        "permalink": f"{base_url}/files/{file.id}/{name}",
        "alt_txt": file.alt_text,
        "channels": [channel for channel, _ in file.shares],
        "shares": _shares(file) if ready else {},
        "file_access": "visible",
    }
    return shown | ({"original_w": file.size[0], "original_h": file.size[1]} if ready and file.size else {})


def _shares(file: StoredFile) -> Json:
    public: dict[str, list[Json]] = {}
    for channel, ts in file.shares:
        public.setdefault(channel, []).append({"ts": ts, "source": "UNKNOWN", "is_silent_share": False})
    return {"public": public} if public else {}


def _mimetype(name: str, content: bytes) -> str:
    for magic, mimetype in _MAGIC:
        if content.startswith(magic):
            return mimetype
    guessed = mimetypes.guess_type(name)[0] or ("text/plain" if _is_text(content) else "application/octet-stream")
    # A name ending in .png over other bytes is not an image: Slack looks at the content too.
    return "application/octet-stream" if guessed.startswith("image/") else guessed


def _is_text(content: bytes) -> bool:
    """Whether its beginning reads as text; the cut may fall into a character."""
    try:
        content[:_LOOKED_AT].decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.end >= _LOOKED_AT - 3
    return b"\0" not in content[:_LOOKED_AT]


def _image_size(content: bytes) -> tuple[int, int] | None:
    if content.startswith(_PNG) and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    return None
