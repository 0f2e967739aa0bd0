"""What becomes of every answer that is graded, and of every way in which grading can break."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from jobs.core.errors import PlatformRejected, PlatformUnavailable
from jobs.evals.grade import EvalGraders
from jobs.evals.records import Answer, ArmSummary
from jobs.evals.stats.summary import summarise
from jobs.graders import GraderRuntime, JudgeAnswer, JudgeQuestion, Limits, Sample, parse_grader, training_definition
from jobs.graders.sandbox.confine import unsupported
from jobs.tasks import Task, TaskCatalogue
from local.platform.job_request import Hyperparameters
from local.platform.numpy_policy.answer_schema import AnswerPlan, Choice
from local.platform.numpy_policy.train_step import Examples, TrainingSetup
from tests.jobs.evals.answers import an_eval
from tests.jobs.tasks.folder import write_folder

ITEM = {"reference_answer": "yes"}
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["yes", "no", "maybe"]}},
    "required": ["label"],
    "additionalProperties": False,
}
RIGHT, WRONG = '{"label": "yes"}', '{"label": "no"}'
PROSE, EMPTY, FENCED = "I would say yes.", "", f"```json\n{RIGHT}\n```"
WRONG_TYPE, OTHER_FIELD, NOT_A_NUMBER = '{"label": ["yes"]}', '{"answer": "yes"}', '{"label": NaN}'

CHECK = {
    "type": "string_check",
    "input": "{{sample.output_json.label}}",
    "reference": "{{item.reference_answer}}",
    "operation": "eq",
}
READS = "    return float(sample['output_json']['label'].lower() == item['reference_answer'])\n"
SEEKS = """    import re
    return float(re.search(r"yes|no|maybe", sample["output_text"]).group() == item["reference_answer"])
"""
JUDGE = {
    "type": "score_model",
    "model": "judge-1",
    "range": [0, 5],
    "input": [{"role": "user", "content": "Grade {{sample.output_json.label}}"}],
}
BOTH = {
    "type": "multi",
    "graders": {"same": {"name": "same", **CHECK}, "judged": {"name": "judged", **JUDGE}},
    "calculate_output": "same * judged",
}


def python(body: str) -> dict[str, object]:
    return {"type": "python", "source": f"def grade(sample, item):\n{body}"}


@dataclass
class Bench:
    """A judge that says one thing, or fails in one way."""

    reply: str | Exception = ""

    async def judge(self, _: JudgeQuestion) -> JudgeAnswer:
        if isinstance(self.reply, Exception):
            raise self.reply
        return JudgeAnswer(self.reply, "stop", input_tokens=20, output_tokens=3)


BENCH = Bench()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runtime() -> AsyncIterator[GraderRuntime]:
    """One for all cases: processes stay warm. Endless loops are given up soon."""
    why = unsupported()
    if why is not None:
        pytest.skip(why)
    async with GraderRuntime(limits=replace(Limits(), seconds=0.3), judge=BENCH) as runtime:
        yield runtime


GOOD_JUDGE = '{"steps": [], "result": 4}'
pytestmark = pytest.mark.asyncio(loop_scope="module")
JUDGE_PROSE = "I like it a lot."
RATE_LIMITED = PlatformUnavailable("The judge's platform is receiving too many requests.", retry_after=1.0)
DOWN = PlatformUnavailable("The judge's platform does not answer.")
BAD_KEY = PlatformRejected("The judge's platform refused the key in JUDGE_KEY.")

COUNTED = "on 1 of 1 answer the grader found nothing to grade"
MISSING = "the mean is over 0 of 1 answer: 1 is missing"


@dataclass(frozen=True)
class Case:
    what: str
    grader: Mapping[str, object]
    answer: str
    score: float | None
    sentence: str = ""
    judge: str | Exception = GOOD_JUDGE
    free_text: bool = False


CASES = (
    Case("correct", CHECK, RIGHT, 1.0),
    Case("wrong", CHECK, WRONG, 0.0),
    Case("empty", CHECK, EMPTY, 0.0, COUNTED),
    Case("prose", CHECK, PROSE, 0.0, COUNTED),
    Case("fenced", CHECK, FENCED, 0.0, COUNTED),
    Case("wrong type, which a text check can compare", CHECK, WRONG_TYPE, 0.0),
    Case("another field", CHECK, OTHER_FIELD, 0.0, COUNTED),
    Case("NaN is no JSON", CHECK, NOT_A_NUMBER, 0.0, COUNTED),
    Case("correct", python(READS), RIGHT, 1.0),
    Case("wrong", python(READS), WRONG, 0.0),
    Case("empty", python(READS), EMPTY, 0.0, COUNTED),
    Case("prose", python(READS), PROSE, 0.0, COUNTED),
    Case("fenced", python(READS), FENCED, 0.0, COUNTED),
    Case("wrong type", python(READS), WRONG_TYPE, 0.0, COUNTED),
    Case("another field", python(READS), OTHER_FIELD, 0.0, COUNTED),
    Case("NaN is no JSON", python(READS), NOT_A_NUMBER, 0.0, COUNTED),
    Case("correct, in a task of free text", python(SEEKS), "It is yes.", 1.0, free_text=True),
    Case("nothing to find in free text", python(SEEKS), "Hard to tell.", 0.0, COUNTED, free_text=True),
    Case("free text, and the grader wants JSON", python(READS), PROSE, None, MISSING, free_text=True),
    Case("the grader raises", python("    raise ValueError('no')\n"), RIGHT, None, MISSING),
    Case("the grader raises whatever it is given", python("    raise ValueError('no')\n"), PROSE, None, MISSING),
    Case("the grader gives NaN", python("    return float('nan')\n"), RIGHT, None, MISSING),
    Case("the grader gives text", python("    return 'good'\n"), RIGHT, None, MISSING),
    Case("the grader hangs", python("    while True: pass\n"), RIGHT, None, MISSING),
    Case("the grader hangs on prose", python("    while True: pass\n"), PROSE, None, MISSING),
    Case("the item lacks a field", {**CHECK, "reference": "{{item.other}}"}, PROSE, 0.0, COUNTED),
    Case("the item lacks a field", {**CHECK, "reference": "{{item.other}}"}, OTHER_FIELD, None, MISSING),
    Case(
        "the grader reads a field that no answer has",
        {**CHECK, "input": "{{sample.output_json.lable}}"},
        RIGHT,
        None,
        MISSING,
    ),
    Case("judged", JUDGE, RIGHT, 4.0),
    Case("prose cannot be shown to the judge", JUDGE, PROSE, 0.0, COUNTED),
    Case("the judge answers in prose", JUDGE, RIGHT, None, MISSING, JUDGE_PROSE),
    Case("the judge is rate limited", JUDGE, RIGHT, None, MISSING, RATE_LIMITED),
    Case("the judge is down", JUDGE, RIGHT, None, MISSING, DOWN),
    Case("the judge's key is wrong", JUDGE, RIGHT, None, MISSING, BAD_KEY),
    Case("both parts", BOTH, RIGHT, 4.0),
    Case("prose, and both parts need JSON", BOTH, PROSE, 0.0, COUNTED),
    Case("one part broke", BOTH, RIGHT, None, MISSING, DOWN),
    Case("prose settles the reward, whatever broke", BOTH, PROSE, 0.0, COUNTED, DOWN),
)


TRAINED = [case for case in CASES if case.score is not None]
HYPERPARAMETERS = Hyperparameters(1, 1, 1, 1, 1.0, 1.0, "medium")


def a_task(folder: Path, grader: Mapping[str, object], *, free_text: bool = False, more: str = "") -> Task:
    files = {
        "task.yaml": f"title: Small\nreward: exact\n{more}",
        "graders/exact.json": json.dumps({"name": "exact", **grader}),
        "response_format.json": json.dumps(SCHEMA),
    }
    task = TaskCatalogue(write_folder(folder, files)).load("small")
    return replace(task, response_format={}) if free_text else task


def summarised(graded_answer: Answer) -> ArmSummary:
    evaluation = an_eval(reward="exact", graders=("exact",), items=1, runs=1)
    (summary,) = summarise(evaluation, [graded_answer], {})
    return summary


async def graded(runtime: GraderRuntime, task: Task, text: str) -> Answer:
    (found,) = await EvalGraders(runtime, task).grade([(Sample(text), ITEM)])
    return Answer("i1", "base", 1, text, scores=found.scores, grader_errors=found.errors, ungradable=found.ungradable)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.grader['type']}: {case.what}")
async def test_what_becomes_of_an_answer(case: Case, runtime: GraderRuntime, tmp_path: Path) -> None:
    BENCH.reply = case.judge
    task = a_task(tmp_path, case.grader, free_text=case.free_text)
    answer = await graded(runtime, task, case.answer)
    summary = summarised(answer)
    figure = summary.grader("exact")
    assert figure is not None
    assert (figure.mean, summary.coverage("exact").remark) == (case.score, case.sentence)
    assert ("exact" in answer.ungradable, "exact" in answer.grader_errors) == (
        case.sentence == COUNTED,
        case.sentence == MISSING,
    )


@pytest.mark.parametrize("invalid", [None, -1.0])
@pytest.mark.parametrize("case", TRAINED, ids=lambda case: f"{case.grader['type']}: {case.what}")
async def test_an_answer_scores_what_the_local_platform_would_train_on(
    case: Case, invalid: float | None, runtime: GraderRuntime, tmp_path: Path
) -> None:
    BENCH.reply = case.judge
    more = "" if invalid is None else f"invalid_grade: {invalid}\n"
    task = a_task(tmp_path, case.grader, free_text=case.free_text, more=more)
    answer = await graded(runtime, task, case.answer)
    always = AnswerPlan(Choice("", "one", (case.answer, case.answer)))
    examples = Examples((ITEM,), np.zeros((1, 2)), np.zeros((1, 2)), ("",))
    grader = parse_grader(training_definition(parse_grader(task.reward_grader)))
    setup = TrainingSetup(always, grader, examples, examples, HYPERPARAMETERS, seed=1)
    rollouts = await setup.validate(runtime, setup.initial_weights(), 1)
    assert answer.scores["exact"] == rollouts.reward
    if case.sentence:
        assert rollouts.reward == (invalid or 0.0)
