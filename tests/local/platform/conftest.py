"""A platform on a free port, and the real SDK speaking to it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from local.platform.job_runner import Limits
from local.platform.server import Platform, serve
from tests.local.platform.small_task import ended, launch


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with serve(tmp_path / "platform") as running:
        yield running


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=platform.url, api_key="local", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[AsyncOpenAI]:
    """A client of a platform on which jobs wait for ever: nothing is trained."""
    async with (
        serve(tmp_path / "idle", limits=Limits(trainers=0)) as running,
        AsyncOpenAI(base_url=running.url, api_key="local", max_retries=0) as sdk,
    ):
        yield sdk


@pytest.fixture
def platform_url(platform: Platform) -> str:
    return platform.url


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a platform that has trained one job of 48 steps."""
    home = tmp_path_factory.mktemp("trained")

    async def train() -> None:
        async with serve(home) as platform, AsyncOpenAI(base_url=platform.url, api_key="local") as client:
            await ended(client, (await launch(client, n_epochs=12)).id)

    asyncio.run(train())
    return home


@pytest.fixture
async def trained_platform(trained_home: Path, tmp_path: Path) -> AsyncIterator[Platform]:
    """A platform of its own in a copy of that folder."""
    shutil.copytree(trained_home, tmp_path / "trained")
    async with serve(tmp_path / "trained") as running:
        yield running


@pytest.fixture
async def trained(trained_platform: Platform) -> AsyncIterator[AsyncOpenAI]:
    """A client of that platform."""
    async with AsyncOpenAI(base_url=trained_platform.url, api_key="local", max_retries=0) as sdk:
        yield sdk
