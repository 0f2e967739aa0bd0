import io
import pickle

from charts.protocol import ASK, DONE, FAILED, HEADER, frame
from charts.worker import serve
from tests.charts.charts_to_draw import CHECKPOINTS, OVERFIT


def answers_to(*requests: object) -> list[tuple[bytes, bytes]]:
    said = io.BytesIO()
    serve(io.BytesIO(b"".join(frame(ASK, pickle.dumps(request)) for request in requests)), said)
    said.seek(0)
    answers = []
    while header := said.read(HEADER.size):
        kind, length = HEADER.unpack(header)
        answers.append((kind, said.read(length)))
    return answers


def test_it_says_when_it_is_warm_and_ends_with_its_input() -> None:
    assert answers_to() == [(DONE, b"")]


def test_each_question_gets_its_answer_in_order() -> None:
    _, curve, broken, rows = answers_to((OVERFIT, "light"), (OVERFIT, "sepia"), (CHECKPOINTS, "dark"))
    assert curve[0] == rows[0] == DONE
    assert curve[1].startswith(b"\x89PNG")
    assert rows[1].startswith(b"\x89PNG")
    assert curve[1] != rows[1]
    assert broken[0] == FAILED
    assert b"KeyError: 'sepia'" in broken[1]
