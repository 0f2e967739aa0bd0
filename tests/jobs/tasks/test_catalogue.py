"""A task folder is read whole, or refused in one sentence that names file, line and field."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.versions import write_version
from tests.jobs.tasks.folder import SCHEMA, grader, line, write_folder


def refusal(root: Path, changes: Mapping[str, str | bytes | None]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        TaskCatalogue(write_folder(root, changes)).load("small")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_folder_is_read(tmp_path: Path) -> None:
    task = TaskCatalogue(write_folder(tmp_path, {"spare.jsonl": line("z")})).load("small")
    assert (task.name, task.title, task.reward, task.quorum, task.approvers) == ("small", "Small", "exact", 2, ())
    assert list(task.splits) == ["train", "valid", "spare"]
    assert task.prompts == {"v1": "Name the label."}
    assert task.reward_grader["name"] == "exact"
    assert task.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "small", "strict": True, "schema": SCHEMA},
    }


def test_names_lists_folders_with_a_manifest_only(tmp_path: Path) -> None:
    write_folder(tmp_path, name="b")
    write_folder(tmp_path, name="a")
    (tmp_path / "notes").mkdir()
    assert TaskCatalogue(tmp_path).names() == ("a", "b")
    assert TaskCatalogue(tmp_path / "absent").names() == ()


@pytest.mark.parametrize("name", ["smal", "SMALL"])
def test_an_unknown_task_names_the_nearest(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match=f"^There is no task '{name}'; did you mean 'small'\\?$"):
        TaskCatalogue(write_folder(tmp_path)).load(name)


def test_an_empty_root_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"^There is no task 'small'; there is none yet\.$"):
        TaskCatalogue(tmp_path).load("small")


@pytest.mark.parametrize("name", ["../small", "/etc", "", ".", "small/../small", "small\x00", "x" * 10_000])
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "tasks", name="other")
    write_folder(tmp_path)
    with pytest.raises(NotFound) as caught:
        TaskCatalogue(tmp_path / "tasks").load(name)
    assert len(str(caught.value)) < 150


def test_a_folder_with_an_odd_name_is_explained(tmp_path: Path) -> None:
    catalogue = TaskCatalogue(write_folder(tmp_path, name="my task"))
    assert catalogue.names() == ()
    with pytest.raises(InvalidRequest, match="'my task' needs a name of letters"):
        catalogue.load("my task")


def test_a_folder_that_links_out_of_the_root_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "small").symlink_to(tmp_path / "elsewhere" / "small")
    with pytest.raises(InvalidRequest, match=r"small/task\.yaml is a link that leads out"):
        TaskCatalogue(tmp_path / "tasks").load("small")


def test_a_file_that_links_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    root = write_folder(tmp_path / "tasks")
    (root / "small" / "prompts" / "v2.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(InvalidRequest, match=r"small/prompts/v2\.md is a link that leads out"):
        TaskCatalogue(root).load("small")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    (root / "small" / "prompts" / "v1.md").unlink()
    (root / "small" / "prompts" / "v1.md").symlink_to("v1.md")
    with pytest.raises(InvalidRequest, match=r"small/prompts/v1\.md"):
        TaskCatalogue(root).load("small")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = write_folder(tmp_path, {"response_format.json": None})
    os.mkfifo(root / "small" / "response_format.json")
    with pytest.raises(InvalidRequest, match=r"response_format\.json is missing, or is no plain file"):
        TaskCatalogue(root).load("small")


def test_the_default_prompt_is_the_highest_version(tmp_path: Path) -> None:
    changes = {"prompts/v10.md": "ten", "prompts/v2.md": "two", "prompts/.v99.md": "hidden"}
    task = TaskCatalogue(write_folder(tmp_path, changes)).load("small")
    assert task.prompt_versions == ("v1", "v2", "v10")
    assert task.default_prompt == "v10"


def test_the_manifest_may_name_the_default_prompt(tmp_path: Path) -> None:
    changes = {"prompts/v2.md": "two", "task.yaml": "reward: exact\nprompt: v1\n"}
    assert TaskCatalogue(write_folder(tmp_path, changes)).load("small").default_prompt == "v1"


def test_the_only_grader_is_the_reward_unless_said_otherwise(tmp_path: Path) -> None:
    assert TaskCatalogue(write_folder(tmp_path, {"task.yaml": ""})).load("small").reward == "exact"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task.yaml": "prompt: v9\n"}, "small/task.yaml line 1: 'prompt' names 'v9', but prompts/v9.md is missing;"),
        ({"prompts/v1.md": " \n"}, "small/prompts/v1.md is empty."),
        ({"task.yaml": "\nreward: exakt\n"}, "small/task.yaml line 2: 'reward' names 'exakt', which is no grader"),
        ({"task.yaml": "", "graders/b.json": grader("b")}, "small/task.yaml needs 'reward': one of b, exact."),
        ({"graders/exact.json": None}, "small/graders has no grader; add one as graders/<name>.json."),
        ({"graders/b.json": grader("exact")}, "small/graders/exact.json: field 'name' is 'exact', which another"),
        ({"graders/exact.json": "{\n  nope}"}, "small/graders/exact.json line 2, column 3 is not JSON"),
        ({"graders/exact.json": "[]"}, "small/graders/exact.json must hold a JSON object, not an empty list."),
        ({"graders/exact.json": '{"type": "python", "name": "exact"}'}, "small/graders/exact.json: grader.source"),
        ({"graders/exact.json": '{"type": "pyton", "name": "exact"}'}, "small/graders/exact.json: grader.type"),
        ({"train.jsonl": None, "valid.jsonl": None}, "small/train.jsonl is missing; a task needs at least one split."),
        ({"response_format.json": "{" * 100_000}, "small/response_format.json line 1, column 2 is not JSON"),
        ({"response_format.json": '{"a":' * 50_000}, "small/response_format.json is nested too deeply"),
        ({"prompts/v1.md": b"one\ntwo \xff"}, "small/prompts/v1.md line 2, byte 5 is not UTF-8 text"),
        ({"task.yaml": "a\x00b".encode("utf-16")}, "small/task.yaml line 1, byte 1 is not UTF-8 text"),
        ({"prompts/v1.md": "x" * (1024 * 1024 + 1)}, "small/prompts/v1.md has 1.0 MiB; at most 1 MiB can be read."),
    ],
)
def test_a_broken_folder_is_refused(tmp_path: Path, changes: Mapping[str, str | bytes | None], sentence: str) -> None:
    assert refusal(tmp_path, changes).startswith(sentence)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    changes: dict[str, str | bytes | None] = {
        "task.yaml": b"\xef\xbb\xbftitle: Marked\r\nreward: exact\r\n",
        "prompts/v1.md": b"\xef\xbb\xbfone\r\ntwo\r\n",
        "train.jsonl": b"\xef\xbb\xbf" + line("a").replace("\n", "\r\n").encode() + b"\r\n",
    }
    catalogue = TaskCatalogue(write_folder(tmp_path, changes))
    task = catalogue.load("small")
    assert (task.title, task.prompts["v1"]) == ("Marked", "one\ntwo")
    assert [row.id for row in catalogue.rows(task, "train")] == ["a"]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"task.yaml": "title: Another\nreward: exact\nquorum: 3\n"}, True),
        ({"README.md": "words"}, True),
        ({"prompts/v1.md": "Name it."}, False),
        ({"valid.jsonl": line("d")}, False),
        ({"graders/exact.json": json.dumps({**json.loads(grader("exact")), "pass_threshold": 0.5})}, False),
        ({"response_format.json": json.dumps({**SCHEMA, "title": "Answer"})}, False),
        ({"response_format.json": None}, False),
        ({"task.yaml": "reward: other\n", "graders/other.json": grader("other")}, False),
    ],
)
def test_the_version_changes_with_what_can_change_a_score(
    tmp_path: Path, changes: Mapping[str, str | bytes | None], same: bool
) -> None:
    before = TaskCatalogue(write_folder(tmp_path / "before")).load("small")
    after = TaskCatalogue(write_folder(tmp_path / "after", changes)).load("small")
    assert len(before.version) == 12
    assert (before.version == after.version) is same


def test_an_unknown_split_names_the_nearest(tmp_path: Path) -> None:
    catalogue = TaskCatalogue(write_folder(tmp_path))
    with pytest.raises(NotFound, match=r"^small has no split 'validation'; did you mean 'valid'\?$"):
        catalogue.rows(catalogue.load("small"), "validation")


def test_rows_that_changed_since_the_task_was_read_are_refused(tmp_path: Path) -> None:
    catalogue = TaskCatalogue(write_folder(tmp_path))
    task = catalogue.load("small")
    write_folder(tmp_path, {"train.jsonl": line("other")})
    with pytest.raises(Conflict, match=r"^small/train\.jsonl has changed since the task was read; ask again\.$"):
        catalogue.rows(task, "train")


def test_training_rows_carry_messages_and_every_field_of_the_item(tmp_path: Path) -> None:
    catalogue = TaskCatalogue(write_folder(tmp_path, {"train.jsonl": line("é\u2028", weight=2)}))
    rows = catalogue.training_rows(catalogue.load("small"), "train").decode().split("\n")
    assert json.loads(rows[0]) == {
        "messages": [
            {"role": "developer", "content": "Name the label."},
            {"role": "user", "content": "text é\u2028"},
        ],
        "id": "é\u2028",
        "text_input": "text é\u2028",
        "reference_answer": "a",
        "weight": 2,
    }
    assert rows[1:] == [""]


MULTI = json.dumps(
    {
        "type": "multi",
        "name": "both",
        "graders": {"e": json.loads(grader("exact")), "f": json.loads(grader("format"))},
        "calculate_output": "e * f",
    }
)
WATCHED = {
    "graders/both.json": MULTI,
    "graders/judge.json": grader("judge"),
    "task.yaml": "reward: both\nshadows: [judge]\nguardrails: [exact]\nalerts: {O1: {patience: 3}}\nalias: canary\n",
}


def test_how_its_jobs_are_watched_belongs_to_the_task(tmp_path: Path) -> None:
    task = TaskCatalogue(write_folder(tmp_path, WATCHED)).load("small")
    assert (task.held_out_graders, task.guardrails, task.alias) == (("judge",), {"exact": -0.02}, "canary")
    assert task.alerts == {"O1": {"patience": 3}}
    assert task.headline[0] == "both"
    assert (task.approval.expires_days, task.evidence_runs) == (7.0, 3)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("headline: [jugde]", "'headline' names 'jugde', which is no grader of this task; did you mean 'judge'?"),
        ("shadows: [jugde]", "'shadows' names 'jugde', which is no grader of this task; did you mean 'judge'?"),
        ("shadows: [both]", "'shadows' names 'both', which is the reward; training climbs it, so it is not held out."),
        ("shadows: [judge, exact]", "'shadows' names 'exact', which is a part of the reward; training climbs it, so "),
        ("guardrails: {f1: -0.1}", "'guardrails' names 'f1', which is no grader of this task; known: "),
    ],
)
def test_graders_that_watch_must_be_there_and_held_out(tmp_path: Path, key: str, sentence: str) -> None:
    refused = refusal(tmp_path, {**WATCHED, "task.yaml": f"reward: both\n{key}\n"})
    assert refused.startswith(f"small/task.yaml line 2: {sentence}")


def test_graders_without_a_name_take_that_of_their_file(tmp_path: Path) -> None:
    nameless = json.dumps({key: value for key, value in json.loads(grader("x")).items() if key != "name"})
    task = TaskCatalogue(write_folder(tmp_path, {"graders/exact.json": nameless})).load("small")
    assert (task.reward, task.reward_grader["name"]) == ("exact", "exact")


@pytest.mark.parametrize(("file", "content"), [("train.json", "[{}]"), ("train.csv", "text_input,reference_answer\n")])
def test_one_split_cannot_stand_in_two_files(tmp_path: Path, file: str, content: str) -> None:
    assert "are the same split; remove one of them." in refusal(tmp_path, {file: content})


def test_parquet_is_refused_by_its_name(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"train.jsonl": None, "train.parquet": b"PAR1"}).startswith(
        "small/train.parquet cannot be"
    )


def test_a_copy_of_a_task_has_its_splits_once_whatever_they_were_written_in(tmp_path: Path) -> None:
    cells = "text_input,reference_answer\none,a\ntwo,b\n"
    task = TaskCatalogue(write_folder(tmp_path, {"train.jsonl": None, "train.csv": cells})).load("small")
    version = write_version(task, "data", {"train.jsonl": line("new").encode()})
    assert not (tmp_path / version.name / "train.csv").exists()


FAR = json.dumps({"type": "endpoint", "name": "far", "url": "https://example.org/grade"})


def test_where_the_reward_is_run_elsewhere_another_grader_measures_answers_here(tmp_path: Path) -> None:
    task = TaskCatalogue(write_folder(tmp_path, {"task.yaml": "reward: far\n", "graders/far.json": FAR})).load("small")
    assert (task.reward, task.trained_by) == ("exact", "far")
    assert task.training_grader["type"] == "endpoint"
    assert TaskCatalogue(write_folder(tmp_path)).load("small").trained_by == "exact"


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (
            "reward: far\n",
            "small/task.yaml needs 'measured_by': one of close, exact. far is a grader of type 'endpoint'",
        ),
        (
            "reward: far\nmeasured_by: far\n",
            "small/task.yaml line 2: 'measured_by' names 'far', which cannot be run here.",
        ),
        (
            "reward: far\nmeasured_by: other\n",
            "small/task.yaml line 2: 'measured_by' names 'other', which is no grader of",
        ),
        (
            "reward: exact\nmeasured_by: close\n",
            "small/task.yaml line 2: 'measured_by' names 'close', but the reward exact",
        ),
        (
            "reward: exact\nranges: {other: [0, 5]}\n",
            "small/task.yaml line 2: 'ranges' names 'other', which is no grader",
        ),
        ("reward: exact\nranges: {exact: [5, 0]}\n", "small/task.yaml line 2: 'ranges' must be graders, each with its"),
        ("reward: exact\nranges: {exact: 5}\n", "small/task.yaml line 2: 'ranges' must be graders, each with its"),
    ],
)
def test_what_measures_and_how_far_it_may_must_be_there(tmp_path: Path, manifest: str, sentence: str) -> None:
    files = {"task.yaml": manifest, "graders/far.json": FAR, "graders/close.json": grader("close")}
    assert refusal(tmp_path, files).startswith(sentence)


def test_a_task_says_the_range_of_graders_whose_definition_does_not(tmp_path: Path) -> None:
    check = {"type": "string_check", "name": "same", "input": "a", "reference": "b", "operation": "eq"}
    manifest = "reward: exact\nranges: {exact: [0, 5], same: [0, 9]}\n"
    files = {"task.yaml": manifest, "graders/same.json": json.dumps(check), "graders/far.json": FAR}
    task = TaskCatalogue(write_folder(tmp_path, files)).load("small")
    assert [task.range_of(name) for name in ("exact", "same", "far")] == [(0.0, 5.0), (0.0, 1.0), None]
    before = task.version
    write_folder(tmp_path, {**files, "task.yaml": "reward: exact\nranges: {exact: [0, 6]}\n"})
    assert TaskCatalogue(tmp_path).load("small").version != before
