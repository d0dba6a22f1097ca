"""Blank tags: made as a roll, hung by whoever walks past, and bound to the place a guard says."""

import io
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from qr_codes.payload import check_code, parse
from tests.conftest import SchoolForTest
from tests.phone import Phone, minutes_ago


def listed(client: FlaskClient, **query: object) -> list[dict]:
    answer = client.get("/api/v1/tags", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["items"]


def make(client: FlaskClient, count: int) -> list[dict]:
    """Make blank tags, in the order the answer names them."""
    answer = client.post("/api/v1/tags/blank", json={"count": count})
    assert answer.status_code == 201, answer.json
    by_id = {tag["id"]: tag for tag in listed(client, state="blank", page_size=200)}
    return [by_id[name] for name in answer.json["tags"]]


def placed(phone: Phone, code: str, place: str, **fields: object) -> dict:
    """What a phone writes when its guard says where a blank tag hangs."""
    return phone.record("tag_placed", tag=code, data={"place": place, "method": "camera"}, **fields)


def doubts(client: FlaskClient) -> list[tuple[str, str]]:
    """Place and kind of every doubt of the night, oldest checkpoint first."""
    return [
        (item["place"]["number"] if item["place"] else "", doubt["kind"])
        for item in client.get("/api/v1/checkpoints?sort=at").json["items"]
        for doubt in item["doubts"]
    ]


def shown(client: FlaskClient, code: str) -> dict:
    return listed(client, search=code)[0]


def test_a_roll_is_made_at_once_and_stands_after_all_places(staff: FlaskClient, other_school: SchoolForTest):
    roll = make(staff, 120)
    assert len({tag["code"] for tag in roll}) == 120
    assert all(check_code(tag["code"]) and tag["place"] is None for tag in roll)
    shorts = [tag["short"] for tag in roll]
    assert shorts == sorted(shorts)
    everything = listed(staff, page_size=200)
    assert [tag["place"] is None for tag in everything] == [False] * 4 + [True] * 120
    assert [tag["short"] for tag in everything[4:]] == shorts
    # They do not count as live: nothing hangs anywhere yet.
    assert len(listed(staff, state="live")) == 4
    assert listed(staff, search=shorts[7], state="blank")[0]["code"] == roll[7]["code"]


@pytest.mark.parametrize("count", [0, 501, "3", 1.5, None])
def test_a_roll_that_cannot_be_is_not_made(staff: FlaskClient, count: object):
    assert staff.post("/api/v1/tags/blank", json={"count": count}).status_code == 422
    assert listed(staff, state="blank") == []


def test_a_printed_roll_reads_back_and_a_sheet_of_places_leaves_it_out(
    staff: FlaskClient, school: SchoolForTest, tmp_path: Path
):
    def printed(**body: object) -> set[str]:
        answer = staff.post("/api/v1/tags/sheet", json=body)
        assert answer.status_code == 200, answer.json
        (tmp_path / "tags.pdf").write_bytes(answer.data)
        subprocess.run(
            ["pdftoppm", "-gray", "-r", "150", "-singlefile", tmp_path / "tags.pdf", tmp_path / "tags"],
            check=True,
        )
        with Image.open(tmp_path / "tags.pgm") as image:
            return {parse(found.text).code for found in zxingcpp.read_barcodes(image)}

    roll = make(staff, 12)
    assert printed(tags=[tag["id"] for tag in roll]) == {tag["code"] for tag in roll}
    assert all(tag["printed_at"] for tag in listed(staff, state="blank"))
    assert printed() == set(school.codes.values())


def test_blank_tags_on_a_label_roll_come_one_a_label_in_the_order_of_their_numbers(
    staff: FlaskClient, tmp_path: Path
):
    roll = make(staff, 5)
    answer = staff.post("/api/v1/tags/sheet", json={"tags": [tag["id"] for tag in roll], "paper": "roll40"})
    assert answer.status_code == 200, answer.json
    (tmp_path / "roll.pdf").write_bytes(answer.data)
    subprocess.run(["pdftoppm", "-gray", "-r", "254", tmp_path / "roll.pdf", tmp_path / "label"], check=True)
    read = []
    for file in sorted(tmp_path.glob("label-*.pgm")):
        with Image.open(file) as image:
            # 40 by 60 mm, at ten pixels a millimetre.
            assert image.size == pytest.approx((400, 600), abs=1)
            (found,) = zxingcpp.read_barcodes(image)
            read.append(parse(found.text).code)
    assert read == [tag["code"] for tag in roll]
    text = ["pdftotext", "-layout", tmp_path / "roll.pdf", "-"]
    words = subprocess.run(text, check=True, capture_output=True, text=True, encoding="utf-8").stdout
    assert [f"{tag['short'][:3]} {tag['short'][3:]}" in words for tag in roll] == [True] * 5


def test_a_print_shop_gets_the_codes_of_a_roll_named_by_number_when_it_is_asked_for(
    staff: FlaskClient, school: SchoolForTest
):
    def packed(**body: object) -> dict[str, str]:
        answer = staff.post("/api/v1/tags/symbols", json={"type": "png", **body})
        assert answer.status_code == 200, answer.json
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            images = {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}
        return {
            name: parse(found.text).code
            for name, image in images.items()
            for found in zxingcpp.read_barcodes(image.convert("L"))
        }

    roll = make(staff, 3)
    named = {f"{tag['short'][:3]} {tag['short'][3:]}.png": tag["code"] for tag in roll}
    assert packed(tags=[tag["id"] for tag in roll]) == named
    assert set(packed().values()) == set(school.codes.values())
    one = staff.get(f"/api/v1/tags/{roll[0]['id']}/symbol.svg")
    assert (one.status_code, one.data[:5]) == (200, b"<svg ")


def test_a_sheet_of_another_schools_roll_is_not_there(
    staff: FlaskClient, as_role: Callable[..., FlaskClient], other_school: SchoolForTest
):
    theirs = make(as_role("admin", other_school), 2)
    answer = staff.post("/api/v1/tags/sheet", json={"tags": [theirs[0]["id"]]})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert listed(staff, state="blank") == []


def test_the_pack_tells_a_phone_which_tags_are_blank(staff: FlaskClient, school: SchoolForTest, phone: Phone):
    make(staff, 3)
    pack = phone.client.get("/api/v1/pack", headers=phone.headers()).json
    assert sorted(tag["place"] or "" for tag in pack["tags"]) == ["", "", "", *sorted(school.places.values())]
    assert not any(tag["revoked"] for tag in pack["tags"])


def test_a_walk_binds_a_blank_tag_and_retires_the_one_that_hung_there(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    (blank,) = make(staff, 1)
    room = school.places["A321"]
    for line in (
        phone.checkpoint(tag=school.codes["A321"], at=minutes_ago(9)),
        placed(phone, blank["code"], room, at=minutes_ago(5)),
        phone.checkpoint(tag=blank["code"], place=room, at=minutes_ago(4)),
        phone.checkpoint(tag=school.codes["A321"], place=room, at=minutes_ago(1)),
    ):
        phone.write(line)
    assert phone.sync()["quarantined"] == []
    bound = shown(staff, blank["code"])
    assert (bound["place"]["id"], bound["revoked_at"]) == (room, None)
    old = shown(staff, school.codes["A321"])
    assert old["revoked_reason"] == "巡查时换新"
    # It stopped when the guard said so, not when the phone found a signal.
    stopped = datetime.now(UTC) - datetime.fromisoformat(old["revoked_at"])
    assert timedelta(minutes=4) < stopped < timedelta(minutes=6)
    # The old tag was right when it was read before, and is doubtful after.
    assert doubts(staff) == [("A321", "tag_revoked")]
    assert [i["place"]["number"] for i in staff.get("/api/v1/checkpoints").json["items"]] == ["A321"] * 3
    (noted,) = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "tag.placed"]
    assert noted["subject"] == "明德楼 A321"
    assert (noted["detail"]["old"], noted["detail"]["new"]) == ([school.shorts["A321"]], blank["short"])
    assert noted["detail"]["reason"] == "巡查时换新"


def test_a_place_without_a_tag_gets_one_and_nothing_is_retired(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    first, second = make(staff, 2)
    phone.write(placed(phone, first["code"], school.places["A101"]))
    phone.write(placed(phone, second["short"], school.places["A102"]))
    phone.sync()
    # The number under the code does as well as the code.
    assert shown(staff, second["code"])["place"]["number"] == "A102"
    assert {t["place"]["number"] for t in listed(staff, state="revoked")} == {"A101", "A102"}
    assert len(listed(staff, state="live")) == 4


def test_of_two_phones_the_first_word_binds_and_the_second_is_kept_as_a_doubt(
    staff: FlaskClient, school: SchoolForTest, new_phone: Callable[..., Phone]
):
    (blank,) = make(staff, 1)
    one, other = new_phone(), new_phone()
    one.write(placed(one, blank["code"], school.places["A101"]))
    one.sync()
    other.write(placed(other, blank["code"], school.places["A102"]))
    other.write(other.checkpoint(tag=blank["code"], place=school.places["A102"]))
    assert other.sync()["quarantined"] == []
    assert shown(staff, blank["code"])["place"]["number"] == "A101"
    # A102 keeps the tag it had.
    assert shown(staff, school.codes["A102"])["revoked_at"] is None
    assert doubts(staff) == [("A101", "place_mismatch")]


@pytest.mark.parametrize("what", ["the tag", "the place", "both"])
def test_what_nobody_knows_is_kept_and_changes_nothing(
    staff: FlaskClient, school: SchoolForTest, other_school: SchoolForTest, phone: Phone, what: str
):
    (blank,) = make(staff, 1)
    code = blank["code"] if what == "the place" else other_school.codes["A101"]
    place = school.places["A101"] if what == "the tag" else other_school.places["A101"]
    phone.write(placed(phone, code, place))
    assert phone.sync()["quarantined"] == []
    assert len(listed(staff, state="live")) == 4
    assert len(listed(staff, state="blank")) == 1


def test_a_blank_tag_that_nobody_placed_is_recorded_where_the_guard_said_and_doubted(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    (blank,) = make(staff, 1)
    phone.write(phone.checkpoint(tag=blank["code"], at=minutes_ago(2)))
    phone.write(phone.checkpoint(tag=blank["code"], place=school.places["A102"], at=minutes_ago(1)))
    phone.sync()
    assert doubts(staff) == [("", "tag_blank"), ("A102", "tag_blank")]
    assert shown(staff, blank["code"])["place"] is None


def test_a_blank_tag_is_not_replaced(staff: FlaskClient):
    (blank,) = make(staff, 1)
    answer = staff.post(f"/api/v1/tags/{blank['id']}/replace", json={"reason": "丢失"})
    assert (answer.status_code, answer.json["code"]) == (409, "tag_already_replaced")
    assert len(listed(staff, state="blank")) == 1


def test_a_walk_with_a_whole_roll_binds_every_tag(staff: FlaskClient, school: SchoolForTest, phone: Phone):
    roll = make(staff, 4)
    for tag, place in zip(roll, school.places.values(), strict=True):
        phone.write(placed(phone, tag["code"], place))
        phone.write(phone.checkpoint(tag=tag["code"], place=place))
    phone.sync()
    live = listed(staff, state="live")
    assert {tag["code"] for tag in live} == {tag["code"] for tag in roll}
    assert {tag["place"]["id"] for tag in live} == set(school.places.values())
    assert doubts(staff) == []


def test_a_blank_tag_that_was_lost_is_retired_and_binds_no_more(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    (blank,) = make(staff, 1)
    answer = staff.post(f"/api/v1/tags/{blank['id']}/retire", json={"reason": "丢失"})
    assert (answer.status_code, answer.json["place"]) == (200, None)
    phone.write(placed(phone, blank["code"], school.places["A101"]))
    phone.sync()
    assert shown(staff, blank["code"])["place"] is None
    assert shown(staff, school.codes["A101"])["revoked_at"] is None
