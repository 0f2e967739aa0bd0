""" "Why?" in the real workspace: the formula at once, the picture after it, and what a click on an old copy gets."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from handlers.jobs.thread import DRAWING, NO_PICTURE, explanation
from handlers.slack.blocks import context
from jobs.core.records import Job, RaisedAlert
from jobs.rules import RULES
from jobs.rules.alert_state import alerts_of
from jobs.state.change import Change, Versioned
from jobs.training.postings import alert_posting
from local.slack.blocks import validate
from tests.handlers.conftest import Scene, opened
from tests.handlers.known_people import ALICE, RFT
from tests.jobs.training.test_poll import FALLS, NOW, RISES, SMALL
from tests.records import a_request
from tests.story.colleagues import Json, buttons, eventually, pictures, said
from tests.story.conftest import House

STEPS = FALLS.steps


def raised(job: Job = SMALL) -> Job:
    """Return a job of alice's in #rft with the alerts of its series, the newest step known."""
    told = replace(job, request=a_request(requested_by=ALICE, channel=RFT), last_step=85, total_steps=100)
    return replace(told, alerts=alerts_of(told, FALLS, NOW).carried)


async def added(scene: Scene, job: Job) -> Job:
    """Put a job and its steps before the bot."""
    await scene.add(job)
    held = await scene.store.record(Job, job.id)
    assert held is not None
    await scene.store.commit(Change(records=(Versioned(job, held.version),), steps=STEPS))
    return job


async def card_of(scene: Scene, job: Job) -> Json:
    return await scene.workspace.card_with(job.id)


async def form_with(scene: Scene, user: str, words: str) -> Json:
    async def look() -> Json | None:
        form = await scene.workspace.form_of(user)
        return form if form and words in said(form) else None

    return await eventually(look, f"a form with '{words}' for {user}")


async def test_why_shows_the_formula_with_the_numbers_and_then_the_picture(scene: Scene) -> None:
    job = await added(scene, raised())
    card = await card_of(scene, job)
    (why,) = buttons(card, "explain_alert")
    await scene.workspace.click("dave", card, why)
    form = await form_with(scene, "dave", "slack_file")
    alert = next(one for one in job.alerts if one.rule == why["value"].split("|")[1])
    assert f"rule {alert.rule}" in said(form)
    assert f"{alert.values['drift']:.3f} >" in said(form) or f"{alert.values['drift']:.3f} &gt;" in said(form)
    (picture,) = pictures(form)
    assert str(job.id) in picture["alt_text"]
    assert DRAWING not in said(form)
    assert await scene.failures() == []


async def test_without_a_picture_the_words_stay(scene: Scene) -> None:
    job = await added(scene, raised())
    card = await card_of(scene, job)
    await scene.workspace.fault(method="files.getUploadURLExternal", fault="error")
    await scene.workspace.click("bob", card, buttons(card, "explain_alert")[0])
    form = await form_with(scene, "bob", NO_PICTURE)
    assert not pictures(form)


async def test_a_button_of_an_alert_that_is_not_there_any_more_is_answered(scene: Scene) -> None:
    job = await added(scene, raised())
    card = await card_of(scene, job)
    await scene.change(replace(job, alerts=()))
    await scene.workspace.click("carol", card, buttons(card, "explain_alert")[0])
    await scene.workspace.told("carol", "has no alert of rule")


async def test_a_button_works_after_a_restart_and_for_an_alert_that_is_over(house: House, redis: Redis) -> None:
    over = replace(SMALL, request=a_request(requested_by=ALICE, channel=RFT), last_step=80)
    over = replace(over, alerts=alerts_of(over, RISES, NOW).carried)
    assert [alert.cleared for alert in over.alerts] == [70]
    async with opened(house, redis) as scene:
        await added(scene, over)
        await scene.store.commit(Change(postings=(alert_posting(over, 0),)))
        message = await scene.workspace.reply_with("Warning, over since step 70")
        assert pictures(message)
    async with opened(house, redis) as scene:
        await scene.workspace.click("alice", message, buttons(message, "explain_alert")[0])
        assert "over since step 70" in said(await form_with(scene, "alice", "slack_file"))


@pytest.mark.parametrize("rule", [rule.code for rule in RULES])
def test_every_rule_can_be_explained_even_where_most_numbers_were_not_kept(rule: str) -> None:
    kept = {"factor": 3.2, "share": 0.95, "least": 0.6}
    alert = RaisedAlert(rule, "warn", 12, "Something <happened>: 1.\nMeaning.\nNext.", kept)
    blocks = explanation(replace(SMALL, alerts=(alert,)), alert, context(DRAWING))
    assert validate(list(blocks), "modal") == []
