"""The shortcut that makes a task of exported files that a person posted, and the archive of a task that goes out."""

import asyncio
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.blocks import MOST_TEXT, Block, Message, context, cut, escape, header, section, sections
from handlers.slack.files import SlackFile, download, files_of, hand_over, look_up
from handlers.slack.forms import modal, read_fields, text_input
from handlers.slack.listeners import Listeners
from handlers.slack.people import People
from handlers.slack.replies import Asker, whisper
from handlers.tasks.datasets import size_of, thread_of
from jobs.core.errors import BotError, InvalidRequest
from jobs.evals.held_out import require_evidence_only
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.uploads import check_size
from jobs.tasks.imports.draft import ImportOptions
from jobs.tasks.imports.given import given_files
from jobs.tasks.imports.read import Imported, import_task
from jobs.tasks.promptfoo_export import Exported, export_to_promptfoo

SHORTCUT: Final = "import_as_task"
FORM: Final = "import_task"
FIELDS: Final = {
    "name": ("Name of the task", "Left empty, it is the export's own."),
    "input": ("Field that is the question (input)", "Only where the files do not say what a model is asked."),
    "reward": ("Grader that is the reward", "Only where there are several."),
    "pick": ("Eval or prompt", "Its name, where the files hold several."),
    "judge": ("Model that judges", "Only where the files name none for a rubric."),
}
"""The fields of the form, each of which may stay empty: label and hint."""
PROMPTFOO: Final = "promptfoo"
MOST_SHOWN: Final = 12
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a submitted form asks for."""

    files: tuple[str, ...]
    """Their ids in Slack."""
    options: ImportOptions
    channel: str
    thread: str | None
    user: str


def register(listeners: Listeners) -> None:
    """Listen to the message shortcut and its form."""
    listeners.shortcut_opens_form(SHORTCUT, ask_how)
    listeners.form(FORM, ImportForms().take)


class ImportForms:
    """Takes submitted forms, one at a time: exports fill a good part of a small machine's memory."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)

    async def take(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        view: dict[str, Any],
        client: AsyncWebClient,
        tasks: TaskCatalogue,
        again: bool,
    ) -> None:
        """Make a task of the files, and tell the person who asked what was carried over and what was not."""
        await ack()
        asked = read_form(view, user=str(body["user"]["id"]))
        tell = partial(whisper, client, user=asked.user, channel=asked.channel, thread=asked.thread)
        try:
            files = [await look_up(client, file) for file in asked.files]
            if not again:
                await tell(Message(f"Reading {_names(files)} for a new task."))
            async with self._one_at_a_time:
                contents = [(file.name, await download(client, file)) for file in files]
                made = await asyncio.to_thread(lambda: import_task(tasks.root, given_files(contents), asked.options))
        except BotError as problem:
            # A form belongs to no channel, so the boundary would answer in a direct message; this one came from one.
            await tell(Message(escape(str(problem))))
            return
        await tell(import_message(made))


async def ask_how(body: dict[str, Any], asker: Asker, people: People) -> Block:
    """Return the form that asks what the files may leave open; a message without usable files is answered in words."""
    await people.require_membership(asker.channel)
    files = files_of(body["message"])
    for file in files:
        check_size(file.size or 0, file.name)
    return form(files, asker.channel, thread_of(body["message"]))


def form(files: Sequence[SlackFile], channel: str, thread: str | None = None) -> Block:
    """Return the form for the files of a message, at least one; the answer goes to the channel, or the thread in it."""
    fields = [text_input(label, name, hint, _LONGEST, optional=True) for name, (label, hint) in FIELDS.items()]
    blocks = [
        section(f"*{_names(files)}*"),
        *fields,
        context("Evals, runs, items, training files, Promptfoo configs, or a zip of them. Nothing in it is executed."),
    ]
    remembered = json.dumps({"channel": channel, "thread": thread, "files": [file.id for file in files]})
    return modal(FORM, "Import as task", "Make a task", blocks, remembered)


def read_form(view: Mapping[str, Any], user: str) -> ImportRequest:
    """Return what a submitted form asks for."""
    remembered = json.loads(str(view["private_metadata"]))
    return ImportRequest(
        tuple(map(str, remembered["files"])),
        ImportOptions(**read_fields(view)),
        str(remembered["channel"]),
        remembered["thread"],
        user,
    )


def import_message(made: Imported) -> Message:
    """Return the task that was made, with what was changed on the way and what was left out, by name."""
    blocks: list[Block] = [header(made.title), section(escape(made.sentence))]
    blocks += _listed("Not carried over", made.left_out)
    blocks += _listed("Carried over in another form", made.changed)
    check, run = f"`/proctor check {made.task}` looks at it", f"`/eval run task={made.task} model=...` evaluates it"
    blocks.append(context(f"{check}, {run}. Its README.md lists all of this."))
    left_out = f" {len(made.left_out)} not carried over." if made.left_out else ""
    return Message(escape(f"{made.title}. {made.sentence}{left_out}"), tuple(blocks))


def _listed(title: str, said: Sequence[str]) -> tuple[Block, ...]:
    if not said:
        return ()
    more = [f"and {len(said) - MOST_SHOWN} more"] if len(said) > MOST_SHOWN else []
    lines = [f"\u2022 {escape(cut(each, 300))}" for each in [*said[:MOST_SHOWN], *more]]
    return sections([f"*{title}*", *lines])


def _names(files: Sequence[SlackFile]) -> str:
    return cut(", ".join(f"{escape(file.name)} ({size_of(file)})" for file in files), 1000)


async def hand_over_task(
    client: AsyncWebClient, user: str, tasks: TaskCatalogue, name: str, given: Mapping[str, str]
) -> str:
    """Put a task into a person's conversation with the bot, in the format that is given; return what to tell them.

    Its held-out items stay where they are.
    """
    if given["format"].lower() != PROMPTFOO:
        raise InvalidRequest(f"A task goes out as format={PROMPTFOO} only.")
    task, split = await asyncio.to_thread(tasks.load, name), given.get("split", "")
    require_evidence_only(task, split)
    exported = await asyncio.to_thread(export_to_promptfoo, tasks, task, split)
    left_out = "\n".join(f"\u2022 {escape(each)}" for each in exported.left_out)
    words = f"`{name}` as a Promptfoo project. Not carried over:\n{left_out}"
    await hand_over(client, user, f"{name}.zip", promptfoo_archive(name, exported), cut(words, MOST_TEXT))
    return f"`{name}` as a Promptfoo project is in your conversation with me."


def promptfoo_archive(name: str, exported: Exported) -> bytes:
    """Return a Promptfoo project as a zip archive with one folder, the same bytes each time."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, content in exported.files.items():
            packed.writestr(zipfile.ZipInfo(f"{name}/{file}"), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()
