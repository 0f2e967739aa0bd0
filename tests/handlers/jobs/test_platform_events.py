from dataclasses import replace

import pytest

from handlers.jobs.platform_events import LONGEST, MOST_IN_ALL, MOST_MESSAGES, platform_messages, read_wanted
from handlers.slack.blocks import MOST_TEXT
from jobs.core.errors import InvalidRequest
from jobs.platforms.parse import RemoteEvent
from tests.records import a_job


def an_event(number: int, message: str = "", level: str = "info") -> RemoteEvent:
    return RemoteEvent(f"ev-{number}", 1_000.0 + number, level, message or f"Step {number}/99", "message")


def texts(events: tuple[RemoteEvent, ...]) -> list[str]:
    *shown, last = platform_messages(a_job(), events).blocks
    assert last["type"] == "context"
    return [str(block["text"]["text"]) for block in shown]  # type: ignore[index] # a section's text object


def test_the_newest_comes_last_and_what_is_wrong_stands_out() -> None:
    (text,) = texts((an_event(1, "Created"), an_event(2, "a <grader>\nfailed", level="error"), an_event(3)))
    first, second, third = text.splitlines()
    assert first == "<!date^1001^{date_short_pretty} at {time}|unix time 1001>  Created"
    assert second.endswith("*Error* a &lt;grader&gt; failed")
    assert third.endswith("Step 3/99")


def test_no_message_is_cut_in_its_markup_however_long_they_all_are() -> None:
    shown = texts(tuple(an_event(n, "&" * 9_000) for n in range(MOST_MESSAGES)))
    assert all(len(text) <= MOST_TEXT for text in shown)
    assert sum(map(len, shown)) <= MOST_IN_ALL
    lines = "\n".join(shown).splitlines()
    assert len(lines) == 4
    assert all(line.endswith("&amp;" * (LONGEST - 1) + "\u2026") for line in lines)
    assert lines[-1].startswith(f"<!date^{1_000 + MOST_MESSAGES - 1}^")


def test_short_messages_share_a_block() -> None:
    (text,) = texts(tuple(an_event(n) for n in range(20)))
    assert len(text.splitlines()) == 20


def test_it_is_said_whether_these_are_all() -> None:
    few, many = (tuple(an_event(n) for n in range(count)) for count in (3, MOST_MESSAGES))
    assert "Everything local has said about" in str(platform_messages(a_job(), few).blocks[-1])
    assert f"The newest {MOST_MESSAGES} of what local has said" in str(platform_messages(a_job(), many).blocks[-1])


def test_nothing_said_and_nothing_in_words_are_said_so() -> None:
    assert platform_messages(a_job(), ()).text == "local has said nothing about `rft-abc234` yet."
    (text,) = texts((replace(an_event(1), message="", kind="metrics"),))
    assert text.endswith("(metrics, no words)")


EVENTS = (
    an_event(1, "Created"),
    replace(an_event(2, "slow", level="warning"), data={"step": 85}),
    replace(an_event(3, "Step 85/99"), kind="metrics"),
    an_event(4, "the grader broke at step 90", level="error"),
    replace(an_event(5, "no words for it", level="loud"), data={"step": "x"}),
)


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ({"level": "info"}, [1, 2, 3, 4, 5]),
        ({"level": "warn"}, [2, 4]),
        ({"level": "ERROR"}, [4]),
        ({"type": "metrics"}, [3]),
        ({"step": "85"}, [2, 3]),
        ({"step": "86-90"}, [4]),
        ({"step": "85-90", "level": "warn", "type": "message"}, [2, 4]),
    ],
)
def test_messages_are_filtered_by_level_type_and_step(given: dict[str, str], numbers: list[int]) -> None:
    wanted = read_wanted(given)
    assert [int(event.id[3:]) for event in EVENTS if wanted.includes(event)] == numbers
    shown = platform_messages(a_job(), EVENTS, wanted)
    assert f"{len(numbers)} message" in shown.text
    assert "that matches, the newest last" in str(shown.blocks[-1])


def test_where_none_is_like_that_the_types_are_said() -> None:
    shown = platform_messages(a_job(), EVENTS, read_wanted({"type": "checkpoint"}))
    assert shown.text == "None of the newest 5 messages on `rft-abc234` matches; their types are message, metrics."


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"level": "wrn"}, "did you mean 'warn'"),
        ({"step": "x"}, "a range such as"),
        ({"step": "80-70"}, "^80-70 runs backwards; write 70-80.$"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_in_words(given: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        read_wanted(given)
