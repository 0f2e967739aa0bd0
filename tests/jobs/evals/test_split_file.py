import json
from pathlib import Path

import pytest

from jobs.core.errors import Conflict, InvalidRequest
from jobs.evals.split_file import SplitFile, check_rows, item_of
from jobs.tasks import Row, TaskCatalogue
from jobs.tasks.rows import read_rows
from tests.jobs.evals.laboratory import valid_rows
from tests.jobs.tasks.folder import line, write_folder


def catalogue(folder: Path, rows: str | bytes) -> TaskCatalogue:
    return TaskCatalogue(write_folder(folder, {"valid.jsonl": rows}))


def read(folder: Path, rows: str | bytes, items: int | None = None) -> list[Row]:
    with SplitFile(catalogue(folder, rows).load("small"), "valid", items) as split:
        return list(split)


@pytest.mark.parametrize(
    "rows",
    [
        valid_rows(5),
        valid_rows(5).rstrip(),
        "\ufeff" + valid_rows(5),
        valid_rows(2) + "\n  \r\n\u00a0\n" + line("last") + "\n\n",
        valid_rows(3).replace("\n", "\r\n"),
        json.dumps({"text_input": "no id"}) + "\n\n" + json.dumps({"item": {"text_input": "nor here"}}),
        json.dumps([{"text_input": "one"}, {"id": None, "text_input": "two"}, {"id": 7, "text_input": "three"}]),
        json.dumps({"data": [{"text_input": "one"}, {"item": {"text_input": "two"}}]}, indent=2),
        line("a", text_input="judgment \u2028 حكم 🐟"),
    ],
)
def test_read_one_by_one_they_are_what_the_catalogue_reads(tmp_path: Path, rows: str) -> None:
    tasks = catalogue(tmp_path, rows)
    whole = list(tasks.rows(tasks.load("small"), "valid"))
    assert read(tmp_path, rows) == whole
    assert check_rows(tasks, tasks.load("small"), "valid") == (len(whole), whole[0])


def test_a_split_may_be_csv(tmp_path: Path) -> None:
    cells = "text_input,reference_answer\none,fish\ntwo,wine\n"
    tasks = TaskCatalogue(write_folder(tmp_path, {"valid.jsonl": None, "valid.csv": cells}))
    task = tasks.load("small")
    with SplitFile(task, "valid") as split:
        assert list(split) == list(tasks.rows(task, "valid"))
        assert [row.id for row in split] == ["valid-2", "valid-3"]


def test_only_the_first_count(tmp_path: Path) -> None:
    assert [row.id for row in read(tmp_path, valid_rows(5), 2)] == ["i0", "i1"]


def test_any_order_will_do(tmp_path: Path) -> None:
    with SplitFile(catalogue(tmp_path, valid_rows(50)).load("small"), "valid", 50) as split:
        assert [split.row(place).id for place in (49, 0, 7, 49)] == ["i49", "i0", "i7", "i49"]


def test_a_file_that_changed_since_the_task_was_read_is_refused(tmp_path: Path) -> None:
    tasks = catalogue(tmp_path, valid_rows(5))
    task = tasks.load("small")
    catalogue(tmp_path, valid_rows(6))
    with pytest.raises(Conflict, match=r"small/valid\.jsonl was changed"):
        SplitFile(task, "valid", 5)
    with pytest.raises(Conflict):
        check_rows(tasks, task, "valid")


def test_fewer_items_than_planned_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        read(tmp_path, valid_rows(5), 6)


def test_what_is_wrong_is_said_as_the_catalogue_says_it(tmp_path: Path) -> None:
    tasks = catalogue(tmp_path, valid_rows(2) + "[]\n")
    with pytest.raises(InvalidRequest, match="line 3 must be a JSON object"):
        check_rows(tasks, tasks.load("small"), "valid")


def test_an_item_is_kept_as_a_person_reads_it() -> None:
    assert item_of(Row("a", {"text_input": "Text.", "reference_answer": ["x"]})) == _item("a", "Text.", ["x"])
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "data:..."}}]
    content = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]}
    (row,) = read_rows(json.dumps(content).encode(), "here", "valid")
    assert item_of(row) == _item("valid-1", "system: Be brief.\nuser: Look:\nuser: [image]", None)


def _item(item_id: str, text: str, reference: object) -> object:
    item = item_of(Row(item_id, {"text_input": text, "reference_answer": reference}))
    assert (item.id, item.input, item.reference) == (item_id, text, reference)
    return item
