"""What the policy sees of a text: hashed TF-IDF over words and word pairs, projected on a corpus's main directions.

The directions come from the inputs alone, never from the answers. Few of them (32) is what lets a policy generalise:
with the full hashed width it learns any training set by heart, whatever its size.
"""

import itertools
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

BUCKETS = 4096
DIMENSIONS = 32
MOST_FITTED = 1_500
"""A truncated SVD of more texts than this costs seconds and moves the main directions little."""
_CHUNK = 512
_WORD = re.compile(r"[^\W\d_]{2,}")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case; digits and single letters are not words."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=8192)
def count_tokens(text: str) -> int:
    """Return how many words and punctuation marks `text` has: they are this policy's tokens."""
    return sum(1 for _ in _TOKEN.finditer(text))


@dataclass(frozen=True, slots=True)
class Features:
    """A fitted projection from text to `width` numbers.

    Args:
        idf: inverse document frequency of each bucket; shape (BUCKETS,).
        directions: right singular vectors of the fitted corpus; shape (BUCKETS, dimensions).
    """

    idf: Floats
    directions: Floats

    @property
    def width(self) -> int:
        """How many numbers describe a text: the dimensions and a constant."""
        return int(self.directions.shape[1]) + 1

    def of(self, texts: Sequence[str]) -> Floats:
        """Return the features of `texts`; shape (len(texts), width), unit length before the closing constant 1."""
        parts = [self._of(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, self.width))

    def _of(self, texts: Sequence[str]) -> Floats:
        projected = _unit(_unit(_term_frequencies(texts) * self.idf) @ self.directions)
        return np.hstack([projected, np.ones((len(texts), 1))])


def fit(texts: Sequence[str], dimensions: int = DIMENSIONS) -> Features:
    """Return the features whose directions describe `texts` best (truncated SVD of their TF-IDF matrix).

    Inverse document frequency is ln((1 + n) / (1 + df)) + 1. Of very many texts, evenly spread ones are used.
    """
    stride = -(-len(texts) // MOST_FITTED)
    frequencies = _term_frequencies(texts[::stride])
    idf = np.log((1 + len(frequencies)) / (1 + (frequencies > 0).sum(axis=0))) + 1
    weighted = _unit(frequencies * idf)
    # The Gram matrix of n texts is far smaller than the n x BUCKETS matrix whose right singular vectors are wanted.
    squares, left = np.linalg.eigh(weighted @ weighted.T)
    order = np.argsort(squares)[::-1][:dimensions]
    order = order[squares[order] > 1e-9]
    directions = weighted.T @ (left[:, order] / np.sqrt(squares[order]))
    return Features(idf, np.ascontiguousarray(directions))


def _term_frequencies(texts: Sequence[str]) -> Floats:
    """Return 1 + ln(count) for every bucket hit by a word or a pair of neighbouring words, 0 elsewhere."""
    matrix = np.zeros((len(texts), BUCKETS))
    for row, text in enumerate(texts):
        single = words(text)
        pairs = (f"{one} {two}" for one, two in itertools.pairwise(single))
        found = Counter(zlib.crc32(term.encode()) % BUCKETS for term in (*single, *pairs))
        matrix[row, list(found)] = 1 + np.log(list(found.values()))
    return matrix


def _unit(matrix: Floats) -> Floats:
    unit: Floats = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    return unit
