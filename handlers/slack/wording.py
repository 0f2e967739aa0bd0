"""How people and times are written in Slack's markup."""

from collections.abc import Iterable

from charts.wording import joined
from handlers.slack.blocks import escape
from jobs.core.ids import SHELL


def moment(at: float) -> str:
    """Return a point in time that Slack shows in each reader's own time zone."""
    return f"<!date^{int(at)}^{{date_short_pretty}} at {{time}}|unix time {int(at)}>"


def person(user: str) -> str:
    """Return a mention of a person; who asked from a shell has no account, and is named."""
    return escape(user) if user.startswith(SHELL) else f"<@{user}>"


def people(users: Iterable[str]) -> str:
    """Return mentions joined as in speech."""
    return joined([person(user) for user in users])


def group(handle: str) -> str:
    """Return the name of an approver entry: a person's mention, or a group's handle as text that pings nobody."""
    return person(handle) if handle[:1] in "UW" and handle.isupper() else f"@{escape(handle)}"
