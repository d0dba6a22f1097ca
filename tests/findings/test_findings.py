"""What is found wrong: one finding for each abnormal answer, numbered without a gap, listed for its school only."""

from datetime import UTC, datetime

import pytest

from campus_patrol.database import new_id
from campus_patrol.findings import rules
from tests.phone import minutes_ago
from tests.queries import counted

SHA = "cd" * 32
WRONG = {
    "ac": {"value": "on", "handled": True},
    "lights": {"value": "off"},
    "hazard": {
        "value": "found",
        "note": "配电箱门没锁",
        "category": "electricity",
        "grade": "major",
        "photos": [SHA],
    },
}


def findings(staff, **query):
    answer = staff.get("/api/v1/findings", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["items"]


def report(carrier, of, number: str = "A101", readings=WRONG, **fields):
    record = carrier.checkpoint(
        of.codes[number], readings, photos=[{"sha256": SHA, "size": 9}], **{"at": minutes_ago(5), **fields}
    )
    carrier.write(record)
    carrier.sync()
    return record


def test_each_abnormal_answer_becomes_one_finding(school, phone, staff):
    record = report(phone, school)
    hazard, ac = findings(staff, sort="-number")
    year = datetime.now(UTC).year
    assert (ac["number"], hazard["number"]) == (f"{year}-0001", f"{year}-0002")
    assert (ac["kind"], ac["question"], ac["description"]) == ("ac", "ac", "空调未关")
    assert (hazard["kind"], hazard["category"], hazard["grade"]) == ("hazard", "electricity", "major")
    assert hazard["description"] == "配电箱门没锁"
    assert hazard["photos"] == [{"sha256": SHA, "stored": False, "missing": None}]
    assert hazard["place"]["number"] == "A101"
    assert hazard["person"]["name"] == "guard"
    assert {ac["checkpoint"], hazard["checkpoint"]} == {record["id"]}


def test_what_was_put_right_on_the_spot_is_closed_at_once(school, phone, staff):
    report(phone, school)
    assert [(f["kind"], f["handled"]) for f in findings(staff, status="closed")] == [("ac", True)]
    assert [(f["kind"], f["handled"]) for f in findings(staff, status="open")] == [("hazard", False)]


def test_a_normal_checkpoint_finds_nothing(school, phone, staff):
    report(phone, school, readings={"ac": {"value": "off"}, "dripping": {"value": "no"}})
    assert findings(staff) == []


def test_numbers_run_without_a_gap_and_each_school_has_its_own(
    school, other_school, phone, new_phone, staff, as_role
):
    neighbour = new_phone(other_school)
    for number in ("A101", "A102", "A321"):
        report(phone, school, number)
        report(neighbour, other_school, number)
    year = datetime.now(UTC).year
    expected = [f"{year}-{n:04d}" for n in range(1, 7)]
    assert [f["number"] for f in findings(staff, sort="number")] == expected
    assert [f["number"] for f in findings(as_role("admin", other_school), sort="number")] == expected


def test_a_finding_is_numbered_in_the_year_it_was_found_in(school, phone, staff):
    # Half past midnight on new year's day in Shanghai is still the old year in UTC.
    report(phone, school, at=datetime(2024, 12, 31, 16, 30, tzinfo=UTC))
    report(phone, school, at=datetime(2024, 12, 31, 15, 30, tzinfo=UTC), boot="another")
    report(phone, school, at=datetime(2025, 1, 3, 15, 30, tzinfo=UTC), boot="third")
    assert [f["number"] for f in findings(staff, sort="number")] == [
        "2024-0001",
        "2024-0002",
        "2025-0001",
        "2025-0002",
        "2025-0003",
        "2025-0004",
    ]


def test_a_number_grows_a_digit_when_a_year_is_bad():
    assert rules.number(2026, 1) == "2026-0001"
    assert rules.number(2026, 10_000) == "2026-10000"


def test_an_undone_checkpoint_takes_its_findings_along_and_their_numbers_stay_taken(school, phone, staff):
    record = report(phone, school)
    phone.write(phone.record("void", ref=record["id"]))
    phone.sync()
    assert findings(staff, status="open") == findings(staff, status="closed") == []
    assert all(f["voided_at"] for f in findings(staff))
    report(phone, school)
    assert findings(staff, sort="-number")[0]["number"].endswith("-0004")
    assert [
        f["kind"] for f in phone.client.get("/api/v1/pack", headers=phone.headers()).json["findings"]
    ] == ["hazard"]


def test_something_seen_outside_a_checkpoint_is_a_finding_too(school, other_school, phone, staff):
    for place in (school.places["A321"], other_school.places["A321"], None):
        phone.write(
            phone.record(
                "finding",
                data={"place": place, "kind": "leak", "category": "water", "grade": None, "note": "走廊积水"},
                photos=[{"sha256": SHA, "size": 9}],
            )
        )
    assert phone.sync()["quarantined"] == []
    shown = findings(staff, sort="number")
    assert [f["place"] and f["place"]["number"] for f in shown] == ["A321", None, None]
    assert {(f["kind"], f["grade"], f["description"]) for f in shown} == {("leak", "general", "走廊积水")}
    assert shown[0]["photos"] == [{"sha256": SHA, "stored": False, "missing": None}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "hazard"}, ["hazard"]),
        ({"kind": "ac"}, ["ac"]),
        ({"grade": "major"}, ["hazard"]),
        ({"search": "配电箱"}, ["hazard"]),
        ({"search": "A101 空调"}, ["ac"]),
        ({"search": "%"}, []),
        ({"status": "open", "kind": "ac"}, []),
    ],
)
def test_filters_and_search_narrow_the_list(school, other_school, phone, new_phone, staff, query, expected):
    report(phone, school)
    report(new_phone(other_school), other_school)
    assert [f["kind"] for f in findings(staff, **query)] == expected


def test_place_building_and_night_narrow_the_list(school, other_school, phone, staff):
    report(phone, school)
    night = findings(staff)[0]["night"]
    assert len(findings(staff, night=night)) == 2
    assert findings(staff, night="2020-01-01") == []
    assert len(findings(staff, building=school.building, place=school.places["A101"])) == 2
    assert findings(staff, building=other_school.building) == []


def test_one_finding_is_shown_whole_and_another_schools_is_not_there(
    school, other_school, phone, new_phone, staff
):
    report(phone, school)
    report(new_phone(other_school), other_school)
    mine = findings(staff)[0]
    assert staff.get(f"/api/v1/findings/{mine['id']}").json == mine
    theirs = new_id()
    assert staff.get(f"/api/v1/findings/{theirs}").status_code == 404


def test_another_schools_finding_cannot_be_opened_by_its_id(school, other_school, new_phone, staff, as_role):
    report(new_phone(other_school), other_school)
    theirs = findings(as_role("admin", other_school))[0]["id"]
    answer = staff.get(f"/api/v1/findings/{theirs}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_the_list_takes_the_same_statements_for_one_row_and_for_many(app, school, phone, staff):
    for number in ("A101", "A102", "A321"):
        report(phone, school, number)

    def statements(page_size: int) -> int:
        with counted(app) as seen:
            assert len(findings(staff, page_size=page_size)) == min(page_size, 6)
        return len(seen)

    assert statements(1) == statements(50) <= 5


def test_an_open_finding_goes_into_the_pack_once_for_each_place_and_question(school, phone):
    leak = {"dripping": {"value": "yes"}}
    for minutes in (30, 20, 10):
        report(phone, school, "A1-水东", leak, at=minutes_ago(minutes))
    pack = phone.client.get("/api/v1/pack", headers=phone.headers()).json
    assert [(f["place"], f["kind"], f["description"]) for f in pack["findings"]] == [
        (school.places["A1-水东"], "leak", "水龙头滴漏")
    ]
