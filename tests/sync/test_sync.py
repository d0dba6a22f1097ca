"""What a phone sends is stored once, as it was, in order; and only what is stored is acknowledged."""

import base64
import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from campus_patrol.database import any_school, db, new_id, use_school
from campus_patrol.patrols.models import Checkpoint
from campus_patrol.people.models import Device
from campus_patrol.sync.models import Quarantine, Record, Stream
from tests.phone import GENESIS, Phone, minutes_ago
from tests.queries import counted


def stored(app: Flask, school_id: str, what: type = Record) -> int:
    with app.app_context():
        use_school(school_id)
        return db.session.scalar(select(func.count()).select_from(what))


def test_a_checkpoint_arrives_once_with_the_very_bytes_and_time_of_the_phone(
    app, school, phone: Phone, staff
) -> None:
    at = minutes_ago(90).replace(microsecond=0)
    raw = phone.write(phone.checkpoint(tag=school.codes["A101"], at=at))
    receipt = phone.sync()
    assert (receipt["ack"], receipt["ack_hash"], receipt["quarantined"]) == (1, phone.hashes[1], [])
    with app.app_context():
        use_school(school.id)
        assert db.session.scalars(select(Record)).one().line == raw
        checkpoint = db.session.scalars(select(Checkpoint)).one()
        assert (checkpoint.at, checkpoint.place_id) == (at, school.places["A101"])


def test_sending_the_same_again_changes_nothing(app, school, phone: Phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    body = phone.body()
    first, second = phone.send(body), phone.send(body)
    assert first.status_code == second.status_code == 200
    assert second.json["ack"] == 1
    assert stored(app, school.id) == stored(app, school.id, Checkpoint) == 1


def test_a_batch_that_overlaps_what_is_stored_adds_only_the_new_lines(app, school, phone: Phone) -> None:
    for _ in range(3):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    phone.write(phone.checkpoint(tag=school.codes["A102"]))
    assert phone.send(phone.body(first=2)).json["ack"] == 4
    assert stored(app, school.id) == 4


def test_one_bad_line_is_put_aside_and_does_not_hold_up_the_others(app, school, phone: Phone, staff) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.write(b"{broken")
    phone.write(phone.checkpoint(tag=school.codes["A102"]))
    receipt = phone.sync()
    assert receipt["ack"] == 3
    assert receipt["quarantined"] == [{"n": 2, "id": None, "code": "not_json"}]
    assert stored(app, school.id, Checkpoint) == 2
    listed = staff.get("/api/v1/quarantine").json["items"]
    assert [(row["code"], row["line"]) for row in listed] == [("not_json", "{broken")]
    # Asked again, the phone hears again what was put aside: the first answer may have been lost.
    assert phone.send(phone.body(first=1)).json["quarantined"] == receipt["quarantined"]
    # The answer was lost and the phone sends less this time: the receipt goes further than the batch, and so does this.
    assert phone.send(phone.body(first=1, last=1)).json["quarantined"] == receipt["quarantined"]


def test_lines_after_a_gap_are_refused_with_the_number_that_is_missing(app, school, phone: Phone) -> None:
    for _ in range(3):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    answer = phone.send(phone.body(first=3))
    assert (answer.status_code, answer.json["code"], answer.json["need"]) == (409, "gap", 1)
    assert stored(app, school.id) == 0


def test_another_line_under_a_stored_number_is_a_fork_and_both_are_kept(app, school, phone: Phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    twin = Phone(phone.client, phone.token, phone.device, phone.pack, phone.person, stream=phone.stream)
    other = twin.write(twin.checkpoint(tag=school.codes["A102"]))
    answer = twin.send(twin.body())
    assert (answer.status_code, answer.json["code"], answer.json["at"]) == (409, "fork", 1)
    with app.app_context():
        use_school(school.id)
        aside = db.session.scalars(select(Quarantine)).one()
        assert (aside.code, aside.line) == ("fork", other)
    assert stored(app, school.id) == 1
    # Asked the same again, it is still aside once.
    twin.send(twin.body())
    assert stored(app, school.id, Quarantine) == 1


def test_a_history_that_branched_off_earlier_is_a_fork(app, school, phone: Phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    phone.write(phone.checkpoint(tag=school.codes["A102"]))
    answer = phone.send(phone.body(prev="f" * 64))
    assert (answer.status_code, answer.json["code"]) == (409, "fork")
    assert stored(app, school.id) == 1


def test_a_batch_whose_bytes_changed_on_the_way_is_not_stored(app, school, phone: Phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    body = phone.body().replace(b'"camera"', b'"camerb"')
    answer = phone.send(body)
    assert (answer.status_code, answer.json["code"]) == (409, "fork")
    assert stored(app, school.id) == 0
    assert stored(app, school.id, Quarantine) == 1


def test_a_batch_cut_at_any_byte_is_never_stored_in_part(app, school, phone: Phone) -> None:
    for _ in range(2):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    body = phone.body()
    for cut in range(0, len(body), 37):
        assert phone.send(body[:cut]).status_code == 400
    assert phone.send(body[:-1]).json["code"] == "sync_cut_off"
    assert stored(app, school.id) == 0


def test_a_stream_that_moved_house_with_the_same_lines_is_not_doubled(app, school, phone: Phone) -> None:
    lines = [phone.write(phone.checkpoint(tag=school.codes["A101"])) for _ in range(2)]
    phone.sync()
    moved = Phone(phone.client, phone.token, phone.device, phone.pack, phone.person)
    for line in lines:
        moved.write(line)
    assert moved.sync()["quarantined"] == []
    assert stored(app, school.id, Checkpoint) == 2
    assert stored(app, school.id) == 4


def test_the_same_id_with_other_content_is_a_conflict_that_is_kept_and_shown(
    app, school, phone: Phone
) -> None:
    record = phone.checkpoint(tag=school.codes["A101"])
    phone.write(record)
    phone.write({**record, "tag": school.codes["A102"]})
    receipt = phone.sync()
    assert receipt["ack"] == 2
    assert receipt["quarantined"] == [{"n": 2, "id": None, "code": "id_conflict"}]
    assert stored(app, school.id, Checkpoint) == 1


def test_the_receipt_never_acknowledges_more_than_the_phone_says_it_wrote(app, school, phone: Phone) -> None:
    for _ in range(3):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    answer = phone.send(phone.body(first=2, last=1, next=2))
    assert (answer.json["ack"], answer.json["ack_hash"]) == (1, phone.hashes[1])


def test_an_empty_batch_announces_how_many_wait(app, school, phone: Phone, staff) -> None:
    for _ in range(5):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    answer = phone.send(phone.body(first=1, last=0))
    assert (answer.json["ack"], answer.json["ack_hash"]) == (0, GENESIS)
    assert staff.get("/api/v1/devices").json["items"][0]["waiting"] == 5


def test_the_receipt_is_signed_with_the_key_the_phone_was_given(app, school, staff) -> None:
    code = staff.post("/api/v1/enrolments", json={}).json["code"]
    enrolled = app.test_client().post("/api/v1/enrol", json={"code": code, "name": "手机"}).json
    phone = Phone(
        app.test_client(), enrolled["token"], enrolled["device"], enrolled["pack"], school.people["guard"]
    )
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    receipt = phone.sync()
    key = serialization.load_der_public_key(base64.b64decode(enrolled["server_key"]))
    raw = base64.b64decode(receipt["signature"])
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    names = ("stream", "ack", "ack_hash", "durable", "generation", "server_time")
    text = "\0".join(["campus-patrol-ack", *(str(receipt[name]) for name in names)])
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, text.encode(), ec.ECDSA(hashes.SHA256()))


def test_another_schools_tag_is_recorded_without_its_place_and_with_a_doubt(
    app, school, other_school, phone: Phone, staff
) -> None:
    phone.write(phone.checkpoint(tag=other_school.codes["A101"]))
    phone.sync()
    row = staff.get("/api/v1/checkpoints").json["items"][0]
    assert row["place"] is None
    assert [doubt["kind"] for doubt in row["doubts"]] == ["tag_other_school"]


def test_no_school_sees_what_another_schools_phone_sent(
    app, school, other_school, new_phone, as_role
) -> None:
    phone = new_phone(other_school)
    phone.write(phone.checkpoint(tag=other_school.codes["A101"]))
    phone.write(b"not json")
    phone.sync()
    mine = as_role("admin")
    for path in ("checkpoints", "findings", "quarantine", "devices"):
        assert mine.get(f"/api/v1/{path}").json["total"] == 0, path
    assert as_role("admin", other_school).get("/api/v1/checkpoints").json["total"] == 1


def test_a_stream_name_of_another_school_is_a_stream_of_its_own(
    app, school, other_school, phone, new_phone
) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    other = new_phone(other_school)
    other.stream = phone.stream
    other.write(other.checkpoint(tag=other_school.codes["A101"]))
    assert other.sync()["ack"] == 1
    with app.app_context(), any_school():
        assert db.session.scalar(select(func.count()).select_from(Stream)) == 2


def test_a_phone_enrolled_anew_goes_on_with_its_stream(app, school, phone: Phone, new_phone, staff) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    staff.post(f"/api/v1/devices/{phone.device['id']}/revoke")
    phone.write(phone.checkpoint(tag=school.codes["A102"]))
    assert phone.send(phone.body()).json["code"] == "device_revoked"
    again = new_phone()
    phone.token = again.token
    assert phone.sync()["ack"] == 2
    assert stored(app, school.id, Checkpoint) == 2


@pytest.mark.parametrize("years", [-10, 10])
def test_a_wrong_clock_is_a_doubt_and_never_a_refusal(app, school, phone: Phone, staff, years: int) -> None:
    wrong = datetime.now(UTC) + timedelta(days=365 * years)
    phone.write(phone.checkpoint(tag=school.codes["A101"], at=wrong))
    receipt = phone.sync(device_time=wrong.isoformat())
    assert receipt["ack"] == 1
    assert receipt["quarantined"] == []
    row = staff.get("/api/v1/checkpoints").json["items"][0]
    assert "clock_moved" in [doubt["kind"] for doubt in row["doubts"]]
    assert abs(datetime.fromisoformat(row["corrected_at"]) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_no_database_can_hold_neither_stops_the_queue_nor_the_desk(
    app, school, phone: Phone, staff, at: str
) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"], at=at))
    phone.write(phone.checkpoint(tag=school.codes["A102"]))
    receipt = phone.sync()
    assert (receipt["ack"], receipt["quarantined"]) == (2, [])
    items = staff.get("/api/v1/checkpoints").json["items"]
    assert len(items) == 2
    assert sum(doubt["kind"] == "clock_moved" for item in items for doubt in item["doubts"]) >= 1


def test_a_batch_of_thousands_of_spoilt_lines_is_put_aside_on_the_smallest_sqlite(
    app, school, phone: Phone
) -> None:
    """SQLite takes 32,766 values in a statement unless it was built for more."""

    def limit(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)

    with app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "connect", limit)
    for _ in range(4000):
        phone.write(b"x")
    assert phone.sync()["ack"] == 4000
    assert stored(app, school.id, Quarantine) == 4000


def test_the_record_of_somebody_who_did_not_sign_in_stays_unverified_ever_after(
    app, school, phone: Phone, staff
) -> None:
    phone.write(phone.record("sign_in", data={"verified": True}))
    phone.sync()
    for _ in range(2):
        phone.write(phone.checkpoint(tag=school.codes["A101"], person=school.people["repairer"]))
        phone.sync()
    items = staff.get("/api/v1/checkpoints").json["items"]
    assert [[doubt["kind"] for doubt in item["doubts"]] for item in items] == [["pin_unverified"]] * 2


def test_a_record_that_two_schools_have_under_one_id_shows_its_photo_in_both(
    app, school, other_school, phone: Phone, new_phone
) -> None:
    """A phone that goes to another school may bring lines that the first one has already."""
    photo = {"sha256": "ab" * 32, "size": 10}
    raw = phone.write(phone.checkpoint(photos=[photo]))
    moved = new_phone(other_school)
    moved.write(raw)
    assert phone.sync()["want_photos"] == moved.sync()["want_photos"] == [photo["sha256"]]


def test_32_copies_of_a_batch_at_once_are_stored_once(app, school, phone: Phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    body, answers, gate = phone.body(), [], threading.Barrier(8)

    def send() -> None:
        client = app.test_client()
        gate.wait()
        for _ in range(4):
            answers.append(
                client.post(
                    "/api/v1/sync",
                    data=body,
                    headers=phone.headers(**{"Content-Type": "application/x-ndjson"}),
                )
            )

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 32
    assert {answer.json["ack"] for answer in answers} == {1}
    assert stored(app, school.id) == stored(app, school.id, Checkpoint) == 1


def test_the_photos_of_a_stream_that_moved_house_are_asked_for_where_the_phone_goes_on(
    app, school, phone: Phone
) -> None:
    photo = {"sha256": "b" * 64, "size": 123456}
    phone.write(phone.checkpoint(tag=school.codes["A101"], photos=[photo]))
    assert phone.sync()["want_photos"] == [photo["sha256"]]
    moved = Phone(phone.client, phone.token, phone.device, phone.pack, phone.person)
    for line in phone.lines:
        moved.write(line)
    # Nobody sends in the old stream any more: asked for there alone, a photo would never come.
    assert moved.sync()["want_photos"] == [photo["sha256"]]
    moved.write(moved.checkpoint(tag=school.codes["A102"]))
    assert moved.sync()["want_photos"] == [photo["sha256"]]


def test_a_phone_whose_stream_moved_house_is_told_again_what_was_put_aside(
    app, school, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from campus_patrol.patrols import service as patrols

    def project(records, zone):
        raise RuntimeError("planted")

    with monkeypatch.context() as broken:
        broken.setattr(patrols, "project", project)
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
        [first] = phone.sync()["quarantined"]
    moved = Phone(phone.client, phone.token, phone.device, phone.pack, phone.person)
    for line in phone.lines:
        moved.write(line)
    # The answer to the first may have been lost: only this one tells the guard.
    [again] = moved.sync()["quarantined"]
    assert (again["n"], again["code"]) == (first["n"], "projection_failed")
    assert stored(app, school.id) == 2


def test_a_projection_that_fails_puts_one_line_aside_and_keeps_all_three(
    app, school, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from campus_patrol.patrols import service as patrols

    real = patrols.project
    bad = new_id()

    def project(records, zone):
        if any(record.id == bad for record in records):
            raise RuntimeError("planted")
        return real(records, zone)

    monkeypatch.setattr(patrols, "project", project)
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.write(phone.checkpoint(tag=school.codes["A102"], id=bad))
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    receipt = phone.sync()
    assert receipt["ack"] == 3
    assert receipt["quarantined"] == [{"n": 2, "id": bad, "code": "projection_failed"}]
    assert (stored(app, school.id), stored(app, school.id, Checkpoint)) == (3, 2)


def test_nothing_is_acknowledged_when_the_commit_fails(app, school, phone: Phone, monkeypatch) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        # As late as it gets: everything is written, the last act of the transaction fails.
        patch.setattr(Session, "commit", fail)
        answer = phone.send(phone.body())
    assert (answer.status_code, answer.json["code"]) == (503, "storage_failed")
    assert stored(app, school.id) == 0
    assert phone.sync()["ack"] == 1


def test_the_pack_has_what_the_phone_needs_and_is_sent_once(app, school, other_school, phone: Phone) -> None:
    pack = phone.client.get("/api/v1/pack", headers=phone.headers()).json
    assert {place["id"] for place in pack["places"]} == set(school.places.values())
    assert {person["role"] for person in pack["people"]} == {
        "guard",
        "repairer",
        "inspector",
        "supervisor",
        "admin",
    }
    questions = {place["number"]: place["questions"] for place in pack["places"]}
    assert questions["A101"] == ["ac", "lights", "doors_windows", "hazard"]
    assert questions["A321"] == ["lights", "doors_windows", "hazard"]
    assert questions["A1-水东"] == ["dripping", "running", "hot_water", "hazard"]
    text = json.dumps(pack)
    assert not any(code in text for code in [*school.codes.values(), *other_school.codes.values()])
    again = phone.client.get(f"/api/v1/pack?after={pack['cursor']}", headers=phone.headers()).json
    assert again == {"cursor": pack["cursor"], "unchanged": True}


def test_the_desk_sees_that_something_came(app, school, phone: Phone, staff) -> None:
    before = staff.get("/api/v1/history/head").json["k"]
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    assert staff.get("/api/v1/history/head").json["k"] > before


def test_a_batch_of_a_hundred_takes_a_bounded_number_of_statements(app, school, phone: Phone) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    counts = []
    for size in (5, 100):
        for i in range(size):
            phone.write(
                phone.checkpoint(
                    tag=school.codes["A101" if i % 2 else "A102"], readings={"ac": {"value": "on"}}
                )
            )
        with counted(app) as statements:
            phone.sync()
        counts.append(len(statements))
    # Rows go in fifty at a time, into three tables.
    assert counts[0] <= counts[1] <= counts[0] + 3 <= 40, counts


def test_the_last_person_seen_with_a_phone_is_shown(app, school, phone: Phone, staff) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    phone.sync()
    device = staff.get("/api/v1/devices").json["items"][0]
    assert device["last_person"]["id"] == school.people["guard"]
    with app.app_context(), any_school():
        assert db.session.get(Device, phone.device["id"]).seen_at is not None
