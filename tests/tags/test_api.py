"""Tags over HTTP: list, replace, print; who may, and what bad input is answered with."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import event
from werkzeug.http import parse_options_header

from campus_patrol.database import db
from qr_codes import sheet
from qr_codes.payload import TagCode, parse, spaced
from tests.conftest import SchoolForTest, browser


def tags(client: FlaskClient, **query: object) -> list[dict]:
    answer = client.get("/api/v1/tags", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["items"]


def numbers(client: FlaskClient, **query: object) -> list[str]:
    return [tag["place"]["number"] for tag in tags(client, **query)]


def printed(pdf: bytes, folder: Path) -> list[str]:
    """The texts that an independent reader finds on the first page."""
    (folder / "tags.pdf").write_bytes(pdf)
    subprocess.run(
        ["pdftoppm", "-gray", "-r", "150", "-singlefile", folder / "tags.pdf", folder / "tags"], check=True
    )
    with Image.open(folder / "tags.pgm") as image:
        return [found.text for found in zxingcpp.read_barcodes(image)]


def test_the_list_shows_each_tag_with_its_place(
    staff: FlaskClient, school: SchoolForTest, other_school: SchoolForTest
):
    answer = staff.get("/api/v1/tags").json
    assert (answer["total"], answer["page"]) == (4, 1)
    # By floor and then by number, the short ones first; nothing of the school next door.
    assert [tag["place"]["number"] for tag in answer["items"]] == ["A101", "A102", "A1-水东", "A321"]
    first = answer["items"][0]
    assert first["made_at"].endswith("Z")
    assert {
        key: first[key] for key in ("code", "short", "place", "printed_at", "revoked_at", "revoked_reason")
    } == {
        "code": school.codes["A101"],
        "short": school.shorts["A101"],
        "place": {
            "id": school.places["A101"],
            "name": "A101",
            "number": "A101",
            "building": {"id": school.building, "name": "明德楼"},
            "floor": 1,
        },
        "printed_at": None,
        "revoked_at": None,
        "revoked_reason": None,
    }


def test_search_finds_by_short_code_number_and_building(
    staff: FlaskClient, school: SchoolForTest, other_school: SchoolForTest
):
    short = school.shorts["A321"]
    assert numbers(staff, search=short) == ["A321"]
    assert numbers(staff, search=spaced(short)) == ["A321"]
    assert numbers(staff, search=school.codes["A102"].lower()) == ["A102"]
    assert numbers(staff, search="ａ３２１") == ["A321"]
    assert numbers(staff, search="明德 水东") == ["A1-水东"]
    assert numbers(staff, search="A%") == numbers(staff, search="_") == []
    assert numbers(staff, search=other_school.shorts["A101"] + other_school.codes["A101"]) == []
    assert numbers(staff, building=other_school.building) == []
    assert len(numbers(staff, building=school.building)) == 4


def test_the_list_takes_the_same_few_queries_however_long_it_is(app: Flask, staff: FlaskClient):
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    tags(staff, page_size=1)
    short_list = len(statements)
    tags(staff, page_size=200)
    assert len(statements) == 2 * short_list
    assert len([s for s in statements if "FROM tag" in s]) == 4


def test_replacing_revokes_the_old_tag_and_makes_a_new_one(staff: FlaskClient, school: SchoolForTest):
    old = tags(staff, search="A101")[0]
    answer = staff.post(f"/api/v1/tags/{old['id']}/replace", json={"reason": " 被撕掉 "})
    assert answer.status_code == 201
    new = answer.json
    assert new["place"] == old["place"]
    assert new["code"] != old["code"]
    assert new["short"] != old["short"]
    assert new["revoked_at"] is None
    assert [tag["id"] for tag in tags(staff, search="A101", state="live")] == [new["id"]]
    (revoked,) = tags(staff, state="revoked")
    assert (revoked["id"], revoked["revoked_reason"]) == (old["id"], "被撕掉")
    assert revoked["revoked_at"] is not None
    (noted,) = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "tag.replaced"]
    assert noted["subject"] == "明德楼 A101"
    assert noted["detail"] == {"old": old["short"], "new": new["short"], "reason": "被撕掉"}
    assert noted["person"]["id"] == school.people["admin"]


def test_a_tag_is_replaced_once(staff: FlaskClient):
    old = tags(staff)[0]
    assert staff.post(f"/api/v1/tags/{old['id']}/replace", json={"reason": "破损"}).status_code == 201
    again = staff.post(f"/api/v1/tags/{old['id']}/replace", json={"reason": "破损"})
    assert (again.status_code, again.json["code"]) == (409, "tag_already_replaced")
    assert again.mimetype == "application/problem+json"
    assert len(tags(staff)) == 5


def test_renaming_a_place_renames_it_in_the_list_and_keeps_the_tag(staff: FlaskClient, school: SchoolForTest):
    staff.patch(f"/api/v1/places/{school.places['A101']}", json={"name": "心理咨询室", "number": "A199"})
    (tag,) = tags(staff, search="A199")
    assert (tag["place"]["name"], tag["code"]) == ("心理咨询室", school.codes["A101"])


def test_a_printed_sheet_reads_back_and_marks_its_tags_as_printed(
    staff: FlaskClient, school: SchoolForTest, tmp_path: Path
):
    wanted = [school.places["A101"], school.places["A1-水东"]]
    answer = staff.post("/api/v1/tags/sheet", json={"places": wanted})
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    texts = printed(answer.data, tmp_path)
    assert sorted(texts) == sorted(f"HTTP://LOCALHOST/{school.codes[n]}" for n in ("A101", "A1-水东"))
    assert {parse(text) for text in texts} == {
        TagCode(school.codes[n], "localhost") for n in ("A101", "A1-水东")
    }
    assert {tag["place"]["number"] for tag in tags(staff) if tag["printed_at"]} == {"A101", "A1-水东"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"A101", "A102", "A321", "A1-水东"}),
        ({"kind": "tap"}, {"A1-水东"}),
        ({"kind": "room"}, {"A101", "A102", "A321"}),
    ],
)
def test_a_sheet_can_be_narrowed_by_kind(
    staff: FlaskClient, school: SchoolForTest, tmp_path: Path, body: dict, expected: set[str]
):
    answer = staff.post("/api/v1/tags/sheet", json=body)
    codes = {parse(text).code for text in printed(answer.data, tmp_path)}
    assert codes == {school.codes[number] for number in expected}


def test_a_replaced_tag_and_a_closed_place_are_not_printed(
    staff: FlaskClient, school: SchoolForTest, tmp_path: Path
):
    old = tags(staff, search="A101")[0]
    new = staff.post(f"/api/v1/tags/{old['id']}/replace", json={"reason": "破损"}).json
    staff.patch(f"/api/v1/places/{school.places['A321']}", json={"active": False})
    codes = {parse(text).code for text in printed(staff.post("/api/v1/tags/sheet", json={}).data, tmp_path)}
    assert codes == {new["code"], school.codes["A102"], school.codes["A1-水东"]}


def test_the_address_in_the_settings_goes_before_the_requests_own(
    staff: FlaskClient, app: Flask, tmp_path: Path
):
    from dataclasses import replace

    app.extensions["settings"] = replace(app.extensions["settings"], public_url="https://xc.mdsx.cn")
    texts = printed(staff.post("/api/v1/tags/sheet", json={}).data, tmp_path)
    assert {parse(text).host for text in texts} == {"xc.mdsx.cn"}


def test_the_desk_is_told_the_papers_and_what_a_long_address_costs(
    staff: FlaskClient, app: Flask, school: SchoolForTest
):
    from dataclasses import replace

    def told(address: str) -> dict:
        app.extensions["settings"] = replace(app.extensions["settings"], public_url=address)
        answer = staff.get("/api/v1/tags/papers")
        assert answer.status_code == 200
        return answer.json

    short = told("https://xc.mdsx.cn")
    assert (short["characters"], short["short_enough"]) == (29, 29)
    assert [paper["key"] for paper in short["papers"]] == [
        "a4",
        "a5",
        "roll40",
        "roll50",
        "roll60",
        "small25",
    ]
    assert all(paper["read"] == paper["read_short"] for paper in short["papers"])
    long = told("https://campus-patrol.mingde-experimental-school.edu.cn:8443")
    assert long["characters"] == 71
    assert all(paper["read"] < paper["read_short"] for paper in long["papers"])
    # A warning, never a refusal.
    assert staff.post("/api/v1/tags/sheet", json={"paper": "small25"}).status_code == 200


def test_one_tags_code_comes_as_svg_and_png_under_its_places_name(staff: FlaskClient, school: SchoolForTest):
    tag = tags(staff, search="A101")[0]
    png = staff.get(f"/api/v1/tags/{tag['id']}/symbol.png")
    assert png.mimetype == "image/png"
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.data)).convert("L"))
    assert found.text == f"HTTP://LOCALHOST/{school.codes['A101']}"
    svg = staff.get(f"/api/v1/tags/{tag['id']}/symbol.svg")
    assert svg.mimetype == "image/svg+xml"
    assert svg.data.startswith(b"<svg ")
    kind, options = parse_options_header(svg.headers["Content-Disposition"])
    assert (kind, options) == ("attachment", {"filename": f"A101 {tag['place']['name']}.svg"})
    assert not any(tag["printed_at"] for tag in tags(staff))


def test_a_revoked_tag_and_another_schools_have_no_code_to_take(
    staff: FlaskClient, as_role: Callable[..., FlaskClient], other_school: SchoolForTest
):
    theirs = tags(as_role("admin", other_school))[0]["id"]
    ours = tags(staff)[0]["id"]
    staff.post(f"/api/v1/tags/{ours}/replace", json={"reason": "破损"})
    for tag in (theirs, ours, "nothing"):
        answer = staff.get(f"/api/v1/tags/{tag}/symbol.svg")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_drawing_does_not_hold_the_write_lock(
    staff: FlaskClient, app: Flask, school: SchoolForTest, monkeypatch: pytest.MonkeyPatch
):
    """A phone that syncs while a big sheet is drawn must not wait for it."""
    seen: list[bool] = []

    def draw(*args: object, **kwargs: object) -> bytes:
        seen.append(db.session().in_transaction())
        return b"%PDF-"

    monkeypatch.setattr(sheet, "label_sheet", draw)
    assert staff.post("/api/v1/tags/sheet", json={}).status_code == 200
    assert seen == [False]
    assert all(tag["printed_at"] for tag in tags(staff))


@pytest.mark.parametrize(("role", "may"), [("inspector", False), ("supervisor", True), ("admin", True)])
def test_of_those_who_sign_in_supervisors_and_administrators_handle_tags(
    as_role: Callable[..., FlaskClient], staff: FlaskClient, role: str, may: bool
):
    tag = tags(staff)[0]["id"]
    client = as_role(role)
    answers = [
        client.get("/api/v1/tags").status_code,
        client.post(f"/api/v1/tags/{tag}/replace", json={"reason": "破损"}).status_code,
        client.post("/api/v1/tags/sheet", json={"kind": "tap"}).status_code,
        client.post("/api/v1/tags/symbols", json={"type": "svg"}).status_code,
        client.get("/api/v1/tags/papers").status_code,
        client.get(f"/api/v1/tags/{tags(staff, state='live')[0]['id']}/symbol.svg").status_code,
    ]
    assert answers == ([200, 201, 200, 200, 200, 200] if may else [403] * 6)


def test_a_stranger_and_a_phone_are_sent_away(app: Flask, school: SchoolForTest, phone):
    for client in (browser(app), phone.client):
        assert client.get("/api/v1/tags").json["code"] == "signed_out"
        assert client.post("/api/v1/tags/sheet", json={}).status_code in (401, 403)


def test_another_schools_tag_looks_like_one_that_is_not_there(
    as_role: Callable[..., FlaskClient], staff: FlaskClient, other_school: SchoolForTest
):
    theirs = tags(as_role("admin", other_school))[0]
    foreign = staff.post(f"/api/v1/tags/{theirs['id']}/replace", json={"reason": "破损"})
    missing = staff.post("/api/v1/tags/0198-nothing/replace", json={"reason": "破损"})
    assert foreign.status_code == missing.status_code == 404
    assert foreign.data == missing.data
    assert tags(as_role("admin", other_school))[0]["revoked_at"] is None
    sheet_answer = staff.post("/api/v1/tags/sheet", json={"places": [other_school.places["A101"]]})
    assert (sheet_answer.status_code, sheet_answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("replace", {}, 422, "invalid"),
        ("replace", {"reason": ""}, 422, "invalid"),
        ("replace", {"reason": "   "}, 422, "invalid"),
        ("replace", {"reason": "x" * 201}, 422, "invalid"),
        ("replace", {"reason": None}, 422, "invalid"),
        ("replace", {"reason": "破损", "school_id": "other"}, 422, "invalid"),
        ("replace", ["破损"], 422, "invalid"),
        ("sheet", {"paper": "a3"}, 422, "invalid"),
        ("sheet", {"paper": None}, 422, "invalid"),
        ("sheet", {"unprinted": "perhaps"}, 422, "invalid"),
        ("symbols", {}, 422, "invalid"),
        ("symbols", {"type": "gif"}, 422, "invalid"),
        ("symbols", {"type": "svg", "paper": "a4"}, 422, "invalid"),
        ("symbols", {"type": "svg", "kind": "facility"}, 422, "nothing_to_print"),
        ("sheet", {"kind": "roof"}, 422, "invalid"),
        ("sheet", {"places": "A101"}, 422, "invalid"),
        ("sheet", {"places": []}, 422, "invalid"),
        ("sheet", {"places": [1]}, 422, "invalid"),
        ("sheet", {"places": ["x" * 40]}, 422, "invalid"),
        ("sheet", {"places": ["x"] * 2001}, 422, "invalid"),
        ("sheet", {"kind": "facility"}, 422, "nothing_to_print"),
        ("sheet", {"building": "nowhere"}, 422, "nothing_to_print"),
        ("sheet", {"base_url": "https://evil.example"}, 422, "invalid"),
    ],
)
def test_bad_input_gets_its_code_and_changes_nothing(
    staff: FlaskClient, path: str, body: object, status: int, code: str
):
    before = tags(staff)
    target = f"/api/v1/tags/{before[0]['id']}/replace" if path == "replace" else f"/api/v1/tags/{path}"
    answer = staff.post(target, json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert tags(staff) == before


@pytest.mark.parametrize("query", [{"state": "torn"}, {"page": 0}, {"page_size": 201}, {"search": "x" * 81}])
def test_a_bad_question_is_answered_as_such(staff: FlaskClient, query: dict):
    answer = staff.get("/api/v1/tags", query_string=query)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_a_host_that_no_tag_can_carry_is_refused(staff: FlaskClient):
    answer = staff.post("/api/v1/tags/sheet", json={}, headers={"Host": f"{'a' * 70}.example"})
    assert answer.status_code == 400


def test_a_server_without_the_font_says_what_to_run(
    staff: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sheet, "FONT", tmp_path / "none.ttf")
    answer = staff.post("/api/v1/tags/sheet", json={})
    assert (answer.status_code, answer.json["code"]) == (500, "label_font_missing")
    assert "pip install" in answer.json["title"]
    assert str(tmp_path) not in answer.text
    assert not any(tag["printed_at"] for tag in tags(staff))
