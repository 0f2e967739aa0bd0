"""The control API: what people do, what they see, and sentences where something cannot be done."""

import asyncio
import json

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from local.slack.server import WorkspaceServer
from tests.local.slack.people import ALICE, RFT, Control, Json, SetClock, SocketApp, actions, button, section, until


async def card(slack: AsyncWebClient, *blocks: Json) -> str:
    shown = list(blocks) or [section(), actions(button(), button("other", "2"))]
    return str((await slack.chat_postMessage(channel=RFT, text="card", blocks=shown))["ts"])


async def test_the_state_names_everything_the_page_shows(control: Control) -> None:
    state = await control.get("state")
    assert state["workspace"] == {"id": "T0LOCAL", "name": "Local workspace"}
    assert [user["name"] for user in state["users"]] == ["alice", "bob", "carol", "dave", "proctor"]
    assert [channel["name"] for channel in state["channels"]] == ["general", "random", "rft"]
    [app] = state["apps"]
    assert [command["command"] for command in app["commands"]] == ["/eval", "/rft", "/proctor"]
    assert app["commands"][1]["usage_hint"].startswith("launch task=")
    assert [shortcut["callback_id"] for shortcut in app["shortcuts"]] == ["use_as_data_set", "import_as_task"]
    assert state["usergroups"][0]["handle"] == "model-approvers"
    assert (state["open_views"], state["homes"]) == ({}, {})


async def test_a_click_carries_everything_slack_sends(slack: AsyncWebClient, control: Control, app: SocketApp) -> None:
    ts = await card(slack)
    pressed = {"action_id": "press", "block_id": "controls", "value": "1"}
    assert (await control.post("interact", channel="rft", messageTs=ts, user="bob", action=pressed)) == {"ok": True}
    payload = app.payloads[-1]
    assert payload["type"] == "block_actions"
    assert payload["user"]["id"] == "U0BOB0001"
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": RFT,
        "is_ephemeral": False,
    }
    assert payload["channel"] == {"id": RFT, "name": "rft"}
    assert payload["message"]["ts"] == ts
    assert payload["state"] == {"values": {}}
    [action] = payload["actions"]
    assert action.pop("action_ts")
    assert action == {
        "type": "button",
        "action_id": "press",
        "block_id": "controls",
        "value": "1",
        "text": {"type": "plain_text", "text": "Press", "emoji": True},
    }


async def test_a_command_that_escapes_is_told_who_a_name_is(control: Control, app: SocketApp) -> None:
    for command in ("/proctor", "/rft"):
        await control.post("command", channel="rft", user="alice", command=command, text="audit @bob since=7d @nobody")
    assert [payload["text"] for payload in app.payloads[-2:]] == [
        "audit <@U0BOB0001> since=7d @nobody",
        "audit @bob since=7d @nobody",
    ]


async def test_an_old_version_of_a_message_can_still_be_clicked(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    ts = await card(slack)
    await slack.chat_update(channel=RFT, ts=ts, text="done", blocks=[section("done")])
    pressed = {"action_id": "other", "value": "2", "block_id": "controls"}
    assert (await control.post("interact", channel="rft", messageTs=ts, user="bob", action=pressed))["ok"]
    assert app.payloads[-1]["actions"][0]["value"] == "2"
    assert app.payloads[-1]["message"]["text"] == "done"


async def test_a_click_keeps_the_block_id_of_the_version_it_was_made_on(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    ts = await card(slack, actions(button(), block_id="v1"), actions(button(value="2"), block_id="w1"))
    for version in range(2, 5):
        await slack.chat_update(channel=RFT, ts=ts, text="x", blocks=[actions(button(), block_id=f"v{version}")])
    for block_id, value in (("v1", "1"), ("v4", "1"), ("w1", "2")):
        pressed = {"action_id": "press", "value": value, "block_id": block_id}
        assert (await control.post("interact", channel="rft", messageTs=ts, user="bob", action=pressed))["ok"]
        assert app.payloads[-1]["actions"][0]["block_id"] == block_id


async def test_a_direct_message_is_its_partners_alone(slack: AsyncWebClient, control: Control) -> None:
    posted = await slack.chat_postMessage(channel=ALICE, text="psst", blocks=[actions(button())])
    where = {"channel": posted["channel"], "messageTs": posted["ts"], "action": {"action_id": "press"}}
    refused = await control.post("interact", user="bob", **where)
    assert refused["error"] == "bob has no part in the direct message D0ALICE01."
    tried = await control.post("interact", user="alice", **where)
    assert tried["error"] == 'That action failed with the error "dispatch_failed"'


async def test_selects_in_a_message_carry_option_and_state(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    options = [{"text": {"type": "plain_text", "text": name}, "value": name.lower()} for name in ("One", "Two")]
    select = {"type": "static_select", "action_id": "pick", "options": options}
    overflow = {"type": "overflow", "action_id": "more", "options": options}
    ts = await card(slack, actions(select, overflow))
    for given in ("two", "Two", options[1]):
        action = {"action_id": "pick", "selected_option": given}
        assert (await control.post("interact", channel=RFT, messageTs=ts, user="bob", action=action))["ok"]
        payload = app.payloads[-1]
        assert payload["actions"][0]["selected_option"]["value"] == "two"
        assert payload["state"]["values"]["controls"]["pick"]["selected_option"]["value"] == "two"
    action = {"action_id": "more", "value": "one"}
    assert (await control.post("interact", channel=RFT, messageTs=ts, user="bob", action=action))["ok"]
    assert app.payloads[-1]["actions"][0]["selected_option"]["value"] == "one"
    action = {"action_id": "pick", "selected_option": "three"}
    refused = await control.post("interact", channel=RFT, messageTs=ts, user="bob", action=action)
    assert refused["error"] == "pick has no option 'three'. It has: one, two."


@pytest.mark.parametrize(
    ("what", "body", "sentence"),
    [
        ("message", {"user": "eve", "channel": "rft", "text": "x"}, "No user is called 'eve'. There are: alice, bob"),
        (
            "message",
            {"user": "bob", "channel": "lost", "text": "x"},
            "No channel is called 'lost'. There are: #general",
        ),
        ("message", {"user": "bob", "channel": "rft"}, "The field text is missing."),
        ("message", {"user": "bob", "channel": "rft", "text": "x", "thread_ts": "1.2"}, "There is no message 1.2"),
        ("command", {"user": "bob", "channel": "rft", "command": "/eat"}, "/eat is not a valid command."),
        ("interact", {"user": "bob", "channel": "rft", "messageTs": "1.2"}, "The field action must be an object."),
        (
            "interact",
            {"user": "bob", "channel": "rft", "messageTs": "1", "action": {}},
            "bob sees no message 1 in #rft",
        ),
        ("view_submit", {"user": "bob", "values": {}}, "bob has no such form open."),
    ],
)
async def test_what_cannot_be_done_is_said(control: Control, what: str, body: Json, sentence: str) -> None:
    answer = await control.post(what, **body)
    assert not answer["ok"]
    assert sentence in answer["error"]


async def test_unknown_names_and_bodies_are_said(control: Control) -> None:
    assert "No channel is called" in (await control.get("messages/lost"))["error"]
    assert "No user is called" in (await control.get("ephemerals/eve"))["error"]
    for body, sentence in (("{", "The body is not JSON"), ("[]", "The body must be a JSON object.")):
        async with control.session.post("/_control/message", data=body) as answer:
            assert sentence in (await answer.json())["error"]


async def test_a_click_on_nothing_names_what_is_there(slack: AsyncWebClient, control: Control) -> None:
    ts = await card(slack)
    for action in ({"action_id": "nothing"}, {"action_id": "press", "value": "9"}):
        refused = await control.post("interact", channel="rft", messageTs=ts, user="bob", action=action)
        assert refused["error"].endswith("It has: press, other.")


async def test_a_click_not_acked_is_said_to_the_person(slack: AsyncWebClient, control: Control, app: SocketApp) -> None:
    ts = await card(slack)
    app.answer = lambda _envelope: None
    refused = await control.post("interact", channel="rft", messageTs=ts, user="bob", action={"action_id": "press"})
    assert refused["error"] == 'That action failed with the error "operation_timeout"'
    assert [seen["text"] for seen in await control.ephemerals("bob")] == [refused["error"]]


async def clicked(slack: AsyncWebClient, control: Control, app: SocketApp) -> AsyncWebhookClient:
    ts = await card(slack)
    await control.post("interact", channel="rft", messageTs=ts, user="bob", action={"action_id": "press"})
    return AsyncWebhookClient(app.payloads[-1]["response_url"])


async def test_a_response_url_takes_five_posts(slack: AsyncWebClient, control: Control, app: SocketApp) -> None:
    respond = await clicked(slack, control, app)
    for number in range(5):
        assert (await respond.send(text=str(number))).status_code == 200
    refused = await respond.send(text="6")
    assert (refused.status_code, json.loads(refused.body)["error"]) == (404, "used_url")
    assert [seen["text"] for seen in await control.ephemerals("bob")] == ["0", "1", "2", "3", "4"]


async def test_a_response_url_lasts_thirty_minutes(
    slack: AsyncWebClient, control: Control, app: SocketApp, clock: SetClock
) -> None:
    respond = await clicked(slack, control, app)
    clock.forward(1801)
    refused = await respond.send(text="late")
    assert (refused.status_code, json.loads(refused.body)["error"]) == (404, "expired_url")


async def test_a_response_replaces_or_deletes_the_message(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    respond = await clicked(slack, control, app)
    await respond.send(text="replaced", replace_original=True)
    assert [message["text"] for message in await control.messages()] == ["replaced"]
    await respond.send(text="aside", response_type="in_channel")
    await respond.send(delete_original=True)
    assert [message["text"] for message in await control.messages()] == ["aside"]
    gone = await respond.send(delete_original=True)
    assert json.loads(gone.body)["error"] == "message_not_found"


async def test_a_response_to_a_click_in_an_ephemeral_message_changes_that(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    posted = await slack.chat_postEphemeral(channel=RFT, user=ALICE, text="sure?", blocks=[actions(button())])
    action = {"action_id": "press"}
    where = {"channel": "rft", "messageTs": posted["message_ts"], "action": action}
    assert "bob sees no message" in (await control.post("interact", user="bob", **where))["error"]
    assert (await control.post("interact", user="alice", **where))["ok"]
    payload = app.payloads[-1]
    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
    respond = AsyncWebhookClient(payload["response_url"])
    await respond.send(text="done", replace_original=True)
    assert [seen["text"] for seen in await control.ephemerals("alice")] == ["done"]
    await respond.send(delete_original=True)
    assert await control.ephemerals("alice") == []


async def test_a_response_with_bad_blocks_a_file_or_no_words_is_refused(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    respond = await clicked(slack, control, app)
    image = {"type": "image", "alt_text": "x", "slack_file": {"id": "F00000001"}}
    for blocks in ([section("")], [image]):
        refused = await respond.send(text="x", blocks=blocks)
        assert (refused.status_code, json.loads(refused.body)["error"]) == (404, "invalid_blocks")
    assert json.loads((await respond.send(text="")).body)["error"] == "no_text"
    for body in ("{", "[]"):
        async with control.session.post(respond.url, data=body) as answer:
            assert (answer.status, await answer.text()) == (400, "invalid_payload")


async def test_a_response_url_can_fail_as_asked(slack: AsyncWebClient, control: Control, app: SocketApp) -> None:
    respond = await clicked(slack, control, app)
    await control.post("fault", method="response_url", fault="error")
    assert (await respond.send(text="x")).status_code == 500


async def test_values_reach_a_form_by_block_or_action(
    server: WorkspaceServer, slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("a", "b")]
    label = {"type": "plain_text", "text": "L"}
    inputs: list[Json] = [
        {"type": "input", "block_id": kind, "label": label, "optional": True, "element": {"type": kind, **more}}
        for kind, more in (
            ("plain_text_input", {"action_id": "words", "min_length": 2, "max_length": 5}),
            ("number_input", {"action_id": "count", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}),
            ("email_text_input", {"action_id": "mail"}),
            ("url_text_input", {"action_id": "link"}),
            ("radio_buttons", {"action_id": "one", "options": options, "initial_option": options[0]}),
            ("checkboxes", {"action_id": "some", "options": options}),
            ("datepicker", {"action_id": "day", "initial_date": "2026-01-01"}),
            ("multi_users_select", {"action_id": "who"}),
            ("static_select", {"action_id": "group", "option_groups": [{"label": label, "options": options}]}),
        )
    ]
    form = {"type": "modal", "title": label, "submit": label, "blocks": inputs}

    async def submit(**values: object) -> Json:
        await slack.views_open(trigger_id=server.workspace.tokens.trigger(ALICE), view=form)
        return await control.post("view_submit", user="alice", values=values)

    assert (await submit(words="four", count="3", some=["a", "b"], who=ALICE, group="b", day="2026-02-02"))["ok"]
    values = app.payloads[-1]["view"]["state"]["values"]
    assert values["plain_text_input"]["words"] == {"type": "plain_text_input", "value": "four"}
    assert values["radio_buttons"]["one"]["selected_option"]["value"] == "a"
    assert [option["value"] for option in values["checkboxes"]["some"]["selected_options"]] == ["a", "b"]
    assert values["datepicker"]["day"]["selected_date"] == "2026-02-02"
    assert values["multi_users_select"]["who"]["selected_users"] == [ALICE]
    assert values["static_select"]["group"]["selected_option"]["value"] == "b"
    assert (await submit(radio_buttons=None, some=None, day={"type": "datepicker", "selected_date": None}))["ok"]
    assert app.payloads[-1]["view"]["state"]["values"]["radio_buttons"]["one"]["selected_option"] is None
    assert (await submit(plain_text_input={"words": {"type": "plain_text_input", "value": "abc"}}))["ok"]
    for values, sentence in (
        ({"words": "x"}, "This needs at least 2 characters."),
        ({"words": "xxxxxx"}, "This takes at most 5 characters."),
        ({"count": "many"}, "Please enter a number."),
        ({"count": "1.5"}, "Please enter a whole number."),
        ({"count": "0"}, "This must be at least 1."),
        ({"count": "10"}, "This must be at most 9."),
        ({"mail": "nowhere"}, "Please enter a valid email address."),
        ({"link": "nowhere"}, "Please enter a valid URL."),
    ):
        assert list((await submit(**values))["errors"].values()) == [sentence]
    assert (await submit(mail="a@b", link="https://a"))["ok"]
    assert (await submit(stranger="x"))["error"].startswith("The form has no input stranger. It has: plain_text_input")
    refused = await submit(group="z")
    assert refused["error"] == "group has no option 'z'. It has: a, b."


async def test_text_alone_needs_a_form_with_one_text_input(
    server: WorkspaceServer, slack: AsyncWebClient, control: Control
) -> None:
    label = {"type": "plain_text", "text": "L"}
    form = {"type": "modal", "title": label, "blocks": [actions(button())]}
    await slack.views_open(trigger_id=server.workspace.tokens.trigger(ALICE), view=form)
    refused = await control.post("view_submit", user="alice", values={"text": "x"})
    assert refused["error"] == "The form has 0 text inputs; name the one you mean in values."
    required = await control.post("view_submit", user="alice", values={"press": "x"})
    assert required["error"] == "The form has no input press. It has: controls."


async def test_the_stream_tells_of_changes(slack: AsyncWebClient, control: Control, server: WorkspaceServer) -> None:
    async with control.session.get("/_control/stream") as stream:
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readline() == b"event: hello\n"
        await stream.content.readuntil(b"\n\n")
        assert await stream.content.readuntil(b"\n\n") == b": still here\n\n"
        ts = (await slack.chat_postMessage(channel=RFT, text="x"))["ts"]
        while (line := await stream.content.readline()).startswith((b":", b"\n")):
            pass
        assert line == b"event: change\n"
        change = json.loads((await stream.content.readline()).removeprefix(b"data: "))
        assert (change["kind"], change["channel"], change["ts"]) == ("message", RFT, ts)
        assert change["seq"] == server.workspace.changes.seq


async def test_a_page_that_goes_away_leaves_nothing_behind(control: Control, server: WorkspaceServer) -> None:
    stream = await control.session.get("/_control/stream")
    await stream.content.readline()
    stream.close()
    await until(lambda: not server.workspace.changes._listeners)


async def test_a_stream_ends_with_the_workspace(control: Control, server: WorkspaceServer) -> None:
    async with control.session.get("/_control/stream") as stream:
        await stream.content.readline()
        server.workspace.changes.close()
        async with asyncio.timeout(30):
            await stream.content.read()


async def test_a_reset_gives_a_fresh_workspace_with_new_ids(
    slack: AsyncWebClient, control: Control, app: SocketApp
) -> None:
    before = await card(slack)
    await slack.conversations_open(users=ALICE)
    await slack.files_upload_v2(filename="a.txt", content="x")
    assert (await control.post("reset"))["ok"]
    assert await control.messages() == []
    assert len((await control.get("state"))["channels"]) == 3
    assert await control.log("web_api") == []
    assert await card(slack) > before
    assert app.payloads == []


async def test_the_page_is_served_and_nothing_above_it(control: Control) -> None:
    async with control.session.get("/") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.headers["Cache-Control"] == "no-cache"
    for path in ("/nothing.js", "/%2e%2e/server.py", "/js"):
        async with aiohttp.ClientSession() as session, session.get(f"{control.session._base_url}{path}") as answer:
            assert answer.status == 404
