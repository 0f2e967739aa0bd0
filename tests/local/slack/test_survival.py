"""What a kill leaves: everything that was answered."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from jobs.core.errors import ConfigurationError
from local.slack.__main__ import main
from local.slack.server import serve
from local.slack.storage import Storage
from tests.local.slack.people import (
    ALICE,
    RFT,
    Control,
    SetClock,
    actions,
    button,
    png,
    section,
    socket_address,
    socket_app,
    until,
)

REPOSITORY = Path(__file__).parents[3]


async def start(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.slack", *arguments),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = (await process.stdout.readline()).decode()
    return process, line.removeprefix("slack ready ").strip()


def client(url: str) -> AsyncWebClient:
    return AsyncWebClient("xoxb-local-proctor", base_url=f"{url}/api/")


async def test_a_killed_workspace_comes_back_with_everything(tmp_path: Path) -> None:
    process, url = await start("--home", str(tmp_path))
    slack = client(url)
    root = (await slack.chat_postMessage(channel=RFT, text="root", blocks=[section()]))["ts"]
    await slack.chat_postMessage(channel=RFT, text="reply", thread_ts=root)
    await slack.chat_update(channel=RFT, ts=root, text="changed")
    file_id = (await slack.files_upload_v2(filename="a.png", content=png(), channel=RFT))["files"][0]["id"]
    home = await slack.views_publish(user_id=ALICE, view={"type": "home", "blocks": [section()]})
    await slack.conversations_open(users=ALICE)
    process.kill()
    await process.wait()
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"table": "messages", "key": "torn')

    process, url = await start("--home", str(tmp_path))
    slack = client(url)
    messages = (await slack.conversations_replies(channel=RFT, ts=root))["messages"]
    assert [message["text"] for message in messages] == ["changed", "reply"]

    async def processed() -> bool:
        return bool((await slack.files_info(file=file_id))["file"]["mimetype"] == "image/png")

    await until(processed)
    assert [one["id"] for one in (await slack.conversations_list(types="im"))["channels"]] == ["D0ALICE01"]
    again = await slack.views_publish(user_id=ALICE, view={"type": "home", "blocks": []}, hash=home["view"]["hash"])
    assert again["view"]["id"] == home["view"]["id"]
    newer = (await slack.chat_postMessage(channel=RFT, text="newer"))["ts"]
    assert newer > messages[-1]["ts"]
    process.terminate()
    assert await process.wait() == 0


async def test_what_was_kept_is_used_as_before(tmp_path: Path) -> None:
    async with serve(tmp_path) as server:
        slack = client(server.url)
        root = (await slack.chat_postMessage(channel=RFT, text="root"))["ts"]
        block = actions(button())
        reply = (await slack.chat_postMessage(channel=RFT, text="reply", thread_ts=root, blocks=[block]))["ts"]
        await slack.chat_update(channel=RFT, ts=reply, text="done", blocks=[section()])
        direct = (await slack.chat_postMessage(channel=ALICE, text="psst"))["channel"]
        file_id = (await slack.files_upload_v2(filename="a.png", content=png(), channel=RFT))["files"][0]["id"]
        await slack.views_publish(user_id=ALICE, view={"type": "home", "blocks": [section()]})
    async with (
        serve(tmp_path) as server,
        socket_app(server) as app,
        aiohttp.ClientSession(server.url) as session,
    ):
        control = Control(session)
        old_button = {"action_id": "press", "value": "1"}
        assert (await control.post("interact", user="bob", channel="rft", messageTs=reply, action=old_button))["ok"]
        assert app.payloads[-1]["container"]["thread_ts"] == root
        await control.post("open-home", user="alice")
        assert app.payloads[-1]["event"]["view"]["type"] == "home"
        assert [message["text"] for message in await control.messages(direct)] == ["psst"]
        async with session.get(f"/files/{file_id}") as answer:
            assert await answer.read() == png()
        await control.post("reset")
        assert list((tmp_path / "files").iterdir()) == []
        assert await control.messages() == []


async def test_closing_the_workspace_closes_its_sockets() -> None:
    async with aiohttp.ClientSession() as session:
        async with serve() as server:
            socket = await session.ws_connect(await socket_address(session, server))
            await socket.receive_json()
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY


async def test_stamps_and_ids_never_repeat_even_when_the_clock_goes_back(tmp_path: Path) -> None:
    clock = SetClock()
    stamps, ids = [], []
    for _ in range(3):
        async with serve(tmp_path, clock=clock) as server:
            slack = client(server.url)
            for _ in range(2):
                stamps.append((await slack.chat_postMessage(channel=RFT, text="x"))["ts"])
                ids.append(server.workspace.ids.make("F"))
        clock.forward(-60)
    assert stamps == sorted(set(stamps))
    assert len(ids) == len(set(ids))


async def test_two_workspaces_cannot_share_a_folder(tmp_path: Path) -> None:
    async with serve(tmp_path):
        with pytest.raises(ConfigurationError, match="another local workspace is running on"):
            Storage(tmp_path)


def test_a_port_in_use_is_one_line_and_exit_code_78(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 78
    assert capsys.readouterr().err == f"port {port} on 127.0.0.1 cannot be used: Address already in use\n"


def test_only_the_last_state_is_kept_in_the_file(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    table = storage.table("things", dict[str, Any])
    for number in range(10):
        table.put("a", {"n": number})
    table.put("b", {"n": 0})
    table.drop("b")
    table.drop("never")
    storage.close()
    storage.close()
    table.put("a", {"n": "after closing"})
    again = Storage(tmp_path)
    assert list(again.table("things", dict[str, Any]).rows.values()) == [{"n": 9}]
    again.close()
    assert (tmp_path / "journal.jsonl").read_text().count("\n") == 1
