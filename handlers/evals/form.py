"""The form that starts an eval: what `/eval run` and `/eval variance` take."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from handlers.slack.blocks import Block
from handlers.slack.commands import Typed
from handlers.slack.forms import Choice, modal, select, text_input
from handlers.slack.replies import Asker
from handlers.tasks.fields import DEFAULT_MODEL, MORE, TASK, channel_field, model_choices, model_given, task_field
from jobs.core.errors import InvalidRequest
from jobs.core.ids import checkpoint_name
from jobs.platforms.profiles import Profile
from jobs.tasks import TaskCatalogue
from jobs.training.service import RftJobs

FORM: Final = "eval"
OPEN: Final = "open_eval_form"
"""The action id of buttons that open the form; their value is a task, or nothing."""
KIND: Final = "kind"
MODELS: Final = "models"
SPLIT: Final = "split"
MOST_MODELS: Final = 6
MOST_TYPED: Final = 300
RECENT: Final = 10
"""Newest jobs whose checkpoints can be chosen."""
KINDS: Final = (
    Choice("Compare models on the same items", "run"),
    Choice("Variance study: is there headroom to learn", "variance"),
)


async def form_for_command(
    typed: Typed, asker: Asker, tasks: TaskCatalogue, platforms_with_keys: Mapping[str, Profile], jobs: RftJobs
) -> Block:
    """Return the form with what was typed."""
    return await form(typed.verb, typed.given, asker.channel, tasks, platforms_with_keys, jobs)


async def form_for_click(
    action: dict[str, Any],
    asker: Asker,
    tasks: TaskCatalogue,
    platforms_with_keys: Mapping[str, Profile],
    jobs: RftJobs,
) -> Block:
    """Return the form for the task that a button names, if it names one."""
    task = str(action.get("value") or "")
    given = {"task": task} if task else {}
    return await form("run", given, asker.channel, tasks, platforms_with_keys, jobs)


async def form(
    verb: str,
    given: Mapping[str, str],
    channel: str,
    tasks: TaskCatalogue,
    profiles: Mapping[str, Profile],
    jobs: RftJobs,
) -> Block:
    """Return the form, filled in with what was typed; without a channel, it asks for one."""
    checkpoints = [
        Choice(checkpoint_name(each.step, job.id), f"{job.platform}|{each.model_id}")
        for job in await jobs.newest(RECENT)
        for each in job.checkpoints
    ]
    models = [each for each in model_choices(profiles, checkpoints) if each is not DEFAULT_MODEL]
    other = " ".join(f"{key}={shlex.quote(text)}" for key, text in given.items() if key not in {TASK, SPLIT})
    blocks = [
        *channel_field(channel),
        await task_field(tasks, given.get(TASK)),
        select("What to find out", KIND, KINDS, chosen=next(each for each in KINDS if each.value == verb)),
        select(
            "Models",
            MODELS,
            models,
            hint="Of one platform. Empty is the task's default.",
            optional=True,
            several=MOST_MODELS,
        ),
        text_input(
            "Split",
            SPLIT,
            "Which items are asked; empty is valid.",
            MOST_TYPED,
            optional=True,
            **({"initial_value": given[SPLIT]} if SPLIT in given else {}),
        ),
        text_input(
            "Other settings",
            MORE,
            "As they are typed: runs=3 effort=low,high limit=100 prompt=v2 budget=500000",
            MOST_TYPED,
            optional=True,
            **({"initial_value": other} if other else {}),
        ),
    ]
    return modal(FORM, "New eval", "Start", blocks, json.dumps({"channel": channel}))


def as_typed(fields: Mapping[str, str]) -> str:
    """Return what a form holds as it would be typed after /eval; raises InvalidRequest."""
    chosen = [model_given(value) for value in fields.get(MODELS, "").split(",") if value]
    platforms = {each["platform"] for each in chosen}
    if len(platforms) > 1:
        raise InvalidRequest(f"One eval asks one platform; these models are on {' and '.join(sorted(platforms))}.")
    given = {TASK: fields[TASK], SPLIT: fields.get(SPLIT, "")}
    given |= {"platform": next(iter(platforms), ""), "model": ",".join(each["model"] for each in chosen)}
    typed = [f"{key}={shlex.quote(text)}" for key, text in given.items() if text]
    return " ".join([fields[KIND], *typed, fields.get(MORE, "")])
