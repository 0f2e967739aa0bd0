"""From an effort sweep to the task's default, and back; prompts and formats that are compared in one eval."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.jobs.evals.model_endpoint import Endpoint, Heard, Json, serving_models
from tests.story.colleagues import buttons, eventually, pictures, said
from tests.story.conftest import House

pytestmark = [pytest.mark.story]

TEMPLATE = Path(__file__).parents[2] / "docs/templates/gated-reward"
RULE = "def grade(sample, item):\n    return float(sample['output_json']['label'] == item['reference_answer'])\n"
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}},
    "required": ["label"],
    "additionalProperties": False,
}
USED = {"low": 40, "medium": 100}


def write_labels(folder: Path, items: int = 90, word: str = "") -> None:
    """Write a task whose text ends in its label; a text that begins with "hard" is for a large model."""
    (folder / "graders").mkdir(parents=True)
    (folder / "prompts").mkdir()
    grader = {"type": "python", "name": "exact", "source": RULE}
    (folder / "graders/exact.json").write_text(json.dumps(grader))
    (folder / "response_format.json").write_text(json.dumps(SCHEMA))
    (folder / "prompts/v1.md").write_text("Name the label.")
    (folder / "prompts/v2.md").write_text("Name the label of the text below. " * 20)
    (folder / "task.yaml").write_text("reward: exact\ndefaults: {platform: lab, model: small}\n")
    for split in ("train", "valid"):
        rows = [
            {
                "item": {
                    "id": f"{split}{n}",
                    "text_input": f"{word} {split} {n} is fish".strip(),
                    "reference_answer": "fish",
                }
            }
            for n in range(items)
        ]
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def let_answer(house: House, endpoint: Endpoint) -> None:
    """Make the endpoint a platform of the bot's, where effort takes tokens and a long prompt too."""

    def uses(heard: Heard) -> Json:
        effort = (heard.body.get("reasoning") or {}).get("effort") or "medium"
        used = USED[effort]
        sent = sum(len(str(message["content"])) for message in heard.body["input"]) // 4
        reasons = 0 if heard.body["model"] == "plain" else used - 10
        return {"input_tokens": sent, "output_tokens": used, "output_tokens_details": {"reasoning_tokens": reasons}}

    def says(heard: Heard) -> str:
        if not heard.body.get("text"):
            return "It is fish, I think."
        knows = heard.body["model"] == "large" or not heard.text.startswith("hard")
        return json.dumps({"label": heard.text.split()[-1] if knows else "coal"})

    endpoint.models.append("plain")
    endpoint.uses, endpoint.says = uses, says
    profile = {
        "base_url": endpoint.url,
        "default_key": "any",
        "models": ["small", "large", "plain"],
        "default_model": "small",
        "prices": {"small": {"input": 1.0, "output": 4.0}, "large": {"input": 10.0, "output": 40.0}},
    }
    file = house.home.parent / "platforms.yaml"
    file.write_text(yaml.safe_dump({"lab": profile}))
    house.environment["PROCTOR_PLATFORMS"] = str(file)


async def test_the_advice_of_an_effort_sweep_becomes_the_default_and_is_undone(house: House) -> None:
    write_labels(house.tasks / "labels")
    workspace = house.workspace
    async with serving_models() as endpoint:
        let_answer(house, endpoint)
        async with house.bot():
            await workspace.type_command("alice", "/eval", "run task=labels effort=low,medium margin=0.05")
            result = await workspace.reply_with("Result of eval-")
            advice = "Effort low is as good as medium and costs "
            assert advice in said(result)
            assert "less than 0.05 worse, the margin." in said(result)
            assert "Mean exact of 2 models against reasoning tokens of an answer" in pictures(result)[1]["alt_text"]
            (make,) = buttons(result, "act_on_default:effort")
            await workspace.click("bob", result, make)
            await workspace.told("bob", "`/eval run` of `labels` now use *effort low* where nothing else is typed")

            shown = await workspace.reply_with("It is the default of `labels` now, set by <@")
            assert not buttons(shown, "act_on_default:effort")
            (undo,) = buttons(shown, "act_on_default:undo")
            heard = len(endpoint.heard)
            await workspace.type_command("carol", "/eval", "run task=labels limit=3")
            told = await workspace.told("carol", "It uses effort low, set by <@")
            assert "small (low)" in told
            await eventually(lambda: _asked(endpoint, heard + 3), "three answers")
            assert {(each.body.get("reasoning") or {}).get("effort") for each in endpoint.heard[heard:]} == {"low"}

            await workspace.type_command("carol", "/proctor", "task labels")
            await workspace.told("carol", "now use *effort low*")
            await workspace.click("carol", shown, undo)
            await workspace.told("carol", "Nothing is set for `labels` here")
            await workspace.reply_with("Make low the default")
            await workspace.type_command("carol", "/proctor", "default labels undo")
            await workspace.told("carol", "Nothing was set for labels here, so there is nothing to undo.")
            await workspace.type_command("dave", "/proctor", "audit labels")
            trail = await eventually(lambda: _trail(house), "the trail")
    assert trail.count("set the defaults of") == 2
    assert "now effort low" in trail


async def _asked(endpoint: Endpoint, count: int) -> bool:
    return len(endpoint.heard) >= count


async def _trail(house: House) -> str | None:
    ephemerals = (await house.workspace._get("ephemerals/dave"))["ephemerals"]
    return next((said(each) for each in ephemerals if "set the defaults of" in said(each)), None)


async def test_what_a_job_is_launched_with_is_what_was_chosen(house: House) -> None:
    house.copy_eurovoc()
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/proctor", "default eurovoc effort=low prompt=v0")
        await workspace.told("alice", "eurovoc has no prompt 'v0'")
        await workspace.type_command("alice", "/proctor", "default eurovoc effort=low why=eval-nobody")
        await workspace.told("alice", "There is no eval 'eval-nobody'")
        await workspace.type_command("alice", "/proctor", "default eurovoc effort=low")
        await workspace.told("alice", "now use *effort low*")
        await workspace.type_command("alice", "/proctor", "default eurovoc effort=low")
        await workspace.told("alice", "That is how it is: eurovoc uses effort low.")
        await workspace.type_command("bob", "/rft", "launch task=eurovoc epochs=1")
        await workspace.told("bob", "It uses effort low, set by <@")
        await workspace.type_command("carol", "/rft", "launch task=eurovoc epochs=1 effort=high")
        told = await workspace.told("carol", "Launching *eurovoc*")
    assert "It uses" not in told


async def test_prompts_and_formats_are_compared_in_one_eval(house: House) -> None:
    write_labels(house.tasks / "labels")
    workspace = house.workspace
    async with serving_models() as endpoint:
        let_answer(house, endpoint)
        async with house.bot():
            await workspace.type_command("alice", "/eval", "run task=labels prompt=v1,v2 limit=20")
            result = await workspace.reply_with("Result of eval-")
            await workspace.type_command("alice", "/eval", "run task=labels format=none limit=20")
            without = await workspace.reply_with("Asked without the response format")
    assert "Prompt v1 is not told from v2" in said(result)
    assert "a tie goes to the shorter one" in said(result)
    assert "Prompt v2: 679 characters" in said(result)
    assert "Make v1 the default" in said(result)
    assert "small (format none)" in said(without)
    lost = "answers are worse: exact 0.00 against 1.00 (-1.00) on 20 items; without it, on 20 of 20 answers the grader"
    assert f"Asked without the response format, {lost} found nothing to grade." in said(without)
    assert "Production has to ask with it." in said(without)


async def test_a_gate_says_how_often_it_closes_and_what_of_the_spend_would_teach(house: House) -> None:
    shutil.copytree(TEMPLATE, house.tasks / "gated-reward")
    workspace = house.workspace
    async with house.bot():
        await workspace.type_command("alice", "/eval", "variance task=gated-reward")
        study = await workspace.reply_with("of the spend")
    assert "The gate `safe` closes on" in said(study)
    spread = pictures(study)[1]
    assert "without any spread over 9 runs" in spread["alt_text"]
    assert "Rewards of 270 answers" in spread["alt_text"]


async def test_a_variance_study_asks_first_whether_tuning_is_needed(house: House) -> None:
    write_labels(house.tasks / "labels", word="hard")
    with (house.tasks / "labels/task.yaml").open("a") as manifest:
        manifest.write("plain_model: plain\n")
    workspace = house.workspace
    async with serving_models() as endpoint:
        let_answer(house, endpoint)
        async with house.bot():
            await workspace.type_command("alice", "/eval", "variance task=labels runs=3 limit=20")
            study = await workspace.reply_with("Is tuning needed at all?")
            assert "v1 was not tried with these items." in said(study)
            assert "A stronger model: large was not measured on these items." in said(study)
            assert "A model that does not reason: plain was not measured on these items." in said(study)
            for place in range(3):
                (run,) = buttons(study, f"act_on_eval:try:{place}")
                await workspace.click("bob", study, run)
            for arm in ("small (prompt v1)", "large", "plain"):
                await workspace.reply_with(f"'text': '*{arm}*\\n")
            eval_id = str(said(study)).split("Result of ")[1].split(".")[0].split(" ")[0]
            await workspace.type_command("carol", "/eval", f"show {eval_id}")
            await workspace.told("carol", f"Result of {eval_id}")
            shown = str((await workspace._get("ephemerals/carol"))["ephemerals"])
    assert "Another prompt: Can't tell small (prompt v1) from small" in shown
    assert "A stronger model: large is better than small: exact 1.00 against 0.0" in shown
    assert "A model that does not reason: Can't tell plain from small" in shown
    assert "act_on_eval:try" not in shown
