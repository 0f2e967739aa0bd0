"""What messages look like in a real browser: text is never markup, edits do not disturb, narrow screens hold."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.local.slack.page.conftest import OpenPage
from tests.local.slack.page.content import mrkdwn, plain, png, section
from tests.local.slack.page.small_app import Json, SmallApp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

ATTACK = "<img src=x onerror=\"window.hit='yes'\">"


def card(file_id: str, step: int = 62) -> list[Json]:
    """A job's card as the bot posts one."""
    figures = ("*Task*\neurovoc", f"*Step*\n{step} of 100", "*Validation reward*\n0.571", "*Launched by*\n<@U0ALICE01>")
    return [
        {"type": "header", "text": plain("RFT job rft-7")},
        {"type": "section", "fields": [mrkdwn(one) for one in figures]},
        {"type": "image", "alt_text": "Reward by step", "slack_file": {"id": file_id}},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "action_id": name, "text": plain(name.title()), "value": name}
                for name in ("pause", "cancel", "curve", "checkpoints", "events")
            ],
        },
    ]


async def sideways(page: Page) -> int:
    """How many pixels the page could be scrolled sideways."""
    return int(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


async def test_markup_in_a_persons_message_is_shown_as_text(open_page: OpenPage) -> None:
    page = await open_page()
    await page.fill("#composer", f"{ATTACK} & <script>window.hit='yes'</script>")
    await page.press("#composer", "Enter")

    text = page.locator(".message-text")
    await expect(text).to_have_text(f"{ATTACK} & <script>window.hit='yes'</script>")
    assert await text.locator("img, script").count() == 0
    assert await page.evaluate("window.hit") is None


async def test_markup_from_an_app_is_shown_as_text_in_every_kind_of_block(open_page: OpenPage, app: SmallApp) -> None:
    blocks: list[Json] = [
        section(f"{ATTACK} <javascript:window.hit='yes'|press me>"),
        {"type": "header", "text": plain(ATTACK)},
        {"type": "context", "elements": [mrkdwn(ATTACK)]},
        {"type": "markdown", "text": f"{ATTACK} [link](javascript:window.hit='yes')"},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": ATTACK}]}],
        },
        {"type": "table", "rows": [[{"type": "raw_text", "text": ATTACK}]]},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": plain(ATTACK[:70])}]},
    ]
    await app.say(text=ATTACK, blocks=blocks)
    page = await open_page()

    message = page.locator(".message")
    await expect(message.get_by_text("onerror")).to_have_count(7)
    assert await message.locator(".blocks img, script, a").count() == 0
    assert await page.evaluate("window.hit") is None


async def test_mrkdwn_shows_what_it_means(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(
        text="*bold* _italic_ ~gone~ `code *kept*` <https://example.org/a_b|a link> <@U0BOB0001> <#C0GENERAL> "
        "<!date^0^{date_num}|then> 2*3*4 &lt;tag&gt; :warning:\n&gt; quoted\n• one\n• two\n```x < *y*```"
    )
    page = await open_page()

    text = page.locator(".message-text")
    for selector, shown in {
        "strong": "bold",
        "em": "italic",
        "s": "gone",
        "code": "code *kept*",
        "time": "1970-01-01",
        "blockquote": "quoted",
        "pre": "x < *y*",
    }.items():
        await expect(text.locator(selector)).to_have_text(shown)
    await expect(text.locator("a[href='https://example.org/a_b']")).to_have_text("a link")
    await expect(text.locator(".mention")).to_have_text(["@bob", "#general"])
    await expect(text.locator("[role=listitem]")).to_have_count(2)
    await expect(text).to_contain_text("2*3*4 <tag>")
    await expect(text.get_by_role("img", name="warning")).to_be_visible()


async def test_markdown_shows_headings_lists_and_tables(open_page: OpenPage, app: SmallApp) -> None:
    source = (
        "# Title\n\n1. one\n   - inner\n2. **two**\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n> quoted\n\n```\n# code\n```"
    )
    await app.say(blocks=[{"type": "markdown", "text": source}])
    page = await open_page()

    block = page.locator(".markdown")
    await expect(block.get_by_role("heading", name="Title")).to_be_visible()
    await expect(block.locator("ol > li")).to_have_count(2)
    await expect(block.locator("ol > li").first.locator("ul > li")).to_have_text("inner")
    await expect(block.locator("td.align-right")).to_have_text("2")
    await expect(block.locator("blockquote")).to_have_text("quoted")
    await expect(block.locator("pre")).to_have_text("# code")


async def test_a_card_is_edited_in_place_without_moving_what_is_read(open_page: OpenPage, app: SmallApp) -> None:
    for number in range(12):
        await app.say(text="line\n" * 4 + str(number))
    file_id = await app.upload("curve.png", png())
    ts = await app.say(blocks=card(file_id))
    page = await open_page()
    picture = page.locator(f"[data-ts='{ts}'] img")
    await expect(picture).to_be_visible()
    await picture.evaluate("image => { window.picture = image; }")
    scroller = page.locator(".channel .scroller")
    await page.get_by_role("button", name="Checkpoints").focus()
    await scroller.evaluate("element => element.scrollTo(0, 150)")
    await expect(page.get_by_role("button", name="Latest messages")).to_be_visible()
    before = await scroller.evaluate("element => element.scrollTop")

    await app.call("chat.update", channel="C0RFT0001", ts=ts, text="card", blocks=card(file_id, step=63))

    await expect(page.get_by_text("63 of 100")).to_have_count(1)
    assert await scroller.evaluate("element => element.scrollTop") == before
    assert await picture.evaluate("image => image === window.picture")
    await expect(page.get_by_role("button", name="Checkpoints")).to_be_focused()


async def test_at_the_end_of_the_channel_the_newest_message_stays_in_view(open_page: OpenPage, app: SmallApp) -> None:
    for number in range(12):
        await app.say(text="line\n" * 4 + str(number))
    page = await open_page()
    await expect(page.get_by_text("11", exact=False).last).to_be_in_viewport()

    await app.say(blocks=card(await app.upload("curve.png", png())))

    await expect(page.get_by_role("button", name="Events")).to_be_in_viewport()


async def test_a_picture_is_enlarged_by_a_click(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(blocks=card(await app.upload("curve.png", png())))
    page = await open_page()

    await page.get_by_role("button", name="Enlarge: Reward by step").click()
    enlarged = page.get_by_role("dialog", name="Reward by step").get_by_role("img")
    await expect(enlarged).to_be_visible()
    assert await enlarged.evaluate("image => image.naturalWidth") == 640

    await page.keyboard.press("Escape")
    await expect(enlarged).to_have_count(0)
    await expect(page.get_by_role("button", name="Enlarge: Reward by step")).to_be_focused()


async def test_a_picture_that_is_gone_leaves_its_words(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(blocks=[{"type": "image", "alt_text": "Reward by step", "image_url": "http://127.0.0.1:9/none.png"}])
    page = await open_page()

    await expect(page.get_by_text("The picture could not be loaded. Reward by step")).to_be_visible()


FORM: Json = {
    "type": "modal",
    "title": plain("Launch a job"),
    "submit": plain("Launch"),
    "blocks": [
        {"type": "input", "block_id": block_id, "label": plain(block_id), "optional": True, "element": element}
        for block_id, element in {
            "suffix": {"type": "plain_text_input", "action_id": "suffix", "initial_value": "first"},
            "effort": {
                "type": "static_select",
                "action_id": "effort",
                "options": [{"text": plain(one), "value": one} for one in ("low", "high")],
            },
            "graders": {
                "type": "multi_static_select",
                "action_id": "graders",
                "options": [{"text": plain(one), "value": one} for one in ("precision", "recall", "f1")],
            },
            "pace": {
                "type": "radio_buttons",
                "action_id": "pace",
                "options": [{"text": plain(one), "value": one} for one in ("slow", "fast")],
            },
            "notify": {
                "type": "checkboxes",
                "action_id": "notify",
                "options": [{"text": plain(one), "value": one} for one in ("start", "end")],
            },
            "until": {"type": "datepicker", "action_id": "until"},
        }.items()
    ],
}


async def test_every_kind_of_field_gives_its_value(open_page: OpenPage, app: SmallApp) -> None:
    await app.say(
        blocks=[{"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": plain("Form")}]}]
    )
    page = await open_page()
    await page.get_by_role("button", name="Form").click()
    await app.call("views.open", trigger_id=(await app.next("block_actions"))["trigger_id"], view=FORM)
    form = page.get_by_role("dialog", name="Launch a job")

    await form.get_by_label("suffix").fill("second")
    await form.get_by_role("combobox", name="effort").click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await form.get_by_role("combobox", name="graders").click()
    for grader in ("precision", "f1"):
        await form.get_by_role("option", name=grader).click()
    await page.keyboard.press("Escape")
    await form.get_by_label("fast").check()
    await form.get_by_label("end").check()
    await form.get_by_label("until").fill("2026-12-24")
    await form.get_by_role("button", name="Launch").click()

    values: dict[str, Any] = (await app.next("view_submission"))["view"]["state"]["values"]
    assert values["suffix"]["suffix"]["value"] == "second"
    assert values["effort"]["effort"]["selected_option"]["value"] == "high"
    assert [one["value"] for one in values["graders"]["graders"]["selected_options"]] == ["precision", "f1"]
    assert values["pace"]["pace"]["selected_option"]["value"] == "fast"
    assert [one["value"] for one in values["notify"]["notify"]["selected_options"]] == ["end"]
    assert values["until"]["until"]["selected_date"] == "2026-12-24"


async def test_a_select_and_a_menu_in_a_message_reach_the_app(open_page: OpenPage, app: SmallApp) -> None:
    options = [{"text": plain(one.title()), "value": one} for one in ("reward", "tokens")]
    select = {"type": "static_select", "action_id": "chart", "placeholder": plain("Another chart"), "options": options}
    more = {"type": "overflow", "action_id": "more", "options": options}
    await app.say(blocks=[{"type": "actions", "elements": [select]}, section("More") | {"accessory": more}])
    page = await open_page()

    await page.get_by_role("combobox", name="Another chart").click()
    await page.get_by_role("option", name="Tokens").click()
    assert (await app.next("block_actions"))["actions"][0]["selected_option"]["value"] == "tokens"
    await page.locator(".blocks").get_by_role("button", name="More actions").click()
    await page.get_by_role("option", name="Reward").click()
    assert (await app.next("block_actions"))["actions"][0]["selected_option"]["value"] == "reward"
    await expect(page.get_by_role("combobox", name="Another chart")).to_contain_text("Tokens")


@pytest.mark.parametrize("dark", [False, True])
async def test_a_phone_shows_everything_without_scrolling_sideways(
    open_page: OpenPage, app: SmallApp, dark: bool
) -> None:
    wide: Json = {"type": "table", "rows": [[{"type": "raw_text", "text": "a wide column"}] * 8] * 3}
    root = await app.say(text="card", blocks=card(await app.upload("curve.png", png(1280, 720))))
    await app.say(text="x" * 300, thread_ts=root)
    await app.say(text="table", blocks=[wide, section("`" + "y" * 200 + "`")], thread_ts=root)
    page = await open_page(width=360, dark=dark)
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert await sideways(page) == 0

    await page.get_by_role("button", name="2 replies").click()
    await expect(page.get_by_role("region", name="Table")).to_be_visible()
    await expect(page.locator(".pane.channel")).to_be_hidden()
    assert await sideways(page) == 0

    await page.get_by_role("button", name="Back to the channel").click()
    await page.get_by_role("button", name="Open the sidebar").click()
    await page.get_by_role("radio", name="bob").click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Pause").click()
    click = await app.next("block_actions")
    assert click["user"]["username"] == "bob"
    await app.call("views.open", trigger_id=click["trigger_id"], view=FORM)
    await expect(page.get_by_role("dialog", name="Launch a job")).to_be_visible()
    assert await sideways(page) == 0
