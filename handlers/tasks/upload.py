"""A data set uploaded in Slack: the shortcut on its message, the form that asks what it is for, and the answer."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from charts import LabelCount, LabelDistribution, describe
from handlers.slack.blocks import Block, Message, context, escape, header, image, plain, section
from handlers.slack.files import SlackFile, download, files_of, look_up
from handlers.slack.forms import Choice, open_form, select
from handlers.slack.images import Pictures
from handlers.slack.people import People
from jobs.core.errors import BotError, NotFound
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.uploads import Ingested, Upload, check_size, ingest

SHORTCUT: Final = "use_as_data_set"
FORM: Final = "data_set"
TASK: Final = "task"
SPLIT: Final = "split"
FILE: Final = "file"
SPLITS: Final = ("train", "valid", "test", "pool")
KIB: Final = 1024
ONCE: Final = 3600.0
"""Seconds in which the same form, delivered again, makes no second version."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a submitted form asks for: a file's id, what it is for, and where the answer goes."""

    file: str
    task: str
    split: str
    channel: str
    thread: str | None
    """Where the message stands in one; the person who used the shortcut looks at it."""
    user: str


class Intake:
    """Takes submitted forms, one file at a time: a large one fills a good part of a small machine's memory."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)

    async def take(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        view: dict[str, Any],
        client: AsyncWebClient,
        tasks: TaskCatalogue,
        pictures: Pictures,
        store: Store,
    ) -> None:
        """Make a new version of the task with the file, and tell who asked what it came to."""
        await ack()
        if await store.reserve(f"upload:{view['id']}", interval=ONCE):
            return
        asked = read_form(view, user=str(body["user"]["id"]))
        try:
            file = await look_up(client, asked.file)
            await tell(client, asked, Message(reading(file, asked)))
            async with self._one_at_a_time:
                content = await download(client, file)
                upload = Upload(asked.task, asked.split, file.name, content)
                made = await asyncio.to_thread(ingest, tasks, upload)
        except BotError as problem:
            # A form belongs to no channel, so the boundary would answer in a direct message; this one came from one.
            await tell(client, asked, Message(escape(str(problem))))
            return
        chart = label_chart(made)
        picture = await pictures.file_of(chart, f"labels-{made.task}") if chart else None
        await tell(client, asked, made_message(made, chart, picture))


def register(app: AsyncApp) -> None:
    """Listen to the message shortcut and its form."""
    app.message_shortcut(SHORTCUT)(ask_what_for)
    app.view(FORM)(Intake().take)


async def ask_what_for(
    ack: AsyncAck,
    body: dict[str, Any],
    client: AsyncWebClient,
    people: People,
    tasks: TaskCatalogue,
) -> None:
    """Open the form that asks for the task and the split; a message without a usable file is answered in words."""
    await ack()
    channel = str(body["channel"]["id"])
    await people.require_membership(channel)
    files = files_of(body["message"])
    if len(files) == 1:
        check_size(files[0].size or 0, files[0].name)
    names = await asyncio.to_thread(tasks.names)
    if not names:
        raise NotFound("There is no task yet that the file could be for. A task is a folder with a task.yaml.")
    await open_form(client, str(body["trigger_id"]), form(files, names, channel, thread_of(body["message"])))


def form(files: Sequence[SlackFile], tasks: Sequence[str], channel: str, thread: str | None = None) -> Block:
    """Return the form that asks what a file is for, and which file where there are several.

    Args:
        files: of the message, one at least.
        tasks: names to choose from.
        channel: where the answer goes.
        thread: the thread in it, where the message stands in one.
    """
    only = files[0] if len(files) == 1 else None
    choices = [Choice(name, name) for name in tasks]
    what = (
        section(f"*{escape(only.name)}*, {size_of(only)}")
        if only
        else select("File", FILE, [_choice(f) for f in files])
    )
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": json.dumps({"channel": channel, "thread": thread, "file": only.id if only else None}),
        "title": plain("Use as data set", 24),
        "submit": plain("Make a version", 24),
        "close": plain("Back", 24),
        "blocks": [
            what,
            select("Task", TASK, choices, chosen=choices[0] if len(choices) == 1 else None),
            select(
                "Split",
                SPLIT,
                [Choice(name, name) for name in SPLITS],
                chosen=_split_of(only),
                hint="The new version has this file in its place; its other splits are those of the task.",
            ),
            context("JSONL or CSV in UTF-8. The task itself stays as it is, and nothing in the file is executed."),
        ],
    }


def read_form(view: dict[str, Any], user: str) -> Asked:
    """Return what a submitted form asks for."""
    remembered = json.loads(str(view["private_metadata"]))
    values = view["state"]["values"]

    def chosen(name: str) -> str:
        return str(values[name][name]["selected_option"]["value"])

    return Asked(
        file=str(remembered["file"] or chosen(FILE)),
        task=chosen(TASK),
        split=chosen(SPLIT),
        channel=str(remembered["channel"]),
        thread=remembered["thread"],
        user=user,
    )


def reading(file: SlackFile, asked: Asked) -> str:
    """Return what is said while a file is read; it holds also where no answer follows."""
    return (
        f"Reading *{escape(file.name)}* ({size_of(file)}) as {asked.split} of `{asked.task}`. If no answer follows, I "
        "was restarted: see in `/proctor tasks` whether the new version is there, and if not, use the shortcut again."
    )


def label_chart(made: Ingested) -> LabelDistribution | None:
    """Return the picture of how often each label comes; None where no label comes twice, as with free texts."""
    most, least = max(made.labels.values(), default=0), min(made.labels.values(), default=0)
    if most < 2:
        return None
    return LabelDistribution(
        title=f"The most frequent label comes {most:,} times, the rarest {least:,}",
        labels=tuple(LabelCount(label, count) for label, count in made.labels.items()),
        subtitle=f"{made.task} · {made.split} split, {made.rows:,} rows",
    )


def made_message(made: Ingested, chart: LabelDistribution | None, picture: str | None) -> Message:
    """Return what was made of a file, with its labels."""
    blocks = [header(made.title), section(escape(made.sentence))]
    if chart and picture:
        blocks.append(image(picture, describe(chart), f"Labels of the {made.split} split"))
    blocks.append(context(f"{made.source} is as it was. `/proctor check {made.task}` looks at the new one."))
    return Message(escape(made.sentence), tuple(blocks))


async def tell(client: AsyncWebClient, asked: Asked, message: Message) -> None:
    """Show a message to the person who asked, where they did."""
    await client.chat_postEphemeral(
        channel=asked.channel,
        user=asked.user,
        thread_ts=asked.thread,
        text=message.text,
        blocks=list(message.blocks) or None,
    )


def thread_of(message: Mapping[str, Any]) -> str | None:
    """Return the thread a message is seen in; None for what the channel itself shows, broadcasts among them."""
    thread = message.get("thread_ts")
    seen_in_thread = thread and thread != message.get("ts") and message.get("subtype") != "thread_broadcast"
    return str(thread) if seen_in_thread else None


def size_of(file: SlackFile) -> str:
    """Return a file's size for people."""
    if file.size is None:
        return "size unknown"
    if file.size < KIB:
        return f"{file.size} bytes"
    return f"{file.size / KIB:.1f} KiB" if file.size < KIB * KIB else f"{file.size / KIB / KIB:.1f} MiB"


def _choice(file: SlackFile) -> Choice:
    return Choice(f"{file.name[:50]}, {size_of(file)}", file.id)


def _split_of(file: SlackFile | None) -> Choice | None:
    """A file called valid.jsonl is most likely the split of that name."""
    stem = file.name.rpartition(".")[0].lower() if file else ""
    return Choice(stem, stem) if stem in SPLITS else None
