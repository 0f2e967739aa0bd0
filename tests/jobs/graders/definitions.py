"""Grader definitions that several tests use."""

from collections.abc import Mapping

PRECISION = """
def grade(sample, item):
    answer = sample["output_json"]
    got = set(answer["labels"]) if isinstance(answer, dict) else set()
    want = set(item["reference_answer"])
    return len(got & want) / len(got) if got else 0.0
"""
RECALL = PRECISION.replace("/ len(got) if got", "/ len(want) if want")
F1 = "2 * precision * recall / max(precision + recall, 1e-9)"


def python(source: str, name: str = "p") -> dict[str, object]:
    return {"type": "python", "name": name, "source": source}


def multi(formula: str = F1, **sources: str) -> dict[str, object]:
    graders: Mapping[str, str] = sources or {"precision": PRECISION, "recall": RECALL}
    children = {key: python(source, key) for key, source in graders.items()}
    return {"type": "multi", "name": "f1", "graders": children, "calculate_output": formula}
