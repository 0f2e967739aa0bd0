"""Platforms as data: one profile per OpenAI-shaped endpoint.

To add a platform, add a profile to `PROFILES` or an entry to the file named by PROCTOR_PLATFORMS; no code asks for a
platform by name. Secrets never stand here, only the name of the environment variable that holds one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from jobs.core.errors import ConfigurationError, InvalidRequest
from jobs.core.validation import YamlFile, read_yaml


def _address(url: str) -> str:
    address = urlsplit(url)
    if url and (address.scheme not in {"http", "https"} or not address.hostname):
        raise ValueError("must be an address that starts with http:// or https://.")
    if address.username or address.password or address.query:
        raise ValueError("must hold no user, password or query.")
    return url


def _variable(name: str | None) -> str | None:
    if name and not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise ValueError("must be the name of an environment variable (A-Z, digits, _), not the key.")
    return name


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]

GRADER_TYPES = frozenset({"string_check", "text_similarity", "score_model", "python", "multi"})


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a base model on one platform."""

    since: date
    instead: str
    """What else is possible, as a sentence."""

    def sentence(self, model: str, title: str) -> str:
        """Return the end of `model` on the platform called `title`, in words."""
        return f"{model} was shut down on {title} on {self.since}. {self.instead}"


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, in US dollars for a million."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    input: Dollars
    output: Dollars

    def of_1000(self, sent: int, said: int, answers: int) -> float | None:
        """Return what 1,000 answers cost, given the tokens of some; None where their number is not known."""
        if self.input == self.output == 0:
            return 0.0
        return (sent * self.input + said * self.output) / 1000 / answers if sent and said and answers else None


@dataclass(frozen=True, slots=True)
class Profile:
    """What the bot knows about one platform before it has spoken to it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    base_url: Annotated[str, AfterValidator(_address)]
    title: str = ""
    """How people call it; the name where left empty."""
    api_key_env: Annotated[str | None, AfterValidator(_variable)] = None
    """Name of the environment variable that holds the key."""
    default_key: str | None = None
    """Used where the variable is not set. Only for a platform that takes any key."""
    models: tuple[str, ...] = ()
    """Base models that can be tuned; empty: ask the platform."""
    default_model: str | None = None
    grader_types: frozenset[str] = GRADER_TYPES
    allows_suffix: bool = True
    can_pause: bool = True
    keeps_answers: bool = False
    """True where it keeps the answers of each validation, and hands them out."""
    needs_deployment: bool = False
    """True where a checkpoint must be deployed before it can be called."""
    api: Literal["responses", "chat"] = "responses"
    """How its models are asked for answers: the Responses API, or chat completions."""
    calls_tools: bool = True
    """False where models take the tools of a row and never call one."""
    last_roles: tuple[str, ...] = ("user",)
    """The roles with which a training row's messages may end."""
    max_concurrency: Annotated[int, Field(ge=1)] = 32
    """Most questions to its models under way at once, from one bot."""
    min_rows: Annotated[int, Field(ge=1)] = 1
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """Sent with every new job."""
    poll_seconds: Seconds = 30.0
    """Between two looks at a running job."""
    idle_poll_seconds: Seconds = 60.0
    """Between two looks at a queued or paused job."""
    accepts_new_jobs_until: date | None = None
    retired: Mapping[str, Retirement] = field(default_factory=dict)
    """Base models that are gone, by id."""
    prices: Mapping[str, Price] = field(default_factory=dict)
    """Of answers, by model id; `tuned:<base model>` stands for every checkpoint of one. What is absent is unknown."""
    training_hour: float | None = None
    """US dollars for an hour of training (sampling and updates, not evaluation); None where it is not known."""
    job_link: str | None = None
    """Address of a job's page, with `{id}` for the platform's job id."""
    file_link: str | None = None
    """Address of a file's page, with `{id}` for its id."""
    note: str = ""
    """One sentence a person should read before choosing it."""

    def link(self, remote_id: str) -> str | None:
        """Return the address of a job's page on the platform, or None where it has none."""
        return self.job_link.replace("{id}", remote_id) if self.job_link else None

    def price_of(self, model: str, base: str | None = None) -> Price | None:
        """Return what a model's answers cost, or None where it is not known; `base` is what it was tuned from."""
        return self.prices.get(model) or (self.prices.get(f"tuned:{base}") if base and base != model else None)


INSTEAD = "Launch on the local platform (platform=local), or set up Azure or Bedrock as a platform."
RETIRED_MODELS: Mapping[str, Retirement] = {
    model: Retirement(since, INSTEAD)
    for since, models in (
        (date(2026, 10, 23), ("o4-mini", "o4-mini-2025-04-16", "o3-mini", "o3-mini-2025-01-31", "o1", "o1-2024-12-17")),
        (date(2026, 12, 11), ("o3", "o3-2025-04-16", "gpt-5", "gpt-5-2025-08-07")),
    )
    for model in models
}
"""OpenAI's published shutdown dates of the models that reinforcement fine-tuning was offered or announced for."""

PROFILES: tuple[Profile, ...] = (
    Profile(
        name="local",
        title="Local platform",
        base_url="",  # filled in by load_profiles
        api_key_env="LOCAL_PLATFORM_KEY",
        default_key="local",
        default_model="local-policy-1",
        keeps_answers=True,
        models=("local-policy-1",),
        grader_types=frozenset({"python", "multi", "string_check", "text_similarity"}),
        max_concurrency=64,
        calls_tools=False,
        last_roles=("user", "tool", "assistant"),
        poll_seconds=1.0,
        idle_poll_seconds=1.0,
        training_hour=0.0,
        prices={"local-policy-1": Price(0.0, 0.0), "tuned:local-policy-1": Price(0.0, 0.0)},
        note="Trains a small policy on this machine, without an account and without cost.",
    ),
    Profile(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        api_key_env="OPENAI_API_KEY",
        accepts_new_jobs_until=date(2027, 1, 6),
        retired=RETIRED_MODELS,
        training_hour=100.0,
        job_link="https://platform.openai.com/finetune/{id}",
        file_link="https://platform.openai.com/storage/files/{id}",
        note="Accepts new jobs only from organizations that already tune models.",
    ),
)

_PROFILE = TypeAdapter(Profile)
_NOT_HERE: Mapping[str, str] = {
    "name": "is no key of a platform; its name stands above its fields.",
    **dict.fromkeys(
        ("api_key", "key", "token", "secret"),
        "must not be here: no secrets in this file; name an environment variable in api_key_env.",
    ),
}


def load_profiles(overrides: Path | None, local_url: str | None) -> Mapping[str, Profile]:
    """Return every profile by name, with those of the file `overrides` on top.

    Args:
        overrides: a YAML file `name: {field: value, ...}`, which changes built-in profiles or adds new ones.
        local_url: base URL of the local platform, ending in /v1; None leaves that platform out.

    Raises:
        ConfigurationError: one line naming the file, the line, the platform and the field.
    """
    known = {p.name: replace(p, base_url=local_url or "") if p.name == "local" else p for p in PROFILES}
    try:
        if overrides:
            file = read_yaml(_text(overrides), str(overrides), "platform names with their fields")
            known |= {name: _overridden(file, name, known.get(name)) for name in file.values}
    except InvalidRequest as error:
        raise ConfigurationError(str(error)) from None
    return {name: profile for name, profile in known.items() if profile.base_url}


def require_open(profile: Profile, model: str, today: date) -> None:
    """Check what can be known without asking: that the platform still takes new jobs, and still has the model.

    Raises:
        InvalidRequest: a sentence with the date and what else is possible.
    """
    until = profile.accepts_new_jobs_until
    if until and today >= until:
        raise InvalidRequest(f"{profile.title} accepts no new training jobs since {until}. {INSTEAD}")
    gone = profile.retired.get(model)
    if gone and today >= gone.since:
        raise InvalidRequest(gone.sentence(model, profile.title))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path}: is not UTF-8 text.") from error


def _overridden(file: YamlFile, name: str, profile: Profile | None) -> Profile:
    changes = file.values[name]
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", str(name)):  # a YAML key may be a number
        raise file.error((name,), "is no platform name (lower-case letters, digits, - and _).")
    if not isinstance(changes, dict):
        raise file.error((name,), "must be fields with values.")
    for key in _NOT_HERE.keys() & changes:
        raise file.error((name, key), _NOT_HERE[key])
    values = {f.name: getattr(profile, f.name) for f in fields(profile)} if profile else {}
    made = file.read(_PROFILE, {**values, **changes, "name": name}, (name,), quote=False)
    return made if made.title else replace(made, title=name)
