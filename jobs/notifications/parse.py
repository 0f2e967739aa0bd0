"""Reads times as people type them: spans, hours of the day, zones. What cannot be read is answered in a sentence."""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from jobs.core.errors import InvalidRequest
from jobs.notifications.quiet_hours import instant

DEFAULT_SPAN: Final = 4 * 3600.0
SHORTEST_SPAN: Final = 60.0
LONGEST_SPAN: Final = 30 * 86400.0
SECONDS: Final = {"m": 60.0, "h": 3600.0, "d": 86400.0}
LONG_UNITS: Final = frozenset({"min", "mins", "minute", "minutes", "hr", "hrs", "hour", "hours", "day", "days"})
SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII)
OFFSET: Final = re.compile(r"[+-]\s*\d")
"""In what is typed as a zone: hours from Greenwich. IANA's own names of such zones count them the other way round."""
LONGEST_ABBREVIATION: Final = 4
CLOCK: Final = re.compile(r"\d{1,2}:\d{2}", re.ASCII)


def read_span(typed: str) -> float:
    """Return the seconds of a span such as `30m`, `2h` or `3d`; at most 30 days."""
    found = SPAN.fullmatch(typed.strip().lower())
    if found is None:
        raise InvalidRequest(f"I cannot read `for={typed}` as a span of time. Write `for=30m`, `for=2h` or `for=3d`.")
    count, unit = found.groups()
    if not unit:
        raise InvalidRequest(
            f"`for={typed}` has no unit. Write it without a space: `for={typed}h`, or with `m` or `d`."
        )
    if unit[0] not in SECONDS or (len(unit) > 1 and unit not in LONG_UNITS):
        raise InvalidRequest(f"`for={typed}` has a unit that I do not know. Use `m`, `h` or `d`, as in `for=2h`.")
    seconds = float(count) * SECONDS[unit[0]]
    if not SHORTEST_SPAN <= seconds <= LONGEST_SPAN:
        raise InvalidRequest(f"`for={typed}` is out of range: from one minute to 30 days, such as `for=2h`.")
    return seconds


def read_clock(typed: str) -> int:
    """Return the minutes after midnight of a time of day such as `18:00`, on the 24-hour clock."""
    if CLOCK.fullmatch(typed.strip()) is None:
        raise InvalidRequest(f"'{typed}' is not a time of day. Write hours and minutes on the 24-hour clock: `18:00`.")
    try:
        at = time.fromisoformat(typed.strip().zfill(5))
    except ValueError:
        raise InvalidRequest(
            f"'{typed}' is not a time of day: hours go from 00 to 23, minutes from 00 to 59."
        ) from None
    return at.hour * 60 + at.minute


def read_hours(typed: str) -> tuple[int, int]:
    """Return start and end, in minutes after midnight, of hours such as `22:00-07:00`."""
    start, dash, end = typed.replace("\N{EN DASH}", "-").replace("\N{EM DASH}", "-").partition("-")
    if not dash:
        raise InvalidRequest(f"'{typed}' are no hours. Write from when to when: `22:00-07:00`; or `off`.")
    first, last = read_clock(start), read_clock(end)
    if first == last:
        raise InvalidRequest(
            f"'{typed}' begins when it ends. To hear nothing for a while, use `/proctor mute for=1d`; for hours of "
            "each day, write `22:00-07:00`."
        )
    return first, last


def read_until(typed: str, zone: str, now: float) -> float:
    """Return the unix seconds of the next time that it is `18:00` on the clock of a zone."""
    minutes = read_clock(typed)
    today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    times = (instant(today + timedelta(days=ahead), minutes, zone) for ahead in range(3))
    return next(at for at in times if at > now)


def read_zone(typed: str) -> str:
    """Return the IANA name of a time zone, in whatever case it is typed."""
    zones = {zone.lower(): zone for zone in sorted(available_timezones())}
    name = typed.lower()
    if name in zones:
        return zones[name]
    place = None if OFFSET.search(typed) else _place_like(name, [zone for zone in zones.values() if "/" in zone])
    meant = (
        f"did you mean '{place}'?" if place else "the names are those of the IANA time zones, such as Europe/Berlin."
    )
    raise InvalidRequest(f"There is no time zone '{typed}'; {meant}")


def _place_like(typed: str, zones: Sequence[str]) -> str | None:
    """Return the zone whose place was probably meant; an abbreviation is like another of quite another offset."""
    places = {(zone if "/" in typed else zone.rpartition("/")[2]).lower(): zone for zone in reversed(zones)}
    known = [place for place, zone in places.items() if not zone.startswith("Etc/")]
    alike = 0.75 if len(typed) > LONGEST_ABBREVIATION else 1.0
    return next((places[each] for each in get_close_matches(typed.replace(" ", "_"), known, n=1, cutoff=alike)), None)


def clock(minutes: int) -> str:
    """Return minutes after midnight as `07:00`."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def local_date(at: float, zone: str) -> str:
    """Return the date in a zone, such as `2026-03-29`."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)).date().isoformat()
