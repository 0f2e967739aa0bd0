"""Answers in plain text: the forms an answer may be put in, and the choices that a prompt itself names."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

CANNOT_WRITE = (
    "The local platform chooses among answers and cannot write prose: give a response format with an enum, name the "
    "few possible answers in the prompt, or set platform= to another one."
)
BARE = "{}"
FORMS = (BARE, "Answer: {}", "The answer is {}.", "<answer>{}</answer>", "#### {}", "\\boxed{{}}")
"""The usual ways of giving an answer in prose; `{}` stands for it."""
MOST_FORMS = 12
MOST_WORDS, MOST_NAMED, MOST_RANGE = 3, 40, 21
SHARED_BY = 0.5
"""The share of a job's prompts that must name something for it to belong to the instructions, not to an example."""

_LEAD = re.compile(r"[\"'`“\u2018«「『]([^\"'`“”\u2018\u2019«»「」『』\n:\uff1a]{1,30}[:\uff1a] ?)")
"""A quoted beginning of an answer, such as the one in: end with "Verdict: <letter>"."""
_CUE = re.compile(
    r"\b(?:answer|reply|respond|classify|labels?|choose|pick|select|output|return|say|options|categories|choices"
    r"|classes|one|either)\b[^.\n,:]{0,60}?(?:\b(?:with|as|of|from|among|between|either)\b|[:\uff1a])\s*?"
    r"(?:\b(?:one of|the|exactly|only|just|labels|categories|following|these|either)\b:?[ ]*|[ ]+)*",
    re.IGNORECASE,
)
_DIRECT = re.compile(r"(?i)\b(?:answer|reply|say|respond|return|output|either) (\w+(?:, \w+)*,? or \w+)\b")
_CUE_IN_CHINESE = re.compile(r"[答选選择擇类類签籤称稱判一][^\n。:\uff1a]{0,12}[:\uff1a]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
"""Of scripts that put no spaces between words."""
_BULLET = re.compile(r"[ \t]*[-*•][ \t]+(\S.{0,39})[ \t]*(?:\n|$)")
_SEPARATOR = re.compile(r"\s*(?:[,;|/、\uff0c]|\bor\b|\band\b|还是|還是|或者?|または)\s*")
_SENTENCE_END = re.compile(r"[.!?(:\n。\uff01\uff1f\uff08\uff1a]")
_LETTERED = re.compile(r"(?m)^[ \t]*\(?([A-H])[).:][ \t]")
_RANGE = re.compile(
    r"(?i)\b(?:number|integer|score|rating|rate|grade|scale)\b[^.\n]{0,40}?(\d+) ?(?:to|and|-|\u2013) ?(\d+)"
)


def mark_of(form: str) -> str:
    """Return by what a prompt that asks for `form` can be known; nothing for the bare answer."""
    return form.partition("{}")[0].strip().lower()


def forms_in(prompts: Sequence[str]) -> tuple[str, ...]:
    """Return the forms an answer may be put in: the usual ones, and the beginnings that most of `prompts` quote."""
    quoted = _in_most(prompts, lambda prompt: dict.fromkeys(f"{lead}{{}}" for lead in _LEAD.findall(prompt)))
    known = {mark_of(form) for form in FORMS}
    return (*FORMS, *(form for form in quoted if mark_of(form) not in known))[:MOST_FORMS]


def choices_in(prompts: Sequence[str]) -> tuple[str, ...]:
    """Return the answers that most of `prompts` name: after words such as "answer with", as letters, or as a range."""
    return _in_most(prompts, choices_named)


def choices_named(prompt: str) -> tuple[str, ...]:
    """Return the answers that one prompt names, in its order; empty where it names none."""
    cues = (cue.end() for each in (_CUE, _CUE_IN_CHINESE) for cue in each.finditer(prompt))
    for start in (*cues, *(cue.start(1) for cue in _DIRECT.finditer(prompt))):
        if found := _listed(prompt[start:]):
            return found
    letters = tuple(dict.fromkeys(_LETTERED.findall(prompt)))
    if len(letters) > 1 and letters == tuple("ABCDEFGH"[: len(letters)]):
        return letters
    return next(filter(None, map(_range, _RANGE.findall(prompt))), ())


def _listed(text: str) -> tuple[str, ...]:
    """Return the items that `text` begins with, in bullets or in a sentence; none if they are not short."""
    bullets, rest = [], text.lstrip(" \n")
    while bullet := _BULLET.match(rest):
        bullets.append(bullet[1])
        rest = rest[bullet.end() :]
    items = bullets or _SEPARATOR.split(_SENTENCE_END.split(text, maxsplit=1)[0])
    named = tuple(dict.fromkeys(name for item in items if (name := item.strip(" \t\"'`“”\u2018\u2019「」『』"))))
    return named if 1 < len(named) <= MOST_NAMED and all(_is_short(name) for name in named) else ()


def _is_short(name: str) -> bool:
    return len(name) <= (12 if _UNSPACED.search(name) else 40) and len(name.split()) <= MOST_WORDS


def _range(ends: tuple[str, str]) -> tuple[str, ...]:
    low, high = map(int, ends)
    return tuple(map(str, range(low, high + 1))) if 0 < high - low < MOST_RANGE else ()


def _in_most(prompts: Sequence[str], named: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    counts = Counter(name for prompt in prompts for name in named(prompt))
    return tuple(name for name, count in counts.items() if count >= SHARED_BY * len(prompts))
