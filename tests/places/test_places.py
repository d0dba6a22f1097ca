"""Buildings and places as the desk lists, finds and changes them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import SchoolForTest
from tests.imports.messy import room_rows, workbook
from tests.phone import Phone, instant, minutes_ago
from tests.queries import counted


def numbers(client: FlaskClient, query: str = "") -> list[str]:
    return [place["number"] for place in client.get(f"/api/v1/places{query}").json["items"]]


def test_buildings_come_with_their_floors_and_places(staff: FlaskClient, other_school: SchoolForTest) -> None:
    answer = staff.get("/api/v1/buildings").json
    assert [(item["name"], item["floors"], item["places"]) for item in answer["items"]] == [
        ("明德楼", [1, 3], 4)
    ]
    assert answer["total"] == 1


def test_a_place_comes_whole(staff: FlaskClient, school: SchoolForTest) -> None:
    (place,) = staff.get("/api/v1/places?search=水东").json["items"]
    tag = place.pop("tag")
    assert (tag["short"], tag["printed_at"]) == (school.shorts["A1-水东"], None)
    assert place == {
        "id": school.places["A1-水东"],
        "building": {"id": school.building, "name": "明德楼"},
        "floor": 1,
        "kind": "tap",
        "number": "A1-水东",
        "name": "A1-水东",
        "type": None,
        "grade": None,
        "class_name": None,
        "ac_count": None,
        "ac_power_kw": None,
        "light_count": None,
        "tap_count": 6,
        "has_hot_water": True,
        "valve": "1楼东侧管井",
        "remark": None,
        "active": True,
        "door_figure": False,
        "last_at": None,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["A101", "A102", "A1-水东", "A321"]),
        ("?search=321", ["A321"]),
        ("?search=３２１", ["A321"]),
        ("?search=a10", ["A101", "A102"]),
        ("?search=明德楼 321", ["A321"]),
        ("?search=%25", []),
        ("?search=_101", []),
        ("?search=\\", []),
        ("?search=' OR 1=1 --", []),
        ("?floor=3", ["A321"]),
        ("?kind=tap", ["A1-水东"]),
        ("?kind=room&floor=1", ["A101", "A102"]),
        ("?building=0", []),
        ("?page_size=2&page=2", ["A1-水东", "A321"]),
    ],
)
def test_places_are_found(
    staff: FlaskClient, other_school: SchoolForTest, query: str, found: list[str]
) -> None:
    assert numbers(staff, query) == found


def test_places_are_found_by_their_building(staff: FlaskClient, school: SchoolForTest) -> None:
    assert len(numbers(staff, f"?building={school.building}")) == 4


@pytest.mark.parametrize(
    "query", ["?kind=cellar", "?floor=one", "?page_size=201", "?page=0", "?search=" + "a" * 81]
)
def test_a_question_that_makes_no_sense_is_refused(staff: FlaskClient, query: str) -> None:
    answer = staff.get(f"/api/v1/places{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_lists_take_as_many_queries_for_many_places_as_for_few(app: Flask, staff: FlaskClient) -> None:
    with counted(app) as few:
        staff.get("/api/v1/places?page_size=200")
        staff.get("/api/v1/buildings")
    assert staff.post("/api/v1/imports", data=workbook(room_rows(150))).status_code == 200
    with counted(app) as many:
        assert len(staff.get("/api/v1/places?page_size=200").json["items"]) == 154
        assert staff.get("/api/v1/buildings").json["total"] == 3
    assert len(many) == len(few)
    # Who is asking, and count, page and extras of each list.
    assert len(many) == 2 * (1 + 3), many


def test_the_last_checkpoint_of_a_place_is_shown(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
) -> None:
    place = school.places["A101"]
    for at in ("2026-03-01T15:30:00.000Z", "2026-03-02T15:31:00.000Z"):
        phone.write(phone.checkpoint(place=place, tag=school.codes["A101"], at=at))
    phone.sync()
    shown = {item["number"]: item["last_at"] for item in staff.get("/api/v1/places").json["items"]}
    assert shown["A101"] is not None
    assert shown["A101"].startswith("2026-03-02T15:31")
    assert shown["A102"] is None
    checkpoint = phone.write(phone.checkpoint(tag=school.codes["A102"], at="2026-03-03T15:30:00.000Z"))
    phone.write(phone.record("void", ref=json.loads(checkpoint)["id"], at="2026-03-03T15:31:00.000Z"))
    phone.sync()
    assert staff.get("/api/v1/places?search=A102").json["items"][0]["last_at"] is None


def test_a_place_shows_its_live_tag_and_never_a_revoked_one(
    staff: FlaskClient, school: SchoolForTest
) -> None:
    (before,) = staff.get("/api/v1/places?search=A321").json["items"]
    answer = staff.post(f"/api/v1/tags/{before['tag']['id']}/replace", json={"reason": "撕毁"})
    assert answer.status_code == 201, answer.json
    (after,) = staff.get("/api/v1/places?search=A321").json["items"]
    assert after["tag"]["id"] == answer.json["id"]


def test_a_place_switched_off_is_listed_and_no_longer_counted(
    staff: FlaskClient, school: SchoolForTest
) -> None:
    change(staff, school.places["A321"], active=False)
    assert [place["active"] for place in staff.get("/api/v1/places?search=A321").json["items"]] == [False]
    (building,) = staff.get("/api/v1/buildings").json["items"]
    assert (building["floors"], building["places"]) == ([1], 3)


def test_places_in_use_and_places_switched_off_are_listed_apart(
    staff: FlaskClient, school: SchoolForTest
) -> None:
    change(staff, school.places["A321"], active=False)
    assert numbers(staff, "?active=true") == ["A101", "A102", "A1-水东"]
    assert numbers(staff, "?active=false") == ["A321"]
    assert numbers(staff) == ["A101", "A102", "A1-水东", "A321"]


def change(client: FlaskClient, place: str, **changes: Any) -> Any:
    return client.patch(f"/api/v1/places/{place}", json=changes)


def test_a_place_is_changed_and_keeps_its_tag(staff: FlaskClient, school: SchoolForTest) -> None:
    answer = change(
        *(staff, school.places["A101"]),
        name=" 七年级1班 ",
        number="A101-1",
        floor=-1,
        ac_power_kw=2.6,
        remark=None,
        active=False,
    )
    assert answer.status_code == 200
    place = answer.json
    assert (place["name"], place["number"], place["floor"], place["ac_power_kw"], place["active"]) == (
        *("七年级1班", "A101-1", -1, 2.6, False),
    )
    assert place["tag"]["short"] == school.shorts["A101"]
    assert numbers(staff, "?search=A101-1") == ["A101-1"]
    (noted,) = staff.get("/api/v1/history?page_size=1").json["items"]
    assert (noted["action"], noted["subject"]) == ("place.changed", "明德楼 A101-1")
    assert noted["detail"]["name"] == ["A101", "七年级1班"]


def test_a_change_that_changes_nothing_leaves_no_trace(staff: FlaskClient, school: SchoolForTest) -> None:
    before = staff.get("/api/v1/history").json["total"]
    assert change(staff, school.places["A101"], name="A101", light_count=12).status_code == 200
    assert staff.get("/api/v1/history").json["total"] == before


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": ""}, {"name": "   "}, {"name": None}, {"name": "长" * 81}, {"number": ""}, {"floor": 0}),
        *({"floor": 100}, {"floor": 1.5}, {"ac_count": -1}, {"ac_count": "many"}, {"ac_power_kw": 101}),
        *({"kind": "tap"}, {"id": "x"}, {"school_id": "x"}, {"active": "perhaps"}, {"active": None}),
        *({"ac_power_kw": "NaN"}, {"name": "a\u0000b"}, {"remark": "line\nbreak"}),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    staff: FlaskClient, school: SchoolForTest, changes: dict[str, Any]
) -> None:
    answer = change(staff, school.places["A101"], **changes)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert next(iter(changes)) in str(answer.json["errors"])


def test_text_that_no_database_can_hold_is_the_callers_fault(
    staff: FlaskClient, school: SchoolForTest
) -> None:
    answer = staff.patch(
        f"/api/v1/places/{school.places['A101']}",
        data=b'{"name": "\\ud800"}',
        content_type="application/json",
    )
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    for query in ("search=%00", "building=%00"):
        assert staff.get(f"/api/v1/places?{query}").status_code in (200, 400)
    assert numbers(staff, "?search=A101") == ["A101"]


def test_two_places_of_a_building_cannot_have_one_number(staff: FlaskClient, school: SchoolForTest) -> None:
    answer = change(staff, school.places["A101"], number="A102")
    assert (answer.status_code, answer.json["code"]) == (409, "number_taken")


def test_a_place_of_another_school_is_not_there(staff: FlaskClient, other_school: SchoolForTest) -> None:
    answer = change(staff, other_school.places["A101"], name="ours")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(("role", "writes"), [("inspector", 403), ("supervisor", 200), ("admin", 200)])
def test_who_may_read_and_write_places(
    as_role: Callable[[str], FlaskClient], school: SchoolForTest, role: str, writes: int
) -> None:
    client = as_role(role)
    assert client.get("/api/v1/places").status_code == 200
    assert client.get("/api/v1/buildings").status_code == 200
    assert change(client, school.places["A101"], name="新").status_code == writes


def test_nobody_who_is_signed_out_sees_a_place(client: FlaskClient, school: SchoolForTest) -> None:
    for answer in (
        client.get("/api/v1/places"),
        client.get("/api/v1/buildings"),
        change(client, school.places["A101"], name="新"),
    ):
        assert (answer.status_code, answer.json["code"]) == (401, "signed_out")


def test_the_last_visit_is_told_by_the_server_s_clock_and_not_by_a_phone_that_is_ahead(
    school: SchoolForTest, staff: FlaskClient, new_phone: Callable[..., Phone]
) -> None:
    ahead, right = new_phone(), new_phone()
    ahead.write(ahead.checkpoint(tag=school.codes["A102"], at=minutes_ago(60 - 1440)))
    ahead.sync(device_time=instant(minutes_ago(-1440)))
    right.write(right.checkpoint(tag=school.codes["A102"], at=minutes_ago(5)))
    right.sync()
    last = staff.get("/api/v1/places?search=A102").json["items"][0]["last_at"]
    assert last == max(item["corrected_at"] for item in staff.get("/api/v1/checkpoints").json["items"])
