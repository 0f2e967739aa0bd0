"""`/v1/fine_tuning/alpha/graders`: checks a grader, or runs it on one sample."""

import time
from dataclasses import dataclass

from aiohttp import web

from jobs.graders import Grade, Grader, GraderErrorKind, GraderRuntime, Sample, parse_grader
from local.platform.api.http import read_body
from local.platform.job_request import check_grader
from local.platform.request_models import JsonObject, RequestModel

GRADERS = "/v1/fine_tuning/alpha/graders"


class ValidateRequest(RequestModel):
    """A grader to check."""

    grader: JsonObject


class RunRequest(ValidateRequest):
    """A grader to run on one sample."""

    model_sample: str
    item: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class GradersApi:
    """The routes of graders."""

    runtime: GraderRuntime

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post(f"{GRADERS}/validate", self._validate), web.post(f"{GRADERS}/run", self._run)]

    async def _validate(self, request: web.Request) -> web.Response:
        """Return a grader that is well formed, or refuse it."""
        body = await read_body(request, ValidateRequest)
        check_grader(body.grader, "grader")
        return web.json_response({"grader": body.grader})

    async def _run(self, request: web.Request) -> web.Response:
        """Grade one sample; a grader that breaks is a 200 with reward 0 and its error flags."""
        body = await read_body(request, RunRequest)
        check_grader(body.grader, "grader")
        grader = parse_grader(body.grader)
        began = time.monotonic()
        [grade] = await self.runtime.grade(grader, [(Sample(body.model_sample), body.item or {})])
        return web.json_response(_view(grader, grade, time.monotonic() - began))


def _view(grader: Grader, grade: Grade, seconds: float) -> dict[str, object]:
    return {
        "reward": grade.reward,
        "metadata": {
            "name": grader.name,
            "type": grader.type,
            "errors": _errors(grade),
            "execution_time": seconds,
            "scores": {},
            "token_usage": None,
            "sampled_model_name": None,
        },
        "sub_rewards": dict(grade.scores) if grader.type == "multi" else {},
        "model_grader_token_usage_per_model": {},
    }


def _errors(grade: Grade) -> dict[str, object]:
    found = {kind for kinds in grade.errors.values() for kind in kinds}
    flags: dict[str, object] = {kind.value: kind in found for kind in GraderErrorKind}
    at_runtime = GraderErrorKind.PYTHON_GRADER_RUNTIME_ERROR in found
    on_server = GraderErrorKind.PYTHON_GRADER_SERVER_ERROR in found
    return flags | {
        "python_grader_runtime_error_details": grade.detail if at_runtime else None,
        "python_grader_server_error_type": "server_error" if on_server else None,
        "model_grader_server_error_details": None,
    }
