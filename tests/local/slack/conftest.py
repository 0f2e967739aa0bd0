"""A workspace, a person at its control API, and Slack's own client pointed at it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.server import WorkspaceServer, serve
from local.slack.timing import Timing
from tests.local.slack.people import Control, SetClock, SocketApp, socket_app


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def server(clock: SetClock) -> AsyncIterator[WorkspaceServer]:
    timing = Timing(ack=0.5, event_retries=(0.0, 0.01), stream_heartbeat=0.05)
    async with serve(clock=clock, timing=timing) as running:
        yield running


@pytest.fixture
async def control(server: WorkspaceServer) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession(server.url) as session:
        yield Control(session)


@pytest.fixture
async def app(server: WorkspaceServer) -> AsyncIterator[SocketApp]:
    async with socket_app(server) as connected:
        yield connected


@pytest.fixture
def slack(server: WorkspaceServer) -> AsyncWebClient:
    return AsyncWebClient("xoxb-local-proctor", base_url=server.api_url, retry_handlers=[])
