"""The form for an uploaded data set, and what is downloaded from where."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.files import SlackFile, download, files_of, is_files_host, look_up
from handlers.slack.forms import Choice, select
from handlers.tasks import imports
from handlers.tasks.datasets import (
    SHORTCUT,
    UploadRequest,
    form,
    label_chart,
    read_form,
    size_of,
    thread_of,
    upload_message,
)
from jobs.core.errors import BotError, Conflict, InvalidRequest, NotAllowed, NotFound
from jobs.tasks.datasets.uploads import LARGEST_UPLOAD, Ingested
from local.slack.blocks import validate_view
from local.slack.seed_data import PROCTOR
from tests.handlers.known_people import ALICE, RFT

ROWS = SlackFile("F0000000A1", "rows.jsonl", 12_345, "https://files.slack.com/files-pri/T-F/rows.jsonl")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def file(**changes: Any) -> dict[str, Any]:
    shown = {"id": ROWS.id, "name": ROWS.name, "size": ROWS.size, "url_private": ROWS.url, "mode": "hosted"}
    return {**shown, **changes}


def test_files_that_slack_no_longer_has_are_left_out() -> None:
    gone = [file(id="F2", mode="tombstone"), file(id="F3", mode="hidden_by_limit"), file(id="F4", is_external=True)]
    assert files_of({"files": [*gone, file()]}) == (ROWS,)
    with pytest.raises(NotFound, match="was deleted, or is kept outside Slack"):
        files_of({"files": gone})
    with pytest.raises(NotFound, match="has no file"):
        files_of({"text": "rows"})


def test_a_file_of_another_workspace_may_come_without_its_name_and_size() -> None:
    [known] = files_of({"files": [{"id": "F1", "file_access": "check_file_info"}]})
    assert known == SlackFile("F1", "F1", None, "")
    assert size_of(known) == "size unknown"


@pytest.mark.parametrize(("size", "words"), [(1023, "1,023 bytes"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB")])
def test_sizes_are_said_for_people(size: int, words: str) -> None:
    assert size_of(SlackFile("F1", "x", size, "")) == words


def test_the_form_for_one_file_shows_it_and_knows_the_split_by_its_name() -> None:
    named = SlackFile("F0000000A1", "Valid.jsonl", 10, "")
    view = form([named], ["eurovoc", "goods"], RFT)
    assert validate_view(view) == []
    assert "initial_option" not in str(view["blocks"][1])  # type: ignore[index] # a block is a plain payload
    assert view["blocks"][2]["element"]["initial_option"]["value"] == "valid"  # type: ignore[index] # the same


@pytest.mark.parametrize("tasks", [1, 100, 101, 950])
def test_every_task_can_be_chosen_however_many_there_are(tasks: int) -> None:
    names = [f"task-{n:03}" for n in range(tasks)]
    view = form([ROWS, SlackFile("F0000000A2", "x" * 300, None, "")], names, RFT)
    assert validate_view(view) == []
    assert all(f"'{name}'" in str(view) for name in names)


def test_a_long_list_is_parted_by_what_it_begins_and_ends_with() -> None:
    block = select("Task", "task", [Choice(f"t{n:03}", f"t{n:03}") for n in range(150)])
    assert "'t000 to t099'" in str(block)
    assert "'t100 to t149'" in str(block)


def test_a_hostile_file_name_can_neither_mention_nor_break_the_form() -> None:
    view = form([SlackFile("F0000000A1", "<!channel> *x*.jsonl", 1, "")], ["goods"], RFT)
    assert validate_view(view) == []
    assert "<!channel>" not in str(view["blocks"])


def test_a_submitted_form_says_what_it_asks_for() -> None:
    view: dict[str, Any] = dict(form([ROWS, ROWS], ["goods"], RFT, "1.2"))
    chosen = {"file": "F0000000A1", "task": "goods", "split": "pool"}
    view["state"] = {"values": {key: {key: {"selected_option": {"value": value}}} for key, value in chosen.items()}}
    asked = read_form(view, ALICE)
    assert asked == UploadRequest("F0000000A1", "goods", "pool", RFT, "1.2", ALICE)


@pytest.mark.parametrize(
    ("message", "thread"),
    [
        ({"ts": "2.0"}, None),
        ({"ts": "2.0", "thread_ts": "2.0"}, None),
        ({"ts": "2.0", "thread_ts": "1.0"}, "1.0"),
        ({"ts": "2.0", "thread_ts": "1.0", "subtype": "thread_broadcast"}, None),
    ],
)
def test_the_answer_goes_where_the_message_is_seen(message: dict[str, str], thread: str | None) -> None:
    assert thread_of(message) == thread


@pytest.mark.parametrize("name", ["socket", "http"])
def test_the_manifest_brings_the_shortcuts(name: str) -> None:
    manifest = yaml.safe_load((Path(__file__).parents[3] / "manifest" / f"{name}.yaml").read_text())
    shortcuts = manifest["features"]["shortcuts"]
    assert [(each["callback_id"], each["type"]) for each in shortcuts] == [
        (SHORTCUT, "message"),
        (imports.SHORTCUT, "message"),
    ]
    assert [(each.callback_id, each.name, each.description) for each in PROCTOR.shortcuts] == [
        (each["callback_id"], each["name"], each["description"]) for each in shortcuts
    ]


def test_labels_are_drawn_only_where_one_comes_twice() -> None:
    made = Ingested("goods-data-1", "goods", "train", 3, {"fish": 2, "iron": 1}, ())
    chart = label_chart(made)
    assert chart is not None
    assert chart.title == "The most frequent label comes 2 times, the rarest 1"
    even = label_chart(Ingested("goods-data-1", "goods", "train", 4, {"fish": 2, "iron": 2}, ()))
    assert even is not None
    assert even.title == "Each label comes 2 times"
    assert "image" in str(upload_message(made, chart, "F0000000A1").blocks)
    assert "image" not in str(upload_message(made, chart, None).blocks)
    assert label_chart(Ingested("goods-data-1", "goods", "train", 2, {"a text": 1, "another": 1}, ())) is None


@pytest.mark.parametrize(
    ("url", "api", "own"),
    [
        (ROWS.url, "https://slack.com/api/", True),
        (ROWS.url, "https://www.slack.com/api/", True),
        ("https://files.slack-gov.com/x", "https://slack-gov.com/api/", True),
        ("http://127.0.0.1:8000/files-pri/x", "http://127.0.0.1:8000/api/", True),
        ("http://127.0.0.1:8001/files-pri/x", "http://127.0.0.1:8000/api/", False),
        ("http://files.slack.com/x", "https://slack.com/api/", False),
        ("https://files.slack.com.example.com/x", "https://slack.com/api/", False),
        ("https://files.slack.com@example.com/x", "https://slack.com/api/", False),
        ("https://169.254.169.254/latest", "https://slack.com/api/", False),
        ("https://files.slack.com:bad/x", "https://slack.com/api/", False),
        ("", "https://slack.com/api/", False),
    ],
)
def test_only_slacks_own_file_host_gets_the_token(url: str, api: str, own: bool) -> None:
    assert is_files_host(url, api) is own


@asynccontextmanager
async def file_host(answer: Answer) -> AsyncIterator[AsyncWebClient]:
    """A host of files that answers every download alike, and a client of its Web API."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield AsyncWebClient("xoxb-a-token", base_url=f"{server.make_url('/api/')}", retry_handlers=[])


async def downloaded(answer: Answer, size: int | None = None, url: str | None = None) -> bytes:
    async with file_host(answer) as client:
        where = url or client.base_url.replace("/api/", "/files-pri/T-F/rows.jsonl")
        return await download(client, SlackFile("F1", "rows.jsonl", size, where))


async def test_a_file_comes_whole_and_with_the_bots_token() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.headers["Authorization"])

    assert await downloaded(answer) == b"Bearer xoxb-a-token"


@pytest.mark.parametrize(("error", "kind"), [("not_visible", NotFound), ("internal_error", SlackApiError)])
async def test_a_file_that_cannot_be_seen_is_no_bug_and_other_refusals_are(error: str, kind: type[Exception]) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": False, "error": error})

    async with file_host(answer) as client:
        with pytest.raises(kind):
            await look_up(client, "F1")


async def endless(request: web.Request) -> web.StreamResponse:
    """Say nothing of a length, and send more than a data set may have."""
    response = web.StreamResponse()
    await response.prepare(request)
    block = b"x" * (1 << 20)
    for _ in range((LARGEST_UPLOAD >> 20) + 8):
        await response.write(block)
    return response


async def cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"x" * 10)
    assert request.transport is not None
    request.transport.abort()
    return response


async def elsewhere(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("https://example.com/signin")


async def sign_in_page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Sign in</html>", content_type="text/html")


async def busy(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def never(_request: web.Request) -> web.StreamResponse:
    raise AssertionError("nothing may be downloaded")


@pytest.mark.parametrize(
    ("answer", "size", "url", "kind", "sentence"),
    [
        (endless, 10, None, InvalidRequest, "at most 64 MiB"),
        (never, LARGEST_UPLOAD + 1, None, InvalidRequest, "at most 64 MiB"),
        (never, 10, "https://example.com/rows.jsonl", NotAllowed, "not kept by Slack itself"),
        (elsewhere, 10, None, NotAllowed, "scope files:read"),
        (sign_in_page, 10, None, NotAllowed, "scope files:read"),
        (busy, 10, None, Conflict, "Slack answered 503. Use the shortcut again."),
        (cut_off, 100, None, Conflict, "could not be downloaded from Slack"),
    ],
)
async def test_what_cannot_be_downloaded_is_said(
    answer: Answer, size: int, url: str | None, kind: type[BotError], sentence: str
) -> None:
    with pytest.raises(kind) as raised:
        await downloaded(answer, size, url)
    assert "'rows.jsonl'" in str(raised.value)
    assert sentence in str(raised.value)
