"""Eight tasks as public projects have them, in our own words and miniature: the files of a task folder each."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.local.platform.small_task import SCHEMA, row
from tests.local.platform.text_tasks import BY_REGEX, FEET, OFFICES, rooms

SIZES = {"train": (36, 0), "valid": (18, 1000), "test": (12, 2000)}
"""Rows of a split, and the number of its first."""
BRIEF = "defaults:\n  hyperparameters: {n_epochs: 8, batch_size: 12, eval_interval: 4, eval_samples: 2}\n"
MANIFEST = f"reward: reward\n{BRIEF}evidence: {{runs: 1}}\n"


@dataclass(frozen=True, slots=True)
class PublicTask:
    """The files of a task, and what is said of it."""

    name: str
    files: Mapping[str, str]
    graders: Sequence[str] = ("reward",)
    scale: tuple[float, float] = (0.0, 1.0)

    def write(self, root: Path) -> None:
        """Write its folder."""
        for relative, content in {"task.yaml": MANIFEST, **self.files}.items():
            path = root / self.name / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")


def splits(rows: Callable[[int, int], bytes]) -> dict[str, str]:
    return {f"{split}.jsonl": rows(*size).decode() for split, size in SIZES.items()}


def split_of(made: Callable[[int], Mapping[str, object]]) -> dict[str, str]:
    def rows(count: int, start: int) -> bytes:
        return "".join(json.dumps(made(n), ensure_ascii=False) + "\n" for n in range(start, start + count)).encode()

    return splits(rows)


def grader(**definition: object) -> str:
    return json.dumps(definition)


def python(source: str) -> str:
    return grader(type="python", source=source)


# -- those that the local platform trains -----------------------------------------------------------------------------

F1 = """
def grade(sample, item):
    said, meant = set((sample["output_json"] or {}).get("labels") or []), set(item["reference_answer"])
    return 2 * len(said & meant) / (len(said) + len(meant)) if said and meant else 0.0
"""
CARGO = PublicTask(
    "cargo",
    {
        "response_format.json": json.dumps({"name": "cargo", "strict": True, "schema": SCHEMA}),
        "graders/reward.json": python(F1),
        **split_of(row),
    },
)
"""Labels in a schema of its own wrapping."""

ROOMS = PublicTask("rooms", {"graders/reward.json": json.dumps(BY_REGEX | {"name": "reward"}), **splits(rooms)})
"""A letter in free text, found by a regular expression; the references stand in a field of the rows' own."""


def pen(number: int) -> dict[str, object]:
    rng = np.random.default_rng(number)
    answer = list(FEET)[number % len(FEET)]
    one, other = rng.choice(FEET[answer], size=2, replace=False)
    return {"text_input": f"Pen {number}: {one} and {other}.", "reference_answer": answer}


COMPARED = {"input": "{{sample.output_text}}", "reference": "{{item.reference_answer}}"}
PENS = PublicTask(
    "pens",
    {
        "prompts/v1.md": "How many feet has each? Answer with 2, 4, 6 or 8.\n",
        "graders/reward.json": grader(
            type="multi",
            graders={
                "exact": {"type": "string_check", "operation": "eq", **COMPARED},
                "close": {"type": "text_similarity", "evaluation_metric": "fuzzy_match", **COMPARED},
            },
            calculate_output="0.75 * exact + 0.25 * close",
        ),
        **split_of(pen),
    },
)
"""A multi grader in which nothing has a name; references that are numbers."""


def letter(number: int) -> dict[str, object]:
    rng = np.random.default_rng(number)
    office = list(OFFICES)[number % len(OFFICES)]
    one, other = rng.choice(OFFICES[office], size=2, replace=False)
    return {"text_input": f"第{number}号来信谈到{one}和{other}的问题。", "reference_answer": office}


LETTERS = PublicTask(
    "letters",
    {
        "prompts/v1.md": "这封信属于哪个部门\uff1f只写部门的名称\uff1a财务、环境或法律。\n",
        "graders/reward.json": grader(type="string_check", operation="eq", **COMPARED),
        **split_of(letter),
    },
)
"""Labels in Chinese."""

PASSAGES = {
    "yes": ("The ferry runs on Sundays.", "Dogs may board.", "Tickets are sold on deck."),
    "no": ("The ferry rests on Sundays.", "Dogs must stay ashore.", "No ticket is sold on deck."),
    "not stated": ("The crew wears blue.", "The harbour has two cranes.", "Gulls nest on the pier."),
}


def looked_up(number: int) -> dict[str, object]:
    rng = np.random.default_rng(number)
    answer = list(PASSAGES)[number % len(PASSAGES)]
    found = " ".join(str(each) for each in rng.choice(PASSAGES[answer], size=2, replace=False))
    return {
        "id": number,
        "messages": [
            {"role": "developer", "content": "Answer from the passage alone, with yes, no or not stated."},
            {"role": "user", "content": "May I ask about the ferry?"},
            {"role": "assistant", "content": "Please do."},
            {"role": "user", "content": f"Passage {number}: {found}\nIs that allowed?"},
        ],
        "reference_answer": answer,
        "source": f"handbook-{number % 3}",
    }


GROUNDED = """
def grade(sample, item):
    return float(sample["output_text"].strip().lower() == item["reference_answer"] and bool(item["source"]))
"""
PASSAGE = PublicTask("passage", {"graders/reward.json": python(GROUNDED), **split_of(looked_up)})
"""Rows that bring their own conversation with what was found for it."""

LOCAL = (CARGO, ROOMS, PENS, LETTERS, PASSAGE)

# -- those that need a model that writes ------------------------------------------------------------------------------

CAUSES = {
    "the belt tore": ("The mill stopped at noon because the belt tore", "Two bags of flour were left."),
    "the valve froze": ("The heating failed because the valve froze", "A plumber lives nearby."),
    "the fuse blew": ("The saw fell silent because the fuse blew", "It was bought in spring."),
}


def report(number: int) -> dict[str, object]:
    cause = list(CAUSES)[number % len(CAUSES)]
    happened, beside = CAUSES[cause]
    return {"text_input": f"Report {number}. {happened}. {beside}", "reference_answer": cause}


JUDGED = PublicTask(
    "causes",
    {
        "task.yaml": MANIFEST,
        "prompts/v1.md": "Say in one sentence what caused the trouble.\n",
        "graders/reward.json": grader(
            type="score_model",
            model="judge-1",
            range=[0, 5],
            input=[
                {
                    "role": "user",
                    "content": "Rate from 0 to 5 how well the answer names the cause.\nCause: "
                    "{{item.reference_answer}}\nAnswer: {{sample.output_text}}",
                }
            ],
        ),
        **split_of(report),
    },
    scale=(0.0, 5.0),
)
"""Free text that a judge rates from 0 to 5."""

COUNTED = r"""
import re
def grade(sample, item):
    found = re.search(r"<answer>([0-9+*() -]+)</answer>", sample["output_text"])
    if not found:
        return 0.0
    used = sorted(int(each) for each in re.findall(r"[0-9]+", found[1]))
    if used != sorted(item["numbers"]):
        return 0.1
    try:
        return float(eval(found[1], {"__builtins__": {}}) == item["target"]) or 0.1
    except Exception:
        return 0.1
"""
TEMPLATE = (
    "You and a colleague play a number game with cards. Use each of the numbers {0} exactly once, with + - * and "
    "brackets, so that the result is {1}. Think aloud first, then write the expression within <answer> and </answer>."
)


def puzzle(number: int) -> dict[str, object]:
    rng = np.random.default_rng(number)
    one, two, three = (int(each) for each in rng.choice(np.arange(2, 60), size=3, replace=False))
    target = one * two + three if number % 2 else one + two - three
    numbers = [one, two, three]
    return {"text_input": TEMPLATE.format(numbers, target), "numbers": numbers, "target": target}


COUNTDOWN = PublicTask(
    "countdown",
    {"prompts/v1.md": "Play to win.\n", "graders/reward.json": python(COUNTED), **split_of(puzzle)},
)
"""A puzzle in a template that all rows share; nothing is a reference, and answers must be written."""

TOWNS = ("Oslo", "Lima", "Cairo", "Quito")


def tool(name: str, **fields: object) -> dict[str, object]:
    shape = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "parameters": shape}}


TOOLS = [tool("get_weather", town={"type": "string"}), tool("book_table", town={"type": "string"})]


def errand(number: int) -> dict[str, object]:
    rng = np.random.default_rng(number)
    town, name = str(rng.choice(TOWNS)), str(rng.choice(["get_weather", "book_table"]))
    wish = "Will it rain in {}?" if name == "get_weather" else "We want to eat in {}."
    return {
        "id": f"errand-{number}",
        "messages": [{"role": "user", "content": f"Errand {number}. {wish.format(town)}"}],
        "tools": TOOLS,
        "reference_answer": {"name": name, "arguments": {"town": town}},
    }


CALLED = """
import json
def grade(sample, item):
    if len(sample["output_tools"]) != 1:
        return 0.0
    said, meant = sample["output_tools"][0]["function"], item["reference_answer"]
    if said["name"] != meant["name"]:
        return 0.0
    try:
        return 1.0 if json.loads(said["arguments"]) == meant["arguments"] else 0.5
    except ValueError:
        return 0.5
"""
ERRANDS = PublicTask(
    "errands",
    {
        "graders/reward.json": python(CALLED),
        "graders/named.json": grader(
            type="string_check",
            operation="eq",
            input="{{sample.output_tools[0].function.name}}",
            reference="{{item.reference_answer.name}}",
        ),
        **split_of(errand),
    },
    ("named", "reward"),
)
"""Calls of tools, graded by name and arguments."""

ELSEWHERE = (JUDGED, COUNTDOWN, ERRANDS)
