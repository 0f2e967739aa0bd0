"""Quiet hours on the clock: when they hold, and when they end.

A window is made of two instants, the start and the end on the wall clock of its day; so an hour that a change of clocks
repeats or leaves out cannot open it twice.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from jobs.notifications.records import QuietHours

DAY: Final = timedelta(days=1)


def quiet_until(hours: QuietHours | None, now: float) -> float | None:
    """Return when the quiet hours that hold at `now` end, in unix seconds; None where none hold."""
    if hours is None:
        return None
    today = datetime.fromtimestamp(now, ZoneInfo(hours.zone)).date()
    for day in (today - DAY, today):
        start, end = _window(hours, day)
        if start <= now < end:
            return end
    return None


def instant(day: date, minutes: int, zone: str) -> float:
    """Return the unix seconds of a local time, of its first occurrence; a skipped one counts as if it were not."""
    local = datetime.combine(day, time(*divmod(minutes, 60)), ZoneInfo(zone))
    return local.astimezone(UTC).timestamp()


def _window(hours: QuietHours, day: date) -> tuple[float, float]:
    last = day if hours.start < hours.end else day + DAY
    return instant(day, hours.start, hours.zone), instant(last, hours.end, hours.zone)
