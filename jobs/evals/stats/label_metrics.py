"""Precision, recall and F1 over the sets of labels in references and answers."""

from collections import Counter
from collections.abc import Mapping
from statistics import fmean
from typing import Final

from jobs.evals.records import LabelScores
from jobs.tasks.labels import Labels, answer_lists, answer_values, classes_of, reference_labels

MOST_FIELDS: Final = 32
"""A model may invent fields; no more of them than this are followed."""


class LabelCounts:
    """Counts labels answer by answer; memory grows with arms and labels, not with answers.

    Args:
        references: item id to reference answer. Unless all are sets of labels, and one has any, or all are single
            values of which each comes twice on average (classes), nothing is counted.
    """

    def __init__(self, references: Mapping[str, object]) -> None:
        found = {item: reference_labels(reference) for item, reference in references.items()}
        sets = {item: labels for item, labels in found.items() if labels is not None}
        self._are_sets = len(sets) == len(found) and any(sets.values())
        self._expected: Mapping[str, Labels] = sets if self._are_sets else classes_of(references)
        self._support: dict[str, Counter[str]] = {}
        """Arm to label to how many of its answers should have it."""
        self._counts: dict[str, dict[str, tuple[Counter[str], Counter[str]]]] = {}
        """Field to arm to true and false positives by label."""

    def add(self, arm: str, item: str, text: str) -> None:
        """Count one answer. One that breaks the form is an answer without labels, as it is to the graders."""
        expected = self._expected.get(item)
        if expected is None:
            return
        self._support.setdefault(arm, Counter()).update(expected)
        for path, chosen in (answer_lists(text) if self._are_sets else answer_values(text)).items():
            if path not in self._counts and len(self._counts) >= MOST_FIELDS:
                continue
            hits, misfires = self._counts.setdefault(path, {}).setdefault(arm, (Counter(), Counter()))
            hits.update(chosen & expected)
            misfires.update(chosen - expected)

    def scores(self, arm: str) -> tuple[LabelScores, LabelScores] | None:
        """Return the arm's micro and macro scores; None where the task or its answers are not sets of labels.

        Of several lists in the answers (labels and reasons, say) the one that agrees best with the references over
        all arms (micro F1) counts, the same for every arm.
        Micro: over all labels of all answers at once. Macro: per label, then the mean over the labels that occur in the
        references of the answered items; F1 is the mean of the labels' F1 (Opitz and Burst, arXiv 1911.03347), and a
        label that was never chosen has precision 0. Formulas: Manning et al., Introduction to Information Retrieval,
        8.3 and 13.6.
        """
        support = self._support.get(arm)
        if not self._counts or not support:
            return None
        best = max(self._counts, key=self._agreement)
        hits, misfires = self._counts[best].get(arm, (Counter(), Counter()))
        micro = _scores(hits.total(), misfires.total(), support.total())
        each = [_scores(hits[label], misfires[label], support[label]) for label in support]
        macro = LabelScores(
            fmean(one.precision for one in each), fmean(one.recall for one in each), fmean(one.f1 for one in each)
        )
        return micro, macro

    def _agreement(self, path: str) -> float:
        hits, misfires = (
            sum(counts.total() for counts in kind) for kind in zip(*self._counts[path].values(), strict=True)
        )
        return _scores(hits, misfires, sum(support.total() for support in self._support.values())).f1


def _scores(hits: int, misfires: int, support: int) -> LabelScores:
    """P = hits / chosen, R = hits / expected, F1 = 2 hits / (chosen + expected); 0 where nothing was chosen."""
    chosen = hits + misfires
    return LabelScores(
        precision=hits / chosen if chosen else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (chosen + support) if chosen + support else 0.0,
    )
