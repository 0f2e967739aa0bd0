"""Properties of balanced selections and even splits, over many pools."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from jobs.tasks.datasets.stratify import draw_balanced, draw_plainly, split_evenly
from jobs.tasks.labels import imbalance

SEEDS = range(25)
LABELS = [f"l{n}" for n in range(12)]


def skewed_pool(seed: int, rows: int = 300) -> list[tuple[str, ...]]:
    """One to four labels a row, the first many times as frequent as the last."""
    rng = random.Random(seed)
    weights = [0.6**n for n in range(len(LABELS))]
    drawn = [tuple(sorted(set(rng.choices(LABELS, weights, k=rng.randint(1, 4))))) for _ in range(rows)]
    return [*drawn, *((label,) for label in LABELS)]


def counts(pool: Sequence[tuple[str, ...]], places: Sequence[int]) -> dict[str, int]:
    found = Counter(label for place in places for label in pool[place])
    return {label: found[label] for label in {label for labels in pool for label in labels}}


def ratio(pool: Sequence[tuple[str, ...]], places: Sequence[int]) -> float:
    found = imbalance(counts(pool, places))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [30, 90, 200])
def test_a_balanced_draw_is_never_less_even_than_its_pool(seed: int, size: int) -> None:
    pool = skewed_pool(seed)
    drawn = draw_balanced(pool, size, seed)
    assert len(set(drawn)) == len(drawn) == size
    assert ratio(pool, drawn) <= ratio(pool, range(len(pool)))
    assert ratio(pool, drawn) <= ratio(pool, draw_plainly(len(pool), size, seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rarest_labels_are_drawn_whole_before_any_goes_without(seed: int) -> None:
    pool = skewed_pool(seed)
    supply, drawn = counts(pool, range(len(pool))), counts(pool, draw_balanced(pool, 90, seed))
    fewest = min(drawn.values())
    assert all(drawn[label] == supply[label] for label in supply if supply[label] <= fewest)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_have_their_sizes_and_no_row_twice(seed: int) -> None:
    pool = skewed_pool(seed, 150)
    parts = split_evenly(pool, (100, 50, 7), seed)
    assert [len(part) for part in parts] == [100, 50, 7]
    dealt = [place for part in parts for place in part]
    assert len(set(dealt)) == len(dealt)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_part_gets_its_share_of_every_label(seed: int) -> None:
    pool = skewed_pool(seed)
    size = len(pool)
    train, valid = split_evenly(pool, (size - size // 3, size // 3), seed)
    whole, in_valid = counts(pool, range(size)), counts(pool, valid)
    for label, count in whole.items():
        assert abs(in_valid[label] - count / 3) <= max(2, 0.15 * count), label
        assert count < 3 or (in_valid[label] and counts(pool, train)[label])


def test_the_seed_decides_and_nothing_else() -> None:
    pool = skewed_pool(1)
    assert draw_balanced(pool, 60, 5) == draw_balanced(list(pool), 60, 5) != draw_balanced(pool, 60, 6)
    assert split_evenly(pool, (40, 20), 5) == split_evenly(list(pool), (40, 20), 5) != split_evenly(pool, (40, 20), 6)
    assert draw_plainly(300, 60, 5) == draw_plainly(300, 60, 5) != draw_plainly(300, 60, 6)


def test_rows_without_labels_are_never_drawn_but_can_be_dealt() -> None:
    pool: list[tuple[str, ...]] = [(), ("a",), (), ("b",)]
    assert draw_balanced(pool, 2, 0) == (1, 3)
    assert sorted(place for part in split_evenly(pool, (2, 2), 0) for place in part) == [0, 1, 2, 3]
