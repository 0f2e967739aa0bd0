"""`/api/{method}`: every method with its tier, scope and kind of token; reads a call, checks it, answers it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from local.slack.errors import Json, SlackError
from local.slack.fault_injection import rate_limited
from local.slack.rate_limits import Tier
from local.slack.seed_data import APP_TOKEN, BOT_TOKEN
from local.slack.socket_mode import Sockets
from local.slack.web_api import chat, checks, conversations, files, users, views
from local.slack.web_api.call import Call
from local.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method; the tiers are those of Slack's own table. An empty scope or token means none is needed."""

    handler: Callable[[Call], Awaitable[Json]]
    tier: Tier
    scope: str = ""
    token: str = BOT_TOKEN


METHODS: Mapping[str, Method] = {
    "api.test": Method(checks.api_test, "tier4", token=""),
    "auth.test": Method(checks.auth_test, "special"),
    "blocks.validate": Method(checks.blocks_validate, "special", token=""),
    "chat.delete": Method(chat.delete, "tier3", "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink, "special"),
    "chat.postEphemeral": Method(chat.post_ephemeral, "tier4", "chat:write"),
    "chat.postMessage": Method(chat.post_message, "posting", "chat:write"),
    "chat.update": Method(chat.update, "tier3", "chat:write"),
    "conversations.history": Method(conversations.history, "tier3", "channels:history"),
    "conversations.info": Method(conversations.info, "tier3", "channels:read"),
    "conversations.join": Method(conversations.join, "tier3", "channels:join"),
    "conversations.list": Method(conversations.list_, "tier2", "channels:read"),
    "conversations.members": Method(conversations.members, "tier4", "channels:read"),
    "conversations.open": Method(conversations.open_, "tier3", "im:write"),
    "conversations.replies": Method(conversations.replies, "tier3", "channels:history"),
    "files.completeUploadExternal": Method(files.complete_upload, "tier4", "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "tier4", "files:write"),
    "files.info": Method(files.info, "tier4", "files:read"),
    "usergroups.list": Method(users.usergroups_list, "tier2", "usergroups:read"),
    "usergroups.users.list": Method(users.usergroups_users_list, "tier2", "usergroups:read"),
    "users.info": Method(users.users_info, "tier4", "users:read"),
    "users.list": Method(users.users_list, "tier2", "users:read"),
    "views.open": Method(views.open_, "tier4"),
    "views.publish": Method(views.publish, "tier4"),
    "views.push": Method(views.push, "tier4"),
    "views.update": Method(views.update, "tier4"),
}


class WebApi:
    """The handler of every Web API method."""

    def __init__(self, workspace: Workspace, sockets: Sockets) -> None:
        async def open_connection(_call: Call) -> Json:
            return {"url": sockets.address()}

        self._workspace = workspace
        self._methods = {**METHODS, "apps.connections.open": Method(open_connection, "tier1", token=APP_TOKEN)}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call as Slack would."""
        name, args = request.match_info["method"], await _arguments(request)
        note = self._workspace.traffic.note
        try:
            method = self._allowed(name, args)
            seconds = self._spend(name, method.tier, args)
            if seconds:
                note("from_app", "web_api", name, args=args, status=429)
                return rate_limited(seconds)
            body = {"ok": True, **await method.handler(Call(self._workspace, args))}
        except SlackError as error:
            body = error.body()
        note("from_app", "web_api", name, args=args, status=200, answer=body)
        held = ",".join(sorted(self._workspace.app.scopes))
        return web.json_response(body, headers={"X-OAuth-Scopes": held})

    def _allowed(self, name: str, args: Json) -> Method:
        method = self._methods.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        if method.token:
            _require_token(args, method.token)
        held = self._workspace.app.scopes
        if method.scope and method.scope not in held:
            raise SlackError("missing_scope", needed=method.scope, provided=",".join(sorted(held)))
        return method

    def _spend(self, name: str, tier: Tier, args: Json) -> int:
        """Count the call; returns the seconds to wait, if it came too early."""
        limits = self._workspace.limits
        if tier != "posting":
            return limits.spend(tier, name)
        channel = self._workspace.directory.channel_named(str(args.get("channel", "")))
        return limits.spend("workspace_posting", "") or limits.spend("posting", channel.id if channel else "")


def _require_token(args: Json, wanted: str) -> None:
    token = str(args.get("token") or "")
    if token != wanted:
        other = "not_allowed_token_type" if token in (BOT_TOKEN, APP_TOKEN) else "invalid_auth"
        raise SlackError(other if token else "not_authed")


async def _arguments(request: web.Request) -> Json:
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = {}
        args |= body if isinstance(body, dict) else {}
    else:
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return args | ({"token": bearer} if bearer else {})
