from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.notifications.parse import clock
from jobs.notifications.quiet_hours import instant, quiet_until
from jobs.notifications.records import QuietHours

NIGHT = ("22:00", "07:00")
LUNCH = ("12:00", "13:30")
SMALL = ("01:30", "02:30")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "UTC")


def hours(window: tuple[str, str], zone: str = "Europe/Berlin") -> QuietHours:
    start, end = (int(each[:2]) * 60 + int(each[3:]) for each in window)
    return QuietHours(start, end, zone, "U0ALICE")


def at(utc: str) -> float:
    """Return the unix seconds of a time in UTC."""
    return datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("window", "zone", "now", "ends"),
    [
        pytest.param(NIGHT, "Europe/Berlin", "2026-01-10T20:59:59", None, id="one second before"),
        pytest.param(NIGHT, "Europe/Berlin", "2026-01-10T21:00:00", "2026-01-11T06:00", id="as they begin"),
        pytest.param(NIGHT, "Europe/Berlin", "2026-01-11T03:00:00", "2026-01-11T06:00", id="after midnight"),
        pytest.param(NIGHT, "Europe/Berlin", "2026-01-11T06:00:00", None, id="as they end"),
        pytest.param(LUNCH, "Asia/Kolkata", "2026-05-05T07:00:00", "2026-05-05T08:00", id="half-hour zone"),
        pytest.param(LUNCH, "Asia/Kolkata", "2026-05-05T06:29:00", None, id="before noon in Kolkata"),
        pytest.param(NIGHT, "Europe/Berlin", "2026-03-28T22:00:00", "2026-03-29T05:00", id="night made shorter"),
        pytest.param(NIGHT, "Europe/Berlin", "2026-10-24T21:00:00", "2026-10-25T06:00", id="night made longer"),
        pytest.param(SMALL, "Europe/Berlin", "2026-03-29T00:45:00", "2026-03-29T01:30", id="an end that is left out"),
        pytest.param(SMALL, "Europe/Berlin", "2026-10-25T00:15:00", "2026-10-25T00:30", id="the first of two ends"),
        pytest.param(SMALL, "Europe/Berlin", "2026-10-25T01:15:00", None, id="the hour again: not twice"),
        pytest.param(NIGHT, "America/New_York", "2026-03-08T06:30:00", "2026-03-08T11:00", id="New York, spring"),
        pytest.param(NIGHT, "America/New_York", "2026-11-01T05:30:00", "2026-11-01T12:00", id="New York, autumn"),
    ],
)
def test_hours_hold_on_the_clock_of_their_zone(window: tuple[str, str], zone: str, now: str, ends: str | None) -> None:
    assert quiet_until(hours(window, zone), at(now)) == (at(ends) if ends else None)


minutes = st.integers(0, 24 * 60 - 1)
moments = st.integers(int(at("2026-01-01")), int(at("2027-12-31"))).map(float)


@given(start=minutes, end=minutes, zone=st.sampled_from(ZONES), now=moments)
@settings(deadline=None)
def test_hours_end_soon_and_are_over_then(start: int, end: int, zone: str, now: float) -> None:
    if start == end:
        return
    found = QuietHours(start, end, zone, "U0ALICE")
    ends = quiet_until(found, now)
    if ends is None:
        return
    assert now < ends <= now + 25 * 3600
    assert quiet_until(found, ends) is None
    assert quiet_until(found, ends - 1) == ends
    assert abs(ends - instant(datetime.fromtimestamp(ends, ZoneInfo(zone)).date(), end, zone)) < 1, clock(end)
