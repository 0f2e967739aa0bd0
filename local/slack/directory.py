"""Who and where: looks up users, channels and groups by id or by name, opens direct messages, keeps membership."""

from dataclasses import replace

from local.slack.change_stream import ChangeStream
from local.slack.errors import ControlError, Json
from local.slack.ids import Ids
from local.slack.seed_data import CHANNELS, PROCTOR, TEAM_ID, USER_GROUPS, USERS, Channel, InstalledApp, User, UserGroup
from local.slack.storage import Storage


class Directory:
    """The workspace's people and rooms."""

    def __init__(self, storage: Storage, ids: Ids, changes: ChangeStream) -> None:
        self._changed = storage.table("channels", Channel)
        self._ids = ids
        self._changes = changes
        self.users: tuple[User, ...] = USERS
        self.groups: tuple[UserGroup, ...] = USER_GROUPS
        self.app: InstalledApp = PROCTOR

    def reset(self) -> None:
        """Back to the channels of a fresh workspace."""
        self._changed.clear()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel and direct message, in the order they were made."""
        return tuple(({channel.id: channel for channel in CHANNELS} | self._changed.rows).values())

    def user(self, user_id: str) -> User | None:
        """The user of that id."""
        return next((user for user in self.users if user.id == user_id), None)

    def channel(self, channel_id: str) -> Channel | None:
        """The channel of that id."""
        return next((channel for channel in self.channels if channel.id == channel_id), None)

    def channel_named(self, name: str) -> Channel | None:
        """The channel of that id or name, with or without its `#`."""
        bare = name.removeprefix("#")
        named = (one for one in self.channels if one.name == bare and one.partner is None)
        return self.channel(bare) or next(named, None)

    def find_channel(self, name: str) -> Channel:
        """The channel of that id or name; an unknown one is refused with the names that exist."""
        channel = self.channel_named(name)
        if channel is None:
            known = ", ".join(f"#{one.name}" for one in self.channels if one.partner is None)
            raise ControlError(f"No channel is called {name!r}. There are: {known}.")
        return channel

    def find_user(self, name: str) -> User:
        """The person of that id or name; an unknown one is refused with the names that exist."""
        bare = name.removeprefix("@")
        found = next((user for user in self.users if bare in (user.id, user.name)), None)
        if found is None:
            known = ", ".join(user.name for user in self.users if not user.is_bot)
            raise ControlError(f"No user is called {name!r}. There are: {known}.")
        return found

    def direct_message(self, user: User) -> Channel:
        """The direct message between the app and a user, opened on first use."""
        channel_id = "D" + user.id[1:]
        members, now = (user.id, self.app.user_id), int(self._ids.now())
        opened = self.channel(channel_id)
        return opened or self.keep(Channel(channel_id, channel_id.lower(), "", members, now, partner=user.id))

    def join(self, channel: Channel, user_id: str) -> Channel:
        """Make a user a member; nothing happens to one who already is."""
        if user_id in channel.members:
            return channel
        return self.keep(replace(channel, members=(*channel.members, user_id)))

    def keep(self, channel: Channel) -> Channel:
        """Add a channel, or replace it by what it is now."""
        self._changed.put(channel.id, channel)
        self._changes.tell("channel", channel=channel.id)
        return channel


def user_json(user: User) -> Json:
    """A user as `users.info` shows one."""
    return {
        "id": user.id,
        "team_id": TEAM_ID,
        "name": user.name,
        "deleted": False,
        "color": user.color,
        "real_name": user.real_name,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "profile": {"real_name": user.real_name, "display_name": user.name, "team": TEAM_ID},
        "is_admin": False,
        "is_owner": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }


def channel_json(channel: Channel, *, viewer: str) -> Json:
    """A channel as `conversations.info` shows it to `viewer`."""
    shared: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": False,
        "is_im": channel.partner is not None,
        "is_org_shared": False,
        "context_team_id": TEAM_ID,
        "updated": channel.created * 1000,
    }
    if channel.partner is not None:
        return shared | {"user": channel.partner, "is_open": True}
    return shared | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": True,
        "is_group": False,
        "is_mpim": False,
        "is_private": False,
        "is_general": channel.name == "general",
        "is_member": viewer in channel.members,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
    }
