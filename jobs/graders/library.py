"""Ready graders for classification, as definitions to keep in a task's `graders/` folder or to give to `parse_grader`.

They compare sets of labels: repeated labels count once, blank ones not at all. Where `labels` names nothing in the
answer, or the answer is not JSON, no labels were chosen. A figure of a whole run, such as macro F1, is no grader:
`jobs.evals.tally.LabelTally` computes it from the run's answers.
"""

import json
import math

from jobs.core.errors import InvalidRequest

IMAGE = "2025-05-08"
"""The fine-tuning API's image; the graders need nothing of it but Python."""

_LABELS = '''
LABELS = {labels}
REFERENCE = {reference}
CODES = ("code", "id", "label", "name")


def found(value, path):
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def labels(value):
    """The set of labels in a list of texts, numbers, or objects with a code; a text is one label."""
    chosen = set()
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(one, dict):
            one = next((one[key] for key in CODES if key in one), None)
        if isinstance(one, (str, int)) and not isinstance(one, bool) and str(one).strip():
            chosen.add(str(one).strip())
    return chosen


def grade(sample, item):
    answer = sample.get("output_json") if isinstance(sample, dict) else None
    chosen = labels(found(answer, LABELS))
    expected = labels(found(item, REFERENCE))
    return {score}
'''
_PRECISION = "len(chosen & expected) / len(chosen) if chosen else 0.0"
_RECALL = "len(chosen & expected) / len(expected) if expected else 0.0"
_EXACT = "1.0 if chosen == expected else 0.0"

Definition = dict[str, object]


def precision(labels: str, reference: str = "reference_answer", name: str = "precision") -> Definition:
    """The share of the chosen labels that are right; 0 where none was chosen.

    Args:
        labels: where the answer's JSON has its labels, such as `domains` or `result.labels`; "" for a bare list.
        reference: where the item has the right ones.
        name: the grader's name.
    """
    return _python(name, labels, reference, _PRECISION)


def recall(labels: str, reference: str = "reference_answer", name: str = "recall") -> Definition:
    """The share of the right labels that were chosen; 0 where none is right. Arguments as for `precision`."""
    return _python(name, labels, reference, _RECALL)


def exact_match(labels: str, reference: str = "reference_answer", name: str = "exact_match") -> Definition:
    """1 where the chosen labels are the right ones, no more and no fewer, else 0. Arguments as for `precision`."""
    return _python(name, labels, reference, _EXACT)


def f1(labels: str, reference: str = "reference_answer", name: str = "f1") -> Definition:
    """The harmonic mean of precision and recall, which are reported beside it. Arguments as for `precision`."""
    return _multi(name, labels, reference, "2 * precision * recall / max(precision + recall, 1e-9)")


def f_beta(labels: str, beta: float, reference: str = "reference_answer", name: str | None = None) -> Definition:
    """F-beta: recall counts `beta` times as much as precision (van Rijsbergen 1979).

    Args:
        labels: as for `precision`.
        beta: above 1 to miss less, below 1 to claim less.
        reference: as for `precision`.
        name: the grader's name; by default `f<beta>`.

    Raises:
        InvalidRequest: beta is not a number above 0.
    """
    if not math.isfinite(beta) or beta <= 0 or not math.isfinite(beta * beta):
        msg = f"beta must be a number above 0, not {beta:g}; 2 counts recall twice as much as precision"
        raise InvalidRequest(msg)
    square = repr(float(beta) ** 2)
    formula = f"(1 + {square}) * precision * recall / max({square} * precision + recall, 1e-9)"
    return _multi(name or f"f{beta:g}", labels, reference, formula)


def _multi(name: str, labels: str, reference: str, formula: str) -> Definition:
    graders = {"precision": precision(labels, reference), "recall": recall(labels, reference)}
    return {"type": "multi", "name": name, "graders": graders, "calculate_output": formula}


def _python(name: str, labels: str, reference: str, score: str) -> Definition:
    source = _LABELS.replace("{labels}", _path(labels)).replace("{reference}", _path(reference))
    source = source.replace("{score}", score).lstrip()
    return {"type": "python", "name": name, "source": source, "image_tag": IMAGE}


def _path(dotted: str) -> str:
    return json.dumps(dotted.split(".") if dotted else [])
