"""Requests, how they fail, and the sentence a person reads: what was refused, why, and what to do next.

Pure: it sees a status, a code and a message, never a client. A platform's words about a wrong key are
not quoted, and `scrub` strikes keys out of everything else it echoes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from jobs.core.errors import PlatformError, PlatformRejected, PlatformUnavailable
from jobs.platforms.profiles import INSTEAD, Profile

PERMANENT_LIMITS = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
    }
)
"""Codes of a 429 that no waiting mends; they come without Retry-After."""

_SECRET = re.compile(r"(?<![\w-])(?:sk|xox[a-z]|xapp)-[\w*.-]{8,}|Bearer\s+\S+", re.IGNORECASE)
_SHORTEST_KEY = 8
_LONGEST_QUOTE = 300


Meaning = Literal["refused", "no_answer", "unreadable", "cut_short", "not_genuine"]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the platform."""

    doing: str
    """Completes "The platform refused to ..."."""
    path: str
    """Below the platform's address."""
    method: Literal["GET", "POST", "DELETE"] = "GET"
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    file: tuple[str, bytes] | None = None
    """Name and content of a file to send."""
    once: bool = False
    """True where asking twice could do it twice: it is never repeated, and a lost answer leaves the outcome unknown."""
    model: str | None = None
    """The base model it is about, if any."""
    seconds: float | None = None
    """How long the answer may take; None for the usual time."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The platform's answer where it is not the one hoped for."""

    status: int
    """HTTP status, 300 or more."""
    message: str = ""
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    retry_after: float | None = None
    """Seconds."""
    asks_again: bool = False
    """The platform says (x-should-retry) that the same request may succeed later."""

    @property
    def is_busy(self) -> bool:
        """Whether a conflict (409) is one that passes, unlike that of a job in the wrong state."""
        return self.status == 409 and (self.asks_again or self.retry_after is not None)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one request brought no answer that can be used."""

    meaning: Meaning
    refusal: Refusal | None = None
    """Set where the meaning is `refused`."""
    reached: bool = True
    """False where no connection was made, so that nothing can have happened."""
    timed_out: bool = False
    """True where time ran out before an answer."""


class NoAnswer(Exception):
    """One request brought no answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.meaning)
        self.failure = failure


def platform_error(profile: Profile, request: Request, failure: Failure) -> PlatformError:
    """Return the error for a request that failed, with a sentence for the person."""
    if failure.refusal:
        return _refused(profile, request, failure.refusal)
    match failure.meaning:
        case "no_answer":
            return _unreachable(profile, request, failure)
        case "cut_short":
            return PlatformRejected(
                f"{profile.title} cut its answer short when asked to {request.doing}.", code="cut_short"
            )
        case "not_genuine":
            return PlatformRejected(
                f"A message that claims to come from {profile.title} is not signed by it; it was ignored. "
                "Check the webhook's secret.",
                code="invalid_signature",
            )
    return unreadable(profile, request)


def unreadable(profile: Profile, request: Request) -> PlatformUnavailable:
    """Return the error for an answer that is not the API's JSON."""
    return PlatformUnavailable(
        f"{profile.title} answered with something that is not the fine-tuning API when asked to {request.doing}. "
        f"Check that its address {_host(profile)} is right.",
        outcome_unknown=request.once,
    )


def scrub(text: str, secret: str = "") -> str:
    """Return `text` with everything that looks like a key struck out, and `secret` where it is long enough for one."""
    if len(secret) >= _SHORTEST_KEY:
        text = text.replace(secret, "[secret]")
    return _SECRET.sub("[secret]", text)


def _refused(profile: Profile, request: Request, refusal: Refusal) -> PlatformError:
    if refusal.status in {408, 429} or refusal.status >= 500 or refusal.is_busy:
        return _unavailable(profile, request, refusal)
    code = refusal.code or ("not_found" if refusal.status == 404 else refusal.kind)
    return PlatformRejected(_reason_for(profile, request, refusal), code=code)


def _unreachable(profile: Profile, request: Request, failure: Failure) -> PlatformUnavailable:
    if not failure.reached:
        return PlatformUnavailable(f"{profile.title} cannot be reached at {_host(profile)}; nothing was sent.")
    how = "did not answer in time" if failure.timed_out else "dropped the connection"
    return PlatformUnavailable(
        f"{profile.title} {how} when asked to {request.doing}.{_unknown(request)}", outcome_unknown=request.once
    )


def _unknown(request: Request) -> str:
    return " Whether it was done is not known yet." if request.once else ""


def _unavailable(profile: Profile, request: Request, refusal: Refusal) -> PlatformError:
    if refusal.status == 429 and {refusal.code, refusal.kind} & PERMANENT_LIMITS:
        code = refusal.code or refusal.kind
        return PlatformRejected(
            f"{profile.title} refused to {request.doing}: the account is out of credit or over its limit ({code}). "
            "Waiting does not help; raise the limit or add credit, then ask again.",
            code=code,
        )
    if refusal.status == 429 or refusal.is_busy:
        state = "is receiving too many requests" if refusal.status == 429 else "is busy with something else"
        wait = f"; it asks to wait {refusal.retry_after:.0f} s" if refusal.retry_after else ""
        return PlatformUnavailable(f"{profile.title} {state}{wait}.", retry_after=refusal.retry_after)
    problem = f"{profile.title} has a problem of its own (HTTP {refusal.status}) when asked to {request.doing}."
    return PlatformUnavailable(
        f"{problem}{_unknown(request)}",
        retry_after=refusal.retry_after,
        outcome_unknown=request.once,
    )


def _reason_for(profile: Profile, request: Request, refusal: Refusal) -> str:
    title, model = profile.title, request.model or "this model"
    if (refusal.param == "model" and model in profile.retired) or refusal.code == "model_not_found":
        if gone := profile.retired.get(model):
            return gone.sentence(model, title)
        known = f" It can tune: {', '.join(profile.models)}." if profile.models else ""
        return f"{title} does not have {model}, or this key may not use it.{known}{_quoted(refusal, ' It says: ')}"
    if refusal.code == "training_not_available":
        until = profile.accepts_new_jobs_until
        end = f" New jobs end for everybody on {until}." if until else ""
        return f"{title} accepts no new training jobs from this organization (training_not_available).{end} {INSTEAD}"
    if refusal.code == "invalid_api_key" or refusal.status == 401:
        where = f" Put a valid key into {profile.api_key_env} and restart the bot." if profile.api_key_env else ""
        return f"{title} does not accept the key it was given (HTTP 401).{where}"
    field = f" (field {refusal.param})" if refusal.param else ""
    return f"{title} refused to {request.doing} (HTTP {refusal.status}){field}{_quoted(refusal, ': ') or '.'}"


def _quoted(refusal: Refusal, lead: str) -> str:
    said = " ".join(refusal.message.split())
    if len(said) > _LONGEST_QUOTE:
        said = said[:_LONGEST_QUOTE].rstrip() + "…"
    return f"{lead}{said}" if said else ""


def _host(profile: Profile) -> str:
    return urlsplit(profile.base_url).netloc.rpartition("@")[2]
