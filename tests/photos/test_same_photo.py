"""A photo is the bytes it is made of: the same one may be named often, and no other can take its place."""

from collections.abc import Callable
from pathlib import Path

from tests.phone import Phone
from tests.photos.test_photos import announce, photo, sha256


def files(settings) -> dict[str, bytes]:
    """What lies on the server's disk, by name."""
    return {file.name: file.read_bytes() for file in Path(settings.photos).rglob("*") if file.is_file()}


def test_one_photo_of_two_records_and_two_phones_is_sent_once_and_shown_with_each(
    school, phone: Phone, new_phone: Callable[..., Phone], staff, settings
) -> None:
    content, second = photo(), new_phone(name="夜巡二号")
    assert announce(phone, school, sha256(content))["want_photos"] == [sha256(content)]
    assert announce(phone, school, sha256(content))["want_photos"] == [sha256(content)]
    assert phone.put_photo(content).status_code == 201
    kept = files(settings)
    assert announce(second, school, sha256(content))["want_photos"] == []
    assert second.put_photo(content).status_code == 200
    assert files(settings) == kept
    shown = [finding["photos"] for finding in staff.get("/api/v1/findings").json["items"]]
    assert shown == [[{"sha256": sha256(content), "stored": True, "missing": None}]] * 3


def test_other_bytes_under_a_known_name_are_refused_and_change_nothing(
    school, phone: Phone, staff, settings
) -> None:
    content, other = photo(), photo((640, 480))
    announce(phone, school, sha256(content))
    assert phone.put_photo(content).status_code == 201
    kept = files(settings)
    for spoilt in (other, content[:-1], content + b"\0", content[: len(content) // 2], b""):
        answer = phone.put_photo(spoilt, sha256=sha256(content))
        assert (answer.status_code, answer.json["code"]) == (422, "photo_hash_differs")
    assert files(settings) == kept
    assert staff.get(f"/api/v1/photos/{sha256(other)}").status_code == 404


def test_a_photo_that_was_never_good_leaves_no_trace_and_does_not_stand_before_the_good_one(
    school, phone: Phone, staff, settings
) -> None:
    content = photo()
    announce(phone, school, sha256(content))
    for spoilt in (b"", content[:1000], content[:-1], photo((640, 480))):
        assert phone.put_photo(spoilt, sha256=sha256(content)).status_code == 422
    assert files(settings) == {}
    assert staff.get("/api/v1/findings").json["items"][0]["photos"][0]["stored"] is False
    assert phone.put_photo(content).status_code == 201
    assert staff.get("/api/v1/findings").json["items"][0]["photos"][0]["stored"] is True
