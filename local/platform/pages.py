"""The API's lists: pages of `limit` objects after the one named by `after`."""

from collections.abc import Mapping, Sequence

from local.platform.refusal import bad_request

Found = Sequence[dict[str, object]]


def page(found: Found, query: Mapping[str, str], default: int = 20, most: int = 10_000) -> dict[str, object]:
    """Return the page of `found` that a request's `after` and `limit` ask for.

    Raises:
        Refusal: 400 for a limit that is no number, or an `after` that names nothing in the list.
    """
    limit = _limit(query.get("limit"), default, most)
    start = _start(found, query.get("after"))
    data = list(found[start : start + limit])
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": start + limit < len(found),
    }


def _limit(text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise bad_request(f"'limit' must be a whole number from 1 to {most:,}.", "limit")
    return int(text)


def _start(found: Found, after: str | None) -> int:
    if after is None:
        return 0
    for place, thing in enumerate(found):
        if thing["id"] == after:
            return place + 1
    raise bad_request(f"'after' names nothing in this list: {after}", "after")
