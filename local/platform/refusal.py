"""How this API says no: `{"error": {message, type, param, code}}` with an HTTP status."""

from collections.abc import Mapping


class Refusal(Exception):
    """A request that is not carried out; its text is the error's message.

    Args:
        message: one sentence: what is wrong and what would be right.
        status: the HTTP status.
        param: the request's parameter at fault, in dotted spelling.
        code: the API's short name of the fault.
        type: the API's class of faults.
        headers: extra response headers.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        type: str = "invalid_request_error",  # noqa: A002 - the API's own word
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code, self.type = message, status, param, code, type
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """Return the response's JSON."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """Return a 400 that names the parameter at fault."""
    return Refusal(message, param=param, code=code)


def unauthorized() -> Refusal:
    """Return the 401 for a request without a key."""
    return Refusal(
        "You didn't provide an API key. Send it in an Authorization header: Authorization: Bearer YOUR_KEY.",
        status=401,
        code="invalid_api_key",
    )


def no_such_file(file_id: str) -> Refusal:
    """Return the 404 for a file that does not exist."""
    return Refusal(f"No such File object: {file_id}", status=404, param="id")


def no_such_job(job_id: str) -> Refusal:
    """Return the 404 for a job that does not exist."""
    return Refusal(f"Could not find fine tune: {job_id}", status=404, param="fine_tune_id", code="fine_tune_not_found")


def no_such_model(model: str) -> Refusal:
    """Return the 404 for a model that does not exist, or no longer."""
    return Refusal(f"The requested model '{model}' does not exist.", status=404, param="model", code="model_not_found")


def wrong_state(job_id: str, status: str, verb: str) -> Refusal:
    """Return the 409 for a job that is past doing what was asked; clients are told not to try again."""
    return Refusal(
        f"Job {job_id} is {status} and cannot be {verb}.",
        status=409,
        code="job_state_conflict",
        headers={"x-should-retry": "false"},
    )


def too_many(message: str) -> Refusal:
    """Return the 429 that asks to try again in a second."""
    return Refusal(
        message, status=429, code="rate_limit_exceeded", type="rate_limit_error", headers={"retry-after": "1"}
    )
