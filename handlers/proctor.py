"""The /proctor command: help, tasks, platforms."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from slack_bolt.async_app import AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers.aliases.commands import answer_alias
from handlers.approvals.pending import pending_list, waiting_for
from handlers.audit.commands import answer_audit
from handlers.notifications.commands import VERBS, Quieting
from handlers.slack.blocks import Message, escape
from handlers.slack.commands import EVAL, PROCTOR, RFT, Typed, overview
from handlers.slack.dispatch import Answering, Asker, listen
from handlers.slack.images import Pictures
from handlers.slack.people import People
from handlers.slack.replies import whisper
from handlers.slack.wording import grader_name, group
from handlers.tasks.balance import balance_chart, balance_message, read_balance
from handlers.tasks.check import check_message, label_chart
from jobs.approvals.decide import Approvals
from jobs.checks.finding import Finding
from jobs.core.errors import UserError
from jobs.platforms.profiles import Profile
from jobs.state.store import Store
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.datasets.balancing import Balanced, balance
from jobs.tasks.datasets.label_map import label_map_of

COMMAND: Final = "/proctor"

TaskChecker = Callable[[Task], Awaitable[tuple[Finding, ...]]]
"""Checks a task, with everything that it takes."""


def register(app: AsyncApp) -> None:
    """Listen to /proctor."""
    listen(app, COMMAND, PROCTOR, ANSWERS, bare="help")


async def answer_help(respond: AsyncRespond) -> None:
    """Say what the bot can do."""
    await respond(text=help_text())


async def answer_tasks(typed: Typed, respond: AsyncRespond, tasks: TaskCatalogue) -> None:
    """Say which tasks there are, or what one of them is."""
    await respond(text=await asyncio.to_thread(tell_tasks, tasks, typed.word))


async def answer_check(
    typed: Typed,
    asker: Asker,
    respond: AsyncRespond,
    client: AsyncWebClient,
    tasks: TaskCatalogue,
    checker: TaskChecker,
    pictures: Pictures,
) -> None:
    """Say whether a task is fit for a launch."""
    task = await asyncio.to_thread(tasks.load, typed.word)
    await respond(text=f"Checking `{task.name}`: its graders are tried on about 2,000 answers.")
    await whisper(client, await check(task, checker, pictures), asker.user, asker.channel)


async def answer_dataset(
    typed: Typed, asker: Asker, client: AsyncWebClient, tasks: TaskCatalogue, pictures: Pictures
) -> None:
    """Make a balanced version of a task, and show what is in it."""
    made = await asyncio.to_thread(make_balanced, tasks, typed)
    file = await pictures.file_of(balance_chart(made), f"labels-{made.task}")
    await whisper(client, balance_message(made, file), asker.user, asker.channel)


async def answer_platforms(respond: AsyncRespond, profiles: Mapping[str, Profile]) -> None:
    """Say where jobs can run."""
    await respond(text=list_platforms(profiles))


async def answer_approvals(
    asker: Asker, respond: AsyncRespond, client: AsyncWebClient, approvals: Approvals, people: People, store: Store
) -> None:
    """Say what waits for approval."""
    waiting = await waiting_for(asker.user, approvals, people, store, client)
    await respond(text=pending_list(*waiting, time.time()))


async def answer_quieting(
    typed: Typed, asker: Asker, respond: AsyncRespond, people: People, quieting: Quieting
) -> None:
    """Do what was asked about being told."""
    await people.require_membership(asker.channel)
    await respond(text=await quieting.do(typed, asker))


ANSWERS: Final[Mapping[str, Answering]] = {
    "help": answer_help,
    "tasks": answer_tasks,
    "task": answer_tasks,
    "check": answer_check,
    "dataset": answer_dataset,
    "platforms": answer_platforms,
    "approvals": answer_approvals,
    "alias": answer_alias,
    "audit": answer_audit,
    **dict.fromkeys(VERBS, answer_quieting),
}


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
            f"Approval: {task.quorum} of {approvers}{_own_say(task)}; then `{task.name}@{task.alias}`",
            *([f"Guardrails: {escape(_guardrails(task))}"] if task.guardrails else []),
        ]
    )


def _own_say(task: Task) -> str:
    return ", who launched the job among them" if task.approval.self_approval else ", without who launched it"


def _guardrails(task: Task) -> str:
    """Return the graders that must not fall, each with the fall that the task allows."""
    falls = ((grader_name(name), abs(fall)) for name, fall in task.guardrails.items())
    return ", ".join(f"{name} may fall by {fall:.2f}" if fall else f"{name} must not fall" for name, fall in falls)


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
