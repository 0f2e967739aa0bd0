"""Texts that are the same, or nearly: exact ones by their normalised text, near ones by the words they share.

Near means that of all runs of three words that either text has, at least four fifths are in both (Jaccard over word
3-shingles, Broder 1997). Candidates come from MinHash signatures in 16 bands of 4 (Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", 3.4), which finds a pair at .8 with probability .9998; each candidate is then compared in
full. Runs of words that more than half of the texts share are a template's (an instruction around each row's own text)
and do not count. A text is compared with the first of its band and with the one before it there, so that 50,000 rows
of one mould cost no more than 50,000 of many; of a big family some pairs are therefore found only through a third text.
"""

import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jobs.tasks.records import Row

NEAR = 0.8
SHORTEST = 8
"""Words; of a shorter text one word more or less changes too much for `nearly` to mean anything."""
FEWEST_FOR_TEMPLATE = 8
"""Texts; among fewer, what most of them share may as well be a repeat."""
_RUN, _BANDS, _ROWS = 3, 16, 4
_Hashes: TypeAlias = NDArray[np.uint64]
_SIGN = re.compile(r"[+*/=<>^%\u00d7\u00f7]|(?<![^\W_])-(?=\s*\d)|(?<=\d)-(?=\d)")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that are the same or nearly, by their places; `first` is the earlier one."""

    first: int
    second: int
    exact: bool
    similarity: float
    """Jaccard over word 3-shingles; 1 for exact ones."""


def find_duplicates(texts: Sequence[str]) -> tuple[Pair, ...]:
    """Return for each text that repeats an earlier one a pair with it: the earliest it was found to repeat.

    Seconds rather than milliseconds for 50,000 texts: not for the event loop.
    """
    exact = _exact(texts)
    repeats = {pair.second for pair in exact}
    rest = [place for place in range(len(texts)) if place not in repeats]
    near = _near([texts[place] for place in rest])
    found = [
        *exact,
        *(Pair(rest[pair.first], rest[pair.second], exact=False, similarity=pair.similarity) for pair in near),
    ]
    return tuple(sorted(found, key=lambda pair: (pair.second, pair.first)))


def places_to_keep(texts: Sequence[str], known: Sequence[str] = ()) -> tuple[int, ...]:
    """Return the places of `texts` that repeat neither an earlier one of them nor one of `known`."""
    repeated = {pair.second for pair in find_duplicates([*known, *texts])}
    return tuple(place for place in range(len(texts)) if place + len(known) not in repeated)


def _exact(texts: Sequence[str]) -> list[Pair]:
    first: dict[str, int] = {}
    pairs: list[Pair] = []
    for place, text in enumerate(texts):
        earlier = first.setdefault(normalised(text), place)
        if earlier != place:
            pairs.append(Pair(earlier, place, exact=True, similarity=1.0))
    return pairs


def _near(texts: Sequence[str]) -> list[Pair]:
    shingles = _without_template([_shingles(text) for text in texts])
    long_enough = [place for place, found in enumerate(shingles) if found.size > SHORTEST - _RUN]
    if len(long_enough) < 2:
        return []
    best: dict[int, Pair] = {}
    for left, right in _candidates(_signatures([shingles[place] for place in long_enough])):
        first, second = long_enough[left], long_enough[right]
        similarity = _jaccard(shingles[first], shingles[second])
        if similarity >= NEAR and (second not in best or first < best[second].first):
            best[second] = Pair(first, second, exact=False, similarity=similarity)
    return list(best.values())


def _shingles(text: str) -> _Hashes:
    """The hashes of all runs of three words, each once, sorted."""
    words = np.array([zlib.crc32(word.encode()) for word in words_of(text)], dtype=np.uint64)
    if words.size < _RUN:
        return words[:0]
    first, second, third = words[:-2], words[1:-1], words[2:]
    return np.unique((first * _ODD[0] + second) * _ODD[1] + third)


def _without_template(shingles: Sequence[_Hashes]) -> list[_Hashes]:
    """Leave out what more than half of the texts have, if there are enough of them to tell."""
    if len(shingles) < FEWEST_FOR_TEMPLATE:
        return list(shingles)
    found, counts = np.unique(np.concatenate(shingles), return_counts=True)
    shared = found[counts * 2 > len(shingles)]
    return [np.setdiff1d(each, shared, assume_unique=True) for each in shingles] if shared.size else list(shingles)


def _signatures(shingles: Sequence[_Hashes]) -> _Hashes:
    """MinHash signatures, one row a text: the least value of its shingles under each of 64 hash functions."""
    starts = np.cumsum([0, *(found.size for found in shingles[:-1])])
    everything = np.concatenate(shingles)
    signatures = np.empty((len(shingles), _BANDS * _ROWS), dtype=np.uint64)
    for column, (factor, term) in enumerate(zip(_FACTORS, _TERMS, strict=True)):
        signatures[:, column] = np.minimum.reduceat((everything * factor + term) >> _HALF, starts)
    return signatures


def _candidates(signatures: _Hashes) -> set[tuple[int, int]]:
    pairs: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        of_band = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        members: dict[bytes, tuple[int, int]] = {}
        for place, key in enumerate(map(bytes, of_band)):
            known = members.get(key)
            if known is not None:
                pairs.update((earlier, place) for earlier in known)
            members[key] = (known[0] if known else place, place)
    return pairs


def _jaccard(one: _Hashes, other: _Hashes) -> float:
    shared = np.intersect1d(one, other, assume_unique=True).size
    return float(shared / (one.size + other.size - shared))


def _random(seed: int, count: int) -> _Hashes:
    return np.random.default_rng(seed).integers(1, 2**63, size=count, dtype=np.uint64)


_FACTORS: _Hashes = _random(1, _BANDS * _ROWS) | np.uint64(1)
_TERMS: _Hashes = _random(2, _BANDS * _ROWS)
_ODD: _Hashes = _random(3, 2) | np.uint64(1)
_HALF = np.uint64(32)


def text_of(row: Row) -> str:
    """Return what the model is asked about: `text_input`, or what the row's own messages say, without its instructions.

    A picture stands as a word of its own, so that one question about two pictures is two texts.
    """
    if row.messages is None:
        return str(row.item.get("text_input", ""))
    said: list[str] = []
    for message in row.messages:
        if message.role in {"system", "developer"}:
            continue
        said += [json.dumps(calls)] if (calls := message.more.get("tool_calls")) else []
        if isinstance(message.content, str):
            said.append(message.content)
        else:
            said += [str(part["text"]) if "text" in part else _word_for(part) for part in message.content]
    return "\n".join(said)


def words_of(text: str) -> list[str]:
    """Return the text's words: letters and digits of any script, case and width folded."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def normalised(text: str) -> str:
    """Return the text without case, punctuation and spacing, but with its mathematical signs.

    One without any words, such as emoji, stays as it is.
    """
    words = " ".join(words_of(text))
    signs = "".join(_SIGN.findall(unicodedata.normalize("NFKC", text)))
    return f"{words} {signs}".rstrip() if words else text.strip()


def _word_for(part: object) -> str:
    return "picture" + hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
