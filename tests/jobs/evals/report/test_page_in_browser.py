"""The report in a real browser: opened from its file, read with mouse and keys, and as harmless as promised."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from bot.health import serving
from bot.reports import Reports
from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Arm, Eval, EvalState, Slice
from jobs.evals.report.cache import write_whole
from jobs.evals.report.page import write_report
from jobs.evals.reviews import NO_REVIEWS, Review, TaskReviews, grade_of
from jobs.evals.verdict import Conclusion
from tests.jobs.evals.reported import an_answer, an_eval, some_answers, some_items

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

Open: TypeAlias = Callable[..., Awaitable[Page]]
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"


def _chromium() -> str | None:
    named = os.environ.get("PROCTOR_CHROMIUM")
    found = (shutil.which(name) for name in ((named,) if named else _NAMES))
    return next((path for path in found if path), None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = _chromium()
    if path is None:
        pytest.skip(f"no Chromium: set PROCTOR_CHROMIUM or put one of {', '.join(_NAMES)} on PATH")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield launched
        await launched.close()


class Visitor:
    """One page for all tests, and what went wrong on it since the last visit."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        self._address = ""
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("request", self._on_request)
        page.on("dialog", lambda dialog: self.problems.append(f"a dialog: {dialog.message}"))

    def _on_request(self, request: Request) -> None:
        if request.url.partition("#")[0] not in {self._address, "about:blank"}:
            self.problems.append(f"asked for {request.url}")

    async def visit(self, url: str, *, width: int = 1280) -> Page:
        """Open an address as a browser that has not been there."""
        await self.page.goto("about:blank")
        self._address = url.partition("#")[0]
        await self.page.emulate_media(media="screen", color_scheme="light")
        await self.page.set_viewport_size({"width": width, "height": 800})
        await self.page.goto(url)
        return self.page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visitor(browser: Browser) -> Visitor:
    page = await browser.new_page()
    page.set_default_timeout(15_000)
    return Visitor(page)


@pytest.fixture
def open_url(visitor: Visitor) -> Iterator[Open]:
    """Opens addresses, and at the end checks that no script failed, nothing was blocked and nothing else asked for."""
    visitor.problems.clear()
    yield visitor.visit
    assert visitor.problems == []


@pytest.fixture
def open_report(open_url: Open, tmp_path: Path) -> Open:
    """Writes a report and opens its file."""

    async def open_one(
        evaluation: Eval,
        items: Iterable[Item],
        answers: Iterable[Answer],
        reviews: TaskReviews = NO_REVIEWS,
        *,
        place: str = "",
        width: int = 1280,
    ) -> Page:
        out = tmp_path / "report.html"
        write_whole(out, lambda page: write_report(page, evaluation, items, answers, reviews))
        return await open_url(out.as_uri() + place, width=width)

    return open_one


THREE = (
    Item("a", "Aid for ports.", ["law", "transport"]),
    Item("b", "Budget of the council.", ["finance"]),
    Item("c", "Gas market.", ["energy", "trade"]),
)
ANSWERS = (
    an_answer("a", 1, text='{"domains": ["law", "energy"]}', scores={"f1": 0.5, "precision": 0.5, "recall": 0.5}),
    an_answer("a", 2, text='{"domains": ["law", "transport"]}', scores={"f1": 1.0, "precision": 1.0, "recall": 1.0}),
    an_answer("b", 1, text='{"domains": []}', scores={"f1": 0.0, "precision": 0.0, "recall": 0.0}),
    Answer("b", "local-policy-1", 2, failure="429 rate limited", latency=61.0),
    an_answer("c", 1, text="It is about gas.", scores={"f1": 0.0, "recall": float("nan")}),
    an_answer("c", 2, text='["energy", "trade"]', scores={"f1": 1.0, "precision": 1.0, "recall": 1.0}),
)


async def ids(page: Page) -> list[str]:
    """The ids of the rows, from top to bottom."""
    return await page.locator(".row .id > :first-child").all_inner_texts()


async def test_the_worst_item_is_first_and_the_overview_says_what_it_came_to(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)

    assert await ids(page) == ["b", "c", "a"]
    await expect(page.locator(".lead")).to_contain_text("6 of 6 answers on file")
    await expect(page.locator(".overview")).to_contain_text("no answer: 429 rate limited")
    await expect(page.locator(".row").first.locator(".score")).to_have_text("0")
    await expect(page.locator(".row").first).to_contain_text("1 failure")


async def test_free_text_has_no_labels_even_where_references_hold_lists(open_report: Open) -> None:
    told = Conclusion("Can't tell which of a, b and c is best: judge 2.60 to 2.80")
    slices = (Slice("language", "de", 14, {"local-policy-1": 2.5}),)
    graders: dict[str, object] = {"graders": ("judge",), "reward": "judge", "ranges": {"judge": (0.0, 5.0)}}
    items = (Item("a", "Late.", {"must": ["offer", "refund"]}), Item("b", "Lost.", "Say that it is replaced."))
    answers = (an_answer("a", text="We are sorry.\n\n1. Wait.", scores={"judge": 2.0}), an_answer("b", text="Soon."))
    page = await open_report(an_eval(**graders, conclusion=told, slices=slices), items, answers, width=380)

    overview = page.locator(".overview")
    await page.locator('[data-action="overview"]').click()
    await expect(overview.locator(".verdict")).to_have_text(told.headline)
    await expect(overview).not_to_contain_text("Labels")
    await expect(overview.locator("th").nth(1)).to_have_text("judge, 0 to 5")
    await expect(overview).to_contain_text("language=de")
    await page.keyboard.press("Escape")
    await page.locator(".row").first.click()
    await expect(page.locator(".answer.prose")).to_have_text("We are sorry.\n\n1. Wait.")
    await expect(page.locator(".matrix")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 380


async def test_the_report_of_a_job_s_eval_says_where_the_verdict_is(open_report: Open) -> None:
    evaluation = an_eval()
    of_job = replace(evaluation, request=replace(evaluation.request, job="rft-abc234"))
    page = await open_report(of_job, THREE, ANSWERS)
    await expect(page.locator(".overview .verdict")).to_have_text(
        "The verdict on these models stands in the thread of rft-abc234."
    )


async def test_j_and_k_walk_and_the_marks_say_what_was_found_missed_and_added(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)

    for _ in range(3):
        await page.keyboard.press("j")
    await expect(page.locator(".item-top h2")).to_have_text("a")
    await expect(page.locator(".row[aria-selected=true] .id")).to_contain_text("a")
    rows = await page.locator(".matrix tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["law", "✓", "✓", "2", "of", "2"],
        ["transport", "\u2212", "✓", "1", "of", "2"],
        ["energy", "+", "·", "1", "of", "2"],
    ]
    await page.keyboard.press("k")
    await expect(page.locator(".item-top h2")).to_have_text("c")
    await page.keyboard.press("Escape")
    await expect(page.locator(".overview")).to_be_visible()


async def test_failures_and_numbers_that_are_none_are_said_and_not_scored(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS, place="#item=b")
    await expect(page.locator(".runs")).to_contain_text("No answer: 429 rate limited")
    await expect(page.locator(".figures")).to_contain_text("1 failure")

    await page.keyboard.press("j")

    await expect(page.locator(".item-top h2")).to_have_text("c")
    await expect(page.locator(".runs .bad")).to_have_text("nan")
    await expect(page.locator(".runs .answer").first).to_have_text("It is about gas.")
    await expect(page.locator(".figures dd").nth(2)).to_contain_text("1.00")  # recall: the other run's alone


async def test_enter_shows_and_hides_the_answers_as_given(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)
    texts = page.locator(".runs .answer:visible")
    for _ in range(3):
        await page.keyboard.press("j")
    await expect(texts).to_have_count(0)

    await page.keyboard.press("Enter")
    await expect(texts).to_have_count(2)
    await page.keyboard.press("Enter")
    await expect(texts).to_have_count(0)
    await page.get_by_label("Answer of run 2").click()
    await expect(texts).to_have_count(1)


async def test_search_finds_words_of_inputs_and_answers_and_escape_leaves_it(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)

    await page.keyboard.press("/")
    await page.keyboard.type("GAS")
    await expect(page.locator(".count")).to_contain_text("1 of 3 items")
    await expect(page.locator(".row mark")).to_have_text("Gas")
    await page.keyboard.press("Enter")
    await expect(page.locator(".item-top h2")).to_have_text("c")

    await page.keyboard.press("/")
    await page.keyboard.press("Escape")
    await expect(page.locator(".count")).to_have_text("3 items")
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Search")).not_to_be_focused()


async def test_nothing_found_offers_the_way_back(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS, place="#query=zebra")

    await page.get_by_role("button", name="Show all items").click()

    await expect(page.locator(".row")).to_have_count(3)


async def test_items_are_filtered_by_score_failure_and_label(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)

    await page.get_by_label("Lowest mean score").fill("0.6")
    await page.keyboard.press("Tab")
    await expect(page.locator(".row")).to_have_count(1)
    assert await ids(page) == ["a"]
    await page.get_by_role("button", name="Show all").click()

    await page.get_by_role("button", name="Up to 0.5").click()
    await expect(page.locator(".row")).to_have_count(2)
    await page.get_by_role("button", name="Up to 0.5").click()

    await page.get_by_role("button", name="1 item from 0 to 0.1").click()
    await expect(page.locator(".row")).to_have_count(1)
    await page.get_by_role("button", name="1 item from 0 to 0.1").click()

    await page.get_by_role("button", name="Only failures").click()
    await expect(page.locator(".row")).to_have_count(2)
    assert await ids(page) == ["b", "c"]
    await page.get_by_role("button", name="Only failures").click()

    energy = page.locator(".table tr", has_text="energy")
    await energy.get_by_role("button").nth(1).click()  # added
    await expect(page.locator(".row")).to_have_count(1)
    assert await ids(page) == ["a"]
    await expect(page.locator(".chips")).to_contain_text("added: energy")


async def test_another_grader_and_another_order(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)

    await page.get_by_label("Order").select_option("best")
    assert await ids(page) == ["a", "c", "b"]
    await page.get_by_label("Grader").select_option(label="recall")
    assert await ids(page) == ["c", "a", "b"]
    await page.get_by_label("Order").select_option("order")
    assert await ids(page) == ["a", "b", "c"]


async def test_arms_can_be_seen_alone_and_sorted_by_their_difference(open_report: Open) -> None:
    evaluation = an_eval(items=2, runs=1, arms=(Arm("base"), Arm("tuned")))
    scores = {"x": (0.4, 0.5), "y": (0.9, 0.1)}
    answers = [
        an_answer(item, arm=arm, text="said", scores={"f1": score})
        for item, pair in scores.items()
        for arm, score in zip(("base", "tuned"), pair, strict=True)
    ]
    page = await open_report(evaluation, [Item("x", "t", "r"), Item("y", "t", "r")], answers, place="#item=x")

    await expect(page.locator(".arm")).to_have_count(2)
    await page.get_by_label("Order").select_option("gap")
    assert await ids(page) == ["y", "x"]
    await page.get_by_label("Arm", exact=True).select_option(label="base")
    await page.get_by_label("Order").select_option("worst")
    assert await ids(page) == ["x", "y"]
    await expect(page.locator(".arm h3")).to_have_text("base")


async def test_equal_texts_stand_together_with_their_runs(open_report: Open) -> None:
    answers = [
        *(an_answer("a", run, text="Paris.", scores={"f1": 1.0}) for run in (1, 2, 3, 5)),
        an_answer("a", 4, text="Lyon.", scores={"f1": 0.0}),
    ]
    page = await open_report(an_eval(items=1, runs=5), [Item("a", "Capital?", "Paris")], answers, place="#item=a")

    assert await page.locator(".card strong").all_inner_texts() == ["Runs 1\u20133, 5", "Run 4"]


async def test_the_address_keeps_what_was_chosen(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)
    await page.get_by_label("Order").select_option("best")
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.wait_for_url("**#*item=a*sort=best*")

    await page.reload()

    await expect(page.locator(".item-top h2")).to_have_text("a")
    await expect(page.get_by_label("Order")).to_have_value("best")


async def test_what_a_model_says_is_only_text(open_report: Open) -> None:
    evaluation = an_eval(task=HOSTILE, note=HOSTILE, arms=(Arm(HOSTILE),), graders=("f1", HOSTILE))
    answers = [
        an_answer(HOSTILE, arm=HOSTILE, text=HOSTILE, grader_errors={HOSTILE: HOSTILE}),
        an_answer(HOSTILE, 2, arm=HOSTILE, text=f'["{HOSTILE}"]', finish_reason=HOSTILE),
        Answer(HOSTILE, HOSTILE, 3, failure=HOSTILE),
    ]
    page = await open_report(evaluation, [Item(HOSTILE, HOSTILE, [HOSTILE])], answers)
    await expect(page.locator(".overview .note")).to_contain_text(HOSTILE)

    await page.keyboard.press("j")
    await page.keyboard.press("Enter")

    await expect(page.locator(".pane .input")).to_have_text(HOSTILE)
    await expect(page.locator(".runs .answer").first).to_have_text(HOSTILE)
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert await page.locator("img, iframe, object, a").count() == 0
    assert await page.evaluate("document.scripts.length") == 4  # three data blocks and its own


async def test_right_to_left_texts_run_right_to_left(open_report: Open) -> None:
    arabic = "هذا نص باللغة العربية"
    page = await open_report(an_eval(), [Item("a", arabic, ["القانون"])], [an_answer("a")], place="#item=a")

    direction = "element => getComputedStyle(element).direction"
    assert await page.locator(".pane .input").evaluate(direction) == "rtl"
    assert await page.locator(".item-top h2").evaluate(direction) == "ltr"


async def test_a_megabyte_is_shown_from_its_beginning_until_asked_for(open_report: Open) -> None:
    big = "A megabyte. " * 90_000
    page = await open_report(an_eval(), [Item("a", big, None)], [an_answer("a", text="{}")], place="#item=a")
    text = page.locator(".pane .input")
    assert len(await text.inner_text()) < 5_000

    await page.get_by_role("button", name="Show all 1,080,000 characters").click()

    assert len(await text.inner_text()) == len(big)


async def test_only_the_rows_in_sight_exist(open_report: Open) -> None:
    evaluation = an_eval(items=1_000, runs=1)
    items = list(some_items(1_000))
    page = await open_report(evaluation, items, some_answers(evaluation, items))

    assert await page.locator(".row").count() < 40
    await page.locator(".list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    last = page.locator(".row[aria-posinset='1000']")
    await expect(last).to_be_visible()
    await last.click()
    await expect(page.locator(".item-top .turn")).to_contain_text("1,000 of 1,000")


async def test_a_narrow_page_shows_one_thing_at_a_time_and_never_scrolls_sideways(open_report: Open) -> None:
    evaluation = an_eval(items=40, runs=9, arms=(Arm("ft:o4-mini:acme:eurovoc:ckpt-step-75"), Arm("gpt-4.1")))
    items = list(some_items(40))
    page = await open_report(evaluation, items, some_answers(evaluation, items), width=390)
    sideways = "document.documentElement.scrollWidth - innerWidth"
    await expect(page.locator(".pane")).to_be_hidden()
    assert await page.evaluate(sideways) == 0

    await page.locator(".row").nth(2).click()
    await expect(page.locator(".side")).to_be_hidden()
    assert await page.evaluate(sideways) == 0
    await page.get_by_role("button", name="Items").click()
    await expect(page.locator(".list")).to_be_visible()
    await page.get_by_role("button", name="Overview").click()
    await expect(page.locator(".overview")).to_be_visible()
    assert await page.evaluate(sideways) == 0


async def test_the_colours_follow_the_system_or_the_person(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(ground)
    assert dark != light

    await page.get_by_role("button", name="Colours").click()

    assert await page.evaluate(ground) == light
    await page.get_by_role("button", name="Colours: light").click()
    await page.emulate_media(color_scheme="light")
    assert await page.evaluate(ground) == dark


async def test_paper_has_the_chosen_items_in_full(open_report: Open) -> None:
    page = await open_report(an_eval(), THREE, ANSWERS, place="#failures=only")

    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    await page.emulate_media(media="print")

    assert await page.locator(".paper h2").all_inner_texts() == ["acts: eval eval-abc234", "b", "c"]
    await expect(page.locator(".paper .table").first).to_contain_text("local-policy-1")
    await expect(page.locator(".panes")).to_be_hidden()
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    await expect(page.locator(".paper")).to_be_empty()


async def test_an_eval_without_answers_opens(open_report: Open) -> None:
    evaluation = an_eval(state=EvalState.FAILED, note="The endpoint was down.", items=0)
    page = await open_report(evaluation, [], [])

    await expect(page.locator(".list")).to_contain_text("There are no items yet")
    await expect(page.locator(".note")).to_have_text("failed: The endpoint was down.")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")


async def test_a_report_works_the_same_behind_its_signed_link(open_url: Open, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_whole(out, lambda page: write_report(page, an_eval(), THREE, ANSWERS))

    async def find(_eval_id: str) -> Path:
        return out

    app = web.Application()
    # The port is known only once it listens, the routes must stand before: they belong to reports without an address.
    Reports("s", find, None, lambda: 1_000.0).add_to(app)
    async with serving(app, "127.0.0.1", 0) as port:
        link = Reports("s", find, f"http://127.0.0.1:{port}", lambda: 1_000.0).link("eval-abc234")
        assert link is not None
        page = await open_url(link)

        await page.keyboard.press("j")
        await expect(page.locator(".item-top h2")).to_have_text("b")
        await page.wait_for_url("**#item=b")
        assert await page.evaluate("origin") == "null"


async def test_space_scrolls_the_item_while_the_list_has_the_keys(open_report: Open) -> None:
    evaluation = an_eval(items=3, runs=9, arms=(Arm("a"), Arm("b"), Arm("c")))
    items = list(some_items(3))
    page = await open_report(evaluation, items, some_answers(evaluation, items))
    await page.keyboard.press("j")

    await page.keyboard.press("Space")

    await page.wait_for_function("document.querySelector('.pane').scrollTop > 300")
    await page.keyboard.press("j")
    assert await page.locator(".pane").evaluate("pane => pane.scrollTop") == 0


async def test_what_people_say_of_a_grade_and_how_to_say_it_stand_with_the_item(open_report: Open) -> None:
    evaluation = an_eval(fingerprints={"f1": "v1"}, judges=("f1",), graders=("f1",))
    item = Item('a "b"', "text", ["law"])
    answers = [an_answer(item.id, run, scores={"f1": 0.67}) for run in (1, 2)]
    grade = grade_of(evaluation, item, answers[0], "f1", NO_REVIEWS)
    assert grade is not None
    review = Review("U0ALICE", "alice", 1.0, 0.67, is_right=False, note=HOSTILE)
    page = await open_report(evaluation, [item], answers, NO_REVIEWS.with_grade(grade.reviewed.with_review(review)))
    await expect(page.locator(".overview")).to_contain_text("1 person checked are right: 0 of 1 (0%)")
    await page.get_by_text(item.id, exact=True).first.click()
    await expect(page.locator(".people li")).to_have_text(
        f"Runs 1, 2, f1: alice says 0.67 is wrong ({HOSTILE}), 1970-01-01"
    )
    command = f'/eval review {evaluation.id} item="a \\"b\\"" run=1 says=wrong'
    await expect(page.locator(".part pre")).to_have_text(command)
