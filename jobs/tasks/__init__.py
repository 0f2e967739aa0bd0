"""What is evaluated and tuned: a folder with splits, prompts, a response format and graders.

Everything here reads plain files and blocks while it does: callers on the event loop use `asyncio.to_thread`.
"""

from jobs.tasks.catalogue import TaskCatalogue
from jobs.tasks.records import LaunchDefaults, Row, Task
from jobs.tasks.rows import conversation

__all__ = ["LaunchDefaults", "Row", "Task", "TaskCatalogue", "conversation"]
