import math
from pathlib import Path

import pytest

from jobs.core.errors import NotFound
from jobs.evals.answer_store import AlreadyOpen, Item, LocalAnswerStore
from jobs.evals.records import Answer

WORDS = "حكم 判决 🐟 \u2028 \x00 \u202eabc"


def an_answer(number: int, run: int = 1) -> Answer:
    return Answer(f"i{number}", "small", run, text=f"{number} {WORDS}", scores={"exact": number / 7}, latency=0.1)


def failed(number: int) -> Answer:
    return Answer(f"i{number}", "small", 1, failure="time-out", at=12.5)


@pytest.fixture
def rows(tmp_path: Path) -> LocalAnswerStore:
    return LocalAnswerStore(tmp_path / "evals")


def answers_file(tmp_path: Path) -> Path:
    return tmp_path / "evals" / "eval-a" / "answers.jsonl"


def write(rows: LocalAnswerStore, *answers: Answer) -> None:
    file = rows.open("eval-a")
    file.append(answers)
    file.close()


def test_what_was_appended_is_read_back_whole_and_in_order(rows: LocalAnswerStore) -> None:
    write(rows, an_answer(1), failed(2))
    write(rows, an_answer(3))
    assert list(rows.answers("eval-a")) == [an_answer(1), failed(2), an_answer(3)]
    assert list(rows.answers("eval-b")) == []


def test_an_answer_is_on_file_before_append_returns(rows: LocalAnswerStore) -> None:
    file = rows.open("eval-a")
    file.append([an_answer(1)])
    assert list(rows.answers("eval-a")) == [an_answer(1)]
    file.close()


@pytest.mark.parametrize("torn", [b'{"item": "i9"', b"\xff\xfe", b"x" * 3_000_000])
def test_a_torn_last_line_is_left_out_and_mended(rows: LocalAnswerStore, tmp_path: Path, torn: bytes) -> None:
    write(rows, an_answer(1))
    with answers_file(tmp_path).open("ab") as file:
        file.write(torn)
    assert list(rows.answers("eval-a")) == [an_answer(1)]
    write(rows, an_answer(2))
    assert list(rows.answers("eval-a")) == [an_answer(1), an_answer(2)]


def test_a_file_of_nothing_but_a_torn_line_is_mended(rows: LocalAnswerStore, tmp_path: Path) -> None:
    write(rows)
    answers_file(tmp_path).write_bytes(b'{"item": ')
    write(rows, an_answer(2))
    assert list(rows.answers("eval-a")) == [an_answer(2)]


def test_a_line_that_is_no_answer_is_left_out(rows: LocalAnswerStore, tmp_path: Path) -> None:
    write(rows, an_answer(1))
    with answers_file(tmp_path).open("ab") as file:
        file.write(b'{"item": "i9", "ar{"item": "i1"}\n')
    write(rows, an_answer(2))
    assert list(rows.answers("eval-a")) == [an_answer(1), an_answer(2)]


def test_of_two_answers_to_one_question_the_first_counts(rows: LocalAnswerStore) -> None:
    write(rows, an_answer(1), failed(1), an_answer(1, run=2))
    assert list(rows.answers("eval-a")) == [an_answer(1), an_answer(1, run=2)]


def test_only_one_at_a_time_may_add(rows: LocalAnswerStore) -> None:
    file = rows.open("eval-a")
    with pytest.raises(AlreadyOpen):
        rows.open("eval-a")
    rows.open("eval-b").close()
    file.close()
    rows.open("eval-a").close()


def test_items_are_kept_once(rows: LocalAnswerStore) -> None:
    first = [Item("i1", WORDS, ["a", "b"]), Item("i2", "x" * 1_000_000, {"label": 1.5})]
    rows.keep_items("eval-a", iter(first))
    rows.keep_items("eval-a", [Item("i3", "later")])
    assert list(rows.items("eval-a")) == first
    with pytest.raises(NotFound, match="eval-b"):
        rows.items("eval-b")


def test_nobody_else_on_the_machine_reads_them(rows: LocalAnswerStore, tmp_path: Path) -> None:
    write(rows, an_answer(1))
    assert (tmp_path / "evals" / "eval-a").stat().st_mode & 0o077 == 0


def test_a_score_keeps_every_digit(rows: LocalAnswerStore) -> None:
    write(rows, Answer("i", "small", 1, text="", scores={"a": 1 / 3, "b": math.pi * 1e-12}))
    (back,) = rows.answers("eval-a")
    assert back.scores == {"a": 1 / 3, "b": math.pi * 1e-12}
