"""Tags that stop: replaced or retired at the desk, still known to phones, and doubted only from then on."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.packs.service import REMEMBERED
from campus_patrol.tags.models import Tag
from tests.conftest import SchoolForTest
from tests.phone import Phone, minutes_ago


def tag_of(client: FlaskClient, short: str) -> dict:
    (tag,) = client.get("/api/v1/tags", query_string={"search": short}).json["items"]
    return tag


def retire(client: FlaskClient, short: str, reason: str = "门拆了"):
    return client.post(f"/api/v1/tags/{tag_of(client, short)['id']}/retire", json={"reason": reason})


def doubts(client: FlaskClient) -> list[list[str]]:
    items = client.get("/api/v1/checkpoints?sort=at").json["items"]
    return [[doubt["kind"] for doubt in item["doubts"]] for item in items]


def test_a_retired_tag_gets_no_successor(staff: FlaskClient, school: SchoolForTest):
    answer = retire(staff, school.shorts["A101"], " 门拆了 ")
    assert (answer.status_code, answer.json["revoked_reason"]) == (200, "门拆了")
    live = staff.get("/api/v1/tags?state=live").json["items"]
    assert sorted(tag["place"]["number"] for tag in live) == ["A1-水东", "A102", "A321"]
    (noted,) = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "tag.retired"]
    assert (noted["subject"], noted["detail"]) == (
        "明德楼 A101",
        {"tag": school.shorts["A101"], "reason": "门拆了"},
    )


def test_a_tag_stops_once(staff: FlaskClient, school: SchoolForTest):
    assert retire(staff, school.shorts["A101"]).status_code == 200
    again = retire(staff, school.shorts["A101"])
    replaced = staff.post(
        f"/api/v1/tags/{tag_of(staff, school.shorts['A101'])['id']}/replace", json={"reason": "破损"}
    )
    for answer in (again, replaced):
        assert (answer.status_code, answer.json["code"]) == (409, "tag_already_replaced")
    assert staff.get("/api/v1/tags").json["total"] == 4


def test_who_may_not_replace_may_not_retire(
    as_role: Callable[..., FlaskClient],
    staff: FlaskClient,
    school: SchoolForTest,
    other_school: SchoolForTest,
):
    tag = tag_of(staff, school.shorts["A101"])["id"]
    refused = as_role("inspector").post(f"/api/v1/tags/{tag}/retire", json={"reason": "破损"})
    assert refused.status_code == 403
    foreign = as_role("admin", other_school).post(f"/api/v1/tags/{tag}/retire", json={"reason": "破损"})
    assert foreign.status_code == 404
    assert tag_of(staff, school.shorts["A101"])["revoked_at"] is None


@pytest.mark.parametrize("verb", ["retire", "replace"])
def test_what_was_read_before_a_tag_stopped_is_not_doubted_however_late_it_arrives(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, app: Flask, verb: str
):
    tag = tag_of(staff, school.shorts["A101"])["id"]
    staff.post(f"/api/v1/tags/{tag}/{verb}", json={"reason": "破损"})
    with app.app_context():
        use_school(school.id)
        db.session.execute(update(Tag).where(Tag.id == tag).values(revoked_at=minutes_ago(10)))
        db.session.commit()
    for minutes in (20, 5):
        phone.write(phone.checkpoint(tag=school.codes["A101"], at=minutes_ago(minutes)))
    phone.sync()
    assert doubts(staff) == [[], ["tag_revoked"]]
    # Both are kept at the place: the tag was its own.
    places = [item["place"]["number"] for item in staff.get("/api/v1/checkpoints").json["items"]]
    assert places == ["A101", "A101"]


@pytest.mark.parametrize(
    ("days", "known"), [(1, True), (REMEMBERED.days - 1, True), (REMEMBERED.days + 1, False)]
)
def test_phones_know_a_tag_that_stopped_for_a_school_year(
    app: Flask, staff: FlaskClient, school: SchoolForTest, phone: Phone, days: int, known: bool
):
    retire(staff, school.shorts["A101"])
    with app.app_context():
        use_school(school.id)
        db.session.execute(
            update(Tag)
            .where(Tag.short == school.shorts["A101"])
            .values(revoked_at=clock.now() - timedelta(days=days))
        )
        db.session.commit()
    pack = phone.client.get("/api/v1/pack", headers=phone.headers()).json
    listed = [tag for tag in pack["tags"] if tag["place"] == school.places["A101"]]
    assert [tag["revoked"] for tag in listed] == ([True] if known else [])
    assert len(pack["tags"]) == (4 if known else 3)
