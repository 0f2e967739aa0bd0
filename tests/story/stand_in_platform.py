"""A small platform that trains a student who can write, for tasks that the local platform cannot train.

What the student answers is a rule of the task's: a right answer, or what somebody says who has not understood. From
step to step it understands more of the rows. Nothing about its rewards is made up: every answer is graded by the job's
own grader, judges included, as it is in evals.
"""

import json
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from aiohttp import web

from jobs.graders import Grade, GraderRuntime, Sample, parse_grader
from tests.jobs.evals.model_endpoint import calling, calling_chat, completion, response

Json = dict[str, Any]
Called = tuple[str, str]
"""The name of a function and its arguments."""
Writes = Callable[[str, bool], str | Called]
"""From what the user says, and whether it is understood, to an answer."""
BASE = "student-1"
STEPS, INTERVAL = 12, 3
UNDERSTOOD = (0.25, 0.9)
"""The shares of the rows that the student understands before the first step and after the last."""


@dataclass(frozen=True, slots=True)
class Student:
    """Answers as it does after a step."""

    writes: Writes
    step: int

    def answer(self, said: str) -> str | Called:
        """Return the answer to what the user says: to the same words always the same."""
        first, last = UNDERSTOOD
        share = first + (last - first) * self.step / STEPS
        return self.writes(said, zlib.crc32(said.encode()) % 1000 < 1000 * share)


@dataclass
class StandInPlatform:
    """The fine-tuning API as far as the bot uses it, and the models of its jobs."""

    writes: Writes
    graders: GraderRuntime
    url: str = ""
    files: dict[str, Json] = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    kept: dict[str, float] = field(default_factory=dict)
    """Model id of a checkpoint to its validation reward."""

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a file."""
        sent = (await request.post())["file"]
        assert isinstance(sent, web.FileField)
        content = sent.file.read()
        file = {"id": f"file-{len(self.files)}", "object": "file", "filename": sent.filename, "bytes": len(content)}
        self.files[str(file["id"])] = file | {"rows": [json.loads(line) for line in content.splitlines()]}
        return web.json_response(file | {"status": "processed"})

    async def create(self, request: web.Request) -> web.Response:
        """Take a job and train it."""
        job = await request.json() | {"id": f"ftjob-{len(self.jobs)}", "status": "running", "created_at": 1}
        self.jobs[job["id"]] = job
        await self._train(job)
        job |= {"status": "succeeded", "finished_at": 2, "fine_tuned_model": f"{job['id']}:ckpt-step-{STEPS}"}
        return web.json_response(job)

    async def _train(self, job: Json) -> None:
        train, valid = (self.files[job[f"{split}_file"]]["rows"] for split in ("training", "validation"))
        definition = job["method"]["reinforcement"]["grader"]
        for step in range(1, STEPS + 1):
            batch = [train[(step * 12 + place) % len(train)] for place in range(12)]
            scores: Json = {"train_reward_mean": mean(await self._graded(definition, batch, step))}
            if step % INTERVAL == 0:
                scores["valid_reward_mean"] = mean(await self._graded(definition, valid, step))
                self.kept[f"{job['id']}:ckpt-step-{step}"] = scores["valid_reward_mean"]
            data = {"step": step, "total_steps": STEPS, "scores": scores}
            event = {
                "id": f"ftevent-{len(self.events)}",
                "created_at": step,
                "level": "info",
                "message": f"Step {step}",
            }
            self.events.insert(0, event | {"type": "metrics", "data": data})

    async def _graded(self, definition: Mapping[str, object], rows: Sequence[Json], step: int) -> list[Grade]:
        student = Student(self.writes, step)
        answers = [student.answer(said_by_user(row["messages"])) for row in rows]
        pairs = [(sample_of(answer), row) for answer, row in zip(answers, rows, strict=True)]
        return await self.graders.grade(parse_grader(definition), pairs)

    async def list_jobs(self, _request: web.Request) -> web.Response:
        """List the jobs."""
        return listing(list(self.jobs.values()))

    async def show_job(self, request: web.Request) -> web.Response:
        """Show a job."""
        return web.json_response(self.jobs[request.match_info["id"]])

    async def list_events(self, _request: web.Request) -> web.Response:
        """List the events of the one job."""
        return listing(self.events)

    async def list_checkpoints(self, _request: web.Request) -> web.Response:
        """List the three checkpoints with the highest reward."""
        best = sorted(self.kept, key=lambda model: -self.kept[model])[:3]
        return listing(
            [
                {
                    "id": f"ckpt-{model.rpartition('-')[2]}",
                    "fine_tuned_model_checkpoint": model,
                    "step_number": int(model.rpartition("-")[2]),
                    "metrics": {"full_valid_mean_reward": self.kept[model]},
                }
                for model in best
            ]
        )

    async def list_models(self, _request: web.Request) -> web.Response:
        """List the base model and the checkpoints."""
        return listing([{"id": model, "object": "model"} for model in (BASE, *self.kept)])

    async def respond(self, request: web.Request) -> web.Response:
        """Answer in the API that was asked."""
        body, is_chat = await request.json(), request.path.endswith("completions")
        model = body["model"]
        student = Student(self.writes, 0 if model == BASE else int(model.rpartition("-")[2]))
        answer = student.answer(said_by_user(body["messages" if is_chat else "input"]))
        if isinstance(answer, str):
            return web.json_response((completion if is_chat else response)(answer))
        assert body["tools"], "it calls what it was offered"
        return web.json_response((calling_chat if is_chat else calling)(*answer))


def listing(entries: Sequence[Json]) -> web.Response:
    return web.json_response({"object": "list", "data": entries, "has_more": False})


def said_by_user(messages: Sequence[Json]) -> str:
    said: str = messages[-1]["content"]
    return said


def sample_of(answer: str | Called) -> Sample:
    if isinstance(answer, str):
        return Sample(answer)
    name, arguments = answer
    return Sample("", ({"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}},))


def mean(grades: Sequence[Grade]) -> float:
    assert not [grade.detail for grade in grades if grade.errors], "these graders grade whatever they are given"
    return fmean(grade.reward for grade in grades)


@asynccontextmanager
async def standing_in(writes: Writes, graders: GraderRuntime) -> AsyncIterator[StandInPlatform]:
    """Serve a platform with a student."""
    platform = StandInPlatform(writes, graders)
    app = web.Application(client_max_size=8 * 1024 * 1024)
    jobs = "/v1/fine_tuning/jobs"
    app.add_routes(
        [
            web.post("/v1/files", platform.upload),
            web.post(jobs, platform.create),
            web.get(jobs, platform.list_jobs),
            web.get(f"{jobs}/{{id}}", platform.show_job),
            web.get(f"{jobs}/{{id}}/events", platform.list_events),
            web.get(f"{jobs}/{{id}}/checkpoints", platform.list_checkpoints),
            web.get("/v1/models", platform.list_models),
            web.post("/v1/responses", platform.respond),
            web.post("/v1/chat/completions", platform.respond),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    platform.url = f"http://{host}:{port}/v1"
    try:
        yield platform
    finally:
        await runner.cleanup()
