"""What goes into a grading and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from jobs.graders.sandbox.errors import GraderErrorKind

GB = 1024**3

Item: TypeAlias = Mapping[str, object]
"""A row of a dataset, made of JSON's types."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a model, as a grader gets to see it."""

    output_text: str
    tool_calls: tuple[Mapping[str, object], ...] = ()
    """What it calls, as chat completions spell it: `{"id", "type": "function", "function": {"name", "arguments"}}`."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens that a judge took; those a platform did not report are not counted."""

    input_tokens: int = 0
    output_tokens: int = 0
    """Reasoning included."""

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        return TokenUsage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One grader's result for one sample: a score, or the kind of error and its detail; a judge's label and tokens."""

    score: float
    seconds: float
    kind: GraderErrorKind | None = None
    detail: str | None = None
    stopped: bool = False
    """The call ended the process or had to be ended."""
    label: str | None = None
    usage: TokenUsage | None = None
    is_unasked: bool = False
    """The platform of the judge, or of the embeddings, did not answer; it may later."""
    is_untried: bool = False
    """Not graded, because too many calls of the same batch had to be stopped, or because there is no sandbox."""


Outcomes: TypeAlias = dict[str, Outcome]
"""One sample's outcomes by grader name. A grader that did not run, because one before it was stopped, is absent."""


@dataclass(frozen=True, slots=True)
class Grade:
    """The result of grading one sample.

    `scores`, `errors`, `seconds` and `labels` (of label_model graders) are keyed by a grader's `name`: the children of
    a multi grader, or the single grader itself. A formula that fails is an error under the multi grader's own name.
    """

    reward: float
    """Finite; the grader's `invalid_grade`, by default 0, if any grader that it depends on failed."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """A failed grader has its `invalid_grade`; one that did not run, because one before it was stopped, is absent."""
    errors: Mapping[str, tuple[GraderErrorKind, ...]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent inside each grader's `grade`, or from a judge's question to its answer."""
    detail: str | None = None
    """For people: the first error, with the line of the grader's source if there is one."""
    stopped: bool = False
    """A grader took too long on this sample, or ended its process."""
    labels: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[str, TokenUsage] = field(default_factory=dict)
    """Tokens of judges, by model; failed judgements count if the platform reported them."""
    is_unasked: bool = False
    """A platform that a grader asks did not answer; it may later."""
    is_untried: bool = False
    """A grader was not run on this sample."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What graders may use; the defaults for python graders are the fine-tuning API's."""

    seconds: float = 120.0
    """Wall time of one call of `grade`, and of running the source once."""
    memory_bytes: int = 2 * GB
    file_bytes: int = 1 * GB
    """The largest file that a grader may write into its scratch folder."""
    scratch_bytes: int = 1 * GB
    """All that a grading process may hold on disk at a time, unlinked files included. It is checked about every 20 ms:
    a process can exceed it by what it writes between two checks."""
    scratch_files: int = 4096
    """Files and folders that a grading process may hold at a time."""
    timeouts: int = 3
    """After this many calls over time the rest of a batch is not graded: an endless loop must not cost hours."""
    crashes: int = 64
    """After this many processes ended by the grader the rest of a batch is not graded."""
    judge_seconds: float = 1200.0
    """How long one judgement may take, retries included."""
