"""Files in the composer, and what apps offer to do with a message, in a real browser."""

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.local.slack.page.conftest import OpenPage
from tests.local.slack.page.content import plain, section
from tests.local.slack.page.small_app import Json, SmallApp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

ROWS: FilePayload = {"name": "rows.jsonl", "mimeType": "", "buffer": b'{"text_input": "a"}\n' * 100}
LABELS: FilePayload = {"name": "labels.csv", "mimeType": "text/csv", "buffer": b"a,b\n"}
EMPTY: FilePayload = {"name": "empty.jsonl", "mimeType": "", "buffer": b""}
FORM: Json = {"type": "modal", "title": plain("Use as data set"), "blocks": [section("*rows.jsonl*")]}


async def attach(page: Page, *files: FilePayload, pane: str = ".channel") -> None:
    """Pick files behind the paperclip."""
    async with page.expect_file_chooser() as chosen:
        await page.locator(f"{pane} .composer").get_by_role("button", name="Attach files").click()
    await (await chosen.value).set_files(list(files))


async def test_files_are_attached_taken_away_and_sent_with_a_text(open_page: OpenPage, app: SmallApp) -> None:
    page = await open_page()
    chips = page.locator(".channel .attachment-chip")
    await attach(page, ROWS, LABELS)
    await expect(chips).to_have_count(2)
    await expect(chips.first).to_contain_text("rows.jsonl2.0 KB")
    await page.get_by_role("button", name="Remove labels.csv").click()
    await expect(chips).to_have_count(1)

    await page.fill("#composer", "New rows for @bob")
    await page.press("#composer", "Enter")

    message = page.locator(".message", has_text="New rows for")
    await expect(message.locator(".file-card")).to_contain_text("rows.jsonl")
    await expect(message.locator(".message-author")).to_have_text("alice")
    await expect(chips).to_have_count(0)
    sent = (await app.call("conversations.history", channel="C0RFT0001"))["messages"][0]
    assert (sent["text"], sent["user"]) == ("New rows for <@U0BOB0001>", "U0ALICE01")


async def test_a_file_needs_no_text_and_goes_into_a_thread_too(open_page: OpenPage, app: SmallApp) -> None:
    root = await app.say(text="RFT job rft-7")
    page = await open_page(f"#/rft?as=alice&thread={root}")
    await attach(page, ROWS, pane=".thread")
    await page.locator(".thread").get_by_role("button", name="Send").click()
    await expect(page.locator(".thread .file-card")).to_contain_text("rows.jsonl")
    await expect(page.locator(".channel .file-card")).to_have_count(0)


async def test_what_cannot_be_sent_stays_in_the_composer_with_the_reason(open_page: OpenPage) -> None:
    page = await open_page()
    problem = page.locator(".channel .composer-error")
    await attach(page, EMPTY)
    await page.locator(".channel").get_by_role("button", name="Send").click()
    await expect(problem).to_have_text("empty.jsonl is empty; an empty file cannot be uploaded.")
    await expect(page.locator(".channel .attachment-chip")).to_have_count(1)

    await page.fill("#composer", "/rft list")
    await page.press("#composer", "Enter")
    await expect(problem).to_have_text("/rft takes no files. Send them as a message first.")

    # What waits here is not carried to another account.
    await page.get_by_role("radio", name="bob").click()
    await expect(page.locator(".channel .attachment-chip")).to_have_count(0)
    await page.get_by_role("radio", name="alice").click()
    await expect(page.locator(".channel .attachment-chip")).to_have_count(1)


async def test_files_can_be_dropped_on_the_composer(open_page: OpenPage) -> None:
    page = await open_page()
    dropped = await page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["{}"], "dropped.jsonl"));
            return transfer;
        }"""
    )
    await page.dispatch_event(".channel .composer", "dragover", {"dataTransfer": dropped})
    await expect(page.locator(".channel .composer.dropping")).to_have_count(1)
    await page.dispatch_event(".channel .composer", "drop", {"dataTransfer": dropped})
    await expect(page.locator(".channel .attachment-chip")).to_contain_text("dropped.jsonl")
    await expect(page.locator(".channel .composer.dropping")).to_have_count(0)


async def test_a_shortcut_is_used_from_a_messages_menu(open_page: OpenPage, app: SmallApp) -> None:
    page = await open_page("#/rft?as=bob")
    await attach(page, ROWS)
    await page.locator(".channel").get_by_role("button", name="Send").click()
    message = page.locator(".message", has=page.locator(".file-card"))
    await message.hover()
    await message.get_by_role("button", name="More actions").click()
    entry = page.get_by_role("listbox", name="More actions").get_by_role("option", name="Use as data set")
    await expect(entry).to_be_visible()
    await expect(message.locator(".message-tools")).to_have_css("opacity", "1")
    await entry.click()

    used = await app.next("message_action")
    assert (used["callback_id"], used["user"]["name"]) == ("use_as_data_set", "bob")
    assert [file["name"] for file in used["message"]["files"]] == ["rows.jsonl"]
    await app.call("views.open", trigger_id=used["trigger_id"], view=FORM)
    await expect(page.get_by_role("dialog", name="Use as data set")).to_be_visible()


async def test_the_menu_is_reached_by_keys_and_says_when_the_app_does_not_answer(open_page: OpenPage) -> None:
    page = await open_page()
    await page.fill("#composer", "A message")
    await page.press("#composer", "Enter")
    more = page.locator(".message", has_text="A message").get_by_role("button", name="More actions")
    await more.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator(".notice.error")).to_contain_text("That shortcut failed")
    await expect(more).to_be_focused()


async def test_where_nothing_hovers_a_tap_shows_a_messages_tools(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(text="A message")
    page = await open_page(width=390, touch=True)
    message = page.locator(".message", has_text="A message")
    more = message.get_by_role("button", name="More actions")
    await expect(more).to_be_hidden()
    await message.locator(".message-text").tap()
    await more.tap()
    await page.get_by_role("option", name="Use as data set").tap()
    assert (await app.next("message_action"))["callback_id"] == "use_as_data_set"
