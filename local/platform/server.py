"""The platform put together: an aiohttp server on the loopback interface over one folder of files and jobs."""

import contextlib
import fcntl
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from jobs.graders import GraderRuntime
from local.platform.asking_api import AskingApi
from local.platform.files import MOST_BYTES, FileStore
from local.platform.files_api import FilesApi
from local.platform.foreman import Foreman
from local.platform.gate import with_api_errors, with_key, with_limit
from local.platform.graders_api import GradersApi
from local.platform.jobs_api import JobsApi
from local.platform.records import JobStore
from local.platform.shelf import Shelf

HOST = "127.0.0.1"
BODY_BYTES = 8 * 1024 * 1024


class HomeTaken(Exception):
    """Another platform works in this folder."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a platform takes on before it answers 429 or 413."""

    trainers: int = 2
    unfinished_jobs: int = 32
    requests_at_once: int = 256
    upload_bytes: int = MOST_BYTES


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that is up."""

    url: str
    """Base URL for clients; ends in /v1."""
    foreman: Foreman

    @property
    def trainers(self) -> Mapping[str, int]:
        """The process id of each job that is training now."""
        return self.foreman.trainers


@contextlib.asynccontextmanager
async def serve(home: Path, port: int = 0, pace: float = 0.0, limits: Limits = Limits()) -> AsyncIterator[Platform]:
    """Run a platform until the context ends; jobs under way stop where they are and go on when it is run again.

    Args:
        home: where everything is kept; made if missing.
        port: the port on 127.0.0.1; 0 takes a free one.
        pace: seconds that a training step takes at least.
        limits: how much it takes on.

    Raises:
        HomeTaken: if another platform works in `home`.
    """
    with _only_one(home):
        files, jobs = FileStore(home / "files", limits.upload_bytes), JobStore(home / "jobs")
        foreman = Foreman(jobs, files, pace=pace, at_once=limits.trainers, most_unfinished=limits.unfinished_jobs)
        async with GraderRuntime() as grading:
            app = _app(files, foreman, grading, limits)
            async with _listening(app, port) as url:
                foreman.open()
                try:
                    yield Platform(url, foreman)
                finally:
                    await foreman.close()


def _app(files: FileStore, foreman: Foreman, grading: GraderRuntime, limits: Limits) -> web.Application:
    app = web.Application(
        middlewares=[with_api_errors, with_key, with_limit(limits.requests_at_once)], client_max_size=BODY_BYTES
    )
    FilesApi(files).register(app)
    JobsApi(foreman).register(app)
    GradersApi(grading).register(app)
    AskingApi(Shelf(foreman.jobs)).register(app)
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
def _only_one(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeTaken(f"Another local platform works in {home}; stop it first.") from None
        yield
