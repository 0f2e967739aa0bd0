"""The one place where a handler's failure is answered: a sentence for the person, or a reference that finds the bug."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from handlers.slack.blocks import escape
from handlers.slack.replies import TOO_MANY_REQUESTS, Answers, Asker, is_transient
from jobs.core.errors import BotError
from jobs.core.permissions import NotPermitted

ESCAPED_MENTION: Final = re.compile(r"&lt;@([UW][A-Z0-9]+)&gt;")


class SteadyAck(AsyncAck):
    """An acknowledgement that stays given.

    Bolt takes it back when the handler fails before the next look at it, some 10 ms later: Slack then waits for 3 s and
    tells the person that the app did not respond.
    """

    @property
    def response(self) -> BoltResponse | None:
        """The response to Slack; None until it was acknowledged."""
        return self._given

    @response.setter
    def response(self, response: BoltResponse | None) -> None:
        self._given = response or getattr(self, "_given", None)


@dataclass(frozen=True, slots=True)
class Boundary:
    """Answers failures."""

    reference: Callable[[BaseException], str]
    """Makes a short reference and logs it with the exception in hand."""

    def register(self, app: AsyncApp) -> None:
        """Catch what the app's handlers raise."""
        app.error(self.handle)

    async def handle(self, error: Exception, body: dict[str, Any], respond: AsyncRespond, answers: Answers) -> None:
        """Tell the person, and nobody else, what went wrong, where they asked; later, if Slack fails just now."""
        text, asker = self._words(error), Asker.of(body)
        if asker.user and respond.response_url:
            await respond(text=text, response_type="ephemeral", replace_original=False)
        elif asker.user:
            await answers.tell(asker.user, asker.channel, text)

    def _words(self, error: Exception) -> str:
        if isinstance(error, NotPermitted):
            return ESCAPED_MENTION.sub(r"<@\1>", escape(str(error)))
        if isinstance(error, BotError):
            return escape(str(error))
        if isinstance(error, SlackApiError) and error.response.status_code == TOO_MANY_REQUESTS:
            wait = error.response.headers.get("Retry-After") or "60"
            return f"Slack asks me to slow down. Try again in {wait} s."
        if is_transient(error):
            return "Slack failed at what I asked of it. Look whether it is done all the same; if not, try again."
        return (
            f"Something broke on my side; reference {self.reference(error)} finds it in my log. Try again, and if it "
            "breaks again, give the reference to whoever runs me."
        )
