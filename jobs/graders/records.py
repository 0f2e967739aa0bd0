"""What goes into a grading and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jobs.graders.cell.grading import read_json

GB = 1024**3


class GraderErrorKind(StrEnum):
    """Why a grader gave no score, in the spelling of the fine-tuning API's `metadata.errors`."""

    FORMULA_PARSE_ERROR = "formula_parse_error"
    SAMPLE_PARSE_ERROR = "sample_parse_error"
    TRUNCATED_OBSERVATION_ERROR = "truncated_observation_error"
    UNRESPONSIVE_REWARD_ERROR = "unresponsive_reward_error"
    INVALID_VARIABLE_ERROR = "invalid_variable_error"
    OTHER_ERROR = "other_error"
    PYTHON_GRADER_SERVER_ERROR = "python_grader_server_error"
    PYTHON_GRADER_RUNTIME_ERROR = "python_grader_runtime_error"
    MODEL_GRADER_SERVER_ERROR = "model_grader_server_error"
    MODEL_GRADER_REFUSAL_ERROR = "model_grader_refusal_error"
    MODEL_GRADER_PARSE_ERROR = "model_grader_parse_error"


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a model, as a grader gets to see it."""

    output_text: str

    @property
    def output_json(self) -> object | None:
        """The answer read as strict JSON; None where it is not JSON (or is the JSON value null)."""
        return read_json(self.output_text)


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens that a judge took; those a platform did not report are not counted."""

    input_tokens: int = 0
    output_tokens: int = 0
    """Reasoning included."""

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        return TokenUsage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader made of one sample.

    `scores`, `errors` and `seconds` are keyed by a grader's `name`: the children of a multi grader, or the single
    grader itself. A formula that fails is an error under the multi grader's own name.
    """

    reward: float
    """Finite; 0 where any grader that it depends on failed."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """A failed grader scores 0. One that was not asked, because the one before it had to be stopped, is absent."""
    errors: Mapping[str, tuple[GraderErrorKind, ...]] = field(default_factory=dict)
    """Only graders that failed are named."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent inside each grader's `grade`, or from a judge's question to its answer."""
    detail: str | None = None
    """For people: what went wrong first, with the line of the grader's source where there is one."""
    stopped: bool = False
    """A grader took too long on this sample, or ended its process."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What each label_model grader called the answer."""
    usage: Mapping[str, TokenUsage] = field(default_factory=dict)
    """What judging took, by model; failed judgements count where the platform reported them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What graders may use; the defaults for python graders are the fine-tuning API's."""

    seconds: float = 120.0
    """Wall time of one call of `grade`, and of running the source once."""
    memory_bytes: int = 2 * GB
    file_bytes: int = 1 * GB
    """The largest file that a grader may write into its scratch folder."""
    scratch_bytes: int = 1 * GB
    """All that a grading process may hold on disk at a time, unlinked files included. It is looked at every 10 ms, so
    that a process can be over it by what it writes meanwhile."""
    scratch_files: int = 4096
    """Files and folders that a grading process may hold at a time."""
    patience_seconds: float = 5.0
    """A call that takes longer goes on with the lowest priority, and its process is not used again."""
    timeouts: int = 3
    """So many calls over time in one batch, and the rest of the batch is not graded: a loop must not cost hours."""
    crashes: int = 64
    """So many processes ended by the grader in one batch, and the rest of the batch is not graded."""
    judge_seconds: float = 1200.0
    """How long one judgement may take, with all that whoever asks does to get an answer."""
