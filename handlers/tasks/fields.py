"""The fields of forms that start something: the task, the model, and the channel that hears of it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from handlers.slack.blocks import Block, cut
from handlers.slack.forms import MOST_LABEL, Choice, channel_select, select
from jobs.core.errors import NotFound, UserError
from jobs.platforms.profiles import Profile
from jobs.tasks import TaskCatalogue

TASK: Final = "task"
MODEL: Final = "model"
CHANNEL: Final = "channel"
MORE: Final = "more"
"""The field for everything else, as it is typed."""
DEFAULT_MODEL: Final = Choice("The task's default", "|")
"""A model's value is its platform, a bar and its id."""
NO_TASK: Final = "There is no task yet. A task is a folder with a task.yaml under PROCTOR_TASKS."


async def task_field(tasks: TaskCatalogue, chosen: str | None) -> Block:
    """Return the list of tasks; the only one is chosen. Raises NotFound if there is none."""
    choices = await asyncio.to_thread(lambda: [Choice(_described(tasks, name), name) for name in tasks.names()])
    if not choices:
        raise NotFound(NO_TASK)
    first = next((each for each in choices if each.value == chosen), choices[0] if len(choices) == 1 else None)
    return select("Task", TASK, choices, chosen=first)


def _described(tasks: TaskCatalogue, name: str) -> str:
    try:
        title = tasks.load(name).title
    except UserError:
        return f"{name} (cannot be used; see /proctor task)"
    return name if title == name else f"{name}: {title}"


def model_choices(profiles: Mapping[str, Profile], more: Iterable[Choice] = ()) -> Sequence[Choice]:
    """Return what a list of models offers: the task's default, what each platform is known to have, and `more`."""
    known = [_choice(profile, model) for profile in profiles.values() for model in _models_of(profile)]
    return (DEFAULT_MODEL, *known, *more)


def _models_of(profile: Profile) -> tuple[str, ...]:
    return tuple(model for model in profile.models or (profile.default_model or "",) if model not in profile.retired)


def _choice(profile: Profile, model: str) -> Choice:
    ending = f" on {profile.title}"
    name = model or "the default model"
    return Choice(cut(name, MOST_LABEL - len(ending)) + ending, f"{profile.name}|{model}")


def model_given(value: str) -> dict[str, str]:
    """Return the chosen model as the keys that a command takes."""
    platform, _, model = value.partition("|")
    return {key: each for key, each in (("platform", platform), ("model", model)) if each}


def is_direct(channel: str) -> bool:
    """Tell whether a channel is the conversation of one person with the bot."""
    return channel.startswith("D")


def channel_field(channel: str, chosen: str | None = None) -> tuple[Block, ...]:
    """Return the list of channels, unless the form was asked for in the one that hears of it."""
    if channel and not is_direct(channel):
        return ()
    hint = "Its card and its thread are posted there; I must be in it."
    return (channel_select("Channel", CHANNEL, hint, chosen),)


def field_of(problem: str, fields: Mapping[str, str], keys: Iterable[str]) -> str:
    """Return the field at which a problem is said: the one whose key it quotes, or that speaks of the channel.

    Args:
        problem: the sentence.
        fields: what the form holds.
        keys: fields that hold the value of a key of the same name; the problem may quote `key=`.
    """
    quoted = next((key for key in keys if key in fields and f"`{key}=" in problem), None)
    typed = MORE if any(f"{word.partition('=')[0]}=" in problem for word in fields.get(MORE, "").split()) else None
    where = CHANNEL if CHANNEL in fields and "channel" in problem else None
    return quoted or typed or where or TASK
