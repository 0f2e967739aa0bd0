"""The page that tells production where an alias points.

    GET /aliases/<alias>            Authorization: Bearer <ALIAS_TOKEN>
    200  {"alias", "model", "platform", "job", "step", "since", "version", "address", "api", "effort", "prompt",
          "prompt_sha256", "prompt_text", "response_format_sha256", "response_format", "matches_training"}, with an ETag
    304  to If-None-Match with that ETag: it still points there
    401  without the token; 404 where there is no such alias, or no ALIAS_TOKEN is set; 503 while Redis is away

Every answer is JSON; an error has one field, `error`, with a sentence.
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from aiohttp import web
from pydantic import SecretStr

from jobs.aliases.records import Alias

HEADERS: Final = {
    # A copy may be kept, but has to be asked about each time; that costs a 304.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
    "X-Content-Type-Options": "nosniff",
}
Find = Callable[[str], Awaitable[Alias | None]]
"""Returns the alias called so, or None."""

log: Final = structlog.get_logger(__name__)


class AliasPages:
    """Answers where aliases point.

    Args:
        find: looks one up.
        token: who has it may ask; None: nobody may.
        is_away: the exceptions that mean that the state cannot be read right now; anything else is a bug (500).
    """

    def __init__(self, find: Find, token: SecretStr | None, is_away: tuple[type[Exception], ...]) -> None:
        self._find = find
        self._is_away = is_away
        self._expected = f"Bearer {token.get_secret_value()}".encode() if token else None

    def add_to(self, app: web.Application) -> None:
        """Serve /aliases/<alias> from `app`."""
        app.router.add_get("/aliases/{alias}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        if self._expected is None:
            return _refused(404, "Aliases are not served here: ALIAS_TOKEN is not set.")
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._expected):
            challenge = {"WWW-Authenticate": 'Bearer realm="aliases"'}
            return _refused(401, "Send the header Authorization: Bearer <ALIAS_TOKEN>.", challenge)
        name = request.match_info["alias"]
        try:
            alias = await self._find(name)
        except self._is_away:
            return _refused(503, "The state cannot be read right now; ask again.", {"Retry-After": "1"})
        if alias is None:
            return _refused(404, f"There is no alias {name}.")
        tag = etag_of(alias)
        if _is_known(request, tag):
            return web.Response(status=304, headers={**HEADERS, "ETag": f'"{tag}"'})
        return web.json_response(alias.as_json(alias.current), headers={**HEADERS, "ETag": f'"{tag}"'})


def etag_of(alias: Alias) -> str:
    """Return a tag over everything that is shown: another one whenever any of it changes."""
    text = json.dumps(alias.as_json(alias.current), sort_keys=True)
    return f"{alias.version}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _is_known(request: web.Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag; weak tags count, as they do for a GET."""
    given = request.headers.getall("If-None-Match", [])
    named = {part.strip().removeprefix("W/") for line in given for part in line.split(",")}
    return "*" in named or f'"{tag}"' in named


def _refused(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": sentence}, status=status, headers={**HEADERS, **(headers or {})})
