"""How long a text is: words and punctuation marks are this policy's tokens."""

import re
from functools import lru_cache

_TOKEN = re.compile(r"\w+|[^\w\s]")


@lru_cache(maxsize=8192)
def count_tokens(text: str) -> int:
    """Return how many words and punctuation marks `text` has."""
    return sum(1 for _ in _TOKEN.finditer(text))
