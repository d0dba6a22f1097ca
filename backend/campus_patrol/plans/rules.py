"""Pure decisions about when a night and its routes are over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# When no school patrols any more: from here on, what the night was meant to be may not change.
MORNING = time(6)
NOON = time(12)


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """A route on one night: ``start`` is HH:MM in the school's zone, ``window`` minutes, places in walking order."""

    id: str
    name: str
    start: str
    window: int
    places: Sequence[str]


def morning_after(night: date, zone: str) -> datetime:
    """Return when a night is over for good: six the next morning, in the school's zone."""
    return datetime.combine(night + timedelta(days=1), MORNING, ZoneInfo(zone))


def last_finished(now: datetime, zone: str) -> date:
    """Name the latest night that is over for good."""
    local = now.astimezone(ZoneInfo(zone))
    days = 1 if local.time() >= MORNING else 2
    return local.date() - timedelta(days=days)


def window_ends(night: date, start: str, window: int, zone: str) -> datetime:
    """Return when a route's window ends; a start before noon is after the midnight of the night."""
    hours, minutes = map(int, start.split(":"))
    begins = time(hours, minutes)
    day = night if begins >= NOON else night + timedelta(days=1)
    return datetime.combine(day, begins, ZoneInfo(zone)) + timedelta(minutes=window)
