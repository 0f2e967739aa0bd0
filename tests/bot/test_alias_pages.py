"""Where an alias points, asked over real HTTP."""

import json
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.alias_pages import AliasPages
from bot.health import serving
from bot.settings import load_settings
from jobs.aliases.records import Alias
from jobs.core.errors import ConfigurationError
from jobs.state.connection import AWAY
from jobs.state.store import Store
from tests.jobs.aliases.team import NOTHING_KNOWN, PRODUCTION, Team
from tests.records import BOB

TOKEN = "a-token-that-production-has"
GIVEN = {"Authorization": f"Bearer {TOKEN}"}


class Served:
    """The page, over a real store."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.url = ""
        self.fault: Exception | None = None

    async def find(self, name: str) -> Alias | None:
        if self.fault:
            raise self.fault
        held = await self.team.store.record(Alias, name)
        return held.value if held else None

    async def get(
        self, name: str = PRODUCTION, headers: dict[str, str] | None = None
    ) -> tuple[int, str, Mapping[str, str]]:
        url = f"{self.url}/aliases/{name}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers or {}) as answer:
            return answer.status, await answer.text(), answer.headers


@pytest.fixture
async def served(store: Store) -> AsyncIterator[Served]:
    served, app = Served(Team(store)), web.Application()
    AliasPages(served.find, SecretStr(TOKEN), AWAY).add_to(app)
    async with serving(app, "127.0.0.1", 0) as port:
        served.url = f"http://127.0.0.1:{port}"
        yield served


async def test_production_reads_where_it_points_and_asks_again_for_nothing(served: Served) -> None:
    await served.team.moved("rft-first")
    status, text, headers = await served.get(headers=GIVEN)
    assert status == 200
    assert json.loads(text) == {
        "alias": PRODUCTION,
        "model": "ft:rft-first:10",
        "platform": "local",
        "job": "rft-first",
        "step": 10,
        "since": "2025-11-22T08:26:40Z",
        "version": 1,
        **NOTHING_KNOWN,
    }
    assert headers["Content-Type"].startswith("application/json")
    assert headers["Cache-Control"] == "private, no-cache"
    tag = headers["ETag"]

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again, nothing, kept = await served.get(headers={**GIVEN, "If-None-Match": known})
        assert (again, nothing, kept["ETag"]) == (304, "", tag)
    assert (await served.get(headers={**GIVEN, "If-None-Match": '"other"'}))[0] == 200

    await served.team.approved("rft-second", step=20)
    await served.team.aliases.move("rft-second", "production", BOB, "better", seen={PRODUCTION: 1})
    status, text, headers = await served.get(headers={**GIVEN, "If-None-Match": tag})
    assert (status, json.loads(text)["model"]) == (200, "ft:rft-second:20")
    assert headers["ETag"] != tag


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}\u00e9"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
    ],
)
async def test_without_the_token_nothing_is_told_not_even_which_aliases_there_are(
    served: Served, headers: dict[str, str]
) -> None:
    await served.team.moved("rft-first")
    there, missing = await served.get(headers=headers), await served.get("gone@production", headers=headers)
    assert there[:2] == missing[:2]
    status, text, answered = there
    assert status == 401
    assert json.loads(text) == {"error": "Send the header Authorization: Bearer <ALIAS_TOKEN>."}
    assert answered["WWW-Authenticate"] == 'Bearer realm="aliases"'


@pytest.mark.parametrize("name", ["acts@canary", "..%2f..%2fetc", "acts%40nothing", "%00", "*"])
async def test_what_is_not_there_is_said_in_json(served: Served, name: str) -> None:
    status, text, _ = await served.get(name, headers=GIVEN)
    assert status == 404
    assert json.loads(text)["error"].startswith("There is no alias ")


async def test_the_name_may_be_quoted(served: Served) -> None:
    await served.team.moved("rft-first")
    assert (await served.get("acts%40production", headers=GIVEN))[0] == 200


async def test_while_the_state_is_away_it_says_so_and_when_to_ask_again(served: Served) -> None:
    served.fault = AWAY[0]("the server went away")
    status, text, headers = await served.get(headers=GIVEN)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert "ask again" in json.loads(text)["error"]


async def test_a_bug_is_not_taken_for_an_absence_of_the_state(served: Served) -> None:
    served.fault = KeyError("a bug")
    status, _, headers = await served.get(headers=GIVEN)
    assert status == 500
    assert "Retry-After" not in headers


async def test_where_no_token_is_set_nobody_is_answered(store: Store) -> None:
    app = web.Application()
    AliasPages(Served(Team(store)).find, None, AWAY).add_to(app)
    async with (
        serving(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(headers=GIVEN) as session,
        session.get(f"http://127.0.0.1:{port}/aliases/{PRODUCTION}") as answer,
    ):
        assert answer.status == 404
        assert (await answer.json())["error"] == "Aliases are not served here: ALIAS_TOKEN is not set."


def test_a_webhook_without_a_secret_is_a_wrong_setting() -> None:
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "ALIAS_WEBHOOK": "https://hooks.example/x"}
    with pytest.raises(ConfigurationError, match="ALIAS_WEBHOOK_SECRET is missing; ALIAS_WEBHOOK needs it"):
        load_settings(tokens)
    settings = load_settings(tokens | {"ALIAS_WEBHOOK_SECRET": "very-secret"})
    assert "very-secret" not in repr(settings)
