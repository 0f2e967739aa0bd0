"""Writes docs/practice.md: the way from data to production, told by a real run of the bundled task in the demo.

    python -m tests.story.practice_page        about 5 minutes; training is seeded, the answers of evals are sampled

Every command on the page was typed, every sentence and picture came from the bot. Ids differ from run to run; the page
calls them by their order.
"""

import asyncio
import io
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill, indent
from typing import Final

import aiohttp
from PIL import Image

from local.slack.seed_data import BOT_TOKEN, TEAM_ID
from tests.reliability.running_demo import demo
from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, pictures, said

DOCS: Final = Path(__file__).parents[2] / "docs"
PICTURES: Final = DOCS / "practice"
WIDTH: Final = 760
COLOURS: Final = 48
"""A chart has few; a picture of so many has a third of the bytes."""
MOST_SAID: Final = 240
MOST_ALT: Final = 160
PAGE_WIDTH: Final = 120
TASK: Final = "eurovoc"
SEED: Final = 42
SHORT_PROMPT: Final = "Name the EuroVoc domains of the text.\n"
TOKEN: Final = "token-of-the-page"
START_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 300.0
_ID: Final = re.compile(r"\b(rft|eval|sched)-[a-z0-9]{6}\b")
_MARKUP: Final = re.compile(r"<!date\^[0-9]+\^[^|]*\|[^>]*>|<(?:@|#|!subteam\^)?[^|>]*\|([^>]*)>|<@?([^>]*)>")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: why it is taken, what is typed, what the bot says, and its picture."""

    title: str
    why: str
    command: str
    said: str
    picture: Path | None
    alt: str


@dataclass
class Page:
    """The page as it grows."""

    workspace: Workspace
    steps: list[Step] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Id to what the page calls it."""

    async def add(
        self, title: str, why: str, command: str, message: Json, *, says: str = "", picture_of: Json | None = None
    ) -> None:
        """Add a step with the message that answers it, its picture or another's; of its lines, the one with `says`."""
        picture, alt = None, ""
        if found := pictures(picture_of or message):
            alt = _sentences(self.plain(str(found[0]["alt_text"])), MOST_ALT)
            picture = PICTURES / f"{len(self.steps) + 1}.png"
            picture.write_bytes(small(await self._bytes(str(found[0]["slack_file"]["id"]))))
        self.steps.append(Step(title, why, self.plain(command), self._quote(message, says), picture, alt))

    def plain(self, text: str) -> str:
        """Return a text without Slack's markup, with the page's names for ids."""
        text = text.replace("<@U0BOB0001>", "@bob")
        text = _MARKUP.sub(lambda found: found[1] or found[2] or "then", text)
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("*", "")
        return _ID.sub(self._named, text)

    def _named(self, found: re.Match[str]) -> str:
        kinds = [name for name in self.names.values() if name.startswith(f"{found[1]}-")]
        return self.names.setdefault(found[0], f"{found[1]}-{len(kinds) + 1}")

    def _quote(self, message: Json, says: str) -> str:
        texts = [
            block["text"]["text"]
            for block in message.get("blocks") or []
            if "text" in block and block["type"] == "section"
        ]
        lines = [line for text in texts or [message["text"]] for line in self.plain(text).splitlines() if line.strip()]
        return _sentences(next((line for line in lines if says in line), lines[0]), MOST_SAID)

    async def _bytes(self, file_id: str) -> bytes:
        url = f"{self.workspace.url}/files-pri/{TEAM_ID}-{file_id}/picture.png"
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        async with self.workspace.session.get(url, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.read()


def _sentences(text: str, most: int) -> str:
    """Return the first sentences of a text, at least one, and no more than about so many characters."""
    first, *others = re.split(r"(?<=[.?]) (?=[A-Z`])", text.partition("\n")[0])
    for each in others:
        if len(first) + len(each) > most:
            break
        first += f" {each}"
    return first


def small(picture: bytes) -> bytes:
    """Return a picture as wide as the page, in few colours."""
    with Image.open(io.BytesIO(picture)) as image:
        height = round(image.height * WIDTH / image.width)
        reduced = (
            image.convert("RGB")
            .resize((WIDTH, height), Image.Resampling.LANCZOS)
            .quantize(COLOURS, dither=Image.Dither.NONE)
        )
    content = io.BytesIO()
    reduced.save(content, "PNG", optimize=True)
    return content.getvalue()


# -- what people do ---------------------------------------------------------------------------------------------------


async def seen(look: Callable[[], Awaitable[Json | None]], what: str) -> Json:
    """Wait, for as long as training and evidence take, for something to be seen."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await eventually(look, what)
            except AssertionError:
                continue


async def answer_to(workspace: Workspace, user: str, command: str, words: str = "") -> Json:
    """Type a command as a person, and return the answer that only they see."""
    slash, _, text = command.partition(" ")
    known = len(await workspace.whispers(user))
    await workspace.type_command(user, slash, text)

    async def look() -> Json | None:
        found: list[Json] = (await workspace._get(f"ephemerals/{user}"))["ephemerals"]
        return next((each for each in found[known:] if words in said(each)), None)

    return await seen(look, f"the answer to {command}")


async def in_channel(workspace: Workspace, *words: str) -> Json:
    """Wait for a message in the channel that says all these words."""

    async def look() -> Json | None:
        return next((each for each in await workspace.channel() if all(word in said(each) for word in words)), None)

    return await seen(look, f"{words} in the channel")


async def in_thread_of(workspace: Workspace, subject: str, *words: str) -> Json:
    """Wait for a reply in the thread of a job or eval that says all these words."""

    async def look() -> Json | None:
        messages = await workspace.messages()
        roots = {each["ts"] for each in messages if not in_thread(each) and subject in said(each)}
        own = (each for each in messages if in_thread(each) and each["thread_ts"] in roots)
        return next((each for each in own if all(word in said(each) for word in words)), None)

    return await seen(look, f"{words} in the thread of {subject}")


async def launched(workspace: Workspace, command: str) -> tuple[str, Json]:
    """Launch a job; return its id and the answer."""
    told = await answer_to(workspace, "alice", command, "Launching")
    return _id_in(told, "rft"), told


async def approved(workspace: Workspace, job: str) -> Json:
    """Have bob and carol approve the job's best checkpoint, and return the summary then."""
    summary = await in_thread_of(workspace, job, "approve_checkpoint")
    best = re.search(r"\bstep [0-9]+", str(pictures(summary)[0]["alt_text"]), re.IGNORECASE)
    for user in ("bob", "carol"):
        labels = [block["accessory"]["text"]["text"].lower() for block in summary["blocks"] if "accessory" in block]
        place = next((n for n, label in enumerate(labels) if best and best[0].lower() in label), 0)
        await workspace.click(user, summary, buttons(summary, "approve_checkpoint")[place])
        form = await eventually(partial(workspace.form_of, user), f"the form for {user}")
        boxes = [block for block in form["blocks"] if str(block.get("block_id")).startswith("override:")]
        aside = {block["block_id"]: block["element"]["options"][0]["value"] for block in boxes}
        await workspace.fill(user, {**aside, "reason": "read ten answers"})
        summary = await in_thread_of(workspace, job, "1 of 2" if user == "bob" else "move_alias")
    return summary


async def moved(workspace: Workspace, job: str, summary: Json) -> Json:
    """Have bob point the alias at what was approved, and return the line in the thread."""
    await workspace.click("bob", summary, buttons(summary, "move_alias")[0])
    await eventually(partial(workspace.form_of, "bob"), "the form")
    await workspace.fill("bob", {"reason": "better than the base"})
    return await in_thread_of(workspace, job, f"moved {TASK}@production")


async def tell(page: Page) -> None:
    """Go the whole way."""
    workspace = page.workspace
    command = f"/proctor check {TASK}"
    await page.add(
        "Check the task",
        "Before anything is asked or paid: the rows, the graders, what an empty answer would earn.",
        command,
        await answer_to(workspace, "alice", command, "Check of"),
    )
    command = f"/proctor dataset balance task={TASK} seed={SEED}"
    await page.add(
        "Balance the labels",
        "A label that comes several times as often is what training will be about. Balancing draws a new version of "
        "the task as even as the rows allow; this walk goes on with the task as it is.",
        command,
        await answer_to(workspace, "alice", command, "image"),
    )
    command = f"/eval run task={TASK} prompt=v1,v2 runs=3"
    prompts = await answer_to(workspace, "alice", command, "Starting")
    await page.add(
        "Which prompt?",
        "Before a model is tuned, the cheap things are tried: here a prompt of one line (v2) against the long one. Of "
        "two that cannot be told apart, the shorter one wins.",
        command,
        await in_thread_of(workspace, _id_in(prompts), "Result of"),
    )
    command = f"/eval variance task={TASK}"
    study = await answer_to(workspace, "alice", command, "Starting")
    await page.add(
        "Is there anything to learn?",
        "Nine answers to each item. Where the best is better than the mean, training can pull the mean up; where all "
        "nine are alike, the item teaches nothing.",
        command,
        await in_thread_of(workspace, _id_in(study), "Result of"),
    )
    command = f"/rft launch task={TASK} seed={SEED}"
    first, told = await launched(workspace, command)
    summary = await in_thread_of(workspace, first, "approve_checkpoint")
    await page.add(
        "Launch",
        "Every split and grader that evidence will need is tried first; what it costs, and when it pays, is said. Its "
        "card is edited as it moves, here to the end.",
        command,
        told,
        picture_of=await in_thread_of(workspace, first, "Reward curve of"),
    )
    await page.add(
        "Watch",
        "One card, one thread. A rule that holds posts the picture of what it looks at; *Why?* shows its numbers, and "
        "*Details* how the job was run.",
        f"/rft status {first}",
        await in_thread_of(workspace, first, "explain_alert", "verfitting"),
    )
    await page.add(
        "Choose on evidence",
        "Every checkpoint answers the validation split, and the held-out test split once, as the base does.",
        f"/rft checkpoints {first}",
        summary,
    )
    await workspace.click("bob", summary, buttons(summary, "act_on_eval:train")[0])
    await page.add(
        "Before and after",
        "The base and the best checkpoint, item by item, on validation in the summary and on the training items behind "
        "its button: did training pull the mean up to the best, or find what the base never found?",
        f"/eval run task={TASK} split=train model=local-policy-1,&lt;checkpoint&gt; runs=3",
        await workspace.reply_with("Before and after on train, "),
        says="Before and after on train, ",
    )
    line = await moved(workspace, first, await approved(workspace, first))
    model = await _production(workspace)
    compared = f"/eval run task={TASK} model=local-policy-1,{model} runs=3"
    result = await answer_to(workspace, "alice", compared, "Starting")
    await page.add(
        "Approve, and move the alias",
        "Two approvers, each with a reason; then the alias. Production asks for the alias and gets everything that a "
        "call needs to match training: [`client.py`](client.py) is a whole client. The picture is an eval of "
        "production and its base.",
        f"python -m bot.cli alias get {TASK}@production --json",
        line,
        picture_of=await in_thread_of(workspace, _id_in(result), "Result of"),
    )
    second, again = await launched(workspace, f"/rft launch task={TASK} seed={SEED + 1}")
    await in_thread_of(workspace, second, "approve_checkpoint")
    command = f"/rft compare {first} {second}"
    alike = next(line for line in page.plain(str(again["text"])).splitlines() if "Launching" in line)
    await page.add(
        "How much was luck?",
        f"*Launch again* with another seed says what it changes: \u201c{alike.partition('. ')[0]}\u201d. Two jobs in "
        "one picture show what a seed is worth.",
        command,
        await answer_to(workspace, "alice", command, "image"),
    )
    command = f"/rft sweep task={TASK} items=45,90,180 seeds=1"
    await answer_to(workspace, "alice", command, "Launching")
    await page.add(
        "Does more data pay?",
        "Jobs on growing parts of the training items, and what more of them would bring.",
        command,
        await in_channel(workspace, "Does more data pay?", "image"),
    )
    command = f"/rft checkpoints {second}"
    await page.add(
        "The next one, against production",
        "From now on evidence compares with what the alias points at.",
        command,
        await answer_to(workspace, "alice", command, "image"),
        says=f"{TASK}@production",
    )
    command = f"/eval schedule task={TASK} model={TASK}@production every=1w"
    told = await answer_to(workspace, "alice", command, "measures")
    measured = await in_thread_of(workspace, _id_in(told, "sched"), "has every figure")
    await page.add(
        "Every week",
        "What serves a model can change without anybody's doing. A schedule measures production again, the first time "
        "at once, and tells the channel when it has become worse, beyond luck.",
        command,
        measured,
        picture_of=await answer_to(workspace, "alice", f"/eval show {_id_in(measured)}", "image"),
    )


async def _production(workspace: Workspace) -> str:
    """Return the model that the alias points at."""
    told = await answer_to(workspace, "dave", f"/proctor alias {TASK}@production", "Model `")
    return str(told["text"]).partition("Model `")[2].partition("`")[0]


def _id_in(message: Json, kind: str = "eval") -> str:
    """Return the first id of a kind that a message names."""
    found = re.search(rf"\b{kind}-[a-z0-9]{{6}}\b", said(message))
    assert found is not None
    return found[0]


# -- the page ---------------------------------------------------------------------------------------------------------


def written(steps: list[Step]) -> str:
    """Return the page as Markdown."""
    opening = (
        "The whole practice, a command and a picture for each step. Every command was typed in the demo (`make demo`), "
        f"and every sentence and picture came from the bot: a run of [`tasks/{TASK}`](../tasks/{TASK}) on the local "
        "platform, written down by `python -m tests.story.practice_page`. Ids are numbered in the order of their "
        "coming."
    )
    parts = ["# From data to production\n", f"{fill(opening, PAGE_WIDTH)}\n"]
    for number, step in enumerate(steps, start=1):
        parts.append(f"## {number}. {step.title}\n")
        parts.append(f"{fill(step.why, PAGE_WIDTH)}\n\n```\n{step.command}\n```\n")
        parts.append(indent(fill(step.said, PAGE_WIDTH - 2), "> ") + "\n")
        if step.picture:
            alt = step.alt.replace("[", "(").replace("]", ")")
            parts.append(f"![{alt}](practice/{step.picture.name})\n")
    return "\n".join(parts)


@asynccontextmanager
async def workspace_of_a_demo(home: Path) -> AsyncIterator[Workspace]:
    """Yield the workspace of a demo that runs until the context ends."""
    tasks = home / "tasks"
    shutil.copytree(DOCS.parent / "tasks", tasks)
    (tasks / TASK / "prompts" / "v2.md").write_text(SHORT_PROMPT, "utf-8")
    default = tasks / TASK / "task.yaml"
    default.write_text(f"prompt: v1\n{default.read_text('utf-8')}", "utf-8")
    running = demo(home, bots="1", pace="0", CARD_SECONDS="1", ALIAS_TOKEN=TOKEN, PROCTOR_TASKS=str(tasks))
    async with running, aiohttp.ClientSession() as session:
        async with asyncio.timeout(START_SECONDS):
            while not (home / "run.json").exists():  # noqa: ASYNC110  # written by another process
                await asyncio.sleep(0.2)
        workspace = Workspace(json.loads((home / "run.json").read_text())["page"], session)
        await workspace.hears_the_bot()
        yield workspace


async def _main() -> int:
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as home:
        async with workspace_of_a_demo(Path(home)) as workspace:
            page = Page(workspace)
            await tell(page)
    (DOCS / "practice.md").write_text(written(page.steps), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
