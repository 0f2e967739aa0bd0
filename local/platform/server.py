"""The platform put together: an aiohttp server on the loopback interface over one folder of files and jobs."""

import contextlib
import fcntl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from jobs.graders import GraderRuntime
from local.platform.api.files import FilesApi
from local.platform.api.graders import GradersApi
from local.platform.api.http import api_errors, api_key, concurrency_limit
from local.platform.api.jobs import JobsApi
from local.platform.api.models import ModelsApi
from local.platform.file_store import FileStore
from local.platform.job_runner import DEFAULT_LIMITS, JobRunner, Limits
from local.platform.job_store import JobStore
from local.platform.numpy_policy.models import Models

HOST = "127.0.0.1"
BODY_BYTES = 8 * 1024 * 1024


class UnusableHome(Exception):
    """No platform can work in this folder; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that is up."""

    url: str
    """Base URL for clients; ends in /v1."""
    runner: JobRunner


@contextlib.asynccontextmanager
async def serve(
    home: Path, port: int = 0, pace: float = 0.0, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[Platform]:
    """Run a platform until the context ends; jobs under way stop where they are and go on when it is run again.

    Args:
        home: where everything is kept; made if missing.
        port: the port on 127.0.0.1; 0 takes a free one.
        pace: least seconds for a training step.
        limits: how much it takes on.

    Raises:
        UnusableHome: if another platform works in `home`, or another version of it wrote what is there.
    """
    with _locked(home):
        stores = _stores(home, limits)
        async with GraderRuntime() as graders:
            runner = JobRunner(*stores, graders, pace, limits)
            async with _listening(_app(runner, graders, limits), port) as url:
                runner.open()
                try:
                    yield Platform(url, runner)
                finally:
                    await runner.close()


def _stores(home: Path, limits: Limits) -> tuple[JobStore, FileStore]:
    try:
        return JobStore(home / "jobs"), FileStore(home / "files", limits.upload_bytes)
    except ValidationError:
        raise UnusableHome(
            f"The jobs and files in {home} were written by another version of the local platform; move them away, or "
            "choose another folder. For a demo that is all of PROCTOR_HOME: its bot would refuse its part too."
        ) from None


def _app(runner: JobRunner, graders: GraderRuntime, limits: Limits) -> web.Application:
    middlewares = [api_errors, api_key, concurrency_limit(limits.requests_at_once)]
    app = web.Application(middlewares=middlewares, client_max_size=BODY_BYTES)
    for api in (FilesApi(runner.files), JobsApi(runner), GradersApi(graders), ModelsApi(Models(runner.jobs))):
        app.add_routes(api.routes())
    return app


@contextlib.asynccontextmanager
async def _listening(app: web.Application, port: int) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        yield f"http://{HOST}:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableHome(f"Another local platform works in {home}; stop it first.") from None
        yield
