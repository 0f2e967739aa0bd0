"""What cannot be run here as it will run there: the container's install steps, the manifests, the compose file."""

import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bot.doctor import SCOPES as SCOPES_OF_THE_DOCTOR
from bot.settings import Settings

ROOT = Path(__file__).parent.parent

SCOPES = {
    "chat_postMessage": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_delete": {"chat:write"},
    "chat_getPermalink": set[str](),
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_replies": {"channels:history", "groups:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "conversations_members": {"channels:read", "groups:read"},
    "files_getUploadURLExternal": {"files:write"},
    "files_upload_v2": {"files:write"},
    "files_completeUploadExternal": {"files:write"},
    "files_info": {"files:read"},
    "usergroups_list": {"usergroups:read"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "users_list": {"users:read"},
    "views_open": set[str](),
    "views_update": set[str](),
    "views_push": set[str](),
    "views_publish": set[str](),
    "auth_test": set[str](),
}
"""Web API method -> bot scopes it needs, from Slack's method pages."""
EVENTS = {
    "app_home_opened": set[str](),
    "app_mention": {"app_mentions:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
}
"""Event -> bot scopes it needs, from Slack's event pages."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile, continuation lines joined."""

    word: str
    rest: str


def stages() -> list[list[Step]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    steps = [Step(*line.split(" ", 1)) for line in text.splitlines() if line and not line.startswith("#")]
    starts = [n for n, step in enumerate(steps) if step.word == "FROM"]
    return [steps[start:end] for start, end in zip(starts, [*starts[1:], len(steps)], strict=True)]


def run(command: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(("/bin/sh", "-c", command), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode and re.search(r"name resolution|ConnectionError|Failed to fetch|ConnectTimeout", done.stderr):
        pytest.skip(f"no package index can be reached from here: {done.stderr.strip().splitlines()[-1]}")
    return done


def copy(sources: list[str], to: Path) -> None:
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, to / source)


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_the_containers_steps_install_a_bot_that_runs_in_a_clean_environment(tmp_path: Path) -> None:
    builder, runtime = stages()
    app = tmp_path / "app"
    app.mkdir()
    venv.create(tmp_path / "python", with_pip=True)
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "HTTP", "HOME", "http"))}
    env = kept | {"PATH": f"{tmp_path}/python/bin:/usr/bin:/bin"}
    for step in builder:
        if step.word == "ENV":
            env |= dict(pair.split("=", 1) for pair in step.rest.split())
            env["UV_COMPILE_BYTECODE"] = "0"  # ten thousand files, of which this bot starts once
        if step.word == "COPY":
            copy(step.rest.split()[:-1], app)
        if step.word == "RUN":
            done = run(step.rest, app, env)
            assert done.returncode == 0, f"{step.rest}: {done.stderr}"
    assert list((app / ".matplotlib").glob("fontlist*.json"))
    assert not (app / ".venv/bin/pytest").exists()

    for step in runtime:
        if step.word == "COPY" and not step.rest.startswith("--from"):
            copy(step.rest.split()[:-1], app)
    bot = run(".venv/bin/python -m bot", app, kept | {"MPLCONFIGDIR": f"{app}/.matplotlib"})
    assert bot.returncode == 78, bot.stderr
    assert bot.stderr.strip().splitlines()[-1].startswith("SLACK_BOT_TOKEN is missing")


def test_the_container_is_not_root_keeps_its_data_and_tells_its_health() -> None:
    runtime = {step.word: step.rest for step in stages()[-1]}

    assert runtime["USER"] == "10001"
    assert runtime["VOLUME"] == "/data"
    assert 'CMD ["python", "-m", "bot", "health"]' in runtime["HEALTHCHECK"]
    assert runtime["CMD"] == '["python", "-m", "bot"]'


def test_everything_the_container_copies_passes_its_ignore_file() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for stage in stages()
        for step in stage
        if step.word == "COPY" and "--from" not in step.rest
        for source in step.rest.split()[:-1]
    }

    assert copied == allowed


def test_the_same_uv_is_pinned_everywhere() -> None:
    pinned = re.findall(r"uv==([\d.]+)", (ROOT / "Dockerfile").read_text())
    (version,) = re.findall(r"UV_VERSION := ([\d.]+)", (ROOT / "Makefile").read_text())

    assert pinned == [version]


def test_compose_keeps_every_write_of_redis_and_asks_for_nothing_more_than_the_readme() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    assert services["bot"]["environment"] == {"REDIS_URL": "redis://redis:6379/0"}
    command = services["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_a_manifest_stays_within_slacks_limits(mode: str) -> None:
    manifest = yaml.safe_load((ROOT / "manifest" / f"{mode}.yaml").read_text())

    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    for command in manifest["features"]["slash_commands"]:
        assert re.fullmatch(r"/[a-z]{1,31}", command["command"])
        assert len(command["usage_hint"]) <= 1000
        assert ("url" in command) == (mode == "http")
    assert ("request_url" in manifest["settings"]["interactivity"]) == (mode == "http")
    assert manifest["settings"]["socket_mode_enabled"] == (mode == "socket")


def test_the_two_manifests_differ_only_in_how_slack_reaches_the_bot() -> None:
    socket, http = (yaml.safe_load((ROOT / "manifest" / f"{mode}.yaml").read_text()) for mode in ("socket", "http"))
    for command in http["features"]["slash_commands"]:
        del command["url"]
    del http["settings"]["interactivity"]["request_url"]
    del http["settings"]["event_subscriptions"]["request_url"]
    http["settings"]["socket_mode_enabled"] = True

    assert http == socket


def test_the_bot_asks_for_exactly_the_scopes_and_commands_it_uses() -> None:
    sources = "\n".join(path.read_text() for folder in ("bot", "handlers") for path in (ROOT / folder).rglob("*.py"))
    called = set(re.findall(r"\.((?:auth|chat|conversations|files|usergroups|users|views)_\w+)\(", sources))
    listened = set(re.findall(r'\blisten\(listeners, "(/\w+)"', sources))
    manifest = yaml.safe_load((ROOT / "manifest" / "socket.yaml").read_text())

    assert called <= SCOPES.keys(), "add the new method and its scopes above"
    heard = set(re.findall(r'\blisteners\.event\("(\w+)"', sources))
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == heard
    needed = {"commands"} | {scope for method in called for scope in SCOPES[method]}
    needed |= {scope for event in heard for scope in EVENTS[event]}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed == set(SCOPES_OF_THE_DOCTOR)
    assert {command["command"] for command in manifest["features"]["slash_commands"]} == listened


@pytest.mark.skipif(sys.platform != "linux", reason="the steps are those of a Linux container")
def test_the_scripts_can_be_read_by_their_shells() -> None:
    subprocess.run(("/usr/bin/env", "bash", "-n", ROOT / ".ci" / "run"), check=True)
    subprocess.run(
        ("/usr/bin/env", "make", "-n", "-C", ROOT, "test", "check", "bench", "demo"), check=True, capture_output=True
    )
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = dict(
        re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", (ROOT / "docs" / "settings.md").read_text(), flags=re.MULTILINE)
    )
    fields = {name.upper(): field for name, field in Settings.model_fields.items()}

    assert rows.keys() == fields.keys()
    for name, row in rows.items():
        default = fields[name].default
        if isinstance(default, str | int | float) and default:
            assert f"`{default:g}`" if isinstance(default, float) else f"`{default}`" in row


def test_every_file_that_the_documents_name_exists() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / document).read_text()
        named = re.findall(r"`((?:bot|handlers|jobs|charts|local|tests|tasks|manifest)/[\w/.]*)`", text)
        named += re.findall(r"\]\(([\w./]+)\)", text)

        assert [path for path in named if not (ROOT / path).exists()] == []
