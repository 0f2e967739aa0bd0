"""The bundled sample task is whole: its counts, its labels, its texts, its graders."""

import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from jobs.graders import GraderRuntime, Sample, parse_grader
from jobs.tasks import Row, Task, TaskCatalogue

ROOT = Path(__file__).parents[3] / "tasks"
SIZES = {"train": 180, "valid": 60, "test": 60}
DOMAINS = [
    "politics",
    "international relations",
    "European Union",
    "law",
    "economics",
    "trade",
    "finance",
    "social questions",
    "education and communications",
    "science",
    "business and competition",
    "employment and working conditions",
    "transport",
    "environment",
    "agriculture, forestry and fisheries",
    "agri-foodstuffs",
    "production, technology and research",
    "energy",
    "industry",
    "geography",
    "international organisations",
]


@pytest.fixture(name="task", scope="module")
def _task() -> Task:
    return TaskCatalogue(ROOT).load("eurovoc")


@pytest.fixture(name="splits", scope="module")
def _splits(task: Task) -> dict[str, tuple[Row, ...]]:
    return {split: TaskCatalogue(ROOT).rows(task, split) for split in task.splits}


def labels(row: Row) -> list[str]:
    value = row.item["reference_answer"]
    assert isinstance(value, list)
    return value


def words(row: Row) -> list[str]:
    return re.findall(r"\w+", str(row.item["text_input"]).lower())


def every(splits: dict[str, tuple[Row, ...]]) -> list[Row]:
    return [row for rows in splits.values() for row in rows]


def test_its_splits_have_the_sizes_its_readme_tells(splits: dict[str, tuple[Row, ...]]) -> None:
    assert {split: len(rows) for split, rows in splits.items()} == SIZES
    assert "180, 60 and 60 rows" in (ROOT / "eurovoc" / "README.md").read_text("utf-8")


def test_its_readme_says_that_it_is_sample_data() -> None:
    assert "This is sample data" in (ROOT / "eurovoc" / "README.md").read_text("utf-8")


def test_ids_differ_across_splits(splits: dict[str, tuple[Row, ...]]) -> None:
    assert len({row.id for row in every(splits)}) == sum(SIZES.values())


def test_labels_are_one_to_five_of_the_schemas_domains(task: Task, splits: dict[str, tuple[Row, ...]]) -> None:
    assert json.dumps(DOMAINS) in json.dumps(task.response_format)
    for row in every(splits):
        assert 1 <= len(labels(row)) <= 5
        assert set(labels(row)) <= set(DOMAINS)
        assert len(set(labels(row))) == len(labels(row))
    assert set(Counter(len(labels(row)) for row in every(splits))) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(("split", "least"), [("train", 12), ("valid", 4), ("test", 4)])
def test_every_domain_occurs_in_every_split(splits: dict[str, tuple[Row, ...]], split: str, least: int) -> None:
    seen = Counter(label for row in splits[split] for label in labels(row))
    assert set(seen) == set(DOMAINS)
    assert min(seen.values()) >= least


def test_texts_are_one_to_four_sentences(splits: dict[str, tuple[Row, ...]]) -> None:
    for row in every(splits):
        text = str(row.item["text_input"])
        assert text.strip() == text
        assert text.endswith((".", "'.", ".)"))
        assert 12 <= len(words(row)) <= 80
        assert 1 <= len(re.findall(r"[.?!]\)?(?=\s+[A-Z'(]|$)", text)) <= 4


def test_no_two_texts_are_near_duplicates(splits: dict[str, tuple[Row, ...]]) -> None:
    """Of the three-word runs of the shorter text, at most 15% occur in the other."""
    runs = {row.id: {*zip(words(row), words(row)[1:], words(row)[2:], strict=False)} for row in every(splits)}
    for (one, a), (other, b) in itertools.combinations(runs.items(), 2):
        assert len(a & b) <= 0.15 * min(len(a), len(b)), (one, other)


def test_texts_are_not_cut_from_one_template(splits: dict[str, tuple[Row, ...]]) -> None:
    openings = Counter(tuple(words(row)[:3]) for row in every(splits))
    assert max(openings.values()) <= 3


ITEM = {"reference_answer": ["law", "trade"]}


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        ('{"domains": ["law", "trade"]}', (1.0, 1.0, 1.0)),
        ('{"domains": ["law"]}', (1.0, 0.5, 2 / 3)),
        ('{"domains": ["law", "law", "energy", "trade"]}', (2 / 3, 1.0, 0.8)),
        ('{"domains": []}', (0.0, 0.0, 0.0)),
        ('{"domains": ["energy"]}', (0.0, 0.0, 0.0)),
        ('{"domains": "law"}', (1.0, 0.5, 2 / 3)),
        ('{"domains": [null, 3, ["law"], {}]}', (0.0, 0.0, 0.0)),
        ('{"domains": null}', (0.0, 0.0, 0.0)),
        ("{}", (0.0, 0.0, 0.0)),
        ('["law"]', (0.0, 0.0, 0.0)),
        ("null", (0.0, 0.0, 0.0)),
        ("", (0.0, 0.0, 0.0)),
        ("law and trade", (0.0, 0.0, 0.0)),
    ],
)
async def test_its_graders_score_every_answer_without_an_error(
    task: Task, answer: str, scores: tuple[float, float, float]
) -> None:
    assert task.reward == "f1"
    async with GraderRuntime() as runtime:
        for name, expected in zip(("precision", "recall", "f1"), scores, strict=True):
            (grade,) = await runtime.grade(parse_grader(task.graders[name]), [(Sample(answer), ITEM)])
            assert not any(grade.errors.values())
            assert grade.reward == pytest.approx(expected)


@pytest.mark.parametrize("item", [{}, {"reference_answer": None}, {"reference_answer": []}, {"reference_answer": 3}])
async def test_its_graders_survive_a_row_without_a_reference(task: Task, item: dict[str, object]) -> None:
    async with GraderRuntime() as runtime:
        (grade,) = await runtime.grade(parse_grader(task.reward_grader), [(Sample('{"domains": ["law"]}'), item)])
    assert (grade.reward, set(grade.scores)) == (0.0, {"precision", "recall"})
    assert not any(grade.errors.values())


def test_it_says_what_its_graders_can_give(task: Task) -> None:
    assert {name: task.range_of(name) for name in task.graders} == dict.fromkeys(task.graders, (0.0, 1.0))
