"""From a slash command to the function that answers its verb, filled by name with what it needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.commands import Verb, asks_for_help, overview, parse

Answering = Callable[..., Awaitable[None]]
"""Answers one verb; filled by name with `typed`, `asker`, `command`, `respond`, `client` and the services it names."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who typed, where."""

    user: str
    channel: str
    trigger: str


def listen(
    app: AsyncApp, slash: str, verbs: tuple[Verb, ...], answers: Mapping[str, Answering], *, bare: str = ""
) -> None:
    """Listen to a slash command, and answer only the person who typed it.

    Args:
        app: the Bolt app.
        slash: the command, such as `/rft`.
        verbs: what it can do.
        answers: the function of each verb, by its name.
        bare: what is taken as typed where nothing is; where there is none, the verbs are listed.

    Raises:
        ValueError: a verb has no function, or a function no verb.
    """
    unmatched = {verb.name for verb in verbs} ^ set(answers)
    if unmatched:
        raise ValueError(f"{slash}: no verb, or no function, for {', '.join(sorted(unmatched))}")

    async def handle(
        ack: AsyncAck,
        command: dict[str, Any],
        respond: AsyncRespond,
        client: AsyncWebClient,
        context: AsyncBoltContext,
    ) -> None:
        await ack()
        text = str(command.get("text") or "").strip() or bare
        if not bare and asks_for_help(text):
            await respond(text=overview(slash, verbs))
            return
        typed = parse(slash, text, verbs)
        asker = Asker(str(command["user_id"]), str(command["channel_id"]), str(command["trigger_id"]))
        given = {"typed": typed, "asker": asker, "command": command, "respond": respond, "client": client}
        known, answer = {**context, **given}, answers[typed.verb]
        await answer(**{name: known[name] for name in signature(answer).parameters})

    app.command(slash)(handle)
