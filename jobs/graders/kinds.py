"""The kinds of grader, as `parse_grader` makes them: checked, frozen, and with the definition they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from jobs.graders.formula import Formula

Role: TypeAlias = Literal["user", "assistant", "system", "developer"]


@dataclass(frozen=True, slots=True)
class PythonGrader:
    """A grader whose score is what its own `grade(sample, item)` returns."""

    type: ClassVar[Literal["python"]] = "python"
    name: str
    source: str = field(repr=False)
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["PythonGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)

    @property
    def orders(self) -> tuple[str, ...]:
        """What a grading process is told of it."""
        return (self.name, self.source)


@dataclass(frozen=True, slots=True)
class StringCheckGrader:
    """1 where two texts are as they should be to each other, else 0."""

    type: ClassVar[Literal["string_check"]] = "string_check"
    name: str
    operation: str
    """`eq`, `ne`, `like` (the input contains the reference) or `ilike` (the same, whatever the case)."""
    input: str
    """A template."""
    reference: str
    """A template."""
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["StringCheckGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)

    @property
    def orders(self) -> tuple[str, ...]:
        """What a grading process is told of it."""
        return (self.name, self.operation, self.input, self.reference)


@dataclass(frozen=True, slots=True)
class TextSimilarityGrader:
    """How alike two texts are, 0 to 1; `jobs.graders.cell.similarity` says how each metric is computed."""

    type: ClassVar[Literal["text_similarity"]] = "text_similarity"
    name: str
    metric: str
    input: str
    """A template."""
    reference: str
    """A template."""
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["TextSimilarityGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)

    @property
    def orders(self) -> tuple[str, ...]:
        """What a grading process is told of it."""
        return (self.name, self.metric, self.input, self.reference)


@dataclass(frozen=True, slots=True)
class CosineGrader:
    """How alike two texts are by the cosine of their embeddings; negative ones count as 0. For evals only."""

    type: ClassVar[Literal["text_similarity"]] = "text_similarity"
    name: str
    model: str
    """The embedding model."""
    input: str
    """A template."""
    reference: str
    """A template."""
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["CosineGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)


@dataclass(frozen=True, slots=True)
class JudgeMessage:
    """One message to a judge."""

    role: Role
    content: str
    """In a grader a template, in a question the text itself."""


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a judge is sampled; None leaves it to the platform."""

    seed: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """Most tokens of the answer, reasoning included; `max_completions_tokens` in the definition."""
    effort: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreModelGrader:
    """A model judges the answer by a number, which is clipped to a range."""

    type: ClassVar[Literal["score_model"]] = "score_model"
    name: str
    model: str
    messages: tuple[JudgeMessage, ...]
    lowest: float
    highest: float
    settings: JudgeSettings
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["ScoreModelGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)


@dataclass(frozen=True, slots=True)
class LabelModelGrader:
    """A model puts one of some labels on the answer; 1 where it is a passing one, else 0. For evals only."""

    type: ClassVar[Literal["label_model"]] = "label_model"
    name: str
    model: str
    messages: tuple[JudgeMessage, ...]
    labels: tuple[str, ...]
    passing_labels: frozenset[str]
    settings: JudgeSettings
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple["LabelModelGrader", ...]:
        """The graders that are run and reported: this one."""
        return (self,)


CellGrader: TypeAlias = PythonGrader | StringCheckGrader | TextSimilarityGrader
"""Graded in a grading process."""
ModelGrader: TypeAlias = ScoreModelGrader | LabelModelGrader | CosineGrader
"""Asks a model of a platform."""
SingleGrader: TypeAlias = CellGrader | ModelGrader
CELL_GRADERS = (PythonGrader, StringCheckGrader, TextSimilarityGrader)
MODEL_GRADERS = (ScoreModelGrader, LabelModelGrader, CosineGrader)


@dataclass(frozen=True, slots=True)
class MultiGrader:
    """Several graders and the formula that makes one reward of their scores."""

    type: ClassVar[Literal["multi"]] = "multi"
    name: str
    graders: Mapping[str, SingleGrader]
    """By the variable that stands for them in the formula, in the definition's order."""
    formula: Formula
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None

    @property
    def parts(self) -> tuple[SingleGrader, ...]:
        """The graders that are run and reported: its children."""
        return tuple(self.graders.values())


Grader: TypeAlias = SingleGrader | MultiGrader
