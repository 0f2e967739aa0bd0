"""What costs less than training: answered from what was measured, or with the command that measures it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.evals.answer_store import Item
from jobs.evals.readiness import Alternative, alternatives
from jobs.evals.records import Answer, Arm, ArmSummary, Eval, EvalState
from jobs.platforms.profiles import Price
from jobs.tasks import TaskCatalogue
from tests.jobs.evals.answers import an_eval, graded
from tests.jobs.tasks.folder import write_folder

PRICES = {"small": Price(1, 4), "large": Price(10, 40), "huge": Price(20, 90), "tuned:small": Price(9, 99)}


class Reader:
    """The answers of some evals, .4 on each item, or as `means` says."""

    def __init__(self, evals: Iterable[Eval], **means: float) -> None:
        self._evals = {each.id: each for each in evals}
        self._means = means

    def answers(self, eval_id: str, /) -> Iterable[Answer]:
        for arm in self._evals[eval_id].arms:
            mean = self._means.get(arm.model, 0.4)
            yield from graded([[mean + 0.01 * (place % 3)] for place in range(12)], arm=arm.name)

    def items(self, eval_id: str, /) -> Iterable[Item]:
        raise AssertionError(f"nobody needs the items of {eval_id}")


def ended(*arms: Arm, reasoning: int | None = 600, **changes: Any) -> Eval:
    sums = tuple(ArmSummary(arm.name, 12, reasoning_tokens=reasoning) for arm in arms)
    small = {"task": "small", "reward": "f1", "platform": "lab", "arms": arms, "summaries": sums, "prompt": "v1"}
    return an_eval(**small | changes)


def told(
    folder: Path,
    study: Eval,
    *others: Eval,
    files: dict[str, str] | None = None,
    plain: str | None = None,
    **means: float,
) -> tuple[Alternative, ...]:
    task = replace(TaskCatalogue(write_folder(folder, files)).load("small"), plain_model=plain)
    return alternatives(study, [study, *others], Reader([study, *others], **means), task, PRICES)


STUDY = ended(Arm("small", "low"))
TWO = {"prompts/v2.md": "Name it."}


def test_what_was_not_tried_comes_with_its_command(tmp_path: Path) -> None:
    prompt, stronger, plain = told(tmp_path, STUDY, files=TWO, plain="tiny")
    assert prompt.text == "Another prompt: v2 was not tried with these items."
    assert prompt.command == "run task=small model=small prompt=v1,v2 effort=low split=valid runs=3 platform=lab"
    assert stronger.label == "Measure huge"
    assert plain.command == "run task=small model=tiny prompt=v1 effort=low split=valid runs=3 platform=lab"


def test_what_nobody_names_is_said_and_has_no_button(tmp_path: Path) -> None:
    study = ended(Arm("huge"), reasoning=None)
    prompt, stronger, plain = told(tmp_path, study)
    assert "v1 is the only one there is. Write a second one" in prompt.text
    assert "`stronger_model:` in task.yaml names one" in stronger.text
    assert plain.text.endswith("huge reports no reasoning tokens, so whether it reasons is not known.")
    assert not any(each.label or each.command for each in (prompt, stronger, plain))
    _, _, plain = told(tmp_path, ended(Arm("small"), reasoning=0))
    assert "small does not reason" in plain.text
    _, _, plain = told(tmp_path, STUDY)
    assert "small takes 50 reasoning tokens an answer; `plain_model:`" in plain.text


def test_what_was_measured_is_told_with_its_verdict(tmp_path: Path) -> None:
    others = (
        ended(Arm("small", "low", prompt="v2", prompt_hash="q"), id="eval-prompt"),
        ended(Arm("huge"), id="eval-strong"),
        ended(Arm("tiny"), id="eval-plain", reasoning=0),
    )
    prompt, stronger, plain = told(tmp_path, STUDY, *others, files=TWO, huge=0.8, plain="tiny")
    assert prompt.text.startswith("Another prompt: Can't tell small (low, prompt v2) from small (low)")
    assert stronger.text.startswith("A stronger model: huge is better than small (low): F1 0.81 against 0.41")
    assert plain.text.startswith("A model that does not reason: Can't tell tiny from small (low)")


def test_what_the_study_itself_compares_counts(tmp_path: Path) -> None:
    both = ended(Arm("small", prompt="v1", prompt_hash="p"), Arm("small", prompt="v2", prompt_hash="q"))
    prompt, _, _ = told(tmp_path, both, files=TWO)
    assert prompt.text.startswith("Another prompt: Can't tell small (prompt v2) from small (prompt v1)")


def test_what_was_measured_otherwise_answers_nothing(tmp_path: Path) -> None:
    others = (
        ended(Arm("huge"), id="eval-test", split="test"),
        ended(Arm("huge"), id="eval-old", task_version="w"),
        ended(Arm("huge"), id="eval-cut", state=EvalState.CANCELLED),
        ended(Arm("huge", label="step 60 of rft-zuwoq5"), id="eval-tuned"),
        ended(Arm("huge", format="none", prompt_hash="q"), id="eval-free"),
    )
    _, stronger, _ = told(tmp_path, STUDY, *others)
    assert stronger.label == "Measure huge"
