"""The list of suspect labels, and the form of a new reference: Slack takes both, whatever the data set holds."""

from dataclasses import replace

import pytest

from handlers.evals.suspects import MOST_LISTED, form, suspects_message
from jobs.evals.suspects import Decision, Suspect, SuspectLabels
from local.slack.blocks import characters, too_much_text, validate
from tests.handlers.evidence_shown import action_ids, text_of

LONG = "a <b> & " * 500
FOUND = SuspectLabels(
    evaluation="eval-abc234",
    task="acts",
    task_version="v",
    split="valid",
    channel="C0RFT",
    arm="base",
    items=400,
    agreed=380,
    alike=200,
    suspects=tuple(
        Suspect(f"i{n} " + "x" * 300, LONG, [LONG, "law"], ["law", "trade"], f"no run gives {LONG}", 0.9)
        for n in range(40)
    ),
    found_at=1.0,
    unlisted=10,
)


def test_a_long_list_is_cut_and_says_so_and_doubts_a_weak_model() -> None:
    message = suspects_message(FOUND)
    blocks = list(message.blocks)
    assert validate(blocks, "message") == []
    assert not too_much_text(blocks)
    assert sum(characters(block) for block in blocks) < 10_000
    shown = text_of(message)
    assert f"{50 - MOST_LISTED} less suspect items not listed" in shown
    assert "They agree with only 53% of the references: expect most to be its own mistakes." in shown
    assert "a <b>" not in shown
    assert action_ids(message)[:3] == ["suspect:keep", "suspect:drop", "suspect:fix"]
    assert "suspect:make" not in action_ids(message)


@pytest.mark.parametrize(
    ("choice", "words", "makes"),
    [
        ("keep", "Kept by <@U0ALICE>", False),
        ("drop", "Dropped by", True),
        ("fix", 'Fixed by <@U0ALICE>: ["law"]', True),
    ],
)
def test_a_decision_is_shown_with_its_name_and_only_a_change_makes_a_version(
    choice: str, words: str, makes: bool
) -> None:
    decision = Decision(FOUND.suspects[0].item, choice, "U0ALICE", 2.0, ["law"])  # type: ignore[arg-type] # one of its words
    message = suspects_message(replace(FOUND, decisions=(decision,), made=("acts-data-1",)))
    assert words in text_of(message)
    assert ("suspect:make" in action_ids(message)) is makes
    assert "Made of it: `acts-data-1`." in text_of(message)


def test_the_form_holds_what_the_runs_say_until_somebody_said_otherwise() -> None:
    suspect = FOUND.suspects[0]
    asked = form(FOUND, suspect, "C0RFT")
    blocks = asked["blocks"]
    assert isinstance(blocks, list)
    assert validate(blocks, "modal") == []
    assert "'initial_value': '[\"law\", \"trade\"]'" in repr(asked)
    decided = replace(FOUND, decisions=(Decision(suspect.item, "fix", "U0ALICE", 2.0, ["energy"]),))
    assert "'initial_value': '[\"energy\"]'" in repr(form(decided, suspect, "C0RFT"))
