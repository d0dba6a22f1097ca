"""What a phone is told of tags recognises them and gives none of them away."""

import hashlib

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from campus_patrol.packs.rules import SHORTEST, marks
from qr_codes.payload import ALPHABET, CODE_LENGTH, check_code
from tests.conftest import SchoolForTest
from tests.phone import Phone

CODES = 32**9 * 32 // 36  # nine characters, and a check character that the alphabet has


def hash_of(school: SchoolForTest, text: str) -> str:
    """The hash as a phone makes it, written down once more from the protocol."""
    return hashlib.sha256(f"campus-patrol-tag\0{school.id}\0{text}".encode()).hexdigest()[:32]


@given(st.sets(st.text("0123456789abcdef", min_size=32, max_size=32), max_size=50))
def test_no_two_marks_begin_alike_and_none_is_longer_than_it_must(hashes: set[str]):
    made = marks(hashes)
    assert made.keys() == hashes
    for name, mark in made.items():
        assert [other for other in hashes if other.startswith(mark)] == [name]
        assert len(mark) == SHORTEST or [other for other in hashes if other.startswith(mark[:-1])] != [name]


def test_tags_that_begin_alike_are_told_apart_by_one_digit_more():
    alike = [f"abcdef{digit}" + "0" * 25 for digit in "1239"]
    assert set(marks([*alike, "7" * 32]).values()) == {"abcdef1", "abcdef2", "abcdef3", "abcdef9", "777777"}
    assert marks([]) == {}


def test_a_phone_recognises_each_tag_by_its_code_and_by_its_number(
    staff: FlaskClient, school: SchoolForTest, other_school: SchoolForTest, phone: Phone
):
    tags = phone.client.get("/api/v1/pack", headers=phone.headers()).json["tags"]

    def places(text: str) -> list[str]:
        hashed = hash_of(school, text)
        return [tag["place"] for tag in tags if hashed.startswith((tag["hash"], tag["short_hash"]))]

    for number, place in school.places.items():
        assert places(school.codes[number]) == places(school.shorts[number]) == [place]
    assert [places(code) for code in other_school.codes.values()] == [[]] * 4


def test_a_copied_phone_leaves_a_million_codes_to_choose_from(school: SchoolForTest, phone: Phone):
    """From what the pack holds alone; and the server says of each guess that the tag is unknown."""
    for tag in phone.pack["tags"]:
        assert len(tag["hash"]) <= SHORTEST + 1
        assert CODES / 16 ** len(tag["hash"]) > 100_000
    assert CODES / 16**SHORTEST > 1_800_000
    assert (len(ALPHABET), CODE_LENGTH) == (32, 10)


def test_a_code_that_a_phone_takes_for_a_tag_is_a_doubt_on_the_server(
    staff: FlaskClient, school: SchoolForTest, phone: Phone
):
    # What somebody who guessed from the pack prints and scans: right in form, right place on the phone, not the code.
    guess = next(
        code
        for code in (f"{n:09d}{check}" for n in range(100) for check in ALPHABET)
        if check_code(code) and code not in school.codes.values()
    )
    phone.write(phone.checkpoint(tag=guess, place=school.places["A101"]))
    phone.sync()
    (item,) = staff.get("/api/v1/checkpoints").json["items"]
    assert [doubt["kind"] for doubt in item["doubts"]] == ["tag_unknown"]


@pytest.mark.parametrize("method", ["camera", "photo", "url", "nfc", "typed"])
def test_a_number_is_a_doubt_however_the_phone_says_it_was_read(
    staff: FlaskClient, school: SchoolForTest, phone: Phone, method: str
):
    """There are 100,000 numbers and they stand in large type on every label: a code drawn from one proves nothing."""
    phone.write(phone.checkpoint(tag=school.shorts["A101"], method=method))
    phone.sync()
    (item,) = staff.get("/api/v1/checkpoints").json["items"]
    assert [doubt["kind"] for doubt in item["doubts"]] == ["typed_code"]
    assert item["method"] == method
