"""Platforms as data: one profile per OpenAI-shaped endpoint.

To add a platform, add a profile to `PROFILES` or an entry to the file named by PROCTOR_PLATFORMS; no code asks for a
platform by name. Secrets never stand here, only the name of the environment variable that holds one.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from jobs.core.errors import ConfigurationError, InvalidRequest

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

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Profile:
    """What the bot knows about one platform before it has spoken to it."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    base_url: str
    title: str = ""
    """How people call it; the name where left empty."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key."""
    default_key: str | None = None
    """Used where the variable is not set. Only for a platform that takes any key."""
    models: tuple[str, ...] = ()
    """Base models that can be tuned; empty: ask the platform."""
    default_model: str | None = None
    grader_types: frozenset[str] = GRADER_TYPES
    row_format: Literal["openai", "bedrock"] = "openai"
    allows_suffix: bool = True
    can_pause: bool = True
    needs_validation_file: bool = True
    needs_deployment: bool = False
    """True where a checkpoint must be deployed before it can be called."""
    api: Literal["responses", "chat"] = "responses"
    """How its models are asked for answers: the Responses API, or chat completions."""
    max_concurrency: int = 32
    """Most questions to its models under way at once, from one bot."""
    min_rows: int = 1
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """Sent with every new job."""
    poll_seconds: float = 30.0
    """Between two looks at a running job."""
    idle_poll_seconds: float = 60.0
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
        models=("local-policy-1",),
        grader_types=frozenset({"python", "multi", "string_check", "text_similarity"}),
        max_concurrency=64,
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
        note="Accepts new jobs only from organizations that already tune models.",
    ),
)

_FIELDS = tuple(f.name for f in fields(Profile) if f.name != "name")
_PROFILE = TypeAdapter(Profile)


def load_profiles(overrides: Path | None, local_url: str | None) -> Mapping[str, Profile]:
    """Return every profile by name, with those of the file `overrides` on top.

    Args:
        overrides: a YAML file `name: {field: value, ...}`, which changes built-in profiles or adds new ones.
        local_url: base URL of the local platform, ending in /v1; None leaves that platform out.

    Raises:
        ConfigurationError: one line naming the file, the platform and the field.
    """
    known = {p.name: replace(p, base_url=local_url or "") if p.name == "local" else p for p in PROFILES}
    for name, changes in _read(overrides).items() if overrides else ():
        known[name] = _overridden(known.get(name), name, changes, f"{overrides}, platform {name}")
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


def _read(path: Path) -> Mapping[str, Mapping[str, object]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 text.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path}{where}: is not valid YAML.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: must map platform names to their fields.")
    for name, changes in content.items():
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
            raise ConfigurationError(f"{path}: {name!r} is no platform name (lower-case letters, digits, - and _).")
        if not isinstance(changes, dict):
            raise ConfigurationError(f"{path}, platform {name}: must be fields with values.")
    return content


def _overridden(profile: Profile | None, name: str, changes: Mapping[str, object], where: str) -> Profile:
    for key in changes:
        _check_field(key, where)
    values = {f: getattr(profile, f) for f in _FIELDS} if profile else {}
    try:
        made = _PROFILE.validate_python({**values, **changes, "name": name})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ConfigurationError(f"{where}, field {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    _check_values(made, where)
    return made if made.title else replace(made, title=name)


def _check_field(key: object, where: str) -> None:
    if key in _FIELDS:
        return
    if key in {"api_key", "key", "token", "secret"}:
        raise ConfigurationError(f"{where}: no secrets in this file; name an environment variable in api_key_env.")
    near = difflib.get_close_matches(str(key), _FIELDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known fields: {', '.join(_FIELDS)}."
    raise ConfigurationError(f"{where}: unknown field {key}; {hint}")


def _check_values(profile: Profile, where: str) -> None:
    address = urlsplit(profile.base_url)
    if profile.base_url and (address.scheme not in {"http", "https"} or not address.hostname):
        raise ConfigurationError(f"{where}, field base_url: must be an address that starts with http:// or https://.")
    if address.username or address.password or address.query:
        raise ConfigurationError(f"{where}, field base_url: must hold no user, password or query.")
    if profile.api_key_env and not re.fullmatch(r"[A-Z][A-Z0-9_]*", profile.api_key_env):
        raise ConfigurationError(
            f"{where}, field api_key_env: must be the name of an environment variable (A-Z, digits, _), not the key."
        )
    for number in ("poll_seconds", "idle_poll_seconds", "min_rows", "max_concurrency"):
        if not 0 < getattr(profile, number) < math.inf:
            raise ConfigurationError(f"{where}, field {number}: must be a number greater than 0.")
    for model, price in profile.prices.items():
        if not (0 <= price.input < math.inf and 0 <= price.output < math.inf):
            raise ConfigurationError(f"{where}, field prices, model {model}: must be numbers of dollars, 0 or more.")
