"""Writes small task folders to break."""

import json
from collections.abc import Mapping
from pathlib import Path

SOURCE = "def grade(sample, item):\n    return 1.0\n"
SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {"label": {"type": "string"}},
    "required": ["label"],
    "additionalProperties": False,
}


def grader(name: str) -> str:
    return json.dumps({"type": "python", "name": name, "source": SOURCE})


def line(row_id: str, **fields: object) -> str:
    item = {"id": row_id, "text_input": f"text {row_id}", "reference_answer": "a", **fields}
    return json.dumps({"item": item}) + "\n"


WHOLE: Mapping[str, str] = {
    "task.yaml": "title: Small\nreward: exact\n",
    "prompts/v1.md": "Name the label.\n",
    "response_format.json": json.dumps(SCHEMA),
    "graders/exact.json": grader("exact"),
    "train.jsonl": line("a") + line("b"),
    "valid.jsonl": line("c"),
}


def write_folder(root: Path, changes: Mapping[str, str | bytes | None] | None = None, name: str = "small") -> Path:
    """A working task folder with some files replaced, added, or (None) left out; returns the root."""
    for relative, content in {**WHOLE, **(changes or {})}.items():
        path = root / name / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            path.write_text(content, "utf-8")
    return root
