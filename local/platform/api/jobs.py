"""`/v1/fine_tuning/jobs`."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from local.platform.api.http import page, read_body
from local.platform.errors import ApiError
from local.platform.file_store import split_rows, user_text
from local.platform.ids import derived_id, model_id
from local.platform.job_request import JobRequest, check_job_request
from local.platform.job_runner import JobRunner
from local.platform.job_store import Checkpoint, JobFolder, JobRecord

JOBS = "/v1/fine_tuning/jobs"
_METADATA = re.compile(r"metadata\[(.+)\]")


@dataclass(frozen=True, slots=True)
class JobsApi:
    """The routes of fine-tuning jobs."""

    runner: JobRunner

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(JOBS, self._create),
            web.get(JOBS, self._list),
            web.get(JOBS + "/{id}", self._retrieve),
            web.post(JOBS + "/{id}/cancel", self._cancel),
            web.post(JOBS + "/{id}/pause", self._pause),
            web.post(JOBS + "/{id}/resume", self._resume),
            web.get(JOBS + "/{id}/events", self._events),
            web.get(JOBS + "/{id}/checkpoints", self._checkpoints),
            web.get(JOBS + "/{id}/evaluations/{step:[0-9]+}", self._evaluation),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        job_request = await read_body(request, JobRequest)
        check_job_request(job_request)
        return self._answer(await self.runner.create(job_request))

    async def _list(self, request: web.Request) -> web.Response:
        """List jobs, newest first; `metadata[key]=value` keeps those that have it, `metadata=null` those without."""
        found = [self._view(record) for record in self.runner.jobs.list() if _has_metadata(record, request.query)]
        return page(found, request.query)

    async def _retrieve(self, request: web.Request) -> web.Response:
        return self._answer(self.runner.jobs.get(request.match_info["id"]))

    async def _cancel(self, request: web.Request) -> web.Response:
        return self._answer(await self.runner.cancel(request.match_info["id"]))

    async def _pause(self, request: web.Request) -> web.Response:
        return self._answer(await self.runner.pause(request.match_info["id"]))

    async def _resume(self, request: web.Request) -> web.Response:
        return self._answer(self.runner.resume(request.match_info["id"]))

    async def _events(self, request: web.Request) -> web.Response:
        """List a job's events, newest first."""
        events = self.runner.log(request.match_info["id"]).events()
        return page([event.view() for event in reversed(events)], request.query)

    async def _checkpoints(self, request: web.Request) -> web.Response:
        """List the checkpoints a job keeps, newest first."""
        record = self.runner.jobs.get(request.match_info["id"])
        kept = self.runner.jobs.folder(record.id).checkpoints()
        return page([_checkpoint(record, one) for one in reversed(kept)], request.query, default=10)

    async def _evaluation(self, request: web.Request) -> web.Response:
        """Return the answers of one validation, each next to its row; no other platform is known to have this."""
        record, step = self.runner.jobs.get(request.match_info["id"]), int(request.match_info["step"])
        found = await asyncio.to_thread(_evaluation, self.runner.jobs.folder(record.id), step)
        if found is None:
            raise ApiError(f"Job {record.id} has no validation after step {step}.", "step", "not_found", status=404)
        return web.json_response({"object": "fine_tuning.job.evaluation", "step": step, "data": found})

    def _answer(self, record: JobRecord) -> web.Response:
        return web.json_response(self._view(record))

    def _view(self, record: JobRecord) -> dict[str, object]:
        return record.view(self.runner.estimated_finish(record))


def _evaluation(folder: JobFolder, step: int) -> list[dict[str, object]] | None:
    if not folder.evaluation(step).exists():
        return None
    rows = split_rows(folder.validation.read_bytes(), "validation")
    answers = json.loads(folder.evaluation(step).read_bytes())
    return [
        {
            "item": {key: value for key, value in row.items() if key != "messages"},
            "input": user_text(row["messages"]),
            "answers": given,
        }
        for row, given in zip(rows, answers, strict=True)
    ]


def _has_metadata(record: JobRecord, query: Mapping[str, str]) -> bool:
    own = record.request.metadata or {}
    if query.get("metadata") == "null":
        return not own
    wanted = {match[1]: value for key, value in query.items() if (match := _METADATA.fullmatch(key))}
    return all(own.get(key) == value for key, value in wanted.items())


def _checkpoint(record: JobRecord, checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": derived_id("ftckpt_", record.id, checkpoint.step),
        "created_at": checkpoint.created_at,
        "fine_tuned_model_checkpoint": model_id(record.id, record.request.suffix, checkpoint.step),
        "fine_tuning_job_id": record.id,
        "step_number": checkpoint.step,
        "metrics": {
            "step": checkpoint.step,
            "train_mean_reward": checkpoint.train_reward,
            "full_valid_mean_reward": checkpoint.valid_reward,
            "completion_tokens_mean": checkpoint.train_tokens,
            "valid_completion_tokens_mean": checkpoint.valid_tokens,
        },
    }
