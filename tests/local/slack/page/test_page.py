"""The page in a real browser: what people do reaches the app, and what the app says reaches the people."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from local.slack.server import WorkspaceServer, serve
from tests.local.slack.page.conftest import OpenPage
from tests.local.slack.page.content import button, buttons, plain
from tests.local.slack.page.small_app import Json, SmallApp, connected

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

RFT = "C0RFT0001"


REASON_FORM: Json = {
    "type": "modal",
    "callback_id": "approve",
    "title": plain("Approve checkpoint b"),
    "submit": plain("Approve"),
    "close": plain("Cancel"),
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "reason", "multiline": True},
        }
    ],
}


async def type_in(page: Page, text: str, composer: str = "#composer") -> None:
    """Write a line and send it with Enter."""
    await page.fill(composer, text)
    await page.press(composer, "Enter")


async def test_a_typed_command_reaches_the_app_in_the_acting_persons_name(open_page: OpenPage, app: SmallApp) -> None:
    page = await open_page()

    await type_in(page, "/rft launch task=eurovoc")

    heard = await app.next("/rft")
    assert (heard["text"], heard["user_name"], heard["channel_name"]) == ("launch task=eurovoc", "alice", "rft")
    await expect(page.locator("#composer")).to_have_value("")


async def test_a_slash_offers_the_commands_with_their_hints(open_page: OpenPage) -> None:
    page = await open_page()
    await page.locator("#composer").press_sequentially("/")
    options = page.get_by_role("listbox", name="Commands").get_by_role("option")
    await expect(options).to_have_count(3)
    await expect(options.nth(1)).to_contain_text("launch task=")

    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Tab")

    await expect(page.locator("#composer")).to_have_value("/proctor ")
    await expect(options).to_have_count(0)
    await expect(page.locator(".channel .composer-hint")).to_contain_text("/proctor tasks")


async def test_an_unknown_command_is_answered_in_words_and_can_be_corrected(open_page: OpenPage) -> None:
    page = await open_page()

    await type_in(page, "/rtf launch")

    await expect(page.locator(".composer-error").first).to_contain_text("/rtf is not a command here")
    await expect(page.locator("#composer")).to_have_value("/rtf launch")


async def test_a_button_opens_a_form_whose_text_reaches_the_app(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(blocks=[buttons(button("approve", "Approve"))])
    app.answer = lambda payload: (
        {"response_action": "errors", "errors": {"reason": "Give at least 10 characters."}}
        if payload["type"] == "view_submission" and len(_reason(payload)) < 10
        else {}
    )
    page = await open_page("#/rft?as=bob")
    await page.get_by_role("button", name="Approve").click()
    click = await app.next("block_actions")
    assert (click["user"]["username"], click["actions"][0]["value"]) == ("bob", "b-75")
    await app.call("views.open", trigger_id=click["trigger_id"], view=REASON_FORM)

    form = page.get_by_role("dialog", name="Approve checkpoint b")
    field = form.get_by_label("Reason")
    await expect(field).to_be_focused()
    await form.get_by_role("button", name="Approve").click()
    await expect(form.get_by_role("alert")).to_contain_text("required")
    await field.fill("short")
    await form.get_by_role("button", name="Approve").click()
    await expect(form.get_by_role("alert")).to_have_text("Give at least 10 characters.")
    await field.fill("Finds most labels, and the gap is small.")
    await form.get_by_role("button", name="Approve").click()

    await expect(form).to_have_count(0)
    assert _reason(await app.next("view_submission")) == "short"
    assert _reason(await app.next("view_submission")) == "Finds most labels, and the gap is small."


def _reason(payload: Json) -> str:
    return str(payload["view"]["state"]["values"]["reason"]["reason"]["value"])


async def test_escape_closes_a_form_and_the_one_below_comes_back(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(blocks=[buttons(button("approve", "Approve"))])
    page = await open_page()
    await page.get_by_role("button", name="Approve").click()
    click = await app.next("block_actions")
    below = REASON_FORM | {"title": plain("Below"), "blocks": [buttons(button("deeper", "Deeper"))]}
    del below["submit"]
    await app.call("views.open", trigger_id=click["trigger_id"], view=below)
    await page.get_by_role("button", name="Deeper").click()
    deeper = await app.next("block_actions")
    await app.call("views.push", trigger_id=deeper["trigger_id"], view=REASON_FORM)
    await expect(page.get_by_role("dialog", name="Approve checkpoint b")).to_be_visible()

    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Below")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_confirmation_is_asked_before_the_app_hears_of_a_click(open_page: OpenPage, app: SmallApp) -> None:
    question = {
        "title": plain("Cancel rft-7?"),
        "text": plain("Checkpoints are kept."),
        "confirm": plain("Cancel the job"),
        "deny": plain("Keep it"),
    }
    controls = buttons(button("cancel", "Cancel", style="danger", confirm=question), button("status", "Status"))
    await app.say(blocks=[controls])
    page = await open_page()
    await page.get_by_role("button", name="Cancel", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    await page.get_by_role("button", name="Status").click()
    assert (await app.next("block_actions"))["actions"][0]["action_id"] == "status"

    await page.get_by_role("button", name="Cancel", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()

    assert (await app.next("block_actions"))["actions"][0]["action_id"] == "cancel"


async def test_switching_accounts_changes_what_is_seen_and_the_address(open_page: OpenPage, app: SmallApp) -> None:
    await app.call("chat.postEphemeral", channel=RFT, user="U0ALICE01", text="You launched it, so you cannot approve.")
    page = await open_page()
    refusal = page.get_by_text("You launched it, so you cannot approve.")
    await expect(refusal).to_be_visible()
    await expect(page.get_by_text("Only visible to you")).to_be_visible()

    await page.get_by_role("radio", name="bob").click()

    await expect(refusal).to_have_count(0)
    await expect(page).to_have_url(f"{page.url.split('#')[0]}#/rft?as=bob")
    await type_in(page, "hello")
    await expect(page.locator(".message", has_text="hello").locator(".message-author")).to_have_text("bob")
    await page.get_by_role("radio", name="alice").click()
    await page.get_by_role("button", name="Dismiss").click()
    await expect(refusal).to_have_count(0)


async def test_a_thread_opens_beside_the_channel_and_takes_replies(open_page: OpenPage, app: SmallApp) -> None:
    root = await app.say(text="RFT job rft-7")
    await app.say(text="Reward curve", thread_ts=root)
    await app.say(text="One warning", thread_ts=root, reply_broadcast=True)
    page = await open_page()
    channel, thread = page.locator(".pane.channel"), page.get_by_role("complementary", name="Thread")
    await expect(channel.get_by_text("Reward curve")).to_have_count(0)
    await expect(channel.get_by_text("replied to a thread")).to_be_visible()

    await channel.get_by_role("button", name="2 replies").click()
    await expect(thread.get_by_text("Reward curve")).to_be_visible()
    await expect(thread.get_by_text("Also sent to #rft")).to_be_visible()
    await type_in(page, "Thanks", "#thread-composer")

    await expect(thread.get_by_text("Thanks")).to_be_visible()
    await expect(channel.get_by_role("button", name="3 replies")).to_be_visible()
    await type_in(page, "/rft list", "#thread-composer")
    await expect(thread.get_by_role("alert")).to_contain_text("does not work inside a thread")
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_an_answer_in_a_thread_that_is_not_open_is_pointed_at(open_page: OpenPage, app: SmallApp) -> None:
    root = await app.say(text="RFT job rft-7")
    page = await open_page()
    await expect(page.get_by_text("the very beginning of #rft")).to_be_visible()

    refusal = "You launched it, so you cannot approve."
    await app.call("chat.postEphemeral", channel=RFT, user="U0ALICE01", text=refusal, thread_ts=root)

    await expect(page.get_by_role("status").get_by_text(refusal)).to_be_visible()
    await page.get_by_role("button", name="Open the thread").click()
    await expect(page.get_by_role("complementary", name="Thread").get_by_text(refusal)).to_be_visible()


async def test_the_theme_follows_the_system_until_it_is_chosen_and_is_remembered(open_page: OpenPage) -> None:
    page = await open_page(dark=True)
    root = page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")

    await page.get_by_role("button", name="Switch to the light theme").click()
    await expect(root).to_have_attribute("data-theme", "light")
    await page.reload()

    await expect(root).to_have_attribute("data-theme", "light")
    await page.get_by_role("button", name="Switch to the dark theme").click()
    await page.emulate_media(color_scheme="light")
    await expect(root).to_have_attribute("data-theme", "light")


async def test_other_channels_show_what_is_unread_and_so_does_the_title(open_page: OpenPage, app: SmallApp) -> None:
    page = await open_page("#/rft?as=alice")
    await expect(page).to_have_title("#rft · Local workspace")

    await app.say(channel="C0GENERAL", text="Digest of the day")

    await expect(page).to_have_title("(1) #rft · Local workspace")
    await page.get_by_role("link", name="general, 1 unread").click()
    await expect(page.get_by_role("separator", name="New")).to_be_visible()
    await expect(page).to_have_title("#general · Local workspace")

    await page.get_by_role("link", name="rft", exact=True).click()
    await app.say(text="Seen as it comes")
    await expect(page.get_by_text("Seen as it comes")).to_be_visible()
    await expect(page.get_by_role("separator", name="New")).to_have_count(0)


async def test_an_apps_home_is_asked_for_and_shown(open_page: OpenPage, app: SmallApp) -> None:
    page = await open_page()
    await page.get_by_role("link", name="Proctor", exact=True).click()
    opened = await app.next("app_home_opened")
    view = {"type": "home", "blocks": [buttons(button("refresh", "Refresh"))]}
    await app.call("views.publish", user_id=opened["event"]["user"], view=view)

    await page.get_by_role("button", name="Refresh").click()

    assert (await app.next("block_actions"))["view"]["type"] == "home"
    await page.get_by_role("tab", name="About").click()
    await expect(page.get_by_text("/rft launch task=<task>")).to_be_visible()


async def test_an_app_that_does_not_answer_is_named(open_page: OpenPage, server: WorkspaceServer) -> None:
    async with connected(server.api_url) as app:
        await app.say(blocks=[buttons(button("approve", "Approve"))])
    page = await open_page()

    await page.get_by_role("button", name="Approve").click()

    await expect(page.get_by_role("status").get_by_text("failed")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).not_to_have_attribute("data-waiting", "")


async def test_a_lost_connection_is_said_and_repairs_itself(browser: Browser, tmp_path: Path) -> None:
    async with serve(tmp_path) as first:
        page = await browser.new_page()
        await page.goto(f"{first.url}/#/rft?as=alice")
        await type_in(page, "before")
        await expect(page.get_by_text("before")).to_be_visible()
        port = int(first.url.rsplit(":", 1)[1])
    await expect(page.get_by_text("Reconnecting")).to_be_visible()

    async with serve(tmp_path, port):
        await expect(page.get_by_text("Reconnecting")).to_be_hidden(timeout=20_000)
        await expect(page.get_by_text("before")).to_be_visible()
        await type_in(page, "after")
        await expect(page.get_by_text("after")).to_be_visible()
    await page.context.close()
