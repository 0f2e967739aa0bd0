"""The help: what people come for, task by task, and each command with an example that works here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from handlers.evals.form import OPEN as NEW_EVAL
from handlers.jobs.launch import OPEN as LAUNCH
from handlers.slack.blocks import Block, Message, actions, button, context, escape, section, sections
from handlers.slack.commands import ALIKE_VERBS, Verb
from handlers.slack.forms import window
from jobs.core.errors import NotFound
from jobs.core.nearest import nearest, quoted

SHOW: Final = "show_help"
"""What the action ids of buttons that open a topic begin with; their value is its name, or nothing for all."""
CONTROLS: Final = re.compile(rf"^{SHOW}:")
WINDOW: Final = "help"
OPTIONAL: Final = re.compile(r" \[[^]]*]")
"""What may be left out of a usage."""
Commands = Mapping[str, Sequence[Verb]]
"""The verbs of each slash command."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What people come for, and the commands for it."""

    name: str
    title: str
    says: str
    verbs: Mapping[str, tuple[str, ...]]
    """Names of verbs, by slash command."""


TOPICS: Final = (
    Topic(
        "data",
        "Look at a task",
        "Are its graders, rows and labels fit for a launch?",
        {"/proctor": ("tasks", "task", "check", "dataset", "default")},
    ),
    Topic(
        "evals",
        "Evaluate models",
        "Which model, prompt or effort is better, and is there headroom to learn?",
        {"/eval": ("run", "variance", "compare", "list", "status", "show", "export", "cancel", "review", "schedule")},
    ),
    Topic(
        "jobs",
        "Tune a model",
        "Launch a job, watch its curves, stop it.",
        {
            "/rft": (
                *("launch", "list", "status", "details", "curve", "compare", "events", "samples", "sweep", "bundle"),
                *("watch", "unwatch", "pause", "resume", "cancel"),
            ),
            "/proctor": ("platforms",),
        },
    ),
    Topic(
        "approvals",
        "Put a model into production",
        "Choose a checkpoint, approve it, go back if it does worse.",
        {"/rft": ("checkpoints",), "/proctor": ("approvals", "alias", "audit")},
    ),
    Topic(
        "quiet",
        "Hear less, or more",
        "Mentions, mutes, quiet hours and the daily digest.",
        {"/proctor": ("mute", "unmute", "mentions", "quiet", "digest", "help", "doctor")},
    ),
)


def overview_message() -> Message:
    """Return what the bot can do: one line and one button for each topic."""
    opening = "I evaluate models, launch reinforcement fine-tuning jobs, watch them, and take your team's approval."
    blocks: list[Block] = [section(opening)]
    blocks += [
        section(f"*{topic.title}*\n{topic.says}", accessory=button("Show", f"{SHOW}:{topic.name}", topic.name))
        for topic in TOPICS
    ]
    blocks.append(
        context(
            "`/proctor help launch` explains one command. To use a file as a data set, post it and choose "
            '"Use as data set" in the menu of its message; "Import as task" takes what you exported elsewhere.'
        )
    )
    names = ", ".join(topic.title.lower() for topic in TOPICS)
    return Message(f"{opening} Topics: {names}.", tuple(blocks))


def ways_to_begin(block_id: str) -> Block:
    """Return the buttons with which everybody begins."""
    return actions(
        button("Launch a job", LAUNCH, "", style="primary"),
        button("New eval", NEW_EVAL, ""),
        button("How it works", f"{SHOW}:", ""),
        block_id=block_id,
    )


def topic_window(name: str, commands: Commands) -> Block:
    """Return a view of one topic with its commands; of all of them without a name."""
    topics = [each for each in TOPICS if each.name == name] or TOPICS
    blocks = [block for topic in topics for block in sections(_lines(topic, commands))]
    return window(WINDOW, *blocks, title=topics[0].title if len(topics) == 1 else "How it works")


def topic_or_verb_message(word: str, commands: Commands, examples: Mapping[str, str]) -> Message:
    """Return a topic with its commands, or every command whose verb is `word`.

    Args:
        word: as typed, such as `launch`, `/rft launch` or `evals`.
        commands: what there is.
        examples: what stands here for a placeholder such as `<task>`.

    Raises:
        NotFound: there is neither; names the nearest.
    """
    wanted = word.lower().split("/")[-1].split()[-1] if word.strip("/ ") else word
    topic = next((each for each in TOPICS if each.name == wanted), None)
    if topic:
        more = f"`{escape('/proctor help <command>')}` shows what one takes, with an example."
        return Message(f"{topic.title}: {topic.says}", sections([*_lines(topic, commands), more]))
    found = [(slash, verb) for slash, verbs in commands.items() for verb in verbs if verb.name == wanted]
    if not found:
        names = [*(each.name for each in TOPICS), *(verb.name for verbs in commands.values() for verb in verbs)]
        raise NotFound(f"There is no help on {quoted(word)}; {nearest(wanted, names, alike=ALIKE_VERBS)}")
    lines = [line for slash, verb in found for line in _explained(slash, verb, examples)]
    return Message("; ".join(f"{slash} {verb.name}: {verb.does}" for slash, verb in found), sections(lines))


def _lines(topic: Topic, commands: Commands) -> list[str]:
    known = {(slash, verb.name): verb for slash, verbs in commands.items() for verb in verbs}
    named = [(slash, known[slash, name]) for slash, names in topic.verbs.items() for name in names]
    return [f"*{topic.title}*", topic.says, *(_line(slash, verb) for slash, verb in named)]


def _line(slash: str, verb: Verb) -> str:
    return f"`{escape(f'{slash} {verb.usage}')}`  {verb.does}"


def _explained(slash: str, verb: Verb, examples: Mapping[str, str]) -> list[str]:
    lines = [f"*`{escape(f'{slash} {verb.usage}')}`*", f"{verb.does[0].upper()}{verb.does[1:]}."]
    if verb.options:
        lines.append(f"May take: `{escape(verb.options)}`")
    if verb.form:
        lines.append(f"Without its keys, `{slash} {verb.name}` opens a form.")
    example = OPTIONAL.sub("", f"{slash} {verb.usage}")
    for placeholder, real in examples.items():
        example = example.replace(placeholder, real)
    is_whole = example != f"{slash} {verb.name}" or not (verb.takes or verb.keys)
    if is_whole and "<" not in example and "|" not in example:
        lines.append(f"For example: `{example}`")
    return lines
