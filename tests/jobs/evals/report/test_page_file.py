"""The report's file: everything is in it once, nothing from a model is markup, it is written all or nothing."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.evals.records import Answer, Arm, ArmSummary, Eval, EvalState, GraderSummary, Interval, LabelScores
from jobs.evals.report.data import BLOCK_CHARACTERS
from jobs.evals.report.page import worst_items, write_report
from tests.jobs.evals.reported import Item, an_answer, an_eval, some_answers, some_items

BLOCK = re.compile(r'<script type="application/json" data-block="(\w+)">(.*?)</script>', re.DOTALL)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def written(folder: Path, items: Iterable[Item], answers: Iterable[Answer], evaluation: Eval | None = None) -> str:
    out = folder / "report.html"
    write_report(evaluation or an_eval(), items, answers, out)
    return out.read_text("utf-8")


def data(page: str, kind: str) -> list[Any]:
    return [row for name, block in BLOCK.findall(page) if name == kind for row in json.loads(block)]


def test_every_item_and_answer_is_in_the_page_once(tmp_path: Path) -> None:
    evaluation = an_eval(items=20, runs=3, arms=(Arm("base"), Arm("base", "high")))
    items = list(some_items(20))

    page = written(tmp_path, items, some_answers(evaluation, items), evaluation)

    assert [row[:3] for row in data(page, "items")] == [[item.id, item.input, item.reference] for item in items]
    cells = {(item, arm, run) for item, arm, run, *_ in data(page, "answers")}
    assert cells == {(item, arm, run) for item in range(20) for arm in range(2) for run in (1, 2, 3)}
    assert len(data(page, "answers")) == len(cells)
    assert data(page, "eval")[0]["arms"] == ["base", "base (high)"]


def test_the_reward_is_the_first_score_and_what_is_absent_is_null(tmp_path: Path) -> None:
    answers = [
        an_answer("a", scores={"f1": 0.5, "recall": float("nan")}, grader_errors={"precision": "time-out"}),
        Answer("a", "local-policy-1", 2, failure="429 rate limited"),
    ]

    graded, missing = data(written(tmp_path, [Item("a", "text", ["law"])], answers), "answers")

    assert graded[5:8] == [[0.5, None, "nan"], {"precision": "time-out"}, None]
    assert missing[3:] == [None, None, [None, None, None], None, "429 rate limited", [None, None, None], None, None]


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "<img src=x onerror=alert(1)>",
        "&lt;b&gt; & ]]>",
        "%DATA%\n%SCRIPT% %TITLE%",
        "line\u2028separator\u2029and \x00 null",
        "half a pair: \ud83d",
        "\u202eright to left override, \u0627\u0644\u0639\u0631\u0628\u064a\u0629, \U0001f9ea",
    ],
)
def test_nothing_a_model_says_ends_its_data_block(tmp_path: Path, text: str) -> None:
    evaluation = an_eval(
        task=text,
        note=text,
        arms=(Arm(text),),
        graders=(text, "f1"),
        prompt=text,
        summaries=(ArmSummary(text, 1, {text: 1}, {text: 1}),),
    )
    answer = an_answer(text, arm=text, text=text, failure=text, scores={text: 1.0}, grader_errors={text: text})

    page = written(tmp_path, [Item(text, text, {text: text})], [answer, an_answer(text, 2, arm=text)], evaluation)

    assert page.count("<script") == page.count("</script>") == 1 + len(BLOCK.findall(page))
    assert all("<" not in block and "&" not in block for _, block in BLOCK.findall(page))
    assert data(page, "items") == [[text, text, {text: text}, None]]
    assert data(page, "answers")[0][3] == text


def test_the_page_may_run_its_own_script_only_and_reach_nothing(tmp_path: Path) -> None:
    page = written(tmp_path, [], [])

    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert len(SCRIPT.findall(page)) == 1
    links = set(re.findall(r"https?://[^\s\"']+", page))
    assert links == {"http://www.w3.org/2000/svg"}, "the name of a vocabulary, not an address"


def test_labels_are_read_from_references_and_answers(tmp_path: Path) -> None:
    items = [Item("set", "t", ["trade", "law"]), Item("text", "t", "free words"), Item("empty", "t", [])]
    answers = [
        an_answer("set", text='{"why": ["because"], "domains": ["law", "energy"]}'),
        an_answer("set", 2, text="It is about law."),
        an_answer("text", text='["law"]'),
        an_answer("empty", text='{"domains": []}'),
    ]

    page = written(tmp_path, items, answers)

    assert [row[3] for row in data(page, "items")] == [["law", "trade"], None, []]
    assert [row[4] for row in data(page, "answers")] == [["energy", "law"], None, None, []]


def test_an_answer_to_an_item_that_left_the_split_is_shown(tmp_path: Path) -> None:
    page = written(tmp_path, [Item("a", "text", None)], [an_answer("gone"), an_answer("a"), an_answer("gone", 2)])

    assert [row[:2] for row in data(page, "items")] == [["a", "text"], ["gone", None]]
    assert [row[0] for row in data(page, "answers")] == [1, 0, 1]


def test_answers_of_an_arm_the_eval_does_not_have_are_left_out(tmp_path: Path) -> None:
    assert data(written(tmp_path, [Item("a", "t", None)], [an_answer("a", arm="another")]), "answers") == []


def test_an_item_of_a_megabyte_is_whole_and_has_a_block_of_its_own(tmp_path: Path) -> None:
    big = "länger " * 150_000
    items = [Item("a", "t", None), Item("big", big, None), Item("c", "t", None)]

    page = written(tmp_path, items, [])

    assert data(page, "items")[1][1] == big
    assert [len(block) > BLOCK_CHARACTERS for name, block in BLOCK.findall(page) if name == "items"] == [
        False,
        True,
        False,
    ]


def test_odd_values_of_a_dataset_become_json(tmp_path: Path) -> None:
    nested: object = "inmost"
    for _ in range(200):
        nested = [nested]
    reference = {"n": float("inf"), "big": 2**60, "set": (1, None, True), "deep": nested}

    (row,) = data(written(tmp_path, [Item("a", "t", reference)], []), "items")

    assert (row[2]["n"], row[2]["big"], row[2]["set"]) == ("inf", str(2**60), [1, None, True])
    assert "nested too deeply to show" in json.dumps(row[2]["deep"])


def test_summaries_reach_the_page(tmp_path: Path) -> None:
    grader = GraderSummary("f1", 0.5, None, Interval(0.4, float("nan")), 3)
    summary = ArmSummary("local-policy-1", 3, graders=(grader,), micro=LabelScores(0.1, 0.2, 0.3), pass_rate=0.4)

    (shown,) = data(written(tmp_path, [], [], an_eval(summaries=(summary,))), "eval")[0]["summaries"]

    assert shown["graders"] == [
        {"grader": "f1", "mean": 0.5, "runStd": None, "low": 0.4, "high": None, "graded": 3},
    ]
    assert (shown["micro"], shown["macro"], shown["passRate"]) == ([0.1, 0.2, 0.3], None, 0.4)


def test_a_report_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    before = written(tmp_path, [Item("a", "t", None)], [])

    def torn() -> Iterator[Answer]:
        yield an_answer("a")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        written(tmp_path, [], torn())

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text("utf-8") == before


def test_an_unfinished_eval_says_so(tmp_path: Path) -> None:
    evaluation = an_eval(state=EvalState.CANCELLED, note="alice cancelled it after 4 of 6 answers.")

    shown = data(written(tmp_path, [], [], evaluation), "eval")[0]

    assert (shown["state"], shown["note"]) == ("cancelled", "alice cancelled it after 4 of 6 answers.")


def test_the_worst_items_are_those_with_the_lowest_mean_reward() -> None:
    answers = [
        *(an_answer("good", run, scores={"f1": 0.9}) for run in (1, 2)),
        *(an_answer("bad", run, scores={"f1": score}) for run, score in ((1, 0.3), (2, 0.1), (3, 0.1))),
        *(an_answer(name, scores={"f1": 0.5}) for name in ("b", "a")),
    ]

    worst = worst_items(an_eval(), answers, n=3)

    assert [item.id for item in worst] == ["bad", "a", "b"]
    assert worst[0].mean == pytest.approx(0.5 / 3)
    assert (worst[0].scored, worst[0].worst.run) == (3, 2)


def test_a_failure_is_counted_and_is_no_score_of_zero() -> None:
    answers = [
        an_answer("half", scores={"f1": 0.8}),
        Answer("half", "local-policy-1", 2, failure="time-out"),
        Answer("none", "local-policy-1", 1, failure="time-out"),
        an_answer("odd", scores={"f1": float("nan")}),
        an_answer("ungraded", scores={"recall": 0.0}),
    ]

    (only,) = worst_items(an_eval(), answers)

    assert (only.id, only.mean, only.scored, only.failures) == ("half", 0.8, 1, 1)
