"""Exports in the documented shapes of OpenAI's platform, as their owners hold them; and how a test imports files."""

import json
from collections.abc import Mapping
from pathlib import Path

from jobs.tasks import Task, TaskCatalogue
from jobs.tasks.imports.draft import ImportOptions
from jobs.tasks.imports.given import given_files
from jobs.tasks.imports.read import Imported, import_task

Json = dict[str, object]

LABEL: Json = {
    "name": "Match the label",
    "id": "Match the label-c4fdf789-2fa5-407f-8a41-a6f4f9afd482",
    "type": "string_check",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.correct_label }}",
    "operation": "eq",
}
JUDGE: Json = {
    "name": "Polite",
    "id": "Polite-9b876f24-4762-4be9-aff4-db7a9b31c673",
    "type": "label_model",
    "model": "gpt-4.1-mini",
    "input": [
        {
            "type": "message",
            "role": "developer",
            "content": {"type": "input_text", "text": "Label the answer as polite or rude."},
        },
        {"type": "message", "role": "user", "content": {"type": "input_text", "text": "{{sample.output_text}}"}},
    ],
    "labels": ["polite", "rude"],
    "passing_labels": ["polite"],
    "sampling_params": None,
}
TEMPLATE: list[Json] = [
    {"type": "message", "role": "developer", "content": {"type": "input_text", "text": "Hardware, Software or Other?"}},
    {"type": "message", "role": "user", "content": {"type": "input_text", "text": "{{ item.ticket_text }}"}},
]
ITEMS: list[Json] = [
    {"ticket_text": "My monitor won't turn on", "correct_label": "Hardware"},
    {"ticket_text": "I'm in vim and can't quit", "correct_label": "Software"},
    {"ticket_text": "Best restaurants in Cleveland?", "correct_label": "Other"},
]


def hosted_eval(*criteria: Json, **changes: object) -> Json:
    """An eval as `GET /evals/<id>` answers it."""
    schema = {"type": "object", "properties": {"item": {"type": "object"}, "sample": {"type": "object"}}}
    return {
        "object": "eval",
        "id": "eval_67abd54d",
        "data_source_config": {"type": "custom", "schema": schema},
        "testing_criteria": list(criteria or (LABEL,)),
        "name": "IT tickets",
        "created_at": 1742843040,
        "metadata": {},
        **changes,
    }


def run(template: object = TEMPLATE, source: Json | None = None, **changes: object) -> Json:
    """A run as `GET /evals/<id>/runs/<id>` answers it."""
    return {
        "object": "eval.run",
        "id": "evalrun_1",
        "eval_id": "eval_67abd54d",
        "name": "first",
        "status": "completed",
        "created_at": 1743022195,
        "result_counts": {"total": 3, "errored": 0, "failed": 0, "passed": 3},
        "per_model_usage": None,
        "data_source": {
            "type": "responses",
            "model": "gpt-4.1",
            "input_messages": {"type": "template", "template": template},
            "source": source or {"type": "file_id", "id": "file-abc123"},
            "sampling_params": {"temperature": 0.2, "seed": 42},
        },
        **changes,
    }


def output_item(item: Json, number: int, developer: str = "Hardware, Software or Other?") -> Json:
    """What a model answered in a run, as `GET /evals/<id>/runs/<id>/output_items` lists it."""
    sent = [{"role": "developer", "content": developer}, {"role": "user", "content": item["ticket_text"]}]
    return {
        "object": "eval.run.output_item",
        "id": f"outputitem_{number}",
        "eval_id": "eval_67abd54d",
        "status": "pass",
        "datasource_item_id": number,
        "datasource_item": item,
        "results": [{"name": "Match the label-c4fdf789", "passed": True, "score": 1.0}],
        "sample": {"input": sent, "output": [{"role": "assistant", "content": "Other"}], "finish_reason": "stop"},
    }


def dashboard_row(item: Json, number: int, run_id: str = "evalrun_1") -> Json:
    """A line of the JSONL that the dashboard exports: what one run made of one item."""
    sample = {"outputs": [{"role": "assistant", "content": "Other"}], "finish_reason": "stop"}
    graded = {"grades": {"Match the label": 0.0}, "passes": {"Match the label": False}, "grader_samples": {}}
    return {"run_id": run_id, "data_source_idx": number, "item": item, "sample": sample, **graded}


def jsonl(*values: object) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def item_lines(*items: Json) -> bytes:
    """The data file of an eval."""
    return jsonl(*({"item": item} for item in items))


def as_bytes(value: object) -> bytes:
    if isinstance(value, bytes | str):
        return value if isinstance(value, bytes) else value.encode()
    return json.dumps(value).encode()


def imported(root: Path, files: Mapping[str, object], **options: str) -> Imported:
    """Import files, each given as bytes, text or a value to be written as JSON."""
    given = given_files((name, as_bytes(content)) for name, content in files.items())
    return import_task(root, given, ImportOptions(**options))


def task_of(root: Path, made: Imported) -> Task:
    return TaskCatalogue(root).load(made.task)


def items_of(root: Path, made: Imported, split: str = "valid") -> list[Mapping[str, object]]:
    catalogue = TaskCatalogue(root)
    return [row.item for row in catalogue.rows(catalogue.load(made.task), split)]
