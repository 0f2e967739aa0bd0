"""Draws a balanced selection from a pool of labelled rows, and splits one so that every part has its share of labels.

Pure: label sets in, places out. The same seed draws the same.
"""

import random
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Labels: TypeAlias = Sequence[str]
_Table: TypeAlias = NDArray[np.bool_]


def draw_balanced(rows: Sequence[Labels], size: int, seed: int) -> tuple[int, ...]:
    """Return the places of `size` rows among which the labels are as even as greedy choice makes them.

    Again and again the label that was drawn least so far and still has rows is served, of equals the rarest in the
    pool; it gets the row whose labels were drawn least. Labels too rare for an even share are thus drawn first and
    whole, and the frequent ones fill up what is left.

    Args:
        rows: the labels of each row; a row without labels is never drawn.
        size: how many rows, at most as many as have labels.
        seed: decides between rows that serve equally well.
    """
    table = _table(rows)
    supply = table.sum(axis=0)
    rank = np.argsort(np.argsort(supply, kind="stable"), kind="stable")
    luck = np.array([random.Random(f"{seed}:{place}").random() for place in range(len(rows))])
    is_left: NDArray[np.bool_] = np.array(table.any(axis=1))
    drawn = np.zeros(table.shape[1], dtype=np.int64)
    burden = luck.copy()  # for each row, how often its labels were drawn, and then luck
    chosen: list[int] = []
    while len(chosen) < size:
        open_labels = np.flatnonzero(supply > 0)
        label = min(open_labels, key=lambda each: (drawn[each], rank[each]))
        candidates = np.flatnonzero(table[:, label] & is_left)
        place = int(candidates[np.argmin(burden[candidates])])
        chosen.append(place)
        is_left[place] = False
        for served in np.flatnonzero(table[place]):
            drawn[served] += 1
            supply[served] -= 1
            burden += table[:, served]
    return tuple(sorted(chosen))


def split_evenly(rows: Sequence[Labels], sizes: Sequence[int], seed: int) -> tuple[tuple[int, ...], ...]:
    """Return for each of `sizes` the places of so many rows, no place twice, each label spread in their proportion.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", 2011):
    the rarest label that is left is dealt out first, each of its rows to the part that lacks most of it; of equals to
    the one that lacks most of the row's labels together, then to the one with most room. What a part lacks is
    counted in proportion to its size, else a large part takes all of the first rows. A full part gets no more, so that
    the sizes come out exactly.

    Args:
        rows: the labels of each row.
        sizes: rows in each part; their sum is at most the number of rows.
        seed: decides between equals, and which rows stay out.
    """
    table = _table(rows)
    order = random.Random(f"{seed}:split").sample(range(len(rows)), len(rows))
    shares = np.array(sizes, dtype=np.float64) / max(len(rows), 1)
    wanted = np.outer(shares, table.sum(axis=0))
    room = list(sizes)
    parts: list[list[int]] = [[] for _ in sizes]
    is_left = np.ones(len(rows), dtype=np.bool_)

    def deal(place: int, label: int | None) -> None:
        able = [part for part in range(len(parts)) if room[part] > 0]
        if not able:
            return
        lack = wanted[:, table[place]].sum(axis=1) / sizes
        first = (wanted[:, label] if label is not None else wanted.sum(axis=1)) / sizes
        part = max(able, key=lambda each: (first[each], lack[each], room[each] / sizes[each]))
        parts[part].append(place)
        room[part] -= 1
        wanted[part] -= table[place]

    while (counts := table[is_left].sum(axis=0)).any():
        label = int(np.argmin(np.where(counts > 0, counts, np.iinfo(np.int64).max)))
        for place in order:
            if is_left[place] and table[place, label]:
                is_left[place] = False
                deal(place, label)
    for place in order:
        if is_left[place]:
            deal(place, None)
    return tuple(tuple(sorted(part)) for part in parts)


def draw_plainly(count: int, size: int, seed: int) -> tuple[int, ...]:
    """Return `size` places out of `count`, each equally likely: what keeps the pool's own distribution."""
    return tuple(sorted(random.Random(f"{seed}:plain").sample(range(count), size)))


def _table(rows: Sequence[Labels]) -> _Table:
    """Rows down, labels across in the order of their names."""
    names = {label: column for column, label in enumerate(sorted({label for labels in rows for label in labels}))}
    table = np.zeros((len(rows), len(names)), dtype=np.bool_)
    for place, labels in enumerate(rows):
        table[place, [names[label] for label in labels]] = True
    return table
