from collections.abc import AsyncIterator

import pytest

from jobs.graders import GraderRuntime
from jobs.graders.cell.confine import unsupported


@pytest.fixture
async def runtime() -> AsyncIterator[GraderRuntime]:
    """One worker with OpenAI's limits."""
    why = unsupported()
    if why is not None:
        pytest.skip(why)
    async with GraderRuntime() as runtime:
        yield runtime
