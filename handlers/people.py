"""Who is who in Slack: membership of user groups, and whether the bot is in a channel."""

import time
from collections.abc import Callable
from typing import Final, cast

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from jobs.errors import InvalidRequest

FRESH: Final = 60.0
"""Seconds a membership is believed: of a person in a group, and of the bot in a channel. Who lost a role cannot use it
for longer; asking each time would meet Slack's limits (20 to 50 questions a minute)."""


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

    async def is_any_of(self, user: str, approvers: tuple[str, ...]) -> bool:
        """Tell whether the user is named in `approvers` (ids or group handles) or a member of a group named there."""
        if user in approvers:
            return True
        groups = await self._group_ids()
        for name in approvers:
            group = groups.get(name.lstrip("@"), name if name in groups.values() else None)
            if group and user in await self._members_of(group):
                return True
        return False

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

    async def _group_ids(self) -> dict[str, str]:
        at, groups = self._groups
        if self._clock() - at < FRESH:
            return groups
        answer = await self._client.usergroups_list()
        groups = {group["handle"]: group["id"] for group in answer["usergroups"]}
        self._groups = (self._clock(), groups)
        return groups

    async def _members_of(self, group: str) -> frozenset[str]:
        at, members = self._members.get(group, (-FRESH, frozenset()))
        if self._clock() - at < FRESH:
            return members
        answer = await self._client.usergroups_users_list(usergroup=group)
        members = frozenset(cast("list[str]", answer["users"]))
        self._members[group] = (self._clock(), members)
        return members
