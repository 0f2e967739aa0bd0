"""Scores by slice: the items that share a value of one of their fields, such as a language or a source.

A slice that got worse is found by the paired tests of whole evals; p is adjusted over every slice and every model.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from jobs.evals.records import Slice, SliceFall
from jobs.evals.stats.paired_tests import difference, holm
from jobs.evals.stats.variance_components import ItemScores, item_means
from jobs.evals.verdict import Verdict, by_test

LEAST_ITEMS: Final = 8
"""Fewer items are no slice: the sign-flip test needs six to find anything."""
MOST_VALUES: Final = 8
MOST_FIELDS: Final = 3
LEAST_COVERED: Final = 0.8
"""Of its own accord a field is taken where so many of the items lie in one of its slices."""

Groups = Mapping[tuple[str, str], frozenset[str]]
"""Field and value to the ids of the items."""


def groups_of(items: Mapping[str, Mapping[str, str]], fields: Sequence[str] = ()) -> Groups:
    """Return the slices of items, each with its fields, by those named, or by those that divide most items into a few.

    A value that fewer than `LEAST_ITEMS` items have is no slice. More than `MOST_VALUES` values of a field are names,
    not slices; then only the most frequent count, and only where the field was asked for.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for item, of_item in items.items():
        for name, value in of_item.items():
            if not fields or name in fields:
                found.setdefault((name, value), []).append(item)
    values = Counter(name for name, _ in found)
    large = {key: ids for key, ids in found.items() if len(ids) >= LEAST_ITEMS}
    groups: dict[tuple[str, str], frozenset[str]] = {}
    for name in fields or _dividing(large, values, len(items)):
        own = sorted(((key, ids) for key, ids in large.items() if key[0] == name), key=lambda each: -len(each[1]))
        groups |= {key: frozenset(ids) for key, ids in own[:MOST_VALUES]}
    return groups


def _dividing(large: Mapping[tuple[str, str], Sequence[str]], values: Mapping[str, int], items: int) -> list[str]:
    covered: Counter[str] = Counter()
    for (name, _), ids in large.items():
        covered[name] += len(ids)
    slices = Counter(name for name, _ in large)
    fit = [name for name, count in covered.items() if slices[name] > 1 and count >= LEAST_COVERED * items]
    return sorted((name for name in fit if values[name] <= MOST_VALUES), key=lambda name: values[name])[:MOST_FIELDS]


def slice_scores(groups: Groups, scores: Mapping[str, ItemScores]) -> tuple[Slice, ...]:
    """Return each slice with the mean reward of each arm; an arm that scored none of its items is left out."""
    means = {arm: item_means(of_arm) for arm, of_arm in scores.items()}
    return tuple(
        Slice(
            field,
            value,
            len(ids),
            {arm: fmean(own) for arm, each in means.items() if (own := [each[item] for item in ids & each.keys()])},
        )
        for (field, value), ids in groups.items()
    )


def slice_falls(
    groups: Groups, pairs: Mapping[tuple[str, str], tuple[ItemScores, ItemScores]]
) -> tuple[SliceFall, ...]:
    """Return the slices that got worse, the largest fall first.

    Args:
        groups: the slices.
        pairs: names of two models to the scores of the first and of the second.
    """
    tried: list[SliceFall] = []
    for (before, after), both in pairs.items():
        old, new = map(item_means, both)
        for (field, value), ids in groups.items():
            common = sorted(ids & old.keys() & new.keys())
            if len(common) < LEAST_ITEMS:
                continue
            found = difference([round(new[item] - old[item], 12) for item in common])
            low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
            tried.append(SliceFall(before, after, field, value, len(common), found.mean, low, high, found.p))
    adjusted = zip(tried, holm([each.p for each in tried]), strict=True)
    worse = [each for each, p in adjusted if by_test(each.change, p) is Verdict.WORSE]
    return tuple(sorted(worse, key=lambda each: each.change))
