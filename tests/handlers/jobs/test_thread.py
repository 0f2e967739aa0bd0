"""What a job's thread shows over time: an alert that clears, one picture for card and thread, what people ask for."""

from dataclasses import replace
from pathlib import Path

from handlers.tasks.fields import MORE
from jobs.core.ids import DELIVERIES, delivery_item
from jobs.core.records import Action, Job
from jobs.core.series import Step
from jobs.queue.due import DueItems, Outcome
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.postings import card_posting
from jobs.training.reduce import News, reduce
from tests.handlers.conftest import Scene
from tests.handlers.known_people import ALICE, BOB, RFT
from tests.handlers.posting_desk import jobs_of
from tests.jobs.rules.made_up_jobs import a_series, between
from tests.jobs.training.test_poll import NOW, RISES, SMALL, WARNED
from tests.records import PROFILE, a_job, a_remote, a_request
from tests.story.colleagues import Json, buttons, eventually, pictures, said
from tests.story.conftest import House
from tests.working import taken

EARLY = tuple(step for step in RISES.steps if step.step <= WARNED)
LATER = tuple(step for step in RISES.steps if step.step > WARNED)


def posting_of(message: Json) -> str:
    return str(message["metadata"]["event_payload"]["posting"])


async def heard(scene: Scene, job: Job, steps: tuple[Step, ...], status: str = "running") -> Job:
    """Let a job's platform tell of more steps; returns the job after that."""
    held = await scene.store.record(Job, job.id)
    assert held is not None
    change = reduce(held, News(a_remote(status), (), steps, None), await scene.store.series(job.id), PROFILE, NOW)
    changed = change.record(Job)
    assert changed is not None
    # Nobody polls it: the steps come from here only.
    await scene.store.commit(replace(change, due_in=None))
    return changed.value


async def replies(scene: Scene) -> dict[str, Json]:
    return {posting_of(message): message for message in await scene.workspace.thread()}


async def test_an_alert_that_clears_is_edited_and_noted_once(scene: Scene) -> None:
    job = replace(SMALL, request=a_request(requested_by=ALICE, channel=RFT))
    await scene.add(job)
    warned = await heard(scene, job, EARLY)
    first = await scene.workspace.reply_with("*Warning: Possible overfitting")
    assert first["subtype"] == "thread_broadcast"
    assert pictures(first)

    await heard(scene, warned, LATER)
    over = await scene.workspace.reply_with("*Warning, over since step 70: Possible overfitting")
    note = await scene.workspace.reply_with("Recovered: overfitting. Raised at step 60, over at step 70.")
    assert over["ts"] == first["ts"]
    assert note["ts"] > first["ts"]
    assert pictures(over) != pictures(first)
    card = await scene.workspace.card_with("alert: 1 over")
    assert "Better: validation reward 0.70" in said(card)

    async def drawn() -> Json | None:
        curve = (await replies(scene)).get(f"job:{job.id}:curve")
        return curve if curve and "75: 0.65, 80: 0.70" in said(curve) else None

    curve = await eventually(drawn, "the newest curve")
    assert pictures(curve)[0]["slack_file"] == pictures(card)[0]["slack_file"]
    assert len([one for one in await replies(scene) if "alert" in one or "recovered" in one]) == 2
    assert await scene.failures() == []


async def test_lopsided_is_said_in_the_thread_and_the_end_proposes_the_next_experiment(
    scene: Scene, house: House
) -> None:
    house.copy_eurovoc()
    job = replace(
        a_job(train_items=80, batch_size=16), request=a_request(requested_by=ALICE, channel=RFT, task="eurovoc")
    )
    await scene.add(job)
    rising = between(0.4, 0.6, 0, 60)
    apart = a_series(rising, rising, parts={"precision": lambda _: 0.82, "recall": lambda _: 0.41}).steps
    early, late = apart[:20], apart[20:]
    trained = await heard(scene, job, early)
    note = await scene.workspace.reply_with("Lopsided: precision 0.82 and recall 0.41 on validation at step 5.")
    assert "misses much" in said(note)
    await heard(scene, trained, late, "succeeded")
    end = await scene.workspace.reply_with("Next experiment: precision 0.82 and recall 0.41 are far apart: f2 as the")
    (again,) = buttons(end, "open_launch_form")
    assert "Launch again with reward=f2" in said(end)
    card = await scene.workspace.card_with("Finished")
    assert buttons(card, "open_launch_form")[0]["value"] == again["value"]
    await scene.workspace.click("alice", end, again)
    form = await scene.workspace.form_with("alice", "Launch a job")
    assert form["state"]["values"][MORE][MORE]["value"] == "reward=f2"
    assert len([one for one in await replies(scene) if "lopsided" in one]) == 1
    assert await scene.failures() == []


async def test_what_a_person_asks_for_shows_on_the_card_without_a_pause(store: Store, tmp_path: Path) -> None:
    await store.commit(Change(records=(Versioned(a_job(), 0),), postings=(card_posting(a_job()),)))
    (lane,) = await taken(store, DELIVERIES)
    await DueItems(store.connection).end(lane, Outcome.PAUSED, 600.0)
    assert await taken(store, DELIVERIES) == ()
    await jobs_of(store, tmp_path).request(a_job().id, Action.PAUSE, by=BOB, channel=RFT, trigger="t")
    assert [lane.item for lane in await taken(store, DELIVERIES)] == [delivery_item(f"card:{a_job().id}")]
