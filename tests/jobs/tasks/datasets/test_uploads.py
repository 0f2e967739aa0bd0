import json
from pathlib import Path

import pytest

from jobs.core.errors import InvalidRequest
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.uploads import Ingested, Upload, check_size, ingest
from tests.jobs.tasks.datasets.labelled_task import split, write_labelled
from tests.jobs.tasks.folder import write_folder


@pytest.fixture(name="catalogue")
def _catalogue(tmp_path: Path) -> TaskCatalogue:
    return TaskCatalogue(write_labelled(tmp_path, [["fish"], ["iron"]], [["fish"]]))


def uploaded(catalogue: TaskCatalogue, content: str | bytes, name: str = "new.jsonl", split: str = "train") -> Ingested:
    data = content.encode() if isinstance(content, str) else content
    return ingest(catalogue, Upload("goods", split, name, data))


def references(catalogue: TaskCatalogue, made: Ingested) -> list[object]:
    task = catalogue.load(made.task)
    return [row.item["reference_answer"] for row in catalogue.rows(task, made.split)]


def test_rows_become_a_split_of_a_new_version(catalogue: TaskCatalogue) -> None:
    made = uploaded(catalogue, "\ufeff" + split([["milk"], ["milk", "oil"]]))
    assert (made.task, made.rows, made.unknown) == ("goods-data-1", 2, ())
    assert made.labels == {"milk": 2, "oil": 1}
    assert references(catalogue, made) == [["milk"], ["milk", "oil"]]
    old, new = catalogue.load("goods"), catalogue.load(made.task)
    assert new.digests["valid.jsonl"] == old.digests["valid.jsonl"]
    assert [len(catalogue.rows(old, each)) for each in old.splits] == [2, 1]
    assert made.sentence == "goods-data-1 is goods with 2 uploaded rows as train."


def test_a_new_split_may_be_added(catalogue: TaskCatalogue) -> None:
    made = uploaded(catalogue, split([["milk"]]), split="pool")
    assert set(catalogue.load(made.task).splits) == {"train", "valid", "pool"}


def test_labels_that_the_format_does_not_allow_are_named(catalogue: TaskCatalogue) -> None:
    made = uploaded(catalogue, split([["gold"], ["fish"], ["gold", "silver"]]))
    assert made.unknown == ("gold", "silver")
    assert made.sentence.endswith("does not allow 2 of the labels: 'gold', 'silver'.")


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_csv_is_read_with_its_heading(catalogue: TaskCatalogue, divider: str) -> None:
    lines = (
        ("id", "text_input", "reference_answer", "note"),
        ("1", '"two\nlines"', "milk|oil", "=1+1"),
        ("2", "one", '"[""fish""]"', ""),
        ("", "", "", ""),
        ("", "no id", "", ""),
    )
    made = uploaded(catalogue, "\r\n".join(divider.join(fields) for fields in lines), "Rows.CSV")
    task = catalogue.load(made.task)
    rows = catalogue.rows(task, "train")
    assert [row.item["reference_answer"] for row in rows] == [["milk", "oil"], ["fish"], []]
    assert [row.id for row in rows] == ["1", "2", "train-3"]
    assert rows[0].item["text_input"] == "two\nlines"
    assert rows[0].item["note"] == "=1+1"


def test_a_task_with_one_label_a_row_keeps_cells_whole(tmp_path: Path) -> None:
    catalogue = TaskCatalogue(write_folder(tmp_path, name="goods"))
    made = uploaded(catalogue, "text_input,reference_answer\nhello,a|b\n", "x.csv")
    assert references(catalogue, made) == ["a|b"]


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "x.jsonl", r"x\.jsonl has no rows"),
        (b'{"text_input": "a"}\n{oops}\n', "x.jsonl", r"x\.jsonl line 2, column 2 is not JSON"),
        (
            b'{"text_input": "a"}\n{"text": "b"}\n',
            "x.jsonl",
            "line 2 has neither 'text_input' nor 'messages'",
        ),
        (b'{"text_input": "caf\xe9"}\n', "x.jsonl", r"x\.jsonl line 1, byte 20 is not UTF-8 text"),
        ("a".encode("utf-16"), "x.jsonl", "'x.jsonl' is UTF-16 text; save it as UTF-8"),
        (b"PK\x03\x04\n\0\0", "x.xlsx", "'x.xlsx' line 2 holds a null byte"),
        (b'[{"text_input": "a"}, 3]', "x.json", r"x\.json row 2 must be a JSON object, not a number"),
        (b'{"messages": [{"role": "assistant", "content": "x"}]}', "x.jsonl", "has no turn with role 'user'"),
        (b"", "x.csv", r"x\.csv line 1 needs the columns text_input and reference_answer; text_input is missing"),
        (b"text_input\na", "x.csv", "reference_answer is missing"),
        (b"text_input,reference_answer,\na,b,c", "x.csv", "a column without a name"),
        (b"text_input,reference_answer\na\n", "x.csv", r"x\.csv line 2 has 1 fields; the heading has 2"),
        (b"text_input,reference_answer\n ,b\n", "x.csv", r"x\.csv line 2: field 'text_input' is blank"),
        (b'text_input,reference_answer\na,"[b"\n', "x.csv", r"line 2: reference_answer line 1, column 2 is not JSON"),
        (b'text_input,reference_answer\na,"b\n', "x.csv", "is not CSV"),
        (b"id,text_input,reference_answer\n1,a,b\n1,c,d\n", "x.csv", "line 3: field 'id' is '1', as on line 2"),
        (b"text_input,reference_answer\n" + b"a" * 140_000 + b",b\n", "x.csv", "field larger than field limit"),
    ],
)
def test_what_cannot_be_a_split_is_refused_in_words(
    catalogue: TaskCatalogue, tmp_path: Path, content: bytes, name: str, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        uploaded(catalogue, content, name)
    assert [path.name for path in tmp_path.iterdir()] == ["goods"]


@pytest.mark.parametrize("name", ["../train", "Train", "", "a b", "task.yaml"])
def test_a_split_needs_a_plain_name(catalogue: TaskCatalogue, name: str) -> None:
    with pytest.raises(InvalidRequest, match="is no name for a split"):
        uploaded(catalogue, split([["fish"]]), split=name)


def test_an_upload_whose_rows_lack_what_the_reward_reads_is_refused_with_its_line(tmp_path: Path) -> None:
    reward = {"type": "string_check", "name": "exact", "operation": "eq", "input": "{{ sample.output_text }}"}
    changes = {"graders/exact.json": json.dumps({**reward, "reference": "{{ item.reference_answer }}"})}
    catalogue = TaskCatalogue(write_folder(tmp_path, changes, name="goods"))
    content = (
        json.dumps({"text_input": "a", "reference_answer": 0}) + "\n" + json.dumps({"text_input": "b", "lable": 1})
    )
    with pytest.raises(
        InvalidRequest, match=r"^x\.jsonl line 2: the grader exact reads item\.reference_answer, which is"
    ):
        uploaded(catalogue, content, "x.jsonl")


def test_a_json_list_is_read(catalogue: TaskCatalogue) -> None:
    made = uploaded(catalogue, json.dumps([{"text_input": "a", "reference_answer": ["fish"]}], indent=1), "x.json")
    assert references(catalogue, made) == [["fish"]]


def test_too_large_an_upload_is_refused_before_it_is_read() -> None:
    check_size(1024, "x.jsonl")
    with pytest.raises(InvalidRequest, match=r"'x\.jsonl' has 70\.0 MiB; an upload has at most 64 MiB"):
        check_size(70 * 1024 * 1024, "x.jsonl")


def test_an_item_of_a_megabyte_in_any_script_comes_through(catalogue: TaskCatalogue) -> None:
    long = "\u0642\u0627\u0646\u0648\u0646 \U0001f41f " * 60_000
    made = uploaded(catalogue, json.dumps({"text_input": long, "reference_answer": ["fish"]}, ensure_ascii=False))
    task = catalogue.load(made.task)
    assert catalogue.rows(task, "train")[0].item["text_input"] == long
