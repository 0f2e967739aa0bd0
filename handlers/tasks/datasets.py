"""New versions of a task's data: balanced by `/proctor dataset`, or uploaded with the shortcut on a message."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from charts import LabelCount, LabelDistribution, describe
from charts.wording import file_size
from handlers.slack.blocks import Block, Message, context, escape, header, image, section
from handlers.slack.files import SlackFile, download, files_of, look_up
from handlers.slack.forms import Choice, modal, read_fields, select
from handlers.slack.images import Pictures
from handlers.slack.listeners import Listeners
from handlers.slack.people import People
from handlers.slack.replies import Asker, whisper
from handlers.tasks.check import label_frequencies
from jobs.core.errors import BotError, InvalidRequest, NotFound
from jobs.core.hyperparameters import read_seed, read_whole
from jobs.core.nearest import nearest
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.balancing import Balanced, BalanceRequest, read_ratio
from jobs.tasks.datasets.uploads import Ingested, Upload, check_size, ingest

ACTIONS: Final = ("balance",)
LARGEST: Final = 51_000
SHORTCUT: Final = "use_as_data_set"
FORM: Final = "data_set"
TASK: Final = "task"
SPLIT: Final = "split"
FILE: Final = "file"
SPLITS: Final = ("train", "valid", "test", "pool")


# -- balanced ---------------------------------------------------------------------------------------------------------


def read_balance(word: str, given: Mapping[str, str]) -> BalanceRequest:
    """Return the balanced version that was asked for; raises InvalidRequest in a sentence."""
    if word not in ACTIONS:
        raise InvalidRequest(f"`/proctor dataset` cannot '{word}'; {nearest(word, ACTIONS)}")
    train, valid = read_ratio(given.get("split", "2:1"))
    return BalanceRequest(
        task=given["task"],
        size=read_whole("size", given.get("size", "150"), 2, LARGEST),
        train_parts=train,
        valid_parts=valid,
        seed=read_seed(given.get("seed", "0")),
        pool=given.get("pool"),
    )


def balance_chart(made: Balanced) -> LabelDistribution:
    """Return the picture of the labels before and after."""
    return LabelDistribution(
        title=f"{made.task}: {made.rows['train'] + made.rows['valid']:,} of {made.pool_rows:,} rows",
        labels=tuple(LabelCount(label, made.after.get(label, 0), count) for label, count in made.before.items()),
        subtitle=f"drawn from {made.source}, seed {made.seed}",
        now="drawn",
        then="pool",
    )


def balance_message(made: Balanced, file: str | None) -> Message:
    """Return what was made, with the labels before and after."""
    return _version(made, balance_chart(made), file, "Labels before and after")


def _version(made: Balanced | Ingested, chart: LabelDistribution | None, file: str | None, caption: str) -> Message:
    blocks = [header(made.title), section(escape(made.sentence))]
    if chart and file:
        blocks.append(image(file, describe(chart), caption))
    blocks.append(context(f"{made.source} is as it was. `/proctor check {made.task}` looks at the new one."))
    return Message(escape(made.sentence), tuple(blocks))


# -- uploaded ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What a submitted form asks for."""

    file: str
    """Its id in Slack."""
    task: str
    split: str
    channel: str
    """Where the answer goes."""
    thread: str | None
    """The thread in it, if the message stands in one."""
    user: str


def register(listeners: Listeners) -> None:
    """Listen to the message shortcut and its form."""
    listeners.shortcut_opens_form(SHORTCUT, ask_what_for)
    listeners.form(FORM, UploadForms().take)


class UploadForms:
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
        again: bool,
    ) -> None:
        """Make a new version of the task with the file, and tell the person who asked the result."""
        await ack()
        asked = read_form(view, user=str(body["user"]["id"]))
        try:
            file = await look_up(client, asked.file)
            if not again:
                await _tell(client, asked, Message(_reading(file, asked)))
            async with self._one_at_a_time:
                content = await download(client, file)
                upload = Upload(asked.task, asked.split, file.name, content)
                made = await asyncio.to_thread(ingest, tasks, upload)
        except BotError as problem:
            # A form belongs to no channel, so the boundary would answer in a direct message; this one came from one.
            await _tell(client, asked, Message(escape(str(problem))))
            return
        chart = label_chart(made)
        picture = await pictures.file_of(chart, f"labels-{made.task}") if chart else None
        await _tell(client, asked, upload_message(made, chart, picture))


async def ask_what_for(body: dict[str, Any], asker: Asker, people: People, tasks: TaskCatalogue) -> Block:
    """Return the form that asks for the task and the split; a message without a usable file is answered in words."""
    await people.require_membership(asker.channel)
    files = files_of(body["message"])
    if len(files) == 1:
        check_size(files[0].size or 0, files[0].name)
    names = await asyncio.to_thread(tasks.names)
    if not names:
        raise NotFound("There is no task yet that the file could be for. A task is a folder with a task.yaml.")
    return form(files, names, asker.channel, thread_of(body["message"]))


def form(files: Sequence[SlackFile], tasks: Sequence[str], channel: str, thread: str | None = None) -> Block:
    """Return the form that asks what a file is for, and which file if the message has several.

    Args:
        files: of the message, at least one.
        tasks: names to choose from.
        channel: where the answer goes.
        thread: the thread in it, if the message stands in one.
    """
    only = files[0] if len(files) == 1 else None
    choices = [Choice(name, name) for name in tasks]
    files_to_choose = [Choice(f"{file.name[:50]}, {size_of(file)}", file.id) for file in files]
    blocks = [
        section(f"*{escape(only.name)}*, {size_of(only)}") if only else select("File", FILE, files_to_choose),
        select("Task", TASK, choices, chosen=choices[0] if len(choices) == 1 else None),
        select(
            "Split",
            SPLIT,
            [Choice(name, name) for name in SPLITS],
            chosen=_split_of(only),
            hint="The new version has this file in its place; its other splits are those of the task.",
        ),
        context("JSONL or CSV in UTF-8. The task itself stays as it is, and nothing in the file is executed."),
    ]
    remembered = json.dumps({"channel": channel, "thread": thread, "file": only.id if only else None})
    return modal(FORM, "Use as data set", "Make a version", blocks, remembered)


def read_form(view: dict[str, Any], user: str) -> UploadRequest:
    """Return what a submitted form asks for."""
    remembered = json.loads(str(view["private_metadata"]))
    values = read_fields(view)
    return UploadRequest(
        file=str(remembered["file"] or values[FILE]),
        task=values[TASK],
        split=values[SPLIT],
        channel=str(remembered["channel"]),
        thread=remembered["thread"],
        user=user,
    )


def label_chart(made: Ingested) -> LabelDistribution | None:
    """Return the picture of how often each label comes; None if no label comes twice, as with free texts."""
    if max(made.labels.values(), default=0) < 2:
        return None
    return label_frequencies(made.labels, f"{made.task} · {made.split} split, {made.rows:,} rows")


def upload_message(made: Ingested, chart: LabelDistribution | None, picture: str | None) -> Message:
    """Return the version that was made of a file, with its labels."""
    return _version(made, chart, picture, f"Labels of the {made.split} split")


def thread_of(message: Mapping[str, Any]) -> str | None:
    """Return the thread a message is seen in; None for what the channel itself shows, broadcasts among them."""
    thread = message.get("thread_ts")
    seen_in_thread = thread and thread != message.get("ts") and message.get("subtype") != "thread_broadcast"
    return str(thread) if seen_in_thread else None


def size_of(file: SlackFile) -> str:
    """Return a file's size for people; Slack may not tell that of another workspace's file."""
    return "size unknown" if file.size is None else file_size(file.size)


def _reading(file: SlackFile, asked: UploadRequest) -> str:
    """Return what is said while a file is read."""
    return f"Reading *{escape(file.name)}* ({size_of(file)}) as {asked.split} of `{asked.task}`."


async def _tell(client: AsyncWebClient, asked: UploadRequest, message: Message) -> None:
    await whisper(client, message, asked.user, asked.channel, asked.thread)


def _split_of(file: SlackFile | None) -> Choice | None:
    """A file called valid.jsonl is most likely the split of that name."""
    stem = file.name.rpartition(".")[0].lower() if file else ""
    return Choice(stem, stem) if stem in SPLITS else None
