"""views.*: triggers, the stack of modals, hashes, Homes, and what submitting does."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.server import WorkspaceServer
from tests.local.slack.people import (
    ALICE,
    RFT,
    Control,
    Json,
    SetClock,
    SocketApp,
    actions,
    button,
    modal,
    section,
    text_input,
)
from tests.local.slack.test_chat import error_of

Trigger = Callable[[], str]


@pytest.fixture
def trigger(server: WorkspaceServer) -> Trigger:
    """A trigger_id of alice's, as a command or click would bring one."""
    return lambda: server.workspace.tokens.trigger(ALICE)


async def test_a_trigger_opens_one_view_within_three_seconds(
    slack: AsyncWebClient, trigger: Trigger, clock: SetClock, control: Control
) -> None:
    used, late = trigger(), trigger()
    view = (await slack.views_open(trigger_id=used, view=modal()))["view"]
    assert (await control.open_view())["id"] == view["id"]  # type: ignore[index]  # it is open, or the test fails
    assert await error_of(slack.views_open(trigger_id=used, view=modal())) == "exchanged_trigger_id"
    clock.forward(3.1)
    assert await error_of(slack.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
    assert await error_of(slack.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"
    assert await error_of(slack.api_call("views.open", json={"view": modal()})) == "invalid_arguments"


async def test_modals_stack_three_deep_and_no_deeper(slack: AsyncWebClient, trigger: Trigger, control: Control) -> None:
    first = (await slack.views_push(trigger_id=trigger(), view=modal()))["view"]
    second = (await slack.views_push(trigger_id=trigger(), view=modal()))["view"]
    third = (await slack.views_push(trigger_id=trigger(), view=modal()))["view"]
    assert (third["root_view_id"], third["previous_view_id"]) == (first["id"], second["id"])
    assert await error_of(slack.views_push(trigger_id=trigger(), view=modal())) == "push_limit_reached"
    await control.post("view_close", user="alice")
    assert (await control.open_view())["id"] == second["id"]  # type: ignore[index]  # two are still open
    await control.post("view_close", user="alice", clear=True)
    assert await control.open_view() is None


async def test_an_update_keeps_what_was_entered(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp
) -> None:
    view = (await slack.views_open(trigger_id=trigger(), view=modal(text_input(), text_input("note"))))["view"]
    app.answer = lambda _envelope: {"response_action": "errors", "errors": {"note": "No."}}
    values = {"reason": "because", "note": "that"}
    assert (await control.post("view_submit", user="alice", values=values))["errors"] == {"note": "No."}
    changed = await slack.views_update(view_id=view["id"], view=modal(text_input(), section()), hash=view["hash"])
    assert changed["view"]["state"]["values"] == {"reason": {"text": {"type": "plain_text_input", "value": "because"}}}
    assert await error_of(slack.views_update(view_id=view["id"], view=modal(), hash=view["hash"])) == "hash_conflict"
    assert await error_of(slack.views_update(view_id="V0", view=modal())) == "not_found"
    assert await error_of(slack.api_call("views.update", json={"view": modal()})) == "invalid_arguments"


async def test_external_ids_are_unique_and_findable(slack: AsyncWebClient, trigger: Trigger) -> None:
    await slack.views_open(trigger_id=trigger(), view=modal(external_id="mine"))
    twin = modal(external_id="mine")
    assert await error_of(slack.views_push(trigger_id=trigger(), view=twin)) == "duplicate_external_id"
    await slack.views_update(external_id="mine", view=modal(external_id="mine"))


async def test_views_are_checked(slack: AsyncWebClient, trigger: Trigger) -> None:
    async def refusal(view: Json) -> str:
        return await error_of(slack.views_open(trigger_id=trigger(), view=view))

    assert await refusal(modal(title={"type": "plain_text", "text": "x" * 25})) == "invalid_arguments"
    assert await refusal(modal(submit=None)) == "invalid_arguments"
    assert await refusal({"type": "home", "blocks": []}) == "invalid_arguments"
    big = [section("x" * 2900) for _ in range(90)]
    assert await refusal(modal(*big)) == "view_too_large"


async def test_a_home_is_published_for_one_person(slack: AsyncWebClient, control: Control) -> None:
    home = {"type": "home", "blocks": [section("Jobs"), actions(button())]}
    first = (await slack.views_publish(user_id=ALICE, view=home))["view"]
    again = (await slack.views_publish(user_id=ALICE, view=home, hash=first["hash"]))["view"]
    assert (again["id"], again["type"]) == (first["id"], "home")
    state = await control.get("state")
    assert list(state["homes"]) == ["alice"]
    assert state["open_views"] == {}
    stale = slack.views_publish(user_id=ALICE, view=home, hash=first["hash"])
    assert await error_of(stale) == "hash_conflict"
    assert await error_of(slack.views_publish(user_id="U0NOBODY1", view=home)) == "invalid_arguments"
    assert await error_of(slack.views_publish(user_id=ALICE, view=modal())) == "invalid_arguments"


async def test_a_submission_carries_everything_slack_sends(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp
) -> None:
    view = (await slack.views_open(trigger_id=trigger(), view=modal(private_metadata="job-1")))["view"]
    assert await control.post("view_submit", user="alice", view_id=view["id"], values={"text": "fine"}) == {"ok": True}
    payload = app.payloads[-1]
    assert payload["type"] == "view_submission"
    assert payload["user"] == {"id": ALICE, "username": "alice", "name": "alice", "team_id": "T0LOCAL"}
    assert payload["view"]["state"]["values"]["reason"]["text"]["value"] == "fine"
    assert (payload["view"]["private_metadata"], payload["view"]["hash"]) == ("job-1", view["hash"])
    assert (payload["response_urls"], payload["view"]["callback_id"]) == ([], "form")
    assert await control.open_view() is None
    gone = await control.post("view_submit", user="alice", view_id=view["id"], values={"text": "again"})
    assert gone == {"ok": False, "error": "alice has no such form open."}


async def test_the_app_may_update_push_or_clear(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp
) -> None:
    view = (await slack.views_open(trigger_id=trigger(), view=modal()))["view"]

    async def submit(answer: Json) -> Json | None:
        app.answer = lambda _envelope: answer
        assert (await control.post("view_submit", user="alice", values={"text": "x"}))["ok"]
        return await control.open_view()

    updated = await submit({"response_action": "update", "view": modal(callback_id="two")})
    assert updated is not None
    assert (updated["id"], updated["callback_id"]) == (view["id"], "two")
    pushed = await submit({"response_action": "push", "view": modal(callback_id="three")})
    assert pushed is not None
    assert (pushed["previous_view_id"], pushed["callback_id"]) == (view["id"], "three")
    assert await submit({"response_action": "clear"}) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "vanish"},
        {"response_action": "errors", "errors": {}},
        {"response_action": "errors", "errors": {"elsewhere": "No."}},
        {"response_action": "update", "view": {"type": "modal"}},
    ],
)
async def test_an_answer_that_makes_no_sense_leaves_the_form_open(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp, answer: Json
) -> None:
    await slack.views_open(trigger_id=trigger(), view=modal())
    app.answer = lambda _envelope: answer
    refused = await control.post("view_submit", user="alice", values={"text": "x"})
    assert refused["error"].startswith("We had some trouble connecting. Try again?")
    assert await control.open_view() is not None


async def test_a_submission_not_acked_says_so(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp
) -> None:
    await slack.views_open(trigger_id=trigger(), view=modal())
    app.answer = lambda _envelope: None
    refused = await control.post("view_submit", user="alice", values={"text": "x"})
    assert refused["error"] == "We had some trouble connecting. Try again? (operation_timeout)"


async def test_closing_tells_an_app_that_asked(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp
) -> None:
    await slack.views_open(trigger_id=trigger(), view=modal(notify_on_close=True))
    assert (await control.post("view_close", user="alice"))["ok"]
    assert (app.payloads[-1]["type"], app.payloads[-1]["is_cleared"]) == ("view_closed", False)


async def test_elements_in_a_modal_and_on_a_home_can_be_used(
    slack: AsyncWebClient, trigger: Trigger, control: Control, app: SocketApp
) -> None:
    option = {"text": {"type": "plain_text", "text": "Two"}, "value": "2"}
    select = {"type": "static_select", "action_id": "pick", "options": [option]}
    form = modal(actions(select, button()), text_input())
    view = (await slack.views_open(trigger_id=trigger(), view=form))["view"]
    typed = {"values": {"reason": {"text": {"type": "plain_text_input", "value": "half"}}, "gone": {"x": {}}}}
    action: dict[str, Any] = {"action_id": "pick", "selected_option": option}
    assert (await control.post("interact", user="alice", view_id=view["id"], action=action, state=typed))["ok"]
    payload = app.payloads[-1]
    assert payload["container"] == {"type": "view", "view_id": view["id"]}
    assert payload["actions"][0]["selected_option"]["value"] == "2"
    assert payload["view"]["state"]["values"]["controls"]["pick"]["selected_option"]["value"] == "2"
    assert payload["view"]["state"]["values"]["reason"]["text"]["value"] == "half"
    await slack.views_publish(user_id=ALICE, view={"type": "home", "blocks": [actions(button())]})
    home = (await control.get("state"))["homes"]["alice"]
    pressed = {"action_id": "press", "value": "1"}
    assert (await control.post("interact", user="alice", view_id=home["view_id"], action=pressed))["ok"]
    assert app.payloads[-1]["view"]["type"] == "home"
    assert (await slack.chat_postMessage(channel=RFT, text="still fine"))["ok"]
