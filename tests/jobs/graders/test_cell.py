"""The grading process's own code, run in this process: everything but locking itself in."""

import json
import mmap
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jobs.graders.cell import wire
from jobs.graders.cell.grading import Loaded, fresh, frozen, sample_of
from jobs.graders.cell.program import Cell
from tests.jobs.graders.definitions import PRECISION

HALF = "def grade(sample, item):\n    return 0.5"


@dataclass(frozen=True)
class Inside:
    """A cell and the other side of its channel."""

    cell: Cell
    outside: socket.socket
    page: mmap.mmap

    def ask(self, *texts: str, careful: bool = False) -> None:
        rows = [(text, 0) for text in texts]
        self.outside.sendall(wire.pack({"items": [{"reference_answer": ["law"]}], "rows": rows, "careful": careful}))

    def replies(self) -> list[dict[str, object]]:
        """Runs the cell until it has read all that was asked, and gives what it said."""
        self.outside.shutdown(socket.SHUT_WR)
        self.cell.serve()
        self.outside.settimeout(0)
        said = b""
        try:
            while part := self.outside.recv(1 << 20):
                said += part
        except BlockingIOError:
            pass
        frames = []
        while said:
            size = wire.LENGTH.unpack_from(said)[0]
            frames.append(json.loads(said[wire.LENGTH.size : wire.LENGTH.size + size]))
            said = said[wire.LENGTH.size + size :]
        return frames


@pytest.fixture
def inside() -> Iterator[Inside]:
    outside, channel = socket.socketpair()
    with outside, channel, mmap.mmap(-1, wire.PAGE_BYTES) as page:
        yield Inside(Cell(channel.fileno(), page), outside, page)


def test_a_frame_is_answered_in_order_and_the_page_says_when_it_is_over(inside: Inside) -> None:
    inside.cell.load([["precision", PRECISION], ["half", HALF]])
    inside.ask('{"labels": ["law", "trade"]}', '{"labels": ["law"]}')
    ready, answer = inside.replies()
    assert ready == {"ready": True}
    assert answer["done"] is True
    rows = answer["rows"]
    assert isinstance(rows, list)
    assert [[score for score, _seconds in row] for row in rows] == [[0.5, 0.5], [1.0, 0.5]]
    assert wire.POSITION.unpack_from(inside.page) == (wire.IDLE, 0)


def test_a_careful_frame_is_answered_row_by_row(inside: Inside) -> None:
    inside.cell.load([["half", HALF]])
    inside.ask("a", "b", "c", careful=True)
    _ready, *answers = inside.replies()
    assert [len(answer["rows"]) for answer in answers if isinstance(answer["rows"], list)] == [1, 1, 1, 0]
    assert [answer.get("done", False) for answer in answers] == [False, False, False, True]


def test_it_leaves_when_memory_ran_out_and_sends_what_it_has(inside: Inside) -> None:
    source = "def grade(sample, item):\n    if sample['output_text'] == 'b': raise MemoryError\n    return 1"
    inside.cell.load([["m", source]])
    inside.ask("a", "b", "c")
    inside.ask("never graded")
    _ready, answer = inside.replies()
    assert answer["leaving"] is True
    assert isinstance(answer["rows"], list)
    assert len(answer["rows"]) == 2


def test_a_channel_that_ends_in_the_middle_of_a_frame_is_an_end(inside: Inside) -> None:
    inside.outside.sendall(wire.pack({"items": []})[:-1])
    assert inside.replies() == []


def test_a_long_frame_arrives_whole() -> None:
    outside, channel = socket.socketpair()
    with outside, channel:
        message: dict[str, object] = {"text": "ü" * 10_000}
        wire.send(outside.fileno(), message)
        assert wire.receive(channel.fileno()) == message


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        (HALF, [0.5]),
        ("def grade(s, i): return 3", [3.0]),
        ("def grade(s, i): return 10 ** 400", "p returned inf; it must return a finite number"),
        ("def grade(s, i): return 'x'", "p returned text ('x'); it must return a number"),
        ("def grade(s, i): return 'x' * 99", f"p returned text ('{'x' * 60}'...); it must return a number"),
        ("def grade(s, i): return None", "p returned None; it must return a number"),
        ("def grade(s, i): return {}", "p returned a dict; it must return a number"),
        ("def grade(s, i):\n  1 / 0", "ZeroDivisionError: division by zero (in p, line 2: `1 / 0`)"),
        ("def grade(s, i): raise KeyboardInterrupt", "KeyboardInterrupt (in p, line 1: `def grade(s, i): raise Keyb"),
        ("def grade(s, i", "SyntaxError: '(' was never closed (in p, line 1)"),
        ("x = 1", "TypeError: the source defines no function `grade(sample, item)` (in p)"),
    ],
)
def test_a_call_has_a_score_or_a_reason(source: str, outcome: list[float] | str) -> None:
    said = Loaded("p", source).call(sample_of("x"), {})
    if isinstance(outcome, str):
        assert said[0] is None
        assert str(said[-1]).startswith(outcome)
    else:
        assert [said[0]] == outcome


def test_each_copy_is_its_own() -> None:
    blob = frozen({"a": [1]})
    first, second = fresh(blob), fresh(blob)
    assert first == second == {"a": [1]}
    assert first is not second


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
    assert sample_of("NaN")["output_json"] is None


def test_a_closed_channel_is_an_end() -> None:
    outside, channel = socket.socketpair()
    with channel:
        outside.close()
        assert wire.receive(channel.fileno()) is None


def test_a_cell_loads_what_it_has_orders_for_and_nothing_else(inside: Inside) -> None:
    inside.cell.load([["half", HALF], ["same", "eq", "{{ sample.output_text }}", "law"]])
    inside.ask("law", "trade")
    _, answer = inside.replies()
    rows = answer["rows"]
    assert isinstance(rows, list)
    assert [[score for score, *_ in row] for row in rows] == [[0.5, 1.0], [0.5, 0.0]]
    with pytest.raises(ValueError, match="orders of another kind of grader"):
        inside.cell.load([["half"]])


def test_a_library_that_is_not_there_is_named() -> None:
    kind, detail = Loaded("p", "import nowhere.inside").call({}, {})[-2:]
    assert kind == "python_grader_runtime_error"
    assert str(detail).startswith(
        "ModuleNotFoundError: No module named 'nowhere'; it is not installed beside Proctor (in p,"
    )
    assert "installed" not in str(Loaded("p", "import json.nowhere").call({}, {})[-1])
