"""How a job was run, to the last setting, and the file for whoever must look at one that failed."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Final, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from charts.wording import grader_name
from handlers.jobs.platform_events import MOST_SEARCHED
from handlers.slack.blocks import Message, context, cut, escape, section
from handlers.slack.commands import Typed
from handlers.slack.files import hand_over
from handlers.slack.replies import Asker
from jobs.core.errors import BotError
from jobs.core.hyperparameters import AUTO, TYPED_KEYS
from jobs.graders import parse_grader, without_secrets
from jobs.platforms.parse import RemoteJob
from jobs.platforms.profiles import Profile
from jobs.tasks import TaskCatalogue
from jobs.training.service import RftJobs
from jobs.views.debug_bundle import debug_bundle, without_assigned
from jobs.views.job import JobView, JobViews

MOST_SOURCE: Final = 2_600
"""Characters of a grader's source in one block."""
MOST_GRADERS: Final = 3
SETTINGS: Final = {field: key for key, field in TYPED_KEYS.items()}

Redact = Callable[[str], str]
"""Takes secrets out of a text."""
T = TypeVar("T")


async def show_details(typed: Typed, jobs: RftJobs, views: JobViews, redact: Redact) -> Message:
    """Show how a job was run, as its platform has it, without secrets."""
    view = await views.job(typed.word)
    return details(view, await _or_why(jobs.remote(view.job)), redact)


async def hand_over_bundle(
    typed: Typed,
    asker: Asker,
    client: AsyncWebClient,
    jobs: RftJobs,
    views: JobViews,
    tasks: TaskCatalogue,
    redact: Redact,
) -> str:
    """Hand the debug bundle of a job to who asks for it."""
    view = await views.job(typed.word)
    job = view.job
    remote = await _or_why(jobs.remote(job))
    said = await _or_why(jobs.messages(job.id, MOST_SEARCHED))
    task = await _or_why(asyncio.to_thread(tasks.load, job.task))
    events = said if isinstance(said, str) else said[1]
    text = await asyncio.to_thread(lambda: redact(debug_bundle(view, remote, events, task, now=time.time())))
    words = f"Debug bundle of {job.id}: events, curves, grader errors and configuration, without rows and secrets."
    await hand_over(client, asker.user, f"{job.id}-debug.json", text.encode(), words)
    return "The file is in your messages with me; nobody else sees it."


async def _or_why(asked: Awaitable[T]) -> T | str:
    """Return what was asked for, or in words why it cannot be had."""
    try:
        return await asked
    except BotError as failure:
        return str(failure)


def details(view: JobView, remote: RemoteJob | str, redact: Redact) -> Message:
    """Return how a job was run: settings, seed, prompt, files, grader and output model, each as its platform has it.

    Args:
        view: the job.
        remote: as the platform has it, or why it does not say.
        redact: takes secrets out of the graders, whose sources may hold some.
    """
    job, known = view.job, None if isinstance(remote, str) else remote
    opening = f"*Details of* `{job.id}`" + (f", launched {escape(job.like)}" if job.like else "")
    facts = [opening, *_facts(view, known)]
    blocks = [section("\n".join(facts)), *map(section, _graders(known, redact))]
    if isinstance(remote, str):
        blocks.append(context(f"These are what was asked for. {escape(remote)}"))
    if known and not known.grader:
        blocks.append(context(f"{escape(job.platform)} does not show the grader; the reward is {escape(job.reward)}."))
    blocks.append(context(f"`/rft bundle {job.id}` gives you all of it as one file."))
    return Message(f"Details of {job.id}: {', '.join(_settings(view, known))}.", tuple(blocks))


def _facts(view: JobView, remote: RemoteJob | None) -> Iterator[str]:
    job = view.job
    yield f"Settings: {', '.join(map(escape, _settings(view, remote)))}"
    seed = remote.seed if remote and remote.seed is not None else job.request.seed
    yield f"Seed: {'left to the platform' if seed is None else seed}"
    digest = f" (hash of text and format {job.prompt_hash})" if job.prompt_hash else ""
    yield f"Prompt: {escape(job.prompt) or 'of the rows'}{digest} \u00b7 task version `{job.task_version or 'unknown'}`"
    yield f"Files: {', '.join(_files(view, remote)) or 'not known'}"
    yield f"Base model: `{escape(job.model)}`"
    output = (remote.fine_tuned_model if remote else None) or job.fine_tuned_model
    yield f"Output model: {f'`{escape(output)}`' if output else 'none yet' if not job.state.is_final else 'none'}"
    if remote and remote.trained_tokens is not None:
        yield f"Trained tokens: {remote.trained_tokens:,}"


def _settings(view: JobView, remote: RemoteJob | None) -> list[str]:
    """Return each hyperparameter as the platform resolved it; where nobody chose it, that is said."""
    asked = asdict(view.job.request.hyperparameters)
    resolved: Mapping[str, object] = asdict(remote.hyperparameters) if remote else asked
    said = []
    for name, wanted in asked.items():
        value = resolved[name] if resolved[name] is not None else wanted
        own = " (auto)" if wanted is None else f" (asked for {wanted})" if value != wanted else ""
        said.append(f"{SETTINGS.get(name, name)} {AUTO if value is None else f'{value}{own}'}")
    return said


def _files(view: JobView, remote: RemoteJob | None) -> Iterator[str]:
    job = view.job
    trained = [remote.training_file, remote.validation_file] if remote else list(job.files)
    counts = {"train": job.train_items, "validation": job.valid_items}
    for (name, rows), file in zip(counts.items(), trained, strict=False):
        if file:
            yield f"{name} {_link(view.profile, file)}{f' ({rows:,} rows)' if rows is not None else ''}"
    for file in remote.result_files if remote else ():
        yield f"results {_link(view.profile, file)}"


def _link(profile: Profile | None, file: str) -> str:
    if profile is None or profile.file_link is None:
        return f"`{escape(file)}`"
    return f"<{profile.file_link.replace('{id}', file)}|{escape(file)}>"


def _graders(remote: RemoteJob | None, redact: Redact) -> Iterator[str]:
    """Yield the grader that trains, as the platform has it: its formula, and each part's source or definition."""
    if remote is None or not remote.grader:
        return
    try:
        parts = parse_grader(remote.grader).parts
    except BotError:
        yield _code(redact(json.dumps(without_secrets(remote.grader), ensure_ascii=False, indent=1)))
        return
    if formula := remote.grader.get("calculate_output"):
        yield f"Reward: `{escape(str(formula))}`"
    for part in parts[:MOST_GRADERS]:
        source = part.definition.get("source")
        text = str(source) if source else json.dumps(without_secrets(part.definition), ensure_ascii=False, indent=1)
        yield f"Grader {escape(grader_name(part.name))}:\n{_code(redact(without_assigned(text)))}"
    if len(parts) > MOST_GRADERS:
        yield f"And {len(parts) - MOST_GRADERS} graders more; the bundle has them."


def _code(text: str) -> str:
    shown = cut(text.strip("\n"), MOST_SOURCE)
    return f"```{escape(shown).replace('```', chr(39) * 3)}```"
