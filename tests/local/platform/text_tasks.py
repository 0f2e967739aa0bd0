"""Small tasks whose answers are plain text, for the platform's tests."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.local.platform.small_task import jsonl, python_grader

KITCHEN = {
    "A": ("a whisk", "a ladle", "a skillet", "a colander"),
    "B": ("a rake", "a trowel", "a hoe", "a wheelbarrow"),
    "C": ("a chisel", "a plane", "a mallet", "a fretsaw"),
}
OFFICES = {
    "财务": ("发票金额", "银行转账", "季度预算", "税款申报"),
    "环境": ("河流污染", "森林保护", "废气排放", "垃圾回收"),
    "法律": ("合同违约", "法院判决", "律师意见", "诉讼请求"),
}
FEET = {
    2: ("hens", "boys", "geese"),
    4: ("cows", "cats", "mules"),
    6: ("ants", "bees", "moths"),
    8: ("spiders", "ticks"),
}


def written(instructions: str, text: str, **item: object) -> dict[str, object]:
    """A row with instructions and what the user says."""
    said = [{"role": "developer", "content": instructions}, {"role": "user", "content": text}]
    return {"messages": said, **item}


def rooms(count: int, start: int = 0) -> bytes:
    """Where a tool belongs, by letter; a right answer ends with "Answer: B"."""
    told = 'Where does it belong? Think, then end with "Answer: X", where X is the letter of the room.'
    options = "A) kitchen\nB) garden\nC) workshop"

    def row(number: int) -> dict[str, object]:
        rng = np.random.default_rng(number)
        letter = str(rng.choice(list(KITCHEN)))
        one, other = rng.choice(KITCHEN[letter], size=2, replace=False)
        return written(told, f"Box {number} holds {one} and {other}.\n{options}", solution=letter)

    return jsonl([row(number) for number in range(start, start + count)])


BY_REGEX = python_grader(
    "letter",
    "import re\n\ndef grade(sample, item):\n"
    "    found = re.search(r'Answer:\\s*([A-C])\\b', sample['output_text'])\n"
    "    return 1.0 if found and found[1] == item['solution'] else 0.0\n",
)
EXACT: dict[str, object] = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference_answer}}",
    "operation": "eq",
}


def offices(count: int, start: int = 0) -> bytes:
    """Which office a letter in Chinese goes to."""

    def row(number: int) -> dict[str, object]:
        rng = np.random.default_rng(number)
        office = str(rng.choice(list(OFFICES)))
        one, other = rng.choice(OFFICES[office], size=2, replace=False)
        return written(
            "这封信属于哪个部门\uff1f只写部门的名称。",
            f"第{number}号来信谈到{one}和{other}的问题。",
            reference_answer=office,
        )

    return jsonl([row(number) for number in range(start, start + count)])


def feet(count: int, start: int = 0) -> bytes:
    """A number: how many feet each of two kinds of animals has."""

    def row(number: int) -> dict[str, object]:
        rng = np.random.default_rng(number)
        answer = int(rng.choice(list(FEET)))
        one, other = rng.choice(FEET[answer], size=2, replace=False)
        return written("How many feet has each?", f"Pen {number}: {one} and {other}.", reference_answer=answer)

    return jsonl([row(number) for number in range(start, start + count)])


def looked_up(count: int, start: int = 0) -> bytes:
    """Feet again, where a tool was asked which animals are in the pen."""

    def row(one: dict[str, Any], number: int) -> dict[str, object]:
        told, said = one["messages"]
        called = {
            "id": "c1",
            "type": "function",
            "function": {"name": "look", "arguments": json.dumps({"pen": number})},
        }
        calls = [
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "content": said["content"]},
        ]
        return {**one, "messages": [told, {"role": "user", "content": f"Pen {number}?"}, *calls]}

    made = map(json.loads, feet(count, start).splitlines())
    return jsonl([row(one, number) for number, one in enumerate(made, start)])


def reinforcement(grader: Mapping[str, object], response_format: Mapping[str, object] | None = None) -> Any:
    """A job's `method`, without a response format where none is given; Any because the SDK's types do not know it."""
    shape = {} if response_format is None else {"response_format": dict(response_format)}
    return {"type": "reinforcement", "reinforcement": {"grader": dict(grader), **shape}}
