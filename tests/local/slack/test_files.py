"""files.*: three steps, a while of processing, and image blocks that name a file."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.server import WorkspaceServer
from tests.local.slack.people import RFT, Control, Json, SetClock, png, section
from tests.local.slack.test_chat import error_of


def image(file_id: str) -> Json:
    return {"type": "image", "alt_text": "A curve", "slack_file": {"id": file_id}}


async def upload(slack: AsyncWebClient, content: bytes | None = None, **where: Any) -> str:
    content = png() if content is None else content
    answer = await slack.files_upload_v2(
        filename="curve.png", content=content, title="Curve", alt_txt="A curve", **where
    )
    return str(answer["files"][0]["id"])


async def test_a_file_gets_its_type_and_shares_after_a_while(
    slack: AsyncWebClient, clock: SetClock, control: Control
) -> None:
    file_id = await upload(slack, channel=RFT, initial_comment="Here")
    young = (await slack.files_info(file=file_id))["file"]
    assert (young["mimetype"], young["filetype"], young["shares"]) == ("", "", {})
    clock.forward(1.0)
    grown = (await slack.files_info(file=file_id))["file"]
    assert (grown["mimetype"], grown["filetype"], grown["original_w"], grown["original_h"]) == (
        "image/png",
        "png",
        3,
        2,
    )
    [message] = await control.messages()
    assert grown["shares"]["public"][RFT][0]["ts"] == message["ts"]
    assert (message["text"], message["files"][0]["title"]) == ("Here", "Curve")


async def test_an_image_block_takes_a_file_only_once_it_is_processed(slack: AsyncWebClient, clock: SetClock) -> None:
    file_id = await upload(slack)
    with pytest.raises(SlackApiError) as raised:
        await slack.chat_postMessage(channel=RFT, text="x", blocks=[section(), image(file_id)])
    assert raised.value.response["errors"] == ["invalid slack file [json-pointer:/blocks/1/slack_file]"]
    clock.forward(1.0)
    posted = await slack.chat_postMessage(channel=RFT, text="x", blocks=[section(), image(file_id)])
    assert posted["message"]["blocks"][1]["slack_file"] == {"id": file_id}
    link = (await slack.files_info(file=file_id))["file"]["permalink"]
    by_url = image(file_id) | {"slack_file": {"url": link}}
    await slack.chat_update(channel=RFT, ts=posted["ts"], text="x", blocks=[by_url])


async def test_views_and_accessories_wait_for_files_too(slack: AsyncWebClient, control: Control) -> None:
    file_id = await upload(slack)
    home = {"type": "home", "blocks": [section() | {"accessory": image(file_id)}]}
    with pytest.raises(SlackApiError) as raised:
        await slack.views_publish(user_id="U0ALICE01", view=home)
    assert raised.value.response["errors"] == ["invalid slack file [json-pointer:/view/blocks/0/accessory/slack_file]"]
    assert (await control.get("state"))["homes"] == {}


@pytest.mark.parametrize("content", [b"plain words", b"\x00\x01"])
async def test_only_images_stand_in_image_blocks(slack: AsyncWebClient, clock: SetClock, content: bytes) -> None:
    file_id = await upload(slack, content)
    clock.forward(1.0)
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", blocks=[image(file_id)])) == "invalid_blocks"
    stranger = image("F0STRANGER1")
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", blocks=[stranger])) == "invalid_blocks"
    elsewhere = image("x") | {"slack_file": {"url": "https://files.example.com/none"}}
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", blocks=[elsewhere])) == "invalid_blocks"


async def test_the_bytes_are_served_with_and_without_a_name(
    slack: AsyncWebClient, clock: SetClock, control: Control
) -> None:
    file_id = await upload(slack)
    clock.forward(1.0)
    link = (await slack.files_info(file=file_id))["file"]["permalink"]
    for address in (link, f"/files/{file_id}"):
        async with control.session.get(address) as answer:
            assert (answer.content_type, await answer.read()) == ("image/png", png())
            assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    async with control.session.get("/files/F0STRANGER1") as answer:
        assert answer.status == 404


async def test_a_file_goes_into_a_thread_with_blocks(slack: AsyncWebClient, control: Control) -> None:
    root = (await slack.chat_postMessage(channel=RFT, text="root"))["ts"]
    await upload(slack, channel=RFT, thread_ts=root, blocks='[{"type":"divider"}]')
    _, reply = await control.messages()
    assert (reply["thread_ts"], reply["blocks"][0]["type"]) == (root, "divider")


async def test_update_swaps_the_files_of_a_message(slack: AsyncWebClient, control: Control) -> None:
    await upload(slack, channel=RFT, initial_comment="one")
    [message] = await control.messages()
    other = await upload(slack)
    await slack.chat_update(channel=RFT, ts=message["ts"], text="two", file_ids=[other])
    [message] = await control.messages()
    assert [file["id"] for file in message["files"]] == [other]


async def test_an_upload_must_be_whole_and_is_completed_once(slack: AsyncWebClient, control: Control) -> None:
    announced = await slack.files_getUploadURLExternal(filename="a.csv", length=4)
    complete = {"files": [{"id": announced["file_id"]}]}
    assert await error_of(slack.api_call("files.completeUploadExternal", json=complete)) == "file_not_found"
    assert await error_of(slack.files_info(file=announced["file_id"])) == "file_not_found"
    async with control.session.post(announced["upload_url"], data=b"abc") as answer:
        assert (answer.status, await answer.text()) == (400, "file_upload_size_mismatch")
    form = aiohttp.FormData()
    form.add_field("file", b"1,2\n", filename="a.csv")
    async with control.session.post(announced["upload_url"], data=form) as answer:
        assert (answer.status, await answer.text()) == (200, "OK - 4")
    await slack.api_call("files.completeUploadExternal", json=complete)
    assert await error_of(slack.api_call("files.completeUploadExternal", json=complete)) == "file_already_completed"
    async with control.session.put(announced["upload_url"], data=b"1,2\n") as answer:
        assert answer.status == 400


async def test_an_upload_can_fail_as_asked_and_files_survive_in_memory(
    slack: AsyncWebClient, control: Control, server: WorkspaceServer
) -> None:
    await control.post("fault", method="upload", fault="server_error")
    announced = await slack.files_getUploadURLExternal(filename="a.csv", length=1)
    async with control.session.post(announced["upload_url"], data=b"1") as answer:
        assert answer.status == 503
    async with control.session.post(announced["upload_url"], data=b"1") as answer:
        assert answer.status == 200
    assert server.workspace.files.content(announced["file_id"]) == b"1"


async def test_where_a_file_may_go_is_checked(slack: AsyncWebClient) -> None:
    async def complete(**where: object) -> str:
        return await error_of(slack.api_call("files.completeUploadExternal", json={"files": [{"id": "F"}], **where}))

    assert await complete(channel_id="U0ALICE01") == "invalid_arguments"
    assert await complete(channels=",".join(["C0RFT0001"] * 101)) == "channels_limit_exceeded"
    assert await complete(thread_ts="1.2") == "invalid_arguments"
    assert await complete(thread_ts="1.2", channel_id=RFT) == "thread_not_found"
    assert await complete(files=[]) == "invalid_arguments"
    assert await error_of(slack.files_getUploadURLExternal(filename="a", length=0)) == "invalid_arguments"


async def test_a_multipart_upload_without_a_file_is_empty(control: Control, server: WorkspaceServer) -> None:
    with aiohttp.MultipartWriter("form-data") as form:
        form.append("words").set_content_disposition("form-data", name="note")
    async with control.session.post(f"{server.url}/upload/nothing", data=form) as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_upload_url")
