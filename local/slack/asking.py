"""Reading what the control API is asked: who, where, which field; and saying in a sentence what is missing."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from local.slack.directory import Directory
from local.slack.furniture import Channel, User
from local.slack.wire import ControlError, Json

Action: TypeAlias = Callable[[Json], Awaitable[Json]]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def who(directory: Directory, body: Json) -> User:
    """The person of the field `user`."""
    return directory.find_user(text_of(body, "user"))


def where(directory: Directory, body: Json, user: User) -> Channel:
    """The channel of the field `channel`, which the person must be able to see."""
    channel = directory.find_channel(text_of(body, "channel"))
    if channel.partner not in (None, user.id):
        raise ControlError(f"{user.name} has no part in the direct message {channel.id}.")
    return channel


def text_of(body: Json, name: str) -> str:
    """A field that must be text and not be empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"The field {name} is missing.")
    return value


def object_of(body: Json, name: str) -> Json:
    """A field that must be an object."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise ControlError(f"The field {name} must be an object.")
    return value


def answering(action: Action) -> Handler:
    """A handler that reads a JSON object, acts on it, and answers with `ok`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            text = await request.text()
            body = json.loads(text) if text else {}
            if not isinstance(body, dict):
                raise ControlError("The body must be a JSON object.")
            return web.json_response({"ok": True, **await action(body)})
        except json.JSONDecodeError as error:
            return refused(ControlError(f"The body is not JSON: {error}."))
        except ControlError as error:
            return refused(error)

    return handle


def refused(error: ControlError) -> web.Response:
    """The answer to what cannot be done."""
    return web.json_response({"ok": False, "error": str(error)})
