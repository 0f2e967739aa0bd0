import json

import pytest

from jobs.checks import Level
from tests.jobs.checks.conftest import F1, TRAIN, Check
from tests.jobs.checks.test_grader import HEAD, SAFE

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECALL = F1.replace("2 * len(said & right) / (len(said) + len(right))", "len(said & right) / len(right)")
EXACT = F1.replace("2 * len(said & right) / (len(said) + len(right))", "float(said == right)")


async def test_a_sound_reward_passes(check: Check) -> None:
    found = await check()
    for name in ("constant", "binary"):
        assert found[name].level is Level.OK, found[name]


async def test_a_trivial_answer_is_measured_against_copying_from_alike_texts(check: Check) -> None:
    alone = (await check())["exploitable"]  # its texts say nothing about the labels
    assert alone.level is Level.NOTE
    assert "Giving all 8 labels earns more than such copying" in alone.text
    told = "".join(
        json.dumps({"text_input": f"case {n} about " + " and ".join(labels) * 3, "reference_answer": labels}) + "\n"
        for n, labels in enumerate(TRAIN)
    )
    assert (await check(changes={"train.jsonl": told}))["exploitable"].level is Level.OK


@pytest.mark.parametrize("value", ["0", "0.5", "1"])
async def test_the_same_reward_for_all_blocks(check: Check, value: str) -> None:
    found = await check(HEAD + f"    return {value}")
    assert found["constant"].level is Level.BLOCK
    assert f"gives {float(value):.2f} for each of " in found["constant"].text


async def test_only_0_and_1_says_what_a_continuous_reward_would_give(check: Check) -> None:
    finding = (await check(EXACT))["binary"]
    assert finding.level is Level.NOTE
    assert 0 < finding.numbers["half_right"] <= finding.numbers["wrong"]
    assert finding.numbers["mean_f1"] == pytest.approx(0.5)
    assert "share a label with the reference: F1 over labels would give these 0.50 on average" in finding.text


async def test_recall_alone_can_be_had_with_all_labels(check: Check) -> None:
    finding = (await check(RECALL))["exploitable"]
    assert finding.level is Level.BLOCK
    assert finding.numbers["all_labels"] == 1
    assert "Giving all 8 labels earns nearly everything" in finding.text


async def test_an_empty_answer_that_pays_is_told(check: Check) -> None:
    source = SAFE + "    return f1(sample, item) if sample['output_text'] else 0.6"
    finding = (await check(source))["exploitable"]
    assert finding.level is Level.WARN
    assert finding.numbers["empty"] == pytest.approx(0.6)
    assert "Giving an empty answer pays too well" in finding.text


async def test_what_each_trivial_answer_earns_is_what_it_earns(check: Check) -> None:
    train = [["fish", "iron"]] * 6 + [["fish"]] * 3 + [["wool"]]
    numbers = (await check(train=train))["exploitable"].numbers
    assert numbers["empty"] == numbers["no_labels"] == 0
    assert numbers["top_label"] == pytest.approx((6 * 2 / 3 + 3) / 10)
    assert numbers["top_set"] == pytest.approx((6 + 3 * 2 / 3) / 10)
    assert numbers["all_labels"] == pytest.approx((6 * 4 / 10 + 4 * 2 / 9) / 10)


async def test_what_a_model_really_answered_counts_too(check: Check) -> None:
    source = SAFE + "    return 1.0 if 'gold' in sample['output_text'] else 0.5"
    assert (await check(source))["constant"].level is Level.BLOCK
    answers = {f"r{n}": json.dumps({"labels": ["gold"]}) for n in range(len(TRAIN))}
    assert (await check(source, answers=answers))["constant"].level is Level.OK


async def test_a_frequent_guess_that_pays_calls_for_balance(check: Check) -> None:
    finding = (await check(train=[["fish"]] * 9 + [["iron"]]))["exploitable"]
    assert finding.level is Level.BLOCK
    finding = (await check(train=[["fish"]] * 7 + [["iron"]] * 3))["exploitable"]
    assert finding.level is Level.WARN
    assert "Giving the most frequent label, 'fish' pays too well; balance the rows" in finding.text
