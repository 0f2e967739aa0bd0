import asyncio
import json
import os
from pathlib import Path

import pytest

from jobs.core.errors import Conflict, InvalidRequest, NotFound
from jobs.tasks import TaskCatalogue
from jobs.tasks.datasets.balancing import BalanceRequest, balance, read_ratio
from jobs.tasks.datasets.duplicates import normalised, text_of
from jobs.tasks.files import digest
from jobs.tasks.labels import imbalance, label_counts
from jobs.tasks.records import NATURAL
from tests.jobs.tasks.datasets.labelled_task import NAMES, copy_of_eurovoc, split, text, write_labelled
from tests.task_from_pool import NO_POOL, pool_path, write_task

SKEWED = [[NAMES[0]]] * 30 + [[NAMES[0], NAMES[n]] for n in range(1, 8) for _ in range(n)]


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): digest(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_the_bundled_task_is_balanced_beside_itself(tmp_path: Path) -> None:
    folder = copy_of_eurovoc(tmp_path)
    before = digests(folder)
    catalogue = TaskCatalogue(tmp_path)

    made = balance(catalogue, BalanceRequest("eurovoc", size=150))

    assert digests(folder) == before
    assert catalogue.names() == ("eurovoc", "eurovoc-balanced-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eurovoc", "eurovoc-balanced-1"]
    task = catalogue.load(made.task)
    rows = {each: catalogue.rows(task, each) for each in task.splits}
    assert {each: len(found) for each, found in rows.items()} == {
        "train": 100,
        "valid": 50,
        "test": 60,
        NATURAL: 48,
    }
    assert made.rows == {"train": 100, "valid": 50, NATURAL: 48}
    texts = [normalised(text_of(row)) for found in rows.values() for row in found]
    assert len(set(texts)) == len(texts)
    source = catalogue.load("eurovoc")
    assert (task.response_format, task.prompts) == (source.response_format, source.prompts)
    counted = label_counts([*rows["train"], *rows["valid"]])
    assert counted == dict(sorted(made.after.items(), key=lambda pair: (-pair[1], pair[0])))
    assert (imbalance(made.after) or 0) <= (imbalance(made.before) or 0)
    assert "size=150 split=2:1 seed=0" in (task.folder / "README.md").read_text()
    assert made.sentence.startswith("eurovoc-balanced-1 has 100 training and 50 validation rows out of 240;")


def test_the_same_request_finds_its_version_again(tmp_path: Path) -> None:
    copy_of_eurovoc(tmp_path)
    catalogue = TaskCatalogue(tmp_path)
    one, two, other = (balance(catalogue, BalanceRequest("eurovoc", size=90, seed=seed)) for seed in (3, 3, 4))
    assert (one.task, two.task, other.task) == ("eurovoc-balanced-1", "eurovoc-balanced-1", "eurovoc-balanced-2")
    assert (one.is_new, two.is_new, other.is_new) == (True, False, True)
    assert (one.title, two.title) == ("New task eurovoc-balanced-1", "eurovoc-balanced-1 is there already")
    assert (two.rows, two.sentence) == (one.rows, one.sentence)
    assert catalogue.load(one.task).version != catalogue.load(other.task).version
    assert len(list(tmp_path.iterdir())) == 3


def test_a_version_that_was_changed_since_is_not_the_same(tmp_path: Path) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]])
    catalogue, request = TaskCatalogue(tmp_path), BalanceRequest("goods", size=30)
    edited = catalogue.load(balance(catalogue, request).task).folder / "prompts" / "v1.md"
    edited.write_text(edited.read_text() + "Think twice.")

    again = balance(catalogue, request)

    assert (again.task, again.is_new) == ("goods-balanced-2", True)
    assert balance(catalogue, request).task == "goods-balanced-2"


def test_a_version_of_a_version_keeps_the_natural_split_and_the_first_name(tmp_path: Path) -> None:
    copy_of_eurovoc(tmp_path)
    catalogue = TaskCatalogue(tmp_path)
    first = catalogue.load(balance(catalogue, BalanceRequest("eurovoc")).task)

    again = balance(catalogue, BalanceRequest(first.name, size=60))

    assert again.task == "eurovoc-balanced-2"
    assert again.rows == {"train": 40, "valid": 20}
    second = catalogue.load(again.task)
    assert second.digests[f"{NATURAL}.jsonl"] == first.digests[f"{NATURAL}.jsonl"]


@pytest.mark.parametrize("size", [60, 150])
def test_the_real_acts_become_far_more_even(tmp_path: Path, size: int) -> None:
    pool = pool_path()
    if pool is None:
        pytest.skip(NO_POOL)
    write_task(tmp_path / "acts", pool, 500)
    catalogue = TaskCatalogue(tmp_path)

    made = balance(catalogue, BalanceRequest("acts", size=size))

    before, after = imbalance(made.before), imbalance(made.after)
    assert before is not None
    assert after is not None
    assert after < before / 2
    assert all(made.train.values())
    assert made.repeats > 0


def test_a_pool_split_is_drawn_from_and_not_copied(tmp_path: Path) -> None:
    test = split([[NAMES[7]]] * 4, 500)
    repeated = split([[NAMES[1]]] * 4, 500) + split(SKEWED, 100)
    write_labelled(tmp_path, [["fish"]], [["fish"]], {"pool.jsonl": repeated, "test.jsonl": test})
    catalogue = TaskCatalogue(tmp_path)

    made = balance(catalogue, BalanceRequest("goods", size=30))

    assert made.repeats == 4
    assert made.pool_rows == len(SKEWED)
    assert set(catalogue.load(made.task).splits) == {"train", "valid", "test", NATURAL}
    assert "4 that repeat another text" in made.sentence


def test_ids_that_two_splits_share_are_told_apart(tmp_path: Path) -> None:
    same_ids = split(SKEWED, 100).replace('"id": "r1', '"id": "r')
    write_labelled(tmp_path, SKEWED, [["fish"]], {"valid.jsonl": same_ids})
    catalogue = TaskCatalogue(tmp_path)
    made = catalogue.load(balance(catalogue, BalanceRequest("goods", size=60)).task)
    assert len(catalogue.rows(made, "train")) == 40


def test_a_label_map_names_the_labels_in_every_split_and_in_the_format(tmp_path: Path) -> None:
    test = split([["wine", "wool"]], 500)
    write_labelled(tmp_path, SKEWED, [["fish"]], {"test.jsonl": test})
    catalogue = TaskCatalogue(tmp_path)
    names = {name: f"{name} and its trade" for name in NAMES}

    made = balance(catalogue, BalanceRequest("goods", size=30, names=names))

    task = catalogue.load(made.task)
    assert catalogue.rows(task, "test")[0].item["reference_answer"] == ["wine and its trade", "wool and its trade"]
    assert '"fish and its trade"' in json.dumps(task.response_format)
    assert '"fish"' not in json.dumps(task.response_format)
    assert set(made.before) == set(names.values())
    with pytest.raises(InvalidRequest, match="no name for 'wool'; add one for every label"):
        balance(catalogue, BalanceRequest("goods", size=30, names={n: f"{n} x" for n in NAMES if n != "wool"}))


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (BalanceRequest("goods", size=900), "ask for at most 48"),
        (BalanceRequest("goods", size=1), "gives the train split 0 rows; it takes 1 to 50,000"),
        (BalanceRequest("goods", size=4000), "gives the valid split 1333 rows; it takes 1 to 1,000"),
        (BalanceRequest("goods", pool="trian"), "has no split 'trian' to draw from; did you mean 'train'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(tmp_path: Path, request_: BalanceRequest, says: str) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]])
    with pytest.raises(InvalidRequest, match=says):
        balance(TaskCatalogue(tmp_path), request_)
    assert [path.name for path in tmp_path.iterdir()] == ["goods"]


def test_free_texts_and_missing_splits_are_refused(tmp_path: Path) -> None:
    prose = "".join(json.dumps({"text_input": f"q{n}", "reference_answer": f"answer {n}"}) + "\n" for n in range(20))
    write_labelled(tmp_path, [["a"]], [["a"]], {"train.jsonl": prose, "valid.jsonl": None})
    write_labelled(tmp_path, [["a"]], [["a"]], {"train.jsonl": None, "valid.jsonl": None, "test.jsonl": prose}, "bare")
    with pytest.raises(InvalidRequest, match="are no labels, so there is nothing to balance"):
        balance(TaskCatalogue(tmp_path), BalanceRequest("goods", size=9))
    with pytest.raises(InvalidRequest, match=r"neither pool\.jsonl nor train\.jsonl"):
        balance(TaskCatalogue(tmp_path), BalanceRequest("bare"))
    with pytest.raises(NotFound):
        balance(TaskCatalogue(tmp_path), BalanceRequest("good"))


def test_too_long_a_name_is_refused(tmp_path: Path) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]], name="g" * 60)
    with pytest.raises(InvalidRequest, match="at most 64 are allowed"):
        balance(TaskCatalogue(tmp_path), BalanceRequest("g" * 60, size=30))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]])
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(InvalidRequest, match="cannot be written to"):
            balance(TaskCatalogue(tmp_path), BalanceRequest("goods", size=30))
    finally:
        tmp_path.chmod(0o755)


class EditedMeanwhile(TaskCatalogue):
    """A catalogue whose files change after a task was read."""

    def rows(self, task, split):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  # same as the base
        found = super().rows(task, split)
        (task.folder / "prompts" / "v1.md").write_text("Another prompt.")
        return found


def test_an_edit_meanwhile_is_a_conflict_and_leaves_nothing(tmp_path: Path) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]])
    with pytest.raises(Conflict, match=r"goods/prompts/v1\.md has changed"):
        balance(EditedMeanwhile(tmp_path), BalanceRequest("goods", size=30))
    assert [path.name for path in tmp_path.iterdir()] == ["goods"]


async def test_versions_written_at_once_get_names_of_their_own(tmp_path: Path) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]])
    catalogue = TaskCatalogue(tmp_path)
    made = await asyncio.gather(
        *(asyncio.to_thread(balance, catalogue, BalanceRequest("goods", size=30, seed=seed)) for seed in range(4))
    )
    assert {each.task for each in made} == {f"goods-balanced-{n}" for n in (1, 2, 3, 4)}
    assert len({catalogue.load(each.task).version for each in made}) == 4


async def test_one_request_made_several_times_at_once_makes_one_version(tmp_path: Path) -> None:
    write_labelled(tmp_path, SKEWED, [["fish"]])
    catalogue = TaskCatalogue(tmp_path)
    made = await asyncio.gather(
        *(asyncio.to_thread(balance, catalogue, BalanceRequest("goods", size=30)) for _ in range(4))
    )
    assert {each.task for each in made} == {"goods-balanced-1"}
    assert [each.is_new for each in made].count(True) == 1
    assert catalogue.names() == ("goods", "goods-balanced-1")


def test_a_named_pool_and_labels_as_objects_are_balanced_too(tmp_path: Path) -> None:
    rows = [
        {"text_input": text(n), "reference_answer": [{"code": NAMES[n % 3]}, {"code": NAMES[n % 4]}]} for n in range(40)
    ]
    write_labelled(tmp_path, [["fish"]], [["fish"]], {"more.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
    catalogue = TaskCatalogue(tmp_path)
    made = balance(catalogue, BalanceRequest("goods", size=24, pool="more"))
    assert set(made.before) == set(NAMES[:4])
    assert set(catalogue.load(made.task).splits) == {"train", "valid", NATURAL}


def test_ratios_are_read() -> None:
    assert read_ratio(" 2:1 ") == (2, 1)
    for wrong in ("2", "0:1", "2:0", "two:one", "-2:1", ""):
        with pytest.raises(InvalidRequest, match="write training to validation rows, such as split=2:1"):
            read_ratio(wrong)
