"""Tags that scan badly are found from what phones say about reading them, before guards give up on them."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, update

from campus_patrol import clock
from campus_patrol.database import db, use_school
from campus_patrol.reports.rules import FEWEST, SLOW_MS, WINDOW, wear
from campus_patrol.tags.models import Tag
from qr_codes.payload import parse
from tests.conftest import SchoolForTest
from tests.phone import Phone, minutes_ago
from tests.queries import counted

FAST, SLOW = 300, SLOW_MS + 500


def read(
    phone: Phone, tag: str, *, ms: int | None = FAST, method: str = "camera", minutes: float = 5
) -> None:
    """A normal room, read in so many milliseconds; None: a phone that does not say."""
    line = phone.checkpoint(tag=tag, method=method, at=minutes_ago(minutes))
    if ms is not None:
        line["data"]["read_ms"] = ms
    phone.write(line)


def worn(client: FlaskClient, **query: object) -> list[tuple[str, int, int | None, int]]:
    answer = client.get("/api/v1/tags/worn", query_string=query)
    assert answer.status_code == 200, answer.json
    return [
        (item["place"]["number"], item["readings"], item["median_ms"], item["by_hand"])
        for item in answer.json["items"]
    ]


@pytest.fixture(autouse=True)
def printed_long_ago(app: Flask, school: SchoolForTest, other_school: SchoolForTest) -> None:
    for of in (school, other_school):
        with app.app_context():
            use_school(of.id)
            long_ago = clock.now() - timedelta(days=300)
            db.session.execute(update(Tag).values(made_at=long_ago, printed_at=long_ago))
            db.session.commit()


def test_slow_and_typed_tags_are_listed_the_worst_first_and_good_ones_are_not(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    for _ in range(4):
        read(phone, school.codes["A101"])
        read(phone, school.codes["A102"], ms=SLOW)
        read(phone, school.codes["A321"])
    for _ in range(4):
        read(phone, school.shorts["A321"], ms=None, method="typed")
    phone.sync()
    # Half typed is further beyond its limit than 2 s.
    assert worn(staff) == [("A321", 8, FAST, 4), ("A102", 4, SLOW, 0)]


def test_the_median_counts_and_not_one_bad_evening(staff: FlaskClient, school: SchoolForTest, phone: Phone):
    for ms in (FAST, 60_000, FAST, 60_000, FAST):
        read(phone, school.codes["A101"], ms=ms)
    phone.sync()
    assert worn(staff) == []


@pytest.mark.parametrize(
    ("readings", "beyond"),
    [
        ([("camera", SLOW_MS)] * FEWEST, True),
        ([("camera", SLOW_MS - 1)] * FEWEST, False),
        ([("camera", SLOW_MS)] * (FEWEST - 1), False),
        ([("typed", None)] * 3 + [("camera", FAST)] * 7, True),
        ([("photo", None)] * 3 + [("camera", FAST)] * 7, True),
        ([("typed", None)] * 2 + [("camera", FAST)] * 8, False),
        # Older phones do not say how long: nothing is held against the tag.
        ([("camera", None)] * 9, False),
        # One that was read in time twice is not slow because a third reading was.
        ([("camera", None)] * 7 + [("camera", SLOW), ("camera", SLOW)], False),
        # The phone's own camera app opened it, or it was picked from a list: no word about the tag.
        ([("url", None)] * 8 + [("list", None)] * 8 + [("typed", None)] * 2, False),
        ([], False),
    ],
)
def test_the_limits(readings: list[tuple[str, int | None]], beyond: bool):
    assert (wear(readings).badness >= 1) is beyond


def test_only_the_last_ten_readings_count(staff: FlaskClient, school: SchoolForTest, phone: Phone):
    for minutes in range(40, 20, -1):
        read(phone, school.codes["A101"], ms=SLOW, minutes=minutes)
    phone.sync()
    assert worn(staff) == [("A101", 10, SLOW, 0)]
    # Somebody wiped it.
    for minutes in range(20, 10, -1):
        read(phone, school.codes["A101"], minutes=minutes)
    phone.sync()
    assert worn(staff) == []


def test_what_was_read_before_the_last_print_says_nothing_about_the_new_label(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    for _ in range(5):
        read(phone, school.codes["A101"], ms=SLOW)
    phone.sync()
    (tag,) = staff.get("/api/v1/tags/worn").json["items"]
    assert staff.post("/api/v1/tags/sheet", json={"tags": [tag["id"]]}).status_code == 200
    assert worn(staff) == []


def test_worn_tags_and_no_others_are_printed_again_on_the_paper_that_was_chosen(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, tmp_path: Path
):
    for _ in range(FEWEST):
        read(phone, school.codes["A101"], ms=SLOW)
        read(phone, school.codes["A321"], ms=SLOW)
        read(phone, school.codes["A102"])
    phone.sync()
    ids = [item["id"] for item in staff.get("/api/v1/tags/worn").json["items"]]
    answer = staff.post("/api/v1/tags/sheet", json={"tags": ids, "paper": "roll60"})
    assert answer.status_code == 200, answer.json
    (tmp_path / "roll.pdf").write_bytes(answer.data)
    subprocess.run(["pdftoppm", "-gray", "-r", "127", tmp_path / "roll.pdf", tmp_path / "label"], check=True)
    codes = []
    for file in sorted(tmp_path.glob("label-*.pgm")):
        with Image.open(file) as image:
            # 60 by 80 mm, at five pixels a millimetre.
            assert image.size == pytest.approx((300, 400), abs=1)
            codes += [parse(found.text).code for found in zxingcpp.read_barcodes(image)]
    assert codes == [school.codes["A101"], school.codes["A321"]]
    assert worn(staff) == []


def test_neither_old_nor_voided_nor_other_peoples_readings_count(
    app: Flask,
    staff: FlaskClient,
    school: SchoolForTest,
    other_school: SchoolForTest,
    phone: Phone,
    new_phone: Callable[..., Phone],
):
    for _ in range(5):
        read(phone, school.codes["A101"], ms=SLOW, minutes=(WINDOW.days + 1) * 24 * 60)
        voided = phone.checkpoint(tag=school.codes["A102"])
        voided["data"]["read_ms"] = SLOW
        phone.write(voided)
        phone.write(phone.record("void", ref=voided["id"]))
        # An old label of the room, since replaced.
        read(phone, school.codes["A321"], ms=SLOW)
    phone.sync()
    (old,) = staff.get("/api/v1/tags", query_string={"search": "A321"}).json["items"]
    staff.post(f"/api/v1/tags/{old['id']}/replace", json={"reason": "看不清"})
    theirs = new_phone(other_school)
    for _ in range(5):
        read(theirs, other_school.codes["A101"], ms=SLOW)
    theirs.sync()
    assert worn(staff) == []


def test_a_switched_off_place_needs_no_label(staff: FlaskClient, school: SchoolForTest, phone: Phone):
    for _ in range(5):
        read(phone, school.codes["A101"], ms=SLOW)
    phone.sync()
    staff.patch(f"/api/v1/places/{school.places['A101']}", json={"active": False})
    assert worn(staff) == []


def test_the_list_is_paged_and_takes_two_queries_however_long_it_is(
    app: Flask, staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    for ms, number in ((5000, "A101"), (4000, "A102"), (3000, "A321")):
        for _ in range(12):
            read(phone, school.codes[number], ms=ms)
    phone.sync()
    with counted(app) as statements:
        assert [row[0] for row in worn(staff, page_size=2)] == ["A101", "A102"]
    assert len([statement for statement in statements if "FROM tag" in statement]) == 2
    assert [row[0] for row in worn(staff, page_size=2, page=2)] == ["A321"]
    assert staff.get("/api/v1/tags/worn?page_size=2").json["total"] == 3


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_readings_are_found_by_an_index(app: Flask, staff: FlaskClient, school: SchoolForTest):
    with counted(app) as statements:
        worn(staff)
    (first, *_) = [statement for statement in statements if "checkpoint.read_ms" in statement]
    with app.app_context():
        use_school(school.id)
        db.session.execute(select(Tag.id))
        plan = [
            row[3]
            for row in db.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {first}", tuple("x" for _ in range(first.count("?")))
            )
        ]
    looks = [line for line in plan if "checkpoint" in line]
    assert looks
    assert all("USING INDEX ix_checkpoint_school_id_place_id_corrected_at" in line for line in looks), plan


@pytest.mark.parametrize(("role", "may"), [("inspector", False), ("supervisor", True), ("admin", True)])
def test_who_may_see_tags_may_see_the_worn_ones(as_role: Callable[..., FlaskClient], role: str, may: bool):
    assert as_role(role).get("/api/v1/tags/worn").status_code == (200 if may else 403)


def test_a_phone_that_does_not_say_how_long_it_took_is_understood(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    read(phone, school.codes["A101"], ms=None)
    odd = phone.checkpoint(tag=school.codes["A101"])
    odd["data"]["read_ms"] = None
    phone.write(odd)
    wrong = phone.checkpoint(tag=school.codes["A101"])
    wrong["data"]["read_ms"] = -1
    phone.write(wrong)
    assert [line["n"] for line in phone.sync()["quarantined"]] == [3]
    assert staff.get("/api/v1/checkpoints").json["total"] == 2
