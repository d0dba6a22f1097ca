"""An import against a school's database: everything good goes in, nothing twice, and the report says so."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

import campus_patrol.demo
from campus_patrol.database import db, use_school
from campus_patrol.history.models import Event
from campus_patrol.imports import service
from campus_patrol.imports.service import import_workbook
from campus_patrol.patrols.models import Route, Stop
from campus_patrol.people import service as people
from campus_patrol.places.models import Building, Place
from campus_patrol.problems import Problem
from campus_patrol.tags.models import Tag
from tests.conftest import SchoolForTest
from tests.imports.messy import messy_workbook, room_rows, workbook

CAMPUS = Path(campus_patrol.demo.__file__).parent / "campus.xlsx"
ROOMS: list[object] = ["楼栋", "楼层", "房号", "名称", "类型", "空调台数", "单台功率(kW)", "灯数", "备注"]
TAPS: list[object] = ["楼栋", "楼层", "用水点编号", "名称", "龙头数"]
ROUTES: list[object] = ["路线", "开始时间", "时限", "星期", "范围", "检查内容"]
NONE = {"new": 0, "changed": 0, "unchanged": 0, "refused": 0}


@pytest.fixture
def empty(app: Flask, other_school: SchoolForTest) -> Iterator[str]:
    """A school with nothing in it, two others beside it."""
    with app.app_context():
        school = people.create_school(name="空白中学")
        db.session.commit()
        use_school(school.id)
        yield school.id


def take(content: bytes, *, dry_run: bool = False) -> dict[str, Any]:
    report = import_workbook(content=content, filename="校舍.xlsx", dry_run=dry_run)
    db.session.commit()
    db.session.expunge_all()
    return report


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Return every row an import could touch."""
    return {
        table.__name__: [
            tuple(getattr(row, name) for name in table.__table__.columns.keys())  # noqa: SIM118 not a dict
            for row in db.session.scalars(select(table).order_by(table.id))
        ]
        for table in (Building, Place, Tag, Route, Stop, Event)
    }


def numbers_of(route: str) -> list[str]:
    """Return the numbers of a route's stops, in order."""
    return list(
        db.session.scalars(
            select(Place.number)
            .join(Stop, Stop.place_id == Place.id)
            .join(Route, Route.id == Stop.route_id)
            .where(Route.name == route)
            .order_by(Stop.position)
        )
    )


def place_of(number: str) -> Place:
    return db.session.scalars(select(Place).where(Place.number == number)).one()


def refused(report: dict[str, Any]) -> list[tuple[str, int, str | None, str]]:
    return [
        (row["sheet"], row["row"], row["cell"], row["code"])
        for row in report["rows"]
        if row["status"] == "refused"
    ]


def test_the_demo_school_comes_in_whole_and_a_second_time_changes_nothing(empty: str) -> None:
    report = take(CAMPUS.read_bytes())
    assert report["applied"]
    assert report["counts"] == {
        "rooms": NONE | {"new": 358},
        "taps": NONE | {"new": 66},
        "routes": NONE | {"new": 4},
    }
    assert (count(Building), count(Place), count(Tag), count(Route)) == (10, 424, 424, 4)
    assert [event.action for event in db.session.scalars(select(Event))] == ["import.applied"]
    before = everything()
    again = take(CAMPUS.read_bytes())
    assert again["counts"] == {
        "rooms": NONE | {"unchanged": 358},
        "taps": NONE | {"unchanged": 66},
        "routes": NONE | {"unchanged": 4},
    }
    assert again["rows"] == []
    assert everything() == before


def test_the_demo_schools_routes_go_where_they_say(empty: str) -> None:
    take(CAMPUS.read_bytes())
    teaching = numbers_of("教学区夜巡")
    assert len(teaching) == 45 + 45 + 32
    assert (teaching[0], teaching[1], teaching[45], teaching[-1][0]) == (
        "A101",
        "A102",
        "B101",
        teaching[90][0],
    )
    assert len(numbers_of("水电巡查")) == 66
    assert numbers_of("周末留校巡查")[-1] == "P002"
    route = db.session.scalars(select(Route).where(Route.name == "宿舍区夜巡")).one()
    assert (route.start, route.window, route.weekdays) == ("22:30", 60, [1, 2, 3, 4, 7])
    assert route.questions == ["ac", "lights", "hazard"]
    assert place_of("P001").kind == "facility"
    assert place_of("M001").kind == "room"


def test_a_dry_run_says_the_same_and_changes_nothing(empty: str) -> None:
    dry = take(CAMPUS.read_bytes(), dry_run=True)
    assert not any(everything().values())
    assert (dry["dry_run"], dry["applied"]) == (True, False)
    real = take(CAMPUS.read_bytes())
    assert dry["counts"] == real["counts"]
    assert dry["rows"] == real["rows"]


def test_every_new_place_has_one_live_tag_of_its_own(empty: str) -> None:
    take(messy_workbook())
    tags = list(db.session.scalars(select(Tag)))
    assert sorted(tag.place_id for tag in tags) == sorted(db.session.scalars(select(Place.id)))
    assert len({tag.code for tag in tags}) == len({tag.short for tag in tags}) == len(tags)


def test_a_messy_workbook_comes_in_right_and_names_what_it_leaves_out(empty: str) -> None:
    report = take(messy_workbook())
    assert report["counts"] == {
        "rooms": NONE | {"new": 5, "refused": 10},
        "taps": NONE | {"new": 2, "refused": 3},
        "routes": NONE | {"new": 3, "refused": 5},
    }
    assert refused(report) == [
        ("Sheet1", 12, "H12", "formula_without_value"),
        ("Sheet1", 13, "C13", "duplicate"),
        ("Sheet1", 14, "F14", "not_a_count"),
        ("Sheet1", 15, "B15", "not_a_floor"),
        ("Sheet1", 15, "H15", "out_of_range"),
        ("Sheet1", 17, "C17", "cell_error"),
        ("Sheet1", 18, "A18", "missing"),
        ("Sheet1", 19, "G19", "unit_missing"),
        ("Sheet1", 20, "F20", "count_merged"),
        ("Sheet1", 21, "F21", "count_merged"),
        ("Sheet1", 22, "C22", "cell_is_date"),
        ("water", 4, "C4", "duplicate"),
        ("water", 5, "F5", "not_yes_no"),
        ("water", 6, "C6", "duplicate"),
        ("3", 6, "E6", "scope_unknown"),
        ("3", 7, "D7", "not_weekdays"),
        ("3", 7, "F7", "not_questions"),
        ("3", 8, "C8", "unit_missing"),
        ("3", 9, "E9", "scope_empty"),
        ("3", 10, "A10", "duplicate"),
    ]
    assert [row["what"] for row in report["rows"] if row["status"] == "new"] == [
        *("明德 楼 A101", "明德 楼 A102", "明德 楼 A201", "明德 楼 A-B01", "致远楼 B301"),
        *("明德楼 A1-水东", "明德楼 A0-水1", "教学楼夜巡", "用水巡查", "一楼快巡"),
    ]
    assert list(db.session.scalars(select(Building.name).order_by(Building.position))) == [
        "明德 楼",
        "致远楼",
    ]
    room = place_of("A102")
    assert (room.floor, room.kind, room.ac_count, room.ac_power_kw, room.light_count, room.remark) == (
        *(1, "room", 2, Decimal("3.5"), 12, None),
    )
    basement = place_of("A-B01")
    assert (basement.floor, basement.kind, basement.name, basement.ac_count) == (-1, "facility", "水泵房", 0)
    assert place_of("B301").name == "B301"
    tap = place_of("A1-水东")
    assert (tap.kind, tap.tap_count, tap.has_hot_water, tap.valve) == ("tap", 6, True, "1楼东侧管井")
    assert numbers_of("教学楼夜巡") == ["B301", "A-B01", "A101", "A102", "A201"]
    assert numbers_of("用水巡查") == ["A0-水1", "A1-水东"]
    assert numbers_of("一楼快巡") == ["A101", "A102", "B301"]
    before = everything()
    again = take(messy_workbook())
    assert again["counts"]["rooms"] == NONE | {"unchanged": 5, "refused": 10}
    assert everything() == before


def test_a_changed_row_shows_old_and_new_and_changes_only_that(empty: str) -> None:
    take(workbook([ROOMS, ["明德楼", 1, "A101", "七年级1班", "教室", 2, 3.5, 12, "靠窗"]]))
    tag = db.session.scalars(select(Tag)).one().code
    before = place_of("A101").updated_at
    report = take(
        workbook([ROOMS, ["明 德 楼", "2F", "ａ101", "七年级2班", "设备用房", 2, "3500W", "10盏", None]])
    )
    assert report["rows"] == [
        {
            "sheet": "Sheet1",
            "row": 2,
            "cell": None,
            "status": "changed",
            "what": "明 德 楼 a101",
            "code": None,
            "params": {
                "changes": {
                    "floor": [1, 2],
                    "name": ["七年级1班", "七年级2班"],
                    "type": ["教室", "设备用房"],
                    "light_count": [12, 10],
                    "kind": ["room", "facility"],
                }
            },
        }
    ]
    place = place_of("A101")
    assert (place.name, place.remark, place.ac_power_kw) == ("七年级2班", "靠窗", Decimal("3.5"))
    assert place.updated_at > before
    assert db.session.scalars(select(Tag)).one().code == tag


def test_an_empty_cell_leaves_what_is_known_and_a_dash_takes_it_away(empty: str) -> None:
    take(workbook([ROOMS, ["明德楼", 1, "A101", "七年级1班", "教室", 2, 3.5, 12, "靠窗"]]))
    assert take(workbook([ROOMS, ["明德楼", 1, "A101"]]))["counts"]["rooms"] == NONE | {"unchanged": 1}
    report = take(workbook([ROOMS, ["明德楼", 1, "A101", "—", None, None, None, None, "—"]]))
    assert report["rows"][0]["params"] == {"changes": {"remark": ["靠窗", None]}}
    assert (place_of("A101").name, place_of("A101").remark) == ("七年级1班", None)


def test_a_place_that_is_not_in_the_sheet_stays(empty: str) -> None:
    take(workbook([ROOMS, ["明德楼", 1, "A101"], ["明德楼", 1, "A102"]]))
    take(workbook([ROOMS, ["明德楼", 1, "A102"]]))
    assert count(Place) == 2


def test_a_place_switched_off_by_hand_stays_off_and_the_report_says_so(empty: str) -> None:
    content = workbook(
        [ROOMS, ["明德楼", 1, "A101"], ["明德楼", 1, "A102"]],
        [ROUTES, ["夜巡", "23:30", 60, "每天", "明德楼", "电灯"]],
    )
    take(content)
    place_of("A101").active = False
    db.session.commit()
    report = take(content)
    assert report["counts"]["rooms"] == NONE | {"unchanged": 2}
    assert report["notes"] == [{"sheet": "Sheet1", "code": "places_inactive", "params": {"count": 1}}]
    assert report["rows"][0]["params"] == {"changes": {"stops": [2, 1]}}
    assert not place_of("A101").active
    assert numbers_of("夜巡") == ["A102"]


def test_a_tap_with_a_rooms_number_is_refused_even_when_the_room_came_in_before(empty: str) -> None:
    take(workbook([ROOMS, ["明德楼", 1, "A101"]]))
    report = take(workbook([TAPS, ["明德楼", 1, "A101", "洗手台", 6]]))
    assert refused(report) == [("Sheet1", 2, "C2", "kind_conflict")]
    assert place_of("A101").kind == "room"


def test_the_next_import_puts_right_what_this_one_refused_and_grows_the_route(empty: str) -> None:
    route: list[list[object]] = [ROUTES, ["夜巡", "23:30", 60, "每天", "明德楼", "电灯"]]
    take(workbook([ROOMS, ["明德楼", 1, "A101"], ["明德楼", "?", "A102"]], route))
    report = take(workbook(route, [ROOMS, ["明德楼", 1, "A101"], ["明德楼", 1, "A102"]]))
    assert [(row["status"], row["params"]) for row in report["rows"]] == [
        ("changed", {"changes": {"stops": [1, 2]}}),
        ("new", {}),
    ]
    assert numbers_of("夜巡") == ["A101", "A102"]


def test_stops_are_ordered_by_building_floor_and_number_as_people_count(empty: str) -> None:
    rooms: list[list[object]] = [
        ROOMS,
        *(
            ["10号楼", 1, "X1"],
            ["2号楼", 2, "B10"],
            ["2号楼", 2, "B9"],
            ["2号楼", 1, "B30"],
            ["2号楼", "B1", "B50"],
        ),
    ]
    take(workbook(rooms, [ROUTES, ["夜巡", "23:30", 60, "每天", "全部房间", "电灯"]]))
    assert numbers_of("夜巡") == ["B50", "B30", "B9", "B10", "X1"]


@pytest.mark.parametrize(
    ("scope", "checks", "numbers"),
    [
        ("明德楼", "空调", ["A101", "A201", "P1"]),
        ("明德楼", "漏水", ["A1-水"]),
        ("明德楼", "空调;漏水", ["A1-水", "A101", "A201", "P1"]),
        ("和平楼；明德楼2层", "空调", ["A101", "A201"]),
        ("和平楼 和 明德楼2F", "空调", ["A101", "A201"]),
        ("明德楼用水点", "空调", ["A1-水"]),
        ("全部点位", "空调", ["A101", "A1-水", "A101", "A201", "P1"]),
        ("全部设备用房", "空调", ["P1"]),
        ("全校", "漏水", ["A1-水"]),
        ("Ｐ1，a201", "空调", ["P1", "A201"]),
        ("明德楼A101、明德楼", "空调", ["A101", "A201", "P1"]),
    ],
)
def test_a_scope_is_buildings_floors_kinds_or_numbers(
    empty: str, scope: str, checks: str, numbers: list[str]
) -> None:
    report = take(
        workbook(
            [
                ROOMS,
                *(["明德楼", 1, "A101"], ["明德楼", 2, "A201"], ["和平楼", 1, "A101"]),
                ["明德楼", 3, "P1", "水泵房", "设备用房"],
            ],
            [TAPS, ["明德楼", 1, "A1-水", "洗手台", 6]],
            [ROUTES, ["夜巡", "23:30", 60, "每天", scope, checks]],
        )
    )
    assert refused(report) == []
    assert numbers_of("夜巡") == numbers


@pytest.mark.parametrize(
    ("scope", "code", "params"),
    [
        ("操场", "scope_unknown", {"part": "操场"}),
        ("明德楼;操场", "scope_unknown", {"part": "操场"}),
        ("A101", "scope_ambiguous", {"part": "A101", "allowed": "明德楼A101, 和平楼A101"}),
        ("明德楼9楼", "scope_empty", {"part": "明德楼9楼"}),
        ("全部用水点", "scope_empty", {"part": "全部用水点"}),
        ("；", "scope_unknown", {"part": "；"}),
    ],
)
def test_a_scope_that_names_nothing_or_two_things_is_refused_with_its_cell(
    empty: str, scope: str, code: str, params: dict[str, str]
) -> None:
    report = take(
        workbook(
            [ROOMS, ["明德楼", 1, "A101"], ["和平楼", 1, "A101"]],
            [ROUTES, ["夜巡", "23:30", 60, "每天", scope, "空调"]],
        )
    )
    assert refused(report) == [("Sheet2", 2, "E2", code)]
    assert report["rows"][-1]["params"] == params
    assert count(Route) == 0


def test_an_import_stays_inside_its_school(empty: str, app: Flask, school: SchoolForTest) -> None:
    take(workbook([ROOMS, ["明德楼", 1, "A101", "新名字"]]))
    use_school(school.id)
    assert db.session.get_one(Place, school.places["A101"]).name == "A101"
    assert count(Place) == 4


@pytest.mark.simulation
def test_ten_thousand_rooms_come_in_within_seconds_and_a_few_queries(empty: str) -> None:
    content = workbook(room_rows(10_000))
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    steps: list[tuple[int, int]] = []
    begun = time.process_time()  # this process alone, whatever else the machine does
    report = import_workbook(
        content=content, filename="大校.xlsx", dry_run=False, progress=lambda *step: steps.append(step)
    )
    db.session.commit()
    took = time.process_time() - begun
    assert report["counts"]["rooms"] == NONE | {"new": 10_000}
    assert steps[0][1] == steps[-1][0] == 10_000
    # Inserts go in batches; nothing is asked row by row.
    assert len(statements) < 60, len(statements)
    assert took < 10, took


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "not_xlsx"), (b"a,b,c", "not_xlsx"), (workbook([["你好"]]), "no_table")]
)
def test_a_file_that_cannot_be_read_is_one_problem_with_a_reason(
    empty: str, content: bytes, reason: str
) -> None:
    with pytest.raises(Problem) as caught:
        take(content)
    assert (caught.value.code, caught.value.status) == ("sheet_unreadable", 422)
    assert caught.value.extra["reason"] == reason


def test_the_desk_imports_over_http_first_dry_then_for_real(staff: FlaskClient) -> None:
    headers = {"X-Filename": "%E6%A0%A1%E8%88%8D.xlsx"}
    content = workbook([ROOMS, ["明德楼", 1, "A101", "改名"], ["新楼", 1, "N101"], ["新楼", "?", "N102"]])
    dry = staff.post("/api/v1/imports?dry_run=true", data=content, headers=headers)
    assert dry.status_code == 200
    assert dry.json["applied"] is False
    assert staff.get("/api/v1/places?search=N101").json["total"] == 0
    real = staff.post("/api/v1/imports?dry_run=false", data=content, headers=headers)
    assert real.json["counts"]["rooms"] == {"new": 1, "changed": 1, "unchanged": 0, "refused": 1}
    assert real.json["rows"] == dry.json["rows"]
    assert [(row["status"], row["cell"]) for row in real.json["rows"]] == [
        *(("changed", None), ("new", None), ("refused", "B4")),
    ]
    assert staff.get("/api/v1/places?search=N101").json["items"][0]["tag"]["short"]
    assert staff.get("/api/v1/history").json["items"][0]["subject"] == "校舍.xlsx"


def test_a_file_that_is_no_workbook_gets_a_problem_over_http(staff: FlaskClient) -> None:
    answer = staff.post("/api/v1/imports", data=b"PK\x03\x04 not really")
    assert answer.status_code == 422
    assert (answer.json["code"], answer.json["reason"]) == ("sheet_unreadable", "not_xlsx")


def test_who_may_not_write_places_may_not_import(
    as_role: Callable[[str], FlaskClient], client: FlaskClient
) -> None:
    refused = as_role("inspector").post("/api/v1/imports", data=CAMPUS.read_bytes())
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    unknown = client.post("/api/v1/imports", data=CAMPUS.read_bytes())
    assert (unknown.status_code, unknown.json["code"]) == (401, "signed_out")


def test_an_import_that_met_another_asks_for_another_try(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = workbook([ROOMS, ["明德楼", 1, "A101"]])
    take(content)
    # What is read before the other one commits: nothing.
    monkeypatch.setattr(service, "_load_campus", service._Campus)
    with pytest.raises(Problem) as caught:
        take(content)
    assert (caught.value.code, caught.value.headers) == ("busy", {"Retry-After": "2"})
    db.session.rollback()
    assert count(Place) == 1
