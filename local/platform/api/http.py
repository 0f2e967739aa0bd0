"""What every request goes through: its key, its limit, its JSON, the API's shape of errors and of lists."""

import logging
from collections.abc import Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from local.platform.errors import ApiError, rate_limited
from local.platform.ids import new_id
from local.platform.request_models import Parsed, parse

MOST_PER_PAGE = 10_000

_LOG = logging.getLogger(__name__)


async def read_body(request: web.Request, model: type[Parsed]) -> Parsed:
    """Return the JSON object of a request as a `model`, or refuse with 400."""
    return parse(model, await request.read())


def page(found: Sequence[dict[str, object]], query: Mapping[str, str], default: int = 20) -> web.Response:
    """Return the page of `found` that a request's `after` and `limit` ask for, or refuse them with 400."""
    limit, after = query.get("limit", str(default)), query.get("after")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= MOST_PER_PAGE:
        raise ApiError(f"'limit' must be a whole number from 1 to {MOST_PER_PAGE:,}.", "limit")
    ids = [one["id"] for one in found]
    if after is not None and after not in ids:
        raise ApiError(f"'after' names nothing in this list: {after}", "after")
    start = 0 if after is None else ids.index(after) + 1
    end = start + int(limit)
    shown = ids[start:end]
    return web.json_response(
        {
            "object": "list",
            "data": found[start:end],
            "first_id": shown[0] if shown else None,
            "last_id": shown[-1] if shown else None,
            "has_more": end < len(found),
        }
    )


@web.middleware
async def api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer in the API's shape whatever goes wrong, and name the request in `x-request-id`."""
    try:
        response = await handler(request)
    except ApiError as error:
        response = _error_response(error)
    except web.HTTPException as failure:
        response = _error_response(_from_aiohttp(request, failure))
    except ConnectionError:
        raise  # the client is gone; there is nobody to answer
    except Exception:  # noqa: BLE001 - the boundary of the server: a bug is one 500, and its traceback is in the log
        _LOG.exception("%s %s failed", request.method, request.path)
        said = "The server had an error while processing your request."
        response = _error_response(ApiError(said, status=500, type="server_error"))
    if not response.prepared:
        response.headers["x-request-id"] = new_id("req_")
    return response


@web.middleware
async def api_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request without a bearer key; any key will do here."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        said = "You didn't provide an API key. Send it in an Authorization header: Authorization: Bearer YOUR_KEY."
        raise ApiError(said, code="invalid_api_key", status=401)
    return await handler(request)


def concurrency_limit(most: int) -> Middleware:
    """Return the middleware that answers 429 while `most` requests are being answered."""
    under_way = 0

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal under_way
        if under_way >= most:
            raise rate_limited(f"Rate limit reached: {most} requests at a time.")
        under_way += 1
        try:
            return await handler(request)
        finally:
            under_way -= 1

    return middleware


def _error_response(error: ApiError) -> web.Response:
    return web.json_response(error.body, status=error.status, headers=error.headers)


def _from_aiohttp(request: web.Request, failure: web.HTTPException) -> ApiError:
    if failure.status == 404:
        return ApiError(f"Invalid URL ({request.method} {request.path})", status=404)
    if failure.status == 405:
        said = f"Not allowed to {request.method} on {request.path}."
        return ApiError(said, code="method_not_supported", status=405)
    return ApiError(failure.reason, status=failure.status)
