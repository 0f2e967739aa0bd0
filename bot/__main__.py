"""The program: `python -m bot` runs one bot.

`python -m bot health` asks a running one whether it is alive; `python -m bot doctor` looks at everything that one would
use, before its first start or while it runs.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bot.health import ask_health
from bot.logs import Redactor, configure_logs, secrets_of
from bot.settings import EXIT_CONFIGURATION, Settings, forget_slack_secrets, load_settings
from bot.stopping import end_within
from jobs.core.errors import ConfigurationError

USAGE = "usage: python -m bot [run | health | doctor]"

Running = Callable[..., AbstractAsyncContextManager[object]]
"""Runs a bot as long as the context lasts; `bot.app.running`."""


async def run(settings: Settings, redactor: Redactor, running: Running) -> int:
    """Run until told to stop; return the exit code: 0 after a signal, 1 when it could not go on."""
    stopped = asyncio.Event()
    gave_up = asyncio.Event()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            end_within()

    def give_up() -> None:
        gave_up.set()
        stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with running(settings, give_up, redactor.hide):
        await stopped.wait()
    return int(gave_up.is_set())


def imported() -> Running:
    """Import the bot and return what runs it; the container's health check, which is made often, need not.

    Nothing that is imported is garbage, and looking for some takes an eighth of the start.
    """
    gc.disable()
    from bot.app import running  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    return running


def _doctor(settings: Settings, redactor: Redactor) -> int:
    """Print what the doctor finds; return 1 if something is broken."""
    from bot.app import examine  # noqa: PLC0415 - as in `imported`
    from handlers.doctor import Health, doctor_lines  # noqa: PLC0415 - as in `imported`

    configure_logs(settings.log_format, "ERROR", redactor)
    found = asyncio.run(examine(settings, redactor.hide))
    sys.stdout.write(f"{doctor_lines(found)}\n")
    return int(any(each.health is Health.BROKEN for each in found))


def main(arguments: list[str]) -> int:
    """Run the program; return its exit code."""
    command = arguments[0] if arguments else "run"
    if command not in {"run", "health", "doctor"} or len(arguments) > 1:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        settings = load_settings()
        if command == "health":
            alive, line = asyncio.run(ask_health(settings.health_port))
            sys.stdout.write(f"{line}\n")
            return 0 if alive else 1
        forget_slack_secrets()
        redactor = Redactor(secrets_of(settings))
        if command == "doctor":
            return _doctor(settings, redactor)
        configure_logs(settings.log_format, settings.log_level, redactor)
        return asyncio.run(run(settings, redactor, imported()))
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem}\n")
        return EXIT_CONFIGURATION


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
