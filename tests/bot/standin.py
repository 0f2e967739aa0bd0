"""Small working parts for the demo's tests: each listens where it is told and announces itself as the real one does.

`python -m tests.bot.standin platform|slack --port P --home H`, `python -m tests.bot.standin bot` (with HEALTH_PORT),
and `python -m tests.bot.standin demo HOME`, a whole demo made of them. `GET /environment` tells what a part was given.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from aiohttp import web

from bot.demo import Programs, run_demo
from bot.health import health_app, serving
from bot.settings import load_demo_settings

THIS = (sys.executable, "-m", "tests.bot.standin")
PROGRAMS = Programs(platform=(*THIS, "platform"), slack=(*THIS, "slack"), bot=(*THIS, "bot"))


async def listen(name: str, port: int) -> None:
    async def environment(_request: web.Request) -> web.Response:
        return web.json_response(dict(os.environ))

    app = health_app([])
    app.router.add_get("/environment", environment)
    async with serving(app, "127.0.0.1", port):
        print(f"{name} ready http://127.0.0.1:{port}", flush=True)  # noqa: T201 - the line its supervisor waits for
        await asyncio.Event().wait()


async def demo(home: str) -> None:
    settings = load_demo_settings({"PROCTOR_HOME": home, "PORT": "0"})
    await run_demo(settings, lambda text: print(text, flush=True), PROGRAMS)  # noqa: T201 - as a demo does


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--port", type=int, default=int(os.environ.get("HEALTH_PORT", "0")))
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    if given.name == "demo":
        asyncio.run(demo(given.folder))
    else:
        asyncio.run(listen(given.name, given.port))


if __name__ == "__main__":
    main()
