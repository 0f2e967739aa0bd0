"""Files and the message that shows them."""

import asyncio
from collections.abc import Sequence

from local.slack.files import StoredFile
from local.slack.messages import Message
from local.slack.workspace import Workspace


def share(workspace: Workspace, files: Sequence[StoredFile], message: Message) -> Message:
    """Post a message that shows these files."""
    for file in files:
        workspace.files.share(file.id, message.channel, message.ts)
    return workspace.messages.add(message)


def tell_when_processed(workspace: Workspace) -> None:
    """Let the page look again when its files have got their types."""
    loop = asyncio.get_running_loop()
    loop.call_later(workspace.timing.file_processing, workspace.changes.tell, "file")
