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


def check(operation: str = "eq", name: str = "same", reference: str = "{{ item.reference }}") -> dict[str, object]:
    text = "{{ sample.output_text }}"
    return {"type": "string_check", "name": name, "input": text, "reference": reference, "operation": operation}


def similarity(metric: str, name: str = "alike", **more: object) -> dict[str, object]:
    texts = {"input": "{{ sample.output_text }}", "reference": "{{ item.reference }}"}
    return {"type": "text_similarity", "name": name, "evaluation_metric": metric, **texts, **more}


def judge(name: str = "judge", **more: object) -> dict[str, object]:
    asked = {"role": "user", "content": "Is {{ sample.output_text }} like {{ item.reference }}?"}
    return {"type": "score_model", "name": name, "model": "judge-1", "input": [asked], **more}


def labeller(name: str = "tone", **more: object) -> dict[str, object]:
    labels = {"labels": ["Polite", "Rude"], "passing_labels": ["Polite"]}
    return judge(name) | {"type": "label_model"} | labels | more
