"""Looking a record up as people name it: by its id, or by enough of its beginning."""

from typing import Final, TypeVar

from jobs.core.errors import NotFound
from jobs.core.nearest import ALIKE_IDS, nearest
from jobs.state.change import Versioned
from jobs.state.store import Store

T = TypeVar("T")

NEWEST: Final = 200
"""Records whose ids are compared with what was typed."""


async def find(store: Store, kind: type[T], reference: str, *, prefix: str, noun: str) -> Versioned[T]:
    """Return the record that a person means.

    Args:
        store: where it is kept.
        kind: its type.
        reference: its id, or enough of its beginning, with or without the prefix.
        prefix: with which every id of the kind begins.
        noun: what people call such a record.

    Raises:
        NotFound: no record, or more than one, is called so.
    """
    exact = await store.record(kind, reference)
    if exact:
        return exact
    known = await store.ids(kind, NEWEST)
    letters = reference.lower().removeprefix(prefix)
    matching = [each for each in known if letters and each.startswith(f"{prefix}{letters}")]
    if len(matching) > 1:
        raise NotFound(f"{len(matching)} {noun}s begin with '{reference}': {', '.join(matching[:5])}.")
    found = await store.record(kind, matching[0]) if matching else None
    if found is None:
        raise NotFound(f"There is no {noun} '{reference}'; {nearest(reference, known, alike=ALIKE_IDS)}")
    return found
