"""Photos arrive once, lose what they hide, and are seen by their own school alone."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.phone import Phone


def photo(size: tuple[int, int] = (800, 600), **options: object) -> bytes:
    """A real JPEG."""
    out = io.BytesIO()
    Image.new("RGB", size, (12, 40, 90)).save(out, "JPEG", **options)
    return out.getvalue()


def announce(phone: Phone, school, *hashes: str) -> dict:
    """Record a leak with these photos and send the record, not the photos."""
    phone.write(
        phone.checkpoint(
            tag=school.codes["A1-水东"],
            readings={"dripping": {"value": "yes", "photos": list(hashes)}},
            photos=[{"sha256": sha, "size": 1000} for sha in hashes],
        )
    )
    return phone.sync()


def sha256(content: bytes) -> str:
    """The name a photo has everywhere."""
    return hashlib.sha256(content).hexdigest()


def test_the_receipt_asks_for_a_photo_until_it_is_here(school, phone: Phone, staff) -> None:
    content = photo()
    assert announce(phone, school, sha256(content))["want_photos"] == [sha256(content)]
    finding = staff.get("/api/v1/findings").json["items"][0]
    assert finding["photos"] == [{"sha256": sha256(content), "stored": False, "missing": None}]
    assert phone.put_photo(content).status_code == 201
    assert phone.put_photo(content).status_code == 200
    assert phone.send(phone.body(first=2, last=1)).json["want_photos"] == []
    assert staff.get("/api/v1/findings").json["items"][0]["photos"][0]["stored"] is True


def test_a_photo_whose_file_was_lost_is_taken_in_again(phone: Phone, staff, settings) -> None:
    content = photo()
    assert phone.put_photo(content).status_code == 201
    for file in Path(settings.photos).rglob("*.jpg"):
        file.unlink()
    assert phone.put_photo(content).status_code == 200
    assert staff.get(f"/api/v1/photos/{sha256(content)}").status_code == 200


def test_what_is_kept_has_no_gps_and_nothing_behind_the_image(school, phone: Phone, staff, settings) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET-MAKER"
    exif.get_ifd(0x8825)[1] = "N"
    content = photo(exif=exif) + b"PK\x03\x04 SECRET-TAIL"
    assert phone.put_photo(content).status_code == 201
    shown = staff.get(f"/api/v1/photos/{sha256(content)}")
    assert shown.mimetype == "image/jpeg"
    kept = Image.open(io.BytesIO(shown.data))
    assert (kept.size, len(kept.getexif())) == ((800, 600), 0)
    for file in Path(settings.photos).rglob("*.jpg"):
        assert b"SECRET" not in file.read_bytes()


def test_a_thumbnail_is_small(phone: Phone, staff) -> None:
    content = photo((1600, 1200))
    phone.put_photo(content)
    small = Image.open(io.BytesIO(staff.get(f"/api/v1/photos/{sha256(content)}?size=thumb").data))
    assert small.size == (320, 240)


def test_a_photo_of_another_school_looks_like_none(
    school, other_school, new_phone: Callable, as_role
) -> None:
    content = photo()
    new_phone(other_school).put_photo(content)
    mine, missing = (as_role("admin").get(f"/api/v1/photos/{name}") for name in (sha256(content), "0" * 64))
    assert (mine.status_code, mine.json) == (missing.status_code, missing.json)
    assert as_role("admin", other_school).get(f"/api/v1/photos/{sha256(content)}").status_code == 200


def test_a_photo_opens_in_a_sandbox(phone: Phone, staff) -> None:
    content = photo()
    phone.put_photo(content)
    headers = staff.get(f"/api/v1/photos/{sha256(content)}").headers
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
