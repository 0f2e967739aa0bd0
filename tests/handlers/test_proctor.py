"""/proctor: help, tasks and platforms, for the person who asks."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

from handlers.help import TOPICS, topic_or_verb_message
from handlers.proctor import COMMANDS, describe_task, list_tasks, show_platforms
from jobs.platforms.profiles import PROFILES
from jobs.tasks import TaskCatalogue
from tests.handlers.conftest import Scene
from tests.jobs.tasks.folder import write_folder
from tests.story.conftest import House

BUNDLED = Path(__file__).parents[2] / "tasks" / "eurovoc"


async def answered(scene: Scene, text: str, words: str) -> str:
    """Type after /proctor as dave, and return the new answer with these words."""
    known = len(await scene.workspace.whispers("dave"))
    await scene.workspace.type_command("dave", "/proctor", text)
    return await scene.workspace.told("dave", words, after=known)


async def test_help_tasks_and_platforms_are_told_to_who_asks(house: House, scene: Scene) -> None:
    await answered(scene, "", "Topics: look at a task")
    await answered(scene, "help jobs", "Tune a model")
    await answered(scene, "tasks", "There is no task yet. A task is a folder with a task.yaml under PROCTOR_TASKS.")

    shutil.copytree(BUNDLED, house.tasks / "eurovoc")
    write_folder(house.tasks, {"task.yaml": "title: <Broken>\nreward: precise\n"}, name="broken")
    broken, good = (await answered(scene, "tasks", "eurovoc")).splitlines()
    assert good == "`eurovoc` EuroVoc domains of legal texts: reward f1, splits train, valid, test"
    assert broken.startswith("`broken` cannot be used: broken/task.yaml line 2: 'reward' names 'precise', which is no ")

    described = await answered(scene, "task eurovoc", "*EuroVoc domains of legal texts*")
    assert "Splits: train 180 items, valid 60 items, test 60 items" in described
    assert "Graders: f1 (reward), precision, recall" in described
    assert "Prompts: v1 (default)" in described
    assert "Approval: 2 of @model-approvers" in described
    await answered(scene, "task broken", "broken/task.yaml line 2: 'reward' names 'precise'")
    await answered(scene, "task eurovok", "There is no task 'eurovok'; did you mean 'eurovoc'?")
    await answered(scene, "task", "`/proctor task` needs one")

    platforms = await answered(scene, "platforms", "`local` Local platform.")
    assert "Takes new jobs until 2027-01-06." in platforms
    await answered(scene, "platform", "`/proctor` has no command 'platform'; did you mean 'platforms'?")
    assert await scene.workspace.messages() == []
    assert await scene.failures() == []


def test_the_topics_of_the_help_have_every_command_once() -> None:
    known = [(slash, verb.name) for slash, verbs in COMMANDS.items() for verb in verbs]
    shown = [(slash, name) for topic in TOPICS for slash, names in topic.verbs.items() for name in names]
    assert sorted(shown) == sorted(known)


def test_an_example_in_the_help_is_one_that_works_here() -> None:
    shown = topic_or_verb_message("/rft curve", COMMANDS, {"<job>": "rft-abc234"})
    assert "For example: `/rft curve rft-abc234`" in json.dumps(shown.blocks)
    assert "For example" not in json.dumps(topic_or_verb_message("curve", COMMANDS, {}).blocks)
    assert "For example" not in json.dumps(topic_or_verb_message("sweep", COMMANDS, {}).blocks), "it needs a task"


def test_what_a_task_says_about_itself_cannot_become_markup(tmp_path: Path) -> None:
    title = "title: Labels <!channel>\nreward: exact\ndescription: a & b\n"
    tasks = TaskCatalogue(write_folder(tmp_path, {"task.yaml": title}))
    described = describe_task(tasks, "small")
    assert "Labels &lt;!channel&gt;" in described
    assert "a &amp; b" in described
    assert "Approval: 2 of the bot's default approvers" in described
    assert "Labels &lt;!channel&gt;" in list_tasks(tasks)


def test_a_task_says_on_what_terms_its_checkpoints_are_signed_off(tmp_path: Path) -> None:
    plain = describe_task(TaskCatalogue(write_folder(tmp_path / "a", {})), "small")
    assert "without who launched it; then `small@production`" in plain
    assert "Guardrails" not in plain
    terms = "title: Labels\nreward: exact\nalias: canary\napproval: {self_approval: true}\nguardrails: {exact: -0.05}\n"
    own = describe_task(TaskCatalogue(write_folder(tmp_path / "b", {"task.yaml": terms})), "small")
    assert "who launched the job among them; then `small@canary`" in own
    assert "Guardrails: exact may fall by 0.05" in own
    strict = terms.replace("-0.05", "0")
    shown = describe_task(TaskCatalogue(write_folder(tmp_path / "c", {"task.yaml": strict})), "small")
    assert "Guardrails: exact must not fall" in shown


def test_a_task_without_prompts_says_so(tmp_path: Path) -> None:
    own = '{"messages": [{"role": "user", "content": "?"}], "reference_answer": "a"}\n'
    changes = {"prompts/v1.md": None, "train.jsonl": own, "valid.jsonl": own}
    assert "Prompts: none" in describe_task(TaskCatalogue(write_folder(tmp_path, changes)), "small")


async def test_each_platform_has_a_line_with_what_to_know() -> None:
    bare = replace(PROFILES[0], name="ours", title="Ours", note="", accepts_new_jobs_until=date(2030, 1, 2))
    quiet = replace(bare, name="quiet", title="Quiet <b>", accepts_new_jobs_until=None)
    lines = (await show_platforms({"ours": bare, "quiet": quiet})).splitlines()
    assert lines == ["`ours` Ours. Takes new jobs until 2030-01-02.", "`quiet` Quiet &lt;b&gt;."]
