"""The list of checkpoints: filters, search, order, pages, doubts, and nobody else's rows."""

import pytest

from campus_patrol.database import new_id
from tests.phone import minutes_ago
from tests.queries import counted

SHA = "ab" * 32


@pytest.fixture
def walked(school, other_school, phone, new_phone, staff):
    """A small night: six checkpoints here, and the same next door as noise that must never show."""
    for of, carrier in ((school, phone), (other_school, new_phone(other_school))):
        carrier.write(carrier.checkpoint(of.codes["A101"], {"ac": {"value": "on"}}, at=minutes_ago(60)))
        carrier.write(carrier.checkpoint(of.codes["A102"], {"lights": {"value": "on"}}, at=minutes_ago(50)))
        carrier.write(
            carrier.checkpoint(
                of.codes["A1-水东"],
                {"dripping": {"value": "yes", "note": "东侧第3个龙头 100%", "photos": [SHA]}},
                photos=[{"sha256": SHA, "size": 1000}],
                at=minutes_ago(40),
            )
        )
        carrier.write(
            carrier.checkpoint(of.codes["A321"], {"hazard": {"value": "found"}}, at=minutes_ago(30))
        )
        carrier.write(carrier.checkpoint(of.shorts["A321"], method="typed", at=minutes_ago(20)))
        undone = carrier.checkpoint(
            of.shorts["A101"], {"ac": {"value": "on"}}, method="typed", at=minutes_ago(10)
        )
        carrier.write(undone)
        carrier.write(carrier.record("void", ref=undone["id"]))
        carrier.sync()
    return school


def numbers(staff, **query) -> list[str]:
    answer = staff.get("/api/v1/checkpoints", query_string={"sort": "at", **query})
    assert answer.status_code == 200, answer.json
    return [item["place"]["number"] for item in answer.json["items"]]


def test_newest_come_first_unless_asked_otherwise(walked, staff):
    order = ["A101", "A102", "A1-水东", "A321", "A321", "A101"]
    assert numbers(staff) == order
    assert numbers(staff, sort="-at") == order[::-1]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("ac", ["A101"]),
        ("light", ["A102"]),
        ("leak", ["A1-水东"]),
        ("hazard", ["A321"]),
        ("abnormal", ["A101", "A102", "A1-水东", "A321"]),
        ("doubt", ["A321"]),
    ],
)
def test_a_filter_shows_what_counts_and_nothing_struck_out(walked, staff, only, expected):
    assert numbers(staff, only=only) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("A102", ["A102"]),
        ("第3个龙头", ["A1-水东"]),
        ("明德楼 A321", ["A321", "A321"]),
        ("100%", ["A1-水东"]),
        ("%", ["A1-水东"]),
        ("_", []),
        ("other-", []),
    ],
)
def test_search_finds_words_as_they_are_written(walked, staff, search, expected):
    assert numbers(staff, search=search) == expected


def test_place_person_and_building_narrow_the_list(walked, other_school, staff):
    assert numbers(staff, place=walked.places["A102"]) == ["A102"]
    assert len(numbers(staff, person=walked.people["guard"])) == 6
    assert numbers(staff, person=walked.people["admin"]) == []
    assert len(numbers(staff, building=walked.building)) == 6
    assert numbers(staff, building=other_school.building) == []
    assert numbers(staff, person=other_school.people["guard"]) == []


def test_a_page_holds_its_part_and_the_total_counts_this_school_only(walked, staff):
    answer = staff.get("/api/v1/checkpoints", query_string={"page": 2, "page_size": 4}).json
    assert (answer["total"], answer["page"], answer["page_size"], len(answer["items"])) == (6, 2, 4, 2)


def test_one_checkpoint_reads_as_it_does_in_the_list(walked, staff):
    for item in staff.get("/api/v1/checkpoints").json["items"]:
        assert staff.get(f"/api/v1/checkpoints/{item['id']}").json == item


def test_another_schools_checkpoint_and_none_look_the_same(walked, other_school, as_role, staff):
    theirs = as_role("admin", other_school).get("/api/v1/checkpoints").json["items"][0]["id"]
    answers = [staff.get(f"/api/v1/checkpoints/{wanted}") for wanted in (theirs, new_id())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json == answers[1].json


def test_a_photo_shows_as_named_until_its_bytes_came(walked, staff):
    (item,) = staff.get("/api/v1/checkpoints", query_string={"only": "leak"}).json["items"]
    assert item["photos"] == [{"sha256": SHA, "stored": False, "missing": None}]


def test_the_list_takes_the_same_statements_for_one_row_and_for_many(app, walked, staff):
    def statements(page_size: int) -> int:
        with counted(app) as seen:
            assert staff.get("/api/v1/checkpoints", query_string={"page_size": page_size}).status_code == 200
        return len(seen)

    assert statements(1) == statements(50) <= 6


@pytest.mark.parametrize(
    "query",
    [
        {"only": "everything"},
        {"sort": "name"},
        {"night": "yesterday"},
        {"page": 0},
        {"page_size": 201},
        {"search": "x" * 101},
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_what_is_wrong(school, staff, query):
    answer = staff.get("/api/v1/checkpoints", query_string=query)
    assert answer.status_code == 422
    assert answer.json["code"] == "invalid"
    assert next(iter(query)) in str(answer.json["errors"])


def the_doubt(staff) -> str:
    (item,) = staff.get("/api/v1/checkpoints", query_string={"only": "doubt"}).json["items"]
    return item["doubts"][0]["id"]


def test_a_cleared_doubt_is_gone_from_the_filter_and_written_into_the_history(walked, staff):
    doubt = the_doubt(staff)
    answer = staff.post(f"/api/v1/doubts/{doubt}/clear", json={"note": "标签脏了,已换"})
    assert answer.status_code == 200
    assert answer.json["cleared_at"] is not None
    assert numbers(staff, only="doubt") == []
    event = staff.get("/api/v1/history").json["items"][0]
    assert event["action"] == "doubt.cleared"
    assert event["subject"] == "A321"
    assert event["detail"]["note"] == "标签脏了,已换"
    assert event["person"]["name"] == "admin"


def test_a_doubt_is_cleared_once(walked, staff):
    doubt = the_doubt(staff)
    staff.post(f"/api/v1/doubts/{doubt}/clear", json={})
    again = staff.post(f"/api/v1/doubts/{doubt}/clear", json={})
    assert (again.status_code, again.json["code"]) == (409, "already_cleared")


def test_nobody_clears_another_schools_doubt_or_one_that_is_not_there(walked, other_school, as_role, staff):
    for doubt in (the_doubt(as_role("admin", other_school)), new_id()):
        answer = staff.post(f"/api/v1/doubts/{doubt}/clear", json={})
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_an_inspector_reads_the_night_and_clears_nothing(walked, as_role, staff):
    doubt = the_doubt(staff)
    inspector = as_role("inspector")
    assert len(numbers(inspector)) == 6
    answer = inspector.post(f"/api/v1/doubts/{doubt}/clear", json={})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_the_pack_tells_the_last_look_at_each_place(walked, phone):
    pack = phone.client.get("/api/v1/pack", headers=phone.headers()).json
    looks = {place["number"]: place["last"] for place in pack["places"]}
    assert looks["A101"]["abnormal"] == ["ac"]
    assert looks["A102"]["abnormal"] == ["lights"]
    assert looks["A321"]["abnormal"] == []
    assert looks["A101"]["person_name"] == "guard"
    assert {finding["kind"] for finding in pack["findings"]} == {"ac", "light", "leak", "hazard"}
    assert [question["key"] for question in pack["questions"]][:2] == ["ac", "lights"]
