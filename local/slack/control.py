"""The control API: what the page and tests do in the name of people, and what they get to see.

Every answer is JSON with `ok`; where something cannot be done, `error` is a sentence. Channels and users may be given
by id or by name.
"""

import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from local.slack.asking import Action, answering, object_of, refused, text_of, where, who
from local.slack.attaching import Attaching
from local.slack.directory import Directory
from local.slack.faults import method_fault
from local.slack.forms import Forms, the_only_text
from local.slack.furniture import TEAM_ID, TEAM_NAME, User
from local.slack.inputs import value_key
from local.slack.interactions import Interactions
from local.slack.posting import controls_of
from local.slack.rendering import ephemeral_json
from local.slack.sockets import Sockets
from local.slack.views import View, view_json
from local.slack.wire import ControlError, Json
from local.slack.workspace import Workspace


class Control:
    """The handlers behind `/_control/`."""

    def __init__(self, workspace: Workspace, sockets: Sockets, interactions: Interactions, forms: Forms) -> None:
        self._workspace = workspace
        self._directory = workspace.directory
        self._sockets = sockets
        self._interactions = interactions
        self._forms = forms
        self._attaching = Attaching(workspace, interactions)

    def routes(self) -> list[web.RouteDef]:
        """Every route of the control API."""
        actions: dict[str, Action] = {
            "message": self._message,
            "command": self._command,
            "interact": self._interact,
            "shortcut": self._shortcut,
            "view_submit": self._view_submit,
            "view_close": self._view_close,
            "open-home": self._open_home,
            "fault": self._fault,
            "reset": self._reset,
        }
        posts = [web.post(f"/_control/{name}", answering(action)) for name, action in actions.items()]
        return [
            *posts,
            web.post("/_control/upload", self._attaching.handle),
            web.get("/_control/state", self._state),
            web.get("/_control/messages/{channel}", self._messages),
            web.get("/_control/ephemerals/{user}", self._ephemerals),
            web.get("/_control/log", self._log),
            web.get("/_control/stream", self._stream),
        ]

    # -- what people do -----------------------------------------------------------------------------------------------

    async def _message(self, body: Json) -> Json:
        user = who(self._directory, body)
        channel = where(self._directory, body, user)
        message = await self._interactions.say(user, channel, text_of(body, "text"), body.get("thread_ts"))
        return {"ts": message.ts, "channel": channel.id}

    async def _command(self, body: Json) -> Json:
        user, command = who(self._directory, body), f"/{text_of(body, 'command').removeprefix('/')}"
        text = str(body.get("text") or "").strip()
        await self._interactions.command(user, where(self._directory, body, user), command, text)
        return {}

    async def _interact(self, body: Json) -> Json:
        user, action = who(self._directory, body), object_of(body, "action")
        values = (body.get("state") or {}).get("values", {})
        if body.get("view_id"):
            await self._interactions.use_in_view(user, self._view(user, body), action, values)
        else:
            channel = where(self._directory, body, user)
            await self._interactions.use_in_message(user, channel, _stamp_of(body), action, values)
        return {}

    async def _shortcut(self, body: Json) -> Json:
        user, callback_id = who(self._directory, body), text_of(body, "callback_id")
        channel = where(self._directory, body, user)
        await self._interactions.shortcut(user, channel, _stamp_of(body), callback_id)
        return {}

    async def _view_submit(self, body: Json) -> Json:
        user = who(self._directory, body)
        view = self._view(user, body)
        values = body.get("values") or {}
        if set(values) == {"text"} and not _has_input(view, "text"):
            values = the_only_text(view, str(values["text"]))
        submission = await self._forms.submit(user, view, values)
        return {"ok": not submission.errors} | ({"errors": submission.errors} if submission.errors else {})

    async def _view_close(self, body: Json) -> Json:
        user = who(self._directory, body)
        await self._forms.close(user, self._view(user, body), everything=bool(body.get("clear")))
        return {}

    async def _open_home(self, body: Json) -> Json:
        user = who(self._directory, body)
        await self._interactions.open_home(user)
        home = self._workspace.views.home(user.id)
        return {"view": view_json(home, self._workspace.app) if home else None}

    # -- what goes wrong ----------------------------------------------------------------------------------------------

    async def _fault(self, body: Json) -> Json:
        faults = self._workspace.faults
        match body.get("fault"):
            case "clear":
                faults.reset()
            case "disconnect":
                return {"sockets": await self._sockets.disconnect(str(body.get("reason", "refresh_requested")))}
            case "drop_sockets":
                return {"sockets": await self._sockets.disconnect("", abruptly=True)}
            case "refuse_sockets" | "lose_envelopes" | "repeat_envelopes" as kind:
                faults.set_count(kind, int(body.get("times", 1)))
            case _:
                faults.add(method_fault(body))
        self._workspace.traffic.note("to_app", "fault", str(body.get("fault")), args=body)
        return {}

    async def _reset(self, _body: Json) -> Json:
        self._workspace.reset()
        return {}

    # -- what is to be seen -------------------------------------------------------------------------------------------

    async def _state(self, _request: web.Request) -> web.Response:
        workspace = self._workspace
        app = workspace.app
        people = [user for user in workspace.directory.users if not user.is_bot]
        tops = {user.name: workspace.views.top(user.id) for user in people}
        homes = {user.name: workspace.views.home(user.id) for user in people}
        return web.json_response(
            {
                "ok": True,
                "seq": workspace.changes.seq,
                "workspace": {"id": TEAM_ID, "name": TEAM_NAME},
                "sockets": self._sockets.count,
                "users": _users(workspace.directory),
                "channels": _channels(workspace.directory),
                "usergroups": [
                    {"id": group.id, "handle": group.handle, "name": group.name, "users": list(group.users)}
                    for group in workspace.directory.groups
                ],
                "apps": [
                    {
                        "id": app.id,
                        "name": app.name,
                        "bot_user": app.user_id,
                        "commands": [asdict(one) for one in app.commands],
                        "shortcuts": [asdict(one) for one in app.shortcuts],
                    }
                ],
                "open_views": {name: self._open_view(view) for name, view in tops.items() if view},
                "homes": {name: self._open_view(view) for name, view in homes.items() if view},
            }
        )

    async def _messages(self, request: web.Request) -> web.Response:
        try:
            channel = self._directory.find_channel(request.match_info["channel"])
        except ControlError as error:
            return refused(error)
        shown = []
        for message in self._workspace.messages.all_in(channel.id):
            whole = self._workspace.message_json(message, with_metadata=True)
            shown.append(whole | ({"reply_broadcast": True} if message.broadcast else {}))
        return web.json_response({"ok": True, "channel": channel.id, "messages": shown})

    async def _ephemerals(self, request: web.Request) -> web.Response:
        try:
            user = self._directory.find_user(request.match_info["user"])
        except ControlError as error:
            return refused(error)
        whispers = self._workspace.messages.ephemerals_for(user.id)
        return web.json_response({"ok": True, "user": user.id, "ephemerals": [ephemeral_json(one) for one in whispers]})

    async def _log(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        entries = self._workspace.traffic.since(int(since) if since.isdecimal() else 0)
        return web.json_response({"ok": True, "log": entries})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        changes = self._workspace.changes
        listening = changes.listen(self._workspace.timing.stream_heartbeat)
        try:
            await response.write(_sse("hello", {"seq": changes.seq}))
            async for change in listening:
                await response.write(_sse("change", change) if change else b": still here\n\n")
        except ConnectionError:
            pass  # the page went away, which is how a stream ends
        finally:
            await listening.aclose()
        return response

    # -- reading requests ---------------------------------------------------------------------------------------------

    def _view(self, user: User, body: Json) -> View:
        views = self._workspace.views
        view = views.find(str(body["view_id"])) if body.get("view_id") else views.top(user.id)
        if view is None or view.user != user.id:
            raise ControlError(f"{user.name} has no such form open.")
        return view

    def _open_view(self, view: View) -> Json:
        inputs = controls_of(view.blocks)
        return view_json(view, self._workspace.app) | {
            "view_id": view.id,
            "block_ids": [block["block_id"] for block in view.blocks],
            "action_ids": [element["action_id"] for _, element in inputs],
        }


def _stamp_of(body: Json) -> str:
    return str(body.get("messageTs") or body.get("message_ts") or "")


def _has_input(view: View, name: str) -> bool:
    return any(
        name in (block["block_id"], element["action_id"]) and value_key(element)
        for block, element in controls_of(view.blocks)
    )


def _sse(event: str, data: Any) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def _users(directory: Directory) -> list[Json]:
    return [
        {
            "id": user.id,
            "name": user.name,
            "real_name": user.real_name,
            "is_bot": user.is_bot,
            "color": f"#{user.color}",
        }
        for user in directory.users
    ]


def _channels(directory: Directory) -> list[Json]:
    return [
        {
            "id": channel.id,
            "name": channel.name,
            "topic": channel.topic,
            "members": list(channel.members),
            "is_im": channel.partner is not None,
            "user": channel.partner,
        }
        for channel in directory.channels
    ]
