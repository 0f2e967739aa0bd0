"""The drawing process: `python -m charts.worker`, asked on stdin, answering on stdout, gone when its parent is gone.

It is a plain child and not a `ProcessPoolExecutor`'s, for two reasons. A hung child of an executor can only be ended
through private attributes (before Python 3.14), and an executor's child runs the parent's main module again.
"""

import ctypes
import os
import pickle
import signal
import sys
import traceback
from typing import BinaryIO, get_args

from charts.drawing import draw
from charts.protocol import DONE, FAILED, HEADER, frame
from charts.step_values import RewardCurve
from charts.values import Theme

PR_SET_PDEATHSIG = 1
WARM_UP = RewardCurve("Warm", "up", ((0, 0.1), (1, 0.2)), ((0, 0.1), (1, 0.3)), (1,), (1,), 2)


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Draw what is asked until the other end closes, warmed up before the first question."""
    themes: tuple[Theme, ...] = get_args(Theme)
    for theme in themes:
        draw(WARM_UP, theme)
    _answer(answers, frame(DONE, b""))
    while header := asked.read(HEADER.size):
        _, length = HEADER.unpack(header)
        _answer(answers, _drawn(asked.read(length)))


def _drawn(request: bytes) -> bytes:
    try:
        chart, theme = pickle.loads(request)  # noqa: S301 - the parent wrote it, over a pipe nobody else holds
        return frame(DONE, draw(chart, theme))
    except Exception:  # noqa: BLE001 - a boundary: one value that cannot be drawn must not end the process
        return frame(FAILED, traceback.format_exc(limit=-4).encode())


def _answer(answers: BinaryIO, reply: bytes) -> None:
    answers.write(reply)
    answers.flush()


def _die_with_parent() -> None:
    """Have Linux kill this process with its parent; elsewhere the closed pipe ends it after the picture in hand."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Serve stdin and stdout; whatever else prints goes to stderr, so that it cannot garble an answer."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when drawing ends
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # the parent is gone; there is nobody to tell


if __name__ == "__main__":
    main()
