"""The /proctor command: help, tasks, platforms, and what other rooms answer."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, grader_name, number
from handlers.aliases.commands import answer_alias
from handlers.approvals.pending import pending_list
from handlers.audit.commands import answer_audit
from handlers.doctor import Diagnosis, Examine, Health, doctor_message
from handlers.evals.commands import EVAL
from handlers.help import CONTROLS as HELP_CONTROLS
from handlers.help import overview_message, topic_or_verb_message, topic_window
from handlers.jobs.commands import RFT
from handlers.notifications.commands import NotificationCommands
from handlers.slack.blocks import Block, Message, escape
from handlers.slack.commands import Typed, Verb, listen
from handlers.slack.images import Pictures
from handlers.slack.listeners import Handling, Listeners
from handlers.slack.people import People
from handlers.slack.replies import Asker
from handlers.slack.wording import group
from handlers.tasks.check import check_message, label_chart
from handlers.tasks.datasets import balance_chart, balance_message, read_balance
from handlers.tasks.defaults import ACT, DEFAULT_KEYS, answer_default, default_line
from handlers.tasks.imports import PROMPTFOO, hand_over_task
from jobs.aliases.records import Alias
from jobs.approvals.decide import Approvals
from jobs.checks.finding import Finding
from jobs.core.errors import UserError
from jobs.core.records import Job
from jobs.evals.records import Eval
from jobs.platforms.profiles import Profile
from jobs.state.store import Store
from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.datasets.balancing import Balanced, balance
from jobs.tasks.datasets.label_map import label_map_of
from jobs.tasks.defaults import chosen_for

CONTROLS: Final = re.compile(rf"^{ACT}:")
TaskChecker = Callable[[Task], Awaitable[tuple[Finding, ...]]]
"""Checks a task, with everything that it takes."""


def register(listeners: Listeners) -> None:
    """Listen to /proctor, to the buttons that stand for its verbs, and to those that open the help."""
    listen(listeners, "/proctor", PROCTOR, CONTROLS)
    listeners.opens_form(HELP_CONTROLS, open_topic)


async def show_help(typed: Typed, tasks: TaskCatalogue, store: Store) -> Message:
    """Show what people come for, or what a command or topic takes."""
    if not typed.words:
        return overview_message()
    return topic_or_verb_message(" ".join(typed.words), COMMANDS, await _examples(tasks, store))


async def open_topic(action: dict[str, Any]) -> Block:
    """Return a view of the topic that a button names, or of all."""
    return topic_window(str(action.get("value") or ""), COMMANDS)


async def _examples(tasks: TaskCatalogue, store: Store) -> dict[str, str]:
    """Return what stands here for placeholders: the first task, the newest job and eval."""
    names = await asyncio.to_thread(tasks.names)
    jobs, evals = await store.ids(Job, 1), await store.ids(Eval, 1)
    aliases = await store.ids(Alias, 1)
    found = {"<task>": names[:1], "<job>": jobs, "<eval>": evals, "<alias>": aliases}
    return {placeholder: known[0] for placeholder, known in found.items() if known}


async def show_tasks(tasks: TaskCatalogue) -> str:
    """Show all tasks."""
    return await asyncio.to_thread(list_tasks, tasks)


async def show_task(typed: Typed, asker: Asker, tasks: TaskCatalogue, store: Store, client: AsyncWebClient) -> str:
    """Show the task that is named, or hand it over as another tool takes it."""
    if "format" in typed.given:
        return await hand_over_task(client, asker.user, tasks, typed.word, typed.given)
    described = await asyncio.to_thread(describe_task, tasks, typed.word)
    chosen = await chosen_for(store, typed.word)
    return f"{described}\n{default_line(chosen)}" if chosen.changes else described


async def check_task(
    typed: Typed, respond: AsyncRespond, tasks: TaskCatalogue, checker: TaskChecker, pictures: Pictures
) -> Message:
    """Show whether a task is fit for a launch."""
    task = await asyncio.to_thread(tasks.load, typed.word)
    await respond(text=f"Checking `{task.name}`: its graders are tried on about 2,000 answers.")
    findings = await checker(task)
    chart = label_chart(task, findings)
    file = await pictures.file_of(chart, f"labels-{task.name}") if chart else None
    return check_message(task, findings, file)


async def balance_dataset(typed: Typed, tasks: TaskCatalogue, pictures: Pictures) -> Message:
    """Make a balanced version of a task, and show what is in it."""
    made = await asyncio.to_thread(_make_balanced, tasks, typed)
    file = await pictures.file_of(balance_chart(made), f"labels-{made.task}")
    return balance_message(made, file)


def _make_balanced(tasks: TaskCatalogue, typed: Typed) -> Balanced:
    request = read_balance(typed.word, typed.given)
    if "names" in typed.given:
        request = replace(request, names=label_map_of(tasks.load(request.task), typed.given["names"]))
    return balance(tasks, request)


async def show_approvals(
    asker: Asker, client: AsyncWebClient, approvals: Approvals, people: People, store: Store
) -> str:
    """Show what waits for approval."""
    return await pending_list(asker.user, approvals, people, store, client, time.time())


async def set_notifications(typed: Typed, asker: Asker, people: People, notifications: NotificationCommands) -> str:
    """Change when people are notified: mutes, mentions, quiet hours, digests."""
    await people.require_membership(asker.channel)
    return await notifications.do(typed, asker)


def list_tasks(tasks: TaskCatalogue) -> str:
    """Return all tasks, one line each; a broken one says what is wrong with it. Blocks."""
    names = tasks.names()
    if not names:
        return "There is no task yet. A task is a folder with a task.yaml under PROCTOR_TASKS."
    return "\n".join(_task_line(tasks, name) for name in names)


def _task_line(tasks: TaskCatalogue, name: str) -> str:
    try:
        task = tasks.load(name)
    except UserError as problem:
        return f"`{name}` cannot be used: {escape(str(problem))}"
    return f"`{name}` {escape(task.title)}: reward {escape(task.reward)}, splits {escape(', '.join(task.splits))}"


def describe_task(tasks: TaskCatalogue, name: str) -> str:
    """Return one task: its splits with their sizes, graders, prompts and approvers. Blocks."""
    task = tasks.load(name)
    splits = ", ".join(f"{split} {counted(len(tasks.rows(task, split)), 'item')}" for split in task.splits)
    graders = ", ".join(f"{g} (reward)" if g == task.reward else g for g in task.graders)
    prompts = ", ".join(f"{v} (default)" if v == task.default_prompt else v for v in task.prompt_versions) or "none"
    approvers = ", ".join(map(group, task.approvers)) or "the bot's default approvers"
    own = ", who launched the job among them" if task.approval.self_approval else ", without who launched it"
    lines = [
        f"*{escape(task.title)}* (`{task.name}`, version {task.version})",
        escape(task.description),
        f"Splits: {escape(splits)}",
        f"Graders: {escape(graders)}",
        f"Prompts: {escape(prompts)}",
        f"Approval: {task.quorum} of {approvers}{own}; then `{task.name}@{task.alias}`",
    ]
    if task.guardrails:
        falls = {grader_name(name): abs(fall) for name, fall in task.guardrails.items()}
        allowed = [
            f"{name} may fall by {number(fall)}" if fall else f"{name} must not fall" for name, fall in falls.items()
        ]
        lines.append(f"Guardrails: {escape(', '.join(allowed))}")
    return "\n".join(lines)


async def show_doctor(asker: Asker, examine: Examine, people: People) -> Message:
    """Show what is wrong with how the bot is set up, and what to do about it."""
    found = list(await examine())
    try:
        await people.require_membership(asker.channel)
    except UserError as problem:
        found.append(Diagnosis("this channel", Health.BROKEN, str(problem)))
    return doctor_message(found)


async def show_platforms(profiles: Mapping[str, Profile]) -> str:
    """Show where jobs can run and what to know before choosing, one line a platform."""
    return "\n".join(_platform_line(profile) for profile in profiles.values())


def _platform_line(profile: Profile) -> str:
    until = profile.accepts_new_jobs_until
    notes = [profile.note, f"Takes new jobs until {until.isoformat()}." if until else ""]
    return f"`{profile.name}` {escape(profile.title)}. {escape(' '.join(filter(None, notes)))}".strip()


PROCTOR: Final = (
    Verb(
        "help",
        "what I can do; with a topic or a command, what it takes",
        show_help,
        takes="<topic or command>",
        least=0,
        most=2,
        handling=Handling.READS,
    ),
    Verb("tasks", "all tasks", show_tasks, handling=Handling.READS),
    Verb(
        "task",
        "one task: its splits, graders and prompts; with `format`, all of it as a Promptfoo project",
        show_task,
        takes="<task>",
        keys={"format": PROMPTFOO, "split": "<split>"},
        handling=Handling.READS,
        handling_with={"format": Handling.READS_FOR_LONG},
    ),
    Verb(
        "default",
        "what launches and evals of a task use where nothing is typed; with `undo`, as it was before",
        answer_default,
        takes="<task>",
        most=2,
        keys=DEFAULT_KEYS,
    ),
    Verb(
        "check",
        "is a task fit for a launch: graders, rows, labels, trivial answers",
        check_task,
        takes="<task>",
        handling=Handling.READS_FOR_LONG,
    ),
    Verb(
        "dataset",
        "make a balanced version of a task, next to the old one",
        balance_dataset,
        takes="balance",
        keys={"task": "<task>", "size": "150", "split": "2:1", "seed": "n", "pool": "<split>", "names": "<file>"},
        needs=("task",),
        handling=Handling.CHANGES_FOR_LONG,
    ),
    Verb("platforms", "where jobs can run", show_platforms, handling=Handling.READS),
    Verb(
        "doctor",
        "is everything set up: Slack, Redis, platforms and keys, approvers, tasks; what to do about each",
        show_doctor,
        handling=Handling.READS_FOR_LONG,
    ),
    Verb(
        "alias",
        "where each alias points; with a name, its history; with `rollback` and a name, back to the model before",
        answer_alias,
        takes="<alias>",
        least=0,
        most=2,
        keys={"reason": '"<why>"', "emergency": "yes"},
        handling=Handling.READS,
        handling_with={"rollback": Handling.CHANGES},
    ),
    Verb(
        "audit",
        "who did what: all of it, or that of a task, job, alias or person; with `verify`, whether it is sound",
        answer_audit,
        takes="<task, job or person>",
        least=0,
        keys={"since": "7d", "format": "csv"},
        handling=Handling.READS,
        handling_with={"verify": Handling.READS_FOR_LONG, "format": Handling.READS_FOR_LONG},
    ),
    Verb(
        "approvals",
        "what waits for approval, how long, and how many votes are missing",
        show_approvals,
        handling=Handling.READS,
    ),
    Verb(
        "mute",
        "warnings and ends of this channel, a task or a job stay in their threads and mention nobody",
        set_notifications,
        takes="<job or task>",
        least=0,
        keys={"for": "4h", "until": "18:00"},
    ),
    Verb("unmute", "end that early", set_notifications, takes="<job or task>", least=0),
    Verb("mentions", "mention you where it concerns you, or never", set_notifications, takes="on|off"),
    Verb(
        "quiet",
        "hours of each day in which this channel hears nothing; `off` ends them",
        set_notifications,
        takes="22:00-07:00",
        least=0,
        most=3,
        keys={"zone": "Europe/Berlin"},
    ),
    Verb(
        "digest",
        "once a day what runs, ended and waits",
        set_notifications,
        takes="now|off",
        least=0,
        keys={"at": "09:00", "zone": "Europe/Berlin", "empty": "skip|say"},
    ),
)

COMMANDS: Final = {"/eval": EVAL, "/rft": RFT, "/proctor": PROCTOR}
