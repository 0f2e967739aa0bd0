"""Rows where nothing can be appended: over a small file system of our own, and over fsspec's where it is installed."""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from jobs.core.errors import ConfigurationError, NotFound
from jobs.evals.answer_store import MOST_FILES, AnswerStore, Item, RemoteAnswerStore, remote_answer_store
from jobs.evals.records import Answer


class SmallFileSystem:
    """Whole files by path; the process ends after `dies_after` writes and removals, where that is not negative."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.dies_after = -1

    def cat_file(self, path: str) -> bytes:
        return self.files[path]

    def pipe_file(self, path: str, value: bytes) -> None:
        self._step()
        self.files[path] = value

    def rm_file(self, path: str) -> None:
        self._step()
        del self.files[path]

    def exists(self, path: str) -> bool:
        return path in self.files

    def find(self, path: str) -> list[str]:
        found = [each for each in self.files if each.startswith(f"{path}/")]
        if not found:
            raise FileNotFoundError(path)
        return found

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """There are no folders."""

    def invalidate_cache(self) -> None:
        """Nothing is cached."""

    def _step(self) -> None:
        if self.dies_after == 0:
            raise KeyboardInterrupt
        self.dies_after -= 1


def an_answer(number: int) -> Answer:
    return Answer(f"i{number}", "small", 1, text=f"{number} \r\n 判决", scores={"exact": 1.0})


def check_a_store(rows: AnswerStore) -> None:
    """Put answers and items on file and read them back, over several writers."""
    for start in range(0, 3 * MOST_FILES, MOST_FILES // 2):
        file = rows.open("eval-a")
        for number in range(start, start + MOST_FILES // 2):
            file.append([an_answer(number)])
        file.close()
    assert list(rows.answers("eval-a")) == [an_answer(number) for number in range(3 * MOST_FILES)]
    assert list(rows.answers("eval-b")) == []
    with pytest.raises(NotFound):
        rows.items("eval-a")
    items = [Item("a", "text", ["x"]), Item("b", "text")]
    rows.keep_items("eval-a", iter(items))
    rows.keep_items("eval-a", [Item("c", "later")])
    assert list(rows.items("eval-a")) == items


def test_parts_are_written_merged_and_read_in_order() -> None:
    files = SmallFileSystem()
    check_a_store(RemoteAnswerStore(files, "bucket/evals/"))
    assert len(files.files) < MOST_FILES


def test_ended_in_the_middle_of_merging_nothing_is_lost_or_doubled() -> None:
    for steps in range(MOST_FILES + 2):
        files = SmallFileSystem()
        rows = RemoteAnswerStore(files, "base")
        file = rows.open("eval-a")
        for number in range(MOST_FILES):
            file.append([an_answer(number)])
        files.dies_after = steps
        with suppress(KeyboardInterrupt):
            file.close()
        files.dies_after = -1
        rows.open("eval-a").append([an_answer(MOST_FILES)])
        answers = list(rows.answers("eval-a"))
        assert sorted(answer.item for answer in answers) == sorted(f"i{number}" for number in range(MOST_FILES + 1))


def test_an_address_that_cannot_be_used_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigurationError, match="EVALS_URL: this address cannot be used"):
        remote_answer_store("nosuch://bucket/evals")


@pytest.mark.skipif(find_spec("fsspec") is None, reason="needs fsspec, which only an address of its kind needs")
def test_over_the_real_fsspec(tmp_path: Path) -> None:
    check_a_store(remote_answer_store(f"local://{tmp_path}/evals"))
    check_a_store(remote_answer_store("memory://bucket/evals"))
