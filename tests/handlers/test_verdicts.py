"""No surface claims more than the verdict: every way two or more models can stand, on every surface that says so."""

import io
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import pytest

from charts import ScoreComparison, describe
from charts.values import PrecisionRecall
from handlers.approvals.decide import form
from handlers.approvals.messages import APPROVE
from handlers.evals.cards import eval_card, eval_list
from handlers.evals.results import comparison_chart, result_chart, result_message
from handlers.evidence.summary import chart_of, summary
from handlers.jobs.cards import card
from handlers.slack.blocks import Message
from jobs.approvals.decide import Vote
from jobs.approvals.records import Verdict as Decision
from jobs.evals.records import Answer, Arm, EvalState
from jobs.evals.report.page import write_report
from jobs.evals.results import EvalResults, conclusion_of
from jobs.evals.stats.comparison import compare, gather
from jobs.evals.stats.summary import summarise
from jobs.evals.verdict import Verdict, strictest
from jobs.evidence.records import Evidence, Guard, Role, Versus
from jobs.views.checkpoint import evidence_view
from jobs.views.eval import EvalView
from tests.handlers import evidence_shown as shown
from tests.handlers.evidence_shown import JOB, text_of, view
from tests.jobs.evals.answers import an_eval, graded
from tests.records import BOB, a_candidate, a_change, an_evidence

B, C, W = Verdict.BETTER, Verdict.CANT_TELL, Verdict.WORSE
LOW, MEDIUM, HIGH = 0.38, 0.41, 0.40
"""The means of three arms that 40 noisy items can't tell apart."""


def answers(arm: str, mean: float, noise: float) -> Iterable[Answer]:
    """Return answers to 40 items whose rewards scatter around a mean, differently for each arm."""
    shift = sum(map(ord, arm))
    scores = [[mean + noise * (((number * 7 + shift) * 37 % 40) / 39 - 0.5)] for number in range(40)]
    return graded(scores, arm=arm)


def evaluated(means: dict[str, float], noise: float) -> EvalView:
    """Return a finished eval of arms with these means."""
    known = [answer for arm, mean in means.items() for answer in answers(arm, mean, noise)]
    evaluation = an_eval(arms=tuple(map(Arm, means)), state=EvalState.FINISHED, items=40, runs=1)
    evaluation = replace(evaluation, summaries=summarise(evaluation, known, {}))
    comparison = compare(gather(evaluation, known), flips=999) if len(means) > 1 else None
    results = EvalResults(None, comparison, ())
    return EvalView(replace(evaluation, conclusion=conclusion_of(evaluation, results)), results)


def surfaces(shown_: EvalView) -> dict[str, str]:
    """Return the headline of every surface that shows an eval."""
    chart, page = result_chart(shown_), io.StringIO()
    assert isinstance(chart, ScoreComparison)
    write_report(page, shown_.evaluation, (), ())
    result = result_message(shown_, chart, "F1", None)
    found = {
        "title": chart.title,
        "alt": describe(chart),
        "reading": str(result.blocks[1]["text"]),
        "notification": result.text,
        "card": text_of(eval_card(shown_.evaluation, 0.0)),
        "card's notification": eval_card(shown_.evaluation, 0.0).text,
        "list": text_of(eval_list((shown_.evaluation,))),
        "report": page.getvalue().partition("</style>")[2].partition("<script>")[0],
    }
    if shown_.results.comparison:
        found["comparison"] = comparison_chart(shown_.results.comparison).title
    return found


EVALS = {
    "three that can't be told": ({"low": LOW, "medium": MEDIUM, "high": HIGH}, 0.9, C, ""),
    "two that can't be told": ({"low": LOW, "medium": MEDIUM}, 0.9, C, ""),
    "one better than both": ({"low": 0.2, "medium": 0.6, "high": 0.3}, 0.1, B, "medium"),
    "one better than one": ({"low": 0.05, "medium": MEDIUM, "high": HIGH}, 0.5, C, ""),
    "the second worse": ({"low": 0.6, "medium": 0.2}, 0.1, W, "low"),
    "the second better": ({"low": 0.2, "medium": 0.6}, 0.1, B, "medium"),
    "one alone": ({"medium": MEDIUM}, 0.5, None, ""),
}


@pytest.mark.parametrize(("means", "noise", "verdict", "best"), EVALS.values(), ids=EVALS)
def test_every_surface_of_an_eval_says_its_conclusion(
    means: dict[str, float], noise: float, verdict: Verdict | None, best: str
) -> None:
    found = evaluated(means, noise)
    assert (found.conclusion.verdict, found.conclusion.best) == (verdict, best)
    for surface, text in surfaces(found).items():
        plain = text.replace("\\\\'", "'").replace("\\'", "'")
        assert found.headline in plain, surface
        assert "highest" not in plain, surface
        assert ("an't tell" in plain) >= (verdict is C), surface
    chart = result_chart(found)
    assert isinstance(chart, ScoreComparison)
    assert chart.best == best


def test_what_can_be_told_is_named_apart_from_what_cannot() -> None:
    assert evaluated(*EVALS["one better than one"][:2]).headline == "medium is better than low; can't tell it from high"
    assert evaluated(*EVALS["one better than both"][:2]).headline.startswith(
        "medium is better than low and high: F1 0.6"
    )
    none = evaluated(*EVALS["three that can't be told"][:2]).headline
    assert none.startswith("Can't tell which of low, medium and high is best: F1 0.")
    crowd = evaluated({f"m{number}": MEDIUM for number in range(6)}, 0.9).headline
    assert crowd.startswith("Can't tell which of 6 is best: F1 ")


def test_arms_without_an_item_in_common_are_not_ranked() -> None:
    found = evaluated({"low": 0.2, "medium": 0.6}, 0.1)
    apart = replace(found, results=EvalResults(None, None, ()))
    assert apart.headline.startswith("Can't tell which of low and medium is best")
    assert apart.conclusion.verdict is C


# -- a job's checkpoints ----------------------------------------------------------------------------------------------

CHANGES = {B: a_change(0.12), C: a_change(0.01), W: a_change(-0.12)}


def decided(base: Verdict, tested: Verdict | None, alias: Verdict | None, alias_tested: Verdict | None) -> Evidence:
    """Return evidence on one checkpoint that stands so against the base and against what the alias points at."""

    def change(verdict: Verdict | None) -> Versus | None:
        return CHANGES[verdict] if verdict else None

    candidate = a_candidate(
        85,
        versus_base=change(base),
        test_versus_base=change(tested),
        versus_alias=change(alias),
        test_versus_alias=change(alias_tested),
    )
    name = "acts@production" if alias else None
    return an_evidence(
        candidates=(a_candidate(None), candidate),
        checkpoints=("ckpt-85",),
        alias=name,
        alias_model=name and "ft:before",
    )


def opening(message: Message) -> str:
    return str(message.blocks[1]["text"]).replace("\\'", "'")


GRID = [
    *product((B, C, W), (None, B, C, W), (None,), (None,)),
    *product((B,), (B,), (B, C, W), (None, B, C, W)),
]


@pytest.mark.parametrize(("base", "tested", "alias", "alias_tested"), GRID)
def test_the_headline_of_checkpoints_is_the_decision(
    base: Verdict, tested: Verdict | None, alias: Verdict | None, alias_tested: Verdict | None
) -> None:
    evidence = decided(base, tested, alias, alias_tested)
    expected = strictest(alias, alias_tested) if alias else strictest(base, tested)
    other = "acts@production" if alias else "the base model"
    said = {
        B: f"Step 85 is better than {other}: F1",
        C: f"Can't tell step 85 from {other}: F1",
        W: f"Step 85 is worse than {other}: F1",
    }[expected or C]
    found = evidence_view(JOB, evidence)
    job = view(evidence, shown.WAITING)
    chart, message = chart_of(job), summary(job, "F1")
    assert isinstance(chart, PrecisionRecall)
    assert found.conclusion.verdict is expected
    asked = form(shown.WAITING, Vote("rft-abc234", BOB, Decision.APPROVE, "ckpt-85", "digest-85"), job)
    for text in (chart.title, opening(message), message.text, text_of(card(job, 0.0)), str(asked["blocks"])):
        assert said in text.replace("\\'", "'")
    (button,) = [
        block["accessory"]
        for block in message.blocks
        if isinstance(block.get("accessory"), dict) and APPROVE in str(block["accessory"])
    ]
    assert isinstance(button, dict)
    assert (button.get("style") == "primary") is (expected is B)
    assert ("confirm" in button) is (expected is W)
    assert ("recommended" in text_of(message)) is False  # one checkpoint alone is not chosen among others


def test_of_several_checkpoints_only_the_recommended_one_has_the_primary_button() -> None:
    def styles(evidence: Evidence) -> list[object]:
        blocks = summary(view(evidence), None).blocks
        found = [block["accessory"] for block in blocks if "accessory" in block and APPROVE in str(block["accessory"])]
        return [each.get("style") for each in found if isinstance(each, dict)]

    assert styles(shown.PLAIN) == [None, "primary", None]
    broken = [
        replace(each, guards=(Guard("recall", -0.02, -0.1, -0.2, Role.BASE, is_broken=True),))
        for each in shown.PLAIN.candidates
    ]
    assert styles(replace(shown.PLAIN, candidates=tuple(broken))) == [None, None, None]
    assert styles(shown.WHOLE) == [None, None, None]


def test_a_command_ends_well_only_where_the_verdict_is_better() -> None:
    assert [each.exit_code for each in (B, C, W)] == [0, 3, 1]


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [((B, B), B), ((B, None), B), ((B, C), C), ((C, B), C), ((B, W), W), ((W, B), W), ((W, C), W), ((None,), None)],
)
def test_several_splits_allow_what_the_least_favourable_says(
    verdicts: tuple[Verdict | None, ...], together: Verdict | None
) -> None:
    assert strictest(*verdicts) is together
