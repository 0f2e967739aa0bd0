"""Redis goes away and comes back: what the log says of it, with a server that is really stopped."""

import asyncio
import io
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.logs import Redactor, configure_logs, log_bug
from bot.outages import Outages
from bot.redis_server.embedded_redis import embedded_redis
from bot.schedule import Tick, Ticks
from jobs.core.ids import DIGEST, LOOKS, digest_item
from jobs.queue.due import DueItems
from jobs.queue.pools import Again, Held, WorkPools
from jobs.state.change import Change
from jobs.state.connection import AWAY, Connection, connection_to
from jobs.state.kind import Kinds
from jobs.state.store import Store

KINDS = (RedisConnectionError, RedisTimeoutError)
NO_RECORDS = Kinds()


class Log:
    """What was written to the log, a dict for each line."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def said(self, event: str) -> list[dict[str, object]]:
        return [line for line in self.lines() if line["event"] == event]

    def tracebacks(self) -> list[dict[str, object]]:
        return [line for line in self.lines() if "exception" in line]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logs("json", "INFO", Redactor(), stream=stream)
    yield Log(stream)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - the log of threads and libraries sets no event
            await asyncio.sleep(0.02)


class Worker:
    """Work pools with one item that is due again and again, and the ticks that they live on."""

    def __init__(self, connection: Connection, outages: Outages) -> None:
        self.store = Store(connection, NO_RECORDS)
        self.turns = 0
        self.bugs: list[BaseException] = []
        committed = self.store.committed
        self.pools = WorkPools(DueItems(connection), {DIGEST: self._take}, {LOOKS: 1}, committed, self.bugs.append)
        self.ticks = Ticks(
            [
                Tick("work", 0.05, self.pools.look),
                Tick("heartbeat", 0.05, self.pools.keep, asks_redis=False),
                Tick("other", 0.02, self._something_else, asks_redis=False),
            ],
            outages=outages,
        )

    async def _take(self, _held: Held) -> Again:
        self.turns += 1
        return Again(0.02)

    async def _something_else(self) -> None:
        """End well all the time, and say nothing of Redis."""
        self.store.committed.set()  # as if something were committed: who follows that asks Redis, too

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        await self.store.commit(Change(schedule={digest_item("C0RFT"): 0.0}))
        self.pools.start()
        self.ticks.start()
        try:
            yield
        finally:
            self.ticks.stop()
            await self.pools.stop()


async def test_a_full_server_is_away_although_it_answers_questions(tmp_path: Path, log: Log) -> None:
    outages, asked = Outages(AWAY), 0
    async with AsyncExitStack() as stack:
        connection = connection_to(await stack.enter_async_context(embedded_redis(tmp_path)))
        stack.push_async_callback(connection.redis.aclose)
        stack.enter_context(outages.in_the_log())
        store = Store(connection, NO_RECORDS)

        async def read() -> None:
            nonlocal asked
            await connection.redis.get("something")
            asked += 1

        each = [Tick("reads", 0.02, read), Tick("writes", 0.05, store.ping)]
        ticks = Ticks(each, outages=outages, ping=store.ping)
        ticks.start()
        stack.callback(ticks.stop)
        await connection.redis.config_set("maxmemory", 1)
        await until(lambda: outages.under_way)
        before = asked
        await until(lambda: asked > before + 4)
        assert outages.under_way
        await connection.redis.config_set("maxmemory", 0)
        await until(lambda: bool(log.said("redis_answers_again")))
    assert len(log.said("redis_unreachable")) == 1


async def test_an_outage_is_two_lines_however_long_it_lasts(tmp_path: Path, log: Log) -> None:
    outages, asked = Outages(KINDS), 0

    async with AsyncExitStack() as stack:
        async with embedded_redis(tmp_path) as url:
            connection = connection_to(url)
            stack.push_async_callback(connection.redis.aclose)
            stack.enter_context(outages.in_the_log())
            worker = Worker(connection, outages)

            async def ask() -> None:
                nonlocal asked
                asked += 1
                await connection.redis.ping()

            asking = Ticks([Tick("one", 0.05, ask), Tick("two", 0.02, ask)], outages=outages)
            asking.start()
            stack.callback(asking.stop)
            await stack.enter_async_context(worker.at_work())
            await until(lambda: worker.turns > 2)
            assert log.said("redis_unreachable") == []
        await until(lambda: outages.under_way)
        failed = asked
        await until(lambda: asked > failed + 4)
        assert outages.under_way
        assert log.said("redis_answers_again") == []
        done = worker.turns
        async with embedded_redis(tmp_path):
            await until(lambda: bool(log.said("redis_answers_again")))
            await until(lambda: worker.turns > done + 2)
            # Before this server stops too, and a turn is cancelled in its middle.
            begun, over = log.said("redis_unreachable"), log.said("redis_answers_again")
            tracebacks = log.tracebacks()
            await stack.aclose()

    assert [len(begun), len(over)] == [1, 1]
    assert begun[0]["reason"]
    assert float(str(over[0]["after_seconds"])) > 0
    assert tracebacks == []
    assert (log.said("tick_failed"), worker.bugs) == ([], [])


async def test_a_server_that_hangs_is_away_too(tmp_path: Path, log: Log) -> None:
    outages = Outages(KINDS)
    async with embedded_redis(tmp_path) as url, AsyncExitStack() as stack:
        connection = connection_to(f"{url}?socket_timeout=0.1")
        stack.push_async_callback(connection.redis.aclose)
        stack.enter_context(outages.in_the_log())
        worker = Worker(connection, outages)
        await stack.enter_async_context(worker.at_work())
        await until(lambda: worker.turns > 2)
        server = int(str((await connection.redis.info("server"))["process_id"]))
        os.kill(server, signal.SIGSTOP)
        try:
            await until(lambda: outages.under_way or bool(log.tracebacks()))
        finally:
            os.kill(server, signal.SIGCONT)
        done = worker.turns
        await until(lambda: not outages.under_way and worker.turns > done + 2)
        tracebacks = log.tracebacks()  # before a turn is cancelled in its middle

    assert len(log.said("redis_unreachable")) == 1
    assert (tracebacks, worker.bugs) == ([], [])


async def test_a_bug_keeps_its_traceback_during_an_outage(log: Log) -> None:
    outages = Outages(KINDS)
    bug = asyncio.Event()

    async def broken() -> None:
        bug.set()
        raise LookupError("a bug")

    with outages.in_the_log():
        assert outages.noticed(RedisConnectionError("gone"))
        ticks = Ticks([Tick("broken", 0.02, broken)], outages=outages)
        ticks.start()
        await bug.wait()
        await until(lambda: bool(log.said("tick_failed")))
        ticks.stop()

    assert "LookupError: a bug" in str(log.said("tick_failed")[0]["exception"])


def _raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (_raised(RedisConnectionError("gone")), False),
        (_raised(RuntimeError("cannot"), RedisTimeoutError("no answer")), False),
        (ExceptionGroup("both", [RedisConnectionError("gone"), RedisTimeoutError("no answer")]), False),
        (ExceptionGroup("one", [RedisConnectionError("gone"), LookupError("a bug")]), True),
        (_raised(LookupError("a bug")), True),
    ],
)
def test_what_redis_did_is_told_from_bugs(log: Log, error: BaseException, passes: bool) -> None:
    with Outages(KINDS).in_the_log():
        logging.getLogger("library").error("it failed", exc_info=error)
    assert bool(log.said("it failed")) is passes
    assert bool(log.said("redis_unreachable")) is not passes


def test_a_reference_that_somebody_was_told_is_found_in_the_log(log: Log) -> None:
    with Outages(KINDS).in_the_log():
        reference = log_bug(_raised(RedisConnectionError("gone")))
    assert [line["reference"] for line in log.said("bug")] == [reference]


def test_an_answer_asked_for_before_the_outage_does_not_end_it(log: Log) -> None:
    now = 10.0
    outages = Outages(KINDS, clock=lambda: now)
    assert outages.noticed(RedisConnectionError("gone"))
    outages.answered(asked_at=9.0)
    assert log.said("redis_answers_again") == []
    now = 14.25
    outages.answered(asked_at=13.0)
    assert [line["after_seconds"] for line in log.said("redis_answers_again")] == [4.2]


def test_a_broken_connection_found_right_after_an_outage_is_no_new_one(log: Log) -> None:
    now = 10.0
    outages = Outages(KINDS, clock=lambda: now)
    assert outages.noticed(RedisConnectionError("gone"))
    now = 12.0
    outages.answered(asked_at=11.0)
    now = 12.5
    assert outages.noticed(RedisConnectionError("reset"))
    assert len(log.said("redis_unreachable")) == 1
    now = 15.0
    assert outages.noticed(RedisConnectionError("gone again"))
    assert len(log.said("redis_unreachable")) == 2


def test_lines_pass_as_before_once_the_block_is_left(log: Log) -> None:
    outages = Outages(KINDS)
    with outages.in_the_log():
        pass
    logging.getLogger("library").error("it failed", exc_info=_raised(RedisConnectionError("gone")))
    assert len(log.tracebacks()) == 1
