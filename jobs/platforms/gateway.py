"""One platform as the rest of the bot sees it: files, jobs, checkpoints, models and graders of the fine-tuning API."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from time import monotonic
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx2

from jobs.core.errors import InvalidRequest, PlatformError, PlatformRejected, PlatformUnavailable
from jobs.core.records import Checkpoint
from jobs.core.series import JsonObject
from jobs.platforms.client import ANSWER_SECONDS, PAGE, Client, Items, Sleep, items
from jobs.platforms.errors import NoAnswer, Request, platform_error, unreadable
from jobs.platforms.event_history import EventHistory
from jobs.platforms.parse import (
    KEY,
    GraderTrial,
    JobSpec,
    KeptItem,
    RemoteEvent,
    RemoteJob,
    method_of,
    read_checkpoint,
    read_embeddings,
    read_event,
    read_job,
    read_kept,
    read_trial,
    text,
    trainable,
)
from jobs.platforms.profiles import Profile
from jobs.platforms.sampling import ModelAnswer, NotAnswered, Question
from jobs.platforms.wire import PATHS, body_of, read_answer, trouble_of

JOBS = "/fine_tuning/jobs"
NO_SUCH_PAGE = frozenset({"not_found", "notfound", "resource_not_found", "resourcenotfound", "unknown_url", "404"})
"""What platforms call an address that they do not have."""
VALIDATE_PATH = "/fine_tuning/alpha/graders/validate"
RUN_PATH = "/fine_tuning/alpha/graders/run"
UPLOAD_SECONDS = 600.0
COUNT_SECONDS = 20.0
GRADER_SECONDS = 150.0
"""A python grader may take two minutes, and a model grader its time."""
FIRST_PAGE = 20


class Gateway:
    """One platform.

    Every method raises PlatformUnavailable (no usable answer; `outcome_unknown` says whether it may have taken effect)
    or PlatformRejected (the platform said no), both with a sentence for the person; and InvalidRequest where the key is
    missing, before anything is sent.
    """

    def __init__(
        self,
        profile: Profile,
        api_key: str,
        http: httpx2.AsyncClient | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.profile = profile
        self._sleep = sleep
        self._client = Client(profile, api_key, http, sleep=sleep, answer_seconds=answer_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def require_key(self) -> None:
        """Raise InvalidRequest, naming the variable, where there is no key to ask with."""
        self._client.require_key()

    # -- files --------------------------------------------------------------------------------------------------------

    async def upload(self, name: str, content: bytes) -> str:
        """Upload training or validation rows, wait until the platform has processed them, and return the file's id.

        A file that the platform then refuses is deleted again. One of which it does not say what became of it is left
        to `uploaded`.
        """
        answer = await self._with_id(
            Request(
                f"take the file {name}",
                "/files",
                "POST",
                body={"purpose": "fine-tune"},
                file=(name, content),
                once=True,
                seconds=UPLOAD_SECONDS,
            )
        )
        return await self._taken(answer, name)

    async def files_named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the uploaded files called `name`, newest first: what an upload without an answer left."""
        return tuple(file["id"] for file in await self._files(name))

    async def uploaded(self, name: str, content: bytes) -> str | None:
        """Return the id of the file that an earlier upload left, once it is processed; None if it left none."""
        left = next((file for file in await self._files(name) if file.get("bytes") == len(content)), None)
        return await self._taken(left, name) if left else None

    async def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is not there is fine."""
        try:
            await self._client.ask(Request("delete a file", f"/files/{_checked(file_id)}", "DELETE"))
        except PlatformRejected as error:
            if error.code != "not_found":
                raise

    async def count_rows(self, file_id: str) -> int | None:
        """Return how many rows an uploaded file has; None where the platform does not show it, or not soon enough."""
        rows = 0
        try:
            async with asyncio.timeout(COUNT_SECONDS), aclosing(self._client.lines(_checked(file_id))) as lines:
                async for _line in lines:
                    rows += 1
        except (NoAnswer, TimeoutError):
            return None
        return rows or None

    async def first_row(self, file_id: str) -> JsonObject | None:
        """Return the first row of an uploaded JSONL file; None where it is not shown, not soon enough, or no object."""
        row = None
        with suppress(NoAnswer, TimeoutError, ValueError):
            async with asyncio.timeout(COUNT_SECONDS), aclosing(self._client.lines(_checked(file_id))) as lines:
                row = json.loads(await anext(lines, b""))
        return row if isinstance(row, dict) else None

    # -- jobs ---------------------------------------------------------------------------------------------------------

    async def create(self, spec: JobSpec) -> RemoteJob:
        """Create a job. It is sent once: where the answer is lost, `find` tells whether the job exists."""
        body = {
            "model": spec.model,
            "training_file": spec.training_file,
            "validation_file": spec.validation_file,
            "suffix": spec.suffix if spec.suffix and self.profile.allows_suffix else None,
            "seed": spec.seed,
            "metadata": {KEY: spec.key},
            "method": method_of(spec),
        }
        sent = {name: value for name, value in body.items() if value is not None} | dict(self.profile.extra_body)
        request = Request("create the job", JOBS, "POST", body=sent, once=True, model=spec.model)
        return read_job(await self._with_id(request))

    async def find(self, key: str) -> RemoteJob | None:
        """Return the job that carries our id `key`, the oldest where several do; None when the platform has none."""
        jobs = await self._listed(Request("list its jobs", JOBS, query={"metadata": {KEY: key}}))
        # compared here as well, for a platform that ignores the filter
        found = [job for job in map(read_job, jobs) if job.key == key]
        return min(found, key=lambda job: job.created_at or 0.0, default=None)

    async def statuses(self) -> AsyncGenerator[Mapping[str, str], None]:
        """Yield status by job id, page by page, in the platform's order: newest jobs first.

        Nothing else is read of the jobs, so that thousands of them cost little.
        """
        async with aclosing(self._client.pages(Request("list its jobs", JOBS))) as pages:
            async for page in pages:
                yield {job["id"]: status for job in page if (status := text(job, "status"))}

    async def job(self, remote_id: str) -> RemoteJob:
        """Return a job as it stands."""
        return read_job(await self._with_id(Request("show the job", _job(remote_id))))

    async def pause(self, remote_id: str) -> RemoteJob:
        """Stop a job after its present step, with weights that can be used, and return it as it stands then."""
        return await self._do("pause", remote_id)

    async def resume(self, remote_id: str) -> RemoteJob:
        """Let a paused job go on, and return it as it stands then."""
        return await self._do("resume", remote_id)

    async def cancel(self, remote_id: str) -> RemoteJob:
        """End a job for good, and return it as it stands then."""
        return await self._do("cancel", remote_id)

    async def events_since(self, remote_id: str, known: str | None) -> tuple[RemoteEvent, ...]:
        """Return the events after the one with id `known`, oldest first, each once.

        With None, or an id that the platform no longer lists, the whole history.
        """
        return (await self._history(remote_id, EventHistory(known), FIRST_PAGE if known else PAGE)).new()

    async def newest_events(self, remote_id: str, most: int) -> tuple[RemoteEvent, ...]:
        """Return the newest `most` events of a job, oldest of them first, each once."""
        return (await self._history(remote_id, EventHistory(None, most), PAGE)).new()[-most:]

    async def checkpoints(self, remote_id: str) -> tuple[Checkpoint, ...]:
        """Return the checkpoints the platform keeps now, by step. While a job runs, a better one may displace them.

        A platform that cannot list any keeps none that could be told.
        """
        try:
            listed = await self._listed(Request("list the job's checkpoints", f"{_job(remote_id)}/checkpoints"))
        except PlatformRejected as error:
            if (error.code or "").lower() not in NO_SUCH_PAGE:
                raise
            return ()
        by_id = {checkpoint.id: checkpoint for checkpoint in map(read_checkpoint, listed) if checkpoint}
        return tuple(sorted(by_id.values(), key=lambda checkpoint: checkpoint.step))

    async def evaluation(self, remote_id: str, step: int) -> tuple[KeptItem, ...]:
        """Return the answers of the validation after `step`; only a platform that keeps them is asked."""
        return read_kept(await self._client.ask(Request("show an evaluation", f"{_job(remote_id)}/evaluations/{step}")))

    # -- models and graders -------------------------------------------------------------------------------------------

    async def models(self) -> tuple[str, ...]:
        """Return the ids of every model the platform lists for this key, in its order."""
        answer = await self._client.ask(Request("list its models", "/models"))
        return tuple(model["id"] for model in items(answer))

    async def has_model(self, model: str) -> bool:
        """Tell whether the platform lets this key ask `model`."""
        try:
            await self._client.ask(Request("show a model", f"/models/{quote(model, safe=':')}", model=model))
        except PlatformRejected as error:
            if error.code in {"not_found", "model_not_found"}:
                return False
            raise
        return True

    async def check_grader(self, definition: JsonObject, item: JsonObject, sample: str) -> GraderTrial:
        """Let the platform validate a grader and run it on one answer, as training would.

        Args:
            definition: the grader's.
            item: the row that was answered.
            sample: the answer.

        Raises:
            PlatformRejected: the grader is malformed; or, with code `not_found`, the platform cannot check graders.
        """
        grader: dict[str, object] = {"grader": trainable(definition)}
        run = {**grader, "item": item, "model_sample": sample}
        await self._client.ask(Request("take the grader", VALIDATE_PATH, "POST", body=grader))
        request = Request("run the grader", RUN_PATH, "POST", body=run, seconds=GRADER_SECONDS)
        return read_trial(await self._client.ask(request))

    async def answer(self, question: Question) -> ModelAnswer:
        """Ask a model once; `jobs.platforms.sampling.Sampler` asks again where that may help.

        Raises:
            NotAnswered: there is no answer; says why and what may help.
        """
        api, doing = self.profile.api, f"let {question.model} answer"
        body = body_of(question, api)
        request = Request(doing, PATHS[api], "POST", body=body, model=question.model, seconds=question.seconds)
        began = monotonic()
        try:
            said = await self._client.send(request)
        except NoAnswer as problem:
            sentence = str(platform_error(self.profile, request, problem.failure))
            raise NotAnswered(trouble_of(problem.failure, sentence)) from None
        return read_answer(said, api, monotonic() - began)

    async def embed(self, model: str, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        """Return one vector for each text, in their order."""
        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        vectors = read_embeddings(
            await self._client.ask(Request("embed texts", "/embeddings", "POST", body=body, model=model))
        )
        if len(vectors) != len(texts):
            raise PlatformUnavailable(f"{self.profile.title} embedded {len(vectors)} of {len(texts)} texts.")
        return vectors

    # -- how it is asked ----------------------------------------------------------------------------------------------

    async def _do(self, action: str, remote_id: str) -> RemoteJob:
        request = Request(f"{action} the job", f"{_job(remote_id)}/{action}", "POST", once=True)
        return read_job(await self._with_id(request))

    async def _with_id(self, request: Request) -> JsonObject:
        """Return an answer that must name what it is about."""
        answer = await self._client.ask(request)
        if text(answer, "id") is None:
            raise unreadable(self.profile, request)
        return answer

    async def _listed(self, request: Request) -> Items:
        async with aclosing(self._client.pages(request)) as pages:
            return [each async for page in pages for each in page]

    async def _files(self, name: str) -> Items:
        files = await self._listed(Request("list its files", "/files", query={"purpose": "fine-tune"}))
        return [file for file in files if file.get("filename") == name]

    async def _taken(self, file: JsonObject, name: str) -> str:
        """Return the id of an uploaded file once the platform has processed it; one that it refuses is deleted."""
        file_id = str(file["id"])
        try:
            await self._processed(file_id, name, file)
        except PlatformRejected:
            with suppress(PlatformError):  # the first error is the one to tell
                await self.delete_file(file_id)
            raise
        return file_id

    async def _history(self, remote_id: str, history: EventHistory, first: int) -> EventHistory:
        request = Request("list the job's events", f"{_job(remote_id)}/events")
        async with aclosing(self._client.pages(request, first)) as pages:
            async for page in pages:
                if not history.add([read_event(event) for event in page]):
                    break
        return history

    async def _processed(self, file_id: str, name: str, answer: JsonObject) -> None:
        """Wait for the check of an uploaded file; `status` is deprecated, so a missing one counts as done."""
        wait, waited = 0.25, 0.0
        while (status := text(answer, "status")) not in {"processed", None}:
            if status == "error":
                reason = text(answer, "status_details") or "it gives no reason."
                raise PlatformRejected(f"{self.profile.title} refused the file {name}: {reason}", code="invalid_file")
            if waited > UPLOAD_SECONDS:
                raise PlatformUnavailable(f"{self.profile.title} has not processed the file {name} in {waited:.0f} s.")
            await self._sleep(wait)
            waited, wait = waited + wait, min(wait * 2, 5.0)
            answer = await self._client.ask(Request(f"show the file {name}", f"/files/{file_id}"))


def _job(remote_id: str) -> str:
    return f"{JOBS}/{_checked(remote_id)}"


def _checked(remote_id: str) -> str:
    """Return an id a person may have typed, once it is safe as a part of an address."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.:-]{0,255}", remote_id, re.ASCII):
        raise InvalidRequest(f"{remote_id!r} is no id of a platform (letters, digits and - _ . : only).")
    return remote_id


PlatformOf = Callable[[str], tuple[Profile, Gateway]]
"""Returns profile and gateway of a platform; raises NotFound naming the nearest, InvalidRequest without its key."""
