"""`/v1/fine_tuning/jobs`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from local.platform.checkpoints import Checkpoint, load_checkpoints
from local.platform.foreman import Foreman
from local.platform.gate import read_body
from local.platform.names import checkpoint_model, derived
from local.platform.orders import read_order
from local.platform.pages import page
from local.platform.records import JobRecord

JOBS = "/v1/fine_tuning/jobs"
_METADATA = re.compile(r"metadata\[(.+)\]")


@dataclass(frozen=True, slots=True)
class JobsApi:
    """The routes of fine-tuning jobs.

    Args:
        foreman: drives them.
    """

    foreman: Foreman

    def register(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        app.router.add_post(JOBS, self.create)
        app.router.add_get(JOBS, self.list)
        app.router.add_get(JOBS + "/{id}", self.retrieve)
        app.router.add_post(JOBS + "/{id}/cancel", self.cancel)
        app.router.add_post(JOBS + "/{id}/pause", self.pause)
        app.router.add_post(JOBS + "/{id}/resume", self.resume)
        app.router.add_get(JOBS + "/{id}/events", self.events)
        app.router.add_get(JOBS + "/{id}/checkpoints", self.checkpoints)

    async def create(self, request: web.Request) -> web.Response:
        """Take on a job."""
        return self._answer(self.foreman.create(read_order(await read_body(request))))

    async def list(self, request: web.Request) -> web.Response:
        """List jobs, newest first; `metadata[key]=value` keeps those that have it, `metadata=null` those with none."""
        found = [self._view(record) for record in self.foreman.jobs.list() if _has_metadata(record, request.query)]
        return web.json_response(page(found, request.query))

    async def retrieve(self, request: web.Request) -> web.Response:
        """Describe a job."""
        return self._answer(self.foreman.jobs.get(request.match_info["id"]))

    async def cancel(self, request: web.Request) -> web.Response:
        """End a job at once."""
        return self._answer(await self.foreman.cancel(request.match_info["id"]))

    async def pause(self, request: web.Request) -> web.Response:
        """Stop a job after the step it is at."""
        return self._answer(await self.foreman.pause(request.match_info["id"]))

    async def resume(self, request: web.Request) -> web.Response:
        """Go on with a paused job."""
        return self._answer(self.foreman.resume(request.match_info["id"]))

    async def events(self, request: web.Request) -> web.Response:
        """List a job's events, newest first."""
        told = self.foreman.log(request.match_info["id"]).events()
        return web.json_response(page([event.view() for event in reversed(told)], request.query))

    async def checkpoints(self, request: web.Request) -> web.Response:
        """List the checkpoints a job keeps, newest first."""
        record = self.foreman.jobs.get(request.match_info["id"])
        kept = load_checkpoints(self.foreman.jobs.folder(record.id))
        return web.json_response(page([_checkpoint(record, one) for one in reversed(kept)], request.query, default=10))

    def _answer(self, record: JobRecord) -> web.Response:
        return web.json_response(self._view(record))

    def _view(self, record: JobRecord) -> dict[str, object]:
        return record.view(self.foreman.estimated_finish(record.id))


def _has_metadata(record: JobRecord, query: Mapping[str, str]) -> bool:
    own = record.order.metadata or {}
    if query.get("metadata") == "null":
        return not own
    wanted = {match[1]: value for key, value in query.items() if (match := _METADATA.fullmatch(key))}
    return all(own.get(key) == value for key, value in wanted.items())


def _checkpoint(record: JobRecord, checkpoint: Checkpoint) -> dict[str, object]:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": derived("ftckpt_", record.id, checkpoint.step),
        "created_at": checkpoint.created_at,
        "fine_tuned_model_checkpoint": checkpoint_model(record.id, record.order.suffix, checkpoint.step),
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
