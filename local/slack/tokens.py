"""What is good for a short while: trigger ids, response_urls, Socket Mode addresses."""

from dataclasses import dataclass, field, replace

from local.slack.errors import SlackError
from local.slack.ids import Ids
from local.slack.seed_data import TEAM_ID
from local.slack.timing import Timing

_RESPONSE_POSTS = 5


@dataclass(frozen=True, slots=True)
class ResponseTarget:
    """What a response_url answers to: a person in a channel and, after a click, the message clicked."""

    user: str
    channel: str
    message_ts: str = ""
    expires: float = 0.0
    posts: int = 0


@dataclass(slots=True)
class Tokens:
    """Hands tokens out and takes them back."""

    ids: Ids
    timing: Timing
    _triggers: dict[str, tuple[str, float]] = field(default_factory=dict)
    _used_triggers: set[str] = field(default_factory=set)
    _responses: dict[str, ResponseTarget] = field(default_factory=dict)
    _sockets: dict[str, float] = field(default_factory=dict)

    def trigger(self, user: str) -> str:
        """A trigger_id for what this person just did."""
        trigger_id = f"{self.ids.make('1')}.{TEAM_ID}.{self.ids.short('t')}"
        self._triggers[trigger_id] = (user, self.ids.now() + self.timing.trigger)
        return trigger_id

    def exchange_trigger(self, trigger_id: str) -> str:
        """Spend a trigger_id; returns the person it belongs to."""
        if trigger_id in self._used_triggers:
            raise SlackError("exchanged_trigger_id")
        user, expires = self._triggers.pop(trigger_id, ("", 0.0))
        if not user:
            raise SlackError("invalid_trigger_id")
        self._used_triggers.add(trigger_id)
        if self.ids.now() > expires:
            raise SlackError("expired_trigger_id")
        return user

    def response_key(self, target: ResponseTarget) -> str:
        """The last part of a new response_url."""
        key = self.ids.short("r")
        self._responses[key] = replace(target, expires=self.ids.now() + self.timing.response_url)
        return key

    def spend_response(self, key: str) -> ResponseTarget:
        """Count one post against a response_url: five within 30 minutes."""
        target = self._responses.get(key)
        if target is None or self.ids.now() > target.expires:
            raise SlackError("expired_url")
        if target.posts >= _RESPONSE_POSTS:
            raise SlackError("used_url")
        self._responses[key] = replace(target, posts=target.posts + 1)
        return target

    def socket_key(self) -> str:
        """The last part of a new Socket Mode address."""
        key = self.ids.short("ws")
        self._sockets[key] = self.ids.now() + self.timing.socket_url
        return key

    def spend_socket(self, key: str) -> bool:
        """Whether the address was still unused and fresh; it no longer is afterwards."""
        return self.ids.now() <= self._sockets.pop(key, 0.0)
