"""A phone that is not let in hands over what it recorded; nothing of it enters the log by itself."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from campus_patrol import clock
from campus_patrol.audit.service import verify
from campus_patrol.database import any_school, db
from campus_patrol.people.models import Device
from campus_patrol.rescues.models import RescueCode
from campus_patrol.sync.models import Quarantine, Record, Stream
from tests.conftest import SchoolForTest
from tests.phone import GENESIS, Phone, instant


@pytest.fixture
def code(staff: FlaskClient) -> Callable[[], str]:
    """Make a rescue code at the desk."""
    return lambda: staff.post("/api/v1/rescue-codes").json["code"]


@pytest.fixture
def revoked(school, staff: FlaskClient, phone: Phone) -> Phone:
    """A phone that was shut out with one record on the server and three on itself."""
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    for number in ("A101", "A102", "A321"):
        phone.write(phone.checkpoint(tag=school.codes[number], readings={"lights": {"value": "on"}}))
    assert staff.post(f"/api/v1/devices/{phone.device['id']}/revoke").status_code == 200
    return phone


def hand_over(
    phone: Phone, code: str, first: int = 1, last: int | None = None, **header: Any
) -> TestResponse:
    """Send lines with a rescue code, by default all that the phone holds."""
    return phone.client.post(
        "/api/v1/rescue",
        data=phone.body(first, last, **{"code": code, "name": "门卫一号", **header}),
        headers=phone.headers(**{"Content-Type": "application/x-ndjson"}),
    )


def counts(app: Flask) -> tuple[int, list[tuple[int, bytes]]]:
    """How many lines the log holds, and what waits for a decision."""
    with app.app_context(), any_school():
        aside = db.session.query(Quarantine).where(Quarantine.code == "rescued").order_by(Quarantine.n)
        return db.session.query(Record).count(), [(row.n, row.line) for row in aside]


def test_a_revoked_phone_hands_over_its_records_and_none_enters_the_log(
    engine, app, staff, revoked: Phone, code
) -> None:
    answer = hand_over(revoked, code())
    assert answer.status_code == 200, answer.json
    assert answer.json["head"] == revoked.hashes[4]
    assert (answer.json["from"], answer.json["count"], answer.json["aside"]) == (1, 4, 3)
    logged, aside = counts(app)
    assert logged == 1
    assert aside == [(n, revoked.lines[n - 1]) for n in (2, 3, 4)]
    shown = staff.get("/api/v1/quarantine").json["items"]
    assert [row["code"] for row in shown] == ["rescued"] * 3
    assert {row["device"]["id"] for row in shown} == {revoked.device["id"]}
    assert revoked.send(revoked.body()).json["code"] == "device_revoked"


def test_a_supervisor_sees_whose_records_wait(school, staff, revoked: Phone, code) -> None:
    hand_over(revoked, code())
    [waiting] = staff.get("/api/v1/rescues").json["items"]
    first, last = (json.loads(revoked.lines[n - 1])["at"] for n in (2, 4))
    assert waiting == {
        "stream": revoked.stream,
        "device": {"id": revoked.device["id"], "name": revoked.device["name"]},
        "person": {"id": school.people["guard"], "name": "guard"},
        "count": 3,
        "first_at": first,
        "last_at": last,
        "received_at": waiting["received_at"],
    }


def test_a_phone_that_no_server_knows_any_more_hands_over_too_and_stays_shut_out(
    app, school, staff, phone: Phone, code
) -> None:
    phone.token = "a-token-of-a-server-that-is-gone"
    phone.write(phone.checkpoint())
    answer = hand_over(phone, code())
    assert (answer.status_code, answer.json["aside"]) == (200, 1)
    [waiting] = staff.get("/api/v1/rescues").json["items"]
    assert waiting["device"]["name"] == "门卫一号"
    assert phone.send(phone.body()).json["code"] == "device_revoked"
    again = code()
    assert hand_over(phone, again).status_code == 200
    with app.app_context(), any_school():
        assert db.session.query(Device).where(Device.name == "门卫一号").count() == 1


def test_the_same_batch_sent_again_after_a_lost_answer_is_kept_once(app, revoked: Phone, code) -> None:
    made = code()
    first, again = hand_over(revoked, made, 1, 3), hand_over(revoked, made, 1, 3)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json["head"] == revoked.hashes[3]
    assert hand_over(revoked, made, 4).status_code == 200
    assert counts(app)[1] == [(n, revoked.lines[n - 1]) for n in (2, 3, 4)]


def test_lines_that_came_under_another_stream_before_are_not_asked_about(
    app, staff, new_phone, revoked: Phone, code
) -> None:
    """A phone moves all it holds to a new stream when the server speaks of another history than its own."""
    moved = new_phone()
    for line in revoked.lines:
        moved.write(line)
    assert hand_over(moved, code()).json["aside"] == 3
    assert [n for n, _ in counts(app)[1]] == [2, 3, 4]


def test_one_code_is_for_one_phone(app, revoked: Phone, new_phone, code) -> None:
    made = code()
    assert hand_over(revoked, made).status_code == 200
    thief = new_phone()
    thief.write(thief.checkpoint())
    answer = hand_over(thief, made)
    assert (answer.status_code, answer.json["code"]) == (401, "rescue_used")
    assert len(counts(app)[1]) == 3


def change(app: Flask, **values: Any) -> None:
    with app.app_context(), any_school():
        [row] = db.session.query(RescueCode).all()
        for name, value in values.items():
            setattr(row, name, value)
        db.session.commit()


def test_a_code_nobody_used_in_ten_minutes_is_worth_nothing(app, revoked: Phone, code) -> None:
    made = code()
    change(app, expires_at=clock.now() - timedelta(seconds=1))
    answer = hand_over(revoked, made)
    assert (answer.status_code, answer.json["code"]) == (401, "rescue_expired")
    assert counts(app)[1] == []


def test_a_phone_that_began_in_time_may_finish_within_the_hour(app, revoked: Phone, code) -> None:
    made = code()
    hand_over(revoked, made, 1, 2)
    change(app, expires_at=clock.now() - timedelta(minutes=20))
    assert hand_over(revoked, made, 3).status_code == 200
    change(app, used_at=clock.now() - timedelta(minutes=61))
    answer = hand_over(revoked, made, 3)
    assert (answer.status_code, answer.json["code"]) == (401, "rescue_expired")


@pytest.mark.parametrize("wrong", ["A" * 26, "", "x" * 80])
def test_without_an_approval_nothing_is_taken(app, revoked: Phone, wrong: str) -> None:
    assert hand_over(revoked, wrong).status_code in (400, 401)
    assert counts(app) == (1, [])


def test_a_code_opens_nothing_but_a_rescue(app, revoked: Phone, code) -> None:
    answer = app.test_client().post("/api/v1/enrol", json={"code": code(), "name": "手机"})
    assert (answer.status_code, answer.json["code"]) == (401, "enrolment_unknown")


def test_another_schools_phone_is_turned_away(
    app, other_school: SchoolForTest, new_phone, staff, code
) -> None:
    stranger = new_phone(other_school)
    stranger.write(stranger.checkpoint())
    answer = hand_over(stranger, code())
    assert (answer.status_code, answer.json["code"]) == (403, "rescue_other_school")
    assert counts(app) == (0, [])


def test_another_school_sees_nothing_of_it(other_school, as_role, revoked: Phone, code) -> None:
    hand_over(revoked, code())
    neighbour = as_role("admin", other_school)
    for list_ in ("rescues", "quarantine"):
        assert neighbour.get(f"/api/v1/{list_}").json["items"] == []


def test_bytes_that_changed_on_the_way_are_not_taken(app, revoked: Phone, code) -> None:
    made = code()
    answer = hand_over(revoked, made, head=revoked.hashes[3])
    assert (answer.status_code, answer.json["code"]) == (422, "rescue_differs")
    assert counts(app)[1] == []
    # The refusal has not used the code up.
    assert hand_over(revoked, made).status_code == 200


def test_a_cut_off_hand_over_is_not_stored_as_whole(app, revoked: Phone, code) -> None:
    body = revoked.body(1, code=code(), name=None)
    for cut in range(0, len(body), max(1, len(body) // 64)):
        answer = revoked.client.post(
            "/api/v1/rescue",
            data=body[:cut],
            headers=revoked.headers(**{"Content-Type": "application/x-ndjson"}),
        )
        assert answer.status_code in (400, 429), cut
    assert counts(app)[1] == []


def test_lines_without_their_beginning_can_be_handed_over(app, revoked: Phone, code) -> None:
    """A phone lets go of what a backup holds; a server that was set up anew has none of it."""
    revoked.stream = "ab" * 16
    revoked.hashes = [GENESIS]
    lines, revoked.lines = revoked.lines, []
    for line in lines:
        revoked.write(line)
    assert hand_over(revoked, code(), 3).status_code == 200
    assert [n for n, _ in counts(app)[1]] == [3, 4]


def test_a_code_is_said_to_be_used_when_its_phone_has_come(staff, revoked: Phone) -> None:
    made = staff.post("/api/v1/rescue-codes").json
    assert made["url"].endswith(f"/#rescue={made['code']}")
    assert len(made["matrix"]) == len(made["matrix"][0])
    assert len(made["code"]) == 26
    before = staff.get(f"/api/v1/rescue-codes/{made['id']}").json
    assert (before["used_at"], before["device"]) == (None, None)
    hand_over(revoked, made["code"])
    after = staff.get(f"/api/v1/rescue-codes/{made['id']}").json
    assert after["used_at"].endswith("Z")
    assert after["device"]["id"] == revoked.device["id"]
    [event] = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "rescue.received"]
    assert event["subject"] == revoked.device["name"]


def test_guessing_codes_is_slowed_down(revoked: Phone) -> None:
    answers = [hand_over(revoked, f"{i:026d}").status_code for i in range(70)]
    assert set(answers) == {401, 429}


def test_a_phone_that_handed_over_can_be_enrolled_as_usual(
    app, staff, revoked: Phone, new_phone, code
) -> None:
    hand_over(revoked, code())
    again = new_phone()
    again.write(again.record("boot", data={"reason": "rescued", "app": "1.0.0"}, person=None))
    assert again.sync()["ack"] == 1


def accept(staff: FlaskClient, phone: Phone) -> TestResponse:
    return staff.post(f"/api/v1/rescues/{phone.stream}/accept")


def test_accepted_records_are_in_the_log_as_they_were_made_and_count_like_any_others(
    engine, app, settings, school, staff, revoked: Phone, code
) -> None:
    hand_over(revoked, code())
    before = staff.get("/api/v1/checkpoints").json["total"]
    answer = accept(staff, revoked)
    assert (answer.status_code, answer.json) == (200, {"records": 3, "aside": 0})
    with app.app_context(), any_school():
        rows = db.session.query(Record).where(Record.stream != revoked.stream).order_by(Record.n).all()
        assert [row.line for row in rows] == revoked.lines[1:]
        assert len({row.stream for row in rows}) == 1
        device = db.session.get(Device, revoked.device["id"])
        assert device.revoked_at is not None
        seen = device.seen_at
    assert staff.get("/api/v1/checkpoints").json["total"] == before + 3
    assert {f["place"]["id"] for f in staff.get("/api/v1/findings").json["items"]} == {
        school.places[n] for n in ("A101", "A102", "A321")
    }
    assert staff.get("/api/v1/rescues").json["items"] == []
    assert staff.get("/api/v1/quarantine").json["items"] == []
    assert staff.get("/api/v1/losses").json["items"] == []
    [event] = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "rescue.accepted"]
    assert (event["person"]["name"], event["detail"]["records"]) == ("admin", 3)
    assert revoked.send(revoked.body()).json["code"] == "device_revoked"
    with app.app_context(), any_school():
        assert db.session.get(Device, revoked.device["id"]).seen_at == seen
    for outcome in verify(database=settings.database, keys=settings.keys):
        assert outcome.faults == []


def test_what_was_accepted_is_accepted_once(staff, revoked: Phone, code) -> None:
    hand_over(revoked, code())
    assert accept(staff, revoked).status_code == 200
    assert (accept(staff, revoked).status_code, accept(staff, revoked).json["code"]) == (404, "not_found")
    assert hand_over(revoked, code()).json["aside"] == 0
    assert staff.get("/api/v1/checkpoints").json["total"] == 4


def test_a_line_nobody_understands_does_not_hold_up_the_others(staff, revoked: Phone, code) -> None:
    revoked.write(b"not json")
    revoked.write(revoked.checkpoint())
    hand_over(revoked, code())
    assert accept(staff, revoked).json == {"records": 5, "aside": 1}
    [left] = staff.get("/api/v1/quarantine").json["items"]
    assert (left["code"], left["line"]) == ("not_json", "not json")


def test_a_record_that_came_by_itself_meanwhile_is_not_doubled(
    staff, revoked: Phone, new_phone, code
) -> None:
    """The phone was enrolled again before anybody decided."""
    hand_over(revoked, code())
    again = new_phone()
    again.stream, again.lines, again.hashes, again.acked = revoked.stream, revoked.lines, revoked.hashes, 1
    again.sync()
    assert accept(staff, revoked).status_code == 200
    assert staff.get("/api/v1/checkpoints").json["total"] == 4


def test_accepted_times_are_read_with_the_clock_the_phone_had(staff, phone: Phone, code) -> None:
    """Its clock was an hour ahead, and that is all that is said of it."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    record = phone.checkpoint(at=ahead)
    phone.write(record)
    hand_over(phone, code(), device_time=instant(ahead))
    assert accept(staff, phone).status_code == 200
    [shown] = staff.get("/api/v1/checkpoints").json["items"]
    [doubt] = [doubt for doubt in shown["doubts"] if doubt["kind"] == "clock_moved"]
    assert doubt["params"]["against"] == "server"
    assert abs(doubt["params"]["seconds"] - 3600) < 60


def test_only_part_of_what_was_announced_leaves_the_rest_as_a_possible_loss(
    app, staff, revoked: Phone, code
) -> None:
    with app.app_context(), any_school():
        db.session.get(
            Stream, (staff.get("/api/v1/session").json["school"]["id"], revoked.stream)
        ).ended = "lost"
        db.session.commit()
    hand_over(revoked, code(), 3)
    accept(staff, revoked)
    with app.app_context(), any_school():
        assert [s.ended for s in db.session.query(Stream).where(Stream.stream == revoked.stream)] == ["lost"]


def test_nobody_accepts_another_schools_records(other_school, as_role, revoked: Phone, code) -> None:
    hand_over(revoked, code())
    assert accept(as_role("admin", other_school), revoked).status_code == 404
    assert accept(as_role("inspector"), revoked).status_code == 403


def test_32_who_accept_at_once_accept_once(app, staff, as_role, revoked: Phone, code) -> None:
    hand_over(revoked, code())
    clients = [as_role("supervisor") for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda i: accept(clients[i % 4], revoked).status_code, range(32)))
    assert sorted(set(said)) == [200, 404]
    assert said.count(200) == 1
    assert staff.get("/api/v1/checkpoints").json["total"] == 4
