"""How alike two texts are, 0 to 1, by the measures of `text_similarity` graders.

The fine-tuning API names its measures and does not say how it computes them; here they are:

fuzzy_match   rapidfuzz's `ratio`: 1 - insertions and deletions / characters of both
bleu          BLEU of one sentence, 1..4-grams, as sacrebleu's `sentence_bleu` (smoothing "exp", effective order): a
              reference of one word can be matched in full
gleu          Google BLEU, 1..4-grams, as nltk's `sentence_gleu` (Wu et al. 2016, arXiv 1609.08144)
meteor        METEOR as nltk's `single_meteor_score` (alpha 0.9, beta 3, gamma 0.5), matching words and Porter stems.
              Synonyms are not matched: they need the WordNet corpus, a download. Paraphrases score lower than there.
rouge_1..5    F1 over n-grams, rouge_l F1 over the longest common subsequence of words, as rouge-score without stemming

Words are runs of letters and digits of any script (rouge-score knows a-z and 0-9 only, and so grades no Greek); a
Chinese, Japanese or Korean character is a word of its own. bleu, gleu and meteor count punctuation too.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import chain, pairwise
from math import exp, log
from re import compile as pattern

Measure = Callable[[str, str], float]
"""Takes the answer and the reference; raises ImportError if a library it needs is not installed."""

_CHARACTERS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = pattern(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+")
_TOKEN = pattern(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+|[^\w\s]|_")
_LONGEST = 4
"""Words in BLEU's and GLEU's longest n-gram."""

Grams = Counter[tuple[str, ...]]


def _fuzzy_match(answer: str, reference: str) -> float:
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415  # only the graders that need it pay for it

    return ratio(answer, reference) / 100.0


def _rouge_l(answer: str, reference: str) -> float:
    from rapidfuzz.distance.LCSseq import similarity  # noqa: PLC0415  # only the graders that need it pay for it

    mine, theirs = _words(answer), _words(reference)
    return _f1(similarity(mine, theirs), len(mine), len(theirs))


def _rouge_n(answer: str, reference: str, size: int) -> float:
    mine, theirs = _grams(_words(answer), size), _grams(_words(reference), size)
    return _f1((mine & theirs).total(), mine.total(), theirs.total())


def _bleu(answer: str, reference: str) -> float:
    mine, theirs = _TOKEN.findall(answer), _TOKEN.findall(reference)
    if not mine or not theirs:
        return 0.0
    logs: list[float] = []
    halved = 1.0
    for size in range(1, min(_LONGEST, len(mine)) + 1):
        grams = _grams(mine, size)
        hits = (grams & _grams(theirs, size)).total()
        if size == 1 and not hits:
            return 0.0
        halved *= 1.0 if hits else 2.0  # Chen and Cherry 2014, method 3: a size without hits has 1/2, 1/4, ...
        logs.append(log((hits or 1.0 / halved) / grams.total()))
    brevity = min(0.0, 1.0 - len(theirs) / len(mine))
    return min(1.0, exp(brevity + sum(logs) / len(logs)))


def _gleu(answer: str, reference: str) -> float:
    sizes = range(1, _LONGEST + 1)
    mine, theirs = _grams(_TOKEN.findall(answer), *sizes), _grams(_TOKEN.findall(reference), *sizes)
    most = max(mine.total(), theirs.total())
    return (mine & theirs).total() / most if most else 0.0


def _meteor(answer: str, reference: str) -> float:
    """METEOR (Lavie and Agarwal 2007): the weighted mean of precision and recall, less up to half for broken order."""
    mine, theirs = _TOKEN.findall(answer.lower()), _TOKEN.findall(reference.lower())
    pairs = _aligned(mine, theirs, cache(_stemmer()))
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(mine), len(pairs) / len(theirs)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    chunks = 1 + sum((after[0] - before[0], after[1] - before[1]) != (1, 1) for before, after in pairwise(pairs))
    return float(mean * (1.0 - 0.5 * (chunks / len(pairs)) ** 3))


@cache
def _stemmer() -> Callable[[str], str]:
    from snowballstemmer import stemmer  # noqa: PLC0415  # only METEOR needs it

    stem: Callable[[str], str] = stemmer("porter").stemWord
    return stem


def _aligned(mine: Sequence[str], theirs: Sequence[str], stem: Callable[[str], str]) -> list[tuple[int, int]]:
    """Places of words that match, each used once: equal words first, then equal stems, from the end as nltk does."""
    pairs: list[tuple[int, int]] = []
    left, right = list(enumerate(mine)), list(enumerate(theirs))
    for form in (str, stem):
        free: dict[str, list[int]] = {}
        for place, word in right:
            free.setdefault(form(word), []).append(place)
        used: set[int] = set()
        rest: list[tuple[int, str]] = []
        for place, word in reversed(left):
            places = free.get(form(word))
            if places:
                used.add(places[-1])
                pairs.append((place, places.pop()))
            else:
                rest.append((place, word))
        left, right = rest[::-1], [(place, word) for place, word in right if place not in used]
    return sorted(pairs)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: Sequence[str], *sizes: int) -> Grams:
    return Counter(chain.from_iterable(zip(*(words[start:] for start in range(size)), strict=False) for size in sizes))


def _f1(hits: float, mine: float, theirs: float) -> float:
    return 2.0 * hits / (mine + theirs) if hits else 0.0


MEASURES: Mapping[str, Measure] = {
    "fuzzy_match": _fuzzy_match,
    "bleu": _bleu,
    "gleu": _gleu,
    "meteor": _meteor,
    **{f"rouge_{size}": partial(_rouge_n, size=size) for size in range(1, 6)},
    "rouge_l": _rouge_l,
}
