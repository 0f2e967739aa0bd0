from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from jobs.graders import GraderRuntime
from jobs.graders.sandbox.confine import unsupported


@pytest.fixture
async def runtime() -> AsyncIterator[GraderRuntime]:
    """One worker with OpenAI's limits."""
    why = unsupported()
    if why is not None:
        pytest.skip(why)
    async with GraderRuntime() as runtime:
        yield runtime


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_runtime() -> AsyncIterator[GraderRuntime]:
    """The same for all tests of a file, whose processes stay warm; the tests run in the file's event loop."""
    why = unsupported()
    if why is not None:
        pytest.skip(why)
    async with GraderRuntime() as runtime:
        yield runtime
