"""Who is who in Slack: membership of user groups, and whether the bot is in a channel."""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Final, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.wording import group
from jobs.core.errors import Conflict, InvalidRequest

FRESH: Final = 60.0
"""Seconds a membership is believed: of a person in a group, and of the bot in a channel. Who lost a role cannot use it
for longer; asking each time would meet Slack's limits (20 to 50 questions a minute)."""
JUST_NOW: Final = 2.0
"""The same where a decision hangs on it: many who click in one instant are looked up once."""
TOO_MANY_REQUESTS: Final = 429


class People:
    """Answers from Slack's user groups, remembered for a minute.

    Args:
        client: a client with `usergroups:read` and `channels:read`.
        clock: seconds, monotonic.
    """

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._groups: tuple[float, dict[str, str]] = (-FRESH, {})
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._joined: dict[str, float] = {}
        self._asking = asyncio.Lock()

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Tell whether the user is named in `approvers` (ids or group handles) or a member of a group named there."""
        return user in approvers or user in await self._entitled(approvers, FRESH)

    async def still(self, users: Collection[str], approvers: tuple[str, ...]) -> frozenset[str]:
        """Return those of the users who are named in `approvers`, or members of a group named there, right now.

        Raises:
            Conflict: Slack does not say.
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
        groups = await self._group_ids(FRESH)
        known = {**groups, **{each: each for each in groups.values()}}
        return ", ".join(
            f"<!subteam^{known[name.lstrip('@')]}>" if name.lstrip("@") in known else group(name) for name in approvers
        )

    async def _entitled(self, approvers: tuple[str, ...], age: float) -> frozenset[str]:
        """Return the members of the groups among `approvers`, as known for at most `age` seconds."""
        async with self._asking:
            groups = await self._group_ids(FRESH)
            wanted = {groups.get(name.lstrip("@"), name if name in groups.values() else "") for name in approvers}
            members = [await self._members_of(each, age) for each in sorted(wanted - {""})]
        return frozenset().union(*members)

    async def require_membership(self, channel: str) -> None:
        """Raise InvalidRequest, saying what to do, where the bot cannot post into the channel."""
        if self._clock() - self._joined.get(channel, -FRESH) < FRESH:
            return
        try:
            answer = await self._client.conversations_info(channel=channel)
        except SlackApiError as error:
            if error.response.get("error") in {"channel_not_found", "missing_scope"}:
                raise InvalidRequest(
                    "I am not in this channel. Invite me with `/invite @proctor`, then ask again."
                ) from None
            raise
        if not answer["channel"].get("is_member", True) and not answer["channel"].get("is_im", False):
            raise InvalidRequest("I am not in this channel. Invite me with `/invite @proctor`, then ask again.")
        self._joined[channel] = self._clock()

    async def _group_ids(self, age: float) -> dict[str, str]:
        at, groups = self._groups
        asked_at = self._clock()
        if asked_at - at < age:
            return groups
        answer = await self._client.usergroups_list()
        groups = {group["handle"]: group["id"] for group in answer["usergroups"]}
        self._groups = (asked_at, groups)
        return groups

    async def _members_of(self, group: str, age: float) -> frozenset[str]:
        at, members = self._members.get(group, (-FRESH, frozenset()))
        asked_at = self._clock()
        if asked_at - at < age:
            return members
        answer = await self._client.usergroups_users_list(usergroup=group)
        members = frozenset(cast("list[str]", answer["users"]))
        self._members[group] = (asked_at, members)
        return members


def _unsaid(reason: str) -> str:
    return (
        f"Slack does not tell me who is an approver right now ({reason}), so nothing was counted. Try again in a "
        "minute; if that repeats, whoever runs me has to look."
    )
