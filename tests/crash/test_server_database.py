"""Failures 40, 43 and 47 on PostgreSQL: a database that goes away, and transactions that overtake each other."""

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event

from campus_patrol.database import db
from campus_patrol.settings import Settings
from tests.phone import Phone
from tests.photos.test_photos import photo

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """SQLite has no server to lose, and one writer at a time by itself."""
    return request.param


def sync(phone: Phone) -> int:
    return phone.send(phone.body()).status_code


def put_photo(phone: Phone) -> int:
    return phone.put_photo(photo()).status_code


def get_pack(phone: Phone) -> int:
    return phone.client.get("/api/v1/pack", headers=phone.headers()).status_code


@pytest.mark.parametrize("ask", [sync, put_photo, get_pack])
def test_a_database_that_cut_the_line_is_said_to_be_away_and_then_there_again(
    phone: Phone, settings: Settings, postgres_server: Path, ask: Callable[[Phone], int]
) -> None:
    phone.write(phone.checkpoint())
    assert get_pack(phone) == 200
    name = psycopg.conninfo.conninfo_to_dict(settings.database_url)["dbname"]
    with psycopg.connect(host=str(postgres_server), user="postgres", dbname="postgres") as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    assert ask(phone) == 503
    assert ask(phone) in (200, 201)


def test_a_reader_that_follows_the_log_by_its_numbers_misses_no_late_commit(
    app: Flask, settings: Settings, new_phone: Callable[..., Phone]
) -> None:
    slow, quick = new_phone(), new_phone()
    for phone in (slow, quick):
        for _ in range(3):
            phone.write(phone.checkpoint())
    written, go_on, seen = threading.Event(), threading.Event(), []

    def hold(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name == "slow" and statement.startswith("INSERT INTO record "):
            written.set()
            assert go_on.wait(30)

    with app.app_context():
        event.listen(db.engine, "after_cursor_execute", hold)
    threads = [
        threading.Thread(target=sync, args=(slow,), name="slow"),
        # Another process of the same server: its queue knows nothing of the first one's.
        threading.Thread(target=by_another_server, args=(settings, quick), name="quick"),
    ]
    with psycopg.connect(settings.database_url, autocommit=True) as reader:
        reader.execute("SELECT set_config('campus_patrol.school', '*', false)")

        def read_on() -> None:
            after = seen[-1] if seen else 0
            numbers = "SELECT log_number FROM record WHERE log_number > %s ORDER BY log_number"
            seen.extend(row[0] for row in reader.execute(numbers, [after]))

        threads[0].start()
        assert written.wait(30)
        threads[1].start()
        # The second must be seen to wait for the first: else it could commit a higher number before it.
        waits = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while threads[1].is_alive() and reader.execute(waits).fetchone() is None:
            read_on()
        read_on()
        assert seen == []
        go_on.set()
        for thread in threads:
            thread.join(30)
            read_on()
    assert seen == [1, 2, 3, 4, 5, 6]


def by_another_server(settings: Settings, phone: Phone) -> None:
    """Send through an application of its own on the same database."""
    from campus_patrol.app import create_app

    other = create_app(settings)
    try:
        status = Phone(
            other.test_client(),
            phone.token,
            phone.device,
            phone.pack,
            phone.person,
            phone.stream,
            phone.lines,
            phone.hashes,
        ).send(phone.body())
        assert status.status_code == 200
    finally:
        with other.app_context():
            db.engine.dispose()
