"""Reading a request's JSON key by key: a wrong type or a value out of range is a 400 that names the parameter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from local.platform.refusal import bad_request

JsonObject = Mapping[str, object]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object of a request; `at` is its own dotted name, empty for the request itself."""

    value: JsonObject
    at: str = ""

    def name(self, key: str) -> str:
        """Return the dotted name of the parameter `key`."""
        return f"{self.at}.{key}" if self.at else key

    def only(self, known: Iterable[str]) -> None:
        """Refuse any key that is not in `known`."""
        for key in self.value.keys() - set(known):
            raise bad_request(f"Unknown parameter: '{self.name(key)}'.", self.name(key), "unknown_parameter")

    def get(self, key: str) -> object:
        """Return the raw value of `key`; None where it is missing or null."""
        return self.value.get(key)

    def text(self, key: str, longest: int = 1_000_000) -> str | None:
        """Return the text under `key`, or None."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong(key, "a string")
        if not 1 <= len(value) <= longest:
            raise bad_request(f"'{self.name(key)}' must have 1 to {longest:,} characters.", self.name(key))
        return value

    def needed_text(self, key: str) -> str:
        """Return the text under `key`; refuse where there is none."""
        return self._needed(key, self.text(key))

    def number(self, key: str) -> float | None:
        """Return the number under `key`, or None."""
        value = self.value.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self._wrong(key, "a number")
        return value

    def integer(self, key: str, low: int, high: int) -> int | None:
        """Return the whole number under `key`, or None; refuse one outside `low` to `high`."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "an integer")
        if not low <= value <= high:
            raise bad_request(f"'{self.name(key)}' must be from {low:,} to {high:,}, not {value:,}.", self.name(key))
        return value

    def inner(self, key: str) -> "Body | None":
        """Return the object under `key`, or None."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(key, "an object")
        return Body(value, self.name(key))

    def needed_inner(self, key: str) -> "Body":
        """Return the object under `key`; refuse where there is none."""
        return self._needed(key, self.inner(key))

    def values(self, key: str) -> list[object] | None:
        """Return the list under `key`, or None."""
        value = self.value.get(key)
        if value is not None and not isinstance(value, list):
            raise self._wrong(key, "an array")
        return value

    def metadata(self) -> dict[str, str] | None:
        """Return `metadata`: at most 16 pairs of text, keys to 64 and values to 512 characters."""
        pairs = self.inner("metadata")
        if pairs is None:
            return None
        if len(pairs.value) > 16:
            raise bad_request("'metadata' may have at most 16 keys.", "metadata")
        return {key: _checked_pair(key, value) for key, value in pairs.value.items()}

    def _needed(self, key: str, value: T | None) -> T:
        if value is None:
            raise bad_request(
                f"Missing required parameter: '{self.name(key)}'.", self.name(key), "missing_required_parameter"
            )
        return value

    def _wrong(self, key: str, wanted: str) -> Exception:
        kind = type(self.value.get(key)).__name__
        return bad_request(
            f"Invalid type for '{self.name(key)}': expected {wanted}, but got {kind} instead.",
            self.name(key),
            "invalid_type",
        )


def _checked_pair(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise bad_request(f"'metadata.{key}' must be a string.", f"metadata.{key}", "invalid_type")
    if len(key) > 64 or len(value) > 512:
        raise bad_request("Keys of 'metadata' have at most 64 characters, values at most 512.", "metadata")
    return value
