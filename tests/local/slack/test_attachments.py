"""What people upload, the shortcut they use on it, and the app that downloads it."""

import io
import json
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.server import WorkspaceServer, serve
from tests.local.slack.people import ALICE, RFT, Control, Json, SetClock, SocketApp

SHORTCUT = "use_as_data_set"
ROWS = '{"text_input": "Fürsorge", "reference_answer": "a"}\n'.encode()
TOKEN = {"Authorization": "Bearer xoxb-local-proctor"}


async def upload(control: Control, *files: tuple[str, bytes], **fields: str) -> Json:
    form = aiohttp.FormData({"channel": "rft", "user": "alice", **fields}, quote_fields=False)
    for name, content in files:
        form.add_field("file", content, filename=name)
    # What browsers send; a form without a file would go out as urlencoded fields.
    form._is_multipart = True
    async with control.session.post("/_control/upload", data=form) as answer:
        return dict(await answer.json())


async def test_a_persons_file_stands_in_their_message_as_slack_shows_it(control: Control, clock: SetClock) -> None:
    posted = await upload(control, ("rows & more.jsonl", ROWS), ("labels.csv", b"a,b\n"), text="New rows, @bob")
    clock.forward(1.0)
    [message] = await control.messages()
    assert (message["user"], message["text"]) == (ALICE, "New rows, <@U0BOB0001>")
    rows, labels = message["files"]
    assert [rows["id"], labels["id"]] == posted["files"]
    assert (rows["name"], rows["user"], rows["size"], rows["mimetype"]) == (
        *("rows & more.jsonl", ALICE, len(ROWS)),
        "text/plain",
    )
    assert (labels["mimetype"], labels["filetype"]) == ("text/csv", "csv")
    assert rows["shares"]["public"][RFT][0]["ts"] == message["ts"] == posted["ts"]


async def test_only_the_apps_token_opens_the_private_address(
    server: WorkspaceServer, slack: AsyncWebClient, control: Control
) -> None:
    [file_id] = (await upload(control, ("rows.jsonl", ROWS)))["files"]
    info = (await slack.files_info(file=file_id))["file"]
    assert info["url_private"] == f"{server.url}/files-pri/T0LOCAL-{file_id}/rows.jsonl"
    for address in (info["url_private"], info["url_private_download"]):
        async with control.session.get(address, headers=TOKEN) as answer:
            assert await answer.read() == ROWS
        for headers in ({}, {"Authorization": "Bearer xoxb-somebody-else"}):
            async with control.session.get(address, headers=headers, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"][:8]) == (302, "/?redir=")
    await control.post("fault", fault="server_error", method="download")
    async with control.session.get(info["url_private"], headers=TOKEN) as answer:
        assert answer.status == 503
    assert len(await control.log("download")) == 3


async def test_a_shortcut_carries_the_message_and_its_files(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    posted = await upload(control, ("rows.jsonl", ROWS))
    used = {"channel": "rft", "messageTs": posted["ts"], "user": "bob", "callback_id": SHORTCUT}
    assert await control.post("shortcut", **used) == {"ok": True}
    payload = app.payloads[-1]
    assert (payload["type"], payload["callback_id"], payload["message_ts"]) == (
        *("message_action", SHORTCUT),
        posted["ts"],
    )
    assert payload["channel"] == {"id": RFT, "name": "rft"}
    assert payload["team"] == {"id": "T0LOCAL", "domain": "local"}
    assert payload["user"] == {"id": "U0BOB0001", "username": "bob", "name": "bob", "team_id": "T0LOCAL"}
    assert [file["id"] for file in payload["message"]["files"]] == posted["files"]
    async with control.session.post(payload["response_url"], json={"text": "Seen"}) as answer:
        assert answer.status == 200
    assert [one["text"] for one in await control.ephemerals("bob")] == ["Seen"]
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Data"},
        "blocks": [{"type": "divider"}],
    }
    await slack.views_open(trigger_id=payload["trigger_id"], view=view)
    assert await control.open_view("bob")


async def test_a_shortcut_that_nobody_acknowledges_is_said_to_have_failed(control: Control, app: SocketApp) -> None:
    posted = await upload(control, ("rows.jsonl", ROWS))
    app.answer = lambda _envelope: None
    used = {"channel": "rft", "messageTs": posted["ts"], "user": "bob", "callback_id": SHORTCUT}
    assert "operation_timeout" in (await control.post("shortcut", **used))["error"]
    assert "operation_timeout" in (await control.ephemerals("bob"))[0]["text"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"callback_id": "use_as_dataset"}, "No message shortcut is called 'use_as_dataset'. There are: use_as_"),
        ({"messageTs": "1.000001"}, "bob sees no message 1.000001 in #rft."),
        ({"callback_id": ""}, "The field callback_id is missing."),
    ],
)
async def test_a_shortcut_that_cannot_be_used_is_refused(
    control: Control, change: dict[str, str], sentence: str
) -> None:
    used = {"channel": "rft", "messageTs": "1.0", "user": "bob", "callback_id": SHORTCUT, **change}
    assert (await control.post("shortcut", **used))["error"].startswith(sentence)


async def test_uploads_that_cannot_be_taken_are_refused_in_a_sentence(control: Control) -> None:
    assert (await upload(control))["error"] == "There is no file in the upload."
    assert (await upload(control, ("none.jsonl", b"")))["error"].startswith("none.jsonl is empty;")
    many = [(f"{n}.jsonl", ROWS) for n in range(11)]
    assert (await upload(control, *many))["error"] == "A message takes at most 10 files; these are 11."
    assert "mallory" in (await upload(control, ("rows.jsonl", ROWS), user="mallory"))["error"]
    assert "no message 1.0" in (await upload(control, ("rows.jsonl", ROWS), thread_ts="1.0"))["error"]
    assert (await control.post("upload", channel="rft"))["error"].startswith("An upload is a form")
    form = aiohttp.FormData({"channel": "rft", "user": "alice"})
    form.add_field("file", io.BytesIO(b"x" * (101 << 20)), filename="huge.jsonl")
    async with control.session.post("/_control/upload", data=form) as answer:
        assert (await answer.json())["error"].startswith("That is too much for one upload:")
    assert await control.messages() == []


async def test_a_file_in_a_thread_and_one_whose_text_is_cut_in_a_character(control: Control, clock: SetClock) -> None:
    root = await control.post("message", channel="rft", user="alice", text="Rows?")
    cut = b"x" * 4095 + "ü".encode() + b"\n"
    await upload(
        control, ("long.jsonl", cut), ("zip.jsonl", b"PK\0\0"), ("raw.jsonl", b"\xff\xfe"), thread_ts=root["ts"]
    )
    clock.forward(1.0)
    _, reply = await control.messages()
    assert reply["thread_ts"] == root["ts"]
    assert [file["mimetype"] for file in reply["files"]] == ["text/plain", *["application/octet-stream"] * 2]


async def test_what_people_uploaded_is_there_after_a_restart(tmp_path: Path) -> None:
    async with serve(tmp_path) as server, aiohttp.ClientSession(server.url) as session:
        await upload(Control(session), ("rows.jsonl", ROWS))
    async with serve(tmp_path) as server, aiohttp.ClientSession(server.url) as session:
        [message] = await Control(session).messages()
        [file] = message["files"]
        assert file["user"] == ALICE
        async with session.get(file["url_private"], headers=TOKEN) as answer:
            assert json.loads(await answer.text())["text_input"] == "Fürsorge"
