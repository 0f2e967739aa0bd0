"""Reading a slash command: which verbs there are, which keys each takes, and what is wrong with what was typed."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from handlers.slack.blocks import escape
from jobs.core.errors import InvalidRequest
from jobs.core.hyperparameters import TYPED_KEYS
from jobs.core.nearest import nearest

TYPOGRAPHY: Final = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "}
)
"""Phones turn quotes into typographic ones; the person meant the plain ones."""


NUMBERS: Final = {0: "none", 1: "one", 2: "two"}


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing a command can do.

    Args:
        name: the word typed.
        does: what it does, for the help.
        takes: its one bare word, such as `balance`, or what that names, such as `<job>`; None where it takes none.
        keys: the `key=value` pairs it takes, each with an example or its values.
        needs: keys that must be given.
        most: how many bare words it takes at most.
        least: how many it takes at least, where it takes any.
        choices: words of which one may follow.
    """

    name: str
    does: str
    takes: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    most: int = 1
    least: int = 1
    choices: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """How it is typed, without the keys that may be left out."""
        needed = [f"{key}={self.keys[key]}" for key in self.needs]
        choices = [f"[{'|'.join(self.choices)}]"] if self.choices else []
        words = [self.takes] * self.least if self.least else [f"[{self.takes}]"]
        return " ".join([self.name, *(words if self.takes else []), *choices, *needed])

    @property
    def options(self) -> str:
        """The keys that may be left out, each with what it takes."""
        return " ".join(f"{key}={example}" for key, example in self.keys.items() if key not in self.needs)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was understood."""

    verb: str
    words: tuple[str, ...]
    """The bare words; empty where the verb takes none."""
    given: Mapping[str, str]

    @property
    def word(self) -> str:
        """The first bare word; empty where the verb takes none."""
        return self.words[0] if self.words else ""


LAUNCH_KEYS: Final[Mapping[str, str]] = {
    "task": "<task>",
    "model": "<base model>",
    "platform": "<platform>",
    **{key: "n" if key != "effort" else "low" for key in TYPED_KEYS},
    "seed": "n",
    "suffix": "<name>",
    "prompt": "<version>",
}

CURVE_WORDS: Final = ("rewards", "graders", "tokens", "timing", "errors", "all")
MOST_CURVES: Final = 5
"""More lines in one picture cannot be told apart."""

RFT: Final = (
    Verb("launch", "start a job", keys=LAUNCH_KEYS, needs=("task",)),
    Verb("list", "the newest jobs"),
    Verb("status", "where a job stands", takes="<job>"),
    Verb("curve", "its curves; without a further word, the rewards", takes="<job>", choices=CURVE_WORDS),
    Verb("compare", "the validation rewards of jobs, one over the other", takes="<job>", least=2, most=MOST_CURVES),
    Verb(
        "checkpoints",
        "its checkpoints, evaluated; the best for what you need first",
        takes="<job>",
        keys={"prefer": "precision|recall|f1|f2|cheapest", "again": "yes"},
    ),
    Verb("events", "what its platform says about it", takes="<job>"),
    Verb(
        "watch",
        "be told of a job; or watch one that was launched elsewhere",
        takes="<job or platform job id>",
        keys={"platform": "<platform>", "task": "<task>"},
    ),
    Verb("unwatch", "be told of it no more", takes="<job>"),
    Verb("pause", "stop after the step in hand, keeping a snapshot", takes="<job>"),
    Verb("resume", "go on from the snapshot", takes="<job>"),
    Verb("cancel", "stop for good", takes="<job>"),
)

EVAL_KEYS: Final[Mapping[str, str]] = {
    "task": "<task>",
    "model": "<model>,<model>",
    "split": "valid",
    "runs": "n",
    "effort": "low,high",
    "prompt": "<version>",
    "limit": "n",
    "platform": "<platform>",
    "budget": "<tokens>",
}
MOST_COMPARED: Final = 6
ALIKE_VERBS: Final = 0.6
"""Verbs are short: with less in common, a verb of another meaning would be proposed."""

EVAL: Final = (
    Verb("run", "ask one or more models, grade every answer", keys=EVAL_KEYS, needs=("task",)),
    Verb("variance", "is there headroom to learn: nine runs of each item", keys=EVAL_KEYS, needs=("task",)),
    Verb(
        "compare",
        "which is better, item by item: two evals or more",
        takes="<eval>",
        most=MOST_COMPARED,
    ),
    Verb("list", "the newest evals"),
    Verb("status", "how far an eval is", takes="<eval>"),
    Verb("show", "what it came to", takes="<eval>"),
    Verb("export", "its answers as Inspect logs, put into its thread", takes="<eval>"),
    Verb("cancel", "stop, keeping the answers so far", takes="<eval>"),
)

PROCTOR: Final = (
    Verb("help", "what I can do"),
    Verb("tasks", "the tasks there are"),
    Verb("task", "one task: its splits, graders and prompts", takes="<task>"),
    Verb("check", "is a task fit for a launch: graders, rows, labels, trivial answers", takes="<task>"),
    Verb(
        "dataset",
        "make a balanced version of a task, beside the old one",
        takes="balance",
        keys={"task": "<task>", "size": "150", "split": "2:1", "seed": "n", "pool": "<split>", "names": "<file>"},
        needs=("task",),
    ),
    Verb("platforms", "where jobs can run"),
    Verb(
        "alias",
        "where each alias points; with a name, its history; with `rollback` and a name, back to the model before",
        takes="<alias>",
        least=0,
        most=2,
        keys={"reason": '"<why>"', "emergency": "yes"},
    ),
    Verb(
        "audit",
        "who did what: all of it, or that of a task, job, alias or person; with `verify`, whether it is sound",
        takes="<task, job or person>",
        least=0,
        keys={"since": "7d", "format": "csv"},
    ),
    Verb("approvals", "what waits for approval, how long, and how many votes are missing"),
    Verb(
        "mute",
        "warnings and ends of this channel, a task or a job stay in their threads and mention nobody",
        takes="<job or task>",
        least=0,
        keys={"for": "4h", "until": "18:00"},
    ),
    Verb("unmute", "end that early", takes="<job or task>", least=0),
    Verb("mentions", "mention you where it concerns you, or never", takes="on|off"),
    Verb(
        "quiet",
        "hours of each day in which this channel hears nothing; `off` ends them",
        takes="22:00-07:00",
        least=0,
        most=3,
        keys={"zone": "Europe/Berlin"},
    ),
    Verb(
        "digest",
        "once a day what runs, ended and waits",
        takes="now|off",
        least=0,
        keys={"at": "09:00", "zone": "Europe/Berlin", "empty": "skip|say"},
    ),
)


def parse(command: str, text: str, verbs: tuple[Verb, ...]) -> Typed:
    """Read what was typed after a slash command.

    Args:
        command: the slash command itself, such as `/rft`, for the sentences.
        text: the rest of the line: shell-like words, `key=value` pairs in any order.
        verbs: what the command can do.

    Raises:
        InvalidRequest: in a sentence that names the word, and the nearest valid one.
    """
    words = _words(text)
    verb = _verb(command, words[0] if words else "", verbs)
    pairs = [word for word in words[1:] if "=" in word]
    bare = [word for word in words[1:] if "=" not in word]
    given: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        _check_key(command, verb, key, value, given)
        given[key] = value
    for key in verb.needs:
        if key not in given:
            spare = [word for word in bare if word != verb.takes]
            hint = f" Did you mean `{key}={spare[0]}`?" if spare else f" Write `{command} {verb.usage}`."
            raise InvalidRequest(f"`{command} {verb.name}` needs `{key}=`.{hint}")
    return Typed(verb.name, _bare(command, verb, bare), given)


def asks_for_help(text: str) -> bool:
    """Return whether what follows a slash command asks what it can do: nothing at all, or `help`."""
    return text.strip().lower() in {"", "help"}


def overview(command: str, verbs: tuple[Verb, ...]) -> str:
    """Return the verbs of a command as mrkdwn, one line each, and below it the keys a verb takes."""
    lines: list[str] = []
    for verb in verbs:
        lines.append(f"`{escape(f'{command} {verb.usage}')}`  {verb.does}")
        if verb.options:
            lines.append(f"      with `{escape(verb.options)}`")
    return "\n".join(lines)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text.translate(TYPOGRAPHY))
    except ValueError:
        raise InvalidRequest("A quotation mark is not closed. Close it, or leave both away.") from None


def _verb(command: str, word: str, verbs: tuple[Verb, ...]) -> Verb:
    for verb in verbs:
        if verb.name == word.lower():
            return verb
    names = tuple(verb.name for verb in verbs)
    if not word:
        raise InvalidRequest(f"Say what `{command}` should do: {', '.join(names)}. `/proctor help` explains them.")
    close = nearest(word, names, alike=ALIKE_VERBS)
    more = "" if close.endswith("?") else " `/proctor help` explains them."
    raise InvalidRequest(f"`{command}` cannot '{word}'; {close}{more}")


def _check_key(command: str, verb: Verb, key: str, value: str, given: Mapping[str, str]) -> None:
    if key not in verb.keys:
        what = f"`{command} {verb.name}` takes no '{key}='"
        raise InvalidRequest(f"{what}; {nearest(key, verb.keys)}" if verb.keys else f"{what}, nor any other key.")
    if key in given:
        raise InvalidRequest(f"'{key}=' is given twice; once is enough.")
    if not value:
        raise InvalidRequest(f"'{key}=' has no value. Write it without a space after the equals sign: `{key}=value`.")


def _bare(command: str, verb: Verb, bare: list[str]) -> tuple[str, ...]:
    if verb.takes is None:
        if bare:
            usage = f"`{command} {verb.usage}`"
            raise InvalidRequest(f"`{command} {verb.name}` does not know '{bare[0]}'. It is typed {usage}.")
        return ()
    most = verb.most + bool(verb.choices)
    if not verb.least <= len(bare) <= most:
        found = "none is given" if not bare else f"{_given(len(bare))} given: {' '.join(bare)}"
        name = verb.takes.strip("<>")
        wanted = f"one {name}" if verb.most == 1 else f"{NUMBERS[verb.least]} to {verb.most} {name}s"
        if not verb.least:
            wanted = f"at most {verb.most} word{'s' if verb.most != 1 else ''}"
        choice = f" and at most one of {', '.join(verb.choices)}" if verb.choices and bare else ""
        needs = "needs" if verb.least else "takes"
        raise InvalidRequest(f"`{command} {verb.name}` {needs} {wanted}{choice}; {found}.")
    return tuple(bare)


def _given(count: int) -> str:
    return "1 word is" if count == 1 else f"{count} words are"
