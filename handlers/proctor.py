"""The /proctor command: help, tasks, platforms."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from handlers.blocks import escape
from handlers.commands import PROCTOR, RFT, overview, parse
from handlers.wording import group
from jobs.errors import UserError
from jobs.platforms import Profile
from jobs.tasks import Task, TaskCatalogue

COMMAND: Final = "/proctor"


def register(app: AsyncApp) -> None:
    """Listen to /proctor."""
    app.command(COMMAND)(handle_proctor)


async def handle_proctor(
    ack: AsyncAck,
    command: dict[str, Any],
    respond: AsyncRespond,
    tasks: TaskCatalogue,
    profiles: Mapping[str, Profile],
) -> None:
    """Do what was typed after /proctor, and answer only the person who typed it."""
    await ack()
    typed = parse(COMMAND, str(command.get("text") or "").strip() or "help", PROCTOR)
    match typed.verb:
        case "help":
            await respond(text=help_text())
        case "tasks":
            await respond(text=await asyncio.to_thread(list_tasks, tasks))
        case "task":
            await respond(text=await asyncio.to_thread(describe_task, tasks, typed.word))
        case "platforms":
            await respond(text=list_platforms(profiles))
        case _:
            raise AssertionError(f"/proctor {typed.verb} is listed but not handled")


def help_text() -> str:
    """Return what the bot can do, verb by verb."""
    return (
        "I launch reinforcement fine-tuning jobs, watch them, and take your team's approval of a checkpoint.\n"
        "Try `/rft launch task=eurovoc`.\n\n"
        f"*Jobs*\n{overview('/rft', RFT)}\n\n*Around them*\n{overview(COMMAND, PROCTOR)}"
    )


def list_tasks(tasks: TaskCatalogue) -> str:
    """Return the tasks there are, one line each; a broken one says what is wrong with it."""
    names = tasks.names()
    if not names:
        return "There is no task yet. A task is a folder with a task.yaml under PROCTOR_TASKS."
    return "\n".join(_task_line(tasks, name) for name in names)


def describe_task(tasks: TaskCatalogue, name: str) -> str:
    """Return one task: its splits with their sizes, graders, prompts and approvers."""
    task = tasks.load(name)
    splits = ", ".join(f"{split} {len(tasks.rows(task, split))} items" for split in task.splits)
    graders = ", ".join(f"{g} (reward)" if g == task.reward else g for g in task.graders)
    approvers = ", ".join(group(handle) for handle in task.approvers) or "the bot's default approvers"
    return "\n".join(
        [
            f"*{escape(task.title)}* (`{task.name}`, version {task.version})",
            escape(task.description),
            f"Splits: {escape(splits)}",
            f"Graders: {escape(graders)}",
            f"Prompts: {escape(_prompts(task))}",
            f"Approval: {task.quorum} of {approvers}",
        ]
    )


def list_platforms(profiles: Mapping[str, Profile]) -> str:
    """Return the platforms there are and what to know before choosing one."""
    return "\n".join(_platform_line(profile) for profile in profiles.values())


def _task_line(tasks: TaskCatalogue, name: str) -> str:
    try:
        task = tasks.load(name)
    except UserError as problem:
        return f"`{name}` cannot be used: {escape(str(problem))}"
    return f"`{name}` {escape(task.title)}: reward {escape(task.reward)}, splits {escape(', '.join(task.splits))}"


def _prompts(task: Task) -> str:
    return ", ".join(f"{v} (default)" if v == task.default_prompt else v for v in task.prompt_versions) or "none"


def _platform_line(profile: Profile) -> str:
    until = profile.accepts_new_jobs_until
    parts = [profile.note, f"Takes new jobs until {until.isoformat()}." if until else ""]
    return f"`{profile.name}` {escape(profile.title)}. {escape(' '.join(part for part in parts if part))}".strip()
