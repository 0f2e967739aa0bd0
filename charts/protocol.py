"""What goes over the pipe between the bot and a drawing process: a kind, a length, and that many bytes."""

import struct
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal[b"?", b"+", b"-"]

ASK: Final = b"?"
"""To the process: a pickled (chart, theme)."""
DONE: Final = b"+"
"""From the process: a PNG, or nothing once it is warm."""
FAILED: Final = b"-"
"""From the process: why there is no picture, in UTF-8."""

HEADER = struct.Struct(">cI")


def frame(kind: Kind, body: bytes) -> bytes:
    """Return `body` with its header."""
    return HEADER.pack(kind, len(body)) + body
