"""The only door to the platforms: one adapter for the OpenAI-shaped fine-tuning API; the only file that imports openai.

Answers are read as JSON, not through the SDK's models: those turn `"error": {}` into a truthy error, read a `multi`
grader as a string check, and hand out a bare string where a proxy answers with a page.
The SDK retries by itself, new jobs included, and sends no idempotency key; so it may retry nothing here. What is safe
to repeat is repeated by `Asker`; what would happen twice if sent twice is sent once.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from time import monotonic
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from jobs.core.errors import InvalidRequest, PlatformError, PlatformRejected, PlatformUnavailable
from jobs.core.records import Checkpoint
from jobs.core.series import JsonObject
from jobs.platforms.client import ANSWER_SECONDS, Answer, Asker, Sleep, items, retry_after, timed_out, was_reached
from jobs.platforms.errors import Refusal, Request, cut_short, not_genuine, refused, scrub, unreachable, unreadable
from jobs.platforms.event_history import EventHistory
from jobs.platforms.grader_trials import RUN_PATH, VALIDATE_PATH, GraderTrial, read_trial
from jobs.platforms.parse import (
    KEY,
    JobSpec,
    RemoteEvent,
    RemoteJob,
    method_of,
    read_checkpoint,
    read_embeddings,
    read_event,
    read_job,
    text,
    trainable,
)
from jobs.platforms.profiles import Profile
from jobs.platforms.sampling import ModelAnswer, NotAnswered, Question, Remedy, Trouble
from jobs.platforms.wire import PATHS, body_of, not_an_answer, read_answer, trouble_of

CONNECT_SECONDS = 5.0
UPLOAD_SECONDS = 600.0
COUNT_SECONDS = 20.0
GRADER_SECONDS = 150.0
"""A python grader may take two minutes, and a model grader its time."""
FIRST_PAGE = 20
PAGE = 100
CONNECTIONS = 50
"""For everything but questions to models, which have as many again as the profile allows at once."""

Meaning = Literal["status", "no_answer", "unreadable", "cut_short", "not_genuine"]
MEANINGS: Mapping[type[Exception], Meaning] = {
    openai.APIStatusError: "status",
    openai.APIConnectionError: "no_answer",
    openai.APIResponseValidationError: "unreadable",
    openai.APIError: "unreadable",
    openai.LengthFinishReasonError: "cut_short",
    openai.ContentFilterFinishReasonError: "cut_short",
    openai.InvalidWebhookSignatureError: "not_genuine",
    openai.WebSocketConnectionClosedError: "no_answer",
    openai.WebSocketQueueFullError: "no_answer",
    aiohttp.ClientError: "no_answer",  # what the SDK's aiohttp transport leaves unmapped, such as a malformed answer
    TimeoutError: "no_answer",  # the deadline over a whole answer; the SDK's own counts from one read to the next
}
"""What each exception of the SDK says about the request. Anything else it raises is a bug of ours."""
NO_CONTENT: tuple[type[Exception], ...] = (*MEANINGS, httpx2.HTTPError)
"""What reading a file may raise: while the content comes in, the SDK maps nothing of the HTTP client's."""


class Gateway:
    """One platform, spoken to through the OpenAI SDK.

    Every method raises PlatformUnavailable (no usable answer; `outcome_unknown` says whether it may have taken effect)
    or PlatformRejected (the platform said no), both with a sentence for the person; and InvalidRequest where the key is
    missing, before anything is sent.

    Args:
        profile: the platform.
        api_key: its key; the empty string where none is set.
        http: an HTTP client to use instead of one of its own; it is closed with the gateway.
        sleep: waits for a number of seconds.
        answer_seconds: how long an answer may take.
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
        self._key = api_key.strip()
        self._sleep = sleep
        self._asker = Asker(
            profile,
            self._key,
            failures=tuple(MEANINGS),
            explain=self._failure,
            sleep=sleep,
            answer_seconds=answer_seconds,
        )
        self._client = openai.AsyncOpenAI(
            base_url=profile.base_url,
            api_key=self._key or "none",
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            http_client=http or _http_client(profile),
        )
        self._files = self._client.files.with_raw_response
        self._jobs = self._client.fine_tuning.jobs.with_raw_response
        self._checkpoints = self._client.fine_tuning.jobs.checkpoints.with_raw_response

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def upload(self, name: str, content: bytes) -> str:
        """Upload training or validation rows, wait until the platform has processed them, and return the file's id.

        A file that the platform then refuses is deleted again.
        """
        request = Request(f"take the file {name}", once=True)
        answer = await self._asker.ask(
            request, lambda: self._files.create(file=(name, content), purpose="fine-tune"), seconds=UPLOAD_SECONDS
        )
        file_id = self._id_in(answer, request)
        try:
            await self._processed(file_id, name, answer)
        except PlatformError:
            with suppress(PlatformError):  # the first error is the one to tell
                await self.delete_file(file_id)
            raise
        return file_id

    async def files_named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the uploaded files called `name`, newest first: what an upload without an answer left."""
        request = Request("list its files")
        pages = self._asker.pages(
            request, lambda after: self._files.list(purpose="fine-tune", limit=PAGE, after=after or openai.omit)
        )
        async with aclosing(pages):
            return tuple([file["id"] async for page in pages for file in page if file.get("filename") == name])

    async def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is not there is fine."""
        try:
            await self._asker.ask(Request("delete a file"), lambda: self._files.delete(_checked(file_id)))
        except PlatformRejected as error:
            if error.code != "not_found":
                raise

    async def count_rows(self, file_id: str) -> int | None:
        """Return how many rows an uploaded file has; None where the platform does not show it, or not soon enough."""
        rows, rest = 0, b""
        try:
            async with (
                asyncio.timeout(COUNT_SECONDS),
                self._client.files.with_streaming_response.content(_checked(file_id)) as answer,
            ):
                async for chunk in answer.iter_bytes():
                    *lines, rest = (rest + chunk).split(b"\n")
                    rows += sum(bool(line.strip()) for line in lines)
        except NO_CONTENT:
            return None
        return rows + bool(rest.strip()) or None

    async def first_row(self, file_id: str) -> JsonObject | None:
        """Return the first row of an uploaded JSONL file; None where it is not shown, not soon enough, or no object."""
        line = b""
        try:
            async with (
                asyncio.timeout(COUNT_SECONDS),
                self._client.files.with_streaming_response.content(_checked(file_id)) as answer,
            ):
                async for chunk in answer.iter_bytes():
                    line += chunk
                    if b"\n" in line:
                        break
        except NO_CONTENT:
            return None
        try:
            row = json.loads(line.partition(b"\n")[0])
        except ValueError:
            return None
        return row if isinstance(row, dict) else None

    async def create(self, spec: JobSpec) -> RemoteJob:
        """Create a job. It is sent once: where the answer is lost, `find` tells whether the job exists."""
        request = Request("create the job", once=True, model=spec.model)
        answer = await self._asker.ask(
            request,
            lambda: self._jobs.create(
                model=spec.model,
                training_file=spec.training_file,
                validation_file=spec.validation_file or openai.omit,
                suffix=spec.suffix if spec.suffix and self.profile.allows_suffix else openai.omit,
                seed=openai.omit if spec.seed is None else spec.seed,
                metadata={KEY: spec.key},
                # in the extra body, because the SDK's parameter type does not know response_format
                extra_body={"method": method_of(spec), **self.profile.extra_body},
            ),
        )
        self._id_in(answer, request)
        return read_job(answer)

    async def find(self, key: str) -> RemoteJob | None:
        """Return the job that carries our id `key`, the oldest where several do; None when the platform has none."""
        request = Request("list its jobs")
        pages = self._asker.pages(
            request, lambda after: self._jobs.list(metadata={KEY: key}, limit=PAGE, after=after or openai.omit)
        )
        async with aclosing(pages):
            # compared here as well, for a platform that ignores the filter
            found = [job async for page in pages for job in map(read_job, page) if job.key == key]
        return min(found, key=lambda job: job.created_at or 0.0, default=None)

    async def statuses(self) -> AsyncGenerator[Mapping[str, str], None]:
        """Yield status by job id, page by page, in the platform's order: newest jobs first.

        Nothing else is read of the jobs, so that thousands of them cost little.
        """
        pages = self._asker.pages(
            Request("list its jobs"), lambda after: self._jobs.list(limit=PAGE, after=after or openai.omit)
        )
        async with aclosing(pages):
            async for page in pages:
                yield {job["id"]: status for job in page if (status := text(job, "status"))}

    async def job(self, remote_id: str) -> RemoteJob:
        """Return a job as it stands."""
        return await self._one_job(Request("show the job"), self._jobs.retrieve, remote_id)

    async def pause(self, remote_id: str) -> RemoteJob:
        """Stop a job after its present step, with weights that can be used, and return it as it stands then."""
        return await self._one_job(Request("pause the job", once=True), self._jobs.pause, remote_id)

    async def resume(self, remote_id: str) -> RemoteJob:
        """Let a paused job go on, and return it as it stands then."""
        return await self._one_job(Request("resume the job", once=True), self._jobs.resume, remote_id)

    async def cancel(self, remote_id: str) -> RemoteJob:
        """End a job for good, and return it as it stands then."""
        return await self._one_job(Request("cancel the job", once=True), self._jobs.cancel, remote_id)

    async def events_since(self, remote_id: str, known: str | None) -> tuple[RemoteEvent, ...]:
        """Return the events after the one with id `known`, oldest first, each once.

        With None, or an id that the platform no longer lists, the whole history.
        """
        history = EventHistory(known)
        job = _checked(remote_id)
        pages = self._asker.pages(
            Request("list the job's events"),
            lambda after: self._jobs.list_events(
                job, limit=FIRST_PAGE if known and not after else PAGE, after=after or openai.omit
            ),
        )
        async with aclosing(pages):
            async for page in pages:
                if not history.add([read_event(event) for event in page]):
                    break
        return history.new()

    async def newest_events(self, remote_id: str, most: int) -> tuple[RemoteEvent, ...]:
        """Return the newest `most` events of a job, oldest of them first, each once."""
        history = EventHistory(None)
        job = _checked(remote_id)
        pages = self._asker.pages(
            Request("list the job's events"),
            lambda after: self._jobs.list_events(job, limit=PAGE, after=after or openai.omit),
        )
        async with aclosing(pages):
            async for page in pages:
                if not history.add([read_event(event) for event in page]) or history.holds_newest(most):
                    break
        return history.new()[-most:]

    async def checkpoints(self, remote_id: str) -> tuple[Checkpoint, ...]:
        """Return the checkpoints the platform keeps now, by step. While a job runs, a better one may displace them."""
        job = _checked(remote_id)
        pages = self._asker.pages(
            Request("list the job's checkpoints"),
            lambda after: self._checkpoints.list(job, limit=PAGE, after=after or openai.omit),
        )
        async with aclosing(pages):
            found = [read_checkpoint(each) async for page in pages for each in page]
        by_id = {checkpoint.id: checkpoint for checkpoint in found if checkpoint}
        return tuple(sorted(by_id.values(), key=lambda checkpoint: checkpoint.step))

    async def models(self) -> tuple[str, ...]:
        """Return the ids of every model the platform lists for this key, in its order."""
        answer = await self._asker.ask(Request("list its models"), self._client.models.with_raw_response.list)
        return tuple(model["id"] for model in items(answer))

    async def check_grader(self, definition: JsonObject, item: JsonObject, sample: str) -> GraderTrial:
        """Let the platform validate a grader and run it on one answer, as training would.

        Args:
            definition: the grader's.
            item: the row that was answered.
            sample: the answer.

        Raises:
            PlatformRejected: the grader is malformed; or, with code `not_found`, the platform cannot check graders.
        """
        validate: dict[str, object] = {"grader": trainable(definition)}
        run = {**validate, "item": item, "model_sample": sample}
        await self._asker.ask(Request("take the grader"), lambda: self._post(VALIDATE_PATH, validate))
        answer = await self._asker.ask(Request("run the grader"), lambda: self._post(RUN_PATH, run), GRADER_SECONDS)
        return read_trial(answer)

    def _post(self, path: str, body: JsonObject) -> Awaitable[Answer]:
        return self._client.post(path, body=body, cast_to=httpx2.Response)

    def require_key(self) -> None:
        """Raise InvalidRequest, naming the variable, where there is no key to ask with."""
        self._asker.require_key()

    async def answer(self, question: Question) -> ModelAnswer:
        """Ask a model once; `jobs.platforms.sampling.Sampler` asks again where that may help.

        Raises:
            NotAnswered: there is no answer; says why and what may help.
        """
        api = self.profile.api
        began = monotonic()
        try:
            async with asyncio.timeout(question.seconds):
                # past the SDK's typed methods: their models cost more than the request, and misread what they get
                answer = await self._client.post(PATHS[api], body=body_of(question, api), cast_to=httpx2.Response)
        except tuple(MEANINGS) as error:
            # without its cause: that one holds the request, and the request holds the key
            raise NotAnswered(self._trouble(error, question)) from None
        latency = monotonic() - began
        try:
            said = json.loads(answer.text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise not_an_answer()
        return read_answer(said, api, latency)

    def _trouble(self, error: Exception, question: Question) -> Trouble:
        """Return why a question was not answered, from what the SDK raised."""
        request = Request(f"let {question.model} answer", model=question.model)
        sentence = str(self._failure(error, request))
        match meaning_of(error):
            case "status":
                return trouble_of(_refusal(error, self._key), sentence)
            case "no_answer" if not was_reached(error):
                return Trouble("cannot be reached", sentence, Remedy.WAIT)
            case "no_answer" if timed_out(error):
                return Trouble("time-out", sentence, Remedy.AGAIN)
            case "no_answer":
                return Trouble("connection dropped", sentence, Remedy.AGAIN)
        return not_an_answer().trouble

    async def embed(self, model: str, texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        """Return one vector for each text, in their order."""
        request = Request("embed texts", model=model)
        answer = await self._asker.ask(
            request,
            lambda: self._client.embeddings.with_raw_response.create(
                model=model, input=list(texts), encoding_format="float"
            ),
        )
        vectors = read_embeddings(answer)
        if len(vectors) != len(texts):
            raise PlatformUnavailable(f"{self.profile.title} embedded {len(vectors)} of {len(texts)} texts.")
        return vectors

    async def has_model(self, model: str) -> bool:
        """Tell whether the platform lets this key ask `model`."""
        try:
            await self._asker.ask(
                Request("show a model", model=model), lambda: self._client.models.with_raw_response.retrieve(model)
            )
        except PlatformRejected as error:
            if error.code in {"not_found", "model_not_found"}:
                return False
            raise
        return True

    async def _one_job(self, request: Request, call: Callable[[str], Awaitable[Answer]], remote_id: str) -> RemoteJob:
        answer = await self._asker.ask(request, lambda: call(_checked(remote_id)))
        self._id_in(answer, request)
        return read_job(answer)

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
            answer = await self._asker.ask(Request(f"show the file {name}"), lambda: self._files.retrieve(file_id))

    def _failure(self, error: Exception, request: Request) -> PlatformError:
        match meaning_of(error):
            case "status":
                return refused(self.profile, request, _refusal(error, self._key))
            case "no_answer":
                return unreachable(self.profile, request, reached=was_reached(error), timed_out=timed_out(error))
            case "unreadable":
                return unreadable(self.profile, request)
            case "cut_short":
                return cut_short(self.profile, request)
        return not_genuine(self.profile)

    def _id_in(self, answer: JsonObject, request: Request) -> str:
        found = text(answer, "id")
        if found is None:
            raise unreadable(self.profile, request)
        return found


def meaning_of(error: Exception) -> Meaning:
    """Return what an exception named in MEANINGS, or derived from one there, says about the request."""
    return next(MEANINGS[kind] for kind in type(error).__mro__ if kind in MEANINGS)


def _http_client(profile: Profile) -> httpx2.AsyncClient:
    """Return a client on aiohttp. A platform on this machine is never asked through a proxy."""
    connections = CONNECTIONS + profile.max_concurrency
    is_here = urlsplit(profile.base_url).hostname in {"127.0.0.1", "::1", "localhost"}
    return openai.DefaultAioHttpClient(
        trust_env=not is_here,
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


def _checked(remote_id: str) -> str:
    """Return an id a person may have typed, once it is safe as a part of an address."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.:-]{0,255}", remote_id, re.ASCII):
        raise InvalidRequest(f"{remote_id!r} is no id of a platform (letters, digits and - _ . : only).")
    return remote_id


def _refusal(error: Exception, key: str) -> Refusal:
    assert isinstance(error, openai.APIStatusError)
    body = error.body if isinstance(error.body, dict) else {}
    return Refusal(
        status=error.status_code,
        message=scrub(text(body, "message") or "", key),
        code=text(body, "code"),
        kind=text(body, "type"),
        param=text(body, "param"),
        retry_after=retry_after(error.response.headers),
    )


PlatformOf = Callable[[str], tuple[Profile, Gateway]]
"""Returns profile and gateway of a platform; raises NotFound naming the nearest, InvalidRequest without its key."""
