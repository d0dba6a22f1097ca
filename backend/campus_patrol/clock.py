"""The one clock: every part of the server asks here what time it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

NOON = 12
_DAY = timedelta(days=1)


_standing: ContextVar[datetime | None] = ContextVar("standing", default=None)


def now() -> datetime:
    """Return the present instant, in UTC with its zone."""
    return _standing.get() or datetime.now(UTC)


@contextmanager
def standing_at(instant: datetime) -> Iterator[None]:
    """Let the clock stand still at an instant, in here only: for a made-up past, and for tests."""
    token = _standing.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _standing.reset(token)


def night_of(at: datetime, zone: ZoneInfo) -> date:
    """Name the night an instant belongs to, as the date of that night's evening in the school's zone.

    A round that starts at 23:30 ends after midnight, and the people who walked it call all of it one night;
    so the day changes at noon, when no school patrols.
    """
    local = at.astimezone(zone)
    return local.date() if local.hour >= NOON else local.date() - _DAY
