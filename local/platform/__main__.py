"""`python -m local.platform --port P --home DIR`: the platform as a process of its own, until SIGINT or SIGTERM.

PACE in the environment is the least number of seconds that a training step takes: 0 for full speed, 0.6 when unset, so
that a usual job of 100 steps takes a minute.
"""

import argparse
import asyncio
import contextlib
import logging
import math
import os
import signal
import sys
from pathlib import Path

from local.platform.server import UnusableHome, serve

DEFAULT_PACE = 0.6
BAD_SETTING = 78
"""Exit code for a setting that is malformed (EX_CONFIG)."""


def read_pace(text: str) -> float:
    """Return the seconds that PACE asks for; a ValueError where it does not name any."""
    pace = float(text) if text.strip() else DEFAULT_PACE
    if not math.isfinite(pace) or pace < 0:
        raise ValueError(text)
    return pace


async def run(home: Path, port: int, pace: float) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(home, port, pace) as platform:
        sys.stdout.write(f"platform ready {platform.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Run the platform; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.platform", description="A local training platform.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--home", type=Path, required=True, help="folder for files and jobs")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        pace = read_pace(os.environ.get("PACE", ""))
    except ValueError:
        sys.stderr.write("PACE must be a number of seconds of at least 0, such as 0.6.\n")
        return BAD_SETTING
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(arguments.home, arguments.port, pace))
    except (UnusableHome, OSError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
