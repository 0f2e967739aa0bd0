"""A stand-in platform and a gateway to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import JobSpec
from jobs.platforms.profiles import PROFILES, Profile
from tests.jobs.platforms.stand_in import StandIn, standing_in

KEY = "sk-stand-in-0123456789abcdef"


class Naps:
    """Waits no longer than a turn of the event loop, and remembers how long it was asked to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def platform() -> AsyncIterator[StandIn]:
    async with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def profile(platform: StandIn) -> Profile:
    openai = next(profile for profile in PROFILES if profile.name == "openai")
    return replace(openai, base_url=platform.url)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
async def gateway(profile: Profile, naps: Naps) -> AsyncIterator[Gateway]:
    async with Gateway(profile, KEY, sleep=naps, answer_seconds=5.0) as gateway:
        yield gateway


@pytest.fixture
def spec() -> JobSpec:
    return JobSpec(
        key="rft-abc",
        model="some-model",
        training_file="file-train",
        validation_file="file-valid",
        grader={"type": "python", "name": "p", "source": "def grade(sample, item): return 1.0"},
    )
