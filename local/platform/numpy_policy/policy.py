"""The policy: independent yes or no for each option of a choice of many, one option of a choice of one.

Its logits are the base model's plus a linear reading of the text's features; training moves only the linear part. The
last axis of logits, probabilities and answers holds the options of all choices, one choice after the other.

Features are hashed TF-IDF over words and word pairs, projected on a corpus's main directions. The directions come from
the inputs alone, never from the answers. Few of them (32) is what lets a policy generalise: with the full hashed width
it learns any training set by heart, whatever its size.

In the base model an option is likelier the more of its name is found in the text. That alone gets some answers right
and most wrong, so that a job starts with a reward that is neither 0 nor 1.
"""

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from local.platform.numpy_policy.answer_schema import FORM_PATH, Choice, Option
from local.platform.numpy_policy.free_text import BARE, mark_of

Floats: TypeAlias = NDArray[np.float64]
Chosen = NDArray[np.bool_]
"""True where an option is chosen."""

BUCKETS = 4096
DIMENSIONS = 32
MOST_FITTED = 1_500
"""A truncated SVD of more texts than this costs seconds and moves the main directions little."""
STRENGTH = 4.0
"""Logit that an option gains when all of its name is found in the text."""
PLAINNESS = 2.0
"""Logit of the bare answer, without a form around it."""
GRAM_SIZES = (4, 5)
LEARNING_RATE = 0.3
DECAY_STEPS = 15.0
"""Steps after which the learning rate has halved: fast at first, then settling, as the classic 1/t schedules do.

At a constant rate the gap between training and validation goes on growing slowly at any size of data; this way it grows
where there is little data and stays small where there is enough."""
BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-8
_CHUNK = 512
_WORD = re.compile(r"[^\W\d_]{2,}")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+)")
"""A run of Chinese or Japanese writing, which has no spaces between words."""


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case; digits and single letters are not words.

    In writing without spaces, every two neighbouring characters are a word.
    """
    found = _WORD.findall(text.lower())
    return [part for word in found for part in _parted(word)] if _UNSPACED.search(text) else found


def _parted(word: str) -> Iterator[str]:
    for part in _UNSPACED.split(word):
        if _UNSPACED.match(part) and len(part) > 2:
            yield from (part[start : start + 2] for start in range(len(part) - 1))
        elif part:
            yield part


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


def base_logits(choices: Sequence[Choice], texts: Sequence[str], prompts: Sequence[str] = ()) -> Floats:
    """Return the base model's logits; shape (len(texts), options of all choices one after the other).

    In a choice of many, the odds of options that have nothing in common with the text add up to one expected option.
    Among forms, the bare answer is likely, and one that the prompt asks for likelier.

    Args:
        choices: what is open.
        texts: what the user says.
        prompts: the whole prompts, instructions included; needed where there is a choice among forms.
    """
    options = [option for choice in choices for option in choice.options]
    offsets = [_offset(choice) for choice in choices for _ in choice.options]
    shared = np.array([[_shared(option, grams) for option in options] for grams in map(_grams, texts)])
    logits: Floats = STRENGTH * shared.reshape(len(texts), len(options)) + np.array(offsets)
    for choice, columns in columns_of(choices):
        if choice.path == FORM_PATH:
            logits[:, columns] = [[_named(str(form), prompt) for form in choice.options] for prompt in prompts]
    return logits


def _named(form: str, prompt: str) -> float:
    if form == BARE:
        return PLAINNESS
    return STRENGTH if mark_of(form) in prompt.lower() else 0.0


def _offset(choice: Choice) -> float:
    return -math.log(max(len(choice.options) - 1, 1)) if choice.kind == "many" else 0.0


def _shared(option: Option, grams: frozenset[str]) -> float:
    own = _grams_of_name(option)
    return len(own & grams) / len(own) if own else 0.0


@lru_cache(maxsize=4096)
def _grams_of_name(option: Option) -> frozenset[str]:
    return _grams(str(option).replace("_", " "))


def _grams(text: str) -> frozenset[str]:
    """Return the n-grams of every word, its beginning and end marked: "trade" shares "^trad" with "trading"."""
    marked = (f"^{word}$" for word in words(text))
    return frozenset(
        word[start : start + size] for word in marked for size in GRAM_SIZES for start in range(len(word) - size + 1)
    )


def columns_of(choices: Sequence[Choice]) -> list[tuple[Choice, slice]]:
    """Return each choice with the columns of its options."""
    found, start = [], 0
    for choice in choices:
        found.append((choice, slice(start, start + len(choice.options))))
        start += len(choice.options)
    return found


def width_of(choices: Sequence[Choice]) -> int:
    """Return how many options all choices have together."""
    return sum(len(choice.options) for choice in choices)


def probabilities(choices: Sequence[Choice], logits: Floats) -> Floats:
    """Return the probability that each option is chosen; same shape as `logits` (n, options)."""
    result = np.empty_like(logits)
    for choice, columns in columns_of(choices):
        part = logits[:, columns]
        if choice.kind == "many":
            result[:, columns] = 0.5 * (1 + np.tanh(0.5 * part))
        else:
            raised = np.exp(part - part.max(axis=1, keepdims=True))
            result[:, columns] = raised / raised.sum(axis=1, keepdims=True)
    return result


def draw(choices: Sequence[Choice], probs: Floats, draws: int, rng: np.random.Generator) -> Chosen:
    """Return `draws` answers for each row of `probs` (n, options); shape (n, draws, options)."""
    uniform = rng.random((len(probs), draws, probs.shape[1]))
    chosen = uniform < probs[:, None, :]
    for choice, columns in columns_of(choices):
        if choice.kind == "one":
            reached = np.cumsum(probs[:, None, columns], axis=2) > uniform[:, :, columns.start, None]
            picked = np.where(reached.any(axis=2), reached.argmax(axis=2), len(choice.options) - 1)
            chosen[:, :, columns] = np.arange(len(choice.options)) == picked[:, :, None]
    return _within_limits(choices, probs, chosen)


def likeliest(choices: Sequence[Choice], probs: Floats) -> Chosen:
    """Return the likeliest answer for each row of `probs`; shape (n, 1, options)."""
    chosen = probs > 0.5
    for choice, columns in columns_of(choices):
        if choice.kind == "one":
            chosen[:, columns] = np.arange(len(choice.options)) == probs[:, columns].argmax(axis=1)[:, None]
    return _within_limits(choices, probs, chosen[:, None, :])


def indices(choices: Sequence[Choice], chosen: Chosen) -> list[list[int]]:
    """Return, for one answer of shape (options,), the indices of the options chosen at each choice."""
    return [np.flatnonzero(chosen[columns]).tolist() for _, columns in columns_of(choices)]


def _within_limits(choices: Sequence[Choice], probs: Floats, chosen: Chosen) -> Chosen:
    """Bring answers within a schema's minItems and maxItems by the likeliest options; few schemas have either."""
    for choice, columns in columns_of(choices):
        most = choice.at_most if choice.at_most is not None else len(choice.options)
        if choice.kind == "one" or (choice.at_least == 0 and most >= len(choice.options)):
            continue
        part = chosen[:, :, columns]
        # Chosen options come before the others, the likelier before the less likely.
        rank = np.argsort(np.argsort(-(part + probs[:, None, columns]), axis=2, kind="stable"), axis=2, kind="stable")
        count = np.clip(part.sum(axis=2), choice.at_least, max(most, choice.at_least))
        chosen[:, :, columns] = rank < count[:, :, None]
    return chosen


@dataclass(frozen=True, slots=True)
class Weights:
    """What training moves, and Adam's running means of its gradient; each of shape (features, options)."""

    linear: Floats
    first_moment: Floats
    second_moment: Floats
    step: int = 0

    @classmethod
    def zero(cls, features: int, options: int) -> "Weights":
        """Return the weights before the first step: the base model's answers stay as they are."""
        return cls(*np.zeros((3, features, options)))


def advantages(rewards: Floats) -> Floats:
    """Return how much better each rollout did than its group; (groups, rollouts), mean 0 and deviation 1 in a group.

    A group whose rollouts all earned the same teaches nothing: its advantages are 0.
    """
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    normalised: Floats = centred / (rewards.std(axis=1, keepdims=True) + 1e-6)
    return normalised


def learn(
    weights: Weights, features: Floats, probs: Floats, chosen: Chosen, advantage: Floats, multiplier: float
) -> Weights:
    """Return the weights after one policy-gradient step (REINFORCE with group-normalised advantages, Adam).

    Args:
        weights: before the step.
        features: of the batch (items, features).
        probs: what the rollouts were drawn with (items, options).
        chosen: the rollouts (items, rollouts, options).
        advantage: of each rollout (items, rollouts).
        multiplier: scales the learning rate.
    """
    score = np.einsum("ig,igo->io", advantage, chosen - probs[:, None, :]) / advantage.size
    gradient = features.T @ score
    step = weights.step + 1
    first = BETA1 * weights.first_moment + (1 - BETA1) * gradient
    second = BETA2 * weights.second_moment + (1 - BETA2) * gradient**2
    direction = (first / (1 - BETA1**step)) / (np.sqrt(second / (1 - BETA2**step)) + EPSILON)
    rate = multiplier * LEARNING_RATE / (1 + (step - 1) / DECAY_STEPS)
    return Weights(weights.linear + rate * direction, first, second, step)


def aligned(own: Sequence[Choice], linear: Floats, wanted: Sequence[Choice]) -> Floats:
    """Return `linear` with its columns moved to the options of `wanted`; those of an option never trained are 0."""
    columns = {key: index for index, key in enumerate((c.path, option) for c in own for option in c.options)}
    result = np.zeros((len(linear), width_of(wanted)))
    for index, key in enumerate((c.path, option) for c in wanted for option in c.options):
        if key in columns:
            result[:, index] = linear[:, columns[key]]
    return result
