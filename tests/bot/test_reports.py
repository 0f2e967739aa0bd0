"""Signed links to reports, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from bot.health import serving
from bot.reports import GOOD_FOR, ROUNDED_TO, Reports
from bot.settings import load_settings
from jobs.core.errors import ConfigurationError, NotFound
from jobs.state.store import Store

NOW = 1_763_800_000.0
SECRET = "s1"
PAGE = "<!doctype html><p>\u0627\u0644\u0639</p>"


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Served:
    """Reports of one eval, served on a port of their own."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.wanted: list[str] = []
        self.file = folder / "report.html"
        self.file.write_text(PAGE, "utf-8")
        self.base = ""

    async def find(self, eval_id: str) -> Path | None:
        self.wanted.append(eval_id)
        if eval_id == "eval-elsewhere":
            raise NotFound("The items of eval-elsewhere are not on this machine.")
        return self.file if eval_id == "eval-abc234" else None

    def reports(self, secret: str = SECRET) -> Reports:
        return Reports(secret, self.find, self.base or "http://127.0.0.1:1", self.clock)

    def link(self, eval_id: str = "eval-abc234", secret: str = SECRET) -> str:
        link = self.reports(secret).link(eval_id)
        assert link is not None
        return link


async def get(url: str) -> tuple[int, str, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text(), dict(response.headers)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    served = Served(tmp_path)
    app = web.Application()
    served.reports().add_to(app)
    async with serving(app, "127.0.0.1", 0) as port:
        served.base = f"http://127.0.0.1:{port}"
        yield served


async def test_a_link_shows_its_report_and_lets_it_reach_nothing(served: Served) -> None:
    status, text, headers = await get(served.link())

    assert (status, text) == (200, PAGE)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_a_link_is_good_for_a_week_and_then_says_how_to_get_another(served: Served) -> None:
    link = served.link()
    served.clock.now = NOW + GOOD_FOR
    assert (await get(link))[0] == 200

    served.clock.now = NOW + GOOD_FOR + ROUNDED_TO + 1
    status, text, _ = await get(link)

    assert status == 410
    assert "This link was good until 29 November 2025" in text
    assert "/eval show eval-abc234" in text


def test_a_link_asked_for_again_within_the_hour_is_the_same(tmp_path: Path) -> None:
    served = Served(tmp_path)
    first = served.link()
    served.clock.now += 60

    assert served.link() == first
    served.clock.now += ROUNDED_TO
    assert served.link() != first


@pytest.mark.parametrize(
    "changes",
    [
        {"sig": ""},
        {"sig": "0" * 64},
        {"sig": "\u0661" * 64},
        {"until": "99999999999"},
        {"until": ""},
        {"until": "\u0661"},
        {},
    ],
)
async def test_a_changed_link_opens_nothing(served: Served, changes: dict[str, str]) -> None:
    link = served.link()
    query = dict(pair.split("=") for pair in link.partition("?")[2].split("&"))
    changed = query | changes if changes else {}

    status, text, headers = await get(f"{link.partition('?')[0]}?{urlencode(changed)}")

    assert status == 403
    assert "Copy the whole link" in text
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert served.wanted == []


async def test_the_signature_of_one_eval_opens_no_other(served: Served) -> None:
    assert (await get(served.link().replace("eval-abc234", "eval-def567")))[0] == 403


async def test_a_link_signed_with_another_secret_opens_nothing(served: Served) -> None:
    assert (await get(served.link(secret="s2")))[0] == 403


@pytest.mark.parametrize("eval_id", ["..%2f..%2fsecret", "eval-ABC", "eval-a%0a", "rft-abc234", "eval-%2e%2e"])
async def test_only_the_id_of_an_eval_is_looked_up_even_when_signed(served: Served, eval_id: str) -> None:
    unquoted = eval_id.replace("%2f", "/").replace("%2e", ".").replace("%0a", "\n")
    query = served.link(unquoted).partition("?")[2]

    status, _, _ = await get(f"{served.base}/reports/{eval_id}?{query}")

    assert status in {403, 404}
    assert served.wanted == []


async def test_an_eval_that_is_gone_or_elsewhere_is_said_to_be(served: Served) -> None:
    gone = await get(served.link("eval-gone"))
    elsewhere = await get(served.link("eval-elsewhere"))

    assert gone[:2] == (404, "There is no eval eval-gone any more.\n")
    assert elsewhere[:2] == (404, "The items of eval-elsewhere are not on this machine.\n")


def test_without_a_public_address_there_is_no_link(tmp_path: Path) -> None:
    served = Served(tmp_path)

    assert Reports("s1", served.find, None, served.clock).link("eval-abc234") is None


def test_the_public_address_may_have_a_path_and_a_slash(tmp_path: Path) -> None:
    served = Served(tmp_path)
    link = Reports("s1", served.find, "https://bots.example/proctor/", served.clock).link("eval-abc234")

    assert link is not None
    assert link.startswith("https://bots.example/proctor/reports/eval-abc234?until=")


async def test_every_bot_signs_with_the_same_random_secret(store: Store) -> None:
    first, second, other = await asyncio.gather(store.secret("reports"), store.secret("reports"), store.secret("x"))

    assert first == second != other
    assert len(first) == 64


def test_the_public_address_is_a_setting_and_must_be_one() -> None:
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}

    assert load_settings(tokens | {"PUBLIC_URL": "https://bots.example"}).public_url == "https://bots.example"
    assert load_settings(tokens).public_url is None
    with pytest.raises(ConfigurationError, match="PUBLIC_URL is not an http"):
        load_settings(tokens | {"PUBLIC_URL": "bots.example"})
