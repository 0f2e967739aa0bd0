"""The runtime with good graders and wrong ones; those that break their process are in test_broken_graders.py."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from jobs.graders import Grade, GraderErrorKind, GraderRuntime, Sample, parse_grader
from tests.jobs.graders.definitions import multi, python

ITEM = {"id": "a", "reference_answer": ["law", "trade"]}
pytestmark = pytest.mark.asyncio(loop_scope="module")
RUNTIME_ERROR = GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR


async def grade_one(runtime: GraderRuntime, source: str, text: str = "x", item: Mapping[str, object] = ITEM) -> Grade:
    (grade,) = await runtime.grade(parse_grader(python(source)), [(Sample(text), item)])
    return grade


def answer(*labels: str) -> Sample:
    return Sample(json.dumps({"labels": labels}))


async def test_a_multi_grader_rewards_by_its_formula_and_reports_its_parts(shared_runtime: GraderRuntime) -> None:
    batch = [(answer("law"), ITEM), (answer("law", "trade"), ITEM), (answer("energy"), ITEM), (Sample("no JSON"), ITEM)]
    grades = await shared_runtime.grade(parse_grader(multi()), batch)
    assert [grade.reward for grade in grades] == [pytest.approx(2 / 3), 1.0, 0.0, 0.0]
    assert [dict(grade.scores) for grade in grades[:2]] == [
        {"precision": 1.0, "recall": 0.5},
        {"precision": 1.0, "recall": 1.0},
    ]
    for grade in grades:
        assert not grade.errors
        assert grade.detail is None
        assert set(grade.seconds) == {"precision", "recall"}
        assert all(seconds >= 0 for seconds in grade.seconds.values())


async def test_an_empty_batch_starts_nothing(runtime: GraderRuntime) -> None:
    assert await runtime.grade(parse_grader(multi()), []) == []
    assert not runtime._pool._idle


async def test_order_is_kept_over_chunks_and_workers() -> None:
    grader = parse_grader(python("def grade(sample, item):\n    return int(sample['output_text']) + item['plus']"))
    batch = [(Sample(str(number)), {"plus": number % 3}) for number in range(1000)]
    async with GraderRuntime(workers=2) as runtime:
        rewards = [grade.reward for grade in await runtime.grade(grader, batch)]
    assert rewards == [number + number % 3 for number in range(1000)]


async def test_batches_at_the_same_time_do_not_mix(shared_runtime: GraderRuntime) -> None:
    graders = [parse_grader(python(f"def grade(sample, item):\n    return {number}")) for number in range(6)]
    batch = [(Sample("x"), ITEM)] * 3
    results = await asyncio.gather(*(shared_runtime.grade(grader, batch) for grader in graders))
    assert [[grade.reward for grade in grades] for grades in results] == [[float(n)] * 3 for n in range(6)]


async def test_a_grader_sees_the_sample_as_openai_shows_it(shared_runtime: GraderRuntime) -> None:
    source = """
def grade(sample, item):
    assert set(sample) == {"choices", "output_text", "output_json", "output_tools", "output_audio"}, sorted(sample)
    assert sample["output_text"] == '{"a": [1, 2.5, null]}'
    assert sample["output_json"] == {"a": [1, 2.5, None]}
    assert sample["choices"][0]["message"]["content"] == sample["output_text"]
    assert item == {"id": "ü", "deep": {"list": [1, {"x": None}]}, "flag": True}
    return 0.25
"""
    item = {"id": "ü", "deep": MappingProxyType({"list": (1, {"x": None})}), "flag": True}
    grade = await grade_one(shared_runtime, source, '{"a": [1, 2.5, null]}', item)
    assert (grade.reward, grade.detail) == (0.25, None)


async def test_any_text_arrives_unharmed(shared_runtime: GraderRuntime) -> None:
    text = "Ünïcödé \ud83d half a pair, \x00 and \u2028, \U0001f600"
    source = f"def grade(sample, item):\n    return sample['output_text'] == {text!a}"
    assert (await grade_one(shared_runtime, source, text)).reward == 1.0


async def test_what_a_grader_changes_is_changed_for_that_call_only(shared_runtime: GraderRuntime) -> None:
    spoil = """
def grade(sample, item):
    score = len(item["reference_answer"]) + len(sample["output_json"]["labels"])
    item["reference_answer"].append("more")
    sample["output_json"]["labels"].clear()
    return score
"""
    grader = parse_grader(multi("first + 100 * second", first=spoil, second=spoil))
    grades = await shared_runtime.grade(grader, [(answer("law"), ITEM)] * 3)
    assert [grade.reward for grade in grades] == [303.0] * 3
    assert ITEM["reference_answer"] == ["law", "trade"]


async def test_a_wrong_grader_earns_nothing_and_says_why(shared_runtime: GraderRuntime) -> None:
    grade = await grade_one(shared_runtime, "async def score(s, i):\n    return input()\ngrade = score")
    assert (grade.reward, dict(grade.scores), dict(grade.errors)) == (0.0, {"p": 0.0}, {"p": (RUNTIME_ERROR,)})
    assert grade.detail == "p returned a coroutine; it must return a number"
    assert not grade.stopped
    grade = await grade_one(shared_runtime, "def grade(s, i):\n    return input()")
    assert (grade.detail or "").startswith("EOFError")


async def test_numbers_of_numpy_are_scores(shared_runtime: GraderRuntime) -> None:
    source = "import numpy as np\ndef grade(s, i):\n    return np.float32(np.eye(40) @ np.ones(40) @ np.ones(40) / 80)"
    assert (await grade_one(shared_runtime, source)).reward == 0.5


async def test_a_failing_part_takes_the_reward_and_names_itself(shared_runtime: GraderRuntime) -> None:
    fine, fails = "def grade(s, i):\n    return 0.75", "def grade(s, i):\n    return s['nothing']"
    (grade,) = await shared_runtime.grade(parse_grader(multi("a + 1 - b", a=fine, b=fails)), [(Sample("x"), ITEM)])
    assert (grade.reward, dict(grade.scores), dict(grade.errors)) == (
        0.0,
        {"a": 0.75, "b": 0.0},
        {"b": (RUNTIME_ERROR,)},
    )
    assert grade.detail == "KeyError: 'nothing' (in b, line 2: `return s['nothing']`)"


async def test_a_formula_without_a_value_is_an_error_of_the_multi_grader(shared_runtime: GraderRuntime) -> None:
    nothing = "def grade(s, i):\n    return 0"
    (grade,) = await shared_runtime.grade(parse_grader(multi("a / b", a=nothing, b=nothing)), [(Sample("x"), ITEM)])
    assert (grade.reward, dict(grade.scores)) == (0.0, {"a": 0.0, "b": 0.0})
    assert dict(grade.errors) == {"f1": (GraderErrorKind.FORMULA_PARSE_ERROR,)}
    assert grade.detail == "the formula `a / b` divides by zero with a = 0, b = 0"


async def test_the_source_runs_once_and_serves_many_batches(runtime: GraderRuntime) -> None:
    source = "calls = []\ndef grade(sample, item):\n    calls.append(1)\n    return len(calls)"
    grader = parse_grader(python(source))
    rewards = [(await runtime.grade(grader, [(Sample("x"), ITEM)] * 2))[1].reward for _ in range(3)]
    assert rewards == [2.0, 4.0, 6.0]
    assert len(runtime._pool._idle) == 1


async def test_sets_have_one_order_in_every_process() -> None:
    source = "def grade(s, i):\n    return int(''.join(str(len(w)) for w in {'a', 'bb', 'ccc', 'dddd', 'eeeee'}))"
    rewards = set()
    for _ in range(3):
        async with GraderRuntime() as runtime:
            rewards.add((await grade_one(runtime, source)).reward)
    assert len(rewards) == 1


async def test_graders_do_not_share_a_process(shared_runtime: GraderRuntime) -> None:
    poison = (
        "import json, marshal, os, struct, time\n"
        "json.loads = json.dumps = marshal.loads = os.read = os.write = time.perf_counter = lambda *a, **k: {'a': 1}\n"
        "def grade(s, i):\n    return 1"
    )
    healthy = "import json\ndef grade(s, i):\n    return json.loads('5')"
    assert (await grade_one(shared_runtime, poison)).reward == 1.0
    assert (await grade_one(shared_runtime, healthy)).reward == 5.0


async def test_few_processes_are_kept_and_none_outlives_the_runtime() -> None:
    async with GraderRuntime() as runtime:
        pids = [
            int((await grade_one(runtime, f"import os\ndef grade(s, i):\n    return os.getpid() + {n} * 0")).reward)
            for n in range(7)
        ]
        kept = {process.pid for process in runtime._pool._idle}
        scratch = [Path(process.scratch) for process in runtime._pool._idle]
        assert kept == set(pids[-4:])
        assert all(folder.is_dir() for folder in scratch)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert not any(folder.exists() for folder in scratch)
