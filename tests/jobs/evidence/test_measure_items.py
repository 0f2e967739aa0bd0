"""Which items tuning fixed and broke: beyond luck, the largest first."""

from jobs.core.errors import NotFound
from jobs.evals.answer_store import Item
from jobs.evidence.measure import MOST_LETTERS, changed_items, shown_texts
from tests.jobs.evidence.on_file import OnFile

TEXTS = {"a": "act a"}


def test_the_largest_changes_come_first_and_luck_is_left_out() -> None:
    before = {item: {1: 0.5, 2: 0.5, 3: 0.5} for item in "abcdef"}
    after = {item: dict.fromkeys((1, 2, 3), 0.5 + change) for item, change in zip("abcdef", CHANGES, strict=True)}
    fixed, broken = changed_items(before, after, TEXTS)
    assert [(each.item, round(each.after - each.before, 2)) for each in fixed] == [("b", 0.45), ("a", 0.2)]
    assert [(each.item, round(each.after - each.before, 2)) for each in broken] == [("d", -0.5), ("c", -0.3)]
    assert fixed[1].text == "act a"
    assert fixed[0].text == ""


CHANGES = (0.2, 0.45, -0.3, -0.5, 0.05, 0.0)


def test_noisy_answers_take_a_larger_change() -> None:
    noisy = {item: {1: 0.1, 2: 0.5, 3: 0.9} for item in "abc"}
    after = {item: {1: 0.4, 2: 0.7, 3: 1.0} for item in "abc"}
    assert changed_items(noisy, after, {}) == ((), ())
    assert len(changed_items(noisy, {item: {1: 1.0, 2: 1.0, 3: 1.0} for item in "abc"}, {})[0]) == 3


def test_at_single_runs_only_large_changes_count() -> None:
    fixed, broken = changed_items({"a": {1: 0.0}, "b": {1: 0.5}}, {"a": {1: 0.5}, "b": {1: 0.1}}, {})
    assert [each.item for each in fixed] == ["a"]
    assert broken == ()


def test_at_most_five_each() -> None:
    before = {f"i{number}": {1: 0.0, 2: 0.0} for number in range(9)}
    after = {f"i{number}": {1: 0.2 + number / 20, 2: 0.2 + number / 20} for number in range(9)}
    fixed, _ = changed_items(before, after, {})
    assert [each.item for each in fixed] == ["i8", "i7", "i6", "i5", "i4"]


def test_texts_are_cut_to_a_line_and_absent_where_the_items_are() -> None:
    (shown,) = shown_texts(OnFile({}, {"a": "two\n lines " + "x" * 300}), "eval").values()
    assert shown.startswith("two lines x")
    assert len(shown) == MOST_LETTERS
    assert shown.endswith("…")
    assert shown_texts(Nowhere({}), "eval") == {}


class Nowhere(OnFile):
    def items(self, _eval_id: str, /) -> list[Item]:
        raise NotFound("elsewhere")
