"""Makes the answers that a reward grader is tried on: right, half right and trivial ones."""

import random
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.checks.facts import Facts, Source, Trial
from jobs.graders import Sample
from jobs.graders.example_answers import HERE, as_text, example_answers
from jobs.graders.tool_calls import calls_in, functions
from jobs.tasks import Row
from jobs.tasks.datasets.answer_shape import AnswerShape
from jobs.tasks.datasets.duplicates import text_of, words_of
from jobs.tasks.labels import label_counts, row_labels

ROWS: Final = 200
"""Of the train split that answers are tried on; fewer where it is smaller."""
ROWS_FOR_MODELS: Final = 3
"""The same where each grading asks a model and costs tokens."""
FOR_MODELS: Final = (Source.REFERENCE, Source.OTHER, Source.EMPTY)
"""The only trials where each grading costs tokens: with three rows, nine gradings."""
DRAWS: Final = 20
"""Of another row, until one has another reference."""
AS_CALL: Final = "(call)"
"""The form of an answer that calls the tools which the reference names."""
CORPUS: Final = 2000
"""Rows of the train split among which the most similar texts are looked for."""
_COLUMNS = 4096


def make_trials(facts: Facts, real: Mapping[str, str]) -> dict[Source, Trial]:
    """Return one answer of each source to some rows of the train split; the same task gives the same answers.

    Blocks for up to a second.

    Args:
        facts: of the task; at least one train row.
        real: row id to what a model answered.
    """
    train, shape, rng = facts.train, facts.shape, random.Random(0)
    most = ROWS_FOR_MODELS if facts.asks_models else ROWS
    tried = sorted(rng.sample(range(len(train)), min(most, len(train))))
    rows = tuple(train[place] for place in tried)
    made = [
        _copying(Source.REFERENCE, "the reference answer", facts, rows, rows),
        Trial(Source.EMPTY, "an empty answer", rows, (Sample(""),) * len(rows)),
    ]
    if len(train) > 1:
        others = [_another(train, place, rng, facts.reference) for place in tried]
        made.append(_copying(Source.OTHER, "the answer of another row", facts, rows, others))
    if len(train) > 1 and facts.labelled:
        alike = "the labels of the most similar other text"
        made.append(_copying(Source.NEIGHBOUR, alike, facts, rows, _most_similar(train, tried)))
    if facts.labelled and shape is None and facts.task.response_format is None:
        top = next(iter(label_counts(train)))
        frequent = tuple(in_form(facts.form, row, top) for row in rows)
        made.append(Trial(Source.TOP_LABEL, f"the most frequent label, '{top}'", rows, frequent))
    if facts.labelled and shape is not None:
        made += [
            Trial(source, phrase, rows, (Sample(shape.answer(labels)),) * len(rows))
            for source, phrase, labels in _constant_answers(train, shape)
        ]
    trials = {trial.source: trial for trial in made if trial.source in FOR_MODELS or not facts.asks_models}
    if answered := tuple(row for row in train if row.id in real)[:most]:
        texts = tuple(Sample(real[row.id]) for row in answered)
        trials[Source.REAL] = Trial(Source.REAL, "what a model answered", answered, texts)
    return trials


def _another(train: Sequence[Row], place: int, rng: random.Random, reference: str) -> Row:
    """Return another row drawn at random, with another reference if one is soon found: its answer is then wrong."""
    drawn = [train[(place + rng.randint(1, len(train) - 1)) % len(train)] for _ in range(DRAWS)]
    own = train[place].item.get(reference)
    return next((row for row in drawn if row.item.get(reference) != own), drawn[0])


def nearest_other(texts: Sequence[str], asked: Sequence[int]) -> tuple[int, ...]:
    """Return for each place in `asked` the place of the other text with the highest cosine of TF-IDF vectors.

    Words are hashed into 4,096 columns (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009);
    weights are (1 + ln tf) ln(n / df) (Manning, Raghavan and Schuetze, "Introduction to Information Retrieval", 6.4).
    Needs two texts or more, and memory for 16 KB each.
    """
    vectors = _vectors(texts)
    similarity = vectors[list(asked)] @ vectors.T
    similarity[np.arange(len(asked)), list(asked)] = -1.0
    return tuple(int(place) for place in similarity.argmax(axis=1))


def _copying(source: Source, phrase: str, facts: Facts, rows: tuple[Row, ...], copied: Sequence[Row]) -> Trial:
    """Answer each row with the reference of the row that is copied, as far as the response format lets it be said."""
    answers = tuple(_reference_answer(facts, row, each) for row, each in zip(rows, copied, strict=True))
    is_right = source is Source.REFERENCE and all(_is_placed(facts, row) for row in copied)
    return Trial(source, phrase, rows, answers, is_right=is_right)


def _reference_answer(facts: Facts, row: Row, copied: Row) -> Sample:
    reference, labels = copied.item.get(facts.reference), row_labels(copied)
    if facts.task.response_format is None:
        return in_form(facts.form, row, reference)
    if _is_whole_answer(facts, reference):
        return Sample(as_text(reference))
    if facts.shape is not None and labels is not None:
        return Sample(facts.shape.answer(labels))
    return Sample(example_answers(copied.item, facts.task.response_format)[0])


def in_form(form: str, row: Row, reference: object) -> Sample:
    """Return an answer to a row that gives a reference in a form; some words where there is no reference."""
    if form == AS_CALL:
        return Sample("", calls_in(reference, functions(row.item)))
    return Sample(form.replace(HERE, as_text("answer" if reference is None else reference)))


def _is_placed(facts: Facts, row: Row) -> bool:
    """Tell whether an answer made from a row's reference has it where it belongs, and nothing was made up."""
    reference, labels = row.item.get(facts.reference), row_labels(row)
    if facts.task.response_format is None:
        return reference is not None
    if _is_whole_answer(facts, reference):
        return True
    return facts.shape is not None and facts.shape.is_sure and labels is not None


def _is_whole_answer(facts: Facts, reference: object) -> bool:
    """Tell whether a reference is an answer as it stands: an object with the response format's own fields."""
    example = facts.shape.example if facts.shape else None
    return isinstance(reference, dict) and isinstance(example, dict) and reference.keys() == example.keys()


def _most_similar(train: Sequence[Row], tried: Sequence[int]) -> list[Row]:
    rest = sorted(set(range(len(train))) - set(tried))
    corpus = [*tried, *rest[: max(CORPUS - len(tried), 0)]]
    places = nearest_other([text_of(train[place]) for place in corpus], range(len(tried)))
    return [train[corpus[place]] for place in places]


def _constant_answers(train: Sequence[Row], shape: AnswerShape) -> list[tuple[Source, str, Sequence[str]]]:
    frequent = list(label_counts(train))
    made: list[tuple[Source, str, Sequence[str]]] = [
        (Source.TOP_LABEL, f"the most frequent label, '{frequent[0]}'", frequent[:1])
    ]
    if shape.many:
        sets = Counter(tuple(sorted(row_labels(row) or ())) for row in train)
        top_set = min(sets, key=lambda labels: (-sets[labels], labels))
        everything = shape.choices or tuple(frequent)
        made += [
            (Source.NO_LABELS, "no labels", ()),
            (Source.ALL_LABELS, f"all {len(everything)} labels", everything),
            (Source.TOP_SET, f"the most frequent label set, '{' + '.join(top_set)}'", top_set),
        ]
    return made


def _vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    table = np.zeros((len(texts), _COLUMNS), dtype=np.float32)
    for place, text in enumerate(texts):
        for column, count in Counter(zlib.crc32(word.encode()) % _COLUMNS for word in words_of(text)).items():
            table[place, column] = 1.0 + np.log(count)
    frequency = np.maximum((table > 0).sum(axis=0), 1)
    table *= np.log(len(texts) / frequency).astype(np.float32)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    table /= np.where(lengths > 0, lengths, 1.0)
    return table
