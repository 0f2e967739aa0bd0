"""Data sets with wrong labels of which the truth is known, and models that answer them."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Eval, EvalRequest
from jobs.evals.suspects import SuspectLabels, find_suspects
from jobs.tasks import Task, TaskCatalogue
from tests.jobs.evals.answers import an_eval
from tests.jobs.tasks.folder import write_folder

LABELS = ("law", "finance", "trade", "energy", "transport", "environment", "politics", "science")
STUDY: Eval = replace(
    an_eval(items=200, runs=9),
    request=EvalRequest("acts", "U0ALICE", "C0RFT", "trigger-1", purpose="variance"),
    ranges={"f1": (0.0, 1.0)},
)


def schema(*, many: bool) -> Mapping[str, object]:
    one = {"type": "string", "enum": [*LABELS]}
    held = {"type": "array", "items": one} if many else one
    return {"type": "object", "properties": {"label": held}, "required": ["label"], "additionalProperties": False}


def a_task(root: Path, *, many: bool, rows: Sequence[Mapping[str, object]] = ()) -> Task:
    reference = ["law"] if many else "law"
    told = rows or [{"id": "a", "text_input": "text", "reference_answer": reference}]
    lines = "".join(json.dumps({"item": row}) + "\n" for row in told)
    changes = {"response_format.json": json.dumps(schema(many=many)), "train.jsonl": lines, "valid.jsonl": lines}
    return TaskCatalogue(write_folder(root, changes)).load("small")


@dataclass(frozen=True, slots=True)
class Model:
    """How a stand-in for a model errs."""

    slips: float
    """Chance that one run errs about an item, by itself."""
    mistaken: float
    """Share of items about which every run makes the same mistake."""
    confused: Mapping[str, str] | None = None
    """Labels that it never gives, and what it says in their place."""


GOOD = Model(slips=0.05, mistaken=0.02)
FAIR = Model(slips=0.10, mistaken=0.08)
WEAK = Model(slips=0.25, mistaken=0.40)
ONE_BLIND_SPOT = Model(slips=0.05, mistaken=0.02, confused={"science": "politics"})


def other(chance: random.Random, labels: frozenset[str]) -> frozenset[str]:
    """Return the labels with one exchanged."""
    gone = chance.choice(sorted(labels))
    return labels - {gone} | {chance.choice([each for each in LABELS if each not in labels])}


@dataclass(frozen=True, slots=True)
class Trial:
    """A data set with planted errors, and what was found in it."""

    planted: frozenset[str]
    found: SuspectLabels

    @property
    def hits(self) -> int:
        return sum(each.item in self.planted for each in self.found.suspects)

    @property
    def false(self) -> int:
        return len(self.found.suspects) - self.hits


def a_trial(task: Task, model: Model, seed: int, *, many: bool, items: int = 200, wrong: float = 0.05) -> Trial:
    """Plant wrong labels in a data set, let the model answer it nine times, and look for suspects."""
    chance = random.Random(seed)
    planted = frozenset(f"i{number}" for number in chance.sample(range(items), round(wrong * items)))
    rows, answers = [], list[Answer]()
    for number in range(items):
        name = f"i{number}"
        truth = frozenset(chance.sample(LABELS, chance.randint(1, 3) if many else 1))
        reference = other(chance, truth) if name in planted else truth
        rows.append(Item(name, "text", sorted(reference) if many else next(iter(reference))))
        believed = other(chance, truth) if chance.random() < model.mistaken else truth
        believed = frozenset((model.confused or {}).get(label, label) for label in believed)
        answers += (_answer(name, run, believed, model, chance, many=many) for run in range(1, 10))
    found = find_suspects(replace(STUDY, items=items), task, rows, answers, 1.0)
    return Trial(planted, found)


def _answer(item: str, run: int, believed: frozenset[str], model: Model, chance: random.Random, **shape: Any) -> Answer:
    said = sorted(other(chance, believed) if chance.random() < model.slips else believed)
    return Answer(item, "base", run, text=json.dumps({"label": said if shape["many"] else said[0]}), scores={"f1": 0.5})
