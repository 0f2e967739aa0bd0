"""`/v1/files`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from local.platform.files import FileStore
from local.platform.pages import page
from local.platform.refusal import bad_request

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FilesApi:
    """The routes of uploaded files.

    Args:
        files: where they are kept.
    """

    files: FileStore

    def register(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files", self.list)
        app.router.add_get("/v1/files/{id}", self.retrieve)
        app.router.add_delete("/v1/files/{id}", self.delete)
        app.router.add_get("/v1/files/{id}/content", self.content)

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a file; its form may name the purpose before or after the file itself."""
        if request.content_type != "multipart/form-data":
            raise bad_request("Send the file as multipart/form-data.", "file")
        purpose: str | None = None
        sent: tuple[str, bytearray] | None = None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise bad_request("A form inside the form is not expected.")
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                content = bytearray()
                async for chunk in _chunks(part):
                    content += self.files.within_limit(chunk, len(content))
                sent = part.filename or "upload.jsonl", content
        if sent is None or purpose is None:
            missing = "file" if sent is None else "purpose"
            raise bad_request(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter")
        return web.json_response((await self.files.upload(sent[0], purpose, bytes(sent[1]))).view())

    async def list(self, request: web.Request) -> web.Response:
        """List files, newest first, or oldest first with `order=asc`."""
        purpose = request.query.get("purpose")
        found = [file.view() for file in self.files.list() if purpose in (None, file.purpose)]
        if request.query.get("order") == "asc":
            found.reverse()
        return web.json_response(page(found, request.query, default=10_000))

    async def retrieve(self, request: web.Request) -> web.Response:
        """Describe a file."""
        return web.json_response(self.files.get(request.match_info["id"]).view())

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a file."""
        file_id = request.match_info["id"]
        self.files.delete(file_id)
        return web.json_response({"id": file_id, "object": "file", "deleted": True})

    async def content(self, request: web.Request) -> web.FileResponse:
        """Send a file's content."""
        path = self.files.path(request.match_info["id"])
        return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(CHUNK_BYTES):
        yield chunk
