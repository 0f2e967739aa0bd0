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
Chinese, Japanese or Korean character is a word by itself. bleu, gleu and meteor count punctuation too.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import exp, log
from re import compile as pattern

Measure = Callable[[str, str], float]
"""Takes the answer and the reference."""

_CHARACTERS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = pattern(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+")
_TOKEN = pattern(rf"[{_CHARACTERS}]|[^\W_{_CHARACTERS}]+|[^\w\s]|_")
_LONGEST = 4
"""Words in BLEU's and GLEU's longest n-gram."""

Grams = Counter[tuple[str, ...]]


def measure_of(metric: str) -> Measure:
    """The measure called `metric`; imports the library it takes, where it takes one.

    Raises:
        ImportError: that library is not installed.
    """
    if metric.startswith("rouge_") and metric != "rouge_l":
        size = int(metric.removeprefix("rouge_"))
        return lambda answer, reference: _rouge_n(answer, reference, size)
    makers: dict[str, Callable[[], Measure]] = {
        "fuzzy_match": _fuzzy_match,
        "rouge_l": _rouge_l,
        "bleu": lambda: bleu,
        "gleu": lambda: gleu,
        "meteor": _meteor,
    }
    return makers[metric]()


def _fuzzy_match() -> Measure:
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415  # only the graders that need it pay for it

    return lambda answer, reference: ratio(answer, reference) / 100.0


def _rouge_l() -> Measure:
    from rapidfuzz.distance.LCSseq import similarity  # noqa: PLC0415  # only the graders that need it pay for it

    def rouge_l(answer: str, reference: str) -> float:
        mine, theirs = _words(answer), _words(reference)
        return _f1(similarity(mine, theirs), len(mine), len(theirs))

    return rouge_l


def _rouge_n(answer: str, reference: str, size: int) -> float:
    mine, theirs = _grams(_words(answer), size), _grams(_words(reference), size)
    return _f1((mine & theirs).total(), mine.total(), theirs.total())


def bleu(answer: str, reference: str) -> float:
    """BLEU of one sentence; see the top of the file."""
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
        halved *= 1.0 if hits else 2.0  # Chen and Cherry 2014, method 3: 1/2, 1/4, ... of a hit where there is none
        logs.append(log((hits or 1.0 / halved) / grams.total()))
    brevity = min(0.0, 1.0 - len(theirs) / len(mine))
    return min(1.0, exp(brevity + sum(logs) / len(logs)))


def gleu(answer: str, reference: str) -> float:
    """Google BLEU: the smaller of precision and recall over all 1..4-grams."""
    mine, theirs = _all_grams(_TOKEN.findall(answer)), _all_grams(_TOKEN.findall(reference))
    most = max(mine.total(), theirs.total())
    return (mine & theirs).total() / most if most else 0.0


def _meteor() -> Measure:
    from snowballstemmer import stemmer  # noqa: PLC0415 - only METEOR needs it, in the grading process

    stem: Callable[[str], str] = stemmer("porter").stemWord
    return lambda answer, reference: meteor(answer, reference, stem)


def meteor(answer: str, reference: str, stem: Callable[[str], str]) -> float:
    """METEOR (Lavie and Agarwal 2007): the weighted mean of precision and recall, less up to half for broken order.

    Args:
        answer: the answer's text.
        reference: the reference's text.
        stem: a word's stem.
    """
    mine, theirs = _TOKEN.findall(answer.lower()), _TOKEN.findall(reference.lower())
    pairs = _aligned(mine, theirs, stem)
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(mine), len(pairs) / len(theirs)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    runs = 1 + sum((after[0] - before[0], after[1] - before[1]) != (1, 1) for before, after in pairwise(pairs))
    return float(mean * (1.0 - 0.5 * (runs / len(pairs)) ** 3))


def _aligned(mine: Sequence[str], theirs: Sequence[str], stem: Callable[[str], str]) -> list[tuple[int, int]]:
    """Places of words that match, each used once: equal words first, then equal stems, from the end as nltk does."""
    pairs: list[tuple[int, int]] = []
    left, right = list(enumerate(mine)), list(enumerate(theirs))
    for form in (str, _remembering(stem)):
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


def _remembering(stem: Callable[[str], str]) -> Callable[[str], str]:
    known: dict[str, str] = {}

    def remembered(word: str) -> str:
        if word not in known:
            known[word] = stem(word)
        return known[word]

    return remembered


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: Sequence[str], size: int) -> Grams:
    return Counter(zip(*(words[start:] for start in range(size)), strict=False))


def _all_grams(words: Sequence[str]) -> Grams:
    grams: Grams = Counter()
    for size in range(1, _LONGEST + 1):
        grams.update(_grams(words, size))
    return grams


def _f1(hits: float, mine: float, theirs: float) -> float:
    return 2.0 * hits / (mine + theirs) if hits else 0.0
