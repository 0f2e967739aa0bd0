"""The gate for continuous integration: the exit code is the verdict, whatever dies or is late meanwhile."""

import argparse
import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.eval_gate import GateShell, exit_code, read_run
from bot.kinds import KINDS
from bot.worker import SLOTS, job_work, repeated_work
from jobs.core.errors import InvalidRequest
from jobs.core.ids import EVALS, GATE, LOOKS, gate_item
from jobs.evals.records import EvalState
from jobs.evals.verdict import Verdict
from jobs.gates.gate import Gate
from jobs.gates.records import GateRun, GateState, GateVerdict
from jobs.queue.due import DueItems
from jobs.queue.pools import WorkPools
from jobs.state.change import Change, Versioned
from jobs.state.connection import Connection
from jobs.state.store import Store
from tests.jobs.evals.laboratory import QUICK
from tests.jobs.evals.model_endpoint import refusing
from tests.jobs.schedules.production import ALIAS, Production, in_production
from tests.records import CHANNEL

LINK = "https://team.slack.com/archives/C0RFT/p1"


@dataclass
class Bench:
    """A bot that may be there, and shells that ask it."""

    production: Production
    members: set[str] = field(default_factory=lambda: {CHANNEL})

    @property
    def store(self) -> Store:
        return self.production.store

    def gate(self, store: Store | None = None) -> Gate:
        lab = self.production.scene.lab
        return Gate(store or self.store, lab.evals, lab.catalogue, self._require_membership, self._link, lab.clock)

    async def _require_membership(self, channel: str) -> None:
        if channel not in self.members:
            raise InvalidRequest("I am not in this channel.")

    async def _link(self, eval_id: str) -> str | None:
        evaluation = await self.production.scene.lab.evals.find(eval_id)
        return LINK if evaluation and evaluation.started_at else None

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[None]:
        """Let a bot take what is due, until the context ends."""
        store, failures = Store(Connection(self.store.connection.redis), KINDS), list[BaseException]()
        runner = self.production.scene.lab.runner(QUICK, store)
        work = {"eval": job_work(runner.turn, "evaluation"), GATE: repeated_work(self.gate(store).turn)}
        slots = {EVALS: SLOTS[EVALS], LOOKS: SLOTS[LOOKS]}
        pools = WorkPools(DueItems(store.connection), work, slots, store.committed, failures.append)

        async def working() -> None:
            while pools.is_working:
                await pools.look()
                await pools.keep()
                await asyncio.sleep(0.02)

        pools.start()
        task = asyncio.create_task(working())
        try:
            yield
        finally:
            await pools.stop()
            await task
        assert failures == []

    async def ask(self, *words: str, timeout: float = 60.0, **flags: bool) -> tuple[int, dict[str, Any], str]:
        """Ask as a shell does; return the exit code, the JSON, and what people read."""
        out, err = io.StringIO(), io.StringIO()
        flags = {"wait": True, "allow_unclear": False} | flags
        asked = argparse.Namespace(words=["task=small", *words], timeout=timeout, **flags)
        code = await GateShell(self.store, out, err).run(asked)
        return code, json.loads(out.getvalue()), err.getvalue()


@pytest.fixture
async def bench(store: Store, tmp_path: Path) -> AsyncIterator[Bench]:
    async with in_production(store, tmp_path) as production:
        yield Bench(production)


async def test_the_exit_code_is_the_verdict(bench: Bench) -> None:
    async with bench.bot():
        code, printed, said = await bench.ask("model=small", f"channel={CHANNEL}", "by=octocat")
        assert (code, printed["verdict"], printed["exit"], printed["baseline"]) == (1, "worse", 1, ALIAS)
        assert printed["link"] == LINK
        assert printed["figures"]["model"] < printed["figures"]["baseline"]
        assert printed["figures"]["high"] < 0
        assert said.splitlines()[-1].startswith("small is worse than step 20 of rft-abc234: exact 0.")
        assert printed["eval"] in said

        code, printed, _ = await bench.ask(f"model={ALIAS}", "baseline=small")
        assert (code, printed["verdict"]) == (0, "better")

        code, printed, _ = await bench.ask("model=tuned-10", "baseline=tuned-20", "limit=4")
        assert (code, printed["verdict"]) == (3, "cant_tell")
        code, printed, _ = await bench.ask("model=tuned-10", "baseline=tuned-20", "margin=0.01", "limit=6")
        assert (code, printed["figures"]["is_as_good"]) == (3, False)
        assert "more than the margin of 0.01" in printed["text"]
        code, printed, _ = await bench.ask("model=tuned-10", "baseline=small", "margin=0.5")
        assert (code, printed["figures"]["is_as_good"]) == (0, True)
        assert "less than the margin of 0.5 (97.5% confidence)." in printed["text"]
        code, printed, _ = await bench.ask("model=tuned-10", "baseline=tuned-20", "limit=5", allow_unclear=True)
        assert (code, printed["verdict"]) == (0, "cant_tell")
    entry = next(e.entry for e in await bench.store.trail() if e.entry.details.get("models", "").endswith("small"))
    assert (entry.who, entry.where) == ("shell:octocat", CHANNEL)


async def test_an_earlier_eval_is_a_baseline_that_is_not_asked_again(bench: Bench) -> None:
    lab = bench.production.scene.lab
    earlier = await lab.start(trigger="earlier")
    both = await lab.start(trigger="both", models=("small", "tuned-10"))
    async with bench.bot():
        await lab.ended(earlier.id)
        await lab.ended(both.id)
        before = len(lab.endpoint.heard)
        code, printed, _ = await bench.ask("model=tuned-20", f"baseline={earlier.id}")
        assert (code, printed["verdict"], printed["baseline"]) == (0, "better", earlier.id)
        assert {heard.body["model"] for heard in lab.endpoint.heard[before:]} == {"tuned-20"}
        code, printed, _ = await bench.ask("model=tuned-20", f"baseline={both.id}")
        assert code == 2
        assert printed["text"] == (
            f"{both.id} asked small, step 10 of rft-abc234; a baseline has one model. Name that: `baseline=`."
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model=small", "channel=C0ELSE"], "I am not in this channel."),
        (["model=tuned-20"], "Model and baseline are the same: tuned-20."),
        (["model=small", "baseline=small@prodution"], f"There is no alias 'small@prodution'; did you mean '{ALIAS}'?"),
        (["model=small", "platform=other"], f"{ALIAS} points at a model of local, not of other."),
        (["model=small", "split=tset"], "small has no split 'tset'; known: train, valid."),
        (["model=small", "baseline=eval-none22"], "There is no eval 'eval-none22'"),
    ],
)
async def test_what_cannot_be_evaluated_is_refused_in_a_sentence(bench: Bench, words: list[str], said: str) -> None:
    async with bench.bot():
        code, printed, told = await bench.ask(*words)
    assert (code, printed["state"], printed["eval"]) == (2, "refused", None)
    assert said in printed["text"]
    assert said in told


async def test_a_model_that_there_is_not_is_refused(bench: Bench) -> None:
    """A word that is wrong and an eval that broke have codes of their own."""
    async with bench.bot():
        code, printed, _ = await bench.ask("model=nope")
    assert (code, printed["state"], printed["verdict"]) == (2, "refused", None)
    assert "has no model 'nope'" in printed["text"]


async def test_an_eval_that_measures_nothing_has_no_verdict(bench: Bench) -> None:
    bench.production.scene.lab.endpoint.always = refusing(400, "no answer for you")
    async with bench.bot():
        code, printed, _ = await bench.ask("model=small")
    assert (code, printed["verdict"]) == (4, None)
    assert "no answer for you" in printed["text"]


async def test_what_survives_of_an_eval_is_no_verdict(bench: Bench) -> None:
    """The items on which a model fails are rarely the easy ones."""
    bench.production.scene.lab.endpoint.faults = [refusing(400, "too long") for _ in range(6)]
    async with bench.bot():
        code, printed, _ = await bench.ask("model=tuned-10", "baseline=small")
    assert (code, printed["verdict"]) == (4, None)
    assert "items were graded for both models" in printed["text"]


async def test_without_a_bot_it_is_taken_back(bench: Bench) -> None:
    code, printed, said = await bench.ask("model=small", timeout=0.1)
    assert (code, printed["state"]) == (69, "withdrawn")
    assert "nothing runs. Is a bot running on this state?" in said
    impatient = iter([0.0, 59.0, 60.0])
    asked = argparse.Namespace(words=["task=small", "model=small"], timeout=3600.0, wait=True, allow_unclear=False)
    err = io.StringIO()
    assert await GateShell(bench.store, io.StringIO(), err, lambda: next(impatient)).run(asked) == 69
    assert err.getvalue().startswith("No bot took it within 60 s.")
    async with bench.bot():
        assert (await bench.ask("model=small"))[0] == 1
    (taken_back, _) = [each for each in await bench.store.records(GateRun) if each.state is GateState.WITHDRAWN]
    assert taken_back.eval is None


async def test_when_the_time_is_up_or_nobody_waits_the_eval_goes_on(bench: Bench) -> None:
    endpoint = bench.production.scene.lab.endpoint
    endpoint.hold = asyncio.Event()
    async with bench.bot():
        begun = await bench.ask("model=small", wait=False)
        assert (begun[0], begun[1]["state"]) == (0, "running")
        eval_id = begun[1]["eval"]
        waiting = asyncio.create_task(bench.ask("model=small", "runs=2"))
        await bench.production.scene.lab.eventually(lambda: len(endpoint.heard) > 8, "the second eval")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        endpoint.hold.set()
        await bench.production.scene.lab.ended(eval_id)
    states = {each.state for each in await bench.store.records(GateRun)}
    assert GateState.WITHDRAWN not in states
    assert (await bench.production.scene.lab.eval(eval_id)).state is EvalState.FINISHED


async def test_a_bot_that_stops_in_the_middle_and_another_one_lead_to_one_eval_and_one_verdict(bench: Bench) -> None:
    endpoint, lab = bench.production.scene.lab.endpoint, bench.production.scene.lab
    endpoint.hold = asyncio.Event()
    before = len(await bench.store.records(GateRun))
    async with bench.bot():
        asked = asyncio.create_task(bench.ask("model=small"))
        await lab.eventually(lambda: endpoint.under_way, "the first question")
        endpoint.hold.set()
    async with bench.bot(), bench.bot():
        code, printed, _ = await asked
    assert (code, printed["verdict"]) == (1, "worse")
    own = [each for each in await lab.evals.newest(50) if each.request.requested_by.startswith("shell:")]
    assert [each.id for each in own] == [printed["eval"]]
    assert len(await bench.store.records(GateRun)) == before + 1


async def test_a_work_item_that_runs_twice_starts_one_eval(bench: Bench) -> None:
    run = read_run(["task=small", "model=small", f"channel={CHANNEL}"])
    await bench.store.commit(Change(records=(Versioned(run, 0),), schedule={gate_item(run.id): 0.0}))
    stores = [Store(Connection(bench.store.connection.redis), KINDS) for _ in range(3)]
    for _ in range(2):
        await asyncio.gather(*(bench.gate(each).turn(run.id) for each in stores))
    assert len([e for e in await bench.production.scene.lab.evals.newest(50) if e.request.trigger == run.id]) == 1


# -- words and codes -------------------------------------------------------------------------------------------------


def test_what_is_typed_is_read_as_the_slash_command_reads_it() -> None:
    run = read_run(["task=small", "model=small", "runs=3", "by=octo cat", "baseline=eval-abc234"])
    assert (run.request.task, run.request.runs, run.request.requested_by) == ("small", 3, "shell:octo cat")
    assert run.baseline == "eval-abc234"
    for words, said in (
        (["task=small"], r"`proctor eval run` needs `model=`"),
        (["task=small", "modl=x"], r"takes no 'modl='; did you mean 'model'\?"),
        (["task=small", "model=a,b"], "compares one model"),
        (["task=small", "model=a", "prompt=v1,v2"], "with one prompt"),
        (["task=small", "model=a", "runs=many"], "runs"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            read_run(words)


def test_every_end_has_a_code() -> None:
    run = read_run(["task=small", "model=small"])
    found = GateVerdict(Verdict.BETTER, "exact", 0.4, 0.5, 0.1, 0.05, 0.15, 0.01, 50, None, "text")
    ends = {
        replace(run, state=GateState.DONE, verdict=found): (0, 0),
        replace(run, state=GateState.DONE, verdict=replace(found, verdict=Verdict.WORSE)): (1, 1),
        replace(run, state=GateState.DONE, verdict=replace(found, verdict=Verdict.CANT_TELL)): (3, 0),
        replace(run, state=GateState.DONE, verdict=replace(found, verdict=Verdict.WORSE, is_as_good=True)): (0, 0),
        replace(run, state=GateState.DONE): (4, 4),
        replace(run, state=GateState.REFUSED): (2, 2),
        replace(run, state=GateState.WITHDRAWN): (69, 69),
        replace(run, state=GateState.RUNNING): (124, 124),
    }
    for each, codes in ends.items():
        assert (exit_code(each, allow_unclear=False), exit_code(each, allow_unclear=True)) == codes


async def test_the_shell_ends_with_the_codes(redis_server: str, store: Store, tmp_path: Path) -> None:
    del store
    out, err = io.StringIO(), io.StringIO()
    words = ["eval", "run", "task=small", "model=small", "--wait", "--timeout", "0.1"]
    env = {"REDIS_URL": redis_server, "PROCTOR_HOME": str(tmp_path)}
    assert await asyncio.to_thread(main, words, out, err, env) == 69
    assert json.loads(out.getvalue())["exit"] == 69
    assert await asyncio.to_thread(main, ["eval", "run", "task=small"], out, err, env) == 2
    assert "`proctor eval run` needs `model=`." in err.getvalue()
