"""Who is who in Slack: membership of user groups, and whether the bot is in a channel."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.slack.wording import group
from jobs.core.errors import Conflict, InvalidRequest

FRESH: Final = 60.0
"""Seconds for which a membership is remembered: of a person in a group, and of the bot in a channel. Nobody can use a
role that they lost for longer; asking each time would exceed Slack's limits (20 to 50 calls a minute)."""
JUST_NOW: Final = 2.0
"""The same where a decision depends on it: many who click at once are looked up once."""
TOO_MANY_REQUESTS: Final = 429


@dataclass
class People:
    """Answers from Slack's user groups, remembered for a minute."""

    client: AsyncWebClient
    """With the scopes `usergroups:read` and `channels:read`."""
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, AsyncSlackResponse]] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def _ask(
        self, key: str, age: float, question: Callable[[], Awaitable[AsyncSlackResponse]]
    ) -> AsyncSlackResponse:
        """Return Slack's answer, or that of a moment ago if it is not older than `age` seconds."""
        asked_at = self.clock()
        at, answer = self._known.get(key, (None, None))
        if at is None or answer is None or asked_at - at >= age:
            answer = await question()
            self._known[key] = (asked_at, answer)
        return answer

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Tell whether the user is named in `approvers` (ids or group handles) or a member of a group named there."""
        return user in approvers or user in await self._entitled(approvers, FRESH)

    async def still(self, users: Collection[str], approvers: tuple[str, ...]) -> frozenset[str]:
        """Return those of the users who are now named in `approvers`, or members of a group named there.

        Raises:
            Conflict: Slack cannot tell at the moment.
        """
        asked = frozenset(users)
        if asked <= set(approvers):
            return asked
        try:
            return asked & (await self._entitled(approvers, JUST_NOW) | set(approvers))
        except SlackApiError as failure:
            if failure.response.status_code == TOO_MANY_REQUESTS:
                raise
            raise Conflict(_unsaid(str(failure.response.get("error")))) from failure
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise Conflict(_unsaid("no answer")) from failure

    async def called(self, approvers: tuple[str, ...]) -> str:
        """Return mentions of approvers that reach them; a group that Slack does not know is named as it is written."""
        groups = await self._groups()
        known = {**groups, **{each: each for each in groups.values()}}
        return ", ".join(
            f"<!subteam^{known[name.lstrip('@')]}>" if name.lstrip("@") in known else group(name) for name in approvers
        )

    async def require_membership(self, channel: str, *, just_now: bool = False) -> None:
        """Raise InvalidRequest, saying what to do, if the bot cannot post into the channel.

        `just_now`: what was true a minute ago is not enough, for money is about to be spent.
        """
        try:
            age = JUST_NOW if just_now else FRESH
            answer = await self._ask(channel, age, lambda: self.client.conversations_info(channel=channel))
            if answer["channel"].get("is_archived"):
                raise InvalidRequest("This channel is archived, so I cannot post here. Ask in another one.")
            is_member = answer["channel"].get("is_member", True) or answer["channel"].get("is_im", False)
        except SlackApiError as error:
            if error.response.get("error") not in {"channel_not_found", "missing_scope"}:
                raise
            is_member = False
        if not is_member:
            self._known.pop(channel, None)  # whoever invites the bot now does not wait for a minute
            raise InvalidRequest("I am not in this channel. Invite me with `/invite @proctor`, then ask again.")

    async def _entitled(self, approvers: tuple[str, ...], age: float) -> frozenset[str]:
        """Return the members of the groups among `approvers`, as known for at most `age` seconds."""
        async with self._asking:
            groups = await self._groups()
            wanted = {groups.get(name.lstrip("@"), name if name in groups.values() else "") for name in approvers}
            members = [await self._members(each, age) for each in sorted(wanted - {""})]
        return frozenset().union(*members)

    async def _groups(self) -> dict[str, str]:
        """Return the ids of all groups, by handle."""
        answer = await self._ask("groups", FRESH, self.client.usergroups_list)
        return {group["handle"]: group["id"] for group in answer["usergroups"]}

    async def _members(self, group: str, age: float) -> frozenset[str]:
        answer = await self._ask(group, age, lambda: self.client.usergroups_users_list(usergroup=group))
        return frozenset(cast("list[str]", answer["users"]))


def _unsaid(reason: str) -> str:
    return (
        f"Slack does not tell me who is an approver right now ({reason}), so nothing was counted. Try again in a "
        "minute; if that repeats, whoever runs me has to look."
    )
