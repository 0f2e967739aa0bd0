"""Socket Mode: addresses, greetings, one socket for each envelope, deadlines, retries, faults."""

import aiohttp
import pytest

from local.slack.delivery import Events
from local.slack.server import WorkspaceServer
from tests.local.slack.people import Control, SetClock, SocketApp, socket_address, socket_app, until


async def test_an_address_connects_once_and_for_thirty_seconds(server: WorkspaceServer, clock: SetClock) -> None:
    async with aiohttp.ClientSession() as session:
        address, late = [await socket_address(session, server) for _ in range(2)]
        assert address.startswith("ws://127.0.0.1:")
        async with session.ws_connect(address) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            assert hello["connection_info"] == {"app_id": "A0PROCTOR"}
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(address)
        clock.forward(31)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(late)


async def test_each_envelope_goes_to_exactly_one_socket(server: WorkspaceServer, control: Control) -> None:
    async with socket_app(server) as one, socket_app(server) as two:
        for number in range(20):
            answer = await control.post("command", channel="rft", user="alice", command="/rft", text=str(number))
            assert answer == {"ok": True}
        heard = [payload["text"] for app in (one, two) for payload in app.payloads]
        assert sorted(heard, key=int) == [str(number) for number in range(20)]
        assert one.payloads
        assert two.payloads


async def test_a_command_carries_everything_slack_sends(app: SocketApp, control: Control) -> None:
    await control.post("command", channel="#rft", user="alice", command="rft", text=" launch task=eurovoc ")
    envelope = app.received[-1]
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    payload = envelope["payload"]
    assert payload.pop("response_url").startswith("http://127.0.0.1:")
    assert payload.pop("trigger_id")
    assert payload == {
        "token": "local-verification-token",
        "team_id": "T0LOCAL",
        "team_domain": "local",
        "channel_id": "C0RFT0001",
        "channel_name": "rft",
        "user_id": "U0ALICE01",
        "user_name": "alice",
        "command": "/rft",
        "text": "launch task=eurovoc",
        "api_app_id": "A0PROCTOR",
        "is_enterprise_install": "false",
    }


async def test_an_ack_may_carry_the_answer(app: SocketApp, control: Control) -> None:
    app.answer = lambda _envelope: {"text": "here you are", "response_type": "in_channel"}
    await control.post("command", channel="rft", user="alice", command="/rft", text="list")
    app.answer = lambda _envelope: {"blocks": [{"type": "spaceship"}]}
    refused = await control.post("command", channel="rft", user="alice", command="/rft", text="list")
    assert refused["error"].startswith("The app's answer was refused: invalid_blocks")
    assert [message["text"] for message in await control.messages()] == ["here you are"]


async def test_a_command_not_acked_in_time_says_so(app: SocketApp, control: Control) -> None:
    app.answer = lambda _envelope: None
    answer = await control.post("command", channel="rft", user="alice", command="/rft", text="")
    sentence = '/rft failed with the error "operation_timeout"'
    assert answer == {"ok": False, "error": sentence}
    [seen] = await control.ephemerals("alice")
    assert (seen["text"], seen["user"]) == (sentence, "USLACKBOT")
    assert [entry["name"] for entry in await control.log("failure")] == ["operation_timeout"]


async def test_without_an_app_a_command_fails_at_once(control: Control) -> None:
    answer = await control.post("command", channel="rft", user="alice", command="/rft", text="")
    assert answer["error"] == '/rft failed with the error "dispatch_failed"'


async def test_a_late_or_unreadable_ack_is_only_logged(app: SocketApp, control: Control) -> None:
    for text in ('{"envelope_id": "env-gone"}', "{", "[]"):
        await app.socket.send_str(text)
    await app.socket.send_bytes(b"bytes")

    async def three_logged() -> bool:
        return len(await control.log("ack")) == 3

    await until(three_logged)
    names = [entry["name"] for entry in await control.log("ack")]
    assert names == ["too late or repeated", "unreadable", "unreadable"]


async def test_an_event_is_sent_again_until_acked(app: SocketApp, control: Control) -> None:
    app.answer = lambda envelope: {} if envelope.get("retry_attempt") == 2 else None
    await control.post("open-home", user="alice")
    await until(lambda: len(app.payloads) == 3)
    envelopes = app.received[1:]
    tries = [(envelope["retry_attempt"], envelope["retry_reason"]) for envelope in envelopes]
    assert tries == [(0, ""), (1, "timeout"), (2, "timeout")]
    assert len({envelope["payload"]["event_id"] for envelope in envelopes}) == 1
    assert envelopes[0]["payload"]["event"]["type"] == "app_home_opened"


async def test_a_mention_reaches_the_app_and_other_words_do_not(app: SocketApp, control: Control) -> None:
    await control.post("message", channel="rft", user="alice", text="hello @bob and @nobody")
    first = (await control.messages())[0]
    await control.post("message", channel="rft", user="alice", text="@proctor help", thread_ts=first["ts"])
    [payload] = app.payloads
    event = payload["event"]
    assert (event["type"], event["text"]) == ("app_mention", "<@U0PROCTOR> help")
    assert event["thread_ts"] == first["ts"]
    assert first["text"] == "hello <@U0BOB0001> and @nobody"


async def test_an_event_nobody_subscribed_to_is_not_sent(server: WorkspaceServer, app: SocketApp) -> None:
    events = Events(server.workspace, server.sockets)
    await events.send({"type": "reaction_added"})
    assert app.payloads == []


async def test_the_eleventh_socket_is_turned_away(server: WorkspaceServer) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(await socket_address(session, server)) for _ in range(11)]
        assert [(await socket.receive_json())["type"] for socket in sockets] == ["hello"] * 10 + ["disconnect"]
        for socket in sockets:
            await socket.close()


async def test_sockets_can_be_refused_and_dropped(server: WorkspaceServer, control: Control) -> None:
    assert (await control.post("fault", fault="refuse_sockets"))["ok"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(await socket_address(session, server))
    async with socket_app(server) as app:
        assert (await control.post("fault", fault="drop_sockets"))["sockets"] == 1
        await until(lambda: app.socket.closed)
    await until(lambda: server.sockets.count == 0)


async def test_envelopes_can_be_lost_and_repeated(app: SocketApp, control: Control) -> None:
    await control.post("fault", fault="lose_envelopes")
    lost = await control.post("command", channel="rft", user="alice", command="/rft", text="1")
    assert lost["error"] == '/rft failed with the error "operation_timeout"'
    await control.post("fault", fault="repeat_envelopes")
    assert (await control.post("command", channel="rft", user="alice", command="/rft", text="2"))["ok"]
    await until(lambda: len(app.payloads) == 2)
    assert [payload["text"] for payload in app.payloads] == ["2", "2"]


async def test_the_last_envelope_can_be_delivered_again_to_an_app_that_acked_it(
    server: WorkspaceServer, control: Control
) -> None:
    async with socket_app(server) as first:
        assert not (await control.post("fault", fault="redeliver"))["ok"]
        await control.post("command", channel="rft", user="alice", command="/rft", text="1")
    await until(lambda: server.sockets.count == 0)
    assert not (await control.post("fault", fault="redeliver"))["ok"]
    async with socket_app(server) as second:
        assert (await control.post("fault", fault="redeliver"))["ok"]
        await until(lambda: second.payloads == first.payloads)
        assert second.received[-1]["envelope_id"] == first.received[-1]["envelope_id"]


async def test_told_to_disconnect_a_client_gets_word_first(app: SocketApp, control: Control) -> None:
    await control.post("fault", fault="disconnect", reason="warning")
    await until(lambda: app.socket.closed)
    assert (app.received[-1]["type"], app.received[-1]["reason"]) == ("disconnect", "warning")
