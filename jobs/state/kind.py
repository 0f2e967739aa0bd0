"""A kind of record: how its values are named, listed and written in Redis.

The kinds are listed in the wiring and handed to the store, which knows none of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter

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
    has_work: bool = False
    """Whether a record's id is also the id of a work item of its own."""
    sweep_entry: Callable[[T, float], SweepEntry | None] | None = None
    """From a record and the seconds until its next work item, the entry that sweeps read, or None to remove it."""
    adapter: TypeAdapter[T] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapter", TypeAdapter(self.type))

    def id_of(self, value: T) -> str:
        """Return the id of a record."""
        return str(getattr(value, self.id))

    def created_at(self, value: T) -> float | None:
        """Return when a record was created (unix seconds), or None if the server's clock decides."""
        return float(getattr(value, self.created)) if self.created else None


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
