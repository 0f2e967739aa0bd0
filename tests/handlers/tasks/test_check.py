"""The findings of a task's check as a message, with its picture of the labels."""

from pathlib import Path

import pytest

from handlers.tasks.check import check_message, label_chart
from jobs.checks import Finding, Level
from jobs.tasks import TaskCatalogue
from local.slack.blocks import validate
from tests.jobs.tasks.datasets.labelled_task import write_labelled


@pytest.mark.parametrize("split", ["train", "valid"])
def test_the_picture_of_the_labels_names_the_split_that_was_counted(tmp_path: Path, split: str) -> None:
    write_labelled(tmp_path, [["fish"]], [["fish"], ["iron"]], {} if split == "train" else {"train.jsonl": None})
    task = TaskCatalogue(tmp_path).load("goods")
    findings = (
        Finding("names", Level.OK, "Names are apart."),
        Finding("balance", Level.OK, "2 labels.", counts={"fish": 1, "iron": 1}, split=split),
    )
    chart = label_chart(task, findings)
    assert chart is not None
    assert chart.subtitle == f"goods · {split} split"
    message = check_message(task, findings, "F0123456789")
    assert validate(list(message.blocks), "message") == []
    assert f"Labels of the {split} split" in str(message.blocks)
