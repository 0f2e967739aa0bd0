"""The gateway against a server that speaks the fine-tuning API's shapes."""

from dataclasses import replace

import pytest
from aiohttp import web

from jobs.core.errors import InvalidRequest, PlatformRejected, PlatformUnavailable
from jobs.core.records import Hyperparameters
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import JobSpec
from jobs.platforms.profiles import Profile
from tests.jobs.platforms.conftest import KEY, Naps
from tests.jobs.platforms.stand_in import JobJson, Listing, Says, StandIn, capture, drop, error

JOBS = "/fine_tuning/jobs"


def job_json(**changes: object) -> JobJson:
    return capture("rft_job_created.json") | {"id": "ftjob-1"} | changes


def event_json(number: int, *, at: int | None = None, name: str | None = None) -> JobJson:
    return {
        "object": "fine_tuning.job.event",
        "id": name or f"ftevent-{number}",
        "created_at": 1_700_000_000 + number if at is None else at,
        "level": "info",
        "message": f"Step {number}/300",
        "type": "metrics",
        "data": {"step": number},
    }


async def test_a_new_job_is_sent_in_the_shape_of_the_api(platform: StandIn, gateway: Gateway, spec: JobSpec) -> None:
    platform.on(f"POST {JOBS}", Says(job_json(status="validating_files")))
    full = replace(
        spec,
        suffix="eurovoc",
        seed=7,
        response_format={"type": "json_schema", "json_schema": {"name": "labels", "schema": {}}},
        hyperparameters=Hyperparameters(n_epochs=3, reasoning_effort="low"),
    )

    job = await gateway.create(full)

    assert (job.id, job.status) == ("ftjob-1", "validating_files")
    assert platform.asked(f"POST {JOBS}")[0].json == {
        "model": "some-model",
        "training_file": "file-train",
        "validation_file": "file-valid",
        "suffix": "eurovoc",
        "seed": 7,
        "metadata": {"proctor_job": "rft-abc"},
        "method": {
            "type": "reinforcement",
            "reinforcement": {
                "grader": {"type": "python", "name": "p", "source": "def grade(sample, item): return 1.0"},
                "response_format": {"type": "json_schema", "json_schema": {"name": "labels", "schema": {}}},
                "hyperparameters": {"n_epochs": 3, "reasoning_effort": "low"},
            },
        },
    }
    assert platform.seen[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_what_a_platform_does_not_take_is_left_out_and_what_it_wants_is_added(
    platform: StandIn, profile: Profile, spec: JobSpec
) -> None:
    platform.on(f"POST {JOBS}", Says(job_json()))
    other = replace(profile, allows_suffix=False, extra_body={"trainingType": "GlobalStandard"})

    async with Gateway(other, KEY) as gateway:
        await gateway.create(replace(spec, suffix="eurovoc", validation_file=None))

    sent = platform.seen[0].json
    assert "suffix" not in sent
    assert "validation_file" not in sent
    assert "seed" not in sent
    assert sent["trainingType"] == "GlobalStandard"


async def test_pass_thresholds_stay_at_home(platform: StandIn, gateway: Gateway, spec: JobSpec) -> None:
    platform.on(f"POST {JOBS}", Says(job_json()))
    child = {"type": "python", "name": "p", "source": "...", "pass_threshold": 0.5}
    grader = {"type": "multi", "name": "f1", "graders": {"p": child}, "calculate_output": "p", "pass_threshold": 1}

    await gateway.create(replace(spec, grader=grader))

    assert platform.seen[0].json["method"]["reinforcement"]["grader"] == {
        "type": "multi",
        "name": "f1",
        "graders": {"p": {"type": "python", "name": "p", "source": "..."}},
        "calculate_output": "p",
    }


async def test_a_healthy_job_has_no_error_and_its_multi_grader_is_left_as_it_came(
    platform: StandIn, gateway: Gateway
) -> None:
    platform.on(f"GET {JOBS}/ftjob-1", Says(job_json()))

    job = await gateway.job("ftjob-1")

    assert (job.error_code, job.error_message) == (None, None)
    assert (job.batch_size, job.hyperparameters.n_epochs, job.fine_tuned_model) == (None, None, None)
    assert job.created_at == 1765896170.0
    assert job.grader == capture("rft_job_created.json")["method"]["reinforcement"]["grader"]
    assert (job.method, job.reward) == ("reinforcement", "Combined local and remote grader")
    assert job.suffix == "dv-endpoint-countdown-ft-f83f16a5"
    assert not job.is_finished


async def test_a_failed_job_says_why(platform: StandIn, gateway: Gateway) -> None:
    platform.on(
        f"GET {JOBS}/ftjob-1",
        Says(job_json(status="failed", error={"code": "grader_error", "message": "KeyError: 'codes'", "param": None})),
    )

    job = await gateway.job("ftjob-1")

    assert job.is_finished
    assert (job.error_code, job.error_message) == ("grader_error", "KeyError: 'codes'")


async def test_statuses_no_list_names_pass_through_as_unfinished(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"POST {JOBS}/ftjob-1/pause", Says(job_json(status="pausing")))
    platform.on(f"GET {JOBS}/ftjob-1", Says(job_json(status="paused")))
    platform.on(f"POST {JOBS}/ftjob-1/resume", Says(job_json(status="queued")))
    platform.on(f"POST {JOBS}/ftjob-1/cancel", Says(job_json(status="cancelled")))

    assert (await gateway.pause("ftjob-1")).status == "pausing"
    paused = await gateway.job("ftjob-1")
    assert (paused.status, paused.is_finished) == ("paused", False)
    assert (await gateway.resume("ftjob-1")).status == "queued"
    assert (await gateway.cancel("ftjob-1")).is_finished


async def test_the_settings_a_platform_chose_are_read_from_where_they_stand(
    platform: StandIn, gateway: Gateway
) -> None:
    chosen = {"type": "reinforcement", "reinforcement": {"hyperparameters": {"batch_size": 16, "n_epochs": 15}}}
    platform.on(
        f"GET {JOBS}/ftjob-1",
        Says(job_json(method=chosen, metadata={"a": "b"})),
    )

    job = await gateway.job("ftjob-1")

    assert (job.batch_size, job.hyperparameters.n_epochs) == (16, 15)
    assert job.key is None


async def test_a_job_of_ours_is_found_among_others(platform: StandIn, gateway: Gateway) -> None:
    mine = job_json(id="ftjob-mine", metadata={"proctor_job": "rft-abc"})
    others = [job_json(id=f"ftjob-{n}", metadata={"proctor_job": f"rft-{n}"} if n % 2 else None) for n in range(150)]
    platform.on(f"GET {JOBS}", Listing([*others, mine]))

    found = await gateway.find("rft-abc")

    assert found is not None
    assert (found.id, found.key) == ("ftjob-mine", "rft-abc")
    assert platform.seen[0].query["metadata[proctor_job]"] == "rft-abc"
    assert await gateway.find("rft-unknown") is None


async def test_not_being_able_to_look_is_not_the_same_as_finding_nothing(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}", error(503))

    with pytest.raises(PlatformUnavailable):
        await gateway.find("rft-abc")


async def test_the_whole_history_comes_oldest_first(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([event_json(n) for n in range(250, 0, -1)]))

    events = await gateway.events_since("ftjob-1", None)

    assert [event.id for event in events] == [f"ftevent-{n}" for n in range(1, 251)]


async def test_only_news_is_read_when_little_is_new(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([event_json(n) for n in range(250, 0, -1)]))

    events = await gateway.events_since("ftjob-1", "ftevent-247")

    assert [event.id for event in events] == ["ftevent-248", "ftevent-249", "ftevent-250"]
    assert len(platform.seen) == 1


async def test_an_event_the_platform_forgot_brings_everything_again(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([event_json(n) for n in (3, 2, 1)]))

    assert len(await gateway.events_since("ftjob-1", "ftevent-0")) == 3


async def test_the_newest_events_need_one_page_where_they_come_first(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([event_json(n) for n in range(250, 0, -1)]))

    events = await gateway.newest_events("ftjob-1", 3)

    assert [event.id for event in events] == ["ftevent-248", "ftevent-249", "ftevent-250"]
    assert len(platform.seen) == 1


async def test_the_newest_events_are_found_where_they_come_last(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([event_json(n) for n in range(1, 251)]))

    events = await gateway.newest_events("ftjob-1", 2)

    assert [event.id for event in events] == ["ftevent-249", "ftevent-250"]


async def test_a_platform_that_pages_in_circles_is_left(platform: StandIn, gateway: Gateway) -> None:
    entries = [event_json(n) for n in (3, 2, 1)]
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing(entries, ignores_after=True))
    platform.on(f"GET {JOBS}", Listing([job_json(metadata={"proctor_job": "rft-abc"})], ignores_after=True))

    assert len(await gateway.events_since("ftjob-1", None)) == 3
    assert await gateway.find("rft-abc") is not None


async def test_a_listing_without_has_more_is_read_until_a_page_is_empty(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([event_json(n) for n in range(120, 0, -1)], hides_has_more=True))

    assert len(await gateway.events_since("ftjob-1", None)) == 120


async def test_a_job_without_events_yet_has_none(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/events", Listing([]))

    assert await gateway.events_since("ftjob-1", None) == ()


@pytest.mark.parametrize("code", [None, "ResourceNotFound", "404"])
async def test_a_platform_that_cannot_list_checkpoints_has_none(
    platform: StandIn, gateway: Gateway, code: str | None
) -> None:
    platform.on(f"GET {JOBS}/ftjob-1/checkpoints", error(404, "Not Found", code=code))
    assert await gateway.checkpoints("ftjob-1") == ()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("completed", "succeeded"),
        ("Succeeded", "succeeded"),
        ("JOB_STATE_EARLY_STOPPED", "succeeded"),
        ("canceled", "cancelled"),
        ("Stopped", "cancelled"),
        ("error", "failed"),
        ("InProgress", "running"),
        ("validating_files", "validating_files"),
        ("pausing", "pausing"),
    ],
)
async def test_a_status_is_read_whatever_the_platform_calls_it(
    platform: StandIn, gateway: Gateway, said: str, status: str
) -> None:
    platform.on(f"GET {JOBS}/ftjob-1", Says(job_json(status=said)))
    job = await gateway.job("ftjob-1")
    assert job.status == status
    assert job.is_finished is (status in {"succeeded", "cancelled", "failed"})


async def test_checkpoints_come_by_step_with_either_spelling_of_their_rewards(
    platform: StandIn, gateway: Gateway
) -> None:
    def checkpoint(step: int, metrics: object) -> JobJson:
        return {
            "id": f"ftckpt-{step}",
            "created_at": 1_700_000_000,
            "fine_tuned_model_checkpoint": f"ft:m:ckpt-step-{step}",
            "step_number": step,
            "metrics": metrics,
        }

    nested = {"train_reward_mean": 0.7, "valid_reward_mean": 0.6, "graders": [{"name": "f1", "valid_reward_mean": 0.5}]}
    listed = [
        checkpoint(30, {"scores": nested}),
        checkpoint(20, {"train_mean_reward": 0.6, "full_valid_mean_reward": 0.5, "train_loss": None}),
        checkpoint(10, None),
        {"id": "ftckpt-broken", "metrics": {}},
    ]
    platform.on(f"GET {JOBS}/ftjob-1/checkpoints", Listing(listed))

    first, second, third = await gateway.checkpoints("ftjob-1")

    assert (first.step, first.train_reward, first.valid_reward, first.scores) == (10, None, None, {})
    assert (second.step, second.train_reward, second.valid_reward) == (20, 0.6, 0.5)
    assert (third.step, third.train_reward, third.valid_reward, third.scores) == (30, 0.7, 0.6, {"f1": 0.5})
    assert third.model_id == "ft:m:ckpt-step-30"


async def test_models_are_listed(platform: StandIn, gateway: Gateway) -> None:
    platform.on("GET /models", Says({"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"object": "broken"}]}))

    assert await gateway.models() == ("a", "b")


async def test_a_file_is_waited_for_until_it_is_processed(platform: StandIn, gateway: Gateway, naps: Naps) -> None:
    platform.on("POST /files", Says({"id": "file-1", "status": "uploaded"}))
    platform.on(
        "GET /files/file-1",
        Says({"id": "file-1", "status": "uploaded"}),
        error(500),
        Says({"id": "file-1", "status": "processed"}),
    )

    assert await gateway.upload("rft-abc-train.jsonl", b'{"messages": []}\n') == "file-1"

    sent = platform.seen[0].body
    assert b"fine-tune" in sent
    assert b'filename="rft-abc-train.jsonl"' in sent
    assert b'{"messages": []}\n' in sent
    assert len(naps.seconds) == 3


async def test_a_refused_file_is_said_and_deleted(platform: StandIn, gateway: Gateway) -> None:
    platform.on("POST /files", Says({"id": "file-1", "status": "uploaded"}))
    platform.on("GET /files/file-1", Says({"id": "file-1", "status": "error", "status_details": "Line 3 is no JSON."}))
    platform.on("DELETE /files/file-1", Says({"id": "file-1", "deleted": True}))

    with pytest.raises(PlatformRejected, match=r"refused the file train\.jsonl: Line 3 is no JSON"):
        await gateway.upload("train.jsonl", b"x")

    assert len(platform.asked("DELETE /files/file-1")) == 1


async def test_a_file_that_is_never_processed_ends_the_wait(platform: StandIn, gateway: Gateway) -> None:
    platform.on("POST /files", Says({"id": "file-1", "status": "uploaded"}))
    platform.on("GET /files/file-1", Says({"id": "file-1", "status": "uploaded"}))

    with pytest.raises(PlatformUnavailable, match=r"has not processed the file train\.jsonl in 60\d s"):
        await gateway.upload("train.jsonl", b"x")


async def test_an_upload_is_sent_once_and_what_it_left_can_be_found(platform: StandIn, gateway: Gateway) -> None:
    platform.on("POST /files", drop)
    platform.on(
        "GET /files",
        Listing([{"id": "file-9", "filename": "rft-abc-train.jsonl"}, {"id": "file-8", "filename": "another.jsonl"}]),
    )

    with pytest.raises(PlatformUnavailable) as caught:
        await gateway.upload("rft-abc-train.jsonl", b"x")

    assert caught.value.outcome_unknown
    assert len(platform.asked("POST /files")) == 1
    assert await gateway.files_named("rft-abc-train.jsonl") == ("file-9",)


async def test_the_rows_of_a_file_are_counted_as_far_as_it_is_shown(platform: StandIn, gateway: Gateway) -> None:
    platform.on("GET /files/file-1/content", Says('{"a": "\u2028"}\r\n{}\n\n  \n{}'))
    platform.on("GET /files/file-2/content", error(403, "files for fine-tuning are not given out"))
    platform.on("GET /files/file-3/content", drop)
    platform.on("GET /files/file-4/content", Says("\n"))
    platform.on("GET /files/file-5/content", cut_off)

    counts = [await gateway.count_rows(f"file-{number}") for number in range(1, 6)]

    assert counts == [3, None, None, None, None]


async def test_the_first_row_of_a_file_is_read_where_the_platform_shows_it(gateway: Gateway, platform: StandIn) -> None:
    platform.on("GET /files/file-1/content", Says('{"messages": []}\n{"a": 1}\n'))
    platform.on("GET /files/file-2/content", Says('{"a": 2}'))
    platform.on("GET /files/file-3/content", Says("[1]\n"))
    platform.on("GET /files/file-4/content", Says("not JSON\n"))
    platform.on("GET /files/file-5/content", error(403, "You are not allowed to read this file."))

    rows = [await gateway.first_row(f"file-{number}") for number in range(1, 6)]

    assert rows == [{"messages": []}, {"a": 2}, None, None, None]


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Send the first rows of a file, then cut the connection."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"{}\n{}\n")
    assert request.transport is not None
    request.transport.close()
    return response


async def test_deleting_a_file_that_is_gone_is_fine(platform: StandIn, gateway: Gateway) -> None:
    platform.on("DELETE /files/file-1", error(404, "No such File object: file-1", param="id"))
    platform.on("DELETE /files/file-2", error(403, "not yours"))

    await gateway.delete_file("file-1")
    with pytest.raises(PlatformRejected, match="refused to delete a file"):
        await gateway.delete_file("file-2")


@pytest.mark.parametrize("typed", ["", "../files/file-1", "ftjob-1/cancel", "ftjob 1", "ftjob-1?x=1", ".", "ä"])
async def test_an_id_that_would_change_the_address_is_refused(platform: StandIn, gateway: Gateway, typed: str) -> None:
    with pytest.raises(InvalidRequest, match="is no id of a platform"):
        await gateway.job(typed)

    assert platform.seen == []
