"""People and phones: added, changed, switched off, enrolled, revoked, always inside their own school."""

from collections.abc import Callable

import pytest

from tests.conftest import PASSWORD, browser
from tests.queries import counted


def test_a_guard_gets_a_pin_that_is_shown_once(school, staff) -> None:
    added = staff.post("/api/v1/people", json={"name": "王建国", "role": "guard"})
    assert added.status_code == 201
    assert len(added.json["pin"]) == 6
    assert added.json["pin"].isdigit()
    listed = staff.get("/api/v1/people?search=王建").json["items"]
    assert [(row["name"], row["has_pin"], "pin" in row) for row in listed] == [("王建国", True, False)]


def test_a_supervisor_gets_a_password_and_can_sign_in_with_it(app, school, staff) -> None:
    body = {"name": "李主任", "role": "supervisor", "account": "li.zhuren"}
    password = staff.post("/api/v1/people", json=body).json["password"]
    answer = browser(app).post("/api/v1/session", json={"account": "li.zhuren", "password": password})
    assert answer.json["person"]["name"] == "李主任"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "甲", "role": "supervisor"}, 422, "account_needed"),
        ({"name": "甲", "role": "admin", "account": "admin"}, 409, "account_taken"),
        ({"name": "甲", "role": "admin", "account": "other-admin"}, 409, "account_taken"),
        ({"name": "", "role": "guard"}, 422, "invalid"),
        ({"name": "   ", "role": "guard"}, 422, "invalid"),
        ({"name": "甲", "role": "king"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "pin": "12345"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "pin": "abcdef"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "pin": "123456\n"}, 422, "invalid"),
        ({"name": "甲\n", "role": "guard"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "account": "jia\n"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "account": "a b"}, 422, "invalid"),
        ({"name": "甲", "role": "supervisor", "account": "x1", "password": "short"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "school_id": "x"}, 422, "invalid"),
        ({"name": "甲", "role": "guard", "pin_hash": "x"}, 422, "invalid"),
        ({"name": "甲" * 61, "role": "guard"}, 422, "invalid"),
        ([], 422, "invalid"),
    ],
)
def test_a_person_who_cannot_be_added_is_refused_with_the_reason(
    school, other_school, staff, body, status: int, code: str
) -> None:
    before = staff.get("/api/v1/people").json["total"]
    answer = staff.post("/api/v1/people", json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert staff.get("/api/v1/people").json["total"] == before


def test_an_account_taken_in_the_same_moment_is_refused_like_any_other(school, staff, monkeypatch) -> None:
    monkeypatch.setattr("campus_patrol.people.service._check_account", lambda _account: None)
    added = staff.post("/api/v1/people", json={"name": "甲", "role": "supervisor", "account": "admin"})
    assert (added.status_code, added.json["code"]) == (409, "account_taken")
    change = f"/api/v1/people/{school.people['guard']}"
    changed = staff.patch(change, json={"account": "admin"})
    assert (changed.status_code, changed.json["code"]) == (409, "account_taken")


def test_a_search_longer_than_anybody_types_is_refused(staff) -> None:
    assert staff.get(f"/api/v1/people?search={'%' * 60_000}").json["code"] == "invalid"


def test_switching_somebody_off_ends_their_sign_ins_at_once(app, school, staff, as_role) -> None:
    supervisor = as_role("supervisor")
    assert supervisor.get("/api/v1/session").status_code == 200
    staff.patch(f"/api/v1/people/{school.people['supervisor']}", json={"active": False})
    assert supervisor.get("/api/v1/session").json["code"] == "signed_out"
    answer = browser(app).post("/api/v1/session", json={"account": "supervisor", "password": PASSWORD})
    assert answer.json["code"] == "wrong_password"


@pytest.mark.parametrize("change", [{"active": False}, {"role": "guard"}])
def test_the_last_administrator_stays(school, other_school, staff, change) -> None:
    answer = staff.patch(f"/api/v1/people/{school.people['admin']}", json=change)
    assert (answer.status_code, answer.json["code"]) == (409, "last_admin")
    assert staff.get("/api/v1/session").json["person"]["role"] == "admin"


def test_a_new_pin_takes_the_old_ones_place(school, staff, phone) -> None:
    guard = school.people["guard"]
    pin = staff.patch(f"/api/v1/people/{guard}", json={"reset_pin": True}).json["pin"]

    def check(pin: str) -> int:
        return phone.client.post(
            "/api/v1/pin", json={"person": guard, "pin": pin}, headers=phone.headers()
        ).status_code

    assert (check(pin), check("246810")) == (200, 403)


def test_people_and_phones_of_another_school_look_like_none(
    school, other_school, staff, new_phone: Callable
) -> None:
    theirs = new_phone(other_school)
    for answer in (
        staff.patch(f"/api/v1/people/{other_school.people['guard']}", json={"name": "x"}),
        staff.patch("/api/v1/people/01a203a0-9180-70c4-b3c5-83cae527495e", json={"name": "x"}),
        staff.post(f"/api/v1/devices/{theirs.device['id']}/revoke"),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert staff.get("/api/v1/people").json["total"] == len(school.people)


def test_enrolling_shows_on_the_desk_which_phone_took_the_code(app, school, staff) -> None:
    made = staff.post("/api/v1/enrolments", json={"name": "夜巡二号"}).json
    assert made["url"].endswith(f"/#enrol={made['code']}")
    assert len({len(row) for row in made["matrix"]}) == 1
    path = f"/api/v1/enrolments/{made['id']}"
    assert staff.get(path).json["used_at"] is None
    enrolled = app.test_client().post("/api/v1/enrol", json={"code": made["code"].lower(), "name": "x"}).json
    assert staff.get(path).json["device"] == {"id": enrolled["device"]["id"], "name": "夜巡二号"}
    actions = [event["action"] for event in staff.get("/api/v1/history").json["items"]]
    assert "device.enrolled" in actions


def test_listing_people_and_phones_takes_the_same_statements_however_many(
    app, school, staff, new_phone: Callable
) -> None:
    counts = []
    for _ in range(2):
        new_phone()
        with counted(app) as statements:
            staff.get("/api/v1/devices")
            staff.get("/api/v1/people")
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 12, counts
