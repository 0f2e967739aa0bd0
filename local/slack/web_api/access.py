"""Which channel a call means, and whether the app may read or write there."""

from local.slack.furniture import Channel
from local.slack.wire import Call, SlackError
from local.slack.workspace import Workspace


def named_channel(workspace: Workspace, call: Call) -> Channel:
    """The channel of the `channel` argument, by id."""
    channel = workspace.directory.channel(call.need("channel"))
    if channel is None:
        raise SlackError("channel_not_found")
    return channel


def readable_channel(workspace: Workspace, call: Call) -> Channel:
    """The channel of the `channel` argument, which the app must be a member of."""
    channel = named_channel(workspace, call)
    if workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def writable_channel(workspace: Workspace, call: Call) -> Channel:
    """Like `readable_channel`; posting also takes `#name`, and a user's id for the direct message."""
    wanted = call.need("channel")
    user = workspace.directory.user(wanted)
    if user is not None and call.args.get("ts") is None:
        return workspace.directory.direct_message(user)
    channel = workspace.directory.channel_named(wanted)
    if channel is None:
        raise SlackError("channel_not_found")
    if workspace.app.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel
