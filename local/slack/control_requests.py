"""Reading what is asked of the control API, and answering in JSON; what cannot be done is answered with a sentence."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from aiohttp import web

from local.slack.errors import ControlError, Json
from local.slack.fault_injection import Handler
from local.slack.interactions import Attachment

Body: TypeAlias = Mapping[str, Any]
Action: TypeAlias = Callable[[Body], Awaitable[Json | None]]

_MOST_FILES = 10


def ok(fields: Json | None) -> web.Response:
    """The answer to what could be done; the fields may overrule its `ok`."""
    return web.json_response({"ok": True, **(fields or {})})


def answer_json(action: Action) -> Handler:
    """A handler that reads a JSON object, acts on it, and answers with `ok`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        try:
            body = json.loads(text or "{}")
        except ValueError as error:
            raise ControlError(f"The body is not JSON: {error}.") from error
        if not isinstance(body, dict):
            raise ControlError("The body must be a JSON object.")
        return ok(await action(body))

    return handle


def answer_form(action: Action) -> Handler:
    """The same for a form, whose files reach the action as `web.FileField`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.content_type != "multipart/form-data":
            raise ControlError("An upload is a form (multipart/form-data) with channel, user and files.")
        try:
            form = await request.post()
        except web.HTTPRequestEntityTooLarge as error:
            raise ControlError(f"That is too much for one upload: {error.text}") from error
        return ok(await action(form))

    return handle


@web.middleware
async def refuse_in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what cannot be done with the sentence that says why."""
    try:
        return await handler(request)
    except ControlError as error:
        return web.json_response({"ok": False, "error": str(error)})


def text_of(body: Body, name: str) -> str:
    """A field that must be text and not be empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"The field {name} is missing.")
    return value


def object_of(body: Body, name: str) -> Json:
    """A field that must be an object."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise ControlError(f"The field {name} must be an object.")
    return value


def attachments_of(form: Body) -> list[Attachment]:
    """The files of a form: 1 to 10, none of them empty."""
    attached = [
        Attachment(part.filename, part.file.read()) for part in form.values() if isinstance(part, web.FileField)
    ]
    if not attached:
        raise ControlError("There is no file in the upload.")
    if len(attached) > _MOST_FILES:
        raise ControlError(f"A message takes at most {_MOST_FILES} files; these are {len(attached)}.")
    for one in attached:
        if not one.content:
            raise ControlError(f"{one.name} is empty; an empty file cannot be uploaded.")
    return attached
