"""Who and where: looks up users, channels and groups by id or by name, opens direct messages, keeps membership."""

from dataclasses import asdict, replace

from local.slack.changes import Changes
from local.slack.furniture import CHANNELS, PROCTOR, TEAM_ID, USER_GROUPS, USERS, Channel, InstalledApp, User, UserGroup
from local.slack.identity import Identity
from local.slack.journal import Journal
from local.slack.wire import ControlError, Json


class Directory:
    """The workspace's people and rooms."""

    def __init__(self, journal: Journal, identity: Identity, changes: Changes) -> None:
        self._table = journal.table("channels")
        self._identity = identity
        self._changes = changes
        self.users: tuple[User, ...] = USERS
        self.groups: tuple[UserGroup, ...] = USER_GROUPS
        self.app: InstalledApp = PROCTOR
        self._channels = {channel.id: channel for channel in CHANNELS}
        for row in self._table.rows():
            channel = Channel(**(row | {"members": tuple(row["members"])}))
            self._channels[channel.id] = channel

    def reset(self) -> None:
        """Back to the channels of a fresh workspace."""
        self._table.clear()
        self._channels = {channel.id: channel for channel in CHANNELS}

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel and direct message, in the order they were made."""
        return tuple(self._channels.values())

    def user(self, user_id: str) -> User | None:
        """The user of that id."""
        return next((user for user in self.users if user.id == user_id), None)

    def channel(self, channel_id: str) -> Channel | None:
        """The channel of that id."""
        return self._channels.get(channel_id)

    def channel_named(self, name: str) -> Channel | None:
        """The channel of that id or name, with or without its `#`."""
        bare = name.removeprefix("#")
        found = self._channels.get(bare)
        return found or next((one for one in self.channels if one.name == bare and one.partner is None), None)

    def find_channel(self, name: str) -> Channel:
        """The channel of that id or name; a sentence where there is none."""
        channel = self.channel_named(name)
        if channel is None:
            known = ", ".join(f"#{one.name}" for one in self.channels if one.partner is None)
            raise ControlError(f"No channel is called {name!r}. There are: {known}.")
        return channel

    def find_user(self, name: str) -> User:
        """The person of that id or name; a sentence where there is none."""
        bare = name.removeprefix("@")
        found = next((user for user in self.users if bare in (user.id, user.name)), None)
        if found is None:
            known = ", ".join(user.name for user in self.users if not user.is_bot)
            raise ControlError(f"No user is called {name!r}. There are: {known}.")
        return found

    def direct_message(self, user: User) -> Channel:
        """The direct message between the app and a user, opened on first use."""
        channel_id = "D" + user.id[1:]
        if channel_id not in self._channels:
            created = int(self._identity.now())
            members = (user.id, self.app.user_id)
            self._keep(Channel(channel_id, channel_id.lower(), "", members, created, partner=user.id))
        return self._channels[channel_id]

    def join(self, channel: Channel, user_id: str) -> Channel:
        """Make a user a member; nothing happens to one who already is."""
        if user_id not in channel.members:
            self._keep(replace(channel, members=(*channel.members, user_id)))
        return self._channels[channel.id]

    def leave(self, channel: Channel, user_id: str) -> Channel:
        """Take a user out of a channel."""
        self._keep(replace(channel, members=tuple(member for member in channel.members if member != user_id)))
        return self._channels[channel.id]

    def _keep(self, channel: Channel) -> None:
        self._channels[channel.id] = channel
        self._table.put(channel.id, asdict(channel))
        self._changes.tell("channel", channel=channel.id)


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
