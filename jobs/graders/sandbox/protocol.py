"""How a grading process talks to its parent: JSON objects, each behind its length in four bytes.

Functions are imported by name throughout this package, so that a grader that patches a module harms only itself.
"""

import os
from json import dumps, loads
from struct import Struct

LENGTH = Struct(">I")
POSITION = Struct("<ii")
"""What stands in the page that both sides share: row and grader of the current call. A row below 0 is a stage."""
PAGE_BYTES = 4096
IDLE = -1
LOADING = -2


def pack(message: dict[str, object]) -> bytes:
    """One frame. `surrogatepass` lets the half of a surrogate pair in a model's answer pass unharmed."""
    body = dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> object:
    """The message of a frame, without its length.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    message: object = loads(body.decode("utf-8", "surrogatepass"))
    return message


class Channel:
    """The grading process's end, over a blocking descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._reader = os.fdopen(descriptor, "rb")
        self._writer = os.fdopen(descriptor, "wb", closefd=False)

    def receive(self) -> dict[str, object] | None:
        """The next message; None once the parent has gone."""
        head = self._reader.read(LENGTH.size)
        size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else 0
        body = self._reader.read(size)
        message = unpack(body) if size and len(body) == size else None
        return message if isinstance(message, dict) else None

    def send(self, message: dict[str, object]) -> None:
        """Send one message."""
        self._writer.write(pack(message))
        self._writer.flush()
