"""What is evaluated and tuned: a folder with splits, prompts, a response format and graders.

Everything here reads plain files and blocks while it does: callers on the event loop use `asyncio.to_thread`.
"""

from jobs.core.nearest import ALIKE_IDS, nearest
from jobs.core.records import Message
from jobs.tasks.catalogue import TaskCatalogue
from jobs.tasks.records import LaunchDefaults, Oversight, Row, Task
from jobs.tasks.rows import conversation

__all__ = [
    "ALIKE_IDS",
    "LaunchDefaults",
    "Message",
    "Oversight",
    "Row",
    "Task",
    "TaskCatalogue",
    "conversation",
    "nearest",
]
