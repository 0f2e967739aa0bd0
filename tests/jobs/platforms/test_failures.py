"""What goes wrong on the way to a platform, and the sentence that comes of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import openai
import openai._exceptions
import pytest

from jobs.core.errors import InvalidRequest, PlatformRejected, PlatformUnavailable
from jobs.platforms.client import meaning_of, meanings
from jobs.platforms.errors import Failure, Request, platform_error, scrub
from jobs.platforms.gateway import Gateway
from jobs.platforms.parse import JobSpec
from jobs.platforms.profiles import Profile
from tests.jobs.platforms.conftest import KEY, Naps
from tests.jobs.platforms.stand_in import Handler, Says, StandIn, babble, capture, drop, error, hang

JOBS = "/fine_tuning/jobs"

MISUSE = {
    "OpenAIError": "raised itself only where the client is set up wrongly",
    "SubjectTokenProviderError": "workload identity, which the gateway does not use",
    "_AmbiguousModuleClientUsageError": "the module-level client, which the gateway does not use",
    "APIRemovedInV1": "calls of the SDK before 1.0",
    "MutuallyExclusiveAuthError": "the SDK's own Azure client, which the gateway does not use",
    "MissingDependencyError": "an extra that is not installed",
    "StreamAlreadyConsumed": "streamed answers, which the gateway does not read",
    "AgentOutputParseError": "the SDK's agent helpers, which the gateway does not use",
    "AgentTurnResultError": "the same",
    "AgentFilePreparationError": "the same",
    "AgentFileStagingError": "the same",
}
"""SDK exceptions that mean a mistake in our code: they stay what they are, and the reason."""


def sdk_exceptions() -> Iterator[type[BaseException]]:
    for module in (openai, openai._exceptions):
        for found in vars(module).values():
            # the type is looked at, not the attribute's own word: asking the SDK's lazy modules would load them all
            if issubclass(type(found), type) and issubclass(found, BaseException):
                yield found
    waiting: list[type[BaseException]] = [openai.OpenAIError]
    while waiting:
        waiting.extend(below := waiting.pop().__subclasses__())
        yield from below


def test_every_exception_of_the_sdk_is_mapped() -> None:
    ours = [kind for kind in sdk_exceptions() if kind.__module__.startswith("openai") and kind.__name__ not in MISUSE]

    unmapped = {kind.__name__ for kind in ours if not any(known in kind.__mro__ for known in meanings())}

    assert not unmapped, "say in `meanings` what these mean, or in MISUSE why they are a bug"
    assert len(set(ours)) >= 17


HTTP = httpx2.Request("GET", "http://platform.test")


@pytest.mark.parametrize(
    ("broken", "kind", "words"),
    [
        (openai.ContentFilterFinishReasonError(), PlatformRejected, "cut its answer short"),
        (openai.InvalidWebhookSignatureError("bad"), PlatformRejected, "is not signed by it"),
        (openai.APIError("broken stream", HTTP, body=None), PlatformUnavailable, "not the fine-tuning API"),
    ],
)
def test_exceptions_of_calls_yet_to_come_have_a_sentence_already(
    broken: Exception, kind: type[Exception], words: str
) -> None:
    profile = Profile(name="openai", base_url="http://platform.test", title="OpenAI")
    error = platform_error(profile, Request("answer", "/models"), Failure(meaning_of(broken)))
    assert isinstance(error, kind)
    assert words in str(error)


def test_the_nearest_meaning_counts() -> None:
    assert meaning_of(openai.APITimeoutError(HTTP)) == "no_answer"
    assert meaning_of(openai.APIError("x", HTTP, body=None)) == "unreadable"


async def test_a_refused_connection_means_nothing_was_sent(profile: Profile, spec: JobSpec) -> None:
    closed = replace(profile, base_url="http://127.0.0.1:1/v1")

    async with Gateway(closed, KEY) as gateway:
        with pytest.raises(PlatformUnavailable, match=r"OpenAI cannot be reached at 127\.0\.0\.1:1") as caught:
            await gateway.create(spec)

    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "trouble", [drop, babble, error(500), error(503), error(408), Says("<html>bad gateway</html>", 502)]
)
async def test_a_lost_answer_leaves_open_whether_the_job_exists_and_it_is_sent_once(
    platform: StandIn, gateway: Gateway, spec: JobSpec, trouble: Handler
) -> None:
    platform.on(f"POST {JOBS}", trouble)

    with pytest.raises(PlatformUnavailable, match="not known yet") as caught:
        await gateway.create(spec)

    assert caught.value.outcome_unknown
    assert len(platform.asked(f"POST {JOBS}")) == 1


async def test_on_a_connection_that_was_used_before_a_job_is_sent_once_too(
    platform: StandIn, gateway: Gateway, spec: JobSpec
) -> None:
    platform.on("GET /models", Says({"data": []}))
    platform.on(f"POST {JOBS}", drop)
    await gateway.models()

    with pytest.raises(PlatformUnavailable) as caught:
        await gateway.create(spec)

    assert caught.value.outcome_unknown
    assert len(platform.asked(f"POST {JOBS}")) == 1


async def test_a_deadline_ends_a_create_without_answer(platform: StandIn, profile: Profile, spec: JobSpec) -> None:
    platform.on(f"POST {JOBS}", hang)

    async with Gateway(profile, KEY, answer_seconds=0.05) as gateway:
        with pytest.raises(PlatformUnavailable, match="did not answer in time when asked to create the job") as caught:
            await gateway.create(spec)

    assert caught.value.outcome_unknown


@pytest.mark.parametrize("nonsense", [Says("<html>Sign in</html>"), Says(["a list"]), Says({"no": "id"})])
async def test_an_answer_that_is_not_the_api_leaves_it_open_too(
    platform: StandIn, gateway: Gateway, spec: JobSpec, nonsense: Says
) -> None:
    platform.on(f"POST {JOBS}", nonsense)

    with pytest.raises(PlatformUnavailable, match="not the fine-tuning API") as caught:
        await gateway.create(spec)

    assert caught.value.outcome_unknown


async def test_a_busy_platform_did_not_take_the_job(platform: StandIn, gateway: Gateway, spec: JobSpec) -> None:
    platform.on(f"POST {JOBS}", error(429, code="rate_limit_exceeded", headers={"Retry-After": "7"}))

    with pytest.raises(PlatformUnavailable, match="it asks to wait 7 s") as caught:
        await gateway.create(spec)

    assert (caught.value.retry_after, caught.value.outcome_unknown) == (7.0, False)
    assert len(platform.seen) == 1


@pytest.mark.parametrize("headers", [{"Retry-After": "7"}, {"x-should-retry": "true"}])
async def test_a_conflict_that_passes_is_a_busy_platform(
    platform: StandIn, gateway: Gateway, spec: JobSpec, headers: dict[str, str]
) -> None:
    platform.on(f"POST {JOBS}", error(409, headers=headers))

    with pytest.raises(PlatformUnavailable, match="OpenAI is busy with something else") as caught:
        await gateway.create(spec)

    assert not caught.value.outcome_unknown


async def test_a_conflict_that_does_not_pass_is_a_refusal(platform: StandIn, gateway: Gateway) -> None:
    platform.on(f"POST {JOBS}/ftjob-1/pause", error(409, headers={"x-should-retry": "false"}))

    with pytest.raises(PlatformRejected):
        await gateway.pause("ftjob-1")


async def test_a_read_is_tried_again_after_the_time_the_platform_asks_for(
    platform: StandIn, gateway: Gateway, naps: Naps
) -> None:
    job = capture("rft_job_created.json")
    platform.on(f"GET {JOBS}/ftjob-1", error(429, headers={"Retry-After": "3"}), error(500), Says(job))

    assert (await gateway.job("ftjob-1")).id == job["id"]

    assert naps.seconds[0] == 3.0
    assert 0.5 < naps.seconds[1] < 1.5


async def test_reads_give_up_within_bounds(platform: StandIn, gateway: Gateway, naps: Naps) -> None:
    platform.on(f"GET {JOBS}/ftjob-1", error(500))

    with pytest.raises(PlatformUnavailable, match="a problem of its own") as caught:
        await gateway.job("ftjob-1")

    assert len(platform.seen) == 3
    assert len(naps.seconds) == 2
    assert not caught.value.outcome_unknown


async def test_a_long_wait_is_handed_to_the_next_poll(platform: StandIn, gateway: Gateway, naps: Naps) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=90)
    platform.on(f"GET {JOBS}/ftjob-1", error(503, headers={"Retry-After": soon.strftime("%a, %d %b %Y %H:%M:%S GMT")}))

    with pytest.raises(PlatformUnavailable) as caught:
        await gateway.job("ftjob-1")

    assert caught.value.retry_after is not None
    assert 30 < caught.value.retry_after <= 90
    assert naps.seconds == []


@pytest.mark.parametrize("header", ["", "soon", "-1", "0", "nan", "inf", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_that_says_nothing_is_not_obeyed(
    platform: StandIn, gateway: Gateway, spec: JobSpec, header: str
) -> None:
    platform.on(f"POST {JOBS}", error(429, headers={"Retry-After": header}))

    with pytest.raises(PlatformUnavailable, match="too many requests\\.") as caught:
        await gateway.create(spec)

    assert caught.value.retry_after is None


@pytest.mark.parametrize("code", ["credit_balance_exhausted", "insufficient_quota", "project_spend_limit_exceeded"])
async def test_a_limit_no_waiting_mends_is_not_tried_again(
    platform: StandIn, gateway: Gateway, naps: Naps, code: str
) -> None:
    platform.on(f"GET {JOBS}/ftjob-1", error(429, "You exceeded your quota.", type="insufficient_quota", code=code))

    with pytest.raises(PlatformRejected, match=f"out of credit or over its limit \\({code}\\)") as caught:
        await gateway.job("ftjob-1")

    assert caught.value.code == code
    assert len(platform.seen) == 1
    assert naps.seconds == []


async def test_the_end_of_training_is_said_with_its_date_and_what_else_is_possible(
    platform: StandIn, gateway: Gateway, spec: JobSpec
) -> None:
    platform.on(f"POST {JOBS}", error(403, "OpenAI is winding down ...", code="training_not_available"))

    with pytest.raises(PlatformRejected) as caught:
        await gateway.create(spec)

    assert caught.value.code == "training_not_available"
    assert str(caught.value) == (
        "OpenAI accepts no new training jobs from this organization (training_not_available). "
        "New jobs end for everybody on 2027-01-06. "
        "Launch on the local platform (platform=local), or set up Azure or Bedrock as a platform."
    )


@pytest.mark.parametrize(
    "refusal",
    [
        error(404, "The requested model does not exist.", code="model_not_found"),
        error(400, "Model o4-mini-2025-04-16 is not available for fine-tuning.", param="model"),
    ],
)
async def test_a_retired_model_is_said_with_its_date(
    platform: StandIn, gateway: Gateway, spec: JobSpec, refusal: Says
) -> None:
    platform.on(f"POST {JOBS}", refusal)

    with pytest.raises(PlatformRejected, match=r"o4-mini-2025-04-16 was shut down on OpenAI on 2026-10-23\. Launch on"):
        await gateway.create(replace(spec, model="o4-mini-2025-04-16"))


async def test_an_unknown_model_is_said_with_those_that_can_be_tuned(
    platform: StandIn, profile: Profile, spec: JobSpec
) -> None:
    platform.on(f"POST {JOBS}", error(404, "No such model.", code="model_not_found"))

    async with Gateway(replace(profile, models=("a", "b")), KEY) as gateway:
        with pytest.raises(PlatformRejected) as caught:
            await gateway.create(spec)

    assert str(caught.value) == (
        "OpenAI does not have some-model, or this key may not use it. It can tune: a, b. It says: No such model."
    )


async def test_any_other_refusal_is_passed_on_with_field_and_reason(
    platform: StandIn, gateway: Gateway, spec: JobSpec
) -> None:
    platform.on(f"POST {JOBS}", error(400, "n_epochs must be\nbetween 1 and 50. " + "x" * 500, param="n_epochs"))

    with pytest.raises(PlatformRejected) as caught:
        await gateway.create(spec)

    said = str(caught.value)
    assert said.startswith("OpenAI refused to create the job (HTTP 400) (field n_epochs): n_epochs must be between 1")
    assert len(said) < 400


@pytest.mark.parametrize("body", ["plain text", {"error": "a string"}, {"error": None}, {"detail": "Not allowed"}, []])
async def test_refusals_in_foreign_shapes_are_refusals(
    platform: StandIn, gateway: Gateway, spec: JobSpec, body: object
) -> None:
    platform.on(f"POST {JOBS}", Says(body, 422))

    with pytest.raises(PlatformRejected, match=r"refused to create the job \(HTTP 422\)"):
        await gateway.create(spec)


async def test_a_wrong_key_names_its_variable_and_shows_nothing_of_it(platform: StandIn, gateway: Gateway) -> None:
    platform.on("GET /models", error(401, "Incorrect API key provided: sk-stand*****cdef.", code="invalid_api_key"))

    with pytest.raises(PlatformRejected) as caught:
        await gateway.models()

    assert str(caught.value) == (
        "OpenAI does not accept the key it was given (HTTP 401). "
        "Put a valid key into OPENAI_API_KEY and restart the bot."
    )


async def test_a_key_that_the_platform_echoes_is_struck_out(platform: StandIn, gateway: Gateway) -> None:
    platform.on("GET /models", error(400, f"Header 'Authorization: Bearer {KEY}' or {KEY} or sk-proj-abcdefgh123"))

    with pytest.raises(PlatformRejected) as caught:
        await gateway.models()

    assert "Header 'Authorization: [secret] or [secret] or [secret]" in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("key", "words"), [("", "OPENAI_API_KEY is not set"), ("two words", "no key has"), ("kéy", "no")]
)
async def test_without_a_usable_key_nothing_is_asked(
    platform: StandIn, profile: Profile, spec: JobSpec, key: str, words: str
) -> None:
    async with Gateway(profile, key) as gateway:
        with pytest.raises(InvalidRequest, match=words):
            await gateway.create(spec)

    assert platform.seen == []


async def test_spaces_around_a_key_do_no_harm(platform: StandIn, profile: Profile) -> None:
    platform.on("GET /models", Says({"data": []}))

    async with Gateway(profile, f" {KEY}\n") as gateway:
        assert await gateway.models() == ()

    assert platform.seen[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "broken", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("slow"), httpx2.PoolTimeout("full")]
)
async def test_with_another_http_client_too_an_unmade_connection_sends_nothing(
    profile: Profile, spec: JobSpec, broken: httpx2.TransportError
) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise broken

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(refuse))
    async with Gateway(profile, KEY, http) as gateway:
        with pytest.raises(PlatformUnavailable, match="nothing was sent") as caught:
            await gateway.create(spec)

    assert not caught.value.outcome_unknown
    assert http.is_closed


@pytest.mark.parametrize(
    ("broken", "words"),
    [(httpx2.ReadError("reset"), "dropped the connection"), (httpx2.ReadTimeout("slow"), "in time")],
)
async def test_with_another_http_client_too_a_lost_answer_leaves_it_open(
    profile: Profile, spec: JobSpec, broken: httpx2.TransportError, words: str
) -> None:
    def lose(_: httpx2.Request) -> httpx2.Response:
        raise broken

    async with Gateway(profile, KEY, httpx2.AsyncClient(transport=httpx2.MockTransport(lose))) as gateway:
        with pytest.raises(PlatformUnavailable, match=words) as caught:
            await gateway.create(spec)

    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("the task-force is risk-free", "the task-force is risk-free"),
        ("key sk-proj-A1b2C3d4E5f6 ends", "key [secret] ends"),
        ("token xoxb-local-proctor", "token [secret]"),
        ("authorization: bearer abc.def", "authorization: [secret]"),
        ("the local platform", "the local platform"),
    ],
)
def test_keys_are_struck_out_and_words_are_not(text: str, kept: str) -> None:
    assert scrub(text, "local") == kept


@pytest.mark.parametrize(("address", "asks"), [("http://127.0.0.1:9/v1", False), ("https://platform.test/v1", True)])
async def test_a_platform_on_this_machine_is_never_asked_through_a_proxy(
    profile: Profile, address: str, asks: bool
) -> None:
    async with Gateway(replace(profile, base_url=address), KEY) as gateway:
        await gateway._client.sdk()
        assert gateway._client.http
        assert gateway._client.http.trust_env is asks
