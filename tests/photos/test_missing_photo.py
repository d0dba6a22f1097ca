"""A photo that will never come is not waited for: the desk says why, and the phone is not asked for it again."""

import json
from typing import Any

import pytest

from tests.phone import Phone
from tests.photos.test_photos import announce, photo, sha256


def give_up(phone: Phone, record: str, *fates: tuple[str, str]) -> dict[str, Any]:
    """What the phone writes of itself about photos that it cannot send."""
    phone.write(phone.record("correction", ref=record, data={"photos": dict(fates)}, person=None))
    return phone.sync()


def shown(staff) -> list[list[tuple[bool, str | None]]]:
    """The photos of the newest finding and of the newest checkpoint, as the desk has them."""
    lists = (staff.get(f"/api/v1/{path}").json["items"][0]["photos"] for path in ("findings", "checkpoints"))
    return [[(one["stored"], one["missing"]) for one in photos] for photos in lists]


def reported(phone: Phone) -> str:
    """The id of the record written last."""
    return json.loads(phone.lines[-1])["id"]


@pytest.mark.parametrize(
    ("said", "is_shown"),
    [("damaged", "damaged"), ("lost", "lost"), ("refused", "refused"), ("eaten", "lost")],
)
def test_a_photo_that_the_phone_cannot_send_is_shown_as_such_to_the_supervisor(
    school, phone: Phone, staff, said: str, is_shown: str
) -> None:
    name = sha256(photo())
    assert announce(phone, school, name)["want_photos"] == [name]
    record = reported(phone)
    assert shown(staff) == [[(False, None)]] * 2
    receipt = give_up(phone, record, (name, said))
    assert receipt["quarantined"] == []
    assert shown(staff) == [[(False, is_shown)]] * 2
    # Asked for again, it would be reported again.
    assert receipt["want_photos"] == []


def test_a_photo_that_comes_after_all_is_shown(school, phone: Phone, staff) -> None:
    content = photo()
    announce(phone, school, sha256(content))
    give_up(phone, reported(phone), (sha256(content), "lost"))
    assert phone.put_photo(content).status_code == 201
    assert shown(staff) == [[(True, None)]] * 2


def test_only_the_photo_that_was_named_is_given_up_and_only_in_its_own_school(
    school, other_school, phone: Phone, new_phone, staff
) -> None:
    mine, his = sha256(photo()), sha256(photo((640, 480)))
    announce(phone, school, mine, his)
    record = reported(phone)
    stranger = new_phone(other_school)
    give_up(stranger, record, (mine, "lost"), (his, "lost"))
    assert shown(staff) == [[(False, None), (False, None)]] * 2
    assert give_up(phone, record, (his, "damaged"))["want_photos"] == [mine]
    assert shown(staff) == [[(False, None), (False, "damaged")]] * 2


def test_a_record_and_the_word_that_its_photo_is_gone_may_come_in_one_batch(
    school, phone: Phone, staff
) -> None:
    name = sha256(photo())
    record = phone.checkpoint(
        tag=school.codes["A1-水东"],
        readings={"dripping": {"value": "yes", "photos": [name]}},
        photos=[{"sha256": name, "size": 1000}],
    )
    phone.write(record)
    assert give_up(phone, record["id"], (name, "damaged"))["want_photos"] == []
    assert shown(staff) == [[(False, "damaged")]] * 2
