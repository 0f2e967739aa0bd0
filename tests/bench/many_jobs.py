"""`python -m tests.bench.many_jobs JOBS TRAINING SILENT STEP_SECONDS`: a platform with very many jobs.

It prints its address, and serves until it is ended.

The first TRAINING jobs train, a step every STEP_SECONDS; the next SILENT ones run and say nothing; all others wait in
its queue. They come in the shapes of the public API, newest first, and a page holds at most 100.

`POST /status {id, status}` changes a job. `GET /asked` tells how often it was asked, and how often for the first page
of its jobs.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tests.jobs.platforms.stand_in import JobJson, capture

PAST_STEPS = 60
TOTAL_STEPS = 2_000
MOST = 100


def remote_id(number: int) -> str:
    """Return the platform's id of its job with this number."""
    return f"ftjob-{number:06d}"


def first_status(number: int, training: int, silent: int) -> str:
    """Return the status in which a job is at first."""
    return "running" if number < training + silent else "queued"


class ManyJobs:
    """The platform's jobs and what was asked about them."""

    def __init__(self, jobs: int, training: int, silent: int, step_seconds: float) -> None:
        created = capture("rft_job_created.json")
        self.began = time.time()
        self.training = training
        self.step_seconds = step_seconds
        self.asked = self.first_pages = 0
        self.event = capture("rft_metrics_event.json")
        self.jobs = {
            remote_id(number): created | {"id": remote_id(number), "status": first_status(number, training, silent)}
            for number in reversed(range(jobs))
        }
        self.order = list(self.jobs)
        self.place = {job: place for place, job in enumerate(self.order)}

    async def list(self, request: web.Request) -> web.Response:
        """Answer with a page of jobs."""
        self.asked += 1
        after = request.query.get("after")
        self.first_pages += after is None
        start = self.place[after] + 1 if after else 0
        ids = self.order[start : start + min(int(request.query["limit"]), MOST)]
        return a_page([self.jobs[job] for job in ids], has_more=start + len(ids) < len(self.order))

    async def show(self, request: web.Request) -> web.Response:
        """Answer with a job."""
        self.asked += 1
        return web.json_response(self.jobs[request.match_info["job"]])

    async def events(self, request: web.Request) -> web.Response:
        """Answer with a page of a job's events."""
        self.asked += 1
        number = int(request.match_info["job"].removeprefix("ftjob-"))
        after = request.query.get("after")
        newest = int(after.removeprefix("ev-")) - 1 if after else self._newest(number)
        oldest = max(0, newest - int(request.query["limit"]) + 1)
        return a_page([self._event(number, n) for n in range(newest, oldest - 1, -1)], has_more=oldest > 0)

    async def checkpoints(self, request: web.Request) -> web.Response:
        """Answer that there are none."""
        del request
        self.asked += 1
        return a_page([], has_more=False)

    async def change(self, request: web.Request) -> web.Response:
        """Change a job's status."""
        told = await request.json()
        self.jobs[told["id"]] = self.jobs[told["id"]] | {"status": told["status"]}
        return web.json_response({})

    async def count(self, request: web.Request) -> web.Response:
        """Tell what was asked."""
        del request
        return web.json_response({"asked": self.asked, "first_pages": self.first_pages})

    def _newest(self, number: int) -> int:
        """Return the number of a job's newest event: its creation is 0, each step has its own."""
        if number >= self.training:
            return 0
        phase = number / self.training
        return PAST_STEPS + int((time.time() - self.began) / self.step_seconds + phase)

    def _event(self, number: int, which: int) -> JobJson:
        if which == 0:
            at = self.began - 10_000.0
            return {"id": "ev-0", "created_at": at, "level": "info", "message": "Created", "type": "message"}
        at = self.began + (which - PAST_STEPS - number / self.training) * self.step_seconds
        data = self.event["data"] | {"step": which, "total_steps": TOTAL_STEPS}
        return self.event | {"id": f"ev-{which}", "created_at": at, "type": "metrics", "data": data}


def a_page(data: Sequence[JobJson], *, has_more: bool) -> web.Response:
    """Return a page of a listing."""
    answer: dict[str, Any] = {"object": "list", "data": data, "has_more": has_more}
    return web.Response(body=json.dumps(answer).encode(), content_type="application/json")


async def main(platform: ManyJobs) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    jobs = "/v1/fine_tuning/jobs"
    app.router.add_get(jobs, platform.list)
    app.router.add_get(f"{jobs}/{{job}}", platform.show)
    app.router.add_get(f"{jobs}/{{job}}/events", platform.events)
    app.router.add_get(f"{jobs}/{{job}}/checkpoints", platform.checkpoints)
    app.router.add_post("/status", platform.change)
    app.router.add_get("/asked", platform.count)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    jobs_, training_, silent_ = map(int, sys.argv[1:4])
    asyncio.run(main(ManyJobs(jobs_, training_, silent_, float(sys.argv[4]))))
