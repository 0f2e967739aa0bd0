"""Checks a small task of labelled rows, whole but for what a test changes."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from jobs.checks import Finding, check_task
from jobs.graders import GraderRuntime, Limits
from jobs.graders.sandbox.confine import unsupported
from jobs.tasks import TaskCatalogue
from tests.jobs.tasks.datasets.labelled_task import NAMES, write_labelled

F1 = """
def grade(sample, item):
    answer = sample.get("output_json")
    said = answer.get("labels") if isinstance(answer, dict) else None
    right = item.get("reference_answer")
    said = {each for each in said if isinstance(each, str)} if isinstance(said, list) else set()
    right = set(right) if isinstance(right, list) else set()
    return 2 * len(said & right) / (len(said) + len(right)) if said and right else 0.0
"""
TRAIN = [[NAMES[n % 8], NAMES[(n + 1 + n // 8) % 8]] for n in range(40)]
VALID = [[NAMES[n % 8]] for n in range(8)]


class Check(Protocol):
    async def __call__(
        self,
        source: str = F1,
        train: Sequence[Sequence[str]] = TRAIN,
        valid: Sequence[Sequence[str]] = VALID,
        changes: Mapping[str, str | bytes | None] | None = None,
        **more: Any,  # what check_task takes by name
    ) -> dict[str, Finding]: ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runtime() -> AsyncIterator[GraderRuntime]:
    why = unsupported()
    if why is not None:
        pytest.skip(why)
    async with GraderRuntime(limits=Limits(seconds=1.0)) as runtime:
        yield runtime


@pytest.fixture
def check(tmp_path: Path, runtime: GraderRuntime) -> Check:
    """Writes a task and returns its findings by check."""

    async def checked(
        source: str = F1,
        train: Sequence[Sequence[str]] = TRAIN,
        valid: Sequence[Sequence[str]] = VALID,
        changes: Mapping[str, str | bytes | None] | None = None,
        **more: Any,  # what check_task takes by name
    ) -> dict[str, Finding]:
        definition = json.dumps({"type": "python", "name": "exact", "source": source})
        write_labelled(tmp_path, train, valid, {"graders/exact.json": definition, **(changes or {})})
        catalogue = TaskCatalogue(tmp_path)
        findings = await check_task(catalogue.load("goods"), catalogue, runtime, **{"seconds": 1.0, **more})
        return {finding.check: finding for finding in findings}

    return checked
