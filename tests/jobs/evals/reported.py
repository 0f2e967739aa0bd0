"""Evals with answers that look like real ones, as many as a test needs."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Arm, Eval
from tests.jobs.evals.answers import an_eval as any_eval

LABELS = ("law", "finance", "trade", "energy", "transport", "environment", "politics", "science", "geography")
WORDS = ("regulation", "council", "market", "directive", "member", "aid", "port", "gas", "research", "budget")


def an_eval(**changes: Any) -> Eval:
    """A small eval of three graders that has finished."""
    small = {
        "created_at": 1_763_800_000.0,
        "finished_at": 1_763_800_600.0,
        "arms": (Arm("local-policy-1"),),
        "items": 3,
        "runs": 2,
        "graders": ("precision", "recall", "f1"),
        "threshold": 0.5,
    }
    return any_eval(**small | changes)


def an_answer(item: str, run: int = 1, **changes: Any) -> Answer:
    answer = Answer(
        item=item,
        arm="local-policy-1",
        run=run,
        text='{"domains": ["law"]}',
        scores={"precision": 1.0, "recall": 0.5, "f1": 0.67},
        input_tokens=312,
        output_tokens=41,
        reasoning_tokens=0,
        latency=0.2,
        finish_reason="stop",
    )
    return replace(answer, **changes)


def some_items(count: int, texts: Sequence[Item] = ()) -> Iterator[Item]:
    """Items with references of one to four labels; `texts` are taken first."""
    chance = random.Random(7)
    yield from texts[:count]
    for number in range(len(texts[:count]), count):
        text = " ".join(chance.choice(WORDS) for _ in range(chance.randint(20, 120)))
        yield Item(f"item-{number:05}", text.capitalize() + ".", sorted(chance.sample(LABELS, chance.randint(1, 4))))


def some_answers(evaluation: Eval, items: Sequence[Item]) -> Iterator[Answer]:
    """Answers of every arm and run, each arm a little better than the one before, one in 150 missing."""
    for place, arm in enumerate(evaluation.arms):
        for item in items:
            chance = random.Random(f"{arm.name} {item.id}")
            skill = min(0.97, max(0.03, random.Random(item.id).betavariate(2.2, 1.8) + 0.1 * place))
            for run in range(1, evaluation.runs + 1):
                yield _answer(arm.name, item, run, skill, chance)


def _answer(arm: str, item: Item, run: int, skill: float, chance: random.Random) -> Answer:
    if chance.random() < 1 / 150:
        return Answer(item=item.id, arm=arm, run=run, failure="429 rate limited", latency=30.0)
    expected = item.reference if isinstance(item.reference, list) else []
    named = [label for label in expected if chance.random() < skill]
    named += [label for label in LABELS if label not in expected and chance.random() < (1 - skill) / 5]
    right = len([label for label in named if label in expected])
    precision, recall = right / max(1, len(named)), right / max(1, len(expected))
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return Answer(
        item=item.id,
        arm=arm,
        run=run,
        text=json.dumps({"domains": named}),
        scores={"precision": precision, "recall": recall, "f1": f1},
        input_tokens=300 + len(item.input) // 4,
        output_tokens=chance.randint(20, 400),
        reasoning_tokens=chance.randint(0, 300),
        latency=chance.uniform(0.4, 9.0),
        finish_reason="stop",
    )
