"""Quiet hours on the clock: when they hold, and when they end.

A window is made of two instants, the start and the end on the wall clock of its day; so an hour that a change of clocks
repeats or leaves out cannot open it twice.
"""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from jobs.notifications.records import QuietHours

DAY: Final = timedelta(days=1)


def quiet_until(hours: QuietHours | None, now: float) -> float | None:
    """Return when the quiet hours that hold at `now` end, in unix seconds; None if none hold."""
    if hours is None:
        return None
    today = datetime.fromtimestamp(now, ZoneInfo(hours.zone)).date()
    for first in (today - DAY, today):
        end = instant(first if hours.start < hours.end else first + DAY, hours.end, hours.zone)
        if instant(first, hours.start, hours.zone) <= now < end:
            return end
    return None


def instant(day: date, minutes: int, zone: str) -> float:
    """Return the unix seconds of a local time, of its first occurrence; a skipped one counts as if it were not."""
    return datetime.combine(day, time(*divmod(minutes, 60)), ZoneInfo(zone)).timestamp()
