"""`/v1/files`."""

from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from local.platform.api.http import page
from local.platform.errors import ApiError
from local.platform.file_store import FileStore
from local.platform.request_models import missing

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FilesApi:
    """The routes of uploaded files."""

    files: FileStore

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/files", self._upload),
            web.get("/v1/files", self._list),
            web.get("/v1/files/{id}", self._retrieve),
            web.delete("/v1/files/{id}", self._delete),
            web.get("/v1/files/{id}/content", self._content),
        ]

    async def _upload(self, request: web.Request) -> web.Response:
        """Keep a file; its form may name the purpose before or after the file itself."""
        if request.content_type != "multipart/form-data":
            raise ApiError("Send the file as multipart/form-data.", "file")
        purpose: str | None = None
        file: tuple[str, bytes] | None = None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise ApiError("A form inside the form is not expected.")
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                file = part.filename or "upload.jsonl", await self._read(part)
        if file is None:
            raise missing("file")
        if purpose is None:
            raise missing("purpose")
        return web.json_response((await self.files.upload(file[0], purpose, file[1])).view())

    async def _read(self, part: BodyPartReader) -> bytes:
        content = bytearray()
        while chunk := await part.read_chunk(CHUNK_BYTES):
            content += chunk
            self.files.check_size(len(content))
        return bytes(content)

    async def _list(self, request: web.Request) -> web.Response:
        """List files, newest first, or oldest first with `order=asc`."""
        purpose = request.query.get("purpose")
        found = [file.view() for file in self.files.list() if purpose in (None, file.purpose)]
        if request.query.get("order") == "asc":
            found.reverse()
        return page(found, request.query, default=10_000)

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self.files.get(request.match_info["id"]).view())

    async def _delete(self, request: web.Request) -> web.Response:
        file_id = request.match_info["id"]
        self.files.delete(file_id)
        return web.json_response({"id": file_id, "object": "file", "deleted": True})

    async def _content(self, request: web.Request) -> web.FileResponse:
        path = self.files.path(request.match_info["id"])
        return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})
