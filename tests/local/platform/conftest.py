"""A platform on a free port, and the real SDK speaking to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from local.platform.server import Platform, serve


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with serve(tmp_path / "platform") as running:
        yield running


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=platform.url, api_key="local", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def platform_url(platform: Platform) -> str:
    return platform.url
