"""Graders: definitions read and checked, and a runtime that grades samples with them outside this process.

    async with GraderRuntime(workers=2) as runtime:
        grades = await runtime.grade(parse_grader(definition), [(Sample('{"label": "law"}'), item)])

Python graders run in processes of their own, locked in by Landlock and seccomp. Where the kernel does not have both (it
takes Linux 5.13 or newer on x86_64 or aarch64) they are refused with a sentence.
"""

from jobs.graders.definitions import Grader, InvalidGrader, MultiGrader, PythonGrader, parse_grader, training_definition
from jobs.graders.preflight import check_grader
from jobs.graders.records import Grade, GraderErrorKind, Limits, Sample
from jobs.graders.runtime import GraderRuntime

__all__ = [
    "Grade",
    "Grader",
    "GraderErrorKind",
    "GraderRuntime",
    "InvalidGrader",
    "Limits",
    "MultiGrader",
    "PythonGrader",
    "Sample",
    "check_grader",
    "parse_grader",
    "training_definition",
]
