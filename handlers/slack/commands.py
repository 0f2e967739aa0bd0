"""Slash commands: their verbs, what was typed, what is wrong with it, and the function that answers each verb."""

import re
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncBoltContext, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import counted, plural
from handlers.slack.blocks import Message, escape
from handlers.slack.forms import FORM_IN_HAND
from handlers.slack.listeners import FormOf, Handling, HandlingOf, Listeners, open_form
from handlers.slack.replies import DONE_BEFORE, TOOK_EFFECT, reply
from jobs.core.errors import InvalidRequest
from jobs.core.nearest import nearest, quoted

TYPOGRAPHY: Final = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\u00a0": " "}
)
"""Phones turn quotes into typographic ones; the person meant the plain ones."""
ALIKE_VERBS: Final = 0.6
"""Verbs are short: with less in common, a verb of another meaning would be proposed."""

MOST_TYPED: Final = 4_000
"""Characters; reading a word takes time with the square of its length."""

Answer = Callable[..., Awaitable[Message | str | None]]
"""Answers one verb; filled by name with `typed`, `asker`, `command`, `respond`, `client` and the services it names.

Returns what its asker is shown (text as mrkdwn), or None where it has answered by itself.
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing a command can do: the word typed, what it does (for the help) and the function that does it."""

    name: str
    does: str
    answer: Answer
    takes: str | None = None
    """Its one bare word, such as `balance`, or what that names, such as `<job>`."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The `key=value` pairs it takes, each with an example or its values."""
    needs: tuple[str, ...] = ()
    """Keys that must be given."""
    least: int = 1
    most: int = 1
    """How many bare words it takes, if any."""
    choices: tuple[str, ...] = ()
    """Words of which one may follow."""
    handling: Handling = Handling.CHANGES
    """How it is worked off."""
    handling_with: Mapping[str, Handling] = field(default_factory=dict)
    """The same where this word or key is given."""
    form: FormOf | None = None
    """Returns the form that asks for the keys it needs, where one is missing; filled by name as `answer` is."""

    @property
    def usage(self) -> str:
        """How it is typed, without optional keys."""
        needed = [f"{key}={self.keys[key]}" for key in self.needs]
        choices = [f"[{'|'.join(self.choices)}]"] if self.choices else []
        words = [self.takes] * self.least if self.least else [f"[{self.takes}]"]
        return " ".join([self.name, *(words if self.takes else []), *choices, *needed])

    @property
    def options(self) -> str:
        """The optional keys, each with what it takes."""
        return " ".join(f"{key}={example}" for key, example in self.keys.items() if key not in self.needs)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was understood."""

    verb: str
    words: tuple[str, ...]
    """The bare words."""
    given: Mapping[str, str]
    """The values of keys."""

    @property
    def word(self) -> str:
        """The first bare word; empty if there is none."""
        return self.words[0] if self.words else ""


def listen(
    listeners: Listeners,
    slash: str,
    verbs: tuple[Verb, ...],
    controls: re.Pattern[str] | None = None,
    *,
    bare: str = "help",
) -> None:
    """Listen to a slash command, such as `/rft`, and answer only the person who typed it.

    `help` lists the verbs unless one of them is called help; nothing at all stands for the verb `bare`. `controls`
    matches the action ids of buttons that stand for a command; their values are what would be typed, as
    `<verb>|<the rest>`.
    """
    forms = {verb.name: verb.form for verb in verbs}
    functions = {verb.name: verb.answer for verb in verbs}
    wanted = {verb.name: tuple(signature(verb.answer).parameters) for verb in verbs}

    async def answer(typed: Typed, known: Mapping[str, Any]) -> None:
        given = {**known, "typed": typed}
        shown = await functions[typed.verb](**{name: given[name] for name in wanted[typed.verb]})
        if isinstance(shown, str) and known[TOOK_EFFECT]:
            shown = f"{DONE_BEFORE} {shown}"
        if shown is not None:
            await reply(shown, known["respond"], known["client"], known["asker"])

    async def handle_command(
        ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        await ack()
        text = str(command.get("text") or "").strip() or bare
        known = {**context, "command": command, "respond": respond, "client": client}
        if text.lower() == "help" and "help" not in functions:
            await respond(text=overview(slash, verbs))
            return
        typed = parse(slash, text, verbs, into_form=FORM_IN_HAND in context)
        if FORM_IN_HAND in context and (form := forms[typed.verb]):
            await open_form(form, {**known, "typed": typed})
        else:
            await answer(typed, known)

    async def handle_control(
        ack: AsyncAck, action: dict[str, Any], respond: AsyncRespond, client: AsyncWebClient, context: AsyncBoltContext
    ) -> None:
        await ack()
        text = str(action["value"]).replace("|", " ", 1)
        await answer(parse(slash, text, verbs), {**context, "respond": respond, "client": client})

    listeners.command(slash, handle_command, handling_among(verbs, bare))
    if controls:
        listeners.action(controls, handle_control, handling_among(verbs))


def handling_among(verbs: tuple[Verb, ...], bare: str = "") -> HandlingOf:
    """Return what tells how a command of these verbs, or a control that stands for one, is worked off."""
    known = {verb.name: verb for verb in verbs}

    def handling_of(text: str) -> Handling:
        first, *rest = text.translate(TYPOGRAPHY).replace("|", " ").split() or [bare]
        verb = known.get(first.lower())
        if verb is None:
            return Handling.READS  # the overview, or what is wrong
        given = {word.partition("=")[0].lower() for word in rest}
        if verb.form and _asks_in_form(verb, rest):
            return Handling.OPENS_FORM
        return next((found for word, found in verb.handling_with.items() if word in given), verb.handling)

    return handling_of


def _asks_in_form(verb: Verb, words: Sequence[str]) -> bool:
    """Tell whether a key that a verb needs is missing, and nothing stands there that may be meant for it."""
    keys = {key for key, equals, _ in (word.partition("=") for word in words) if equals}
    return not keys.issuperset(verb.needs) and all("=" in word for word in words)


def overview(command: str, verbs: tuple[Verb, ...]) -> str:
    """Return the verbs of a command as mrkdwn, one line each, and below it the keys a verb takes."""
    lines: list[str] = []
    for verb in verbs:
        lines.append(f"`{escape(f'{command} {verb.usage}')}`  {verb.does}")
        if verb.options:
            lines.append(f"      with `{escape(verb.options)}`")
    return "\n".join(lines)


def parse(command: str, text: str, verbs: tuple[Verb, ...], *, into_form: bool = False) -> Typed:
    """Read what was typed after a slash command: shell-like words, `key=value` pairs in any order.

    A form that is filled with it asks for the keys that are missing.

    Raises:
        InvalidRequest: in a sentence that names the wrong word and the nearest valid one.
    """
    first, *rest = _words(text) or [""]
    verb = _verb(command, first, verbs)
    bare = [word for word in rest if "=" not in word]
    given: dict[str, str] = {}
    for pair in rest:
        key, equals, value = pair.partition("=")
        if equals:
            _check_key(command, verb, key, value, given)
            given[key] = value
    for key in () if into_form else verb.needs:
        if key not in given:
            spare = [word for word in bare if word != verb.takes]
            hint = f" Did you mean `{key}={spare[0]}`?" if spare else f" Write `{command} {verb.usage}`."
            raise InvalidRequest(f"`{command} {verb.name}` needs `{key}=`.{hint}")
    _check_words(command, verb, bare)
    return Typed(verb.name, tuple(bare), given)


def _words(text: str) -> list[str]:
    if len(text) > MOST_TYPED:
        raise InvalidRequest(f"That is {len(text):,} characters long; I read up to {MOST_TYPED:,}. Shorten it.")
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
    raise InvalidRequest(f"`{command}` has no command {quoted(word)}; {close}{more}")


def _check_key(command: str, verb: Verb, key: str, value: str, given: Mapping[str, str]) -> None:
    if key not in verb.keys:
        what = f"`{command} {verb.name}` takes no {quoted(f'{key}=')}"
        raise InvalidRequest(f"{what}; {nearest(key, verb.keys)}" if verb.keys else f"{what}, nor any other key.")
    if key in given:
        raise InvalidRequest(f"'{key}=' is given twice; once is enough.")
    if not value:
        raise InvalidRequest(f"'{key}=' has no value. Write it without a space after the equals sign: `{key}=value`.")


def _check_words(command: str, verb: Verb, bare: list[str]) -> None:
    if verb.takes is None:
        if bare:
            usage = f"`{command} {verb.usage}`"
            raise InvalidRequest(f"`{command} {verb.name}` does not know {quoted(bare[0])}. It is typed {usage}.")
        return
    if verb.least <= len(bare) <= verb.most + bool(verb.choices):
        return
    count, name = len(bare), verb.takes.strip("<>")
    wanted = f"needs one {name}" if verb.most == 1 else f"needs {verb.least} to {verb.most} {name}s"
    if not verb.least:
        wanted = f"takes at most {counted(verb.most, 'word')}"
    choice = f" and at most one of {', '.join(verb.choices)}" if verb.choices and bare else ""
    found = (
        f"{counted(count, 'word')} {plural(count, 'is', 'are')} given: {' '.join(bare)}" if bare else "none is given"
    )
    raise InvalidRequest(f"`{command} {verb.name}` {wanted}{choice}; {found}.")
