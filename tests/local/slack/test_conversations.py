"""conversations.*, users.* and usergroups.*: lists, paging, history, membership."""

from dataclasses import replace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.server import WorkspaceServer
from tests.local.slack.people import ALICE, RFT, Control
from tests.local.slack.test_chat import META, error_of


@pytest.fixture
async def stamps(slack: AsyncWebClient) -> list[str]:
    return [(await slack.chat_postMessage(channel=RFT, text=f"m{n}", metadata=META))["ts"] for n in range(5)]


async def test_history_is_newest_first_and_paged_without_gaps(slack: AsyncWebClient, stamps: list[str]) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await slack.conversations_history(channel=RFT, limit=2, cursor=cursor)
        seen += [message["ts"] for message in answer["messages"]]
        assert answer["has_more"] == ("response_metadata" in answer.data)
        if not answer["has_more"]:
            break
        cursor = answer["response_metadata"]["next_cursor"]
    assert seen == stamps[::-1]


async def test_history_between_stamps_counts_edges_only_when_asked(slack: AsyncWebClient, stamps: list[str]) -> None:
    async def between(**edges: object) -> list[str]:
        answer = await slack.conversations_history(channel=RFT, **edges)  # type: ignore[arg-type]  # edges are mixed
        return [message["text"] for message in answer["messages"]]

    assert await between(oldest=stamps[1], latest=stamps[3]) == ["m2"]
    assert await between(oldest=stamps[1], latest=stamps[3], inclusive=True) == ["m3", "m2", "m1"]
    assert await between(oldest="0", latest=stamps[1]) == ["m0"]
    assert await between(latest=stamps[1], inclusive=True, limit=1) == ["m1"]


async def test_metadata_comes_only_when_asked_for(slack: AsyncWebClient, stamps: list[str]) -> None:
    plain = await slack.conversations_history(channel=RFT, limit=1)
    full = await slack.conversations_history(channel=RFT, limit=1, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == META
    assert full["messages"][0]["ts"] == stamps[-1]


async def test_replies_are_in_the_thread_and_not_in_the_history(slack: AsyncWebClient, stamps: list[str]) -> None:
    reply = (await slack.chat_postMessage(channel=RFT, text="reply", thread_ts=stamps[0], metadata=META))["ts"]
    await slack.chat_postMessage(channel=RFT, text="loud", thread_ts=stamps[0], reply_broadcast=True)
    history = await slack.conversations_history(channel=RFT)
    assert [message["text"] for message in history["messages"]] == ["loud", "m4", "m3", "m2", "m1", "m0"]
    for ts in (stamps[0], reply):
        thread = await slack.conversations_replies(channel=RFT, ts=ts, include_all_metadata=True)
        assert [message["text"] for message in thread["messages"]] == ["m0", "reply", "loud"]
        assert thread["messages"][1]["metadata"] == META
    later = await slack.conversations_replies(channel=RFT, ts=stamps[0], oldest=reply)
    assert [message["text"] for message in later["messages"]] == ["m0", "loud"]
    assert await error_of(slack.conversations_replies(channel=RFT, ts="1.000001")) == "thread_not_found"


async def test_bad_cursors_stamps_and_numbers_are_refused(slack: AsyncWebClient, stamps: list[str]) -> None:
    assert await error_of(slack.conversations_history(channel=RFT, cursor="???")) == "invalid_cursor"
    assert await error_of(slack.conversations_history(channel=RFT, cursor="bmV4dDp4")) == "invalid_cursor"
    assert await error_of(slack.conversations_history(channel=RFT, oldest="soon")) == "invalid_ts_oldest"
    args = {"channel": RFT, "limit": "many"}
    assert await error_of(slack.api_call("conversations.history", params=args)) == "invalid_arguments"
    assert len(stamps) == 5


async def test_reading_and_writing_need_membership(slack: AsyncWebClient, server: WorkspaceServer) -> None:
    directory = server.workspace.directory
    channel = directory.channel(RFT)
    assert channel is not None
    directory.keep(replace(channel, members=tuple(one for one in channel.members if one != "U0PROCTOR")))
    assert await error_of(slack.chat_postMessage(channel=RFT, text="x")) == "not_in_channel"
    assert await error_of(slack.conversations_history(channel=RFT)) == "not_in_channel"
    assert not (await slack.conversations_info(channel=RFT))["channel"]["is_member"]
    assert (await slack.conversations_join(channel=RFT))["channel"]["is_member"]
    assert (await slack.conversations_join(channel=RFT))["channel"]["num_members"] == 5
    await slack.chat_postMessage(channel=RFT, text="x")


async def test_channels_are_listed_by_kind_and_paged(slack: AsyncWebClient) -> None:
    await slack.conversations_open(users=ALICE)
    public = await slack.conversations_list()
    assert [channel["name"] for channel in public["channels"]] == ["general", "random", "rft"]
    direct = await slack.conversations_list(types="im")
    assert [(channel["id"], channel["user"]) for channel in direct["channels"]] == [("D0ALICE01", ALICE)]
    first = await slack.conversations_list(limit=1)
    second = await slack.conversations_list(limit=1, cursor=first["response_metadata"]["next_cursor"])
    assert [answer["channels"][0]["name"] for answer in (first, second)] == ["general", "random"]
    third = await slack.conversations_list(limit=1, cursor=second["response_metadata"]["next_cursor"])
    assert third["response_metadata"]["next_cursor"] == ""
    assert await error_of(slack.conversations_info(channel="C0NOWHERE")) == "channel_not_found"


async def test_members_and_direct_messages(slack: AsyncWebClient) -> None:
    members = (await slack.conversations_members(channel=RFT))["members"]
    assert len(members) == 5
    opened = await slack.conversations_open(users=ALICE, return_im=True)
    assert opened["channel"]["is_im"]
    again = await slack.conversations_open(users=ALICE)
    assert (again["channel"]["id"], again["already_open"]) == ("D0ALICE01", True)
    assert await error_of(slack.conversations_open(users="U0NOBODY1")) == "user_not_found"
    assert await error_of(slack.conversations_open(users=f"{ALICE},U0BOB0001")) == (
        "method_not_supported_for_channel_type"
    )
    assert await error_of(slack.conversations_join(channel="D0ALICE01")) == "method_not_supported_for_channel_type"


async def test_users_and_groups(slack: AsyncWebClient) -> None:
    members = (await slack.users_list())["members"]
    assert [member["name"] for member in members] == ["alice", "bob", "carol", "dave", "proctor"]
    assert (await slack.users_info(user=ALICE))["user"]["real_name"] == "Alice Moreau"
    assert await error_of(slack.users_info(user="U0NOBODY1")) == "user_not_found"
    [group] = (await slack.usergroups_list())["usergroups"]
    assert (group["handle"], "users" in group) == ("model-approvers", False)
    assert (await slack.usergroups_list(include_users=True))["usergroups"][0]["users"][0] == ALICE
    assert len((await slack.usergroups_users_list(usergroup=group["id"]))["users"]) == 3
    assert await error_of(slack.usergroups_users_list(usergroup="S0NOTHING")) == "no_such_subteam"


async def test_people_post_too_and_their_words_are_no_metadata(slack: AsyncWebClient, control: Control) -> None:
    await control.post("message", channel="rft", user="bob", text="looks good")
    [message] = (await slack.conversations_history(channel=RFT))["messages"]
    assert (message["user"], message["text"], "bot_id" in message) == ("U0BOB0001", "looks good", False)
