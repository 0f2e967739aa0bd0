"""Builds a task folder from 700 real EU acts, where they are at hand, with the bundled task's prompt and graders."""

import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

_REPO = Path(__file__).parent.parent
_BUNDLED = _REPO / "tasks" / "eurovoc"
_POOL = _REPO.parent / "shared" / "data" / "eurovoc" / "eurovoc_pool.jsonl"

_MANIFEST = """\
title: EuroVoc domains of EU acts
reward: f1
approvers: [model-approvers]
quorum: 2
defaults:
  platform: local
  model: local-policy-1
"""

NO_POOL = "needs the 700 real EU acts (../shared/data/eurovoc), which are not part of the repository"


def pool_path() -> Path | None:
    """Where the real acts are, or None where they are absent; skip then with `NO_POOL` as the reason."""
    return _POOL if _POOL.is_file() else None


def write_task(folder: Path, pool: Path, train: int, valid: int = 50, test: int = 100, *, seed: int = 0) -> None:
    """Write a complete task folder with that many disjoint rows a split; the same seed gives the same bytes.

    The folder's name is the task's name. Its label set is that of the whole pool, whatever rows were drawn.
    """
    rows = [json.loads(line)["item"] for line in pool.read_bytes().split(b"\n") if line]
    if train + valid + test > len(rows):
        raise ValueError(f"{train} + {valid} + {test} rows were asked for; the pool has {len(rows)}")
    labels = sorted({label for row in rows for label in row["reference_answer"]})
    drawn = iter(random.Random(seed).sample(rows, train + valid + test))
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in {"train": train, "valid": valid, "test": test}.items():
        _write_split(folder / f"{split}.jsonl", [next(drawn) for _ in range(count)])
    for part in ("graders", "prompts"):
        shutil.copytree(_BUNDLED / part, folder / part, dirs_exist_ok=True)
    _write_schema(folder / "response_format.json", labels)
    (folder / "task.yaml").write_text(_MANIFEST, "utf-8")


def _write_split(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(json.dumps({"item": row}, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _write_schema(path: Path, labels: list[str]) -> None:
    schema = json.loads((_BUNDLED / "response_format.json").read_text("utf-8"))
    schema["properties"]["domains"]["items"]["enum"] = labels
    path.write_text(json.dumps(schema, indent=2) + "\n", "utf-8")
