"""The addresses the workspace hands out: uploads, files, permalinks and response_urls; and the page itself."""

import asyncio
import json
import mimetypes
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from local.slack.blocks.contents import slack_files
from local.slack.errors import SlackError
from local.slack.response_urls import respond
from local.slack.seed_data import BOT_TOKEN, TEAM_ID
from local.slack.workspace import Workspace

_PAGE = (Path(__file__).parent / "page").resolve()
_FRESH = {"Cache-Control": "no-cache"}
_LASTING = {
    "Cache-Control": "private, max-age=86400",
    "X-Content-Type-Options": "nosniff",
    # An uploaded page or drawing must not run scripts as if it were the workspace's own page.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:",
}
# A browser must be told that these are scripts; what mimetypes says depends on the machine.
_PAGE_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


class Routes:
    """The handlers behind them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def routes(self) -> list[web.RouteDef]:
        """Every route of this file; the page's own files come last, since they match any path."""
        upload = self._workspace.faults.wrap(self._upload, "upload")
        return [
            web.post("/upload/{id}", upload),
            web.put("/upload/{id}", upload),
            web.get(f"/files-pri/{TEAM_ID}-{{id}}/{{name}}", self._private_file),
            web.get(f"/files-pri/{TEAM_ID}-{{id}}/download/{{name}}", self._private_file),
            web.get("/files/{id}", self._file),
            web.get("/files/{id}/{name}", self._file),
            web.post("/response/{key}", self._workspace.faults.wrap(self._response, "response_url")),
            web.get("/archives/{channel}/{stamp}", self._permalink),
            web.get("/{path:.*}", self._page),
        ]

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        content = await _upload_content(request)
        note = self._workspace.traffic.note
        try:
            file = self._workspace.files.receive(request.match_info["id"], content)
        except SlackError as error:
            note("from_app", "upload", error.error, bytes=len(content))
            return web.Response(status=400, text=error.error)
        note("from_app", "upload", file.id, bytes=len(content))
        return web.Response(text=f"OK - {len(content)}")

    async def _private_file(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes for the app; a request without its token is sent to sign in, as with Slack."""
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}":
            raise web.HTTPFound(f"/?{urlencode({'redir': request.path})}")
        self._workspace.traffic.note("from_app", "download", request.match_info["id"])
        return await self._workspace.faults.wrap(self._file, "download")(request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """The same for people, on whose behalf the page asks."""
        file_id = request.match_info["id"]
        file = self._workspace.files.get(file_id)
        content = self._workspace.files.content(file_id)
        if file is None or content is None:
            raise web.HTTPNotFound(text="No file has that id.")
        return web.Response(body=content, content_type=file.mimetype, headers=_LASTING)

    async def _permalink(self, request: web.Request) -> web.StreamResponse:
        channel = self._workspace.directory.channel(request.match_info["channel"])
        digits = request.match_info["stamp"].removeprefix("p")
        message = self._workspace.messages.get(channel.id, f"{digits[:-6]}.{digits[-6:]}") if channel else None
        if channel is None or message is None:
            raise web.HTTPNotFound(text="There is no such message.")
        raise web.HTTPFound(f"/#/{channel.name}?thread={message.thread_ts or message.ts}")

    async def _response(self, request: web.Request) -> web.StreamResponse:
        """Take one post of the app to a response_url."""
        note = self._workspace.traffic.note
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return web.Response(status=400, text="invalid_payload")
        try:
            target = self._workspace.tokens.spend_response(request.match_info["key"])
            if next(slack_files(body.get("blocks"), "/blocks"), None):
                # Slack does not look files up on behalf of anybody here, so it finds none.
                raise SlackError("invalid_blocks", messages=["[ERROR] invalid slack file"])
            respond(self._workspace, target, body)
        except SlackError as error:
            note("from_app", "response_url", "refused", body=body, status=404, answer=error.body())
            return web.json_response(error.body(), status=404)
        note("from_app", "response_url", "accepted", body=body, status=200)
        return web.Response(text="ok")

    async def _page(self, request: web.Request) -> web.StreamResponse:
        path = (_PAGE / (request.match_info["path"] or "index.html")).resolve()
        if not path.is_relative_to(_PAGE) or not path.is_file():
            raise web.HTTPNotFound(text="There is no such page.")
        content = await asyncio.to_thread(path.read_bytes)
        kind = _PAGE_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return web.Response(body=content, content_type=kind, headers=_FRESH)


async def _upload_content(request: web.Request) -> bytes:
    """The bytes of an upload: the raw body, or the first file of a form."""
    if request.content_type != "multipart/form-data":
        return await request.read()
    files = (value for value in (await request.post()).values() if isinstance(value, web.FileField))
    return next((value.file.read() for value in files), b"")
