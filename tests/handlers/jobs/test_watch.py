"""What a person reads who had a job watched that was launched elsewhere, or said which task it is of."""

from dataclasses import replace

from handlers.jobs.commands import watched
from jobs.core.records import ApprovalPolicy
from jobs.training.import_job import ImportedJob
from tests.records import ALICE, BOB, a_job

KNOWN = a_job(
    imported=True, task="small", remote_id="ftjob-1", platform_status="running", approvers=("model-approvers",)
)
UNKNOWN = replace(KNOWN, task="nightly", task_version="")


def test_a_job_without_its_task_asks_for_it() -> None:
    told = watched(ImportedJob(UNKNOWN), ALICE)
    assert told.startswith("I watch `ftjob-1` on local as `rft-abc234`; the platform says it is running.")
    assert "you count as its launcher and cannot approve. `/rft watch rft-abc234 task=&lt;task&gt;` says" in told


def test_the_tasks_with_its_reward_are_named() -> None:
    alike = watched(ImportedJob(UNKNOWN, tasks_like=("small",)), ALICE)
    assert "It trains on the reward of small: `/rft watch rft-abc234 task=small` has its checkpoints" in alike
    several = watched(ImportedJob(UNKNOWN, tasks_like=("a", "b", "c", "d")), ALICE)
    assert "It trains on the reward of a or b or c: " in several


def test_a_job_of_a_task_is_told_with_what_differs() -> None:
    job = replace(KNOWN, remarks=("The job's grader is <b>; here exact of small counts.",))
    told = watched(ImportedJob(job), ALICE)
    assert "as `rft-abc234`, a job of small; the platform says it is running." in told
    assert "2 of @model-approvers approve a checkpoint of it. The job's grader is &lt;b&gt;; here" in told
    assert "task=" not in told


def test_who_may_approve_what_they_had_watched_is_told_so() -> None:
    job = replace(KNOWN, policy=ApprovalPolicy(self_approval=True))
    assert watched(ImportedJob(job), ALICE).endswith("I cannot tell who launched it, so you count as its launcher.")


def test_whoever_names_the_task_reads_what_that_means() -> None:
    assert watched(ImportedJob(KNOWN, is_new=False), BOB) == (
        "`rft-abc234`, which is `ftjob-1` on local, is a job of small. Its checkpoints are evaluated as that task's; "
        "the summary in its thread has the result. 2 of @model-approvers approve a checkpoint of it."
    )
