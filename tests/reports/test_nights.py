"""A night at one look: its figures equal an independent count over the raw rows."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.findings.models import Finding
from campus_patrol.patrols.models import Checkpoint, Doubt, Route, Stop
from campus_patrol.sync.models import Record
from tests.queries import counted

ZONE = ZoneInfo("Asia/Shanghai")


def evening(nights_ago: int, minutes: int = 0) -> datetime:
    """Half past eleven in the evening, school time, so many nights before the last whole one."""
    night = clock.night_of(datetime.now(UTC), ZONE) - timedelta(days=nights_ago + 1)
    return datetime(night.year, night.month, night.day, 15, 30, tzinfo=UTC) + timedelta(minutes=minutes)


def night(nights_ago: int) -> str:
    return clock.night_of(evening(nights_ago), ZONE).isoformat()


def add_route(app, of, name: str, numbers: list[str], weekdays: list[int]) -> str:
    with app.app_context():
        use_school(of.id)
        route = Route(name=name, start="23:30", window=60, weekdays=weekdays, questions=["ac"], scope="")
        db.session.add(route)
        db.session.flush()
        db.session.add_all(
            Stop(route_id=route.id, place_id=of.places[number], position=i)
            for i, number in enumerate(numbers)
        )
        db.session.commit()
        return route.id


@pytest.fixture
def walked(app, school, other_school, phone, new_phone):
    """One route for every night and one that is never planned; two nights walked here and next door."""
    routes = {}
    for of, carrier in ((school, phone), (other_school, new_phone(other_school))):
        daily = add_route(app, of, "夜巡", ["A101", "A102", "A1-水东"], [1, 2, 3, 4, 5, 6, 7])
        # The same place on a second route is still one place to visit.
        second = add_route(app, of, "二巡", ["A101", "A321"], [1, 2, 3, 4, 5, 6, 7])
        never = add_route(app, of, "停巡", ["A321"], [])
        routes[of.id] = (daily, second, never)
        for ago, codes in ((1, ["A101", "A102"]), (0, ["A101", "A101", "A321"])):
            start = carrier.record(
                "round_start", data={"route": daily, "night": night(ago)}, at=evening(ago), boot=f"b{ago}"
            )
            carrier.write(start)
            for i, number in enumerate(codes):
                carrier.write(
                    carrier.checkpoint(
                        of.codes[number],
                        {"ac": {"value": "on"}, "lights": {"value": "on" if i else "off"}},
                        method="typed" if i == 1 else "camera",
                        at=evening(ago, 5 + 40 * i),
                        round=start["id"],
                        route=daily,
                        boot=f"b{ago}",
                    )
                )
            undone = carrier.checkpoint(
                of.shorts["A102"],
                {"hazard": {"value": "found"}},
                method="typed",
                at=evening(ago, 130),
                boot=f"b{ago}",
            )
            carrier.write(undone)
            carrier.write(carrier.record("void", ref=undone["id"], at=evening(ago, 131), boot=f"b{ago}"))
        carrier.sync()
    return routes[school.id]


def test_a_nights_figures_leave_out_what_was_undone_and_count_places_once(walked, staff):
    shown = staff.get(f"/api/v1/nights/{night(0)}").json
    assert shown["figures"] == {
        "planned": 4,
        "done": 2,
        "missed": 2,
        "ac": 3,
        "light": 2,
        "leak": 0,
        "hazard": 0,
        "doubts": 1,
    }
    assert [(route["name"], route["planned"], route["done"]) for route in shown["routes"]] == [
        ("二巡", 2, 2),
        ("夜巡", 3, 1),
    ]


def test_a_round_that_ends_after_midnight_belongs_to_its_evening(walked, school, staff):
    (walk,) = staff.get(f"/api/v1/nights/{night(0)}").json["rounds"]
    assert walk["route"]["name"] == "夜巡"
    assert [person["name"] for person in walk["people"]] == ["guard"]
    assert (walk["planned"], walk["done"], walk["ended_at"]) == (3, 2, None)


def test_the_figures_equal_a_count_over_the_raw_lines(app, walked, school, staff):
    with app.app_context():
        use_school(school.id)
        lines = [json.loads(line) for line in db.session.scalars(db.select(Record.line))]
    struck = {line["ref"] for line in lines if line["kind"] == "void"}
    for item in staff.get("/api/v1/nights").json["items"]:
        mine = [
            line
            for line in lines
            if line["kind"] == "checkpoint"
            and line["id"] not in struck
            and clock.night_of(datetime.fromisoformat(line["at"]), ZONE) == date.fromisoformat(item["night"])
        ]
        answers = [reading for line in mine for reading in line["data"]["readings"].items()]
        assert item["checkpoints"] == len(mine)
        assert item["places"] == len({line["tag"] for line in mine})
        assert item["findings"] == sum(reading["value"] == "on" for _, reading in answers)
        assert item["doubts"] == sum(line["data"]["method"] == "typed" for line in mine)
        figures = staff.get(f"/api/v1/nights/{item['night']}").json["figures"]
        assert figures["ac"] == sum(key == "ac" and reading["value"] == "on" for key, reading in answers)
        assert figures["light"] == sum(
            key == "lights" and reading["value"] == "on" for key, reading in answers
        )


def test_the_nights_are_listed_newest_first_and_as_many_as_asked_for(walked, staff):
    answer = staff.get("/api/v1/nights").json
    assert [item["night"] for item in answer["items"]] == [night(0), night(1)]
    assert answer["total"] == 2
    short = staff.get("/api/v1/nights?limit=1").json
    assert [item["night"] for item in short["items"]] == [night(0)]
    assert short["total"] == 2


def test_a_night_without_anybody_shows_what_was_planned_and_missed(walked, staff):
    shown = staff.get("/api/v1/nights/2020-01-01").json
    assert shown["figures"]["planned"] == shown["figures"]["missed"] == 4
    assert shown["rounds"] == []


def test_the_missed_places_are_those_the_figure_counts_in_the_order_of_the_routes(walked, school, staff):
    answer = staff.get(f"/api/v1/nights/{night(0)}/missed").json
    assert answer["total"] == staff.get(f"/api/v1/nights/{night(0)}").json["figures"]["missed"] == 2
    assert [(place["number"], [route["name"] for route in place["routes"]]) for place in answer["items"]] == [
        ("A102", ["夜巡"]),
        ("A1-水东", ["夜巡"]),
    ]
    seen_before, never_seen = answer["items"]
    assert seen_before["last_at"] is not None
    assert never_seen["last_at"] is None


def test_a_missed_place_on_two_routes_is_one_place_with_both_names(walked, staff):
    (place,) = staff.get("/api/v1/nights/2020-01-01/missed", query_string={"search": "A101"}).json["items"]
    assert [route["name"] for route in place["routes"]] == ["二巡", "夜巡"]


def test_the_missed_places_come_in_pages_and_by_building(walked, school, other_school, staff):
    path = "/api/v1/nights/2020-01-01/missed"
    whole = [place["number"] for place in staff.get(path).json["items"]]
    parts = [staff.get(path, query_string={"page": at, "page_size": 3}).json["items"] for at in (1, 2)]
    assert [place["number"] for part in parts for place in part] == whole
    building = staff.get(path).json["items"][0]["building"]["id"]
    here = staff.get(path, query_string={"building": building}).json
    assert {place["building"]["id"] for place in here["items"]} == {building}
    assert staff.get(path, query_string={"building": "nowhere"}).json["total"] == 0


@pytest.mark.parametrize("text", ["tonight", "2026-13-01", "2026-11-31", "9999-99-99"])
def test_a_night_that_is_no_date_is_not_found(school, staff, text):
    for path in (f"/api/v1/nights/{text}", f"/api/v1/nights/{text}/missed"):
        answer = staff.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "水东"}, ["A1-水东"]),
        ({"search": "明德楼 A1"}, ["A102", "A1-水东"]),
        ({"search": "%"}, []),
        ({"building": "nowhere"}, []),
        ({"page": 2, "page_size": 1}, ["A1-水东"]),
    ],
)
def test_missed_places_can_be_narrowed_and_paged(walked, staff, query, expected):
    answer = staff.get(f"/api/v1/nights/{night(0)}/missed", query_string=query).json
    assert [item["number"] for item in answer["items"]] == expected


def test_a_school_with_no_nights_yet_gets_an_empty_list(school, staff):
    assert staff.get("/api/v1/nights").json == {"items": [], "total": 0, "page": 1, "page_size": 30}


def test_routes_are_listed_with_their_stops(walked, staff):
    rows = staff.get("/api/v1/routes").json
    assert rows["total"] == 3
    assert [(row["name"], row["stops"]) for row in rows["items"]] == [("二巡", 2), ("停巡", 1), ("夜巡", 3)]


def test_the_night_takes_few_statements_whatever_it_holds(app, walked, staff):
    def statements(path: str) -> int:
        with counted(app) as seen:
            assert staff.get(path).status_code == 200
        return len(seen)

    # One of them says who is asking.
    assert statements(f"/api/v1/nights/{night(0)}") == statements("/api/v1/nights/2020-01-01") <= 10
    assert statements("/api/v1/nights") <= 5
    assert (
        statements(f"/api/v1/nights/{night(0)}/missed") == statements("/api/v1/nights/2020-01-01/missed") <= 8
    )
    assert statements("/api/v1/routes") <= 3


def test_another_schools_rows_are_there_and_never_counted(app, walked, school, other_school):
    with app.app_context():
        for of in (school, other_school):
            use_school(of.id)
            for model, expected in ((Checkpoint, 7), (Finding, 10), (Doubt, 4)):
                assert db.session.scalar(db.select(db.func.count()).select_from(model)) == expected, model
