"""Two digits on some doors, another each week: asked for at one door of a round that nobody knows before."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from campus_patrol import clock
from campus_patrol.database import db, new_id, use_school
from campus_patrol.patrols.models import Route, Stop
from campus_patrol.people.models import School
from campus_patrol.places.rules import asked_at, choice_key, figure, week_of
from tests.conftest import SchoolForTest
from tests.phone import Phone

KEY = "ab" * 32
ROOMS = ("A101", "A102", "A321")


@pytest.fixture
def route(app: Flask, staff: FlaskClient, school: SchoolForTest) -> str:
    """A route past three doors with figures."""
    for number in ROOMS:
        answer = staff.patch(f"/api/v1/places/{school.places[number]}", json={"door_figure": True})
        assert (answer.status_code, answer.json["door_figure"]) == (200, True)
    with app.app_context():
        use_school(school.id)
        made = Route(name="夜巡", start="23:30", window=60, weekdays=[1, 2, 3, 4, 5], questions=[], scope="")
        db.session.add(made)
        db.session.flush()
        for position, place in enumerate(school.places.values()):
            db.session.add(Stop(route_id=made.id, place_id=place, position=position))
        db.session.commit()
        return made.id


def shown(staff: FlaskClient) -> dict[str, str]:
    """This week's digits by the place's id, as the desk lists them."""
    return {item["id"]: item["now"] for item in staff.get("/api/v1/figures").json["items"]}


def tonight() -> date:
    return clock.night_of(clock.now(), ZoneInfo("Asia/Shanghai"))


def chosen(phone: Phone, route: str, school: SchoolForTest) -> str:
    """Where the phone asks, by what it knows from its pack, written down once more from the protocol."""
    pack = phone.client.get("/api/v1/pack", headers=phone.headers()).json
    with_figure = {place["id"] for place in pack["places"] if place["door_figure"]}
    assert with_figure == {school.places[number] for number in ROOMS}
    (stops,) = [one["stops"] for one in pack["routes"] if one["id"] == route]
    ranked = {
        hashlib.sha256(
            "\0".join((pack["choice_key"], phone.device["id"], tonight().isoformat(), route, place)).encode()
        ).hexdigest(): place
        for place in stops
        if place in with_figure
    }
    return ranked[min(ranked)]


def came(phone: Phone, school: SchoolForTest, route: str, place: str, **data: object) -> None:
    code = next(school.codes[number] for number, name in school.places.items() if name == place)
    line = phone.checkpoint(tag=code, place=place, route=route)
    line["data"] |= data
    phone.write(line)


def doubts(staff: FlaskClient) -> list[tuple[str, dict]]:
    items = staff.get("/api/v1/checkpoints").json["items"]
    return sorted((doubt["kind"], doubt["params"]) for item in items for doubt in item["doubts"])


def test_the_right_figure_is_no_doubt_and_a_wrong_one_is(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, route: str
):
    place = chosen(phone, route, school)
    right = shown(staff)[place]
    came(phone, school, route, place, figure=right)
    phone.sync()
    assert doubts(staff) == []
    wrong = f"{(int(right) + 1) % 100:02d}"
    came(phone, school, route, place, figure=wrong)
    assert phone.sync()["quarantined"] == []
    assert doubts(staff) == [("figure_wrong", {"said": wrong})]


def test_where_a_phone_must_ask_silence_is_a_doubt_and_elsewhere_it_is_not(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, route: str
):
    place = chosen(phone, route, school)
    for other in school.places.values():
        if other != place:
            came(phone, school, route, other)
    phone.sync()
    assert doubts(staff) == []
    came(phone, school, route, place)
    phone.sync()
    assert doubts(staff) == [("figure_missing", {})]


def test_a_guard_who_finds_nothing_to_read_says_so_and_is_kept(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, route: str
):
    came(phone, school, route, chosen(phone, route, school), figure=None)
    assert phone.sync()["quarantined"] == []
    assert doubts(staff) == [("figure_missing", {})]


def test_a_round_of_ones_own_and_a_place_without_a_figure_ask_for_nothing(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, route: str
):
    for place in school.places.values():
        line = phone.checkpoint(place=place, tag=None, route=None)
        phone.write(line)
    phone.sync()
    assert {kind for kind, _ in doubts(staff)} == {"no_tag"}


def test_figures_are_two_digits_of_their_door_and_week_and_hidden_from_phones(
    app: Flask,
    staff: FlaskClient,
    school: SchoolForTest,
    other_school: SchoolForTest,
    phone: Phone,
    route: str,
):
    answer = staff.get("/api/v1/figures").json
    assert [item["number"] for item in answer["items"]] == list(ROOMS)
    assert all(len(item["now"]) == len(item["then"]) == 2 for item in answer["items"])
    assert answer["week"] == week_of(tonight()).isoformat()
    monday = date.fromisoformat(answer["week"])
    assert (monday.isoweekday(), answer["next_week"]) == (1, (monday + timedelta(days=7)).isoformat())
    with app.app_context():
        use_school(school.id)
        key = db.session.scalars(select(School.figure_key).where(School.id == school.id)).one()
    pack = phone.client.get("/api/v1/pack", headers=phone.headers())
    assert key not in pack.text
    assert "figure_key" not in pack.text
    assert len(pack.json["choice_key"]) == 32


def test_a_year_of_figures_is_spread_and_each_place_and_school_has_its_own():
    weeks = [date(2026, 1, 5) + timedelta(days=7 * n) for n in range(52)]
    places = [new_id() for _ in range(40)]
    drawn = Counter(figure(KEY, place, week) for place in places for week in weeks)
    assert len(drawn) == 100
    assert max(drawn.values()) < 3 * len(weeks) * len(places) / 100
    other = [figure("cd" * 32, place, weeks[0]) for place in places]
    assert other != [figure(KEY, place, weeks[0]) for place in places]


def test_the_door_that_asks_changes_with_the_night_and_the_phone():
    places = [new_id() for _ in range(8)]
    choice = choice_key(KEY)
    nights = [date(2026, 11, 1) + timedelta(days=n) for n in range(200)]
    by_night = Counter(
        asked_at(choice, device="d", night=night, route="r", places=places) for night in nights
    )
    assert by_night.keys() == set(places)
    assert max(by_night.values()) < 60
    assert any(
        asked_at(choice, device="d", night=nights[0], route="r", places=places)
        != asked_at(choice, device=device, night=nights[0], route="r", places=places)
        for device in ("e", "f", "g", "h", "i")
    )
    assert asked_at(choice, device="d", night=nights[0], route="r", places=[]) is None


@pytest.mark.parametrize(
    ("night", "monday"),
    [("2026-11-23", "2026-11-23"), ("2026-11-29", "2026-11-23"), ("2026-11-30", "2026-11-30")],
)
def test_a_week_begins_with_mondays_night(night: str, monday: str):
    assert week_of(date.fromisoformat(night)) == date.fromisoformat(monday)
    # Half past midnight on Tuesday is Monday's night still.
    late = datetime.fromisoformat(f"{night}T12:00:00+08:00") + timedelta(hours=12, minutes=30)
    assert week_of(clock.night_of(late, ZoneInfo("Asia/Shanghai"))) == date.fromisoformat(monday)


@pytest.mark.parametrize(("role", "may"), [("inspector", False), ("supervisor", True)])
def test_who_hangs_tags_sees_the_figures(
    as_role: Callable[..., FlaskClient],
    school: SchoolForTest,
    other_school: SchoolForTest,
    route: str,
    role: str,
    may: bool,
):
    assert as_role(role).get("/api/v1/figures").status_code == (200 if may else 403)
    assert as_role("admin", other_school).get("/api/v1/figures").json["items"] == []
