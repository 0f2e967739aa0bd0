from datetime import UTC, datetime

import pytest

from jobs.core.errors import InvalidRequest
from jobs.notifications.parse import clock, local_date, read_clock, read_hours, read_span, read_until, read_zone


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("30m", 1800),
        ("2h", 7200),
        ("1.5h", 5400),
        ("3d", 259_200),
        ("2 hours", 7200),
        ("1D", 86_400),
        ("30d", 2_592_000),
    ],
)
def test_spans(typed: str, seconds: float) -> None:
    assert read_span(typed) == seconds


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("2", "no unit. Write it without a space: `for=2h`"),
        ("soon", "I cannot read `for=soon`"),
        ("2y", "a unit that I do not know"),
        ("2mo", "a unit that I do not know"),
        ("31d", "out of range: from one minute to 30 days"),
        ("0h", "out of range"),
        ("-2h", "I cannot read `for=-2h`"),
    ],
)
def test_what_is_no_span(typed: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says.replace("(", r"\(")):
        read_span(typed)


@pytest.mark.parametrize(("typed", "minutes"), [("00:00", 0), ("7:05", 425), ("18:00", 1080), ("23:59", 1439)])
def test_times_of_day(typed: str, minutes: int) -> None:
    assert read_clock(typed) == minutes
    assert clock(minutes) == typed.zfill(5)


@pytest.mark.parametrize("typed", ["25:00", "12:60", "6pm", "18", "18:0", "", "18:00:00"])
def test_what_is_no_time_of_day(typed: str) -> None:
    with pytest.raises(InvalidRequest, match=f"'{typed}' is not a time of day"):
        read_clock(typed)


@pytest.mark.parametrize("typed", ["22:00-07:00", "22:00\N{EN DASH}07:00", "22:00 - 07:00"])
def test_hours(typed: str) -> None:
    assert read_hours(typed) == (1320, 420)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("22:00", "'22:00' are no hours. Write from when to when"),
        ("22-7", "'22' is not a time of day"),
        ("25:00-07:00", "hours go from 00 to 23"),
        ("22:00-22:00", "begins when it ends"),
    ],
)
def test_what_are_no_hours(typed: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        read_hours(typed)


@pytest.mark.parametrize(
    ("typed", "zone", "comes"),
    [
        ("18:00", "UTC", "2026-03-28T18:00"),
        ("12:00", "UTC", "2026-03-29T12:00"),
        ("18:00", "Europe/Berlin", "2026-03-28T17:00"),
        ("09:00", "Europe/Berlin", "2026-03-29T07:00"),
    ],
)
def test_until_is_the_next_such_time(typed: str, zone: str, comes: str) -> None:
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert read_until(typed, zone, now.timestamp()) == datetime.fromisoformat(comes).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("typed", "zone"),
    [("Europe/Berlin", "Europe/Berlin"), ("asia/kolkata", "Asia/Kolkata"), ("utc", "UTC"), ("EST5EDT", "EST5EDT")],
)
def test_zones(typed: str, zone: str) -> None:
    assert read_zone(typed) == zone


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("America/NewYork", "America/New_York"),
        ("kolkata", "Asia/Kolkata"),
    ],
)
def test_an_unknown_zone_names_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(InvalidRequest, match=f"no time zone '{typed}'; did you mean '{meant}'"):
        read_zone(typed)


@pytest.mark.parametrize("typed", ["+02:00", "../etc/passwd", "Middle Earth"])
def test_a_zone_like_none_says_what_the_names_are(typed: str) -> None:
    with pytest.raises(InvalidRequest, match="names are those of the IANA time zones"):
        read_zone(typed)


@pytest.mark.parametrize("typed", ["GMT+1", "UTC-5", "utc+02:00", "Etc/GMT+15", "CEST", "BST", "PDT", "+1"])
def test_no_zone_of_another_offset_is_ever_proposed(typed: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_zone(typed)
    assert "did you mean" not in str(refused.value)


def test_the_date_is_the_zones() -> None:
    evening = datetime(2026, 3, 28, 23, 30, tzinfo=UTC).timestamp()
    assert local_date(evening, "UTC") == "2026-03-28"
    assert local_date(evening, "Asia/Kolkata") == "2026-03-29"
