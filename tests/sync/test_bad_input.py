"""Bad input: each case has its problem code, loses nothing, and never makes the server fail."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from campus_patrol import clock
from campus_patrol.database import any_school, db, new_id, use_school
from campus_patrol.patrols.models import Checkpoint, Doubt
from campus_patrol.people.models import Enrolment
from campus_patrol.sync.models import Quarantine, Record
from tests.conftest import PASSWORD, PIN, browser
from tests.phone import Phone


def jpeg(size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """A small real JPEG."""
    out = io.BytesIO()
    Image.new("RGB", size, (20, 30, 40)).save(out, "JPEG", **options)
    return out.getvalue()


def a_line(phone: Phone, **changes: Any) -> bytes:
    """A good checkpoint's line with something changed."""
    return json.dumps({**phone.checkpoint(), **changes}).encode()


def data(phone: Phone, **changes: Any) -> bytes:
    """A good checkpoint's line with something in its data changed."""
    record = phone.checkpoint()
    return json.dumps({**record, "data": {**record["data"], **changes}}).encode()


# Lines that cannot be understood: kept in their place, put aside with this code, and the line behind them goes in.
LINES: dict[str, tuple[Callable[[Phone], bytes], str]] = {
    "broken JSON": (lambda p: b'{"v":1,"kind":', "not_json"),
    "an empty line": (lambda p: b"", "not_json"),
    "bytes that are no UTF-8": (lambda p: b'{"v":1,"kind":"\xff\xfe"}', "not_json"),
    "NaN": (lambda p: a_line(p).replace(b'"elapsed": 1000', b'"elapsed": NaN'), "not_json"),
    "a key twice": (lambda p: a_line(p).replace(b'"v": 1', b'"v": 1, "v": 1'), "not_json"),
    "brackets 20,000 deep": (lambda p: b"[" * 20000 + b"]" * 20000, "not_json"),
    "a byte order mark": (lambda p: b"\xef\xbb\xbf" + a_line(p), "not_json"),
    "a list": (lambda p: b"[1,2,3]", "not_object"),
    "a bare string": (lambda p: b'"checkpoint"', "not_object"),
    "a version from the future": (lambda p: a_line(p, v=9), "version_unknown"),
    "true as the version": (lambda p: a_line(p, v=True), "version_unknown"),
    "a kind nobody knows": (lambda p: a_line(p, kind="teleport"), "kind_unknown"),
    "a kind that is a number": (lambda p: a_line(p, kind=7), "kind_unknown"),
    "no id": (lambda p: a_line(p, id=None), "shape_invalid"),
    "an id that is no UUID": (lambda p: a_line(p, id="1 OR 1=1"), "shape_invalid"),
    "an id with a line break behind it": (lambda p: a_line(p, id=f"{new_id()}\n"), "shape_invalid"),
    "a photo's hash with a line break behind it": (
        lambda p: a_line(p, photos=[{"sha256": f"{'0' * 64}\n", "size": 10}]),
        "shape_invalid",
    ),
    "a time that is none": (lambda p: a_line(p, at="yesterday"), "shape_invalid"),
    "a time without its zone": (lambda p: a_line(p, at="2026-11-22T23:30:00"), "shape_invalid"),
    "elapsed as text": (lambda p: a_line(p, elapsed="soon"), "shape_invalid"),
    "elapsed below zero": (lambda p: a_line(p, elapsed=-1), "shape_invalid"),
    "a number of 400 digits": (lambda p: a_line(p, elapsed=10**400), "shape_invalid"),
    "data that is a list": (lambda p: a_line(p, data=[]), "shape_invalid"),
    "readings that are text": (lambda p: data(p, readings="off"), "shape_invalid"),
    "a reading without its value": (lambda p: data(p, readings={"ac": {}}), "shape_invalid"),
    "a way of scanning nobody knows": (lambda p: data(p, method="telepathy"), "shape_invalid"),
    "a photo's hash with a path in it": (
        lambda p: a_line(p, photos=[{"sha256": "../../etc/passwd", "size": 10}]),
        "shape_invalid",
    ),
    "half a surrogate pair": (
        lambda p: data(p, readings={"hazard": {"value": "found", "note": "\ud800"}}),
        "shape_invalid",
    ),
    "a NUL in a note": (
        lambda p: data(p, readings={"hazard": {"value": "found", "note": "a\0b"}}),
        "shape_invalid",
    ),
    "a line of 70 kB": (lambda p: a_line(p, boot="x" * 70_000), "line_too_long"),
}


@pytest.mark.parametrize("case", LINES)
def test_a_line_that_cannot_be_understood_is_kept_and_put_aside(
    app, school, phone: Phone, staff, case: str
) -> None:
    make, code = LINES[case]
    raw = phone.write(make(phone))
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    receipt = phone.sync()
    assert (receipt["ack"], [row["code"] for row in receipt["quarantined"]]) == (2, [code])
    with app.app_context():
        use_school(school.id)
        assert db.session.scalars(select(Record.line).where(Record.n == 1)).one() == raw
        assert db.session.scalars(select(Quarantine.line)).one() == raw
        assert db.session.scalar(select(func.count()).select_from(Checkpoint)) == 1
    assert staff.get("/api/v1/quarantine").json["items"][0]["code"] == code


# Facts that are odd but understood: recorded, and a doubt says what is odd.
DOUBTFUL: dict[str, tuple[Callable[[Phone, Any, Any], dict[str, Any]], str]] = {
    "an unknown tag": (lambda p, mine, other: p.checkpoint(tag="0123456789"), "tag_unknown"),
    "a tag of another school": (
        lambda p, mine, other: p.checkpoint(tag=other.codes["A101"]),
        "tag_other_school",
    ),
    "a typed code": (
        lambda p, mine, other: p.checkpoint(tag=mine.shorts["A101"], method="typed"),
        "typed_code",
    ),
    "a person nobody knows": (
        lambda p, mine, other: p.checkpoint(tag=mine.codes["A101"], person=new_id()),
        "person_unknown",
    ),
    "a person of another school": (
        lambda p, mine, other: p.checkpoint(tag=mine.codes["A101"], person=other.people["guard"]),
        "person_unknown",
    ),
    "another place than the tag's": (
        lambda p, mine, other: p.checkpoint(tag=mine.codes["A101"], place=mine.places["A102"]),
        "place_mismatch",
    ),
    "script in the tag": (
        lambda p, mine, other: p.checkpoint(tag="<script>alert(1)</script>"),
        "tag_unknown",
    ),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_is_odd_is_recorded_with_a_doubt(app, school, other_school, phone: Phone, case: str) -> None:
    make, doubt = DOUBTFUL[case]
    phone.write(make(phone, school, other_school))
    receipt = phone.sync()
    assert (receipt["ack"], receipt["quarantined"]) == (1, [])
    with app.app_context():
        use_school(school.id)
        assert doubt in db.session.scalars(select(Doubt.kind)).all()


def test_html_in_a_note_comes_back_as_the_text_it_was(app, school, phone: Phone, staff) -> None:
    note = "<img src=x onerror=alert(1)> & \"quotes\" 'n' 走廊灯 \u202e"
    readings = {"hazard": {"value": "found", "note": note, "category": "fire", "grade": "major"}}
    phone.write(phone.checkpoint(tag=school.codes["A101"], readings=readings))
    phone.sync()
    assert staff.get("/api/v1/findings").json["items"][0]["description"] == note


# Whole requests that are refused: nothing is stored, and the phone's own line can still be sent afterwards.
BATCHES: dict[str, tuple[Callable[[Phone], tuple[bytes, dict[str, str]]], int, str]] = {
    "an empty body": (lambda p: (b"", {}), 400, "sync_header_invalid"),
    "a header that is no JSON": (lambda p: (b"hello\n", {}), 400, "sync_header_invalid"),
    "a header of the wrong type": (lambda p: (b"[]\n", {}), 400, "sync_header_invalid"),
    "a stream that is no stream": (lambda p: (p.body(stream="../x"), {}), 400, "sync_header_invalid"),
    "a start below one": (lambda p: (p.body(**{"from": 0}), {}), 400, "sync_header_invalid"),
    "a count as text": (lambda p: (p.body(count="1"), {}), 400, "sync_header_invalid"),
    "more lines promised than sent": (lambda p: (p.body(count=2), {}), 400, "sync_cut_off"),
    "a last line without its end": (lambda p: (p.body()[:-1], {}), 400, "sync_cut_off"),
    "a device time without zone": (
        lambda p: (p.body(device_time="2026-11-22"), {}),
        400,
        "sync_header_invalid",
    ),
    "600 kB": (lambda p: (p.body() + b"x" * 600_000, {}), 413, "too_large"),
    "a compressed body": (lambda p: (p.body(), {"Content-Encoding": "gzip"}), 415, "encoding_refused"),
    "the wrong content type": (lambda p: (p.body(), {"Content-Type": "text/plain"}), 415, "type_refused"),
    "no token": (lambda p: (p.body(), {"Authorization": ""}), 401, "device_unknown"),
    "a made-up token": (lambda p: (p.body(), {"Authorization": "Bearer nonsense"}), 401, "device_unknown"),
    "a token as Basic": (lambda p: (p.body(), {"Authorization": f"Basic {p.token}"}), 401, "device_unknown"),
}


@pytest.mark.parametrize("case", BATCHES)
def test_a_request_that_is_refused_stores_nothing_and_loses_nothing(
    app, school, phone: Phone, case: str
) -> None:
    make, status, code = BATCHES[case]
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    body, headers = make(phone)
    answer = phone.client.post(
        "/api/v1/sync",
        data=body,
        headers={**phone.headers(**{"Content-Type": "application/x-ndjson"}), **headers},
    )
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"
    with app.app_context():
        use_school(school.id)
        assert db.session.scalar(select(func.count()).select_from(Record)) == 0
    assert phone.sync()["ack"] == 1


def test_a_revoked_phone_is_told_so_and_keeps_its_records(app, school, phone: Phone, staff) -> None:
    phone.write(phone.checkpoint(tag=school.codes["A101"]))
    staff.post(f"/api/v1/devices/{phone.device['id']}/revoke")
    for answer in (phone.send(phone.body()), phone.client.get("/api/v1/pack", headers=phone.headers())):
        assert (answer.status_code, answer.json["code"]) == (401, "device_revoked")


def test_a_desk_cookie_does_not_open_the_phones_calls(app, school, phone: Phone, staff) -> None:
    answer = staff.post("/api/v1/sync", data=phone.body(), headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status_code, answer.json["code"]) == (401, "device_unknown")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda app, made: "A" * 26, "enrolment_unknown"),
        (lambda app, made: made["code"][:-1], "enrolment_unknown"),
        (lambda app, made: expire(app, made), "enrolment_expired"),
        (lambda app, made: use_up(app, made), "enrolment_used"),
    ],
)
def test_an_enrolment_code_works_once_for_ten_minutes(app, school, staff, spoil: Callable, code: str) -> None:
    made = staff.post("/api/v1/enrolments", json={}).json
    answer = app.test_client().post("/api/v1/enrol", json={"code": spoil(app, made), "name": "手机"})
    assert (answer.status_code, answer.json["code"]) == (401, code)


def expire(app: Any, made: dict[str, str]) -> str:
    """Let the ten minutes pass."""
    with app.app_context(), any_school():
        db.session.get(Enrolment, made["id"]).expires_at = clock.now() - timedelta(seconds=1)
        db.session.commit()
    return made["code"]


def use_up(app: Any, made: dict[str, str]) -> str:
    """Let another phone take the code."""
    assert app.test_client().post("/api/v1/enrol", json={"code": made["code"]}).status_code == 201
    return made["code"]


def test_a_pin_typed_wrong_ten_times_is_slowed_down_for_that_person_alone(app, school, phone: Phone) -> None:
    def check(person: str, pin: str):
        return phone.client.post("/api/v1/pin", json={"person": person, "pin": pin}, headers=phone.headers())

    answers = [check(school.people["guard"], "000000") for _ in range(10)]
    assert [answer.json["code"] for answer in answers] == ["wrong_pin"] * 5 + ["too_many_tries"] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert check(school.people["guard"], PIN).status_code == 429
    assert check(school.people["inspector"], PIN).status_code == 200


def test_a_password_typed_wrong_ten_times_is_slowed_down_from_that_address_alone(app, school) -> None:
    wrong = browser(app)
    answers = [
        wrong.post("/api/v1/session", json={"account": "admin", "password": "wrong-password"})
        for _ in range(10)
    ]
    assert [answer.json["code"] for answer in answers] == ["wrong_password"] * 5 + ["too_many_tries"] * 5
    elsewhere = browser(app)
    elsewhere.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    assert (
        elsewhere.post("/api/v1/session", json={"account": "admin", "password": PASSWORD}).status_code == 200
    )


PHOTOS: dict[str, tuple[Callable[[], bytes], str]] = {
    "text": (lambda: b"not a photo", "photo_not_image"),
    "a script in SVG": (
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        "photo_not_image",
    ),
    "a GIF": (lambda: b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "photo_not_image"),
    "half a JPEG": (lambda: jpeg((640, 480))[:300], "photo_not_image"),
    "30 megapixels": (lambda: jpeg((6000, 5000)), "photo_too_many_pixels"),
}


@pytest.mark.parametrize("case", PHOTOS)
def test_what_is_no_photo_is_refused(phone: Phone, case: str) -> None:
    make, code = PHOTOS[case]
    answer = phone.put_photo(make())
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_a_photo_under_a_wrong_name_is_refused(phone: Phone) -> None:
    answer = phone.put_photo(jpeg(), sha256="0" * 64)
    assert (answer.status_code, answer.json["code"]) == (422, "photo_hash_differs")


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "G" * 64, "A" * 64, "0" * 63])
def test_a_photo_name_that_is_no_hash_is_refused(phone: Phone, name: str) -> None:
    assert phone.put_photo(jpeg(), sha256=name).status_code in (404, 405, 422)


def test_a_photo_of_5_mb_is_too_large(phone: Phone) -> None:
    answer = phone.put_photo(b"\xff\xd8\xff" + b"x" * 5_000_000)
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
