"""The doctor's report, and its look at a real set-up."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.app import examine
from bot.doctor import SCOPES, _is_open, _scopes, _skew
from bot.settings import load_settings
from handlers.doctor import Diagnosis, Health, doctor_lines, doctor_message, verdict
from tests.handlers.conftest import Scene
from tests.story.conftest import House

FINE = Diagnosis("Slack", Health.OK, "signed in.")
LATE = Diagnosis("clock", Health.RISK, "It is <late>.")
GONE = Diagnosis("Redis", Health.BROKEN, "No answer within 20 s.")
DATE = "Sun, 29 Nov 2026 12:00:00 GMT"
NOON = 1_795_953_600.0


def test_the_verdict_counts_what_is_wrong_and_the_worst_comes_first() -> None:
    assert verdict((FINE, FINE)) == "All is well: 2 parts checked."
    assert verdict((FINE, LATE, GONE)) == "1 broken and 1 at risk; 1 is well."
    shown = doctor_message((FINE, LATE, GONE))
    lines = str(shown.blocks[0]["text"]).split("\\n")
    assert [line.split("*:")[0].strip("*") for line in lines[1:]] == ["Redis", "clock", "Slack"]
    assert "&lt;late&gt;" in lines[2]
    assert doctor_lines((FINE, GONE)).splitlines()[0] == "broken   Redis: No answer within 20 s."


@pytest.mark.parametrize(
    ("headers", "missing"),
    [
        ({"x-oauth-scopes": ",".join(SCOPES)}, None),
        ({"x-oauth-scopes": ", ".join(each for each in SCOPES if each != "files:read")}, "files:read"),
        ({}, None),
    ],
    ids=["all", "one is missing", "Slack does not say"],
)
def test_scopes_that_are_missing_are_named(headers: Mapping[str, str], missing: str | None) -> None:
    found = _scopes(headers)
    assert (found is None) == (missing is None)
    assert missing is None or (found is not None and f"lacks {missing}." in found.text)


def test_a_clock_counts_as_wrong_only_beyond_what_a_network_explains() -> None:
    assert _skew(DATE, NOON + 30) is None
    assert _skew(DATE, NOON + 120) == 120
    assert _skew(DATE, NOON - 400) == -400
    assert _skew(None, NOON) is None


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("redis://redis:6379/0", True),
        ("redis://10.0.0.7:6379", True),
        ("rediss://:secret@redis:6379", False),
        ("redis://localhost", False),
        ("redis://127.0.0.1:6379", False),
        ("unix:///run/redis.sock", False),
    ],
)
def test_a_server_that_a_network_reaches_without_a_password_is_open(url: str, *, is_open: bool) -> None:
    assert _is_open(url) is is_open


async def test_a_set_up_is_examined_before_its_first_start(house: House, tmp_path: Path) -> None:
    house.copy_eurovoc()
    broken = house.copy_eurovoc("broken") / "task.yaml"
    broken.write_text(broken.read_text("utf-8").replace("reward: f1", "reward: precise"), "utf-8")
    judged = house.copy_eurovoc("judged")
    judge = '{"type": "score_model", "name": "judge", "model": "big", "input": [{"role": "user", "content": "?"}]}'
    (judged / "graders" / "judge.json").write_text(judge, "utf-8")
    changed = {"APPROVERS": "no-such-group", "ALIAS_WEBHOOK": "http://127.0.0.1:9/", "ALIAS_WEBHOOK_SECRET": "s" * 32}
    settings = load_settings({**house.environment, "PROCTOR_HOME": str(tmp_path / "other"), **changed})
    found = {each.part: each for each in await examine(settings, lambda _: None)}
    assert found["Slack"].text.startswith("signed in to Local workspace")
    assert found["platform local"].health is Health.OK
    assert "OPENAI_API_KEY is not set" in found["platform openai"].text
    assert "broken/task.yaml line" in found["tasks"].text
    assert "judged is graded by a model, and it has no key: set OPENAI_API_KEY." in found["judge"].text
    assert "@no-such-group (APPROVERS)" in found["approvers"].text
    assert found["webhook"].health is Health.BROKEN
    assert "appendonly is off" in found["Redis"].text, "as it is in tests"


async def test_somebody_who_asks_in_slack_is_told_about_the_channel_too(scene: Scene) -> None:
    await scene.workspace.type_command("dave", "/proctor", "doctor")
    await scene.workspace.told("dave", "2 at risk; ")  # no task, and a server that keeps nothing over a crash
