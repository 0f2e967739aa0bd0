"""One story through Slack's own clients: command, button, form, update, over Socket Mode and over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.seed_data import SIGNING_SECRET
from local.slack.server import WorkspaceServer, serve
from local.slack.timing import Timing
from tests.local.slack.people import RFT, Control, Json, actions, button, modal, section, text_input, until


def approval_app(client: AsyncWebClient) -> AsyncApp:
    """A small app: /rft posts a card with a button, the button opens a form, the form updates the card."""
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET)

    @app.command("/rft")
    async def launch(ack: Any, respond: Any, command: Json, client: AsyncWebClient) -> None:
        await ack("Launching")
        await respond(f"Heard: {command['text']}")
        await client.chat_postMessage(
            channel=command["channel_id"],
            text="A job",
            blocks=[section("*A job*"), actions(button("approve", "job-1", "Approve"))],
            metadata={"event_type": "card", "event_payload": {"job": "job-1"}},
        )

    @app.action("approve")
    async def ask_why(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        form = modal(text_input("reason", multiline=True), private_metadata=body["message"]["ts"])
        await client.views_open(trigger_id=body["trigger_id"], view=form)

    @app.view("form")
    async def approve(ack: Any, view: Json, body: Json, client: AsyncWebClient) -> None:
        reason = view["state"]["values"]["reason"]["text"]["value"]
        if len(reason) < 5:
            await ack(response_action="errors", errors={"reason": "Say a little more."})
            return
        await ack()
        by = f"Approved by <@{body['user']['id']}>: {reason}"
        await client.chat_update(channel=RFT, ts=view["private_metadata"], text=by, blocks=[section(by)])

    @app.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        view = {"type": "home", "blocks": [section("Your jobs")]}
        await client.views_publish(user_id=event["user"], view=view)

    return app


async def play(control: Control) -> None:
    """Act it out as alice and bob, and look at what both see."""
    asked = await control.post("command", channel="#rft", user="alice", command="/rft", text="launch task=eurovoc")
    assert asked == {"ok": True}
    await until_messages(control, lambda found: len(found) == 1)
    said = {one["text"] for one in await control.ephemerals("alice")}
    assert said == {"Launching", "Heard: launch task=eurovoc"}
    [card] = await control.messages()

    pressed = {"action_id": "approve", "value": "job-1"}
    assert (await control.post("interact", channel="rft", user="bob", messageTs=card["ts"], action=pressed))["ok"]

    async def form_is_open() -> bool:
        return await control.open_view("bob") is not None

    await until(form_is_open)
    short = await control.post("view_submit", user="bob", values={"text": "ok"})
    assert short == {"ok": False, "errors": {"reason": "Say a little more."}}
    assert await control.post("view_submit", user="bob", values={"reason": "Precision held up."}) == {"ok": True}
    await until_messages(control, lambda found: "Approved" in found[0]["text"])
    [approved] = await control.messages()
    assert approved["text"] == "Approved by <@U0BOB0001>: Precision held up."
    assert approved["metadata"]["event_payload"] == {"job": "job-1"}
    assert await control.open_view("bob") is None

    await control.post("open-home", user="alice")

    async def home_is_there() -> bool:
        return "alice" in (await control.get("state"))["homes"]

    await until(home_is_there)


async def until_messages(control: Control, wanted: Callable[[list[Json]], bool]) -> None:
    async def holds() -> bool:
        return wanted(await control.messages())

    await until(holds)


@asynccontextmanager
async def over_socket_mode() -> AsyncIterator[WorkspaceServer]:
    async with serve() as server:
        app = approval_app(AsyncWebClient("xoxb-local-proctor", base_url=server.api_url))
        handler = AsyncSocketModeHandler(app, "xapp-local-proctor")
        await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it unannotated
        try:
            yield server
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]  # the same


@asynccontextmanager
async def over_http(unused_tcp_port: int) -> AsyncIterator[WorkspaceServer]:
    address = f"http://127.0.0.1:{unused_tcp_port}/slack/events"
    async with serve(request_url=address) as server:
        app = approval_app(AsyncWebClient("xoxb-local-proctor", base_url=server.api_url))
        runner = web.AppRunner(app.web_app(path="/slack/events"))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
        try:
            yield server
        finally:
            await runner.cleanup()


async def test_the_story_works_over_socket_mode() -> None:
    async with over_socket_mode() as server, aiohttp.ClientSession(server.url) as session:
        await play(Control(session))


async def test_the_story_works_over_signed_http_requests(unused_tcp_port: int) -> None:
    async with over_http(unused_tcp_port) as server, aiohttp.ClientSession(server.url) as session:
        await play(Control(session))


@pytest.mark.parametrize(
    ("answer", "reason"), [(500, "dispatch_failed"), (None, "dispatch_failed"), (0, "operation_timeout")]
)
async def test_http_mode_says_what_went_wrong(unused_tcp_port: int, answer: int | None, reason: str) -> None:
    seen: list[web.BaseRequest] = []

    async def app(request: web.BaseRequest) -> web.Response:
        seen.append(request)
        if answer == 0:
            await asyncio.Event().wait()
        return web.Response(status=answer or 200)

    listening = web.ServerRunner(web.Server(app), shutdown_timeout=0.01)
    await listening.setup()
    if answer is not None:
        await web.TCPSite(listening, "127.0.0.1", unused_tcp_port).start()
    timing = Timing(ack=0.2, event_retries=(0.0,))
    async with (
        serve(request_url=f"http://127.0.0.1:{unused_tcp_port}/", timing=timing) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        control = Control(session)
        told = await control.post("command", channel="rft", user="alice", command="/rft", text="")
        assert told["error"] == f'/rft failed with the error "{reason}"'
        await control.post("open-home", user="alice")
        if answer is not None:
            await until(lambda: len(seen) == 3)
            assert seen[2].headers["X-Slack-Retry-Num"] == "1"
            assert seen[2].headers["X-Slack-Retry-Reason"] == "http_timeout"
    await listening.cleanup()


async def test_a_request_url_may_answer_in_plain_words(unused_tcp_port: int) -> None:
    async def app(_request: web.BaseRequest) -> web.Response:
        return web.Response(text="Plain words")

    listening = web.ServerRunner(web.Server(app))
    await listening.setup()
    await web.TCPSite(listening, "127.0.0.1", unused_tcp_port).start()
    async with (
        serve(request_url=f"http://127.0.0.1:{unused_tcp_port}/") as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        control = Control(session)
        assert (await control.post("command", channel="rft", user="alice", command="/rft", text=""))["ok"]
        assert [seen["text"] for seen in await control.ephemerals("alice")] == ["Plain words"]
    await listening.cleanup()


async def test_the_real_client_reconnects_when_told_to() -> None:
    async with over_socket_mode() as server, aiohttp.ClientSession(server.url) as session:
        control = Control(session)
        assert (await control.post("fault", fault="disconnect"))["sockets"] == 1
        await until(lambda: server.sockets.count == 1)
        await play(control)
