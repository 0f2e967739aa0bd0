"""The grading process's own code, run in this process: everything but locking itself in."""

import json
import mmap
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jobs.graders.sandbox import protocol
from jobs.graders.sandbox.errors import GraderErrorKind, GradingError
from jobs.graders.sandbox.python_scorer import PythonScorer, sample_of
from jobs.graders.sandbox.worker import Worker
from tests.jobs.graders.definitions import PRECISION

HALF = "def grade(sample, item):\n    return 0.5"


@dataclass(frozen=True)
class Inside:
    """A worker and the other side of its channel."""

    worker: Worker
    outside: socket.socket
    page: mmap.mmap

    def ask(self, *texts: str, flush_seconds: float = 1.0) -> None:
        rows = [(text, 0) for text in texts]
        request = {"items": [{"reference_answer": ["law"]}], "rows": rows, "flush_seconds": flush_seconds}
        self.outside.sendall(protocol.pack(request))

    def replies(self) -> list[dict[str, object]]:
        """Run the worker until it has answered every request; its replies."""
        self.outside.shutdown(socket.SHUT_WR)
        self.worker.serve()
        self.outside.settimeout(0)
        said = b""
        try:
            while part := self.outside.recv(1 << 20):
                said += part
        except BlockingIOError:
            pass
        frames = []
        while said:
            size = protocol.LENGTH.unpack_from(said)[0]
            frames.append(json.loads(said[protocol.LENGTH.size : protocol.LENGTH.size + size]))
            said = said[protocol.LENGTH.size + size :]
        return frames


@pytest.fixture
def inside() -> Iterator[Inside]:
    outside, channel = socket.socketpair()
    end = protocol.Channel(channel.detach())
    with outside, mmap.mmap(-1, protocol.PAGE_BYTES) as page, end._reader:
        yield Inside(Worker(end, page), outside, page)


def test_a_request_is_answered_in_order_and_the_page_says_when_it_is_over(inside: Inside) -> None:
    inside.worker.load([["python", "precision", PRECISION], ["python", "half", HALF]])
    inside.ask('{"labels": ["law", "trade"]}', '{"labels": ["law"]}')
    ready, answer = inside.replies()
    assert ready == {"ready": True}
    assert answer["done"] is True
    rows = answer["rows"]
    assert isinstance(rows, list)
    assert [[score for score, _seconds in row] for row in rows] == [[0.5, 0.5], [1.0, 0.5]]
    assert protocol.POSITION.unpack_from(inside.page) == (protocol.IDLE, 0)


def test_rows_are_sent_as_often_as_asked_for(inside: Inside) -> None:
    inside.worker.load([["python", "half", HALF]])
    inside.ask("a", "b", "c", flush_seconds=0.0)
    _ready, *answers = inside.replies()
    assert [len(answer["rows"]) for answer in answers if isinstance(answer["rows"], list)] == [1, 1, 1, 0]
    assert [answer.get("done", False) for answer in answers] == [False, False, False, True]


def test_it_ends_when_memory_ran_out_and_sends_the_rows_until_then(inside: Inside) -> None:
    source = "def grade(sample, item):\n    if sample['output_text'] == 'b': raise MemoryError\n    return 1"
    inside.worker.load([["python", "m", source], ["python", "half", HALF]])
    inside.ask("a", "b", "c")
    inside.ask("never graded")
    _ready, answer = inside.replies()
    assert answer["done"] is True
    assert isinstance(answer["rows"], list)
    assert len(answer["rows"]) == 2


def test_a_channel_that_ends_in_the_middle_of_a_frame_is_an_end(inside: Inside) -> None:
    inside.outside.sendall(protocol.pack({"items": []})[:-1])
    assert inside.replies() == []


def test_a_worker_loads_graders_of_every_type_in_their_order(inside: Inside) -> None:
    same = ["string_check", "same", "eq", "{{ sample.output_text }}", "law"]
    alike = ["text_similarity", "alike", "gleu", "{{ sample.output_text }}", "law"]
    inside.worker.load([["python", "half", HALF], same, alike])
    inside.ask("law", "trade")
    _, answer = inside.replies()
    rows = answer["rows"]
    assert isinstance(rows, list)
    assert [[score for score, *_ in row] for row in rows] == [[0.5, 1.0, 1.0], [0.5, 0.0, 0.0]]


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
