"""The base model: an option is likelier the more of its name is found in the text.

That alone gets some answers right and most wrong, so that a job starts with a reward that is neither 0 nor 1.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np

from local.platform.numpy_policy.answer_schema import Choice, Option
from local.platform.numpy_policy.features import Floats, words

STRENGTH = 4.0
"""Logit that an option gains when all of its name is found in the text."""
GRAM_SIZES = (4, 5)


def base_logits(choices: Sequence[Choice], texts: Sequence[str]) -> Floats:
    """Return the base model's logits; shape (len(texts), options of all choices one after the other).

    In a choice of many, the odds of options that have nothing in common with the text add up to one expected option.
    """
    options = [option for choice in choices for option in choice.options]
    offsets = [_offset(choice) for choice in choices for _ in choice.options]
    shared = np.array([[_shared(option, grams) for option in options] for grams in map(_grams, texts)])
    logits: Floats = STRENGTH * shared.reshape(len(texts), len(options)) + np.array(offsets)
    return logits


def _offset(choice: Choice) -> float:
    return -math.log(max(len(choice.options) - 1, 1)) if choice.kind == "many" else 0.0


def _shared(option: Option, grams: frozenset[str]) -> float:
    own = _grams_of_name(option)
    return len(own & grams) / len(own) if own else 0.0


@functools.lru_cache(maxsize=4096)
def _grams_of_name(option: Option) -> frozenset[str]:
    return _grams(str(option).replace("_", " "))


def _grams(text: str) -> frozenset[str]:
    """Return the n-grams of every word, its beginning and end marked: "trade" shares "^trad" with "trading"."""
    marked = (f"^{word}$" for word in words(text))
    return frozenset(
        word[start : start + size] for word in marked for size in GRAM_SIZES for start in range(len(word) - size + 1)
    )
