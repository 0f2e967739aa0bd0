"""Everything a workspace is made of, wired together."""

from dataclasses import dataclass
from pathlib import Path

from local.slack.changes import Changes
from local.slack.directory import Directory
from local.slack.faults import Faults
from local.slack.files import Files, StoredFile, file_json
from local.slack.furniture import InstalledApp
from local.slack.identity import Identity
from local.slack.journal import Journal
from local.slack.limits import Limits
from local.slack.messages import Message, Messages
from local.slack.passes import Passes
from local.slack.rendering import message_json
from local.slack.timing import Clock, Timing
from local.slack.traffic import Traffic
from local.slack.views import Views
from local.slack.wire import Json


@dataclass(slots=True)
class Workspace:
    """One workspace; `base_url` is known once the server listens."""

    timing: Timing
    journal: Journal
    identity: Identity
    changes: Changes
    traffic: Traffic
    faults: Faults
    limits: Limits
    passes: Passes
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
        return message_json(message, replies, self.app, self.file_by_id_json, with_metadata=with_metadata)

    def file_json(self, file: StoredFile) -> Json:
        """A file as Slack shows it now."""
        return file_json(file, self.base_url, ready=self.files.is_ready(file), app_user=self.app.user_id)

    def file_by_id_json(self, file_id: str) -> Json | None:
        """The file of that id as Slack shows it now; None where there is none."""
        file = self.files.get(file_id)
        return self.file_json(file) if file else None

    def reset(self) -> None:
        """Back to a fresh workspace; ids and time stamps still do not repeat."""
        for part in (self.messages, self.files, self.views, self.directory, self.faults, self.limits):
            part.reset()
        self.traffic.clear()
        self.identity.next_start()
        self.changes.tell("reset")


def build(home: Path | None, clock: Clock, timing: Timing, *, limited: bool) -> Workspace:
    """A workspace with what `home` remembers, or a fresh one in memory.

    Args:
        home: the folder to keep messages, files and Homes in; None for a workspace that is forgotten.
        clock: gives the time in Unix seconds.
        timing: deadlines and delays.
        limited: whether rate limits apply.
    """
    journal = Journal(home)
    identity = Identity(journal, clock)
    changes = Changes()
    directory = Directory(journal, identity, changes)
    return Workspace(
        timing=timing,
        journal=journal,
        identity=identity,
        changes=changes,
        traffic=Traffic(clock),
        faults=Faults(),
        limits=Limits(clock) if limited else Limits(clock, None),
        passes=Passes(identity, timing),
        directory=directory,
        messages=Messages(journal, identity, changes),
        files=Files(home, journal, identity, changes, timing),
        views=Views(journal, identity, changes, directory.app),
    )
