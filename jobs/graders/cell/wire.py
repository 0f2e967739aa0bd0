"""How the two sides of a grading process talk: JSON objects, each behind its length in four bytes.

Functions are imported by name throughout this package: what a grader does to a module then stays its own affair.
"""

import struct
from json import dumps, loads
from os import read, write

LENGTH = struct.Struct(">I")
POSITION = struct.Struct("<ii")
"""The page that both sides see: the row and the grader of the call being made. A row below 0 is a stage."""
PAGE_BYTES = 4096
IDLE = -1
LOADING = -2


def pack(message: dict[str, object]) -> bytes:
    """One frame. The text is ASCII, so that halves of surrogate pairs in a model's answer pass unharmed."""
    body = dumps(message, separators=(",", ":")).encode()
    return LENGTH.pack(len(body)) + body


def receive(descriptor: int) -> dict[str, object] | None:
    """The next frame from a blocking descriptor; None when the other side has gone."""
    head = _read(descriptor, LENGTH.size)
    if head is None:
        return None
    body = _read(descriptor, LENGTH.unpack(head)[0])
    return None if body is None else dict(loads(body))


def send(descriptor: int, message: dict[str, object]) -> None:
    """Writes one frame to a blocking descriptor."""
    rest = memoryview(pack(message))
    while rest:
        rest = rest[write(descriptor, rest) :]


def _read(descriptor: int, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = read(descriptor, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
