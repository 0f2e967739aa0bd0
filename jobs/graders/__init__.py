"""Graders: definitions read and checked, and a runtime that grades samples with them outside this process.

    async with GraderRuntime(workers=2) as runtime:
        grades = await runtime.grade(parse_grader(definition), [(Sample('{"label": "law"}'), item)])

Python graders, string_check and text_similarity run in processes of their own, locked in by Landlock and seccomp. If
the kernel does not have both (it takes Linux 5.13 or newer on x86_64 or aarch64) they are refused with a sentence.
Judges (score_model, label_model) and embeddings are asked through the ports `Judge` and `Embedder`.
"""

from jobs.graders.definitions import (
    extra_fields,
    fingerprint,
    models_of,
    needs_tool_calls,
    parse_grader,
    run_elsewhere,
    score_range,
    training_definition,
    untrainable,
    with_names,
    without_secrets,
)
from jobs.graders.example_answers import example_answers, example_samples
from jobs.graders.fields import InvalidGrader
from jobs.graders.gates import Gates, gates_of
from jobs.graders.grades import Grade, Item, Limits, Sample, TokenUsage
from jobs.graders.item_fields import TwoItems, is_answer, item_in, lacking
from jobs.graders.judge import Embedder, Judge, JudgeAnswer, JudgeQuestion
from jobs.graders.kinds import (
    CosineGrader,
    Grader,
    JudgeMessage,
    JudgeSettings,
    LabelModelGrader,
    MultiGrader,
    PythonGrader,
    ScoreModelGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)
from jobs.graders.preflight import check_grader
from jobs.graders.runtime import GraderRuntime
from jobs.graders.sandbox.errors import GraderErrorKind
from jobs.graders.tool_calls import called, offered_tools, shown_calls

__all__ = [
    "CosineGrader",
    "Embedder",
    "Gates",
    "Grade",
    "Grader",
    "GraderErrorKind",
    "GraderRuntime",
    "InvalidGrader",
    "Item",
    "Judge",
    "JudgeAnswer",
    "JudgeMessage",
    "JudgeQuestion",
    "JudgeSettings",
    "LabelModelGrader",
    "Limits",
    "MultiGrader",
    "PythonGrader",
    "Sample",
    "ScoreModelGrader",
    "StringCheckGrader",
    "TextSimilarityGrader",
    "TokenUsage",
    "TwoItems",
    "called",
    "check_grader",
    "example_answers",
    "example_samples",
    "extra_fields",
    "fingerprint",
    "gates_of",
    "is_answer",
    "item_in",
    "lacking",
    "models_of",
    "needs_tool_calls",
    "offered_tools",
    "parse_grader",
    "run_elsewhere",
    "score_range",
    "shown_calls",
    "training_definition",
    "untrainable",
    "with_names",
    "without_secrets",
]
