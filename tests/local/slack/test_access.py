"""Tokens, scopes, rates and asked-for faults: what stands between a call and its method."""

from dataclasses import replace

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.rate_limits import SLACK_RATES, RateLimits
from local.slack.server import WorkspaceServer, serve
from tests.local.slack.people import RFT, Control, SetClock, section
from tests.local.slack.test_chat import error_of


async def test_the_app_learns_who_it_is(slack: AsyncWebClient, server: WorkspaceServer) -> None:
    answer = await slack.auth_test()
    assert answer.data == {
        "ok": True,
        "url": f"{server.url}/",
        "team": "Local workspace",
        "user": "proctor",
        "team_id": "T0LOCAL",
        "user_id": "U0PROCTOR",
        "bot_id": "B0PROCTOR",
        "is_enterprise_install": False,
    }


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-other", "invalid_auth"), ("xapp-local-proctor", "not_allowed_token_type")],
)
async def test_a_wrong_token_is_refused(server: WorkspaceServer, token: str, error: str) -> None:
    assert await error_of(AsyncWebClient(token, base_url=server.api_url).auth_test()) == error


async def test_sockets_need_the_app_level_token(slack: AsyncWebClient) -> None:
    call = slack.apps_connections_open(app_token="xoxb-local-proctor")
    assert await error_of(call) == "not_allowed_token_type"


async def test_an_unknown_method_is_named(slack: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as raised:
        await slack.api_call("chat.shout")
    assert raised.value.response.data == {"ok": False, "error": "unknown_method", "req_method": "chat.shout"}


async def test_a_missing_scope_is_named(slack: AsyncWebClient, server: WorkspaceServer) -> None:
    directory = server.workspace.directory
    directory.app = replace(directory.app, scopes=frozenset({"chat:write"}))
    with pytest.raises(SlackApiError) as raised:
        await slack.files_info(file="F0")
    assert raised.value.response["error"] == "missing_scope"
    assert (raised.value.response["needed"], raised.value.response["provided"]) == ("files:read", "chat:write")


async def test_get_form_and_broken_json_are_read(control: Control) -> None:
    async with control.session.get("/api/api.test?a=1") as answer:
        assert (await answer.json())["args"] == {"a": "1"}
    async with control.session.post("/api/api.test", data={"b": "2"}) as answer:
        assert (await answer.json())["args"] == {"b": "2"}
    headers = {"Content-Type": "application/json"}
    for body in ("{", "[]", ""):
        async with control.session.post("/api/api.test", data=body, headers=headers) as answer:
            assert (await answer.json())["args"] == {}
    async with control.session.post("/api/api.test", json={"error": "my_error"}) as answer:
        assert (await answer.json())["error"] == "my_error"


async def test_blocks_can_be_checked_without_a_token(control: Control) -> None:
    async def check(**args: object) -> dict[str, object]:
        async with control.session.post("/api/blocks.validate", json=args) as answer:
            return dict(await answer.json())

    assert await check(blocks=[section()]) == {"ok": True}
    assert (await check())["error"] == "invalid_arguments"
    assert (await check(view={"type": "sheet"}))["error"] == "invalid_view"
    assert (await check(message={"blocks": [{"type": "alert"}]}))["error"] == "invalid_message"
    refused = await check(blocks=[section("")])
    assert refused["errors"] == [
        {
            "code": "too_short",
            "message": "must be more than 0 characters",
            "field": "text",
            "pointer": "/blocks/0/text/text",
        }
    ]


async def test_posting_is_limited_by_channel(slack: AsyncWebClient, clock: SetClock) -> None:
    for _ in range(SLACK_RATES["posting"].burst):
        await slack.chat_postMessage(channel=RFT, text="x")
    with pytest.raises(SlackApiError) as raised:
        await slack.chat_postMessage(channel="#rft", text="x")
    answer = raised.value.response
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")
    await slack.chat_postMessage(channel="#general", text="another channel is not affected")
    clock.forward(1.0)
    await slack.chat_postMessage(channel=RFT, text="x")


async def test_updates_are_limited_over_all_messages(slack: AsyncWebClient) -> None:
    ts = (await slack.chat_postMessage(channel=RFT, text="x"))["ts"]
    for number in range(SLACK_RATES["tier3"].burst):
        await slack.chat_update(channel=RFT, ts=ts, text=str(number))
    assert await error_of(slack.chat_update(channel=RFT, ts=ts, text="x")) == "ratelimited"


async def test_limits_can_be_switched_off() -> None:
    async with serve(limited=False) as server:
        slack = AsyncWebClient("xoxb-local-proctor", base_url=server.api_url)
        for _ in range(30):
            await slack.chat_postMessage(channel=RFT, text="x")


def test_a_minute_of_waiting_gives_the_sustained_rate(clock: SetClock) -> None:
    limits = RateLimits(clock)
    passed = 0
    for _ in range(600):
        clock.forward(0.1)
        passed += limits.spend("tier3", "chat.update") == 0
    assert 50 <= passed <= 50 + SLACK_RATES["tier3"].burst
    limits.reset()
    assert limits.spend("tier3", "chat.update") == 0


async def fault(control: Control, **asked: object) -> None:
    assert (await control.post("fault", **asked))["ok"]


async def test_an_asked_for_error_comes_as_often_as_asked(slack: AsyncWebClient, control: Control) -> None:
    await fault(control, method="chat.postMessage", fault="error", error="fatal_error", times=2)
    for _ in range(2):
        assert await error_of(slack.chat_postMessage(channel=RFT, text="x")) == "fatal_error"
    await slack.chat_postMessage(channel=RFT, text="x")
    assert len(await control.messages()) == 1


async def test_a_rate_limit_and_an_outage_can_be_asked_for(slack: AsyncWebClient, control: Control) -> None:
    await fault(control, method="*", fault="ratelimited", retry_after=7)
    with pytest.raises(SlackApiError) as raised:
        await slack.auth_test()
    assert raised.value.response.headers["Retry-After"] == "7"
    await fault(control, method="auth.test", fault="server_error")
    with pytest.raises(SlackApiError) as raised:
        await slack.auth_test()
    assert raised.value.response.status_code == 503


async def test_slacks_client_waits_out_a_rate_limit(server: WorkspaceServer, control: Control) -> None:
    handler = AsyncRateLimitErrorRetryHandler(max_retry_count=1)
    patient = AsyncWebClient("xoxb-local-proctor", base_url=server.api_url, retry_handlers=[handler])
    await fault(control, method="auth.test", fault="ratelimited", retry_after=1)
    assert (await patient.auth_test())["ok"]


@pytest.mark.parametrize(("kind", "posted"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_connection_can_be_dropped_before_or_after_the_work(
    slack: AsyncWebClient, control: Control, kind: str, posted: int
) -> None:
    await fault(control, method="chat.postMessage", fault=kind)
    with pytest.raises(aiohttp.ClientError):
        await slack.chat_postMessage(channel=RFT, text="x")
    assert len(await control.messages()) == posted


async def test_a_delayed_call_still_works(slack: AsyncWebClient, control: Control) -> None:
    await fault(control, method="auth.test", fault="delay", seconds=0.01)
    assert (await slack.auth_test())["ok"]


async def test_faults_are_forgotten_when_asked(slack: AsyncWebClient, control: Control) -> None:
    await fault(control, method="auth.test", fault="error", times=9)
    await fault(control, fault="clear")
    assert (await slack.auth_test())["ok"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"fault": "gremlin"}, "No fault is called 'gremlin'. There are: error, ratelimited"),
        ({"fault": "error"}, "Fault error needs a method, such as chat.postMessage."),
        ({"fault": "error", "method": "x", "times": "often"}, "times, retry_after and seconds are numbers"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    control: Control, asked: dict[str, object], sentence: str
) -> None:
    answer = await control.post("fault", **asked)
    assert not answer["ok"]
    assert sentence in answer["error"]


async def test_the_log_holds_calls_in_order_and_no_tokens(slack: AsyncWebClient, control: Control) -> None:
    await slack.auth_test()
    await slack.chat_postMessage(channel=RFT, text="hello")
    first, second = await control.log("web_api")
    assert (first["name"], second["name"], second["args"]["text"]) == ("auth.test", "chat.postMessage", "hello")
    assert second["answer"]["ok"]
    assert "xoxb" not in str(await control.get("log"))
    assert len((await control.get(f"log?since={first['seq']}"))["log"]) == 1


async def test_another_sites_page_may_not_act(server: WorkspaceServer, control: Control) -> None:
    body = '{"user": "alice", "channel": "rft", "text": "not me"}'
    async with control.session.post("/_control/message", data=body, headers={"Origin": "https://evil.example"}) as no:
        assert no.status == 403
    async with control.session.post("/_control/message", data=body, headers={"Origin": server.url}) as yes:
        assert (await yes.json())["ok"]
