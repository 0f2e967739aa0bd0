"""The kinds of grader, as `parse_grader` makes them: checked, frozen, and with the definition they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from jobs.graders import fields
from jobs.graders.fields import InvalidGrader, read_fields, shown
from jobs.graders.formula import Formula
from jobs.graders.python_source import python_source
from jobs.graders.sandbox.similarity import MEASURES
from jobs.graders.sandbox.text_scorer import OPERATIONS

Role: TypeAlias = Literal["user", "assistant", "system", "developer"]
Template: TypeAlias = Annotated[str, fields.template]
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
TEXT_PARTS = ("text", "input_text", "output_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Definition:
    """What every grader has."""

    type: ClassVar[str]
    name: Annotated[str, fields.text]
    definition: Mapping[str, object] = field(repr=False)
    """What was parsed, unchanged."""
    pass_threshold: Annotated[float | None, fields.number] = None
    """The score from which an answer passes in an eval."""
    invalid_grade: Annotated[float | None, fields.number] = None
    """What an answer scores that it cannot grade; None is the fine-tuning API's 0."""

    @property
    def score_if_ungradable(self) -> float:
        """What an answer scores that this grader cannot grade, in training and in evals."""
        return self.invalid_grade or 0.0


class _Single(_Definition):
    __slots__ = ()

    @property
    def parts(self) -> tuple[Self, ...]:
        """The graders that are run and reported: this one."""
        return (self,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonGrader(_Single):
    """A grader whose score is the result of its own `grade(sample, item)`."""

    type: ClassVar[str] = "python"
    source: Annotated[str, python_source] = field(repr=False)
    image_tag: Annotated[str | None, partial(fields.text, optional=True)] = None

    @property
    def spec(self) -> tuple[str, ...]:
        """What a grading process needs to know: the type, and a scorer's arguments."""
        return (self.type, self.name, self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison(_Single):
    input: Template
    reference: Template
    operation: str

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts that are compared."""
        return (self.input, self.reference)

    @property
    def spec(self) -> tuple[str, ...]:
        """What a grading process needs to know: the type, and a scorer's arguments."""
        return (self.type, self.name, self.operation, self.input, self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class StringCheckGrader(_Comparison):
    """1 if two texts are `eq`, `ne`, `like` (the input contains the reference) or `ilike` (in any case), else 0."""

    type: ClassVar[str] = "string_check"
    operation: Annotated[str, fields.choice(*OPERATIONS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSimilarityGrader(_Comparison):
    """How alike two texts are, 0 to 1; `jobs.graders.sandbox.similarity` says how each metric is computed."""

    type: ClassVar[str] = "text_similarity"
    operation: Annotated[str, fields.choice("cosine", *MEASURES), "evaluation_metric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineGrader(_Single):
    """How alike two texts are by the cosine of their embeddings; negative ones count as 0. For evals only."""

    type: ClassVar[str] = "text_similarity"
    input: Template
    reference: Template
    metric: Annotated[str, fields.choice("cosine"), "evaluation_metric"] = "cosine"
    model: Annotated[str, fields.text, "embedding_model"]

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts that its model is given."""
        return (self.input, self.reference)


def _content(value: object, path: str) -> str:
    """The text of a message, or of its parts; judges here read text only."""
    texts = []
    for part in value if isinstance(value, list | tuple) else [value]:
        content = part.get("text") if isinstance(part, Mapping) and part.get("type") in TEXT_PARTS else part
        if not isinstance(content, str):
            kind = content.get("type") if isinstance(content, Mapping) else content
            raise InvalidGrader(path, f"must be text; {shown(kind)} cannot be shown to a judge here")
        texts.append(fields.template(content, path))
    return "\n".join(texts)


@dataclass(frozen=True, slots=True)
class JudgeMessage:
    """One message to a judge."""

    type: ClassVar[str] = "message"
    role: Annotated[Role, fields.choice("user", "assistant", "system", "developer")]
    content: Annotated[str, _content]
    """In a grader a template, in a question the text itself."""


def _messages(value: object, path: str) -> tuple[JudgeMessage, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise InvalidGrader(path, "must be a list of messages, each with role and content")
    return tuple(read_fields(JudgeMessage, one, f"{path}[{place}]", "a message") for place, one in enumerate(value))


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a judge is sampled; None leaves it to the platform."""

    seed: Annotated[int | None, partial(fields.number, whole=True)] = None
    temperature: Annotated[float | None, fields.number] = None
    top_p: Annotated[float | None, fields.number] = None
    max_tokens: Annotated[int | None, partial(fields.number, whole=True, minimum=1), "max_completions_tokens"] = None
    """Most tokens of the answer, reasoning included."""
    effort: Annotated[str | None, fields.choice(*EFFORTS, optional=True), "reasoning_effort"] = None


def _settings(value: object, path: str) -> JudgeSettings:
    return read_fields(JudgeSettings, {} if value is None else value, path, "sampling_params")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged(_Single):
    model: Annotated[str, fields.text]
    messages: Annotated[tuple[JudgeMessage, ...], _messages, "input"]
    settings: Annotated[JudgeSettings, _settings, "sampling_params"]

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts that its model is given."""
        return tuple(message.content for message in self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreModelGrader(_Judged):
    """A model judges the answer by a number, which is clipped to a range."""

    type: ClassVar[str] = "score_model"
    range: Annotated[tuple[float, float], fields.number_range]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelModelGrader(_Judged):
    """A model chooses one of some labels for the answer; 1 if it is a passing one, else 0. For evals only."""

    type: ClassVar[str] = "label_model"
    labels: Annotated[tuple[str, ...], fields.labels]
    passing_labels: Annotated[tuple[str, ...], fields.labels]


def _url(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise InvalidGrader(path, f"must be an address that starts with https://, not {shown(value)}")
    return value


def _function(value: object, path: str) -> str:
    function = value.get("function") if isinstance(value, Mapping) else None
    if not isinstance(function, str) or not function.startswith("arn:"):
        raise InvalidGrader(path, f'must be {{"function": "arn:aws:lambda:..."}}, not {shown(value)}')
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointGrader(_Single):
    """An address that the platform asks for a score; it is never asked from here."""

    type: ClassVar[str] = "endpoint"
    run_by: ClassVar[str] = "OpenAI and Azure, in a preview,"
    url: Annotated[str, _url]


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaGrader(_Single):
    """A function at Amazon that Bedrock calls for a score; it is never called from here."""

    type: ClassVar[str] = "lambda"
    run_by: ClassVar[str] = "Amazon Bedrock"
    function: Annotated[str, _function, "lambda"]


SandboxedGrader: TypeAlias = PythonGrader | StringCheckGrader | TextSimilarityGrader
"""Graded in a grading process."""
JudgeGrader: TypeAlias = ScoreModelGrader | LabelModelGrader
ModelGrader: TypeAlias = JudgeGrader | CosineGrader
"""Asks a model of a platform."""
RemoteGrader: TypeAlias = EndpointGrader | LambdaGrader
"""Graded by the platform that trains, and nowhere else."""
SingleGrader: TypeAlias = SandboxedGrader | ModelGrader | RemoteGrader
SANDBOXED_GRADERS = (PythonGrader, StringCheckGrader, TextSimilarityGrader)
MODEL_GRADERS = (ScoreModelGrader, LabelModelGrader, CosineGrader)
REMOTE_GRADERS = (EndpointGrader, LambdaGrader)


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
