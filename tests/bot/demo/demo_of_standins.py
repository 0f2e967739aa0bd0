"""A demo made of stand-ins, as a process that a test can kill: `python -m tests.bot.demo.demo_of_standins HOME`."""

import asyncio
import sys

from bot.demo.stack import Programs, run_demo
from bot.settings import load_demo_settings

STANDIN = (sys.executable, "-m", "tests.bot.demo.standin")
PROGRAMS = Programs(platform=(*STANDIN, "platform"), slack=(*STANDIN, "slack"), bot=(*STANDIN, "bot"))


async def main(home: str) -> None:
    settings = load_demo_settings({"PROCTOR_HOME": home, "PORT": "0"})
    await run_demo(settings, lambda _text: None, PROGRAMS)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
