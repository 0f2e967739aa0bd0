"""Everything the bot can be told from outside, and the only place that reads the environment.

Each field of `Settings` is the environment variable of the same name in capitals. Secrets are `SecretStr`: they do not
show in a repr, a log line or an error.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from jobs.core.errors import ConfigurationError

EXIT_CONFIGURATION = 78
"""The exit code of a process that was configured wrongly (EX_CONFIG of sysexits.h)."""

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _http_url(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("is not an http:// or https:// address")
    return url


def _ending_in_slash(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def _redis_url(url: str) -> str:
    if not re.match(r"(redis|rediss|unix)://.", url):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return url


def _names(value: object) -> object:
    """Read `a, @b` as ("a", "b")."""
    return tuple(part.strip().lstrip("@") for part in value.split(",")) if isinstance(value, str) else value


def _token(prefix: str) -> AfterValidator:
    def check(token: SecretStr) -> SecretStr:
        if not token.get_secret_value().startswith(prefix):
            raise ValueError(f"does not start with {prefix}")
        return token

    return AfterValidator(check)


HttpUrl = Annotated[str, AfterValidator(_http_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Folder = Annotated[Path, AfterValidator(_absolute)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class _FromMapping(BaseSettings):
    """Values come from the mapping handed to `load_settings`, never behind its back from the process."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keep one source: the values passed in."""
        return (init_settings,)


class Settings(_FromMapping):
    """What one bot process needs to know.

    Slack: the bot token always; the app-level token in socket mode, the signing secret in http mode.
    """

    slack_bot_token: Annotated[SecretStr, _token("xoxb-")]
    slack_app_token: Annotated[SecretStr, _token("xapp-")] | None = None
    slack_signing_secret: SecretStr | None = None
    slack_mode: Literal["socket", "http"] = "socket"
    slack_api_url: Annotated[HttpUrl, AfterValidator(_ending_in_slash)] = "https://slack.com/api/"

    bind_host: str = "127.0.0.1"
    """Where the HTTP ports listen; a container that is reached from outside sets 0.0.0.0."""
    http_port: Port = 3000
    """Port of Slack's requests in http mode; 0 takes a free one."""
    health_port: Port = 0
    """Port of /healthz, /readyz and /reports; 0 takes a free one."""
    public_url: HttpUrl | None = None
    """Address under which people's browsers reach /reports of the health port; None: reports come as files only."""
    report_key: SecretStr | None = None
    """Signs the links to reports; None: a random one, kept in Redis."""

    redis_url: RedisUrl | None = None
    """None: a server of our own with its data in `proctor_home`."""
    proctor_home: Folder = Field(default=Path(".proctor"), validate_default=True)
    proctor_tasks: Folder = Field(default=Path("tasks"), validate_default=True)
    proctor_platforms: Folder | None = None
    evals_url: str | None = None
    """Where evals keep their answers, as fsspec spells it (`s3://bucket/evals`); None: `evals` in `proctor_home`."""

    openai_api_key: SecretStr | None = None
    local_platform_url: HttpUrl | None = None
    judge_platform: str = "openai"
    """The platform whose models judge, for graders that ask one."""

    alias_token: SecretStr | None = None
    """Whoever has it may ask GET /aliases/<alias> of the health port; None: nobody may."""
    alias_webhook: HttpUrl | None = None
    """Where each move of an alias is sent to."""
    alias_webhook_secret: SecretStr | None = None
    """Signs what is sent there."""
    audit_key: SecretStr | None = None
    """Seals the audit trail; None: it is chained without a key."""

    approvers: Names = ("model-approvers",)
    """Handles of the Slack user groups whose members may approve, where a task names none."""
    open_control: bool = False
    """`yes` lets everybody resume and cancel every job, cancel every eval, and have checkpoints evaluated again, as
    small teams like it; otherwise who launched it, or started the eval, and the task's approvers. Everybody may pause.
    """
    retention_days: Annotated[int, Field(ge=1)] = 180
    """Days for which a job's steps and messages, and evals that are not part of a job, are kept after its end. Jobs,
    approvals, evidence, aliases and the audit trail are kept for good."""
    card_seconds: Seconds = 45.0
    """Shortest time between two edits of one job's card; what a person's click changes shows at once."""
    picture_steps: Annotated[int, Field(ge=1)] | None = None
    """Steps between two pictures of one job's curve; None: a twentieth of the job, at least from one evaluation to the
    next."""
    chart_workers: Annotated[int, Field(ge=1, le=8)] = 1
    """Processes that draw."""

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _mode_has_its_secret(self) -> Self:
        if self.slack_mode == "socket" and self.slack_app_token is None:
            raise ValueError("SLACK_APP_TOKEN is missing; SLACK_MODE=socket needs it")
        if self.slack_mode == "http" and self.slack_signing_secret is None:
            raise ValueError("SLACK_SIGNING_SECRET is missing; SLACK_MODE=http needs it")
        return self

    @model_validator(mode="after")
    def _webhook_has_its_secret(self) -> Self:
        if self.alias_webhook and self.alias_webhook_secret is None:
            raise ValueError("ALIAS_WEBHOOK_SECRET is missing; ALIAS_WEBHOOK needs it")
        return self

    @model_validator(mode="after")
    def _files_exist(self) -> Self:
        if not self.proctor_tasks.is_dir():
            raise ValueError(f"PROCTOR_TASKS: there is no folder {self.proctor_tasks}")
        if self.proctor_platforms is not None and not self.proctor_platforms.is_file():
            raise ValueError(f"PROCTOR_PLATFORMS: there is no file {self.proctor_platforms}")
        return self


class StateSettings(_FromMapping):
    """Where the bot's state is: what a command that only looks at it needs to know."""

    redis_url: RedisUrl | None = None
    """None: the server of the bot that keeps its data in `proctor_home`."""
    proctor_home: Folder = Field(default=Path(".proctor"), validate_default=True)
    proctor_tasks: Folder = Field(default=Path("tasks"), validate_default=True)
    audit_key: SecretStr | None = None


class DemoSettings(_FromMapping):
    """What `make demo` can be told: where to keep things, the page's port, how many bots, how fast to train."""

    proctor_home: Folder = Field(default=Path(".proctor"), validate_default=True)
    proctor_tasks: Folder = Field(default=Path("tasks"), validate_default=True)
    redis_url: RedisUrl | None = None
    port: Port | None = None
    """The page's port; None keeps the last run's, 0 takes a free one."""
    bots: Annotated[int, Field(ge=1, le=10)] = 1
    """Copies of the bot; Slack allows ten sockets for each app."""
    pace: Annotated[float, Field(ge=0)] | None = None
    """Seconds for each training step; None leaves it to the platform, 0 is full speed."""
    card_seconds: Seconds = 3.0
    """As for a bot, but shorter: the demo trains in about a minute."""


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the bot's settings from `env`, by default the process environment.

    Raises:
        ConfigurationError: one line naming every variable that is missing or malformed, never its value.
    """
    return _load(Settings, env)


def load_demo_settings(env: Mapping[str, str] | None = None) -> DemoSettings:
    """Read the demo's settings from `env`, by default the process environment; raises as `load_settings` does."""
    return _load(DemoSettings, env)


def load_state_settings(env: Mapping[str, str] | None = None) -> StateSettings:
    """Read where the state is from `env`, by default the process environment; raises as `load_settings` does."""
    return _load(StateSettings, env)


def forget_slack_secrets() -> None:
    """Take Slack's secrets out of the process environment, once the settings hold them.

    Bolt would read the token there a second time, and child processes would inherit all of them.
    """
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        os.environ.pop(name, None)


def key_of(name: str, env: Mapping[str, str] | None = None) -> SecretStr | None:
    """Return the secret in the environment variable `name`, or None where it is unset or empty."""
    value = (os.environ if env is None else env).get(name)
    return SecretStr(value) if value else None


def audit_key(secret: SecretStr | None) -> bytes:
    """Return the key that seals the audit trail; empty where none is set."""
    return secret.get_secret_value().encode() if secret else b""


def child_environment(extra: Mapping[str, str], env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child process of the demo: ours without any Slack token, and `extra` over it."""
    ours = os.environ if env is None else env
    return {name: value for name, value in ours.items() if not name.startswith("SLACK_")} | dict(extra)


Loaded = TypeVar("Loaded", bound=_FromMapping)


def _load(kind: type[Loaded], env: Mapping[str, str] | None) -> Loaded:
    source = os.environ if env is None else env
    values: dict[str, Any] = {name: source[name.upper()] for name in kind.model_fields if source.get(name.upper())}
    try:
        return kind(**values)
    except ValidationError as invalid:
        problems = [_sentence(error["loc"], error["type"], error["msg"]) for error in invalid.errors()]
        raise ConfigurationError("; ".join(problems)) from None


def _sentence(where: tuple[int | str, ...], kind: str, message: str) -> str:
    said = message.removeprefix("Value error, ")
    if not where:  # a rule over several fields names its variable itself
        return said
    variable = str(where[0]).upper()
    if kind == "missing":
        return f"{variable} is missing"
    return f"{variable} {said}" if kind == "value_error" else f"{variable}: {said[0].lower()}{said[1:]}"
