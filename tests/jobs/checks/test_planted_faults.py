"""Faults put into sound tasks, one at a time, are found and nothing beside them; sound tasks have no finding."""

import asyncio
import csv
import importlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from jobs.checks import Finding, Level, check_task
from jobs.core.series import JsonObject
from jobs.graders import GraderRuntime, JudgeAnswer, JudgeQuestion
from jobs.platforms.gateway import Gateway
from jobs.platforms.judge import PlatformJudge
from jobs.platforms.parse import GraderTrial
from jobs.platforms.profiles import PROFILES, Profile
from jobs.platforms.sampling import Remedy, Sampler, Trouble
from jobs.tasks import TaskCatalogue
from tests.jobs.checks.conftest import F1, TRAIN, VALID
from tests.jobs.checks.test_right_answers import LABELS, PROSE, rows
from tests.jobs.platforms.test_judge import Skipping, SmallModel
from tests.jobs.tasks.datasets.labelled_task import write_labelled
from tests.story.public_tasks import COUNTDOWN, ERRANDS, JUDGED, LETTERS, PASSAGE, PENS, ROOMS, PublicTask

pytestmark = pytest.mark.asyncio(loop_scope="module")

Files = Mapping[str, str | None]
ANYWHERE = replace(PROFILES[0], grader_types=PROFILES[0].grader_types | {"score_model"}, calls_tools=True)
"""Runs judges too, and calls tools."""


class Reader:
    """A judge that reads: 5 where the answer has the cause, 1 where it says anything at all."""

    async def judge(self, question: JudgeQuestion) -> JudgeAnswer:
        said = question.messages[-1].content
        cause, answer = said.partition("Cause: ")[2].split("\nAnswer: ")
        return JudgeAnswer(json.dumps({"steps": [], "result": 5 if cause in answer else float(bool(answer.strip()))}))


@dataclass(frozen=True)
class Desk:
    """Checks tasks in a folder."""

    folder: Path
    runtime: GraderRuntime

    async def check(self, name: str, profile: Profile = ANYWHERE) -> tuple[Finding, ...]:
        catalogue = TaskCatalogue(self.folder)
        return await check_task(catalogue.load(name), catalogue, self.runtime, profile=profile, seconds=1.0)

    async def findings(self, name: str, profile: Profile = ANYWHERE) -> dict[str, Finding]:
        """Return what is more than a note, by check."""
        found = await self.check(name, profile)
        return {each.check: each for each in found if each.level in {Level.WARN, Level.BLOCK}}

    def goods(self, files: Files | None = None, train: list[list[str]] = TRAIN, valid: list[list[str]] = VALID) -> str:
        """Write the task of labelled rows, with changes."""
        definition = json.dumps({"type": "python", "name": "exact", "source": F1})
        write_labelled(self.folder, train, valid, {"graders/exact.json": definition, **(files or {})})
        return "goods"


@pytest.fixture
def desk(tmp_path: Path, runtime: GraderRuntime) -> Desk:
    return Desk(tmp_path, runtime)


# -- sound tasks ------------------------------------------------------------------------------------------------------


def single(desk: Desk) -> str:
    return desk.goods(
        {
            "response_format.json": schema({"label": {"type": "string", "enum": list(LABELS)}}),
            "graders/exact.json": compared("{{sample.output_json.label}}"),
            "train.jsonl": rows(24),
            "valid.jsonl": rows(6, 24),
        }
    )


def numbers(desk: Desk) -> str:
    def numbered(count: int, first: int = 0) -> str:
        lines = map(json.loads, rows(count, first).splitlines())
        return "".join(json.dumps({**row, "reference_answer": n % 3}) + "\n" for n, row in enumerate(lines, first))

    return desk.goods(
        {
            "response_format.json": schema({"stars": {"type": "integer", "enum": [0, 1, 2]}}),
            "graders/exact.json": compared("{{sample.output_json.stars}}"),
            "train.jsonl": numbered(24),
            "valid.jsonl": numbered(6, 24),
        }
    )


def prose(desk: Desk) -> str:
    grader = json.dumps({"type": "python", "name": "exact", "source": PROSE})
    files = {"graders/exact.json": grader, "train.jsonl": rows(24), "valid.jsonl": rows(6, 24)}
    return desk.goods({"response_format.json": None, **files})


def table(desk: Desk) -> str:
    def cells(text: str) -> str:
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, ["text_input", "reference_answer"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(json.loads, text.splitlines()))
        return sheet.getvalue()

    grader = json.dumps({"type": "python", "name": "exact", "source": PROSE})
    split = {"train.jsonl": None, "valid.jsonl": None, "train.csv": cells(rows(24)), "valid.csv": cells(rows(6, 24))}
    return desk.goods({"response_format.json": None, "graders/exact.json": grader, **split})


def public(task: PublicTask) -> Callable[[Desk], str]:
    def write(desk: Desk) -> str:
        task.write(desk.folder)
        return task.name

    return write


SOUND: Mapping[str, Callable[[Desk], str]] = {
    "sets of labels": Desk.goods,
    "one label": single,
    "numbers, 0 among them": numbers,
    "an answer in prose": prose,
    "a table": table,
    "a letter, in a field of its own": public(ROOMS),
    "a multi grader without names": public(PENS),
    "Chinese labels": public(LETTERS),
    "rows with conversations": public(PASSAGE),
    "a judge from 0 to 5": public(JUDGED),
    "a template": public(COUNTDOWN),
    "calls of tools": public(ERRANDS),
}


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in SOUND.items()])
async def test_a_sound_task_has_no_finding(tmp_path: Path, write: Callable[[Desk], str]) -> None:
    async with GraderRuntime(judge=Reader()) as judging:
        desk = Desk(tmp_path, judging)
        assert await desk.findings(write(desk)) == {}


# -- planted faults ---------------------------------------------------------------------------------------------------


def schema(properties: Mapping[str, object]) -> str:
    shape = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return json.dumps(shape)


def compared(given: str) -> str:
    reference = "{{item.reference_answer}}"
    return json.dumps(
        {"type": "string_check", "name": "exact", "operation": "eq", "input": given, "reference": reference}
    )


def python(source: str, name: str = "exact") -> str:
    return json.dumps({"type": "python", "name": name, "source": source})


def line(text: str, labels: list[str], **more: object) -> str:
    return json.dumps({"text_input": text, "reference_answer": labels, **more}) + "\n"


def lines(of: list[list[str]], start: int = 0) -> str:
    return "".join(line(f"{n * 37} crates and {n * 53} barrels {n * 71}", each) for n, each in enumerate(of, start))


PLAIN = "def grade(sample, item):\n    return "
FAR = json.dumps({"type": "lambda", "name": "exact", "lambda": {"function": "arn:aws:lambda:us-west-2:1:function:f"}})
JUDGE = json.dumps(
    {"type": "score_model", "name": "exact", "model": "judge-1", "input": [{"role": "user", "content": "Rate it."}]}
)
TWIN = "the very same crates and barrels stand on this quay"
FAULTS: Mapping[str, tuple[Files, Mapping[str, Level], str]] = {
    "the same reward for everything": (
        {"graders/exact.json": python(PLAIN + "1.0")},
        {"constant": Level.BLOCK, "exploitable": Level.BLOCK},
        "right and wrong ones: there is nothing to learn from it",
    ),
    "a field that no answer has": (
        {"graders/exact.json": python(F1.replace('get("labels")', 'get("label")'))},
        {"constant": Level.BLOCK, "right_answers": Level.WARN},
        "The reference answer itself earns only 0.00 on average",
    ),
    "a grader that raises": (
        {
            "graders/exact.json": python(F1 + "    raise KeyError('reference')\n", "exact").replace(
                "return 2 *", "x = 2 *"
            )
        },
        {"right_answers": Level.BLOCK, "odd_answers": Level.WARN},
        "fails on 40 of 40 well-formed answers",
    ),
    "a grader that hangs on an odd answer": (
        {
            "graders/exact.json": python(
                F1.replace("    answer", "    while sample['output_text'] == '7': pass\n    answer")
            )
        },
        {"odd_answers": Level.BLOCK},
        "does not come to an end on an answer such as a number",
    ),
    "a stale grader beside the reward": (
        {"graders/stale.json": python(PLAIN + "item['text_input'] + 1", "stale"), "task.yaml": "reward: exact\n"},
        {"other_graders": Level.BLOCK, "odd_answers": Level.WARN},
        "The grader stale fails on 20 of 20 well-formed answers; on row",
    ),
    "a label that cannot be answered": (
        {"valid.jsonl": line("a crate of something new", ["plutonium"])},
        {"allowed_labels": Level.BLOCK},
        "'plutonium'",
    ),
    "a text in train and valid": (
        {"valid.jsonl": lines([["fish"]]) + line(f"{TWIN} today", ["fish"]), "train.jsonl": lines(TRAIN)},
        {"repeats_across": Level.BLOCK},
        "1 row repeats one (1 exactly) of another split",
    ),
    "twins of two minds": (
        {"train.jsonl": lines(TRAIN) + line(TWIN, ["fish"]) + line(TWIN, ["wool"])},
        {"repeats_within": Level.WARN},
        "another reference than their twin, so one of the two must be wrong",
    ),
    "an empty answer that is paid": (
        {
            "graders/exact.json": python(
                F1.replace("def grade", "def f1") + PLAIN + "f1(sample, item) or 1.0 * (sample['output_text'] == '')"
            )
        },
        {"exploitable": Level.BLOCK},
        "Giving an empty answer earns nearly everything",
    ),
    "a split that ends in a broken line": (
        {"valid.jsonl": lines(VALID) + "{oops}\n"},
        {"platform_rows": Level.BLOCK},
        "goods/valid.jsonl line 9, column 2 is not JSON",
    ),
    "no valid split": (
        {"valid.jsonl": None},
        {"platform_rows": Level.BLOCK},
        "goods has no valid.jsonl; a job needs a train and a valid split.",
    ),
    "rows that show their answer": (
        {
            "valid.jsonl": json.dumps(
                {
                    "messages": [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": '["fish"]'}],
                    "reference_answer": ["fish"],
                }
            )
        },
        {"platform_rows": Level.BLOCK},
        "1 row ends with its own reference_answer as the assistant's turn",
    ),
    "a judge whose key is not set": (
        {"graders/exact.json": JUDGE},
        {"right_answers": Level.BLOCK},
        "JUDGES_KEY is not set",
    ),
    "a reward that another platform runs": (
        {"graders/exact.json": FAR},
        {"platform_rows": Level.BLOCK},
        "uses a grader of type 'lambda', which Local platform does not run",
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_planted_fault_is_found_and_nothing_beside_it(tmp_path: Path, fault: str) -> None:
    files, expected, words = FAULTS[fault]
    keyless = Gateway(Profile("judges", "http://127.0.0.1:9/v1", api_key_env="JUDGES_KEY"), "")
    judge = PlatformJudge(lambda: Sampler(keyless, 1), lambda: keyless)
    async with GraderRuntime(judge=judge) as runtime:
        desk = Desk(tmp_path, runtime)
        found = await desk.findings(desk.goods(files))
    assert {name: finding.level for name, finding in found.items()} == dict(expected)
    assert words in " ".join(finding.text for finding in found.values())


async def test_a_fault_that_lies_in_frequencies_is_found(desk: Desk) -> None:
    rare = [["fish"]] * 30 + [["iron"], ["wool", "iron"], ["wool"], ["salt", "wool"], ["salt"], ["salt", "iron"]] * 2
    found = await desk.findings(desk.goods(train=rare))
    assert found["balance"].text.startswith("4 labels; 'fish' has 30 train rows")


# -- where nothing answers --------------------------------------------------------------------------------------------


def judged(desk: Desk) -> str:
    beside = {f"graders/{name}.json": JUDGE.replace('"exact"', f'"{name}"') for name in ("more", "most")}
    return desk.goods({"graders/exact.json": JUDGE, "task.yaml": "reward: exact\n", **beside})


async def test_a_judge_that_cannot_be_reached_is_said_within_seconds_and_asked_no_more(tmp_path: Path) -> None:
    clock = Skipping()
    model = SmallModel(Trouble("cannot be reached", "Judges cannot be reached.", Remedy.WAIT))
    sampler = Sampler(model, 4, sleep=clock.sleep, clock=clock)
    gateway = Gateway(Profile("judges", "http://127.0.0.1:9/v1"), "key")
    async with GraderRuntime(judge=PlatformJudge(lambda: sampler, lambda: gateway)) as runtime:
        desk = Desk(tmp_path, runtime)
        found = await desk.findings(judged(desk))
    assert clock.now < 20
    assert set(found) == {"right_answers"}
    assert (
        "Judges cannot be reached. Judges are asked on judges; JUDGE_PLATFORM names another"
        in found["right_answers"].text
    )


class Silent:
    """Takes every question, and never answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def judge(self, _question: JudgeQuestion) -> JudgeAnswer:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError("nothing ends it")

    async def check_grader(self, _definition: JsonObject, _item: JsonObject, _sample: str) -> GraderTrial:
        await asyncio.Event().wait()
        raise AssertionError("nothing ends it")


async def test_a_judge_and_a_platform_that_never_answer_do_not_hold_the_check_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = importlib.import_module("jobs.checks.check_task")
    assert max(checking.JUDGE_SECONDS, checking.PLATFORM_SECONDS) < 20, "both at the same time, each once"
    monkeypatch.setattr(checking, "JUDGE_SECONDS", 0.05)
    monkeypatch.setattr(checking, "PLATFORM_SECONDS", 0.05)
    silent = Silent()
    async with GraderRuntime(judge=silent) as runtime:
        desk = Desk(tmp_path, runtime)
        name, catalogue = judged(desk), TaskCatalogue(tmp_path)
        found = {
            each.check: each
            for each in await check_task(catalogue.load(name), catalogue, runtime, profile=ANYWHERE, platform=silent)
        }
    assert silent.asked == 3, "the rows of the first trial, and no more"
    assert "judge-1 gave no answer within 0.05 s; JUDGE_PLATFORM names the platform" in found["right_answers"].text
    assert "It has not tried the grader within" in found["platform_grader"].text
