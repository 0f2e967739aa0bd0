"""A laboratory with a small endpoint."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.state.store import Store
from tests.jobs.evals.laboratory import Laboratory, open_laboratory


@pytest.fixture
async def lab(store: Store, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """Run evals of the task `small` on a small endpoint."""
    async with open_laboratory(store, tmp_path) as laboratory:
        yield laboratory
