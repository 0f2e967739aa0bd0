"""Whether models are asked alike: a hash over everything that stands around an item's own text."""

import hashlib
import json
from collections.abc import Mapping


def prompt_hash(prompt: str, response_format: Mapping[str, object] | None) -> str:
    """Return 12 hex digits over a prompt's text and the response format; where they are equal, models are asked alike.

    Args:
        prompt: the text before each item; empty where every row brings its own messages.
        response_format: as `Task.response_format` has it; None for free text. The order of keys does not count.
    """
    asked = json.dumps([prompt, response_format], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()[:12]
