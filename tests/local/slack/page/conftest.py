"""A real workspace, a small app connected to it, and a real browser on its page.

Starting a browser costs seconds, so one serves every test here; for that they all run on one event loop.
"""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, ViewportSize, async_playwright, expect

from local.slack.server import WorkspaceServer, serve
from tests.local.slack.page.small_app import SmallApp, connected

OpenPage: TypeAlias = Callable[..., Awaitable[Page]]
"""Opens the page: `open_page("#/rft?as=alice", width=1280, dark=False, touch=False)`."""

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--in-process-gpu", "--disable-software-rasterizer"),
    # Renderers that wait for pages and for parts of the window that nobody sees cost as much as those of the tests.
    "--disable-features=SpareRendererForSitePerProcess,PreloadTopChromeWebUI,Translate,MediaRouter,OptimizationHints",
)


def _chromium() -> str | None:
    named = os.environ.get("PROCTOR_CHROMIUM")
    found = (shutil.which(name) for name in ((named,) if named else _NAMES))
    return next((path for path in found if path), None)


@pytest_asyncio.fixture(loop_scope="package")
async def server() -> AsyncIterator[WorkspaceServer]:
    """A fresh workspace, forgotten at the end."""
    async with serve(limited=False) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="package")
async def app(server: WorkspaceServer) -> AsyncIterator[SmallApp]:
    """An app connected to it."""
    async with connected(server.api_url) as small:
        yield small


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """A browser; the test is skipped where none is installed."""
    path = _chromium()
    if path is None:
        pytest.skip(f"no Chromium: set PROCTOR_CHROMIUM or put one of {', '.join(_NAMES)} on PATH")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield launched
        await launched.close()


# As long as the page's own actions wait: a state that does not come within this is a failure.
expect.set_options(timeout=15_000)


class Pages:
    """Pages that are used again: a new renderer for each test costs more than the test itself.

    Each workspace has a port of its own, hence an origin of its own: nothing that one test stored is seen by another.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: dict[tuple[int, bool], list[Page]] = {}

    async def take(self, width: int, *, touch: bool) -> Page:
        idle = self._idle.setdefault((width, touch), [])
        if idle:
            return idle.pop()
        viewport: ViewportSize = {"width": width, "height": 800}
        context = await self._browser.new_context(viewport=viewport, has_touch=touch, is_mobile=touch)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        return page

    async def give_back(self, page: Page, width: int, *, touch: bool) -> None:
        await page.goto("about:blank")
        self._idle[width, touch].append(page)


@pytest.fixture(scope="package")
def pages(browser: Browser) -> Pages:
    """The pages of this browser."""
    return Pages(browser)


@pytest_asyncio.fixture(loop_scope="package")
async def open_page(pages: Pages, server: WorkspaceServer) -> AsyncIterator[OpenPage]:
    """Opens the page of the workspace, and at the end checks that none of its scripts failed."""
    problems: list[str] = []
    taken: list[tuple[Page, int, bool]] = []

    def failed(error: Error) -> None:
        problems.append(str(error))

    async def open_one(
        place: str = "#/rft?as=alice", *, width: int = 1280, dark: bool = False, touch: bool = False
    ) -> Page:
        page = await pages.take(width, touch=touch)
        taken.append((page, width, touch))
        page.on("pageerror", failed)
        await page.emulate_media(color_scheme="dark" if dark else "light")
        await page.goto(f"{server.url}/{place}")
        await page.locator(".sidebar .account").first.wait_for(state="attached")
        return page

    yield open_one
    for page, width, touch in taken:
        page.remove_listener("pageerror", failed)
        await pages.give_back(page, width, touch=touch)
    assert problems == []
