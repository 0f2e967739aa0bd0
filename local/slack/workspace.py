"""Everything a workspace is made of, wired together; and what takes several of its parts at once."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.slack.blocks import Problem, too_much_text, validate, validate_view
from local.slack.blocks.contents import completed
from local.slack.change_stream import ChangeStream
from local.slack.directory import Directory
from local.slack.errors import Json, SlackError
from local.slack.fault_injection import Faults
from local.slack.files import Files, StoredFile, file_json
from local.slack.ids import Ids
from local.slack.messages import Message, Messages, message_json
from local.slack.rate_limits import SLACK_RATES, RateLimits
from local.slack.seed_data import SLACKBOT_ID, InstalledApp
from local.slack.storage import Storage
from local.slack.timing import Clock, Timing
from local.slack.tokens import Tokens
from local.slack.traffic_log import TrafficLog
from local.slack.views import Views

_VIEW_CHARACTERS = 250_000


@dataclass(slots=True)
class Workspace:
    """One workspace; `base_url` is known once the server listens."""

    timing: Timing
    storage: Storage
    ids: Ids
    changes: ChangeStream
    traffic: TrafficLog
    faults: Faults
    limits: RateLimits
    tokens: Tokens
    directory: Directory
    messages: Messages
    files: Files
    views: Views
    base_url: str = ""

    @property
    def app(self) -> InstalledApp:
        """The installed app."""
        return self.directory.app

    def message_json(self, message: Message, *, with_metadata: bool = False) -> Json:
        """A message as Slack shows it, with the figures of its thread."""
        replies = self.messages.thread(message.channel, message.ts)
        files = [self.file_json(file) for file in map(self.files.get, message.files) if file]
        shown = message_json(message, replies, files, self.app)
        return shown if with_metadata else {key: value for key, value in shown.items() if key != "metadata"}

    def file_json(self, file: StoredFile) -> Json:
        """A file as Slack shows it now."""
        return file_json(file, self.base_url, ready=self.files.is_ready(file), app_user=self.app.user_id)

    def accept_blocks(self, blocks: Sequence[Json]) -> tuple[Json, ...]:
        """Message blocks as Slack stores them; `invalid_blocks` or `msg_blocks_too_long` where it would refuse them."""
        _refuse("invalid_blocks", validate(list(blocks), "message"))
        self._refuse_unusable_images(blocks, "/blocks")
        if too_much_text(blocks):
            raise SlackError("msg_blocks_too_long")
        return tuple(completed(block, self.ids.short) for block in blocks)

    def accept_view(self, view: Any) -> Json:
        """A view as Slack stores it; `invalid_arguments` or `view_too_large` where it would refuse it."""
        if len(json.dumps(view)) > _VIEW_CHARACTERS:
            raise SlackError("view_too_large")
        _refuse("invalid_arguments", validate_view(view))
        self._refuse_unusable_images(view["blocks"], "/view/blocks")
        return {**view, "blocks": [completed(block, self.ids.short) for block in view["blocks"]]}

    def say_as_app(self, channel: str, text: str, blocks: tuple[Json, ...], **fields: Any) -> Message:
        """Post a message of the app; `fields` are further ones of `Message`."""
        message = Message(channel, self.ids.stamp(), self.app.user_id, text, blocks, by_app=True, **fields)
        return self.share(message)

    def share(self, message: Message) -> Message:
        """Post a message; when it has files, the page looks again once they are processed."""
        for file_id in message.files:
            self.files.share(file_id, message.channel, message.ts)
        if message.files:
            loop = asyncio.get_running_loop()
            loop.call_later(self.timing.file_processing, self.changes.tell, "file")
        return self.messages.add(message)

    def say_as_slackbot(self, channel: str, user: str, text: str) -> None:
        """Show a person what Slack itself says about something that failed."""
        self.messages.add(Message(channel, self.ids.stamp(), SLACKBOT_ID, text, visible_to=user))

    def reset(self) -> None:
        """Back to a fresh workspace; ids and time stamps still do not repeat."""
        for part in (self.messages, self.files, self.views, self.directory, self.faults, self.limits):
            part.reset()
        self.traffic.clear()
        self.ids.new_series()
        self.changes.tell("reset")

    def _refuse_unusable_images(self, blocks: Sequence[Json], at: str) -> None:
        """Answer `invalid slack file` while an image names a file that is not (yet) a processed image."""
        pointers = self.files.unusable_images(blocks, at)
        _refuse("invalid_blocks", [Problem("inconsistent", "invalid slack file", pointer) for pointer in pointers])


def build(home: Path | None, clock: Clock, timing: Timing, *, limited: bool) -> Workspace:
    """A workspace with what `home` remembers, or a fresh one in memory; `serve` explains the parameters."""
    storage = Storage(home)
    ids = Ids(storage, clock)
    changes = ChangeStream()
    traffic = TrafficLog(clock)
    return Workspace(
        timing=timing,
        storage=storage,
        ids=ids,
        changes=changes,
        traffic=traffic,
        faults=Faults(traffic),
        limits=RateLimits(clock, SLACK_RATES if limited else None),
        tokens=Tokens(ids, timing),
        directory=Directory(storage, ids, changes),
        messages=Messages(storage, ids, changes),
        files=Files(home, storage, ids, changes, timing),
        views=Views(storage, ids, changes),
    )


def _refuse(error: str, problems: Sequence[Problem]) -> None:
    if problems:
        sentences = [problem.sentence for problem in problems]
        raise SlackError(error, messages=[f"[ERROR] {one}" for one in sentences], errors=sentences)
