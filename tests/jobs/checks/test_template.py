"""The template for gated and multi-part rewards holds what its page says."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.checks import check_task
from jobs.checks.finding import Level
from jobs.graders import GraderRuntime, Sample, gates_of, parse_grader
from jobs.tasks import Task, TaskCatalogue

TEMPLATES = Path(__file__).parents[3] / "docs/templates"
BURNED = {
    "dangerous": True,
    "reference_answer": {"team": "repairs", "urgency": 4, "tags": ["heat", "damage"], "escalate": True},
}
RIGHT = {"team": "repairs", "urgency": 4, "tags": ["heat", "damage"], "escalate": True}


@pytest.fixture(scope="module")
def template() -> Task:
    return TaskCatalogue(TEMPLATES).load("gated-reward")


async def test_the_template_can_be_launched_as_it_is(template: Task) -> None:
    async with GraderRuntime() as runtime:
        findings = await check_task(template, TaskCatalogue(TEMPLATES), runtime)
    assert [finding.text for finding in findings if finding.level in {Level.WARN, Level.BLOCK}] == []


def test_its_gate_is_found_and_its_parts_are_reported_as_they_are(template: Task) -> None:
    assert gates_of(parse_grader(template.reward_grader)).names[0] == "safe"
    parts: Any = template.reward_grader["graders"]
    assert {name: json.dumps(part) for name, part in parts.items()} == {
        name: json.dumps(grader) for name, grader in template.graders.items() if name != template.reward
    }


@pytest.mark.parametrize(
    ("changed", "reward"),
    [
        ({}, 1.0),
        ({"escalate": False}, 0.0),
        ({"team": "advice"}, 0.5),
        ({"urgency": 3}, 0.9),
        ({"urgency": 1}, 0.7),
        ({"tags": ["heat"]}, 0.8 + 0.2 * 2 / 3),
        ({"team": "advice", "urgency": 3, "tags": []}, 0.2),
    ],
)
async def test_what_answers_score(template: Task, changed: dict[str, object], reward: float) -> None:
    answer = Sample(json.dumps({**RIGHT, **changed}))
    async with GraderRuntime() as runtime:
        (grade,) = await runtime.grade(parse_grader(template.reward_grader), [(answer, BURNED)])
    assert grade.reward == pytest.approx(reward)
