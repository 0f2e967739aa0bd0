"""What every request goes through: its key, its JSON, and the API's shape of errors."""

import json
import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from local.platform.body import Body
from local.platform.names import fresh
from local.platform.refusal import Refusal, bad_request, too_many, unauthorized

_LOG = logging.getLogger(__name__)


async def read_body(request: web.Request) -> Body:
    """Return the JSON object that a request carries, or refuse with 400."""
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise bad_request("We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise bad_request("The body of your request must be a JSON object.")
    return Body(value)


@web.middleware
async def with_api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer in the API's shape whatever goes wrong, and name the request in `x-request-id`."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = _refused(refusal)
    except web.HTTPException as failure:
        response = _refused(_from_http(request, failure))
    except ConnectionError:
        raise  # the client is gone; there is nobody to answer
    except Exception:  # noqa: BLE001 - the boundary of the server: a bug is one 500, and its traceback is in the log
        _LOG.exception("%s %s failed", request.method, request.path)
        response = _refused(
            Refusal("The server had an error while processing your request.", status=500, type="server_error")
        )
    if not response.prepared:
        response.headers["x-request-id"] = fresh("req_")
    return response


@web.middleware
async def with_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request without a bearer key; any key will do here."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise unauthorized()
    return await handler(request)


def with_limit(most: int) -> Middleware:
    """Return the middleware that answers 429 while `most` requests are being answered."""
    under_way = 0

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal under_way
        if under_way >= most:
            raise too_many(f"Rate limit reached: {most} requests at a time.")
        under_way += 1
        try:
            return await handler(request)
        finally:
            under_way -= 1

    return middleware


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers)


def _from_http(request: web.Request, failure: web.HTTPException) -> Refusal:
    if failure.status == 404:
        return Refusal(f"Invalid URL ({request.method} {request.path})", status=404)
    if failure.status == 405:
        return Refusal(f"Not allowed to {request.method} on {request.path}.", status=405, code="method_not_supported")
    return Refusal(failure.reason, status=failure.status)
