"""`/api/{method}`: reads the arguments, checks token, scope and rate, lets faults strike, answers."""

import json
from dataclasses import dataclass

from aiohttp import web

from local.slack.furniture import APP_TOKEN, BOT_TOKEN
from local.slack.limits import Tier
from local.slack.sockets import Sockets
from local.slack.striking import rate_limited, under_faults
from local.slack.web_api.methods import METHODS, Method
from local.slack.wire import Call, Json, SlackError
from local.slack.workspace import Workspace

_CONNECTIONS_OPEN = "apps.connections.open"


@dataclass(frozen=True, slots=True)
class _RateLimited(Exception):
    seconds: int


@dataclass(frozen=True, slots=True)
class WebApi:
    """The handler of every Web API method."""

    workspace: Workspace
    sockets: Sockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call as Slack would."""
        name = request.match_info["method"]
        args = await _arguments(request)
        return await under_faults(self.workspace, request, name, lambda: self._answer(name, args))

    async def _answer(self, name: str, args: Json) -> web.StreamResponse:
        try:
            body = {"ok": True, **await self._run(name, args)}
        except SlackError as error:
            body = error.body()
        except _RateLimited as limit:
            self.workspace.traffic.note("from_app", "web_api", name, args=args, status=429)
            return rate_limited(limit.seconds)
        self.workspace.traffic.note("from_app", "web_api", name, args=args, status=200, answer=body)
        return web.json_response(body)

    async def _run(self, name: str, args: Json) -> Json:
        if name == _CONNECTIONS_OPEN:
            _require_token(args, APP_TOKEN)
            self._spend("tier1", name)
            return {"url": self.sockets.address(self.workspace.base_url)}
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", extra={"req_method": name})
        if method.token == "bot":  # noqa: S105 - a kind of token, not one
            _require_token(args, BOT_TOKEN)
        self._require_scope(method)
        self._spend_posting(args) if method.tier == "posting" else self._spend(method.tier, name)
        return await method.handler(self.workspace, Call(args))

    def _require_scope(self, method: Method) -> None:
        held = self.workspace.app.scopes
        if method.scope and method.scope not in held:
            raise SlackError("missing_scope", extra={"needed": method.scope, "provided": ",".join(sorted(held))})

    def _spend_posting(self, args: Json) -> None:
        self._spend("workspace_posting", "")
        channel = self.workspace.directory.channel_named(str(args.get("channel", "")))
        self._spend("posting", channel.id if channel else "")

    def _spend(self, tier: Tier, key: str) -> None:
        seconds = self.workspace.limits.spend(tier, key)
        if seconds:
            raise _RateLimited(seconds)


def _require_token(args: Json, wanted: str) -> None:
    token = str(args.get("token") or "")
    if not token:
        raise SlackError("not_authed")
    if token not in (BOT_TOKEN, APP_TOKEN):
        raise SlackError("invalid_auth")
    if token != wanted:
        raise SlackError("not_allowed_token_type")


async def _arguments(request: web.Request) -> Json:
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        try:
            body = json.loads(text) if text else {}
        except ValueError:
            body = {}
        args |= body if isinstance(body, dict) else {}
    else:
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return args | ({"token": bearer} if bearer else {})
