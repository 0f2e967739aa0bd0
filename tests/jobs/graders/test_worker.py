"""The grading process's own code, run in this process: everything but locking itself in."""

import io
import json

import pytest

from jobs.graders.sandbox.errors import GraderErrorKind, GradingError
from jobs.graders.sandbox.python_scorer import PythonScorer
from jobs.graders.sandbox.sample import sample_of
from jobs.graders.sandbox.worker import Worker
from tests.jobs.graders.definitions import PRECISION

HALF = "def grade(sample, item):\n    return 0.5"
ITEM = {"reference_answer": ["law"]}


def asking(*texts: str) -> str:
    return json.dumps({"items": [ITEM], "rows": [(text, [], 0) for text in texts]}) + "\n"


def replies(requests: str, *graders: list[str]) -> list[list[object]]:
    """All that a worker with these graders says until it has answered every request, or will answer no more."""
    said = io.StringIO()
    worker = Worker(io.StringIO(requests), said)
    worker.load(list(graders))
    worker.serve()
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert lines[: len(graders)] == [True] * len(graders)
    return lines[len(graders) :]


def test_a_request_is_answered_call_by_call_in_order() -> None:
    request = asking('{"labels": ["law", "trade"]}', '{"labels": ["law"]}')
    answered = replies(request * 2, ["python", "precision", PRECISION], ["python", "half", HALF])
    assert [score for score, _seconds in answered] == [0.5, 0.5, 1.0, 0.5] * 2


def test_it_ends_when_memory_ran_out_and_says_so() -> None:
    source = "def grade(sample, item):\n    if sample['output_text'] == 'b': raise MemoryError\n    return 1"
    answered = replies(asking("a", "b", "c") + asking("d"), ["python", "m", source], ["python", "half", HALF])
    assert [len(reply) for reply in answered] == [2, 2, 5, 2]
    assert answered[2][-1] is True


def test_a_channel_that_ends_in_the_middle_of_a_request_is_an_end() -> None:
    assert replies(asking("a")[:-1], ["python", "half", HALF]) == []


def test_a_worker_loads_graders_of_every_type_in_their_order() -> None:
    same = ["string_check", "same", "eq", "{{ sample.output_text }}", "law"]
    alike = ["text_similarity", "alike", "gleu", "{{ sample.output_text }}", "law"]
    answered = replies(asking("law", "trade"), ["python", "half", HALF], same, alike)
    assert [score for score, *_ in answered] == [0.5, 1.0, 1.0, 0.5, 0.0, 0.0]


def test_a_long_error_is_cut() -> None:
    source = "def grade(sample, item):\n    raise ValueError('x' * 10 ** 6)"
    ((_, _, kind, detail, ended),) = replies(asking("a"), ["python", "n" * 10**6, source])
    assert (kind, ended) == ("python_grader_runtime_error", False)
    assert isinstance(detail, str)
    assert len(detail) == 1000


def score(source: str) -> float:
    return PythonScorer("p", source)(sample_of("x"), {"x": 1})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.5", 0.5), ("True", 1.0), ("3", 3.0), ("-0.5", -0.5), ("__import__('fractions').Fraction(1, 4)", 0.25)],
)
def test_any_real_number_is_a_score(value: str, expected: float) -> None:
    assert score(f"def grade(s, i):\n    return {value}") == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def grade(s, i):\n    return 'good'", "p returned text ('good'); it must return a number"),
        ("def grade(s, i):\n    return 'g' * 99", f"p returned text ('{'g' * 60}'...); it must return a number"),
        ("def grade(s, i):\n    pass", "p returned None; it must return a number"),
        ("def grade(s, i):\n    return [1]", "p returned a list; it must return a number"),
        ("def grade(s, i):\n    return 1j", "p returned a complex"),
        ("def grade(s, i):\n    yield 1.0", "p returned a generator"),
        ("def grade(s, i):\n    return float('nan')", "p returned nan; it must return a finite number"),
        ("def grade(s, i):\n    return -float('inf')", "p returned -inf; it must return a finite number"),
        ("def grade(s, i):\n    return 10 ** 400", "p returned inf; it must return a finite number"),
        ("def grade(s, i):\n    return i['none']", "KeyError: 'none' (in p, line 2: `return i['none']`)"),
        ("def grade(s, i):\n    raise SystemExit('enough')", "SystemExit: enough (in p, line 2"),
        ("def grade(s, i):\n    raise KeyboardInterrupt", "KeyboardInterrupt (in p, line 2"),
        ("def grade(s, i):\n    return grade(s, i)", "RecursionError: maximum recursion depth"),
        (
            "def grade(s, i):\n    import nowhere.inside",
            "ModuleNotFoundError: No module named 'nowhere'; it is not installed beside Proctor (in p, line 2",
        ),
        ("import json.nowhere", "ModuleNotFoundError: No module named 'json.nowhere' (in p,"),
        ("import json\ndef grade(s, i):\n    return json.loads('{')", "(in p, line 3: `return json.loads('{')`)"),
        ("class E(Exception):\n  def __str__(self): 1 / 0\ndef grade(s, i):\n  raise E", "(in p, line 4: `raise E`)"),
        ("1 / 0\ndef grade(s, i):\n    return 1", "ZeroDivisionError: division by zero (in p, line 1: `1 / 0`)"),
        ("import sys\nsys.exit(3)\ndef grade(s, i):\n    return 1", "SystemExit: 3 (in p, line 2"),
        ("return 1\ndef grade(s, i):\n    return 1", "SyntaxError: 'return' outside function (in p, line 1)"),
        ("def grade(s, i", "SyntaxError: '(' was never closed (in p, line 1)"),
        ("from math import *\n", "TypeError: the source defines no function `grade(sample, item)` (in p)"),
        ("grade = 3\n", "defines no function `grade(sample, item)`"),
        ("score = lambda s: 1\ngrade = score\n", "takes 1 positional argument but 2 were given"),
    ],
)
def test_a_call_without_a_score_says_why(source: str, says: str) -> None:
    with pytest.raises(GradingError) as failure:
        score(source)
    assert failure.value.kind is GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR
    assert says in failure.value.detail


def test_the_sample_has_the_keys_of_openais() -> None:
    assert sample_of('{"a": 1}') == {
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"a": 1}'}},
        ],
        "output_text": '{"a": 1}',
        "output_json": {"a": 1},
        "output_tools": [],
        "output_audio": None,
    }


@pytest.mark.parametrize("text", ["", "no", "{", "NaN", '{"a": Infinity}', "[" * 100_000, "1" * 5000, "null"])
def test_output_json_is_none_if_the_answer_is_not_json(text: str) -> None:
    assert sample_of(text)["output_json"] is None
