"""`/v1/fine_tuning/alpha/graders`: checks a grader, or runs it on one sample."""

import time
from dataclasses import dataclass

from aiohttp import web

from jobs.graders import Grade, Grader, GraderErrorKind, Sample, parse_grader
from local.platform.gate import read_body
from local.platform.lesson import Grading
from local.platform.orders import read_grader
from local.platform.refusal import bad_request

GRADERS = "/v1/fine_tuning/alpha/graders"


@dataclass(frozen=True, slots=True)
class GradersApi:
    """The routes of graders.

    Args:
        grading: runs them.
    """

    grading: Grading

    def register(self, app: web.Application) -> None:
        """Add the routes to `app`."""
        app.router.add_post(f"{GRADERS}/validate", self.validate)
        app.router.add_post(f"{GRADERS}/run", self.run)

    async def validate(self, request: web.Request) -> web.Response:
        """Return a grader that is well formed, or refuse it."""
        return web.json_response({"grader": read_grader(await read_body(request))})

    async def run(self, request: web.Request) -> web.Response:
        """Grade one sample; a grader that breaks is a 200 with reward 0 and its error flags."""
        body = await read_body(request)
        grader = parse_grader(read_grader(body))
        text = body.get("model_sample")
        if not isinstance(text, str):
            raise bad_request("'model_sample' must be a string.", "model_sample", "invalid_type")
        item = body.inner("item")
        began = time.monotonic()
        [grade] = await self.grading.grade(grader, [(Sample(text), {} if item is None else item.value)])
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
