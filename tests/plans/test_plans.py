"""A night's plan stays what it was, whatever becomes of routes and places later."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.patrols.models import Route, Stop
from campus_patrol.plans import rules, service
from campus_patrol.plans.models import Plan
from tests.conftest import SchoolForTest
from tests.phone import Phone

ZONE = "Asia/Shanghai"
NIGHT = date(2026, 11, 19)  # a Thursday


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of November 2026 in the school's zone, as UTC."""
    return datetime(2026, 11, day, hour - 8 if hour >= 8 else hour + 16, minute, tzinfo=UTC).replace(
        day=day if hour >= 8 else day - 1
    )


@pytest.fixture
def walked(app: Flask, school: SchoolForTest, phone: Phone) -> Callable[..., None]:
    """A route over two rooms, of which one was visited on the night of the 19th."""
    with app.app_context():
        use_school(school.id)
        route = Route(name="夜巡", start="23:00", window=60, weekdays=[1, 2, 3, 4, 5], questions=[], scope="")
        db.session.add(route)
        db.session.flush()
        db.session.add_all(
            Stop(route_id=route.id, place_id=school.places[number], position=i)
            for i, number in enumerate(("A101", "A102"))
        )
        db.session.commit()
    with clock.standing_at(local(19, 23, 30)):
        phone.write(phone.checkpoint(tag=school.codes["A101"], at=local(19, 23, 20)))
        phone.sync(device_time="2026-11-19T15:30:00Z")

    def change() -> None:
        with app.app_context():
            use_school(school.id)
            service.keep_past()
            added = Route(name="晚巡", start="20:00", window=30, weekdays=[4], questions=[], scope="")
            db.session.add(added)
            db.session.flush()
            db.session.add(Stop(route_id=added.id, place_id=school.places["A321"], position=0))
            db.session.commit()

    return change


def figures(staff, at: datetime) -> tuple[dict, list]:
    """What the night shows at an instant."""
    with clock.standing_at(at):
        shown = staff.get(f"/api/v1/nights/{NIGHT}").json
    names = ("planned", "done", "missed")
    return {name: shown["figures"][name] for name in names}, [
        (route["name"], route["done"], route["planned"], route["over"]) for route in shown["routes"]
    ]


def test_nothing_is_missed_before_the_routes_time_is_over(app, school, walked, as_role) -> None:
    with clock.standing_at(local(19, 22)):
        staff = as_role("admin")
    assert figures(staff, local(19, 23, 59)) == (
        {"planned": 2, "done": 1, "missed": 0},
        [("夜巡", 1, 2, False)],
    )
    assert figures(staff, local(20, 0, 1)) == ({"planned": 2, "done": 1, "missed": 1}, [("夜巡", 1, 2, True)])


def test_a_new_route_does_not_change_the_night_before(app, school, walked, as_role) -> None:
    morning = local(20, 9)
    with clock.standing_at(morning):
        staff = as_role("admin")
        before = figures(staff, morning)
        walked()
    assert figures(staff, morning) == before
    with clock.standing_at(morning):
        missed = staff.get(f"/api/v1/nights/{NIGHT}/missed").json["items"]
    assert [place["number"] for place in missed] == ["A102"]


def test_a_place_switched_off_in_the_morning_was_still_to_be_visited_that_night(
    app, school, walked, as_role
) -> None:
    morning = local(20, 9)
    with clock.standing_at(morning):
        staff = as_role("admin")
        before = figures(staff, morning)
        answer = staff.patch(f"/api/v1/places/{school.places['A102']}", json={"active": False})
        assert answer.status_code == 200, answer.json
    assert figures(staff, morning) == before


def test_keeping_the_past_twice_writes_it_once_and_never_tonight(app, school, walked) -> None:
    with clock.standing_at(local(20, 23)), app.app_context():
        use_school(school.id)
        service.keep_past()
        service.keep_past()
        assert [(plan.night, plan.name) for plan in db.session.scalars(db.select(Plan))] == [(NIGHT, "夜巡")]


def test_a_night_without_a_plan_stays_without_one(app, school, walked, as_role) -> None:
    with clock.standing_at(local(22, 9)), app.app_context():
        use_school(school.id)
        service.keep_past()
        assert service.planned(night=date(2026, 11, 21)) == []


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (local(20, 5, 59), date(2026, 11, 18)),
        (local(20, 6), date(2026, 11, 19)),
        (local(20, 23), date(2026, 11, 19)),
    ],
)
def test_a_night_is_over_at_six_the_next_morning(now: datetime, last: date) -> None:
    assert rules.last_finished(now, ZONE) == last


@pytest.mark.parametrize(
    ("start", "window", "ends"),
    [("23:30", 60, local(20, 0, 30)), ("16:30", 90, local(19, 18)), ("01:00", 30, local(20, 1, 30))],
)
def test_a_routes_window_may_end_after_midnight(start: str, window: int, ends: datetime) -> None:
    assert rules.window_ends(NIGHT, start, window, ZONE) == ends
