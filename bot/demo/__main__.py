"""`python -m bot.demo`: runs the demo until Ctrl-C."""

import asyncio
import signal
import sys

from bot.demo.stack import run_demo
from bot.demo.supervisor import PartFailed
from bot.logs import Redactor, configure_logs
from bot.settings import EXIT_CONFIGURATION, load_demo_settings
from jobs.core.errors import ConfigurationError


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the terminal's program


async def _main() -> int:
    task = asyncio.current_task()
    assert task is not None
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    try:
        settings = load_demo_settings()
        (settings.proctor_home / "logs").mkdir(parents=True, exist_ok=True)
        with (settings.proctor_home / "logs" / "demo.log").open("a") as log:
            configure_logs("console", "INFO", Redactor(), stream=log)
            await run_demo(settings, _print)
    except (ConfigurationError, PartFailed) as failed:
        print(failed, file=sys.stderr)  # noqa: T201 - what to change, or why a part cannot run
        return EXIT_CONFIGURATION if isinstance(failed, ConfigurationError) else 1
    except asyncio.CancelledError:
        _print("\n  Stopped; make demo goes on from here.")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
