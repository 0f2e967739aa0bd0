"""The bot is killed or told to stop at every point of what it does: nothing is lost, nothing is done or said twice."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from functools import partial

import pytest
import pytest_asyncio

from tests.reliability.recording_proxy import Gate, overlaps
from tests.reliability.running_demo import ENDLESS, Demo, our_id, postings, proxied_demo
from tests.story.colleagues import Json, buttons, eventually, said

pytestmark = [pytest.mark.thorough, pytest.mark.story, pytest.mark.asyncio(loop_scope="module")]

AFTER_THE_ACK = (0.0, 0.05, 0.3)
"""Seconds."""
KILLS_IN_A_ROW, DEPLOYS_IN_A_ROW = 4, 5
"""More than the failures after which work is given up. `python -m tests.bench full kills` takes nine of each."""
GRACE = 10.0
"""Seconds that a container platform gives a process to end by itself, of which a bot uses less."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with proxied_demo(tmp_path_factory.mktemp("kills")) as running:
        yield running


async def launch(demo: Demo, seed: int) -> None:
    """Type a launch that its seed tells from all others."""
    await demo.types("alice", "/rft", f"launch {ENDLESS} seed={seed}")


async def launched(demo: Demo, seeds: Sequence[int]) -> list[Json]:
    """Wait until the platform has a job for each of these seeds, and its card is posted; return those jobs."""

    async def look() -> list[Json] | None:
        jobs = [job for job in await demo.platform_jobs() if job["seed"] in seeds]
        cards = postings(await demo.workspace.messages())
        wanted = {f"job:{our_id(job)}:card" for job in jobs}
        return jobs if {job["seed"] for job in jobs} == set(seeds) and wanted <= set(cards) else None

    try:
        return await eventually(look, f"a job and a card for each of the seeds {seeds}")
    except AssertionError as failure:
        failure.add_note(f"launched: {sorted((job['seed'], our_id(job)) for job in await demo.platform_jobs())}")
        failure.add_note("\n".join(await demo.workspace.whispers("alice")))
        raise


async def confirmed(demo: Demo, user: str) -> set[str]:
    """Return the jobs whose launch was confirmed to a person."""
    whispers = await demo.workspace.whispers(user)
    return {match[1] for text in whispers if (match := re.match(r"Launching \*small\* on local as `(rft-\w+)`", text))}


async def nothing_was_doubled(demo: Demo) -> None:
    """Fail where a job or a posting exists twice."""
    jobs = [our_id(job) for job in await demo.platform_jobs()]
    assert sorted(set(jobs)) == sorted(jobs)
    assert set(postings(await demo.workspace.messages()).values()) <= {1}
    assert not overlaps(demo.proxy.calls)


class TestForm:
    async def test_what_was_submitted_is_done_although_the_bot_is_killed(self, demo: Demo) -> None:
        workspace = demo.workspace
        await demo.types("alice", "/rft", "launch task=small batch=20 epochs=1")

        async def look() -> Json | None:
            return next((m for m in await workspace.thread() if buttons(m, "approve_checkpoint")), None)

        summary = await eventually(look, "the summary of checkpoints")
        for user, pause in (("bob", 0.0), ("carol", 0.02)):
            await workspace.click(user, summary, buttons(summary, "approve_checkpoint")[0])
            await eventually(partial(workspace.form_of, user), f"the form for {user}")
            assert (await workspace.submit(user, f"{user} has looked at it"))["ok"]
            await asyncio.sleep(pause)
            await demo.end_bot()

        async def settled() -> bool:
            shown = next(m for m in await workspace.thread() if m["ts"] == summary["ts"])
            return all(words in said(shown) for words in ("is approved", "bob has looked", "carol has looked"))

        await eventually(settled, "the approved summary")
        await nothing_was_doubled(demo)


class TestLaunch:
    async def test_is_done_once_wherever_the_bot_is_killed(self, demo: Demo) -> None:
        holds: tuple[AbstractContextManager[Gate], ...] = (
            demo.proxy.holding(lambda call: call.is_upload),
            demo.proxy.holding(lambda call: call.is_upload, answered=True),
            demo.proxy.holding(lambda call: call.is_creation),
            demo.proxy.holding(lambda call: call.is_creation, answered=True),
        )
        seeds = range(10, 10 + len(AFTER_THE_ACK) + len(holds) + 2)
        numbers = iter(seeds)
        for pause in AFTER_THE_ACK:
            await launch(demo, next(numbers))
            await asyncio.sleep(pause)
            await demo.end_bot()
        for hold in holds:
            with hold as gate:
                await launch(demo, next(numbers))
                await asyncio.wait_for(gate.reached.wait(), 60)
                await demo.end_bot()
        for kind in ("delay", "drop_after"):
            await demo.workspace.fault(method="chat.postMessage", fault=kind, seconds=1)
            seen = len(await faults(demo))
            await launch(demo, next(numbers))
            await eventually(partial(struck, demo, seen), "a posting that is under way")
            await demo.end_bot()
        jobs = await launched(demo, seeds)
        assert sorted(job["seed"] for job in jobs) == list(seeds)

        async def all_confirmed() -> bool:
            return {our_id(job) for job in jobs} <= await confirmed(demo, "alice")

        await eventually(all_confirmed, "a confirmation for each launch")
        await nothing_was_doubled(demo)


async def faults(demo: Demo) -> list[Json]:
    """Return the faults that struck."""
    return [entry for entry in await demo.traffic() if entry["kind"] == "fault" and entry["name"] == "chat.postMessage"]


async def struck(demo: Demo, before: int) -> bool:
    """Tell whether a fault struck since there were `before` of them."""
    return len(await faults(demo)) > before


class TestEval:
    @pytest.mark.parametrize("answered", [False, True])
    async def test_goes_on_after_the_bot_is_killed(self, demo: Demo, answered: bool) -> None:
        finished = await finished_evals(demo)
        with demo.proxy.holding(lambda call: call.is_question, answered=answered) as gate:
            await start_eval(demo, 10 + answered)
            await asyncio.wait_for(gate.reached.wait(), 60)
            await demo.end_bot()
        await eventually(lambda: more_finished(demo, finished), "the end of the eval")
        await nothing_was_doubled(demo)


class TestInARow:
    async def test_kills_at_its_upload_do_not_end_a_launch(self, demo: Demo) -> None:
        await kill_uploads(demo, 100, KILLS_IN_A_ROW)
        await launched(demo, [100])
        await nothing_was_doubled(demo)

    async def test_deploys_end_neither_a_launch_nor_an_eval(self, demo: Demo) -> None:
        finished = await finished_evals(demo)
        await deploy(demo, 101, DEPLOYS_IN_A_ROW)
        await launched(demo, [101])
        await eventually(lambda: more_finished(demo, finished), "the end of the eval")
        await nothing_was_doubled(demo)


async def kill_uploads(demo: Demo, seed: int, times: int) -> None:
    """Launch, and kill the bot each time that it uploads."""
    with demo.proxy.holding(lambda call: call.is_upload) as gate:
        await launch(demo, seed)
        for _ in range(times):
            await asyncio.wait_for(gate.reached.wait(), 100)
            gate.reached.clear()
            await demo.end_bot()


async def deploy(demo: Demo, seed: int, times: int) -> None:
    """Launch and start an eval, and tell the bot to stop each time that it is at both."""
    with (
        demo.proxy.holding(lambda call: call.is_upload) as upload,
        demo.proxy.holding(lambda call: call.is_question) as question,
    ):
        await launch(demo, seed)
        await start_eval(demo, 12)
        for _ in range(times):
            for gate in (upload, question):
                await asyncio.wait_for(gate.reached.wait(), 100)
                gate.reached.clear()
            assert await demo.end_bot(signal.SIGTERM) < GRACE


async def start_eval(demo: Demo, items: int) -> None:
    """Type an eval that its number of items tells from all others."""
    await demo.types("bob", "/eval", f"run task=small model=local-policy-1 runs=1 limit={items}")


async def finished_evals(demo: Demo) -> int:
    """Return how many evals have a result."""
    return sum(posting.endswith(":result") for posting in postings(await demo.workspace.messages()))


async def more_finished(demo: Demo, before: int) -> bool:
    """Tell whether more evals than `before` have a result with all answers."""
    texts = [str(message["text"]) for message in await demo.workspace.messages()]
    cards = [text for text in texts if text.startswith("Eval of small")]
    return await finished_evals(demo) > before and all(
        re.search(r"Finished, (\d+) of \1 answers", card) for card in cards
    )
