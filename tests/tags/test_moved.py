"""A guard says that a tag hangs elsewhere: his word is kept, and the desk decides."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import SchoolForTest
from tests.phone import Phone
from tests.queries import counted


def say(phone: Phone, code: str, place: str) -> str:
    """Send a guard's word; return its id."""
    record = phone.record("tag_placed", tag=code, data={"place": place, "method": "camera"})
    phone.write(record)
    assert phone.sync()["quarantined"] == []
    return record["id"]


def open_words(client: FlaskClient, **query: object) -> list[dict]:
    return client.get("/api/v1/tags/placements", query_string=query).json["items"]


def settle(client: FlaskClient, name: str, *, move: bool):
    return client.post(f"/api/v1/tags/placements/{name}/settle", json={"move": move})


def place_of(client: FlaskClient, code: str) -> str:
    (tag,) = client.get("/api/v1/tags", query_string={"search": code}).json["items"]
    return tag["place"]["number"]


def test_the_desk_sees_who_said_what_about_which_tag(staff: FlaskClient, school: SchoolForTest, phone: Phone):
    name = say(phone, school.codes["A101"], school.places["A102"])
    (said,) = open_words(staff)
    assert said["id"] == name
    assert (said["tag"]["place"]["number"], said["tag"]["short"]) == ("A101", school.shorts["A101"])
    assert (said["place"]["number"], said["place"]["building"]["name"]) == ("A102", "明德楼")
    assert said["person"]["name"] == "guard"
    # Until somebody decides, nothing moves.
    assert place_of(staff, school.codes["A101"]) == "A101"


def test_a_word_that_agrees_with_what_we_know_needs_no_decision(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    say(phone, school.codes["A101"], school.places["A101"])
    assert open_words(staff) == []


def test_two_tags_that_were_mixed_up_are_put_right_one_after_the_other(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    names = [
        say(phone, school.codes["A101"], school.places["A102"]),
        say(phone, school.codes["A102"], school.places["A101"]),
    ]
    for name in names:
        answer = settle(staff, name, move=True)
        assert (answer.status_code, answer.json["state"]) == (200, "moved")
    assert place_of(staff, school.codes["A101"]) == "A102"
    assert place_of(staff, school.codes["A102"]) == "A101"
    assert open_words(staff) == []
    assert staff.get("/api/v1/tags?state=live").json["total"] == 4
    noted = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "tag.moved"]
    assert [(e["subject"], e["detail"]["before"]) for e in noted] == [
        ("明德楼 A101", "明德楼 A102"),
        ("明德楼 A102", "明德楼 A101"),
    ]
    # From here on a scan counts for the place it hangs on.
    phone.write(phone.checkpoint(tag=school.codes["A101"], place=school.places["A102"]))
    phone.sync()
    (item,) = staff.get("/api/v1/checkpoints").json["items"]
    assert (item["place"]["number"], item["doubts"]) == ("A102", [])


def test_a_tag_that_stays_where_it_belongs_is_decided_too(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    name = say(phone, school.codes["A101"], school.places["A102"])
    assert settle(staff, name, move=False).json["state"] == "kept"
    assert place_of(staff, school.codes["A101"]) == "A101"
    assert open_words(staff) == []
    again = settle(staff, name, move=True)
    assert (again.status_code, again.json["code"]) == (409, "already_settled")
    assert place_of(staff, school.codes["A101"]) == "A101"


def test_a_tag_that_was_retired_meanwhile_does_not_move(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    name = say(phone, school.codes["A101"], school.places["A102"])
    tag = open_words(staff)[0]["tag"]["id"]
    staff.post(f"/api/v1/tags/{tag}/retire", json={"reason": "破损"})
    answer = settle(staff, name, move=True)
    assert (answer.status_code, answer.json["code"]) == (409, "tag_already_replaced")
    assert settle(staff, name, move=False).status_code == 200


@pytest.mark.parametrize("what", ["tag", "place"])
def test_what_nobody_knows_is_shown_and_can_only_be_put_aside(
    staff: FlaskClient, school: SchoolForTest, other_school: SchoolForTest, phone: Phone, what: str
):
    code = other_school.codes["A101"] if what == "tag" else school.codes["A101"]
    place = other_school.places["A101"] if what == "place" else school.places["A102"]
    name = say(phone, code, place)
    (said,) = open_words(staff)
    assert said[what] is None
    assert said["tag_text"] == code
    assert settle(staff, name, move=True).json["code"] == "not_found"
    assert settle(staff, name, move=False).status_code == 200
    assert open_words(staff) == []


def test_nobody_else_sees_or_decides(
    as_role: Callable[..., FlaskClient],
    staff: FlaskClient,
    school: SchoolForTest,
    other_school: SchoolForTest,
    phone: Phone,
):
    name = say(phone, school.codes["A101"], school.places["A102"])
    stranger = as_role("admin", other_school)
    assert open_words(stranger) == []
    assert settle(stranger, name, move=True).status_code == 404
    assert as_role("inspector").get("/api/v1/tags/placements").status_code == 403
    assert len(open_words(staff)) == 1


def test_the_list_is_paged_newest_first_in_two_queries(
    app: Flask, staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    names = [
        say(phone, school.codes[number], school.places["A321"]) for number in ("A101", "A102", "A1-水东")
    ]
    with counted(app) as statements:
        assert [said["id"] for said in open_words(staff, page_size=2)] == names[:0:-1]
    assert len([statement for statement in statements if "FROM placement" in statement]) == 2
    assert [said["id"] for said in open_words(staff, page_size=2, page=2)] == names[:1]
