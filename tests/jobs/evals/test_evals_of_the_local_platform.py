"""An eval of a really trained checkpoint beside its base model, on the local platform."""

import asyncio
import time
from pathlib import Path

from bot.worker import job_work
from jobs.core.ids import EVALS
from jobs.core.records import Hyperparameters
from jobs.evals.answer_store import LocalAnswerStore
from jobs.evals.plan import EvalPlanner
from jobs.evals.records import Eval
from jobs.evals.run import EvalRunner
from jobs.evals.service import Evals
from jobs.graders import GraderRuntime
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import JobSpec, RemoteJob
from jobs.platforms.profiles import load_profiles
from jobs.platforms.sampling import Sampler
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from local.platform.server import serve
from tests.jobs.evals.laboratory import QUICK, a_wish, only
from tests.permitted import EVERYBODY_MAY
from tests.working import worked_off

TASKS = Path(__file__).parents[3] / "tasks"


async def trained(gateway: Gateway, tasks: TaskCatalogue) -> RemoteJob:
    task = tasks.load("eurovoc")
    created = await gateway.create(
        JobSpec(
            key="rft-evals",
            model="local-policy-1",
            training_file=await gateway.upload("train.jsonl", tasks.training_rows(task, "train")),
            validation_file=await gateway.upload("valid.jsonl", tasks.training_rows(task, "valid")),
            grader=task.reward_grader,
            response_format=task.response_format,
            seed=1,
            hyperparameters=Hyperparameters(n_epochs=8, batch_size=32, eval_interval=1000, eval_samples=1),
        )
    )
    async with asyncio.timeout(120):
        while True:
            job = await gateway.job(created.id)
            if job.is_finished:
                assert job.status == "succeeded"
                return job
            await asyncio.sleep(0.05)


async def ended(evals: Evals, runner: EvalRunner, store: Store, started: Eval) -> Eval:
    async with asyncio.timeout(120):
        while not (now := await evals.view(started.id)).state.is_final:
            await worked_off(store, {"eval": job_work(runner.turn, "evaluation")}, EVALS)
            await asyncio.sleep(0.01)
    return now


async def test_a_trained_checkpoint_is_measured_beside_its_base(store: Store, tmp_path: Path) -> None:
    tasks = TaskCatalogue(TASKS)
    async with (
        serve(tmp_path / "platform", pace=0.0) as platform,
        Gateway(load_profiles(None, platform.url)["local"], "local") as gateway,
        GraderRuntime() as graders,
    ):
        tuned = (await trained(gateway, tasks)).fine_tuned_model
        assert tuned is not None
        rows, sampler = LocalAnswerStore(tmp_path / "evals"), Sampler(gateway, gateway.profile.max_concurrency)
        evals = Evals(store, EvalPlanner(tasks, only(gateway), "local", time.time), rows, EVERYBODY_MAY)
        runner = EvalRunner(
            store,
            tasks,
            only(gateway),
            lambda _: sampler,
            graders,
            rows,
            clock=time.time,
            timing=QUICK,
        )
        wish = a_wish(task="eurovoc", models=("local-policy-1", tuned))

        measured = await ended(evals, runner, store, await evals.start(wish))

    assert measured.note is None
    assert measured.progress.answered == measured.total == measured.items * 2
    assert measured.progress.failures == {}
    base, better = (measured.summary(arm.name) for arm in measured.arms)
    assert base is not None
    assert better is not None
    for summary in (base, better):
        assert {grader.grader for grader in summary.graders} == {"precision", "recall", "f1"}
        assert summary.micro is not None
        assert summary.input_tokens > 0
    before, after = base.grader("f1"), better.grader("f1")
    assert before is not None
    assert after is not None
    assert before.mean is not None
    assert after.mean is not None
    assert after.mean > before.mean + 0.05
