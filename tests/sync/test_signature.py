"""A token alone writes nothing: each batch is signed with the key that never leaves the phone."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from campus_patrol.database import any_school, db
from campus_patrol.sync.models import Quarantine, Record, Stream
from tests.phone import KEYS, Phone, instant, minutes_ago


def stored(app) -> tuple[int, int, int]:
    with app.app_context(), any_school():
        return tuple(db.session.query(table).count() for table in (Record, Quarantine, Stream))  # type: ignore[return-value]


def refused(answer: Any) -> bool:
    return (answer.status_code, answer.json["code"]) == (401, "device_signature")


def test_a_signed_batch_is_taken(engine, app, phone: Phone) -> None:
    phone.write(phone.checkpoint())
    assert phone.sync()["ack"] == 1


def test_a_stolen_token_without_the_key_writes_nothing(engine, app, phone: Phone, monkeypatch) -> None:
    thief = Phone(phone.client, phone.token, phone.device, phone.pack, phone.person)
    thief.write(thief.checkpoint())
    for signature in (None, "", "AAAA", "not base64", base64.b64encode(bytes(64)).decode()):
        assert refused(thief.send(thief.body(signature=signature))), signature
    monkeypatch.setitem(KEYS, phone.token, ec.generate_private_key(ec.SECP256R1()))
    assert refused(thief.send(thief.body()))
    assert stored(app) == (0, 0, 0)


def test_no_part_of_a_signed_batch_can_be_changed(app, phone: Phone) -> None:
    for _ in range(3):
        phone.write(phone.checkpoint())
    first, *lines = phone.body().split(b"\n")
    header = json.loads(first)
    changes = {
        "request": "another",
        "stream": "ab" * 16,
        "from": 2,
        "count": 2,
        "next": 9,
        "prev": "ab" * 32,
        "head": phone.hashes[2],
        "device_time": instant(minutes_ago(60)),
    }
    for name, value in changes.items():
        kept = [*lines[:value], b""] if name == "count" else lines
        sent = b"\n".join([json.dumps({**header, name: value}).encode(), *kept])
        assert refused(phone.send(sent)), name
    assert stored(app) == (0, 0, 0)


def test_lines_that_are_not_the_signed_ones_do_not_enter_the_log(app, phone: Phone) -> None:
    phone.write(phone.checkpoint())
    body = phone.body()
    answer = phone.send(body.replace(b'"camera"', b'"typed!"'))
    assert (answer.status_code, answer.json["code"]) == (409, "fork")
    assert stored(app)[0] == 0


def test_a_request_that_somebody_recorded_and_plays_again_changes_nothing(app, phone: Phone) -> None:
    phone.write(phone.checkpoint())
    recorded = phone.body()
    phone.send(recorded)
    phone.write(phone.checkpoint())
    phone.acked = 1
    phone.sync()
    before = stored(app)
    for _ in range(3):
        assert phone.send(recorded).json["ack"] == 1
    assert stored(app) == before


def test_another_phones_token_does_not_take_a_recorded_request(app, phone: Phone, new_phone) -> None:
    phone.write(phone.checkpoint())
    body, other = phone.body(), new_phone()
    assert refused(other.send(body))


def test_a_refused_batch_is_taken_once_the_phone_was_enrolled_again(app, phone: Phone, new_phone) -> None:
    phone.write(phone.checkpoint())
    assert refused(phone.send(phone.body(signature=None)))
    again = new_phone()
    again.stream, again.lines, again.hashes = phone.stream, phone.lines, phone.hashes
    assert again.sync()["ack"] == 1


def spki(key: Any) -> str:
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(public).decode()


@pytest.mark.parametrize(
    "public",
    [
        "",
        "not base64",
        base64.b64encode(b"no key").decode(),
        spki(ec.generate_private_key(ec.SECP384R1())),
        spki(ed25519.Ed25519PrivateKey.generate()),
    ],
    # Not by their value: processes that share the tests must give them the same names.
    ids=["nothing", "no base64", "no key", "another curve", "another kind"],
)
def test_a_key_that_nothing_could_be_checked_with_does_not_use_up_the_code(app, staff, public: str) -> None:
    code = staff.post("/api/v1/enrolments", json={}).json["code"]
    answer = app.test_client().post("/api/v1/enrol", json={"code": code, "public_key": public})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert Phone.enrol(app.test_client(), code, person="nobody").token
