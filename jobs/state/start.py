"""Writing down what a person asked to start, a job or an eval: once, however often the request arrives."""

from collections.abc import Callable
from dataclasses import Field, replace
from typing import Any, ClassVar, Protocol, TypeVar

from jobs.core.ids import short_id
from jobs.state.change import RETYPED, Change, Once, Versioned, typed_key
from jobs.state.store import AlreadyTaken, Store, VersionConflict
from jobs.trail.entry import AuditEntry


class Request(Protocol):
    """What a person asked for."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def trigger(self) -> str:
        """Unique per invocation."""
        ...


class Startable(Protocol):
    """A record that comes of a request and has an id made from the request's trigger."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def request(self) -> Request:
        """What was asked for."""
        ...


T = TypeVar("T", bound=Startable)


async def start(
    store: Store,
    new: T,
    *,
    prefix: str,
    asked: Request,
    was_refused: Callable[[T], bool],
    entry: Callable[[T], AuditEntry],
) -> T:
    """Write a new record down with its first work item, due at once, and return it.

    The same trigger returns the record that it led to before.

    Args:
        store: where records are kept.
        new: the record.
        prefix: of the ids of its kind.
        asked: the request as it was made.
        was_refused: tells whether a record ended before it began.
        entry: what the audit trail says of the record.

    Raises:
        AlreadyTaken: the same person made the same request within the last seconds; names what that led to.
    """
    key = typed_key(replace(asked, trigger=""))
    while True:
        once = Once(key, new.id, RETYPED)
        try:
            await store.commit(Change(records=(Versioned(new, 0),), due_in=0, once=once, audit=(entry(new),)))
        except VersionConflict:
            held = await store.record(type(new), new.id)
            assert held is not None, "a conflict at version 0 means that the record exists"
            if held.value.request.trigger == asked.trigger:
                return held.value
            new = replace(new, id=short_id(prefix, f"{new.id} {asked.trigger}"))  # the short id is another request's
        except AlreadyTaken as taken:
            held = await store.record(type(new), taken.holder)
            if held is None or not was_refused(held.value):
                raise
            # Asking again after a refusal is deliberate; the next request after that is guarded as well.
            key = f"{key}:{taken.holder}"
        else:
            return new
