"""A job that somebody launched without the bot: read back, watched and approved like one of the bot's own."""

import pytest
from redis.asyncio import Redis

from bot.kinds import KINDS
from jobs.approvals.records import Approval, Ending
from jobs.core.records import Hyperparameters, Job
from jobs.evidence.records import EvidenceState, Role
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import JobSpec
from jobs.platforms.profiles import load_profiles
from jobs.state.connection import Connection
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.trail.entry import Act
from tests.story.colleagues import Json, Workspace, buttons, eventually, in_thread, pictures, said
from tests.story.conftest import House
from tests.story.test_evidence import copy_small, evidence_of
from tests.story.test_story import approve, summary_of

pytestmark = [pytest.mark.story, pytest.mark.shared_bot]


async def launched_elsewhere(house: House, gateway: Gateway) -> str:
    """Launch the bundled task as a script of somebody's would; return the platform's id of the job."""
    tasks = TaskCatalogue(house.tasks)
    task = tasks.load("eurovoc")
    train, valid = [
        await gateway.upload(f"{split}.jsonl", tasks.training_rows(task, split)) for split in ("train", "valid")
    ]
    spec = JobSpec(
        key="nightly-7",
        model="local-policy-1",
        training_file=train,
        validation_file=valid,
        grader=task.reward_grader,
        response_format=task.response_format,
        suffix="nightly",
        seed=1,
        hyperparameters=Hyperparameters(n_epochs=3, eval_interval=5),
    )
    return (await gateway.create(spec)).id


async def ended(gateway: Gateway, remote_id: str) -> None:
    """Wait until the platform is done with a job."""

    async def look() -> bool:
        return (await gateway.job(remote_id)).is_finished

    await eventually(look, f"the end of {remote_id}")


async def overrule(workspace: Workspace, user: str, message: Json, action: Json, reason: str) -> None:
    """Click Approve, and approve although the checkpoint was not evaluated."""
    await workspace.click(user, message, action)

    async def look() -> Json | None:
        return await workspace.form_of(user)

    await eventually(look, f"the form for {user}")
    await workspace.fill(user, {"reason": reason, "override:evidence": ["evidence"]})


async def test_a_job_launched_elsewhere_is_read_back_and_approved(house: House) -> None:
    workspace = house.workspace
    profile = load_profiles(None, house.environment["LOCAL_PLATFORM_URL"])["local"]
    async with Gateway(profile, "local") as gateway, house.bot():
        await workspace.type_command("alice", "/rft", "watch ftjob-none")
        await workspace.told("alice", "Local platform has no job 'ftjob-none'.")

        house.copy_eurovoc()
        remote_id = await launched_elsewhere(house, gateway)
        await ended(gateway, remote_id)
        await workspace.type_command("alice", "/rft", f"watch {remote_id} platform=local")
        answer = await workspace.told("alice", f"I watch `{remote_id}` on local as")
        assert "It trains on the reward of eurovoc: `/rft watch rft-" in answer

        card = await workspace.card_with("launched elsewhere, watched for <@U0ALICE01>")
        assert "180 train and 60 validation items" in said(card)
        past = await workspace.reply_with("steps were read from before I was asked to watch.")
        curve = await workspace.reply_with("Reward curve")
        assert past["thread_ts"] == curve["thread_ts"] == card["ts"]
        assert pictures(curve)
        summary = await summary_of(workspace)
        assert "of nightly" in said(summary)
        assert "was launched elsewhere, so its task, prompt and graders are not known to me." in said(summary)

        await workspace.type_command("bob", "/rft", f"watch {remote_id}")
        await workspace.told("bob", f"{remote_id} is rft-")

        first = buttons(summary, "approve_checkpoint")[0]
        await workspace.click("alice", summary, first)
        await workspace.told("alice", "You asked me to watch this job")
        # Whose task is not known was not evaluated here: an approval says so in so many words.
        await overrule(workspace, "bob", summary, first, "the nightly one is fine")
        await workspace.told("bob", "1 more approval needed")
        await overrule(workspace, "carol", summary, first, "agreed, looked at ten answers")
        await workspace.told("carol", "Your decision settled it")
    messages = await workspace.messages()
    assert len([message for message in messages if not in_thread(message)]) == 1
    assert not [message for message in messages if "first held at step" in said(message)]


async def test_a_job_launched_elsewhere_is_evaluated_once_its_task_is_named(house: House, redis: Redis) -> None:
    workspace, store = house.workspace, Store(Connection(redis), KINDS)
    copy_small(house)
    profile = load_profiles(None, house.environment["LOCAL_PLATFORM_URL"])["local"]
    async with Gateway(profile, "local") as gateway, house.bot():
        remote_id = await launched_elsewhere(house, gateway)
        await workspace.type_command("alice", "/rft", f"watch {remote_id} task=eurovok")
        await workspace.told("alice", "There is no task 'eurovok'; did you mean 'eurovoc'?")
        await workspace.type_command("alice", "/rft", f"watch {remote_id}")
        await workspace.told("alice", "task=eurovoc` has its checkpoints evaluated")
        assert (await evidence_of(store, EvidenceState.FAILED)).round == 1
        assert not (await store.records(Job, 1))[0].has_task

        await workspace.type_command("dave", "/rft", f"watch {remote_id} task=eurovoc")
        await workspace.told("dave", "can say which task")
        await workspace.type_command("bob", "/rft", f"watch {remote_id} task=eurovoc")
        await workspace.told("bob", "is a job of eurovoc. Its checkpoints are evaluated")
        await workspace.reply_with("said that it is a job of eurovoc")
        evidence = await evidence_of(store, number=2)
        assert evidence.note is None, "grader, response format and prompt are those of the task"
        assert [each.role for each in evidence.candidates[:2]] == [Role.BASE, Role.CHECKPOINT]
        assert evidence.test_eval is not None

        async def evaluated() -> Json | None:
            message = await summary_of(workspace)
            return message if "checkpoints of eurovoc" in said(message) and "Measured on" in said(message) else None

        summary = await eventually(evaluated, "the summary with the evidence")
        first = buttons(summary, "approve_checkpoint")[0]
        await approve(workspace, "bob", summary, first, "the nightly one is better")
        await workspace.told("bob", "1 more approval needed")
        await approve(workspace, "carol", summary, first, "looked at ten answers")
        await workspace.told("carol", "Your decision settled it")
    approval = await store.record(Approval, (await store.records(Job, 1))[0].id)
    assert approval is not None
    assert approval.value.settled is not None
    assert approval.value.settled.ending is Ending.APPROVED
    acts = [sealed.entry.act for sealed in await store.trail()]
    assert acts.count(Act.WATCH) == 2
    assert Act.OVERRIDE not in acts
