"""Makes the answers that a reward grader is tried on: right, half right and trivial ones."""

import random
from collections import Counter
from collections.abc import Sequence

from jobs.checks.facts import Source
from jobs.checks.neighbours import nearest_other
from jobs.graders.example_answers import example_answers
from jobs.tasks import Row, Task
from jobs.tasks.datasets.answer_shape import AnswerShape
from jobs.tasks.datasets.duplicates import text_of
from jobs.tasks.labels import label_counts, row_labels

ROWS = 200
"""Of the train split that answers are tried on; fewer where it is smaller."""
ROWS_FOR_MODELS = 3
"""The same where each grading asks a model and costs tokens."""
CORPUS = 2000
"""Of the train split that most similar texts are looked for among."""
Answers = tuple[str, tuple[str, ...]]
"""A phrase for sentences, and an answer to each row."""


class TrialMaker:
    """Makes the trials of one task; the same task gives the same answers.

    Args:
        task: the task.
        train: the rows that training would see.
        shape: where labels stand in an answer; None where the format has no place for any.
        labelled: whether the references are sets of labels.
        most: rows to try answers on.
    """

    def __init__(
        self, task: Task, train: Sequence[Row], shape: AnswerShape | None, *, labelled: bool, most: int = ROWS
    ) -> None:
        self._task, self._train, self._shape, self._labelled = task, train, shape, labelled
        self._rng = random.Random(0)
        self._tried = sorted(self._rng.sample(range(len(train)), min(most, len(train))))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that answers are tried on."""
        return tuple(self._train[place] for place in self._tried)

    def answers(self) -> dict[Source, Answers]:
        """Return for each source a phrase and one answer to each of the rows; blocks for up to a second."""
        made: dict[Source, Answers] = {}
        made[Source.REFERENCE] = "the reference answer", tuple(self.reference(row) for row in self.rows)
        made[Source.EMPTY] = "an empty answer", ("",) * len(self._tried)
        if len(self._train) > 1:
            other = "the answer of another row", tuple(self.reference(row) for row in self._others())
            alike = "the labels of the most similar other text", tuple(self.reference(row) for row in self._alike())
            made |= {Source.OTHER: other} | ({Source.NEIGHBOUR: alike} if self._labelled else {})
        if self._labelled and self._shape is not None:
            made |= {
                source: (phrase, (self._shape.answer(labels),) * len(self._tried))
                for source, (phrase, labels) in self._constant(self._shape).items()
            }
        return made

    def reference(self, row: Row) -> str:
        """Return an answer that says what the row's reference says, as far as the response format lets it."""
        labels = row_labels(row)
        if self._shape is not None and labels is not None:
            return self._shape.answer(labels)
        return example_answers(row.item, self._task.response_format)[0]

    def _others(self) -> list[Row]:
        last = len(self._train) - 1
        shifts = [self._rng.randint(1, last) for _ in self._tried]
        return [
            self._train[(place + shift) % len(self._train)] for place, shift in zip(self._tried, shifts, strict=True)
        ]

    def _alike(self) -> list[Row]:
        rest = sorted(set(range(len(self._train))) - set(self._tried))
        corpus = self._tried + rest[: max(CORPUS - len(self._tried), 0)]
        places = nearest_other([text_of(self._train[place]) for place in corpus], range(len(self._tried)))
        return [self._train[corpus[place]] for place in places]

    def _constant(self, shape: AnswerShape) -> dict[Source, tuple[str, Sequence[str]]]:
        frequent = list(label_counts(self._train))
        sets = Counter(tuple(sorted(row_labels(row) or ())) for row in self._train)
        most_frequent = min(sets, key=lambda labels: (-sets[labels], labels))
        everything = shape.choices or tuple(frequent)
        made: dict[Source, tuple[str, Sequence[str]]] = {
            Source.TOP_LABEL: (f"the most frequent label, '{frequent[0]}'", frequent[:1])
        }
        if shape.many:
            made |= {
                Source.NO_LABELS: ("no labels", ()),
                Source.ALL_LABELS: (f"all {len(everything)} labels", everything),
                Source.TOP_SET: (f"the most frequent label set, '{' + '.join(most_frequent)}'", most_frequent),
            }
        return made
