"""Sets of labels in references and answers, and precision, recall and F1 over them.

A set of labels is a JSON list of texts or codes (`["law", "finance"]`, `[3221]`), or of objects with a code
(`[{"code": "3221", "why": "..."}]`), alone or as a field of an object (`{"domains": [...]}`).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

from jobs.evals.records import LabelScores

CODE_KEYS: Final = ("code", "id", "label", "name")
"""What names a label that is written as an object; the first that is there counts."""
_DEEPEST = 3
_MOST_FIELDS = 32
"""A model may invent fields; no more of them than this are followed."""

Labels = frozenset[str]


def label_lists(value: object) -> Mapping[str, Labels]:
    """Return every set of labels in decoded JSON by the path of its field (`""` for a bare list), in order."""
    return dict(_label_lists(value, ""))


def reference_labels(reference: object) -> Labels | None:
    """Return the labels of a reference answer, or None where it is not one set of labels.

    A reference may be the list, an object with one such list, or either as JSON text. Blank labels do not count.
    """
    if isinstance(reference, str):
        reference = _decoded(reference)
    lists = list(label_lists(reference).values())
    return lists[0] if len(lists) == 1 else None


def answer_lists(text: str) -> Mapping[str, Labels]:
    """Return every set of labels in an answer; {} where it is not JSON or has none."""
    return label_lists(_decoded(text))


@dataclass(slots=True)
class _Counts:
    """True and false positives of one field of one arm, by label."""

    hits: Counter[str] = field(default_factory=Counter)
    misfires: Counter[str] = field(default_factory=Counter)


class LabelTally:
    """Counts labels answer by answer; memory grows with arms and labels, not with answers.

    Args:
        references: item id to reference answer; unless all are sets of labels, and one has any, nothing is counted.
    """

    def __init__(self, references: Mapping[str, object]) -> None:
        found = {item: reference_labels(reference) for item, reference in references.items()}
        sets = {item: labels for item, labels in found.items() if labels is not None}
        self._expected: Mapping[str, Labels] = sets if len(sets) == len(found) and any(sets.values()) else {}
        self._support: dict[str, Counter[str]] = {}
        """Arm to label to how many of its answers should have it."""
        self._counts: dict[str, dict[str, _Counts]] = {}
        """Field to arm to counts."""

    def add(self, arm: str, item: str, text: str) -> None:
        """Count one answer. One that breaks the form is an answer without labels, as it is to the graders."""
        expected = self._expected.get(item)
        if expected is None:
            return
        self._support.setdefault(arm, Counter()).update(expected)
        for path, chosen in answer_lists(text).items():
            if path not in self._counts and len(self._counts) >= _MOST_FIELDS:
                continue
            counts = self._counts.setdefault(path, {}).setdefault(arm, _Counts())
            counts.hits.update(chosen & expected)
            counts.misfires.update(chosen - expected)

    def scores(self, arm: str) -> tuple[LabelScores, LabelScores] | None:
        """Return the arm's micro and macro scores; None where the task or its answers are not sets of labels.

        Of several lists in the answers (labels beside reasons, say) the one that agrees best with the references over
        all arms (micro F1) counts, the same for every arm.
        Micro: over all labels of all answers at once. Macro: per label, then the mean over the labels that occur in the
        references of the answered items; F1 is the mean of the labels' F1 (Opitz and Burst, arXiv 1911.03347), and a
        label that was never chosen has precision 0. Formulas: Manning et al., Introduction to Information Retrieval,
        8.3 and 13.6.
        """
        support = self._support.get(arm)
        if not self._counts or not support:
            return None
        counts = self._counts[max(self._counts, key=self._agreement)].get(arm, _Counts())
        micro = _scores(counts.hits.total(), counts.misfires.total(), support.total())
        each = [_scores(counts.hits[label], counts.misfires[label], support[label]) for label in support]
        macro = LabelScores(
            fmean(one.precision for one in each), fmean(one.recall for one in each), fmean(one.f1 for one in each)
        )
        return micro, macro

    def _agreement(self, path: str) -> float:
        arms = self._counts[path].values()
        hits, misfires = sum(one.hits.total() for one in arms), sum(one.misfires.total() for one in arms)
        return _scores(hits, misfires, sum(support.total() for support in self._support.values())).f1


def _scores(hits: int, misfires: int, support: int) -> LabelScores:
    """P = hits / chosen, R = hits / expected, F1 = 2 hits / (chosen + expected); 0 where nothing was chosen."""
    chosen = hits + misfires
    return LabelScores(
        precision=hits / chosen if chosen else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (chosen + support) if chosen + support else 0.0,
    )


def _label_lists(value: object, path: str, depth: int = 0) -> Iterator[tuple[str, Labels]]:
    if isinstance(value, list | tuple):
        labels = [_label(entry) for entry in value]
        if not labels or any(label is not None for label in labels):
            yield path, frozenset(label for label in labels if label)
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _label_lists(inner, f"{path}.{key}" if path else str(key), depth + 1)


def _label(entry: object) -> str | None:
    """Return what an entry of a list is called; None where it is no label at all."""
    if isinstance(entry, Mapping):
        entry = next((entry[key] for key in CODE_KEYS if key in entry), None)
    if isinstance(entry, int) and not isinstance(entry, bool):
        return str(entry)
    return entry.strip() if isinstance(entry, str) else None


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or nested so deeply that it was not meant to be read
        return None
