"""The /proctor command: help, tasks, platforms."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.aliasing import answer_alias
from handlers.answering import whisper
from handlers.auditing import answer_audit
from handlers.blocks import Message, escape
from handlers.checking import check_message, label_chart
from handlers.commands import EVAL, PROCTOR, RFT, Typed, overview, parse
from handlers.datasets import balance_chart, balance_message, read_balance
from handlers.images import Pictures
from handlers.pending import pending_list, waiting_for
from handlers.people import People
from handlers.quieting import VERBS, Asker, Quieting
from handlers.wording import group
from jobs.aliases.moving import Aliases
from jobs.aliases.rollback import Rollbacks
from jobs.approvals.deciding import Approvals
from jobs.audit.service import AuditTrail
from jobs.checks.records import Finding
from jobs.datasets.balancing import Balanced, balance
from jobs.datasets.label_map import label_map_of
from jobs.errors import UserError
from jobs.platforms import Profile
from jobs.store import Store
from jobs.tasks import Task, TaskCatalogue

COMMAND: Final = "/proctor"

TaskChecker = Callable[[Task], Awaitable[tuple[Finding, ...]]]
"""Checks a task, with everything that it takes."""


def register(app: AsyncApp) -> None:
    """Listen to /proctor."""
    app.command(COMMAND)(handle_proctor)


async def handle_proctor(
    ack: AsyncAck,
    command: dict[str, Any],
    respond: AsyncRespond,
    client: AsyncWebClient,
    tasks: TaskCatalogue,
    profiles: Mapping[str, Profile],
    checker: TaskChecker,
    pictures: Pictures,
    approvals: Approvals,
    people: People,
    store: Store,
    aliases: Aliases,
    rollbacks: Rollbacks,
    audit: AuditTrail,
    quieting: Quieting,
) -> None:
    """Do what was typed after /proctor, and answer only the person who typed it."""
    await ack()
    typed = parse(COMMAND, str(command.get("text") or "").strip() or "help", PROCTOR)
    user, channel = str(command["user_id"]), str(command["channel_id"])
    match typed.verb:
        case "help":
            await respond(text=help_text())
        case "tasks" | "task":
            await respond(text=await asyncio.to_thread(tell_tasks, tasks, typed.word))
        case "check":
            task = await asyncio.to_thread(tasks.load, typed.word)
            await respond(text=f"Checking `{task.name}`: its graders are tried on about 2,000 answers.")
            await whisper(client, await check(task, checker, pictures), user, channel)
        case "dataset":
            made = await asyncio.to_thread(make_balanced, tasks, typed)
            file = await pictures.file_of(balance_chart(made), f"labels-{made.task}")
            await whisper(client, balance_message(made, file), user, channel)
        case "platforms":
            await respond(text=list_platforms(profiles))
        case "approvals":
            waiting = await waiting_for(user, approvals, people, store, client)
            await respond(text=pending_list(*waiting, time.time()))
        case "alias":
            await answer_alias(typed, command, respond, aliases, rollbacks)
        case "audit":
            await answer_audit(typed, command, respond, client, audit)
        case verb if verb in VERBS:
            await people.require_membership(channel)
            await respond(text=await quieting.do(typed, Asker(user, channel, str(command["trigger_id"]))))
        case _:
            raise AssertionError(f"/proctor {typed.verb} is listed but not handled")


async def check(task: Task, checker: TaskChecker, pictures: Pictures) -> Message:
    """Return what there is to say about a task before money is spent on it."""
    findings = await checker(task)
    chart = label_chart(task, findings)
    file = await pictures.file_of(chart, f"labels-{task.name}") if chart else None
    return check_message(task, findings, file)


def make_balanced(tasks: TaskCatalogue, typed: Typed) -> Balanced:
    """Make the balanced version that was asked for; raises UserError in a sentence. Blocks."""
    request = read_balance(typed.word, typed.given)
    if "names" in typed.given:
        request = replace(request, names=label_map_of(tasks.load(request.task), typed.given["names"]))
    return balance(tasks, request)


def help_text() -> str:
    """Return what the bot can do, verb by verb."""
    opening = (
        "I evaluate models, launch reinforcement fine-tuning jobs, watch them, and take your team's approval of a "
        "checkpoint. Try `/rft launch task=eurovoc`."
    )
    parts = (
        opening,
        f"*Evals*\n{overview('/eval', EVAL)}",
        f"*Jobs*\n{overview('/rft', RFT)}",
        f"*Around them*\n{overview(COMMAND, PROCTOR)}",
        'To use a file as a data set, post it here and choose "Use as data set" in the menu of its message.',
    )
    return "\n\n".join(parts)


def tell_tasks(tasks: TaskCatalogue, name: str) -> str:
    """Return the task that is named, or where none is all of them. Blocks."""
    return describe_task(tasks, name) if name else list_tasks(tasks)


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
