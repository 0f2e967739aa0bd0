"""Why a grader gave no score."""

from enum import StrEnum


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


class GradingError(Exception):
    """A grader gave no score for a sample."""

    def __init__(self, kind: GraderErrorKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
