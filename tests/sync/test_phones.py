"""What a phone recorded stays what it was, whoever holds it, whatever its clock says, however long it was away."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.patrols.models import Checkpoint, Doubt
from campus_patrol.photos.models import Photo
from campus_patrol.sync.models import Quarantine, Record
from tests.conftest import PIN
from tests.phone import Phone
from tests.photos.test_photos import photo


def count(app: Flask, school_id: str, what: type) -> int:
    with app.app_context():
        use_school(school_id)
        return db.session.scalar(select(func.count()).select_from(what))


def checkpoints(staff) -> dict[str, Any]:
    """The night's list by record."""
    return {row["id"]: row for row in staff.get("/api/v1/checkpoints?page_size=200").json["items"]}


def test_a_record_keeps_its_author_when_somebody_else_holds_the_phone_that_sends_it(
    school, phone: Phone, staff
) -> None:
    guard, repairer = school.people["guard"], school.people["repairer"]
    mine = phone.checkpoint(tag=school.codes["A101"], person=guard)
    nobodys = phone.checkpoint(tag=school.codes["A101"], person=None)
    his = phone.checkpoint(tag=school.codes["A102"], person=repairer)
    for record in (
        phone.record("sign_in", person=guard, data={"verified": True}),
        mine,
        phone.record("sign_out", person=guard),
        nobodys,
        phone.record("sign_in", person=repairer, data={"verified": True}),
        his,
    ):
        phone.write(record)
    phone.sync()
    listed = checkpoints(staff)
    assert listed[mine["id"]]["person"]["id"] == guard
    assert listed[his["id"]]["person"]["id"] == repairer
    assert listed[nobodys["id"]]["person"] is None
    # Nor does it change hands when the phone does.
    phone.write(phone.record("sign_in", person=school.people["inspector"], data={"verified": True}))
    phone.send(phone.body(first=1))
    assert checkpoints(staff) == listed


def test_a_phone_that_was_offline_for_400_days_brings_everything(
    app, school, new_phone: Callable[..., Phone]
) -> None:
    now = datetime.now(UTC)
    with clock.standing_at(now - timedelta(days=400)):
        phone = new_phone()
        phone.write(phone.checkpoint(tag=school.codes["A101"], at=clock.now()))
        phone.sync(device_time=clock.now().isoformat())
    for day in range(400):
        phone.write(phone.checkpoint(tag=school.codes["A101"], at=now - timedelta(days=399 - day, hours=1)))
    receipt = phone.sync()
    assert (receipt["ack"], receipt["quarantined"]) == (401, [])
    with app.app_context():
        use_school(school.id)
        nights = db.session.scalars(select(Checkpoint.night).order_by(Checkpoint.night)).all()
        assert len(set(nights)) >= 400
        assert db.session.scalars(select(Doubt.kind).where(Doubt.kind == "clock_moved")).all() == []


def test_a_revoked_phone_brings_nothing_in_and_all_of_it_once_it_is_let_in_again(
    app, school, phone: Phone, new_phone: Callable[..., Phone], staff
) -> None:
    content = photo()
    for tag in ("A101", "A102"):
        phone.write(phone.checkpoint(tag=school.codes[tag]))
    staff.post(f"/api/v1/devices/{phone.device['id']}/revoke")
    pin = {"person": school.people["guard"], "pin": PIN}
    for answer in (
        phone.send(phone.body()),
        phone.put_photo(content),
        phone.client.get("/api/v1/pack", headers=phone.headers()),
        phone.client.post("/api/v1/pin", json=pin, headers=phone.headers()),
    ):
        assert (answer.status_code, answer.json["code"]) == (401, "device_revoked")
    assert [count(app, school.id, what) for what in (Record, Quarantine, Checkpoint, Photo)] == [0] * 4
    phone.token = new_phone().token
    assert phone.sync()["ack"] == 2
    assert phone.put_photo(content).status_code == 201
    assert count(app, school.id, Checkpoint) == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_clock_that_jumps_by_years_at_every_record_loses_none_and_keeps_their_order(
    app, school, phone: Phone, staff, seed: int
) -> None:
    luck, now = random.Random(seed), datetime.now(UTC)

    def anytime() -> datetime:
        return now + timedelta(seconds=luck.uniform(-1, 1) * 10 * 365 * 86400)

    made = []
    while len(made) < 60:
        for _ in range(luck.randint(1, 8)):
            record = phone.checkpoint(tag=school.codes["A101"], at=anytime())
            made.append(record["id"])
            phone.write(record)
        receipt = phone.sync(device_time=anytime().isoformat())
        assert (receipt["ack"], receipt["quarantined"]) == (len(made), [])
    with app.app_context():
        use_school(school.id)
        assert db.session.scalars(select(Record.id).order_by(Record.log_number)).all() == made
    listed = checkpoints(staff)
    assert set(listed) == set(made)
    for row in listed.values():
        assert "clock_moved" in [doubt["kind"] for doubt in row["doubts"]]
        assert datetime.fromisoformat(row["corrected_at"]) <= datetime.fromisoformat(row["received_at"])


def test_a_phone_installed_anew_in_the_middle_of_a_round_adds_to_it_and_overwrites_nothing(
    app, school, phone: Phone, new_phone: Callable[..., Phone], staff
) -> None:
    walk = phone.record("round_start", data={"route": None, "night": None})
    phone.write(walk)
    before = [phone.checkpoint(tag=school.codes["A101"], round=walk["id"]) for _ in range(3)]
    for record in before:
        phone.write(record)
    phone.sync()
    phone.write(phone.checkpoint(tag=school.codes["A102"], round=walk["id"]))
    phone.send(phone.body(first=5, last=4))
    held = list(phone.lines[:4])
    anew = new_phone()
    data = {"reason": "lost", "app": "1.0.0", "before": {"stream": phone.stream, "next": 6}}
    anew.write(anew.record("boot", data=data, person=None))
    # Numbers begin at one again, and so does the monotonic clock.
    after = [anew.checkpoint(tag=school.codes["A102"], round=walk["id"]) for _ in range(3)]
    for record in after:
        anew.write(record)
    anew.sync()
    assert set(checkpoints(staff)) == {record["id"] for record in (*before, *after)}
    with app.app_context():
        use_school(school.id)
        old = select(Record.line).where(Record.stream == phone.stream).order_by(Record.n)
        assert [bytes(line) for line in db.session.scalars(old)] == held
    losses = staff.get("/api/v1/losses").json["items"]
    assert [(loss["stream"], loss["from"], loss["to"]) for loss in losses] == [(phone.stream, 5, 5)]
