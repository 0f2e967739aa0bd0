from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.settings import child_environment, key_of, load_demo_settings, load_settings
from jobs.core.errors import ConfigurationError

SOCKET = {"SLACK_BOT_TOKEN": "xoxb-1-secret", "SLACK_APP_TOKEN": "xapp-1-secret"}


def test_two_slack_tokens_are_enough() -> None:
    settings = load_settings(SOCKET)

    assert settings.slack_mode == "socket"
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.redis_url is None
    assert settings.proctor_home == Path.cwd() / ".proctor"
    assert settings.approvers == ("model-approvers",)
    assert settings.bind_host == "127.0.0.1"


def test_every_value_can_be_given(tmp_path: Path) -> None:
    platforms = tmp_path / "platforms.yaml"
    platforms.write_text("{}")
    settings = load_settings(
        {
            **SOCKET,
            "SLACK_API_URL": "http://127.0.0.1:9/api",
            "REDIS_URL": "unix:///run/redis.sock",
            "PROCTOR_HOME": str(tmp_path / "home"),
            "PROCTOR_TASKS": str(tmp_path),
            "PROCTOR_PLATFORMS": str(platforms),
            "HEALTH_PORT": "8081",
            "APPROVERS": "@ml-leads, model-approvers",
            "CARD_SECONDS": "0.5",
            "LOG_FORMAT": "console",
        }
    )

    assert settings.slack_api_url == "http://127.0.0.1:9/api/"
    assert settings.redis_url == "unix:///run/redis.sock"
    assert settings.proctor_platforms == platforms
    assert settings.health_port == 8081
    assert settings.approvers == ("ml-leads", "model-approvers")
    assert settings.card_seconds == 0.5


def test_an_empty_value_counts_as_unset() -> None:
    assert load_settings({**SOCKET, "REDIS_URL": "", "PROCTOR_PLATFORMS": ""}).redis_url is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is missing"),
        ({"SLACK_BOT_TOKEN": "xapp-oops-secret"}, "SLACK_BOT_TOKEN does not start with xoxb-"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN is missing; SLACK_MODE=socket needs it"),
        ({"SLACK_MODE": "http"}, "SLACK_SIGNING_SECRET is missing; SLACK_MODE=http needs it"),
        ({"SLACK_MODE": "carrier-pigeon"}, "SLACK_MODE: input should be 'socket' or 'http'"),
        ({"SLACK_API_URL": "slack.com"}, "SLACK_API_URL is not an http:// or https:// address"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL must start with redis://, rediss:// or unix://"),
        ({"HEALTH_PORT": "eighty"}, "HEALTH_PORT: input should be a valid integer"),
        ({"HEALTH_PORT": "70000"}, "HEALTH_PORT: input should be less than or equal to 65535"),
        ({"CARD_SECONDS": "0"}, "CARD_SECONDS: input should be greater than 0"),
        ({"PROCTOR_TASKS": "/nowhere/tasks"}, "PROCTOR_TASKS: there is no folder /nowhere/tasks"),
        ({"PROCTOR_PLATFORMS": "/nowhere.yaml"}, "PROCTOR_PLATFORMS: there is no file /nowhere.yaml"),
    ],
)
def test_a_wrong_value_is_one_line_naming_the_variable(change: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings({**SOCKET, **change})

    sentence = str(raised.value)
    assert said in sentence
    assert "\n" not in sentence
    assert "secret" not in sentence.replace("SLACK_SIGNING_SECRET", "")
    assert raised.value.__cause__ is None


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"SLACK_BOT_TOKEN is missing.*HEALTH_PORT"):
        load_settings({"HEALTH_PORT": "x"})


def test_settings_do_not_show_their_secrets_and_do_not_change() -> None:
    settings = load_settings({**SOCKET, "OPENAI_API_KEY": "sk-very-secret"})

    assert "very-secret" not in repr(settings)
    with pytest.raises(ValidationError, match="frozen"):
        settings.health_port = 1


def test_a_platform_key_is_found_by_the_name_of_its_variable() -> None:
    key = key_of("AZURE_KEY", {"AZURE_KEY": "abc"})

    assert key is not None
    assert key.get_secret_value() == "abc"
    assert key_of("AZURE_KEY", {"AZURE_KEY": ""}) is None
    assert key_of("AZURE_KEY", {}) is None
    assert key_of("NO_SUCH_VARIABLE_ANYWHERE") is None


def test_the_demo_reads_port_pace_and_bots() -> None:
    demo = load_demo_settings({"PORT": "8750", "PACE": "0", "BOTS": "3"})

    assert (demo.port, demo.pace, demo.bots) == (8750, 0.0, 3)
    assert load_demo_settings({}).port is None
    with pytest.raises(ConfigurationError, match="BOTS: input should be less than or equal to 10"):
        load_demo_settings({"BOTS": "11"})


def test_children_of_the_demo_never_see_real_slack_tokens() -> None:
    env = child_environment(
        {"SLACK_BOT_TOKEN": "xoxb-local-proctor"},
        {"PATH": "/bin", "SLACK_BOT_TOKEN": "xoxb-real", "SLACK_SIGNING_SECRET": "real", "OPENAI_API_KEY": "sk-real"},
    )

    assert env == {"PATH": "/bin", "OPENAI_API_KEY": "sk-real", "SLACK_BOT_TOKEN": "xoxb-local-proctor"}
