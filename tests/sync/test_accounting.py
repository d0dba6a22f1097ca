"""Every number a phone sends is accounted for, whatever is in it and wherever the server fails."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text

from campus_patrol.database import db, use_school
from campus_patrol.patrols.models import Checkpoint
from campus_patrol.sync.models import Quarantine, Record
from tests.phone import Phone, as_a_phone_writes
from tests.sync.test_bad_input import LINES

LONGEST_BATCH = 256 * 1024


def rows(app: Flask, school_id: str, stream: str) -> list[tuple[int, bytes]]:
    """What the server holds of a stream, in its order."""
    with app.app_context():
        use_school(school_id)
        found = select(Record.n, Record.line).where(Record.stream == stream).order_by(Record.n)
        return [(n, bytes(line)) for n, line in db.session.execute(found)]


def another_stream(phone: Phone) -> Phone:
    """The same phone after its database was made anew."""
    return Phone(phone.client, phone.token, phone.device, phone.pack, phone.person)


def batches(phone: Phone) -> Iterator[tuple[int, int]]:
    """First and last number of each batch as phones cut them: 256 kB and 500 lines at most."""
    first, size = phone.acked + 1, 0
    for n in range(first, len(phone.lines) + 1):
        length = len(phone.lines[n - 1]) + 1
        if n > first and (size + length > LONGEST_BATCH - 1024 or n - first == 500):
            yield first, n - 1
            first, size = n, 0
        size += length
    yield first, len(phone.lines)


@contextmanager
def failing_at(app: Flask, stream: str, n: int) -> Iterator[None]:
    """Let the database itself refuse one row of the log."""
    name = f"planted_{n}"
    condition = f"NEW.stream = '{stream}' AND NEW.n = {n}"
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        make = [
            f"CREATE TRIGGER {name} BEFORE INSERT ON record WHEN {condition} "
            "BEGIN SELECT RAISE(ABORT, 'planted'); END"
        ]
        drop = [f"DROP TRIGGER {name}"]
    else:
        make = [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'planted'; END $$",
            f"CREATE TRIGGER {name} BEFORE INSERT ON record FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION {name}()",
        ]
        drop = [f"DROP TRIGGER {name} ON record", f"DROP FUNCTION {name}()"]

    def run(statements: list[str]) -> None:
        with app.app_context(), db.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    run(make)
    try:
        yield
    finally:
        run(drop)


def test_whichever_record_of_a_batch_fails_nothing_from_it_on_is_acknowledged_and_all_come_in_later(
    app, school, phone: Phone, new_phone
) -> None:
    size, beside = 6, new_phone(name="夜巡二号")
    for k in range(1, size + 1):
        sender = another_stream(phone)
        for _ in range(size):
            sender.write(sender.checkpoint(tag=school.codes["A101"]))
        with failing_at(app, sender.stream, k):
            answer = sender.send(sender.body())
            acked = answer.json.get("ack", 0)
            assert answer.status_code != 200 or acked < k, answer.json
            assert len(rows(app, school.id, sender.stream)) == acked < k
            # What goes wrong with one phone is nobody else's matter.
            beside.write(beside.checkpoint(tag=school.codes["A102"]))
            assert beside.sync()["ack"] == k
        assert sender.sync()["ack"] == size
        assert rows(app, school.id, sender.stream) == list(enumerate(sender.lines, 1))
    with app.app_context():
        use_school(school.id)
        assert db.session.scalar(select(func.count()).select_from(Checkpoint)) == size * size + size


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_fails_is_never_answered_with_an_acknowledgement(
    app, school, phone: Phone, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    with app.app_context():
        dialect = db.engine.dialect
    commit: Callable[[Any], None] = dialect.do_commit
    broken = sqlite3.OperationalError if dialect.name == "sqlite" else psycopg.OperationalError
    failed = []

    def fail(connection: Any) -> None:
        failed.append(when)
        if when == "after":
            # Kept, and nobody hears of it: the connection goes in the very moment.
            commit(connection)
        raise broken("disk I/O error")

    for _ in range(3):
        phone.write(phone.checkpoint(tag=school.codes["A101"]))
    monkeypatch.setattr(dialect, "do_commit", fail)
    answer = phone.send(phone.body())
    monkeypatch.undo()
    assert failed
    assert answer.status_code == 503
    assert "ack" not in answer.json
    assert len(rows(app, school.id, phone.stream)) == (3 if when == "after" else 0)
    assert phone.sync()["ack"] == 3
    assert rows(app, school.id, phone.stream) == list(enumerate(phone.lines, 1))
    with app.app_context():
        use_school(school.id)
        assert db.session.scalar(select(func.count()).select_from(Checkpoint)) == 3


def test_300_hostile_lines_at_random_places_hold_up_nothing_and_each_is_shown(
    app, school, phone: Phone, staff
) -> None:
    luck = random.Random(30)
    hostile = [make(phone) for make, _ in (list(LINES.values()) * 20)[:300]]
    lines = hostile + [phone.checkpoint(tag=school.codes["A101"]) for _ in range(200)]
    luck.shuffle(lines)
    for line in lines:
        phone.write(line)
    aside = []
    for first, last in batches(phone):
        answer = phone.send(phone.body(first=first, last=last)).json
        assert answer["ack"] == last, answer
        aside += answer["quarantined"]
    assert rows(app, school.id, phone.stream) == list(enumerate(phone.lines, 1))
    bad = [n for n, line in enumerate(lines, 1) if isinstance(line, bytes)]
    assert [row["n"] for row in aside] == bad
    with app.app_context():
        use_school(school.id)
        assert db.session.scalar(select(func.count()).select_from(Checkpoint)) == 200
        kept = dict(db.session.execute(select(Quarantine.n, Quarantine.line)).all())
        assert {n: bytes(line) for n, line in kept.items()} == {n: phone.lines[n - 1] for n in bad}
    shown, page = [], 1
    while len(shown) < staff.get("/api/v1/quarantine?page_size=1").json["total"]:
        shown += staff.get(f"/api/v1/quarantine?page_size=100&page={page}").json["items"]
        page += 1
    assert sorted(item["n"] for item in shown) == bad


def test_stored_and_put_aside_are_together_what_was_sent(app, school, phone: Phone) -> None:
    """Good, spoilt, repeated and contradicting lines, in batches that overlap and come again."""
    luck = random.Random(44)
    good: list[dict[str, Any]] = []
    # Some of them need a phone that has written nothing yet.
    spoilt = [make(phone) for make, _ in LINES.values()]
    expected: dict[int, str] = {}
    for n in range(1, 241):
        dice = luck.random()
        if dice < 0.5 or not good:
            line: dict[str, Any] | bytes = phone.checkpoint(tag=school.codes["A101"])
            good.append(line)
            expected[n] = "record"
        elif dice < 0.7:
            line, expected[n] = spoilt[n % len(spoilt)], "aside"
        elif dice < 0.85:
            line, expected[n] = as_a_phone_writes(luck.choice(good)), "copy"
        else:
            line, expected[n] = {**luck.choice(good), "elapsed": 10_000_000 + n}, "aside"
        phone.write(line)
    aside: set[int] = set()
    have = 0
    while have < len(phone.lines):
        first = luck.randint(max(1, have - 9), have + 1)
        last = min(len(phone.lines), have + luck.randint(0, 15))
        answer = phone.send(phone.body(first=first, last=max(last, first - 1)))
        assert answer.status_code == 200, answer.json
        assert answer.json["ack"] == max(have, last)
        have = answer.json["ack"]
        aside |= {row["n"] for row in answer.json["quarantined"]}
        assert aside == {n for n, what in expected.items() if what == "aside" and n <= have}
    assert rows(app, school.id, phone.stream) == list(enumerate(phone.lines, 1))
    with app.app_context():
        use_school(school.id)
        named = set(db.session.scalars(select(Record.n).where(Record.id.is_not(None))))
        desk = db.session.scalar(select(func.count()).select_from(Checkpoint))
    assert named == {n for n, what in expected.items() if what == "record"}
    assert desk == len(named) == len(good)
    copies = [n for n, what in expected.items() if what == "copy"]
    assert len(named) + len(aside) + len(copies) == len(phone.lines)
    assert min(len(aside), len(copies)) > 20
