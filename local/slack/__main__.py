"""Runs the local workspace: `python -m local.slack --port 8080 --home .proctor/slack`."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.core.errors import ConfigurationError
from local.slack.server import serve

_CONFIGURATION_EXIT = 78


def main(words: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. `words` default to the command line's."""
    parser = argparse.ArgumentParser(prog="python -m local.slack", description="A local Slack workspace on loopback.")
    parser.add_argument("--port", type=int, default=0, help="the page's port; 0 takes a free one")
    parser.add_argument("--home", type=Path, help="folder to keep messages and files in; without it they are forgotten")
    parser.add_argument("--request-url", help="deliver as signed HTTP requests to this address, not over Socket Mode")
    arguments = parser.parse_args(words)
    try:
        asyncio.run(_run(arguments.port, arguments.home, arguments.request_url))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return _CONFIGURATION_EXIT
    return 0


async def _run(port: int, home: Path | None, request_url: str | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(home, port, request_url=request_url) as server:
        sys.stdout.write(f"slack ready {server.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
