"""A person posts a message with files: a form with the fields of a message, and a part for each file."""

from dataclasses import dataclass

from aiohttp import web

from local.slack.asking import refused, where, who
from local.slack.interactions import Attachment, Interactions
from local.slack.wire import ControlError, Json
from local.slack.workspace import Workspace

_MOST_FILES = 10


@dataclass(frozen=True, slots=True)
class Attaching:
    """The handler of what people upload."""

    workspace: Workspace
    interactions: Interactions

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Post the message and answer with its time stamp and the ids of its files."""
        try:
            if request.content_type != "multipart/form-data":
                raise ControlError("An upload is a form (multipart/form-data) with channel, user and files.")
            return web.json_response({"ok": True, **await self._post(request)})
        except ControlError as error:
            return refused(error)

    async def _post(self, request: web.Request) -> Json:
        try:
            form = await request.post()
        except web.HTTPRequestEntityTooLarge as error:
            raise ControlError(f"That is too much for one upload: {error.text}") from error
        fields: Json = {name: value for name, value in form.items() if isinstance(value, str)}
        user = who(self.workspace.directory, fields)
        channel = where(self.workspace.directory, fields, user)
        attached = [
            Attachment(part.filename, part.file.read()) for part in form.values() if isinstance(part, web.FileField)
        ]
        _require_files(attached)
        text, thread = fields.get("text", ""), fields.get("thread_ts") or None
        message = await self.interactions.say(user, channel, text, thread, attached)
        return {"ts": message.ts, "channel": channel.id, "files": list(message.files)}


def _require_files(attached: list[Attachment]) -> None:
    if not attached:
        raise ControlError("There is no file in the upload.")
    if len(attached) > _MOST_FILES:
        raise ControlError(f"A message takes at most {_MOST_FILES} files; these are {len(attached)}.")
    for one in attached:
        if not one.content:
            raise ControlError(f"{one.name} is empty; an empty file cannot be uploaded.")
