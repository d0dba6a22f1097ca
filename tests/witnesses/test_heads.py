"""Phones keep the heads that the server signed, and an altered log is told by them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campus_patrol import clock
from campus_patrol.audit.models import Head
from campus_patrol.audit.rules import SignedHead
from campus_patrol.audit.service import verify
from campus_patrol.database import any_school, db, new_id
from campus_patrol.people.models import School
from tests.conftest import SchoolForTest
from tests.phone import Phone

# What a stranger with the database has to get rid of first.
WALLS = {
    "sqlite": (
        "DROP TRIGGER record_no_update",
        "DROP TRIGGER record_no_delete",
        "DROP TRIGGER head_no_delete",
    ),
    "postgresql": (
        "DROP TRIGGER record_only_grows ON record",
        "DROP TRIGGER head_only_grows ON head",
        "SELECT set_config('campus_patrol.school', '*', true)",
    ),
}


def ask(phone: Phone, held: str | None = None) -> dict[str, str]:
    answer = phone.client.post("/api/v1/heads", json={"held": held}, headers=phone.headers())
    assert answer.status_code == 200, answer.json
    return answer.json


def write(phone: Phone, count: int) -> None:
    for _ in range(count):
        phone.write(phone.checkpoint())
    phone.sync()


@pytest.fixture
def contradictions(staff: FlaskClient) -> Callable[[], list[dict[str, Any]]]:
    """Ask for the desk's list."""
    return lambda: staff.get("/api/v1/contradictions").json["items"]


@pytest.fixture
def tamper(app) -> Callable[..., None]:
    """Change rows as somebody who has the database."""

    def change(*statements: str) -> None:
        with app.app_context(), db.engine.begin() as connection:
            for statement in (*WALLS[connection.dialect.name], *statements):
                connection.execute(text(statement))

    return change


def test_a_phone_is_given_a_head_that_verifies_from_outside(settings, engine, school, phone: Phone) -> None:
    write(phone, 3)
    said = ask(phone)
    assert said["verdict"] == "none"
    head = SignedHead.parse(said["newest"])
    assert (head.school, head.log_number) == (school.id, 3)
    [outcome] = verify(database=settings.database, keys=settings.keys, heads=[head])
    assert (outcome.faults, outcome.heads) == ([], 2)


def test_the_server_signs_one_head_a_day_and_says_that_a_kept_one_fits(phone: Phone, contradictions) -> None:
    write(phone, 2)
    kept = ask(phone)["newest"]
    write(phone, 2)
    assert ask(phone, kept) == {"held": kept, "verdict": "fits", "newest": kept}
    with clock.standing_at(clock.now() + timedelta(days=1)):
        tomorrow = ask(phone, kept)
    assert tomorrow["verdict"] == "fits"
    assert SignedHead.parse(tomorrow["newest"]).log_number == 4
    assert contradictions() == []


def test_many_phones_that_ask_in_the_same_moment_get_one_head(engine, app, phone: Phone) -> None:
    write(phone, 1)
    with ThreadPoolExecutor(8) as pool:
        numbers = {SignedHead.parse(said["newest"]).log_number for said in pool.map(ask, [phone] * 16)}
    assert numbers == {1}
    with app.app_context(), any_school():
        assert db.session.query(Head).count() == 1


def test_a_log_that_was_written_anew_is_told_by_a_phone_and_shown_once_on_the_desk(
    phone: Phone, staff, tamper, contradictions
) -> None:
    """Whoever has the database and knows the chain can make a history that verifies. The phone has the old one."""
    write(phone, 3)
    kept = ask(phone)["newest"]
    tamper(f"UPDATE record SET log_hash = '{'ab' * 32}' WHERE log_number = 3")
    for _ in range(3):
        assert ask(phone, kept)["verdict"] == "head_contradicts"
    [shown] = contradictions()
    assert shown["device"] == {"id": phone.device["id"], "name": phone.device["name"]}
    assert (shown["log_number"], shown["code"]) == (3, "head_contradicts")
    events = [e for e in staff.get("/api/v1/history").json["items"] if e["action"] == "log.contradicted"]
    assert [event["subject"] for event in events] == [phone.device["name"]]


def test_a_log_whose_end_was_cut_off_is_told_by_a_phone(school, phone: Phone, tamper, contradictions) -> None:
    write(phone, 3)
    kept = ask(phone)["newest"]
    tamper("DELETE FROM head", "DELETE FROM record WHERE log_number = 3", "UPDATE school SET log_length = 2")
    assert ask(phone, kept)["verdict"] == "head_beyond"
    assert [shown["code"] for shown in contradictions()] == ["head_beyond"]


def test_a_restore_explains_a_log_that_went_back(app, school, phone: Phone, tamper, contradictions) -> None:
    write(phone, 3)
    kept = ask(phone)["newest"]
    tamper("DELETE FROM record WHERE log_number = 3")
    with app.app_context(), any_school():
        mine = db.session.get_one(School, school.id)
        mine.generation, mine.log_length = new_id(), 2
        db.session.commit()
    # A restore signs where it went back to.
    ask(phone)
    assert ask(phone, kept)["verdict"] == "before_restore"
    assert contradictions() == []


def test_a_head_that_this_server_never_signed_accuses_nobody(
    phone: Phone, new_phone, other_school: SchoolForTest, contradictions
) -> None:
    write(phone, 2)
    kept = ask(phone)["newest"]
    mark, school, generation, day, number, hashed, signature = kept.split(" ")
    for forged in (
        "",
        "nonsense",
        " ".join((mark, school, generation, day, "99", hashed, signature)),
        " ".join((mark, school, generation, day, number, "ab" * 32, signature)),
        " ".join((mark, school, generation, "2020-01-01", number, hashed, signature)),
        " ".join((mark, school, generation, day, "9" * 90, hashed, signature)),
        ask(new_phone(other_school))["newest"],
    ):
        assert ask(phone, forged)["verdict"] == "unknown", forged
    assert contradictions() == []


def test_another_school_sees_nothing_of_it(other_school, as_role, phone: Phone, tamper) -> None:
    write(phone, 1)
    kept = ask(phone)["newest"]
    tamper(f"UPDATE record SET log_hash = '{'ab' * 32}' WHERE log_number = 1")
    ask(phone, kept)
    assert as_role("admin", other_school).get("/api/v1/contradictions").json["items"] == []
