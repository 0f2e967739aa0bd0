"""Links to the reports of evals that are good for a week, and the page that answers them.

A link carries the time until which it is good and a signature (HMAC-SHA256) over the eval's id and that time. Whoever
has it can read that one report and nothing else.
"""

import hashlib
import hmac
import math
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from aiohttp import web

from jobs.core.errors import NotFound

GOOD_FOR: Final = 7 * 86_400
ROUNDED_TO: Final = 3_600
"""A link asked for twice within the hour is the same one."""
EVAL_ID: Final = re.compile(r"eval-[a-z0-9]{1,32}")
UNTIL: Final = re.compile(r"[0-9]{1,12}")

HEADERS: Final = {
    # The page brings a stricter policy for its own scripts; this one holds even if a page were not ours. Without
    # allow-same-origin its scripts belong to no site at all.
    "Content-Security-Policy": (
        "sandbox allow-scripts allow-modals; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
        "connect-src 'none'; img-src 'none'; object-src 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
AGAIN: Final = "Ask for a new one in Slack with /eval show {}."

FindReport: TypeAlias = Callable[[str], Awaitable[Path | None]]
"""Returns the file of an eval's report, or None where there is none; NotFound where it cannot be had here."""


class Reports:
    """Makes links to reports and answers them.

    Args:
        secret: what signs them; every bot of one workspace has the same.
        find: looks a report up.
        public_url: where people's browsers reach this bot; None: there are no links.
        clock: unix seconds.
    """

    def __init__(self, secret: str, find: FindReport, public_url: str | None, clock: Callable[[], float]) -> None:
        self._secret = secret.encode()
        self._find = find
        self._base = public_url.rstrip("/") if public_url else None
        self._clock = clock

    def link(self, eval_id: str) -> str | None:
        """Return a link to the report that is good for seven days, or None without a public address."""
        if self._base is None:
            return None
        until = str(math.ceil((self._clock() + GOOD_FOR) / ROUNDED_TO) * ROUNDED_TO)
        return f"{self._base}/reports/{eval_id}?until={until}&sig={self._signature(eval_id, until)}"

    def add_to(self, app: web.Application) -> None:
        """Serve /reports/<eval id> from `app`."""
        app.router.add_get("/reports/{eval_id}", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        eval_id, until = request.match_info["eval_id"], request.query.get("until", "")
        if not self._is_signed(eval_id, until, request.query.get("sig", "")):
            return _refused(403, "This link is not complete, or it was changed. Copy the whole link from Slack.")
        if int(until) < self._clock():
            ended = datetime.fromtimestamp(int(until), UTC).strftime("%d %B %Y, %H:%M UTC")
            return _refused(410, f"This link was good until {ended}. {AGAIN.format(eval_id)}")
        try:
            report = await self._find(eval_id)
        except NotFound as missing:
            return _refused(404, str(missing))
        if report is None:
            return _refused(404, f"There is no eval {eval_id} any more.")
        return web.FileResponse(report, headers=HEADERS | {"Content-Type": "text/html; charset=utf-8"})

    def _is_signed(self, eval_id: str, until: str, signature: str) -> bool:
        expected = self._signature(eval_id, until)
        is_right = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape"))
        return is_right and EVAL_ID.fullmatch(eval_id) is not None and UNTIL.fullmatch(until) is not None

    def _signature(self, eval_id: str, until: str) -> str:
        message = f"report\n{eval_id}\n{until}".encode("utf-8", "surrogateescape")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()


def _refused(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=sentence + "\n", headers=HEADERS)
