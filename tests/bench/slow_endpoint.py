"""`python -m tests.bench.slow_endpoint SECONDS`: answers every question after so many seconds; prints its address."""

import asyncio
import json
import sys

from aiohttp import web

from tests.jobs.evals.model_endpoint import response

ANSWER = json.dumps(response('{"label": "fish"}')).encode()


async def main(seconds: float) -> None:
    """Serve until the process is ended."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(seconds)
        return web.Response(body=ANSWER, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}/v1\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
