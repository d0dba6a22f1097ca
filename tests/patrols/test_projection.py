"""What a phone's records become: checkpoints, rounds and doubts, and never a refusal for being odd."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from campus_patrol.database import db, new_id, use_school
from campus_patrol.patrols.models import Checkpoint, Doubt, Round
from campus_patrol.people import service as people
from campus_patrol.tags.models import Tag
from tests.phone import instant, minutes_ago
from tests.queries import counted

ON = {"ac": {"value": "on"}, "lights": {"value": "off"}}


def checkpoints(staff, **query):
    answer = staff.get("/api/v1/checkpoints", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["items"]


def doubts(staff, **query) -> list[tuple[str, dict]]:
    (item,) = checkpoints(staff, **query)
    return [(doubt["kind"], doubt["params"]) for doubt in item["doubts"]]


def test_a_scan_arrives_with_place_person_phone_and_readings(school, phone, staff):
    record = phone.checkpoint(school.codes["A101"], ON, at=minutes_ago(3))
    phone.write(record)
    phone.sync()
    (item,) = checkpoints(staff)
    assert item["id"] == record["id"]
    assert item["at"][:19] == record["at"][:19]
    assert item["place"]["number"] == "A101"
    assert item["place"]["building"] == {"id": school.building, "name": "明德楼"}
    assert item["person"]["id"] == school.people["guard"]
    assert item["device"]["id"] == phone.device["id"]
    assert item["readings"] == ON
    assert item["took_ms"] == 2100
    assert item["doubts"] == []
    assert item["voided_at"] is None


@pytest.mark.parametrize("as_read", ["code", "lower", "url", "short", "spaced"])
def test_however_a_tag_was_read_the_place_is_found(school, phone, staff, as_read):
    code, short = school.codes["A102"], school.shorts["A102"]
    text = {
        "code": code,
        "lower": code.lower(),
        "url": f"HTTPS://PATROL.EXAMPLE.CN/{code}",
        "short": short,
        "spaced": f"{short[:3]} {short[3:]}",
    }[as_read]
    phone.write(phone.checkpoint(text))
    phone.sync()
    (item,) = checkpoints(staff)
    assert item["place"]["number"] == "A102"
    assert item["tag"] == text
    # The number stands in large type on the label: who knows it need not have been there.
    expected = ["typed_code"] if as_read in ("short", "spaced") else []
    assert [doubt["kind"] for doubt in item["doubts"]] == expected


def test_a_tag_nobody_knows_is_kept_with_the_place_the_phone_named(school, phone, staff):
    phone.write(phone.checkpoint("0000000000", place=school.places["A101"]))
    phone.sync()
    assert doubts(staff) == [("tag_unknown", {"tag": "0000000000"})]
    assert checkpoints(staff)[0]["place"]["number"] == "A101"


def test_a_tag_of_the_school_next_door_is_named_as_such_and_its_place_stays_unseen(
    school, other_school, phone, staff
):
    phone.write(phone.checkpoint(other_school.codes["A101"], place=other_school.places["A101"]))
    phone.sync()
    assert doubts(staff) == [("tag_other_school", {"tag": other_school.codes["A101"]})]
    assert checkpoints(staff)[0]["place"] is None


def test_a_revoked_tag_still_says_where_the_guard_stood(app, school, phone, staff):
    with app.app_context():
        use_school(school.id)
        tag = db.session.query(Tag).filter_by(code=school.codes["A101"]).one()
        tag.revoked_at = datetime.now(UTC)
        db.session.commit()
    phone.write(phone.checkpoint(school.codes["A101"]))
    phone.sync()
    assert doubts(staff) == [("tag_revoked", {"tag": school.codes["A101"]})]
    assert checkpoints(staff)[0]["place"]["number"] == "A101"


def test_a_typed_number_is_a_doubt_and_a_place_from_the_list_another(school, phone, staff):
    phone.write(phone.checkpoint(school.shorts["A101"], method="typed"))
    phone.write(phone.checkpoint(None, method="list", place=school.places["A102"]))
    phone.sync()
    assert doubts(staff, search="A101") == [("typed_code", {"tag": school.shorts["A101"]})]
    assert doubts(staff, search="A102") == [("no_tag", {})]


def test_when_tag_and_phone_name_two_places_the_tag_counts(school, phone, staff):
    phone.write(phone.checkpoint(school.codes["A101"], place=school.places["A102"]))
    phone.sync()
    assert doubts(staff) == [("place_mismatch", {"said": "A102"})]
    assert checkpoints(staff)[0]["place"]["number"] == "A101"


def test_somebody_switched_off_or_unknown_is_a_doubt(app, school, other_school, phone, staff):
    with app.app_context():
        use_school(school.id)
        people.change_person(person_id=school.people["repairer"], active=False)
        db.session.commit()
    phone.write(phone.checkpoint(school.codes["A101"], person=school.people["repairer"]))
    phone.write(phone.checkpoint(school.codes["A102"], person=other_school.people["guard"]))
    phone.write(phone.checkpoint(school.codes["A321"], person=None))
    phone.sync()
    assert doubts(staff, search="A101") == [("person_off", {"name": "repairer"})]
    assert doubts(staff, search="A102") == [("person_unknown", {})]
    assert doubts(staff, search="A321") == [("person_unknown", {})]
    assert [item["person"] for item in checkpoints(staff, search="A102")] == [None]


def test_a_pin_nobody_checked_is_a_doubt_until_it_was(school, phone, staff):
    phone.write(phone.record("sign_in", data={"verified": False}))
    phone.write(phone.checkpoint(school.codes["A101"]))
    phone.sync()
    phone.write(phone.checkpoint(school.codes["A102"]))
    phone.write(phone.record("sign_in", data={"verified": True}))
    phone.write(phone.checkpoint(school.codes["A321"]))
    phone.write(phone.record("sign_out"))
    phone.write(phone.checkpoint(school.codes["A1-水东"]))
    phone.sync()
    assert doubts(staff, search="水东") == [("pin_unverified", {})]
    assert doubts(staff, search="A101") == [("pin_unverified", {})]
    assert doubts(staff, search="A102") == [("pin_unverified", {})]
    assert doubts(staff, search="A321") == []


def test_a_phone_whose_clock_is_ahead_is_put_right_and_doubted(school, phone, staff):
    ahead = datetime.now(UTC) + timedelta(hours=2)
    phone.write(phone.checkpoint(school.codes["A101"], at=ahead - timedelta(minutes=10)))
    phone.sync(device_time=instant(ahead))
    ((kind, params),) = doubts(staff)
    assert kind == "clock_moved"
    assert params["against"] == "server"
    assert abs(params["seconds"] - 7200) <= 2
    corrected = datetime.fromisoformat(checkpoints(staff)[0]["corrected_at"])
    assert abs(corrected - minutes_ago(10)) < timedelta(seconds=5)


def test_a_clock_put_back_between_two_batches_of_one_boot_is_doubted(school, phone, staff):
    phone.write(phone.checkpoint(school.codes["A101"], at=minutes_ago(5), elapsed=60_000))
    phone.sync()
    phone.write(phone.checkpoint(school.codes["A102"], at=minutes_ago(30), elapsed=120_000))
    phone.sync()
    assert doubts(staff, search="A101") == []
    ((kind, params),) = doubts(staff, search="A102")
    assert (kind, params["against"]) == ("clock_moved", "elapsed")
    assert abs(params["seconds"] - 26 * 60) <= 2


def test_a_record_dated_after_its_own_receipt_counts_at_the_receipt(school, phone, staff):
    phone.write(phone.checkpoint(school.codes["A101"], at=datetime.now(UTC) + timedelta(days=400)))
    phone.write(phone.checkpoint(school.codes["A102"], at="0001-01-01T00:00:00Z", boot="boot-2"))
    assert phone.sync()["quarantined"] == []
    for item in checkpoints(staff):
        assert item["corrected_at"] == item["received_at"]
    assert doubts(staff, search="A101")[0][0] == "clock_moved"


def test_an_undo_strikes_a_checkpoint_out_and_leaves_it_in_the_list(school, phone, staff):
    record = phone.checkpoint(school.codes["A101"], ON)
    phone.write(record)
    phone.write(phone.record("void", ref=record["id"]))
    phone.sync()
    (item,) = checkpoints(staff)
    assert item["voided_at"] is not None
    assert checkpoints(staff, only="abnormal") == []


def test_another_phone_cannot_undo_what_this_one_recorded(school, new_phone, phone, staff):
    record = phone.checkpoint(school.codes["A101"])
    phone.write(record)
    phone.sync()
    second = new_phone(name="夜巡二号")
    second.write(second.record("void", ref=record["id"]))
    assert second.sync()["quarantined"] == []
    assert checkpoints(staff)[0]["voided_at"] is None


def test_a_round_is_started_walked_and_ended_with_its_reason(app, school, phone):
    start = phone.record("round_start", data={"route": None, "night": "2026-11-22"}, at=minutes_ago(30))
    phone.write(start)
    phone.write(phone.checkpoint(school.codes["A101"], round=start["id"], at=minutes_ago(20)))
    phone.write(phone.record("round_end", data={"round": start["id"], "reason": "下雨"}, at=minutes_ago(10)))
    phone.sync()
    with app.app_context():
        use_school(school.id)
        walk = db.session.get_one(Round, start["id"])
        assert abs(walk.ended_at - walk.started_at - timedelta(minutes=20)) < timedelta(seconds=1)
        assert walk.end_reason == "下雨"
        assert walk.person_id == school.people["guard"]


def test_a_guard_whose_phone_was_enrolled_anew_ends_the_round_begun_before(app, school, new_phone, phone):
    start = phone.record("round_start", data={"route": None, "night": "2026-11-22"})
    phone.write(start)
    phone.sync()
    phone.token = new_phone().token
    phone.write(phone.record("round_end", data={"round": start["id"], "reason": None}))
    phone.sync()
    with app.app_context():
        use_school(school.id)
        assert db.session.scalars(select(Round)).one().ended_at is not None


def test_another_phone_of_another_person_cannot_end_a_round(app, school, new_phone, phone):
    start = phone.record("round_start", data={"route": None, "night": "2026-11-22"})
    phone.write(start)
    phone.sync()
    second = new_phone(name="夜巡二号")
    second.write(second.record("round_end", person=school.people["inspector"], data={"round": start["id"]}))
    second.sync()
    with app.app_context():
        use_school(school.id)
        assert db.session.get_one(Round, start["id"]).ended_at is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"method": "telepathy", "readings": {}}, id="unknown method"),
        pytest.param({"readings": {}}, id="no method"),
        pytest.param({"method": "camera", "readings": []}, id="readings are no object"),
        pytest.param({"method": "camera", "readings": {"ac": "on"}}, id="reading is no object"),
        pytest.param({"method": "camera", "readings": {"ac": {"value": 1}}}, id="value is no text"),
        pytest.param(
            {"method": "camera", "readings": {"ac": {"value": "on", "note": "长" * 2001}}}, id="note"
        ),
        pytest.param({"method": "camera", "readings": {"ac": {"value": "on", "grade": "awful"}}}, id="grade"),
        pytest.param({"method": "camera", "readings": {"ac": {"value": "on", "handled": "yes"}}}, id="flag"),
        pytest.param({"method": "camera", "readings": {}, "took_ms": -1}, id="negative time"),
        pytest.param({"method": "camera", "readings": {}, "took_ms": "2100"}, id="time as text"),
        pytest.param({"method": "camera", "readings": {}, "place": "x" * 37}, id="long place"),
        pytest.param(
            {"method": "camera", "readings": {f"q{i}": {"value": "x"} for i in range(41)}}, id="many"
        ),
        pytest.param(
            {"method": "camera", "readings": {"ac": {"value": "on", "photos": ["../x"]}}}, id="photo"
        ),
    ],
)
def test_what_cannot_be_understood_goes_aside_alone(school, phone, staff, data):
    phone.write(phone.record("checkpoint", tag=school.codes["A101"], data=data))
    phone.write(phone.checkpoint(school.codes["A102"]))
    receipt = phone.sync()
    assert [(aside["n"], aside["code"]) for aside in receipt["quarantined"]] == [(1, "shape_invalid")]
    assert receipt["ack"] == 2
    assert [item["place"]["number"] for item in checkpoints(staff)] == ["A102"]


def test_what_a_newer_phone_adds_does_not_matter(school, phone, staff):
    record = phone.checkpoint(school.codes["A101"], {"noise": {"value": "loud", "level": 3}})
    record["data"]["mood"] = "good"
    phone.write(record)
    assert phone.sync()["quarantined"] == []
    (item,) = checkpoints(staff)
    assert item["readings"] == {"noise": {"value": "loud"}}


def test_markup_in_a_note_comes_back_as_the_same_text(school, phone, staff):
    note = "<img src=x onerror=alert(1)> ' OR 1=1 -- % _ \\"
    phone.write(phone.checkpoint(school.codes["A101"], {"ac": {"value": "on", "note": note}}))
    phone.sync()
    assert checkpoints(staff)[0]["note"] == note
    assert checkpoints(staff, search="onerror=alert(1)")[0]["note"] == note


def test_a_batch_takes_the_same_number_of_statements_however_long_it_is(app, school, phone):
    def statements(lines: int) -> int:
        for i in range(lines):
            phone.write(
                phone.checkpoint(
                    school.codes["A101"], ON, method="typed", person=None if i % 2 else phone.person
                )
            )
        with counted(app) as seen:
            phone.sync()
        return len(seen)

    statements(2)
    # Rows go in fifty at a time, into three tables: records, checkpoints and two doubts of each.
    assert statements(4) <= statements(60) <= statements(4) + 4


def test_the_log_keeps_the_line_byte_for_byte_whatever_became_of_it(app, school, phone):
    raw = json.dumps(
        phone.checkpoint(school.codes["A101"]), ensure_ascii=False, indent=None, separators=(" , ", " : ")
    )
    phone.write(raw.encode())
    phone.sync()
    with app.app_context():
        use_school(school.id)
        assert db.session.scalar(db.select(db.func.count()).select_from(Checkpoint)) == 1
        assert db.session.scalar(db.select(db.func.count()).select_from(Doubt)) == 0


def test_resending_what_the_server_has_makes_nothing_twice(school, phone, staff):
    phone.write(phone.checkpoint(school.codes["A101"], ON))
    phone.sync()
    assert phone.send(phone.body(1, 1)).status_code == 200
    # The same line on a new stream: a phone whose database moved house.
    line = phone.lines[0]
    phone.stream, phone.lines, phone.hashes, phone.acked = new_id().replace("-", ""), [], ["0" * 64], 0
    phone.write(line)
    phone.sync()
    assert len(checkpoints(staff)) == 1
    assert staff.get("/api/v1/findings").json["total"] == 1
