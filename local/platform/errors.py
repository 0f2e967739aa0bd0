"""The API's errors: `{"error": {message, type, param, code}}` with an HTTP status."""

from collections.abc import Mapping


class ApiError(Exception):
    """A request that is refused.

    Args:
        message: one sentence: what is wrong and what would be right.
        param: the request's parameter at fault, in dotted spelling.
        code: the API's short name of the fault.
        status: the HTTP status.
        type: the API's class of faults.
        headers: extra response headers.
    """

    def __init__(
        self,
        message: str,
        param: str | None = None,
        code: str | None = None,
        *,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - the API's own word
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers
        self.body = {"error": {"message": message, "type": type, "param": param, "code": code}}


def model_not_found(model: str) -> ApiError:
    """Return the 404 for a model that does not exist, or no longer exists."""
    return ApiError(f"The requested model '{model}' does not exist.", "model", "model_not_found", status=404)


def rate_limited(message: str) -> ApiError:
    """Return the 429 that asks the client to try again in a second."""
    return ApiError(
        message, code="rate_limit_exceeded", status=429, type="rate_limit_error", headers={"retry-after": "1"}
    )
