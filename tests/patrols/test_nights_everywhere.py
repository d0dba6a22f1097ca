"""A record counts in the night it was made in, by the school's clock, wherever phone and server think they are."""

import json
import random
import subprocess
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.patrols.models import Checkpoint
from campus_patrol.people.models import School
from tests.phone import Phone

HERE = Path(__file__).parent
# Summer time at odd hours and by half an hour, offsets that are no whole hours, a date left out, the date line.
ZONES = (
    "Asia/Shanghai",
    "Asia/Urumqi",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Lisbon",
    "UTC",
)
# 1988: China had summer time. 2011: Samoa had no 30 December. 2018: Brazil's clocks changed at midnight.
YEARS = (1988, 2011, 2018, 2024, 2026)


def instants(zone: str, luck: random.Random) -> list[datetime]:
    """Pick instants of these years: any, around local midnights and noons, and around every change of the clock."""
    local, found = ZoneInfo(zone), []
    for year in YEARS:
        first = datetime(year, 1, 1, tzinfo=UTC)
        hours = [first + timedelta(hours=h) for h in range(366 * 24)]
        changes = [b for a, b in pairwise(hours) if _offset(a, local) != _offset(b, local)]
        found += [first + timedelta(seconds=luck.randrange(366 * 86400)) for _ in range(40)]
        for day in [luck.randrange(366) for _ in range(20)] + [
            (at - first).days + d for at in changes for d in (-1, 0, 1)
        ]:
            for hour in (0, 12):
                edge = datetime(year, 1, 1, hour, tzinfo=local) + timedelta(days=day)
                found += [edge.astimezone(UTC) + timedelta(milliseconds=ms) for ms in (-1, 0, 1)]
        found += [at + timedelta(minutes=m) for at in changes for m in range(-90, 91, 15)]
    return found


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def test_phone_and_server_name_the_same_night_in_every_zone_at_every_edge() -> None:
    """The phone asks the browser's own calendar, the server its own: neither can be wrong without the other."""
    luck = random.Random(22)
    asked = [(at, zone) for zone in ZONES for at in instants(zone, luck)]
    done = subprocess.run(
        ["node", HERE / "nights.mjs"],
        input=json.dumps([(round(at.timestamp() * 1000), zone) for at, zone in asked]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert len(said) == len(asked) > 10_000
    differ = [
        (zone, at.isoformat(), phone, clock.night_of(at, ZoneInfo(zone)).isoformat())
        for (at, zone), phone in zip(asked, said, strict=True)
        if phone != clock.night_of(at, ZoneInfo(zone)).isoformat()
    ]
    assert differ == []


@pytest.mark.parametrize(
    ("zone", "at", "night"),
    [
        ("Asia/Shanghai", "2026-11-22T15:59:59Z", "2026-11-22"),
        ("Asia/Shanghai", "2026-11-22T16:00:00Z", "2026-11-22"),
        ("Asia/Shanghai", "2026-11-23T03:59:59Z", "2026-11-22"),
        ("Asia/Shanghai", "2026-11-23T04:00:00Z", "2026-11-23"),
        ("Asia/Urumqi", "2026-11-23T05:59:59Z", "2026-11-22"),
        # The hour that came twice, and the one that never came.
        ("America/New_York", "2026-11-01T05:30:00Z", "2026-10-31"),
        ("America/New_York", "2026-11-01T06:30:00Z", "2026-10-31"),
        ("America/New_York", "2026-11-01T16:59:59Z", "2026-10-31"),
        ("America/New_York", "2026-11-01T17:00:00Z", "2026-11-01"),
        ("America/New_York", "2026-03-08T15:59:59Z", "2026-03-07"),
        ("America/New_York", "2026-03-08T16:00:00Z", "2026-03-08"),
    ],
)
def test_a_night_runs_from_noon_to_noon_by_the_wall_clock(zone: str, at: str, night: str) -> None:
    """Worked out by hand."""
    assert clock.night_of(datetime.fromisoformat(at), ZoneInfo(zone)) == date.fromisoformat(night)


@pytest.mark.parametrize("offset", [-720, -600, 0, 330, 480, 840])
def test_the_zone_a_phone_is_set_to_does_not_move_a_record_to_another_night(
    app, school, phone: Phone, offset: int
) -> None:
    with app.app_context():
        use_school(school.id)
        zone = db.session.get_one(School, school.id).zone
    at = datetime(2026, 3, 7, 23, 30, tzinfo=ZoneInfo(zone))
    phone.write(phone.checkpoint(tag=school.codes["A101"], at=at, zone=offset))
    phone.write(phone.checkpoint(tag=school.codes["A102"], at=at + timedelta(hours=1), zone=offset))
    assert phone.sync()["quarantined"] == []
    with app.app_context():
        use_school(school.id)
        assert db.session.scalars(select(Checkpoint.night)).all() == [date(2026, 3, 7)] * 2
