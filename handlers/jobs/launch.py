"""Launching a job: typed as `/rft launch`, or with the form that stands for it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from slack_bolt.async_app import AsyncAck

from charts.wording import number
from handlers.slack.blocks import Block, button, context, escape
from handlers.slack.commands import Typed, Verb, parse
from handlers.slack.forms import Choice, modal, read_fields, refused, select, text_input
from handlers.slack.listeners import Listeners
from handlers.slack.people import People
from handlers.slack.replies import DONE_BEFORE, Answers, Asker
from handlers.tasks.defaults import used_by_default
from handlers.tasks.fields import (
    CHANNEL,
    MODEL,
    MORE,
    TASK,
    channel_field,
    field_of,
    is_direct,
    model_choices,
    model_given,
    task_field,
)
from jobs.core.errors import InvalidRequest, UserError
from jobs.core.hyperparameters import (
    AUTO,
    EFFORTS,
    TYPED_KEYS,
    read_auto,
    read_hyperparameters,
    read_seed,
    read_suffix,
    read_whole,
)
from jobs.core.records import LaunchRequest
from jobs.platforms.profiles import Profile
from jobs.state.store import AlreadyTaken, Store
from jobs.tasks import TaskCatalogue
from jobs.tasks.defaults import chosen_for
from jobs.training.next_experiment import NextExperiment
from jobs.training.service import RftJobs
from jobs.views.job import JobViews
from jobs.views.wording import state_of

FORM: Final = "launch"
OPEN: Final = "open_launch_form"
"""The action id of buttons that open the form; their value is a job to take the settings from and what changes, or
nothing."""
IN_A_CHANNEL: Final = (
    "A job needs a channel: its thread, and in the end the request for approval, must be where the approvers are. Ask "
    "in a channel that I am in."
)
RECENT: Final = 50
"""Newest jobs among which a person's last one is looked for."""
MOST_TYPED: Final = 300
MOST_ITEMS: Final = 1_000_000
OWN_FIELDS: Final = frozenset({"epochs", "effort", "seed"})
LAUNCH_KEYS: Final[Mapping[str, str]] = {
    "task": "<task>",
    "model": "<base model>",
    "platform": "<platform>",
    **{key: "n" if key != "effort" else "low" for key in TYPED_KEYS},
    "items": "n",
    "seed": "n",
    "suffix": "<name>",
    "prompt": "<version>",
    "reward": "<grader>",
}


def register(listeners: Listeners) -> None:
    """Listen to the buttons that open the form, and to the form."""
    listeners.opens_form(OPEN, form_for_click)
    listeners.form(FORM, take_form)


async def launch(typed: Typed, asker: Asker, jobs: RftJobs, people: People, views: JobViews, store: Store) -> str:
    """Launch a job, and say whether it would pay."""
    if is_direct(asker.channel):
        raise InvalidRequest(IN_A_CHANNEL)
    await people.require_membership(asker.channel, just_now=True)
    request = read_request(typed, asker)
    try:
        job = await jobs.launch(request)
    except AlreadyTaken as taken:
        state = state_of(await jobs.job(taken.holder)).lower()
        return (
            f"You asked for just that a moment ago: `{taken.holder}` ({escape(state)}). Add `seed=` to launch another."
        )
    like = f", {escape(job.like)}" if job.like else ""
    return (
        f"Launching *{job.task}* on {job.platform} as `{job.id}`: {job.train_items} train and {job.valid_items} "
        f"validation items, model {escape(job.model)}{like}. Its card appears here once {job.platform} has taken it."
        f"{used_by_default(await chosen_for(store, job.task), typed.given)}\n"
        f"{escape((await views.before_training(job)).sentence)}"
    )


def read_request(typed: Typed, asker: Asker) -> LaunchRequest:
    """Return the job that was asked for; raises InvalidRequest where a value does not work."""
    given = typed.given
    return LaunchRequest(
        task=given["task"],
        requested_by=asker.user,
        channel=asker.channel,
        trigger=asker.trigger,
        platform=given.get("platform"),
        model=given.get("model"),
        prompt=given.get("prompt"),
        reward=given.get("reward"),
        seed=read_seed(given["seed"]) if "seed" in given else None,
        suffix=read_suffix(given["suffix"]) if "suffix" in given else None,
        hyperparameters=read_hyperparameters(given),
        auto=read_auto(given),
        items=read_whole("items", given["items"], 1, MOST_ITEMS) if "items" in given else None,
    )


def next_button(job_id: str, proposed: NextExperiment | None) -> Block:
    """Return the button that opens the form with a job's settings, and with what is proposed to change in them."""
    changes = [f"{key}={value}" for key, value in proposed.settings.items()] if proposed else []
    return button(proposed.label if proposed else "Launch again", OPEN, " ".join((job_id, *changes)))


# -- the form ---------------------------------------------------------------------------------------------------------


async def form_for_command(
    typed: Typed, asker: Asker, tasks: TaskCatalogue, platforms_with_keys: Mapping[str, Profile], jobs: RftJobs
) -> Block:
    """Return the form with what was typed, and what was not from the person's last job."""
    before = await _last_settings(asker.user, jobs) if not typed.given else {}
    return await form({**before, **typed.given}, asker.channel, tasks, platforms_with_keys)


async def form_for_click(
    action: dict[str, Any],
    asker: Asker,
    tasks: TaskCatalogue,
    platforms_with_keys: Mapping[str, Profile],
    jobs: RftJobs,
) -> Block:
    """Return the form with the settings of the job that a button names, or else of the person's last one."""
    job_id, *changes = str(action.get("value") or "").split() or [""]
    before = settings_of((await jobs.job(job_id)).request) if job_id else await _last_settings(asker.user, jobs)
    changed = {key: value for key, _, value in (change.partition("=") for change in changes)}
    return await form({**before, **changed}, asker.channel, tasks, platforms_with_keys)


async def form(given: Mapping[str, str], channel: str, tasks: TaskCatalogue, profiles: Mapping[str, Profile]) -> Block:
    """Return the form, filled in with the keys of `/rft launch` and with `channel`; asked elsewhere, it asks for one.

    In a conversation with the bot alone nobody else would see the job.
    """
    models = model_choices(profiles)
    wanted = f"{given.get('platform', '')}|{given.get('model', '')}"
    efforts = [Choice(effort, effort) for effort in EFFORTS]
    other = " ".join(f"{key}={text}" for key, text in given.items() if _is_typed(key))
    blocks = [
        *channel_field(channel, given.get(CHANNEL)),
        await task_field(tasks, given.get("task")),
        select("Model", MODEL, models, chosen=next((each for each in models if each.value == wanted), models[0])),
        text_input(
            "Epochs",
            "epochs",
            "Passes over the training items. Empty is the task's default, or else the platform's choice.",
            MOST_TYPED,
            optional=True,
            **_filled(given.get("epochs")),
        ),
        select(
            "Reasoning effort",
            "effort",
            efforts,
            chosen=next((each for each in efforts if each.value == given.get("effort")), None),
            hint="How long the model may think. Empty is the task's default.",
            optional=True,
        ),
        text_input(
            "Seed",
            "seed",
            "The same seed repeats a job; another one shows how much is luck.",
            MOST_TYPED,
            optional=True,
            **_filled(given.get("seed")),
        ),
        text_input(
            "Other settings",
            MORE,
            "As they are typed: batch=8 eval_interval=5 eval_samples=2 compute=1 prompt=v2 reward=f2 suffix=name",
            MOST_TYPED,
            optional=True,
            **_filled(other),
        ),
        context(_costs(profiles)),
    ]
    return modal(FORM, "Launch a job", "Launch", blocks, json.dumps({"channel": channel}))


async def take_form(
    ack: AsyncAck,
    view: dict[str, Any],
    asker: Asker,
    answers: Answers,
    jobs: RftJobs,
    people: People,
    views: JobViews,
    store: Store,
    took_effect: bool,
) -> None:
    """Launch what the form holds; what is wrong with it is said next to the field."""
    fields = read_fields(view)
    asker = replace(asker, channel=fields.get(CHANNEL, asker.channel))
    try:
        said = await launch(Typed("launch", (), read_form(fields)), asker, jobs, people, views, store)
    except UserError as problem:
        await refused(ack, str(problem), field_of(str(problem), fields, OWN_FIELDS))
        return
    await ack()
    await answers.tell(asker.user, asker.channel, f"{DONE_BEFORE} {said}" if took_effect else said)


def read_form(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a form holds as the keys of `/rft launch`; raises InvalidRequest."""
    more = parse("/rft", f"launch task=- {fields.get(MORE, '')}", (LAUNCH,)).given
    own = {key: fields[key] for key in ("task", *sorted(OWN_FIELDS)) if key in fields}
    if twice := [key for key in more if key in own and key != "task"]:
        raise InvalidRequest(f"`{twice[0]}=` is given twice: here and among the other settings.")
    return {**more, **model_given(fields.get(MODEL, "")), **own}


def settings_of(request: LaunchRequest) -> dict[str, str]:
    """Return what was asked for as the keys of `/rft launch`."""
    settings = {key: getattr(request.hyperparameters, field) for key, field in TYPED_KEYS.items()}
    settings |= {key: AUTO for key, field in TYPED_KEYS.items() if field in request.auto}
    named = ("task", "platform", "model", "items", "seed", "suffix", "prompt", "reward", CHANNEL)
    settings |= {key: getattr(request, key) for key in named}
    return {key: _text(value) for key, value in settings.items() if value is not None}


async def _last_settings(user: str, jobs: RftJobs) -> dict[str, str]:
    mine = (job for job in await jobs.newest(RECENT) if job.request.requested_by == user and not job.imported)
    last = next(mine, None)
    return settings_of(last.request) if last else {}


def _is_typed(key: str) -> bool:
    return key not in OWN_FIELDS and key not in {TASK, MODEL, "platform", CHANNEL}


def _filled(text: str | None) -> dict[str, str]:
    return {"initial_value": text} if text else {}


def _text(value: object) -> str:
    text = number(value) if isinstance(value, float) else str(value)
    return f'"{text}"' if " " in text else text


def _costs(profiles: Mapping[str, Profile]) -> str:
    """Return what an hour of training costs on each platform, and until when it takes jobs."""
    return "\n".join(f"*{escape(profile.title)}*: {_cost(profile)}" for profile in profiles.values())


def _cost(profile: Profile) -> str:
    hour = profile.training_hour
    price = "price unknown" if hour is None else f"${hour:,.0f} an hour of training" if hour else "free"
    until = profile.accepts_new_jobs_until
    return f"{price}; takes new jobs until {until.isoformat()}" if until else price


LAUNCH: Final = Verb("launch", "start a job", launch, keys=LAUNCH_KEYS, needs=("task",), form=form_for_command)
