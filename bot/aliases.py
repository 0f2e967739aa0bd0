"""Aliases for production: the page that answers where one points, and the parts that move them.

    GET /aliases/<alias>            Authorization: Bearer <ALIAS_TOKEN>
    200  {"alias", "model", "platform", "job", "step", "since", "version"}, with an ETag
    304  to If-None-Match with that ETag: it still points there
    401  without the token; 404 where there is no such alias, or no ALIAS_TOKEN is set; 503 while Redis is away

Every answer is JSON; an error has one field, `error`, with a sentence.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.settings import Settings, audit_key
from handlers.aliases.messages import ProposalMessages
from handlers.slack.people import People
from jobs.aliases.consequences import Consequences
from jobs.aliases.moving import Aliases
from jobs.aliases.records import Alias
from jobs.aliases.rollback import Rollbacks
from jobs.aliases.telling import shown
from jobs.aliases.webhook import HttpSender, Webhook
from jobs.audit.service import AuditTrail
from jobs.state.store import Store

HEADERS: Final = {
    # A copy may be kept, but has to be asked about each time; that costs a 304.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
    "X-Content-Type-Options": "nosniff",
}
Find = Callable[[str], Awaitable[Alias | None]]
"""Returns the alias called so, or None."""

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AliasParts:
    """What moves aliases, tells of them, and keeps the trail of it."""

    aliases: Aliases
    rollbacks: Rollbacks
    audit: AuditTrail
    messages: ProposalMessages
    consequences: Consequences
    webhook: Webhook
    pages: "AliasPages"


def alias_parts(settings: Settings, store: Store, people: People) -> AliasParts:
    """Make everything about aliases."""
    notifies = settings.alias_webhook is not None
    rollbacks = Rollbacks(store, people, time.time, notifies=notifies)
    return AliasParts(
        Aliases(store, people, time.time, notifies=notifies),
        rollbacks,
        AuditTrail(store, audit_key(settings.audit_key), time.time),
        ProposalMessages(rollbacks, people),
        Consequences(store, time.time, notifies=notifies),
        Webhook(store, _sender(settings), time.time),
        AliasPages(_finder(store), settings.alias_token),
    )


def _sender(settings: Settings) -> HttpSender | None:
    if settings.alias_webhook is None or settings.alias_webhook_secret is None:
        return None
    return HttpSender(settings.alias_webhook, settings.alias_webhook_secret.get_secret_value().encode())


def _finder(store: Store) -> Find:
    async def find(name: str) -> Alias | None:
        held = await store.record(Alias, name)
        return held.value if held else None

    return find


class AliasPages:
    """Answers where aliases point.

    Args:
        find: looks one up.
        token: who has it may ask; None: nobody may.
    """

    def __init__(self, find: Find, token: SecretStr | None) -> None:
        self._find = find
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
        except Exception as failure:  # the boundary of the page: whoever polls it wants JSON, and to ask again
            log.error("alias.unreadable", exc_info=failure)
            return _refused(503, "The state cannot be read right now; ask again.", {"Retry-After": "1"})
        if alias is None:
            return _refused(404, f"There is no alias {name}.")
        tag = etag_of(alias)
        if _is_known(request, tag):
            return web.Response(status=304, headers={**HEADERS, "ETag": f'"{tag}"'})
        return web.json_response(shown(alias), headers={**HEADERS, "ETag": f'"{tag}"'})


def etag_of(alias: Alias) -> str:
    """Return a tag over everything that is shown: another one whenever any of it changes."""
    text = json.dumps(dict(shown(alias)), sort_keys=True)
    return f"{alias.version}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _is_known(request: web.Request, tag: str) -> bool:
    """Tell whether If-None-Match names the tag; weak tags count, as they do for a GET."""
    given = request.headers.getall("If-None-Match", [])
    named = {part.strip().removeprefix("W/") for line in given for part in line.split(",")}
    return "*" in named or f'"{tag}"' in named


def _refused(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": sentence}, status=status, headers={**HEADERS, **(headers or {})})
