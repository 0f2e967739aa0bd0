"""chat.*: what is posted, changed, shown to one person and refused."""

from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.server import WorkspaceServer
from tests.local.slack.people import ALICE, RFT, Control, Json, actions, button, section

META = {"event_type": "card", "event_payload": {"job": "j1", "event": 3}}


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as raised:
        await call
    return str(raised.value.response["error"])


async def test_a_posted_message_is_shown_as_slack_shows_it(slack: AsyncWebClient, control: Control) -> None:
    posted = await slack.chat_postMessage(channel=RFT, text="hi", blocks=[section(), actions(button())], metadata=META)
    [shown] = await control.messages()
    assert shown["ts"] == posted["ts"]
    assert shown["bot_id"] == "B0PROCTOR"
    assert shown["metadata"] == META
    text, controls = shown["blocks"]
    assert text == section() | {"text": section()["text"] | {"verbatim": False}, "block_id": text["block_id"]}
    assert controls["block_id"] == "controls"
    assert controls["elements"][0]["text"] == {"type": "plain_text", "text": "Press", "emoji": True}


async def test_posting_takes_a_channel_name_and_a_user(slack: AsyncWebClient, control: Control) -> None:
    await slack.chat_postMessage(channel="#rft", text="by name")
    direct = await slack.chat_postMessage(channel=ALICE, text="to a person")
    assert [one["text"] for one in await control.messages()] == ["by name"]
    assert direct["channel"] == "D0ALICE01"
    assert [one["text"] for one in await control.messages("D0ALICE01")] == ["to a person"]


async def test_what_cannot_be_posted_gets_slacks_errors(slack: AsyncWebClient) -> None:
    assert await error_of(slack.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    assert await error_of(slack.api_call("chat.postMessage", json={"channel": RFT, "text": ""})) == "no_text"
    assert await error_of(slack.api_call("chat.postMessage", json={"text": "x"})) == "invalid_arguments"
    assert await error_of(slack.api_call("chat.postMessage", json={"channel": RFT, "blocks": "{"})) == (
        "invalid_arguments"
    )
    assert await error_of(slack.api_call("chat.postMessage", json={"channel": RFT, "blocks": "[1]"})) == (
        "invalid_blocks_format"
    )
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", thread_ts="1.2")) == "thread_not_found"
    much = [section("x" * 2900) for _ in range(5)]
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", blocks=much)) == "msg_blocks_too_long"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"event_type": "x"}, "invalid_metadata_format"),
        ({"event_payload": {}}, "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {"a": "b" * 9000}}, "metadata_too_large"),
    ],
)
async def test_metadata_is_checked(slack: AsyncWebClient, metadata: Json, error: str) -> None:
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", metadata=metadata)) == error


async def test_invalid_blocks_are_refused_with_place_and_reason(slack: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as raised:
        await slack.chat_postMessage(channel=RFT, text="x", blocks=[section(), section("y" * 3001)])
    answer = raised.value.response
    sentence = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == [sentence]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {sentence}"]


async def test_elements_without_an_action_id_get_one_and_attachments_are_kept(
    slack: AsyncWebClient, control: Control
) -> None:
    nameless = {"type": "button", "text": {"type": "plain_text", "text": "Press"}}
    attachment = {"fallback": "a bar", "color": "#2b4c9b", "text": "beside a bar"}
    await slack.chat_postMessage(channel=RFT, text="x", blocks=[actions(nameless)], attachments=[attachment])
    await slack.api_call("chat.postMessage", data={"channel": RFT, "text": "y", "blocks": ""})
    first, second = await control.messages()
    assert first["blocks"][0]["elements"][0]["action_id"]
    assert first["attachments"] == [attachment]
    assert "blocks" not in second


async def test_long_text_is_cut_with_a_warning(slack: AsyncWebClient, control: Control) -> None:
    posted = await slack.chat_postMessage(channel=RFT, text="x" * 40_001)
    assert posted["warning"] == "message_truncated"
    assert len((await control.messages())[0]["text"]) == 40_000


async def test_replies_stand_in_the_thread_and_are_counted(slack: AsyncWebClient, control: Control) -> None:
    root = (await slack.chat_postMessage(channel=RFT, text="root"))["ts"]
    reply = await slack.chat_postMessage(channel=RFT, text="reply", thread_ts=root)
    await slack.chat_postMessage(channel=RFT, text="loud", thread_ts=root, reply_broadcast=True)
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x", thread_ts=reply["ts"])) == (
        "cannot_reply_to_message"
    )
    first, second, third = await control.messages()
    assert (first["reply_count"], first["reply_users"]) == (2, ["U0PROCTOR"])
    assert first["latest_reply"] == third["ts"]
    assert second["thread_ts"] == root
    assert (third["subtype"], third["reply_broadcast"]) == ("thread_broadcast", True)


async def test_update_with_text_alone_removes_the_blocks(slack: AsyncWebClient, control: Control) -> None:
    ts = (await slack.chat_postMessage(channel=RFT, text="a", blocks=[section()], metadata=META))["ts"]
    await slack.chat_update(channel=RFT, ts=ts, text="b")
    [shown] = await control.messages()
    assert (shown["text"], "blocks" in shown, shown["metadata"]) == ("b", False, META)
    assert shown["edited"]["user"] == "U0PROCTOR"


async def test_update_keeps_what_it_does_not_name(slack: AsyncWebClient, control: Control) -> None:
    ts = (await slack.chat_postMessage(channel=RFT, text="a", blocks=[section()], metadata=META))["ts"]
    await slack.api_call("chat.update", json={"channel": RFT, "ts": ts, "metadata": {}})
    [shown] = await control.messages()
    assert (shown["text"], len(shown["blocks"]), "metadata" in shown) == ("a", 1, False)
    await slack.chat_update(channel=RFT, ts=ts, blocks=[section("new")], text="c")
    [shown] = await control.messages()
    assert (shown["blocks"][0]["text"]["text"], "edited" in shown) == ("new", False)


async def test_update_is_refused_where_slack_refuses_it(slack: AsyncWebClient, control: Control) -> None:
    ts = (await slack.chat_postMessage(channel=RFT, text="a"))["ts"]
    theirs = (await control.post("message", channel="rft", user="alice", text="mine"))["ts"]
    assert await error_of(slack.chat_update(channel=RFT, ts=ts, text="x" * 4001)) == "msg_too_long"
    assert await error_of(slack.chat_update(channel=RFT, ts="1.000001", text="x")) == "message_not_found"
    assert await error_of(slack.chat_update(channel=RFT, ts=theirs, text="x")) == "cant_update_message"
    assert await error_of(slack.chat_update(channel=ALICE, ts=ts, text="x")) == "channel_not_found"
    assert await error_of(slack.api_call("chat.update", json={"channel": RFT, "ts": ts})) == "no_text"
    assert await error_of(slack.chat_update(channel=RFT, ts=ts, text="x", file_ids=["F0NOTHERE1"])) == "file_not_found"


async def test_a_deleted_message_is_gone_unless_it_holds_a_thread(slack: AsyncWebClient, control: Control) -> None:
    lone = (await slack.chat_postMessage(channel=RFT, text="lone"))["ts"]
    root = (await slack.chat_postMessage(channel=RFT, text="root"))["ts"]
    await slack.chat_postMessage(channel=RFT, text="reply", thread_ts=root)
    await slack.chat_delete(channel=RFT, ts=lone)
    await slack.chat_delete(channel=RFT, ts=root)
    tombstone, reply = await control.messages()
    assert (tombstone["subtype"], tombstone["text"]) == ("tombstone", "This message was deleted.")
    assert reply["text"] == "reply"
    assert await error_of(slack.chat_delete(channel=RFT, ts=root)) == "message_not_found"
    theirs = (await control.post("message", channel="rft", user="alice", text="mine"))["ts"]
    assert await error_of(slack.chat_delete(channel=RFT, ts=theirs)) == "cant_delete_message"


async def test_an_ephemeral_message_is_seen_by_one_person(
    slack: AsyncWebClient, control: Control, server: WorkspaceServer
) -> None:
    await slack.chat_postEphemeral(channel=RFT, user=ALICE, text="only you", blocks=[section("only you")])
    [seen] = await control.ephemerals("alice")
    assert (seen["text"], seen["channel"], seen["user"]) == ("only you", RFT, "U0PROCTOR")
    assert await control.ephemerals("bob") == []
    assert await control.messages() == []
    assert await error_of(slack.chat_postEphemeral(channel=RFT, user="U0NOBODY1", text="x")) == "user_not_found"
    directory = server.workspace.directory
    channel = directory.channel(RFT)
    assert channel is not None
    directory.keep(replace(channel, members=tuple(one for one in channel.members if one != ALICE)))
    assert await error_of(slack.chat_postEphemeral(channel=RFT, user=ALICE, text="x")) == "user_not_in_channel"


async def test_a_permalink_leads_to_the_thread_on_the_page(
    slack: AsyncWebClient, control: Control, server: WorkspaceServer
) -> None:
    root = (await slack.chat_postMessage(channel=RFT, text="root"))["ts"]
    reply = (await slack.chat_postMessage(channel=RFT, text="reply", thread_ts=root))["ts"]
    link = (await slack.chat_getPermalink(channel=RFT, message_ts=reply))["permalink"]
    own = (await slack.chat_getPermalink(channel=RFT, message_ts=root))["permalink"]
    assert own == f"{server.url}/archives/{RFT}/p{root.replace('.', '')}"
    assert link == f"{server.url}/archives/{RFT}/p{reply.replace('.', '')}?thread_ts={root}&cid={RFT}"
    async with control.session.get(link, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"/#/rft?thread={root}")
    async with control.session.get(f"/archives/{RFT}/p1000000000") as answer:
        assert answer.status == 404
    assert await error_of(slack.chat_getPermalink(channel=RFT, message_ts="1.000001")) == "message_not_found"
