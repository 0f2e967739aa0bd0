"""Writes small tasks of labelled rows."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.tasks import Row
from tests.jobs.tasks.folder import write_folder

BUNDLED = Path(__file__).parents[4] / "tasks" / "eurovoc"
NAMES = ("fish", "grain", "iron", "milk", "oil", "salt", "wine", "wool")


def copy_of_eurovoc(root: Path, name: str = "eurovoc") -> Path:
    """The bundled task under another root; returns its folder."""
    shutil.copytree(BUNDLED, root / name)
    return root / name


def schema(choices: Sequence[str] = NAMES) -> str:
    return json.dumps(
        {
            "type": "object",
            "properties": {"labels": {"type": "array", "items": {"type": "string", "enum": list(choices)}}},
            "required": ["labels"],
            "additionalProperties": False,
        }
    )


def text(place: int) -> str:
    """A text that shares few runs of words with that of any other place."""
    words = [NAMES[(place // 8**power + power) % 8] for power in range(4)]
    return f"Notice {place}: " + " ".join(f"{word}{place * (n + 3)}" for n, word in enumerate(words * 3))


def split(labels: Sequence[Sequence[str]], start: int = 0) -> str:
    """One row for each set of labels, with texts of its own from `start` on."""
    rows = [
        {"id": f"r{start + n}", "text_input": text(start + n), "reference_answer": list(each)}
        for n, each in enumerate(labels)
    ]
    return "".join(json.dumps({"item": row}) + "\n" for row in rows)


def write_labelled(
    root: Path,
    train: Sequence[Sequence[str]],
    valid: Sequence[Sequence[str]],
    changes: Mapping[str, str | bytes | None] | None = None,
    name: str = "goods",
) -> Path:
    files = {"train.jsonl": split(train), "valid.jsonl": split(valid, len(train)), "response_format.json": schema()}
    return write_folder(root, {**files, **(changes or {})}, name)


def rows_of(*references: object) -> list[Row]:
    return [Row(str(n), {"reference_answer": reference, "text_input": "x"}) for n, reference in enumerate(references)]
