"""The report's page: everything is in it once, and nothing from a model is markup."""

import json
import re
from collections.abc import Iterable
from io import StringIO
from typing import Any

import pytest

from jobs.evals.answer_store import Item
from jobs.evals.records import Answer, Arm, ArmSummary, Eval, EvalState, GraderSummary, Interval, LabelScores
from jobs.evals.report.data_blocks import BLOCK_CHARACTERS
from jobs.evals.report.page import write_report
from jobs.evals.reviews import NO_REVIEWS, Review, TaskReviews, grade_of
from tests.jobs.evals.reported import an_answer, an_eval, some_answers, some_items

BLOCK = re.compile(r'<script type="application/json" data-block="(\w+)">(.*?)</script>', re.DOTALL)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def written(
    items: Iterable[Item],
    answers: Iterable[Answer],
    evaluation: Eval | None = None,
    reviews: TaskReviews = NO_REVIEWS,
) -> str:
    page = StringIO()
    write_report(page, evaluation or an_eval(), items, answers, reviews)
    return page.getvalue()


def data(page: str, kind: str) -> list[Any]:
    return [row for name, block in BLOCK.findall(page) if name == kind for row in json.loads(block)]


def test_every_item_and_answer_is_in_the_page_once() -> None:
    evaluation = an_eval(items=20, runs=3, arms=(Arm("base"), Arm("base", "high")))
    items = list(some_items(20))

    page = written(items, some_answers(evaluation, items), evaluation)

    assert [row[:3] for row in data(page, "items")] == [[item.id, item.input, item.reference] for item in items]
    cells = {(item, arm, run) for item, arm, run, *_ in data(page, "answers")}
    assert cells == {(item, arm, run) for item in range(20) for arm in range(2) for run in (1, 2, 3)}
    assert len(data(page, "answers")) == len(cells)
    assert data(page, "eval")[0]["arms"] == ["base", "base (high)"]


def test_the_reward_is_the_first_score_and_what_is_absent_is_null() -> None:
    answers = [
        an_answer("a", scores={"f1": 0.5, "recall": float("nan")}, grader_errors={"precision": "time-out"}),
        Answer("a", "local-policy-1", 2, failure="429 rate limited"),
    ]

    graded, missing = data(written([Item("a", "text", ["law"])], answers), "answers")

    assert graded[5:8] == [[0.5, None, "nan"], {"precision": "time-out"}, None]
    assert missing[3:] == [
        None,
        None,
        [None, None, None],
        None,
        "429 rate limited",
        [None, None, None],
        None,
        None,
        None,
        None,
    ]


def test_an_answer_that_could_not_be_graded_is_marked_and_said_next_to_the_mean() -> None:
    answer = an_answer("a", scores={"f1": 0.0}, ungradable={"f1": "sample_parse_error"})
    grader = GraderSummary("f1", 0.0, None, None, graded=1, ungradable=1)
    evaluation = an_eval(summaries=(ArmSummary("base", 1, graders=(grader,)),))

    page = written([Item("a", "text", ["law"])], [answer], evaluation)

    assert data(page, "answers")[0][11] == {"f1": "sample_parse_error"}
    remark = "on 1 of 1 answer the grader found nothing to grade"
    assert data(page, "eval")[0]["remarks"]["base"]["f1"] == remark


def test_what_people_say_of_a_grade_stands_next_to_its_score() -> None:
    evaluation = an_eval(fingerprints={"f1": "v1"}, judges=("f1",))
    item, answer = Item("a", "text", ["law"]), an_answer("a")
    grade = grade_of(evaluation, item, answer, "f1", NO_REVIEWS)
    assert grade is not None
    review = Review("U0ALICE", "alice", 1.0, 0.67, is_right=False, score=1.0, note="</script>")
    reviews = NO_REVIEWS.with_grade(grade.reviewed.with_review(review))

    page = written([item, Item("b", "text", ["law"])], [answer, an_answer("b")], evaluation, reviews)

    said, nothing = (row[12] for row in data(page, "answers"))
    assert said == {"f1": [["alice", "0.67 is wrong, 1.00 would be right", "</script>", "1970-01-01"]]}
    assert nothing is None
    (agreement,) = data(page, "eval")[0]["agreements"]
    assert agreement.startswith("Grades of the judge f1 that 1 person checked are right: 0 of 1 (0%) that people")


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
def test_nothing_a_model_says_ends_its_data_block(text: str) -> None:
    evaluation = an_eval(
        task=text,
        note=text,
        arms=(Arm(text),),
        graders=(text, "f1"),
        prompt=text,
        summaries=(ArmSummary(text, 1, {text: 1}, {text: 1}),),
    )
    answer = an_answer(text, arm=text, text=text, failure=text, scores={text: 1.0}, grader_errors={text: text})

    page = written([Item(text, text, {text: text})], [answer, an_answer(text, 2, arm=text)], evaluation)

    assert page.count("<script") == page.count("</script>") == 1 + len(BLOCK.findall(page))
    assert all("<" not in block and "&" not in block for _, block in BLOCK.findall(page))
    assert data(page, "items") == [[text, text, {text: text}, None]]
    assert data(page, "answers")[0][3] == text


def test_the_page_may_run_its_own_script_only_and_reach_nothing() -> None:
    page = written([], [])

    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert len(SCRIPT.findall(page)) == 1
    links = set(re.findall(r"https?://[^\s\"']+", page))
    assert links == {"http://www.w3.org/2000/svg"}, "the name of a vocabulary, not an address"


def test_labels_are_read_from_references_and_answers() -> None:
    items = [Item("set", "t", ["trade", "law"]), Item("text", "t", "free words"), Item("empty", "t", [])]
    answers = [
        an_answer("set", text='{"why": ["because"], "domains": ["law", "energy"]}'),
        an_answer("set", 2, text="It is about law."),
        an_answer("text", text='["law"]'),
        an_answer("empty", text='{"domains": []}'),
    ]

    page = written(items, answers)

    assert [row[3] for row in data(page, "items")] == [["law", "trade"], None, []]
    assert [row[4] for row in data(page, "answers")] == [["energy", "law"], None, None, []]


def test_an_answer_to_an_item_that_left_the_split_is_shown() -> None:
    page = written([Item("a", "text", None)], [an_answer("gone"), an_answer("a"), an_answer("gone", 2)])

    assert [row[:2] for row in data(page, "items")] == [["a", "text"], ["gone", None]]
    assert [row[0] for row in data(page, "answers")] == [1, 0, 1]


def test_answers_of_an_arm_the_eval_does_not_have_are_left_out() -> None:
    assert data(written([Item("a", "t", None)], [an_answer("a", arm="another")]), "answers") == []


def test_an_item_of_a_megabyte_is_whole_and_has_a_block_of_its_own() -> None:
    big = "länger " * 150_000
    items = [Item("a", "t", None), Item("big", big, None), Item("c", "t", None)]

    page = written(items, [])

    assert data(page, "items")[1][1] == big
    assert [len(block) > BLOCK_CHARACTERS for name, block in BLOCK.findall(page) if name == "items"] == [
        False,
        True,
        False,
    ]


def test_odd_values_of_a_dataset_become_json() -> None:
    nested: object = "inmost"
    for _ in range(200):
        nested = [nested]
    reference = {"n": float("inf"), "big": 2**60, "set": (1, None, True), "deep": nested}

    (row,) = data(written([Item("a", "t", reference)], []), "items")

    assert (row[2]["n"], row[2]["big"], row[2]["set"]) == ("inf", str(2**60), [1, None, True])
    assert "nested too deeply to show" in json.dumps(row[2]["deep"])


def test_summaries_reach_the_page() -> None:
    grader = GraderSummary("f1", 0.5, None, Interval(0.4, float("nan")), 3)
    summary = ArmSummary("local-policy-1", 3, graders=(grader,), micro=LabelScores(0.1, 0.2, 0.3), pass_rate=0.4)

    (shown,) = data(written([], [], an_eval(summaries=(summary,))), "eval")[0]["summaries"]

    assert shown["graders"] == [
        {
            "grader": "f1",
            "mean": 0.5,
            "run_std": None,
            "interval": {"low": 0.4, "high": "nan"},
            "graded": 3,
            "ungradable": 0,
        },
    ]
    assert shown["micro"] == {"precision": 0.1, "recall": 0.2, "f1": 0.3}
    assert (shown["macro"], shown["pass_rate"]) == (None, 0.4)


def test_an_unfinished_eval_says_so() -> None:
    evaluation = an_eval(state=EvalState.CANCELLED, note="alice cancelled it after 4 of 6 answers.")

    shown = data(written([], [], evaluation), "eval")[0]

    assert (shown["state"], shown["note"]) == ("cancelled", "alice cancelled it after 4 of 6 answers.")
