"""The kinds of grader, as `parse_grader` makes them: checked, frozen, and with the definition they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeAlias

from jobs.graders.formula import Formula

Role: TypeAlias = Literal["user", "assistant", "system", "developer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Definition:
    """What every grader has."""

    type: ClassVar[str]
    name: str
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: float | None = None
    """The score from which an answer passes in an eval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Single(_Definition):
    @property
    def parts(self) -> tuple[Self, ...]:
        """The graders that are run and reported: this one."""
        return (self,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonGrader(_Single):
    """A grader whose score is the result of its own `grade(sample, item)`."""

    type: ClassVar[str] = "python"
    source: str = field(repr=False)

    @property
    def spec(self) -> tuple[str, ...]:
        """What a grading process needs to know: the type, and a scorer's arguments."""
        return (self.type, self.name, self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison(_Single):
    operation: str
    input: str
    """A template."""
    reference: str
    """A template."""

    @property
    def spec(self) -> tuple[str, ...]:
        """What a grading process needs to know: the type, and a scorer's arguments."""
        return (self.type, self.name, self.operation, self.input, self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class StringCheckGrader(_Comparison):
    """1 if two texts are `eq`, `ne`, `like` (the input contains the reference) or `ilike` (in any case), else 0."""

    type: ClassVar[str] = "string_check"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSimilarityGrader(_Comparison):
    """How alike two texts are, 0 to 1; `jobs.graders.sandbox.similarity` says how each metric is computed."""

    type: ClassVar[str] = "text_similarity"


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineGrader(_Single):
    """How alike two texts are by the cosine of their embeddings; negative ones count as 0. For evals only."""

    type: ClassVar[str] = "text_similarity"
    model: str
    """The embedding model."""
    input: str
    """A template."""
    reference: str
    """A template."""

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts that its model is given."""
        return (self.input, self.reference)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged(_Single):
    model: str
    messages: tuple[JudgeMessage, ...]
    settings: JudgeSettings

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts that its model is given."""
        return tuple(message.content for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreModelGrader(_Judged):
    """A model judges the answer by a number, which is clipped to a range."""

    type: ClassVar[str] = "score_model"
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelModelGrader(_Judged):
    """A model chooses one of some labels for the answer; 1 if it is a passing one, else 0. For evals only."""

    type: ClassVar[str] = "label_model"
    labels: tuple[str, ...]
    passing_labels: frozenset[str]


SandboxedGrader: TypeAlias = PythonGrader | StringCheckGrader | TextSimilarityGrader
"""Graded in a grading process."""
JudgeGrader: TypeAlias = ScoreModelGrader | LabelModelGrader
ModelGrader: TypeAlias = JudgeGrader | CosineGrader
"""Asks a model of a platform."""
SingleGrader: TypeAlias = SandboxedGrader | ModelGrader
SANDBOXED_GRADERS = (PythonGrader, StringCheckGrader, TextSimilarityGrader)
MODEL_GRADERS = (ScoreModelGrader, LabelModelGrader, CosineGrader)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiGrader(_Definition):
    """Several graders and the formula that makes one reward of their scores."""

    type: ClassVar[str] = "multi"
    graders: Mapping[str, SingleGrader]
    """By the variable that stands for them in the formula, in the definition's order."""
    formula: Formula

    @property
    def parts(self) -> tuple[SingleGrader, ...]:
        """The graders that are run and reported: its children."""
        return tuple(self.graders.values())


Grader: TypeAlias = SingleGrader | MultiGrader
