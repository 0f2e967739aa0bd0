"""The Web API's table of contents: every method with its tier, scope and kind of token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from local.slack.limits import Tier
from local.slack.web_api import chat, checking, conversations, files, people, views
from local.slack.wire import Call, Json
from local.slack.workspace import Workspace

Handler: TypeAlias = Callable[[Workspace, Call], Awaitable[Json]]
TokenKind: TypeAlias = Literal["bot", "none"]


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method; the tiers are those of Slack's own table. An empty scope means none is needed."""

    handler: Handler
    tier: Tier
    scope: str = ""
    token: TokenKind = "bot"  # noqa: S105 - a kind of token, not one


METHODS: Mapping[str, Method] = {
    "api.test": Method(checking.api_test, "tier4", token="none"),  # noqa: S106 - a kind of token, not one
    "auth.test": Method(people.auth_test, "special"),
    "blocks.validate": Method(checking.blocks_validate, "special", token="none"),  # noqa: S106 - the same
    "chat.delete": Method(chat.delete, "tier3", "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink, "special"),
    "chat.postEphemeral": Method(chat.post_ephemeral, "tier4", "chat:write"),
    "chat.postMessage": Method(chat.post_message, "posting", "chat:write"),
    "chat.update": Method(chat.update, "tier3", "chat:write"),
    "conversations.history": Method(conversations.history, "tier3", "channels:history"),
    "conversations.info": Method(conversations.info, "tier3", "channels:read"),
    "conversations.join": Method(conversations.join, "tier3", "channels:join"),
    "conversations.list": Method(conversations.list_, "tier2", "channels:read"),
    "conversations.members": Method(conversations.members, "tier4", "channels:read"),
    "conversations.open": Method(conversations.open_, "tier3", "im:write"),
    "conversations.replies": Method(conversations.replies, "tier3", "channels:history"),
    "files.completeUploadExternal": Method(files.complete_upload, "tier4", "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "tier4", "files:write"),
    "files.info": Method(files.info, "tier4", "files:read"),
    "usergroups.list": Method(people.usergroups_list, "tier2", "usergroups:read"),
    "usergroups.users.list": Method(people.usergroups_users_list, "tier2", "usergroups:read"),
    "users.info": Method(people.users_info, "tier4", "users:read"),
    "users.list": Method(people.users_list, "tier2", "users:read"),
    "views.open": Method(views.open_, "tier4"),
    "views.publish": Method(views.publish, "tier4"),
    "views.push": Method(views.push, "tier4"),
    "views.update": Method(views.update, "tier4"),
}
