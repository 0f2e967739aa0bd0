"""A job's history, joined from pages."""

import pytest

from jobs.platforms.event_history import EventHistory
from jobs.platforms.parse import RemoteEvent


def event(name: str, at: float) -> RemoteEvent:
    return RemoteEvent(id=name, at=at, level="info", message="", kind="message")


A, B, C, D, E = (event(name, at) for at, name in enumerate("abcde", start=1))


def test_pages_end_where_the_known_event_has_been_passed() -> None:
    history = EventHistory("b")
    assert history.add([E, D])
    assert not history.add([C, B, A])
    assert history.new() == (C, D, E)


def test_one_more_page_is_read_where_the_known_event_ends_a_page() -> None:
    history = EventHistory("c")
    assert history.add([E, D, C])
    assert not history.add([B, A])
    assert history.new() == (D, E)


def test_swapped_neighbours_are_put_in_order_and_none_is_lost() -> None:
    history = EventHistory("b")
    assert not history.add([E, C, D, B, A])
    assert history.new() == (C, D, E)

    late = EventHistory("c")
    assert not late.add([E, C, D, B])
    assert late.new() == (D, E)


def test_an_event_listed_twice_comes_once() -> None:
    history = EventHistory(None)
    assert history.add([E, D, D, C])
    assert history.add([C, B])
    assert not history.add([C, B])
    assert history.new() == (B, C, D, E)


def test_a_listing_oldest_first_is_read_to_its_end() -> None:
    history = EventHistory("b")
    assert history.add([A, B, C])
    assert history.add([D, E])
    assert history.new() == (C, D, E)


@pytest.mark.parametrize("known", [None, "gone"])
def test_without_a_known_event_everything_is_new(known: str | None) -> None:
    history = EventHistory(known)
    assert history.add([B, A])
    assert history.new() == (A, B)


def test_events_of_one_second_keep_the_order_of_the_listing() -> None:
    history = EventHistory("x")
    history.add([event("z", 5), event("y", 5), event("x", 5), event("w", 4)])
    assert [found.id for found in history.new()] == ["y", "z"]


def test_nothing_listed_is_nothing_new() -> None:
    history = EventHistory("b")
    assert not history.add([])
    assert history.new() == ()


def test_the_newest_few_are_enough_where_they_are_listed_first() -> None:
    history = EventHistory(None, most=2)
    assert not history.add([E, D, C])
    oldest_first = EventHistory(None, most=2)
    assert oldest_first.add([A, B, C])
