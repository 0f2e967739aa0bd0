"""What people do in the workspace and what they get to see, over the control API that the page uses too."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

PATIENCE = 120.0
"""Seconds after which a state that does not come is a failure; nothing waits this long when all is well."""
LOOK = 0.1

T = TypeVar("T")
Json = dict[str, Any]


async def eventually(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Return what `look` finds as soon as it finds something; fail naming `what` where it never does."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        # While a part is down there is nothing to be seen.
        with contextlib.suppress(aiohttp.ClientConnectionError):
            if found := await look():
                return found
        await asyncio.sleep(LOOK)
    raise AssertionError(f"{what} did not come about within {PATIENCE:.0f} s")


@dataclass
class Workspace:
    """The people of the workspace at `url`, all of them."""

    url: str
    session: aiohttp.ClientSession

    async def hears_the_bot(self) -> None:
        """Wait until a bot is connected."""

        async def look() -> bool:
            return bool((await self._get("state"))["sockets"])

        await eventually(look, "a connected bot")

    async def type_command(self, user: str, command: str, text: str) -> Json:
        """Type a slash command in #rft."""
        return await self._post("command", {"channel": "rft", "user": user, "command": command, "text": text})

    async def click(self, user: str, message: Json, action: Json) -> Json:
        """Click an element of a message."""
        body = {"channel": "rft", "messageTs": message["ts"], "user": user, "action": action}
        return await self._post("interact", body)

    async def visit_home(self, user: str) -> Json:
        """Open the Home tab of the bot, and return it once it is there."""
        await self._post("open-home", {"user": user})
        return await self.home_with(user, "")

    async def home_with(self, user: str, words: str) -> Json:
        """Wait until a person's Home says something."""

        async def look() -> Json | None:
            home: Json | None = (await self._get("state"))["homes"].get(user)
            return home if home and words in json.dumps(home["blocks"]) else None

        return await eventually(look, f"a Home with {words!r}")

    async def click_in_view(self, user: str, view: Json, action: Json) -> Json:
        """Click an element of a Home or a modal."""
        return await self._post("interact", {"user": user, "view_id": view["id"], "action": action})

    async def form_with(self, user: str, title: str) -> Json:
        """Wait for a form of this title, and return it."""

        async def look() -> Json | None:
            form = await self.form_of(user)
            return form if form and form["title"]["text"] == title else None

        return await eventually(look, f"the form {title!r}")

    async def say(self, user: str, text: str, channel: str = "rft") -> Json:
        """Post a message."""
        return await self._post("message", {"channel": channel, "user": user, "text": text})

    async def invite_the_bot(self, user: str, channel: str) -> Json:
        """Invite the bot to a channel."""
        body = {"channel": channel, "user": user, "command": "/invite", "text": "@proctor"}
        return await self._post("command", body)

    async def submit(self, user: str, text: str) -> Json:
        """Fill the one text field of the form on top and send it."""
        return await self._post("view_submit", {"user": user, "values": {"text": text}})

    async def fill(self, user: str, values: Json) -> Json:
        """Fill the fields of the form on top, by block, and send it."""
        return await self._post("view_submit", {"user": user, "values": values})

    async def form_of(self, user: str) -> Json | None:
        """Return the form that is open for a person and has got its fields, or None."""
        state = await self._get("state")
        view: Json | None = state["open_views"].get(user)
        return view if view and view["callback_id"] != "loading" else None

    async def messages(self, channel: str = "rft") -> list[Json]:
        """Return every message of a channel, threads included, oldest first."""
        found: list[Json] = (await self._get(f"messages/{channel}"))["messages"]
        return sorted(found, key=lambda message: float(message["ts"]))

    async def channel(self) -> list[Json]:
        """Return what the channel itself shows: roots and broadcasts."""
        return [m for m in await self.messages() if not in_thread(m) or m.get("subtype") == "thread_broadcast"]

    async def thread(self) -> list[Json]:
        """Return every reply in #rft."""
        return [message for message in await self.messages() if in_thread(message)]

    async def whispers(self, user: str) -> list[str]:
        """Return what only this person was shown, oldest first."""
        return [str(message["text"]) for message in (await self._get(f"ephemerals/{user}"))["ephemerals"]]

    async def told(self, user: str, words: str, after: int = 0) -> str:
        """Wait until the person is shown a sentence with these words, and return it."""

        async def look() -> str | None:
            return next((text for text in (await self.whispers(user))[after:] if words in text), None)

        return await eventually(look, f"'{words}' for {user}")

    async def reply_with(self, words: str) -> Json:
        """Wait for a reply with these words in its blocks or text."""

        async def look() -> Json | None:
            return next((m for m in await self.thread() if words in said(m)), None)

        return await eventually(look, f"a reply with '{words}'")

    async def card_with(self, words: str) -> Json:
        """Wait until a card shows these words."""

        async def look() -> Json | None:
            return next((m for m in await self.channel() if not in_thread(m) and words in said(m)), None)

        return await eventually(look, f"a card with '{words}'")

    async def fault(self, **fault: object) -> None:
        """Make something go wrong."""
        await self._post("fault", fault)

    async def log(self) -> list[Json]:
        """Return the traffic in both directions, oldest first."""
        entries: list[Json] = (await self._get("log"))["log"]
        return entries

    async def _post(self, what: str, body: Json | dict[str, object]) -> Json:
        async with self.session.post(f"{self.url}/_control/{what}", json=body) as answer:
            found: Json = await answer.json()
            return found

    async def _get(self, what: str) -> Json:
        async with self.session.get(f"{self.url}/_control/{what}") as answer:
            found: Json = await answer.json()
            return found


def in_thread(message: Json) -> bool:
    """Tell whether a message is a reply."""
    return bool(message.get("thread_ts")) and message["thread_ts"] != message["ts"]


def said(message: Json) -> str:
    """Return everything a message says."""
    return f"{message.get('text', '')} {message.get('blocks', '')}"


def buttons(message: Json, action_id: str) -> list[Json]:
    """Return the buttons of a message with this action id, as a click names them."""
    found: list[Json] = []
    for block in message.get("blocks", []):
        elements = block.get("elements", []) if block["type"] == "actions" else [block.get("accessory") or {}]
        found += [
            {"action_id": e["action_id"], "block_id": block["block_id"]}
            | ({"value": e["value"]} if "value" in e else {})
            for e in elements
            if e.get("action_id") == action_id
        ]
    return found


def pictures(message: Json) -> list[Json]:
    """Return the image blocks of a message."""
    return [block for block in message.get("blocks", []) if block["type"] == "image"]
