"""The one place where a handler's failure is answered: a sentence for the person, or a reference that finds the bug."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from handlers.slack.blocks import escape
from handlers.slack.forms import FORM_IN_HAND, OpeningForm
from handlers.slack.replies import DONE_BEFORE, TOO_MANY_REQUESTS, TOOK_EFFECT, Answers, Asker, is_transient
from jobs.core.errors import BotError, UserError
from jobs.core.permissions import NotPermitted
from jobs.state.connection import AWAY

OK: Final = 200
UNFINISHED: Final = "unfinished"
"""The name in a request's context: why its handler has to be called again."""
ESCAPED_MENTION: Final = re.compile(r"&lt;@([UW][A-Z0-9]+)&gt;")


class SteadyAck(AsyncAck):
    """An acknowledgement that stays given, and can be waited for.

    Bolt looks at its own every 10 ms, and replaces it when the handler fails later on.

    Args:
        is_late: nobody waits for it any more.
    """

    def __init__(self, *, is_late: bool = False) -> None:
        self.given: Final = asyncio.Event()
        self.is_late = is_late
        self._response: BoltResponse | None = None
        super().__init__()  # type: ignore[no-untyped-call] # Bolt leaves it untyped

    @property
    def response(self) -> BoltResponse | None:
        """The response to Slack; None until a handler gives it."""
        return self._response

    @response.setter
    def response(self, response: BoltResponse | None) -> None:
        if self._response is None and response is not None and response.status == OK:
            self._response = response
            self.given.set()


@dataclass(frozen=True, slots=True)
class Boundary:
    """Answers failures."""

    reference: Callable[[BaseException], str]
    """Makes a short reference and logs it with the exception in hand."""

    def register(self, app: AsyncApp) -> None:
        """Catch what the app's handlers raise."""
        app.error(self.handle)

    async def handle(
        self,
        error: Exception,
        body: dict[str, Any],
        context: AsyncBoltContext,
        respond: AsyncRespond,
        answers: Answers,
    ) -> None:
        """Tell the person, and nobody else, what went wrong, where they asked; later, if Slack fails just now.

        Where it is Redis that does not answer, or no handler was reached, that is tried again.
        """
        form: OpeningForm | None = context.get(FORM_IN_HAND)
        if isinstance(error, AWAY) or "asker" not in context:
            context[UNFINISHED] = error
            if form:
                await form.say("My database does not answer just now. This form opens once it does.")
            return
        text, asker = self._words(error), Asker.of(body)
        if isinstance(error, UserError) and context.get(TOOK_EFFECT):
            text = f"{DONE_BEFORE} {text}"
        if not asker.user or (form and await form.say(text)):
            return
        if respond.response_url:
            await respond(text=text, response_type="ephemeral", replace_original=False)
        else:
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
