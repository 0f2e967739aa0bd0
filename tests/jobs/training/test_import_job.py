"""Importing jobs launched elsewhere: what is asked, what is written down, and what becomes of their past."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jobs.approvals.records import Approval, Ending, Settlement
from jobs.core.errors import Conflict, InvalidRequest, NotFound, PlatformRejected
from jobs.core.ids import evidence_item
from jobs.core.permissions import NotPermitted
from jobs.core.records import Hyperparameters, Job, JobState, Posting, PostingKind
from jobs.platforms.gateway import Gateway
from jobs.platforms.patience import answered
from jobs.platforms.profiles import Profile
from jobs.platforms.prompt_hash import prompt_hash
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.tasks import TaskCatalogue
from jobs.trail.entry import Act, AuditEntry
from jobs.training.import_job import JobImporter, WatchRequest
from jobs.training.poll import Poller
from jobs.training.sweep_state import SweepState
from tests.jobs.platforms.stand_in import JobJson, Listing, Says, StandIn, capture, error, standing_in
from tests.jobs.tasks.folder import write_folder
from tests.permitted import permissions
from tests.records import ALICE, BOB, CAROL, CHANNEL, PROFILE, a_job, an_approval
from tests.working import due_in

JOBS = "/fine_tuning/jobs"
FALLING = (0.20, 0.40, 0.50, 0.42, 0.36, 0.31, 0.27, 0.24, 0.22, 0.20, 0.19, 0.18)
"""Validation reward of a job that overfits, every fifth step."""
BEGAN = 1_000
NOW = 5_000.0


def remote_job(status: str = "running", **changes: object) -> JobJson:
    chosen = capture("rft_job_created.json")["method"]
    chosen["reinforcement"]["hyperparameters"] |= {"batch_size": 16, "eval_samples": 3}
    return capture("rft_job_created.json") | {"id": "ftjob-1", "status": status, "method": chosen} | changes


def a_metrics_event(step: int) -> JobJson:
    scores = {"train_reward_mean": 0.2 + step * 0.013}
    if step % 5 == 0:
        scores["valid_reward_mean"] = FALLING[step // 5 - 1]
    return an_event(step, type="metrics", data={"step": step, "total_steps": 60, "scores": scores})


def an_event(number: int, **changes: object) -> JobJson:
    at = BEGAN + number
    return {"id": f"ev-{number}", "created_at": at, "level": "info", "message": "", "type": "message"} | changes


def a_history() -> list[JobJson]:
    """Sixty steps newest first, with neighbours that are swapped and events that are listed twice."""
    events = [a_metrics_event(step) for step in range(60, 0, -1)]
    events[10], events[11] = events[11], events[10]
    return [*events[:30], *events[23:], an_event(0, message="Created")]


class SmallPages(Listing):
    """Gives out no more than 25 entries a page, whatever is asked."""

    async def __call__(self, request: Any) -> Any:
        return await super().__call__(request.clone(rel_url=request.rel_url.update_query(limit="25")))


@dataclass
class Bureau:
    """Imports and watches; `platform` says what it is told to."""

    store: Store
    platform: StandIn
    job_importer: JobImporter
    poller: Poller
    tasks: Path

    def has(self, job: JobJson, events: list[JobJson]) -> None:
        """Let the platform have a job with its events, newest first."""
        self.platform.on(f"GET {JOBS}/{job['id']}", Says(job))
        self.platform.on(f"GET {JOBS}/{job['id']}/events", SmallPages(events))

    async def imported(self, **changes: Any) -> Job:
        request = WatchRequest("ftjob-1", requested_by=BOB, channel=CHANNEL, trigger="typed")
        return (await self.job_importer.import_job(replace(request, **changes))).job

    async def poll(self, job: Job) -> Job:
        held = await self.store.record(Job, job.id)
        assert held is not None
        await self.poller.poll(held)
        held = await self.store.record(Job, job.id)
        assert held is not None
        return held.value

    async def postings(self, job: Job) -> dict[str, Posting]:
        """Return everything that waits to be posted about a job, by the end of its id."""
        redis = self.store._redis
        prefix = f"{{proctor}}:posting:job:{job.id}:"
        found = {}
        async for key in redis.scan_iter(f"{prefix}*"):
            value = json.loads(str(await redis.hget(key, "value")))
            found[str(key).removeprefix(prefix)] = Posting(**value | {"kind": PostingKind(value["kind"])})
        return found


@pytest.fixture
async def bureau(store: Store, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with standing_in() as platform, Gateway(replace(PROFILE, base_url=platform.url), "key") as gateway:

        def platform_of(name: str) -> tuple[Profile, Gateway]:
            if name != PROFILE.name:
                raise NotFound(f"There is no platform '{name}'.")
            return gateway.profile, gateway

        async def is_approved(job_id: str) -> bool:
            held = await store.record(Approval, job_id)
            return held is not None and held.value.settled is not None

        job_importer = JobImporter(
            store,
            TaskCatalogue(tmp_path),
            platform_of,
            permissions(CAROL),
            default_platform="local",
            approvers=("model-approvers",),
            is_approved=is_approved,
            clock=lambda: NOW,
        )
        poller = Poller(store, SweepState(store.connection), platform_of, lambda: NOW)
        yield Bureau(store, platform, job_importer, poller, tmp_path)


async def test_what_is_known_of_the_job_is_written_down_and_its_card_comes(bureau: Bureau) -> None:
    bureau.has(remote_job(), [])
    job = await bureau.imported()
    assert (job.state, job.remote_id, job.platform_status) == (JobState.WATCHING, "ftjob-1", "running")
    assert (job.task, job.model) == ("dv-endpoint-countdown-ft-f83f16a5", "o4-mini-2025-04-16")
    assert (job.reward, job.batch_size) == ("Combined local and remote grader", 16)
    assert job.request.hyperparameters == Hyperparameters(batch_size=16, eval_samples=3, reasoning_effort="default")
    assert (job.request.requested_by, job.quorum, job.approvers) == (BOB, 2, ("model-approvers",))
    assert (job.train_items, job.valid_items) == (None, None)
    assert set(await bureau.postings(job)) == {"card"}
    assert await due_in(bureau.store, job.id) is not None


async def test_a_platform_that_does_not_answer_now_is_asked_again_and_the_job_is_watched_once(bureau: Bureau) -> None:
    bureau.has(remote_job(), [])
    busy = error(429, headers={"Retry-After": "25"})
    bureau.platform.on(f"GET {JOBS}/ftjob-1", busy, Says(remote_job()))
    told: list[str] = []
    paused: list[float] = []

    async def tell(text: str) -> None:
        told.append(text)

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    job = await answered(bureau.imported, tell, sleep=pause)
    assert (job.state, told) == (
        JobState.WATCHING,
        [f"{PROFILE.title} is receiving too many requests; it asks to wait 25 s. I ask again for up to 30 s."],
    )
    assert paused[0] >= 25.0
    assert len(await bureau.store.records(Job)) == 1


async def test_the_items_are_counted_where_the_platform_shows_the_files(bureau: Bureau) -> None:
    bureau.has(remote_job(), [])
    train, valid = remote_job()["training_file"], remote_job()["validation_file"]
    bureau.platform.on(f"GET /files/{train}/content", Says('{"a": "\u2028"}\n{}\n\n{}'))
    bureau.platform.on(f"GET /files/{valid}/content", Says("{}\n{}\n"))
    job = await bureau.imported()
    assert (job.train_items, job.valid_items) == (3, 2)


async def test_a_job_with_neither_suffix_nor_files_is_called_by_its_id(bureau: Bureau) -> None:
    bureau.has(remote_job(user_provided_suffix=None, method=None, validation_file=None, model=None), [])
    job = await bureau.imported()
    assert (job.task, job.model, job.reward) == ("ftjob-1", "a model not reported", "reward")


async def test_the_past_is_read_whole_and_told_in_one_line(bureau: Bureau) -> None:
    bureau.has(remote_job(), a_history())
    bureau.platform.on(f"GET /files/{remote_job()['training_file']}/content", Says("{}\n" * 24))
    job = await bureau.imported()
    job = await bureau.poll(job)

    assert [step.step for step in (await bureau.store.series(job.id)).steps] == list(range(1, 61))
    assert (job.last_step, job.total_steps, job.first_valid_reward, job.valid_reward) == (60, 60, 0.20, 0.18)
    assert job.started_at == BEGAN + 1
    assert "O1" in {alert.rule for alert in job.alerts}
    postings = await bureau.postings(job)
    assert set(postings) == {"card", "curve", "past"}
    text = str(postings["past"].text)
    assert text.startswith("60 steps were read from before I was asked to watch. Alerts in them: at step ")
    assert "Possible overfitting" in text
    assert postings["past"].broadcast

    assert await bureau.poll(job) == job
    assert await bureau.postings(job) == postings


async def test_what_comes_after_the_past_is_told_as_for_any_other_job(bureau: Bureau) -> None:
    history = a_history()
    early = [event for event in history if event["created_at"] <= BEGAN + 10]
    bureau.has(remote_job(), early)
    bureau.platform.on(f"GET /files/{remote_job()['training_file']}/content", Says("{}\n" * 24))
    job = await bureau.poll(await bureau.imported())
    past = str((await bureau.postings(job))["past"].text)
    assert past == "10 steps were read from before I was asked to watch. No rule raised an alert in them."

    bureau.has(remote_job(), history)
    job = await bureau.poll(job)
    alerts = [posting for posting in (await bureau.postings(job)).values() if posting.kind is PostingKind.ALERT]
    assert len(alerts) == len(job.alerts) > 0
    assert any(alert.broadcast for alert in alerts)


async def test_a_job_that_begins_after_it_is_watched_has_no_past(bureau: Bureau) -> None:
    bureau.has(remote_job("queued"), [an_event(0, message="Created")])
    job = await bureau.poll(await bureau.imported())
    late = [event | {"created_at": NOW + number} for number, event in enumerate(reversed(a_history()))]
    bureau.has(remote_job(), list(reversed(late)))
    job = await bureau.poll(job)
    assert job.last_step == 60
    assert "past" not in await bureau.postings(job)


async def test_a_job_that_has_ended_comes_with_its_checkpoints_and_has_them_looked_at(bureau: Bureau) -> None:
    bureau.has(remote_job("succeeded", finished_at=4_000), a_history())
    checkpoint = {"id": "ckpt-15", "fine_tuned_model_checkpoint": "ft:x:ckpt-step-15", "step_number": 15}
    bureau.platform.on(f"GET {JOBS}/ftjob-1/checkpoints", Listing([checkpoint]))
    job = await bureau.poll(await bureau.imported())
    assert (job.state, job.finished_at) == (JobState.SUCCEEDED, 4_000.0)
    assert job.checkpoints[0].valid_reward == 0.50
    assert await due_in(bureau.store, f"evidence:{job.id}") is not None
    postings = await bureau.postings(job)
    assert set(postings) == {"card", "curve", "past"}
    assert not postings["past"].broadcast


async def test_a_job_is_attached_to_once_whoever_asks(bureau: Bureau) -> None:
    bureau.has(remote_job(), [])
    job = await bureau.imported()
    assert await bureau.imported() == job
    with pytest.raises(Conflict, match=rf"ftjob-1 is {job.id}, which I watch already; `/rft status {job.id}`"):
        await bureau.imported(requested_by=ALICE, trigger="typed later")
    with pytest.raises(Conflict, match=f"{job.id} is a job of mine already"):
        await bureau.imported(remote_id=job.id, trigger="typed later")


# -- its task ----------------------------------------------------------------------------------------------------------


def of_small(bureau: Bureau, status: str = "running", **said: object) -> JobJson:
    """Write the task `small` with terms of its own; return a job that trains on its reward and response format."""
    terms = "approvers: [small-approvers]\nquorum: 3\nguardrails: [exact]\nalias: beta\nevidence: {runs: 2}\n"
    write_folder(bureau.tasks, {"task.yaml": f"title: Small\n{terms}"})
    task = TaskCatalogue(bureau.tasks).load("small")
    shown = {"grader": task.reward_grader, "response_format": task.response_format, **said}
    return remote_job(status, method={"type": "reinforcement", "reinforcement": shown})


async def trail(bureau: Bureau) -> list[AuditEntry]:
    return [sealed.entry for sealed in await bureau.store.trail()]


def shows_its_rows(bureau: Bureau, prompt: str) -> None:
    """Let the platform show the training file, whose rows begin with a prompt."""
    messages = [{"role": "developer", "content": prompt}, {"role": "user", "content": "text a"}]
    row = json.dumps({"messages": messages, "id": "a"})
    bureau.platform.on(f"GET /files/{remote_job()['training_file']}/content", Says(f"{row}\n{row}\n"))


async def test_with_its_task_the_terms_of_the_task_hold(bureau: Bureau) -> None:
    bureau.has(of_small(bureau), [])
    shows_its_rows(bureau, "Name the label.")
    job = await bureau.imported(task="small")
    task = TaskCatalogue(bureau.tasks).load("small")
    assert (job.task, job.request.task, job.task_version, job.has_task) == ("small", "small", task.version, True)
    assert (job.approvers, job.quorum, job.alias) == (("small-approvers",), 3, "beta")
    assert (job.reward, job.guardrails, job.evidence_runs) == ("exact", {"exact": -0.02}, 2)
    assert (job.prompt, job.prompt_hash) == ("v1", prompt_hash("Name the label.", task.response_format))
    assert (job.train_items, job.remarks) == (2, ())
    (entry,) = await trail(bureau)
    assert (entry.act, entry.task, entry.details["version"]) == (Act.WATCH, "small", task.version)


async def test_what_the_platform_does_not_tell_of_training_is_kept_as_a_remark(bureau: Bureau) -> None:
    bureau.has(of_small(bureau, response_format={}), [])
    job = await bureau.imported(task="small")
    assert (job.prompt, job.prompt_hash) == ("v1", "")
    assert job.remarks == (
        "The job's response format is not known; here that of small is asked for.",
        "The job's prompt is not known; its checkpoints are asked with v1 of small.",
    )


async def test_a_job_that_climbs_another_grader_is_measured_by_its_tasks_reward(bureau: Bureau) -> None:
    bureau.has(of_small(bureau, grader={"type": "python", "name": "speed", "source": "..."}), [])
    job = await bureau.imported(task="small")
    assert (job.reward, job.training_reward) == ("exact", "speed")
    assert job.remarks[0] == "The job's grader is speed; here exact of small counts."


async def test_a_task_that_there_is_not_or_that_cannot_be_evaluated_on_is_refused(bureau: Bureau) -> None:
    bureau.has(of_small(bureau), [])
    with pytest.raises(NotFound, match=r"There is no task 'smal'; did you mean 'small'\?"):
        await bureau.imported(task="smal")
    (bureau.tasks / "small" / "valid.jsonl").unlink()
    with pytest.raises(InvalidRequest, match=r"small has no valid.jsonl; checkpoints are evaluated on it\."):
        await bureau.imported(task="small")
    assert await bureau.store.records(Job) == ()


async def test_the_tasks_with_its_reward_are_named_where_it_is_watched_without_one(bureau: Bureau) -> None:
    bureau.has(of_small(bureau), [])
    write_folder(bureau.tasks, {}, "twin")
    found = await bureau.job_importer.import_job(WatchRequest("ftjob-1", BOB, CHANNEL, "typed"))
    assert (found.job.has_task, found.tasks_like) == (False, ("small", "twin"))


@pytest.mark.parametrize("typed", ["ours", "theirs"])
async def test_a_job_that_is_watched_without_its_task_is_given_it(bureau: Bureau, typed: str) -> None:
    bureau.has(of_small(bureau), [])
    before = await bureau.imported()
    named = before.id if typed == "ours" else "ftjob-1"
    job = await bureau.imported(remote_id=named, task="small", requested_by=CAROL, trigger="typed later")
    assert (job.id, job.task, job.quorum, job.reward) == (before.id, "small", 3, "exact")
    assert job.request.requested_by == BOB, "who asked to watch it stays its launcher"
    line = (await bureau.postings(job))["status:1"]
    assert (line.user, line.text) == (CAROL, "said that it is a job of small")
    entry = (await trail(bureau))[-1]
    assert (entry.who, entry.act, entry.task, entry.subject) == (CAROL, Act.WATCH, "small", job.id)
    assert await due_in(bureau.store, f"evidence:{job.id}") is None, "it still trains"

    again = await bureau.imported(remote_id=named, task="small", requested_by=CAROL, trigger="typed again")
    assert again == job
    write_folder(bureau.tasks, {}, "twin")
    with pytest.raises(Conflict, match=f"{job.id} is watched as a job of small; that cannot be changed"):
        await bureau.imported(remote_id=named, task="twin", requested_by=CAROL, trigger="typed again")


async def test_once_it_has_ended_its_task_has_its_checkpoints_evaluated(bureau: Bureau) -> None:
    bureau.has(of_small(bureau, "succeeded"), a_history())
    checkpoint = {"id": "ckpt-15", "fine_tuned_model_checkpoint": "ft:x:ckpt-step-15", "step_number": 15}
    bureau.platform.on(f"GET {JOBS}/ftjob-1/checkpoints", Listing([checkpoint]))
    job = await bureau.poll(await bureau.imported())
    await bureau.store.commit(Change(schedule={evidence_item(job.id): -1.0}))
    await bureau.imported(task="small", trigger="typed later")
    assert await due_in(bureau.store, evidence_item(job.id)) is not None


async def test_not_everybody_says_which_task_a_job_is_of(bureau: Bureau) -> None:
    bureau.has(of_small(bureau), [])
    job = await bureau.imported()
    with pytest.raises(NotPermitted, match=f"Only <@{BOB}>, who asked to watch it, .* can say which task {job.id} is"):
        await bureau.imported(task="small", requested_by=ALICE, trigger="typed later")


async def test_an_approval_that_was_given_without_the_task_stands(bureau: Bureau) -> None:
    bureau.has(of_small(bureau), [])
    job = await bureau.imported()
    settled = an_approval(subject=job.id, settled=Settlement(Ending.APPROVED, "ckpt-15", 3_000.0))
    await bureau.store.commit(Change(records=(Versioned(settled, 0),)))
    with pytest.raises(Conflict, match=f"A checkpoint of {job.id} is approved already"):
        await bureau.imported(task="small", trigger="typed later")


async def test_a_job_launched_here_has_its_task(bureau: Bureau) -> None:
    await bureau.store.commit(Change(records=(Versioned(a_job(), 0),)))
    of_small(bureau)
    with pytest.raises(Conflict, match=r"rft-abc234 was launched here, as a job of acts\."):
        await bureau.imported(remote_id="rft-abc234", task="small")


async def test_jobs_that_share_the_short_id_are_kept_apart(bureau: Bureau) -> None:
    bureau.has(remote_job(), [])
    job = await bureau.imported()
    held = await bureau.store.record(Job, job.id)
    assert held is not None
    await bureau.store.commit(Change(records=(Versioned(replace(job, remote_id="ftjob-2"), held.version),)))
    other = await bureau.imported(trigger="typed later")
    assert other.id != job.id
    assert other.remote_id == "ftjob-1"


@pytest.mark.parametrize("remote_id", ["ftjob-1", None])
async def test_a_job_launched_here_is_watched_anyway(bureau: Bureau, remote_id: str | None) -> None:
    await bureau.store.commit(Change(records=(Versioned(a_job(remote_id=remote_id), 0),)))
    bureau.has(remote_job(metadata={"proctor_job": "rft-abc234"}), [])
    with pytest.raises(Conflict, match="ftjob-1 is rft-abc234, which I watch already"):
        await bureau.imported()


@pytest.mark.parametrize(
    "known", [a_job(remote_id="ftjob-7"), a_job(platform="openai"), a_job(state=JobState.NOT_LAUNCHED)]
)
async def test_a_job_that_only_bears_the_name_of_one_of_ours_is_another(bureau: Bureau, known: Job) -> None:
    await bureau.store.commit(Change(records=(Versioned(known, 0),)))
    bureau.has(remote_job(metadata={"proctor_job": "rft-abc234"}), [])
    assert (await bureau.imported()).id != "rft-abc234"


async def test_what_cannot_be_watched_is_refused_in_words_and_nothing_is_written(bureau: Bureau) -> None:
    bureau.has(remote_job(method={"type": "supervised"}), [])
    with pytest.raises(InvalidRequest, match="ftjob-1 is a supervised fine-tuning job; I watch reinforcement"):
        await bureau.imported()
    missing = "local has no job 'ftjob-9'."
    with pytest.raises(NotFound, match=f"^{missing} Where it runs on another platform, add `platform=<platform>`.$"):
        await bureau.imported(remote_id="ftjob-9")
    with pytest.raises(NotFound, match=f"^{missing}$"):
        await bureau.imported(remote_id="ftjob-9", platform="local")
    bureau.platform.on(f"GET {JOBS}/ftjob-9", error(403, "not yours"))
    with pytest.raises(PlatformRejected, match="refused to show the job"):
        await bureau.imported(remote_id="ftjob-9")
    with pytest.raises(NotFound, match="There is no platform 'loco'"):
        await bureau.imported(platform="loco")
    with pytest.raises(InvalidRequest, match="is no id of a platform"):
        await bureau.imported(remote_id="../models")
    assert await bureau.store.records(Job) == ()
