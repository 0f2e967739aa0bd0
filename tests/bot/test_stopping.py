"""A stop takes no longer than it may: the parts' shares, and what happens to those that hang."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from bot import stopping, transport
from bot.stopping import CLOSE, EXIT_HUNG, FINISH, GRACE, HANG_UP, LAST_REQUESTS, STOP
from bot.transport import SlackSocket
from jobs.evals.run import Timing
from jobs.queue.pools import BREAK_OFF, DRAIN, LEAVE

ROOT = Path(__file__).parents[2]
DOCKER_STOP = 10.0
"""Seconds that `docker stop` waits unless told otherwise."""


def test_the_parts_together_end_before_anybody_kills() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    granted = float(compose["services"]["bot"]["stop_grace_period"].removesuffix("s"))

    assert HANG_UP + FINISH + CLOSE < STOP
    assert min(GRACE, DOCKER_STOP, granted) > STOP + stopping.SAY
    assert LEAVE + DRAIN + BREAK_OFF <= FINISH
    assert Timing().look + Timing().grace + Timing().grading < DRAIN
    assert LAST_REQUESTS < CLOSE


PROGRAM = """
import asyncio, logging, sys, threading
from bot.stopping import end_within

async def main():
    hung = asyncio.create_task(asyncio.to_thread(threading.Event().wait))
    await asyncio.sleep(0)
    end_within(0.05)

logging.basicConfig()
asyncio.run(main())
sys.exit(0)
"""


def test_a_process_with_a_thread_that_hangs_ends_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == EXIT_HUNG
    assert "still stopping after 0.05 s; ended" in done.stderr


async def test_a_slack_that_says_no_goodbye_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HANG_UP", 0.01)
    handler = AsyncSocketModeHandler(AsyncApp(token="xoxb-1", name="test"), "xapp-1")

    async def hangs() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(handler.client, "disconnect", hangs)
    socket = SlackSocket(handler, lambda: 0.0, lambda: None)
    await socket.stop()

    assert handler.client.aiohttp_client_session.closed
