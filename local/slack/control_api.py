"""The control API: what the page and tests do in the name of people, and what they get to see.

Every answer is JSON with `ok`; where something cannot be done, `error` is a sentence. Channels and users may be given
by id or by name.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeAlias

from aiohttp import web

from local.slack.blocks.contents import controls_of
from local.slack.control_requests import Action, Body, answer_form, answer_json, attachments_of, object_of, ok, text_of
from local.slack.delivery import Delivery, Events
from local.slack.errors import ControlError, Json
from local.slack.fault_injection import method_fault
from local.slack.interactions import Interactions
from local.slack.messages import ephemeral_json
from local.slack.modals import Modals
from local.slack.seed_data import TEAM_ID, TEAM_NAME, Channel, InstalledApp, User
from local.slack.socket_mode import Sockets
from local.slack.views import View, view_json
from local.slack.workspace import Workspace

PersonsAction: TypeAlias = Callable[[User, Body], Awaitable[Json | None]]


class ControlApi:
    """The handlers behind `/_control/`."""

    def __init__(self, workspace: Workspace, sockets: Sockets, delivery: Delivery, events: Events) -> None:
        self._workspace = workspace
        self._directory = workspace.directory
        self._sockets = sockets
        self._interactions = Interactions(workspace, delivery, events)
        self._modals = Modals(workspace, delivery)

    def routes(self) -> list[web.RouteDef]:
        """Every route of the control API."""
        actions: dict[str, PersonsAction] = {
            "message": self._message,
            "command": self._command,
            "interact": self._interact,
            "shortcut": self._shortcut,
            "view_submit": self._view_submit,
            "view_close": self._view_close,
            "open-home": self._open_home,
        }
        return [
            *(web.post(f"/_control/{name}", answer_json(self._by_a_person(one))) for name, one in actions.items()),
            web.post("/_control/upload", answer_form(self._by_a_person(self._upload))),
            web.post("/_control/fault", answer_json(self._fault)),
            web.post("/_control/reset", answer_json(self._reset)),
            web.get("/_control/state", self._state),
            web.get("/_control/messages/{channel}", self._messages),
            web.get("/_control/ephemerals/{user}", self._ephemerals),
            web.get("/_control/log", self._log),
            web.get("/_control/stream", self._stream),
        ]

    def _by_a_person(self, action: PersonsAction) -> Action:
        return lambda body: action(self._directory.find_user(text_of(body, "user")), body)

    # -- what people do -----------------------------------------------------------------------------------------------

    async def _message(self, user: User, body: Body) -> Json:
        channel, text = self._channel(user, body), text_of(body, "text")
        message = await self._interactions.say(user, channel, text, body.get("thread_ts"))
        return {"ts": message.ts, "channel": channel.id}

    async def _upload(self, user: User, form: Body) -> Json:
        channel, attached = self._channel(user, form), attachments_of(form)
        text, thread = str(form.get("text", "")), form.get("thread_ts") or None
        message = await self._interactions.say(user, channel, text, thread, attached)
        return {"ts": message.ts, "channel": channel.id, "files": list(message.files)}

    async def _command(self, user: User, body: Body) -> None:
        channel, command = self._channel(user, body), f"/{text_of(body, 'command').removeprefix('/')}"
        await self._interactions.command(user, channel, command, str(body.get("text") or "").strip())

    async def _interact(self, user: User, body: Body) -> None:
        action, values = object_of(body, "action"), (body.get("state") or {}).get("values", {})
        if body.get("view_id"):
            await self._interactions.use_in_view(user, self._view(user, body), action, values)
        else:
            channel = self._channel(user, body)
            await self._interactions.use_in_message(user, channel, _stamp_of(body), action, values)

    async def _shortcut(self, user: User, body: Body) -> None:
        callback_id = text_of(body, "callback_id")
        await self._interactions.shortcut(user, self._channel(user, body), _stamp_of(body), callback_id)

    async def _view_submit(self, user: User, body: Body) -> Json:
        errors = await self._modals.submit(user, self._view(user, body), body.get("values") or {})
        return {"ok": False, "errors": errors} if errors else {}

    async def _view_close(self, user: User, body: Body) -> None:
        await self._modals.close(user, self._view(user, body), everything=bool(body.get("clear")))

    async def _open_home(self, user: User, _body: Body) -> Json:
        await self._interactions.open_home(user)
        home = self._workspace.views.home(user.id)
        return {"view": view_json(home, self._workspace.app) if home else None}

    # -- what goes wrong ----------------------------------------------------------------------------------------------

    async def _fault(self, body: Body) -> Json | None:
        faults = self._workspace.faults
        match body.get("fault"):
            case "clear":
                faults.reset()
            case "disconnect":
                return {"sockets": await self._sockets.disconnect(str(body.get("reason", "refresh_requested")))}
            case "drop_sockets":
                return {"sockets": await self._sockets.disconnect("", abruptly=True)}
            case "redeliver":
                if not await self._sockets.redeliver():
                    raise ControlError("There is no envelope to deliver again, or no socket to deliver it over.")
            case "refuse_sockets" | "lose_envelopes" | "repeat_envelopes" as kind:
                faults.set_count(kind, int(body.get("times", 1)))
            case _:
                faults.add(method_fault(body))
        self._workspace.traffic.note("to_app", "fault", str(body.get("fault")), args=body)
        return None

    async def _reset(self, _body: Body) -> None:
        self._workspace.reset()

    # -- what can be seen ---------------------------------------------------------------------------------------------

    async def _state(self, _request: web.Request) -> web.Response:
        workspace = self._workspace
        people = [user for user in self._directory.users if not user.is_bot]
        tops = {user.name: workspace.views.top(user.id) for user in people}
        homes = {user.name: workspace.views.home(user.id) for user in people}
        return ok(
            {
                "seq": workspace.changes.seq,
                "workspace": {"id": TEAM_ID, "name": TEAM_NAME},
                "sockets": self._sockets.count,
                "users": [asdict(user) | {"color": f"#{user.color}"} for user in self._directory.users],
                "channels": [_channel_json(channel) for channel in self._directory.channels],
                "usergroups": [asdict(group) for group in self._directory.groups],
                "apps": [_app_json(workspace.app)],
                "open_views": {name: self._view_json(view) for name, view in tops.items() if view},
                "homes": {name: self._view_json(view) for name, view in homes.items() if view},
            }
        )

    async def _messages(self, request: web.Request) -> web.Response:
        channel = self._directory.find_channel(request.match_info["channel"])
        shown = []
        for message in self._workspace.messages.all_in(channel.id):
            whole = self._workspace.message_json(message, with_metadata=True)
            shown.append(whole | ({"reply_broadcast": True} if message.broadcast else {}))
        return ok({"channel": channel.id, "messages": shown})

    async def _ephemerals(self, request: web.Request) -> web.Response:
        user = self._directory.find_user(request.match_info["user"])
        found = [ephemeral_json(message) for message in self._workspace.messages.ephemerals_for(user.id)]
        return ok({"user": user.id, "ephemerals": found})

    async def _log(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        return ok({"log": self._workspace.traffic.since(int(since) if since.isdecimal() else 0)})

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

    # -- where, in which view -----------------------------------------------------------------------------------------

    def _channel(self, user: User, body: Body) -> Channel:
        """The channel meant, which the person must be able to see."""
        channel = self._directory.find_channel(text_of(body, "channel"))
        if channel.partner not in (None, user.id):
            raise ControlError(f"{user.name} has no part in the direct message {channel.id}.")
        return channel

    def _view(self, user: User, body: Body) -> View:
        views = self._workspace.views
        view = views.find(str(body["view_id"])) if body.get("view_id") else views.top(user.id)
        if view is None or view.user != user.id:
            raise ControlError(f"{user.name} has no such form open.")
        return view

    def _view_json(self, view: View) -> Json:
        return view_json(view, self._workspace.app) | {
            "view_id": view.id,
            "block_ids": [block["block_id"] for block in view.blocks],
            "action_ids": [element["action_id"] for _, element in controls_of(view.blocks)],
        }


def _stamp_of(body: Body) -> str:
    return str(body.get("messageTs") or body.get("message_ts") or "")


def _sse(event: str, data: Any) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def _app_json(app: InstalledApp) -> Json:
    return {
        "id": app.id,
        "name": app.name,
        "bot_user": app.user_id,
        "commands": [asdict(one) for one in app.commands],
        "shortcuts": [asdict(one) for one in app.shortcuts],
    }


def _channel_json(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "members": list(channel.members),
        "is_im": channel.partner is not None,
        "user": channel.partner,
    }
