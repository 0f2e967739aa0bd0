"""A kind of record: how its values are named, listed, read and written in Redis.

The kinds are listed in the wiring and handed to the store, which knows none of them. Bots of two versions may share one
Redis: what a newer one wrote is either read without the fields that are unknown here, and written back with them, or
reported as unreadable.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from jobs.core.errors import UnreadableRecord
from jobs.state.sweep_entry import SweepEntry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of record. Its name and the names of its fields are stored: renaming the class changes no data."""

    type: type[T]
    name: str
    """Keys are `<name>:<id>`."""
    id: str
    """The field that holds a record's id."""
    index: str
    """The sorted set of its ids, by creation time."""
    created: str | None = None
    """The field with the creation time (unix seconds); None takes the server's clock."""
    also: str | None = None
    """Another field by whose value a record is found; kept in the hash `also:<name>`."""
    has_work: bool = False
    """Whether a record's id is also the id of a work item of its own."""
    sweep_entry: Callable[[T, float], SweepEntry | None] | None = None
    """From a record and the seconds until its next work item, the entry that sweeps read, or None to remove it."""
    pool: Callable[[T], str] | None = None
    """The pool of a record's work item; None if it follows from the item's kind."""
    adapter: TypeAdapter[T] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapter", TypeAdapter(self.type))

    def id_of(self, value: T) -> str:
        """Return the id of a record."""
        return str(getattr(value, self.id))

    def key_of(self, record_id: str) -> str:
        """Return the key of a record, without the prefix of all keys."""
        return f"{self.name}:{record_id}"

    def created_at(self, value: T) -> float | None:
        """Return when a record was created (unix seconds), or None if the server's clock decides."""
        return float(getattr(value, self.created)) if self.created else None

    def read(self, record_id: str, text: str) -> T:
        """Return the record that was stored as `text`; raises UnreadableRecord."""
        return readable(self.adapter, self.key_of(record_id), text)

    def write(self, value: T, replaced: str | None) -> str:
        """Return a record as it is stored, with the fields that are unknown here of the text that it replaces."""
        if replaced is None:
            return self.adapter.dump_json(value).decode()
        stored = json.loads(replaced)
        known = self.adapter.dump_python(self.adapter.validate_json(replaced), mode="json")
        if stored == known:
            return self.adapter.dump_json(value).decode()
        return json.dumps(_with_unknown(self.adapter.dump_python(value, mode="json"), stored, known))


class Kinds:
    """The kinds of record that a store holds, by type.

    Raises:
        ValueError: two kinds share a name or a type.
    """

    def __init__(self, *kinds: Kind[Any]) -> None:
        self._by_type: Final = {kind.type: kind for kind in kinds}
        if len({kind.name for kind in kinds}) != len(kinds) or len(self._by_type) != len(kinds):
            raise ValueError("two kinds of record share a name or a type")

    def __iter__(self) -> Iterator[Kind[Any]]:
        return iter(self._by_type.values())

    def of_type(self, type_: type[T]) -> Kind[T]:
        """Return the kind of a type of record."""
        return self._by_type[type_]

    def of(self, value: T) -> Kind[T]:
        """Return the kind of a record."""
        return self._by_type[type(value)]


def readable(adapter: TypeAdapter[T], key: str, text: str) -> T:
    """Return what was stored under a key; raises UnreadableRecord."""
    try:
        return adapter.validate_json(text)
    except ValidationError as failure:
        raise UnreadableRecord(key) from failure


def _with_unknown(new: Any, stored: Any, known: Any) -> Any:
    """Return JSON with the fields of what it replaces that are unknown here.

    Args:
        new: what is to be written.
        stored: what it replaces.
        known: how `stored` reads here, without its unknown fields.
    """
    match new, stored, known:
        case dict(), dict(), dict():
            kept = {name: _with_unknown(each, stored.get(name), known.get(name)) for name, each in new.items()}
            return kept | {name: each for name, each in stored.items() if name not in known}
        case list(), list(), list():
            pairs = tuple(zip(stored, known, strict=False))
            return [_with_unknown(each, *_counterpart(each, place, pairs)) for place, each in enumerate(new)]
        case _:
            return new


def _counterpart(item: Any, place: int, pairs: tuple[tuple[Any, Any], ...]) -> tuple[Any, Any]:
    """Return the item of a list that this one replaces: an equal one, or one in the same place that is named alike."""
    for pair in pairs:
        if pair[1] == item:
            return pair
    pair = pairs[place] if place < len(pairs) else (None, None)
    return pair if _name_of(pair[1]) == _name_of(item) else (None, None)


def _name_of(item: Any) -> object:
    """Return the first field of a nested record, by which it is told from others."""
    return next(iter(item.items()), None) if isinstance(item, dict) else None
