"""What a phone announced and cannot send any more is told to the supervisor, by number."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.phone import Phone
from tests.queries import counted


@pytest.fixture
def losses(staff: FlaskClient) -> Callable[[], list[dict[str, Any]]]:
    """Ask for the list."""
    return lambda: staff.get("/api/v1/losses").json["items"]


def write(phone: Phone, count: int) -> None:
    for _ in range(count):
        phone.write(phone.checkpoint())


def wiped(phone: Phone, device: Phone | None = None) -> Phone:
    """The phone after its database is gone: another stream."""
    of = device or phone
    return Phone(of.client, of.token, of.device, of.pack, of.person)


def boot(phone: Phone, reason: str, stream: str, following: int) -> None:
    data = {"reason": reason, "app": "1.0.0", "before": {"stream": stream, "next": following}}
    phone.write(phone.record("boot", data=data, person=None))


def announce(phone: Phone) -> None:
    assert phone.send(phone.body(first=phone.acked + 1, last=phone.acked)).status_code == 200


def test_a_phone_that_has_yet_to_send_has_lost_nothing(phone: Phone, losses) -> None:
    write(phone, 3)
    announce(phone)
    assert losses() == []


def test_records_that_were_announced_are_missed_once_the_phone_speaks_on_another_stream(
    school, phone: Phone, losses
) -> None:
    write(phone, 2)
    phone.sync()
    write(phone, 3)
    announce(phone)
    fresh = wiped(phone)
    write(fresh, 1)
    fresh.sync()
    [loss] = losses()
    assert (loss["stream"], loss["from"], loss["to"]) == (phone.stream, 3, 5)
    assert loss["device"]["id"] == phone.device["id"]
    assert loss["person"] == {"id": school.people["guard"], "name": "guard"}
    assert loss["since"].endswith("Z")


def test_a_loss_is_gone_from_the_list_when_the_records_come_after_all(phone: Phone, losses) -> None:
    write(phone, 4)
    announce(phone)
    fresh = wiped(phone)
    boot(fresh, "lost", phone.stream, 5)
    fresh.sync()
    assert [(loss["from"], loss["to"]) for loss in losses()] == [(1, 4)]
    phone.sync()
    assert losses() == []


def test_a_wiped_phone_tells_of_a_stream_the_server_never_heard_of(phone: Phone, losses) -> None:
    fresh = wiped(phone)
    boot(fresh, "lost", "ab" * 16, 8)
    fresh.sync()
    [loss] = losses()
    assert (loss["stream"], loss["from"], loss["to"]) == ("ab" * 16, 1, 7)


def test_a_phone_enrolled_anew_after_a_wipe_tells_of_its_old_stream(phone: Phone, new_phone, losses) -> None:
    write(phone, 2)
    phone.sync()
    again = new_phone(name="同一部手机")
    boot(again, "lost", phone.stream, 6)
    again.sync()
    [loss] = losses()
    assert (loss["from"], loss["to"], loss["device"]["name"]) == (3, 5, phone.device["name"])


def test_lines_that_moved_to_another_stream_are_no_loss(phone: Phone, losses) -> None:
    write(phone, 3)
    announce(phone)
    moved = wiped(phone)
    for line in phone.lines:
        moved.write(line)
    boot(moved, "moved", phone.stream, 4)
    moved.sync()
    assert losses() == []


def test_no_phone_can_say_of_anothers_stream_that_it_moved(phone: Phone, new_phone, losses) -> None:
    write(phone, 3)
    announce(phone)
    other = new_phone(name="别的手机")
    boot(other, "moved", phone.stream, 4)
    other.sync()
    fresh = wiped(phone)
    write(fresh, 1)
    fresh.sync()
    assert [loss["stream"] for loss in losses()] == [phone.stream]


def test_another_schools_losses_are_not_shown(other_school, new_phone, losses) -> None:
    phone = new_phone(other_school)
    boot(phone, "lost", "cd" * 16, 9)
    phone.sync()
    assert losses() == []


def test_the_list_takes_a_few_queries_however_long_it_is(app, phone: Phone, losses) -> None:
    def lose(count: int) -> int:
        for _ in range(count):
            fresh = wiped(phone)
            boot(fresh, "lost", fresh.stream[::-1], 3)
            fresh.sync()
        with counted(app) as statements:
            losses()
        return len(statements)

    assert lose(1) == lose(5)


def test_only_who_may_read_the_history_sees_losses(as_role) -> None:
    assert as_role("inspector").get("/api/v1/losses").status_code == 403
    assert as_role("supervisor").get("/api/v1/losses").status_code == 200
