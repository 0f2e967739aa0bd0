"""Promptfoo's assertions as a grader: this text, with its settings filled in, is the source of a python grader.

An answer has to meet CHECKS or, where there are none, those that its row's item has under `promptfoo` by the grader's
name; the score is the mean of theirs, weighted.
"""

import json
import re
from typing import Any

NAME = "assertions"
CHECKS: list[dict[str, Any]] = []
IS_PARSED = False
"""Whether answers are JSON, which Promptfoo parses before it looks at them."""


def grade(sample: dict[str, Any], item: dict[str, Any]) -> float:
    """Return how much of its assertions an answer meets, 0 to 1."""
    checks = CHECKS or item["promptfoo"][NAME]
    if not checks:
        return 1.0  # a test that asserts nothing passes
    text: str = sample["output_text"]
    output: object = text
    if IS_PARSED and (found := parsed(text)):
        output = found[0]
        text = json.dumps(output, ensure_ascii=False, separators=(",", ":"))
    weights = [float(check.get("weight", 1)) for check in checks]
    scores = [score(check, text, output, item) for check in checks]
    return sum(weight * each for weight, each in zip(weights, scores, strict=True)) / (sum(weights) or 1.0)


def score(check: dict[str, Any], text: str, output: object, item: dict[str, Any]) -> float:
    """Return one assertion's score; `not-` before its type turns it round."""
    kind, wanted = check["type"], check.get("value")
    if kind == "python":
        return python_score(check, output, item)
    is_met = MET[kind.removeprefix("not-")](text, wanted)
    return float(is_met is not kind.startswith("not-"))


def equals(text: str, wanted: Any) -> bool:
    """Tell whether an answer is the wanted text, or the wanted list or object as JSON."""
    return parsed(text) == [wanted] if isinstance(wanted, dict | list) else text == wanted


def is_json(text: str, wanted: Any) -> bool:
    """Tell whether an answer is JSON, and as the schema wants it if there is one."""
    found = parsed(text)
    return bool(found) and fits(found[0], wanted)


def contains_json(text: str, wanted: Any) -> bool:
    """Tell whether some object in an answer is JSON, and as the schema wants it."""
    decoder = json.JSONDecoder()
    for start in (place for place, sign in enumerate(text) if sign == "{"):
        try:
            if fits(decoder.raw_decode(text, start)[0], wanted):
                return True
        except ValueError:
            continue
    return False


def fits(value: object, schema: Any) -> bool:
    """Tell whether a value is as a JSON Schema wants it; without a schema any is."""
    if not schema:
        return True
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - most assertions need no schema

    return bool(Draft202012Validator(schema).is_valid(value))


def is_near(text: str, wanted: Any) -> bool:
    """Tell whether an answer is the wanted text after a number of edits that is wanted at most."""
    wanted, most = wanted
    if abs(len(text) - len(wanted)) > most:
        return False
    row = list(range(len(wanted) + 1))
    for number, sign in enumerate(text, 1):
        before, row = row, [number]
        for place, other in enumerate(wanted):
            row.append(min(before[place] + (sign != other), before[place + 1] + 1, row[place] + 1))
    return bool(row[-1] <= most)


def parsed(text: str) -> list[Any]:
    """Return the JSON value of a text in a list, an empty one if it is not JSON."""
    try:
        return [json.loads(text)]
    except ValueError:
        return []


def python_score(check: dict[str, Any], output: object, item: dict[str, Any]) -> float:
    """Return the score that a test's own code gives; 0 where it fails, as with Promptfoo."""
    names: dict[str, Any] = {"json": json}
    try:
        exec(check["code"], names)  # noqa: S102 - a grader's source is code that its owner wrote, run in the sandbox
        result = names[check["function"]](output, {"vars": item, "test": {"vars": item}})
    except Exception:  # noqa: BLE001 - the code is somebody's own: it may raise anything
        return 0.0
    if isinstance(result, dict):
        result = result["score"]
    if isinstance(result, str):
        result = {"true": True, "false": False}.get(result.lower(), result)
    return float(result)


MET: dict[str, Any] = {
    "equals": equals,
    "contains": lambda text, wanted: wanted in text,
    "icontains": lambda text, wanted: wanted.lower() in text.lower(),
    "contains-any": lambda text, wanted: any(each in text for each in wanted),
    "contains-all": lambda text, wanted: all(each in text for each in wanted),
    "icontains-any": lambda text, wanted: any(each.lower() in text.lower() for each in wanted),
    "icontains-all": lambda text, wanted: all(each.lower() in text.lower() for each in wanted),
    "starts-with": lambda text, wanted: text.startswith(wanted),
    "regex": lambda text, wanted: re.search(wanted, text, re.ASCII) is not None,
    "is-json": is_json,
    "contains-json": contains_json,
    "levenshtein": is_near,
}
