"""Equal digests mean that nothing has changed of what an approval rests on."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jobs.core.records import JobState
from jobs.evidence.plan import TASK_PARTS, changed_parts, digest_of, hash_of, parts_of, said_changed
from jobs.tasks import Task, TaskCatalogue
from tests.jobs.tasks.folder import line, write_folder
from tests.records import a_job


def a_task(folder: Path) -> Task:
    return TaskCatalogue(write_folder(folder, {"test.jsonl": line("t")})).load("small")


def parts(task: Task, state: JobState = JobState.SUCCEEDED) -> dict[str, str]:
    return parts_of(task, a_job(state=state), {"valid": "eval-1"})


def test_each_part_of_the_task_counts_by_itself(tmp_path: Path) -> None:
    task = a_task(tmp_path)
    before = parts(task)
    digests = {**task.digests, "valid.jsonl": "other"}
    assert changed_parts(before, parts(replace(task, digests=digests))) == ("dataset",)
    assert changed_parts(before, parts(replace(task, prompts={"v1": "Otherwise."}))) == ("prompt",)
    assert changed_parts(before, parts(replace(task, prompts={**task.prompts, "v2": "New."}))) == ()
    assert changed_parts(before, parts(replace(task, reward="other"))) == ("graders",)
    assert changed_parts(before, parts(replace(task, response_format={}))) == ("schema",)
    assert changed_parts(before, parts(task, JobState.PAUSED)) == ("test",)
    assert changed_parts(before, parts(replace(task, lenient_json=True))) == ("scoring",)
    assert changed_parts(before, {}) == tuple(part for part in TASK_PARTS if part != "natural")  # it has none


def test_evidence_from_before_the_rules_of_scoring_had_a_version_is_measured_again(tmp_path: Path) -> None:
    now = parts(a_task(tmp_path))
    changed = changed_parts({name: digest for name, digest in now.items() if name != "scoring"}, now)
    assert said_changed(changed) == "The way answers are scored changed."


def test_a_digest_covers_checkpoint_model_and_parts(tmp_path: Path) -> None:
    same = parts(a_task(tmp_path))
    found = {
        digest_of("ckpt-1", "m-1", same),
        digest_of("ckpt-2", "m-1", same),
        digest_of("ckpt-1", "m-2", same),
        digest_of("ckpt-1", "m-1", {**same, "valid_eval": "eval-2"}),
    }
    assert len(found) == 4
    assert {len(each) for each in found} == {16}


WORDS = st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda each: st.dictionaries(WORDS, each, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(WORDS, JSON, max_size=4))
def test_the_order_of_keys_does_not_count(value: dict[str, object]) -> None:
    assert hash_of(value) == hash_of(dict(reversed(value.items())))
