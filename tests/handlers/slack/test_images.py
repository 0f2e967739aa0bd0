"""Pictures in the real local workspace: uploaded, waited for, and done without where that fails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from charts import Chart, RewardCurve, describe
from handlers.jobs.curves import reward_curve
from handlers.slack.images import Pictures, picture_key
from jobs.state.change import Change, Versioned
from jobs.state.store import Store
from jobs.training.postings import card_posting, curve_posting
from local.slack.server import serve
from local.slack.timing import Timing
from tests.handlers.known_people import RFT
from tests.handlers.posting_desk import Desk, SmallPool, open_desk, png, poster_of
from tests.records import a_job, a_request, a_series

CURVE = RewardCurve("Up", "acts", ((1, 0.2), (2, 0.4)), ((2, 0.5),), (), (), 100)


@pytest.fixture
async def desk(store: Store, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(store, tmp_path) as opened:
        yield opened


def pictures(desk: Desk) -> Pictures:
    return Pictures(desk.pool, desk.client, desk.store)


async def test_a_picture_is_uploaded_with_its_numbers_and_can_stand_in_a_block(desk: Desk) -> None:
    file = await pictures(desk).file_of(CURVE, "reward-curve-1")
    assert file is not None
    info = (await desk.client.files_info(file=file))["file"]
    assert (info["name"], info["mimetype"], info["alt_txt"]) == ("reward-curve-1.png", "image/png", describe(CURVE))
    block = {"type": "image", "slack_file": {"id": file}, "alt_text": "a curve"}
    assert (await desk.client.chat_postMessage(channel=RFT, text="a curve", blocks=[block]))["ok"]
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer xoxb-local-proctor"}) as session:
        assert await (await session.get(info["url_private"])).read() == png()


async def test_where_drawing_fails_there_is_no_picture_and_no_upload(desk: Desk) -> None:
    desk.pool.fails = True
    assert await pictures(desk).file_of(CURVE, "name") is None
    assert desk.answered("files.getUploadURLExternal") == 0


async def test_the_same_picture_is_drawn_and_uploaded_once(desk: Desk) -> None:
    kept = pictures(desk)
    one, other = await asyncio.gather(kept.file_of(CURVE, "card"), kept.file_of(CURVE, "thread"))
    assert one == other
    after_a_restart = Pictures(desk.pool, desk.client, desk.store)
    assert await after_a_restart.file_of(replace(CURVE), "again") == one
    assert (len(desk.pool.drawn), desk.answered("files.getUploadURLExternal")) == (1, 1)
    assert await kept.file_of(replace(CURVE, title="Down"), "card") != one
    assert len(desk.pool.drawn) == 2


async def test_a_picture_that_failed_is_tried_again(desk: Desk) -> None:
    kept = pictures(desk)
    desk.pool.fails = True
    assert await kept.file_of(CURVE, "card") is None
    desk.pool.fails = False
    assert await kept.file_of(CURVE, "card") is not None


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal", "files.info"])
async def test_where_any_step_of_the_upload_fails_there_is_no_picture(desk: Desk, step: str) -> None:
    for kind in ("error", "drop_before", "drop_after", "server_error", "ratelimited"):
        chart = replace(CURVE, title=kind)
        desk.fault(step, kind, times=2)  # aiohttp asks again by itself where a reading call is cut off
        assert await pictures(desk).file_of(chart, "name") is None, kind
        desk.server.workspace.faults.reset()
        assert await pictures(desk).file_of(chart, "name") is not None, kind


async def test_a_picture_that_slack_never_processes_is_done_without(store: Store) -> None:
    async with serve(timing=Timing(file_processing=3600.0), limited=False) as server:
        client = AsyncWebClient("xoxb-local-proctor", base_url=server.api_url, retry_handlers=[])
        chart: Chart = CURVE
        assert await Pictures(SmallPool(), client, store, looks=2).file_of(chart, "name") is None


async def test_a_message_whose_picture_was_deleted_is_said_without_it(desk: Desk) -> None:
    job = replace(a_job(last_step=10, pictured_step=10), request=a_request(channel=RFT))
    await desk.store.commit(Change(records=(Versioned(job, 0),), steps=a_series(0.2, 0.4).steps))
    chart = reward_curve((await desk.views.job(job.id)).as_pictured())
    await desk.store.keep_picture(picture_key(chart), "F0DELETED1", seconds=60.0)
    kept = pictures(desk)
    poster = poster_of(desk.client, desk.views, desk.store, kept, desk.folder)
    card = await poster.post(card_posting(job), None)
    curve = await poster.post(curve_posting(job), card)
    await poster.edit(curve_posting(job), curve)
    assert [block["type"] for block in (await desk.history())[-1]["blocks"]][:3] == ["header", "section", "section"]
    (reply,) = await desk.thread(card.ts)
    assert [block["type"] for block in reply["blocks"]] == ["section"]
    assert "Validation reward: 0.20 at step 5, now 0.40" in reply["blocks"][0]["text"]["text"]
