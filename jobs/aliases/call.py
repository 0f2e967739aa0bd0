"""What a call needs, besides the model's id, to ask as training did: taken down when an alias is moved."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jobs.core.errors import UserError
from jobs.core.records import Job
from jobs.platforms.profiles import Profile
from jobs.platforms.prompt_hash import prompt_hash
from jobs.tasks import TaskCatalogue


@dataclass(frozen=True, slots=True)
class Call:
    """How a model was asked in training; None is what is not known, or was left to the platform."""

    address: str | None = None
    """Base address of the platform's API."""
    api: str | None = None
    """`responses` or `chat`."""
    effort: str | None = None
    prompt: str | None = None
    """Its version; None where rows brought their own messages, too."""
    prompt_text: str | None = None
    """None where the text was changed since, so that it is not what training used."""
    response_format: Mapping[str, object] | None = None
    """As chat completions take it; None for free text, and where it was changed since."""
    is_unchanged: bool = False
    """Whether prompt and response format are known to be those of training."""

    def as_json(self) -> dict[str, object]:
        """Return it as production is told; `matches_training` says whether text and format are those of training."""
        return {
            "address": self.address,
            "api": self.api,
            "effort": self.effort,
            "prompt": self.prompt,
            "prompt_sha256": sha256(self.prompt_text),
            "prompt_text": self.prompt_text,
            "response_format_sha256": sha256(canonical(self.response_format) if self.response_format else None),
            "response_format": self.response_format,
            "matches_training": self.is_unchanged,
        }


UNKNOWN: Final = Call()
CallOf = Callable[[Job], Awaitable[Call]]
"""Returns how a job's models are to be asked."""


def sha256(text: str | None) -> str | None:
    """Return the SHA-256 of a text's UTF-8 bytes in hex; None for nothing."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def canonical(value: object) -> str:
    """Return a value as JSON with sorted keys and no spaces, the same bytes each time."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def calls_of(tasks: TaskCatalogue, profile_of: Callable[[str], Profile]) -> CallOf:
    """Return what looks up how a job's models are to be asked; what cannot be looked up any more is not known."""

    async def call_of(job: Job) -> Call:
        return await asyncio.to_thread(_call, job, tasks, profile_of)

    return call_of


def _call(job: Job, tasks: TaskCatalogue, profile_of: Callable[[str], Profile]) -> Call:
    call = Call(effort=job.request.hyperparameters.reasoning_effort, prompt=job.prompt or None)
    try:
        profile = profile_of(job.platform)
        call = Call(profile.base_url, profile.api, call.effort, call.prompt)
        task = tasks.load(job.task)
    except UserError:
        return call
    text = task.prompts.get(job.prompt, "")
    if prompt_hash(text, task.response_format) != job.prompt_hash:
        return call
    return Call(call.address, call.api, call.effort, call.prompt, text or None, task.response_format, is_unchanged=True)
