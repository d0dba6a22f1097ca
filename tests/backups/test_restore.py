"""After a restore to yesterday the phones bring the rest again, once, and nothing that was there is deleted."""

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select, text

from campus_patrol.audit import service as audit
from campus_patrol.audit.rules import SignedHead
from campus_patrol.backups import service
from campus_patrol.cli import main
from campus_patrol.database import db, use_school
from campus_patrol.engines import BackupError
from campus_patrol.patrols.models import Checkpoint
from campus_patrol.settings import Settings
from campus_patrol.sync.models import Record
from tests.phone import Phone
from tests.photos.test_photos import photo as picture
from tests.program import free_port, run, serving


@pytest.fixture
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the backup goes."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture
def command(app: Flask, settings: Settings) -> Callable[..., Result]:
    """Run a command on the school's database."""

    def run(*arguments: object) -> Result:
        database = ["--database-url", settings.database_url] if settings.database_url else []
        name, *more = map(str, arguments)
        return CliRunner().invoke(main, [name, "--data", str(settings.data), *database, *more])

    return run


@pytest.fixture
def backup(settings: Settings, target: Path, engine: str, request, command) -> Callable[..., Path]:
    """Make a backup and return its folder."""

    def make(*more: str) -> Path:
        scratch = []
        if engine == "postgresql":
            scratch = ["--scratch-url", request.getfixturevalue("postgres_database")]
        done = command("backup", target, *scratch, *more)
        assert done.exit_code == 0, done.output
        return max(target.iterdir())

    return make


@pytest.fixture
def restore(app: Flask, command) -> Callable[..., Result]:
    """Stop the server, which is what gives the database up, and restore."""

    def run(source: Path, *more: str) -> Result:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        return command("restore", source, *more)

    return run


def write(phone: Phone, count: int) -> dict[str, Any]:
    for _ in range(count):
        phone.write(phone.checkpoint())
    return phone.sync()


def counted(app: Flask, school_id: str) -> tuple[int, int]:
    with app.app_context():
        use_school(school_id)
        return tuple(
            db.session.scalar(select(func.count()).select_from(what)) for what in (Record, Checkpoint)
        )


def test_phones_refill_what_was_recorded_since_the_backup_once(
    app, school, phone: Phone, settings, backup, restore
) -> None:
    before = write(phone, 5)
    folder = backup("--off-machine")
    assert write(phone, 5)["durable"] == 5
    with app.app_context():
        use_school(school.id)
        late = audit.sign_head(keys=settings.keys)
        db.session.commit()
    receipt = phone.sync()
    done = restore(folder, "--replace")
    assert done.exit_code == 0, done.output
    assert counted(app, school.id) == (5, 5)
    # What was signed between backup and restore is explained by the restore.
    outcome = audit.verify(
        database=settings.database, keys=settings.keys, heads=[late], receipts=[before, receipt]
    )[0]
    assert outcome.faults == []
    assert [(note.code, note.other) for note in outcome.notes] == [("before_restore", 5)] * 2
    # The phone thinks that ten are there; the server says what it lacks, and the phone has it.
    phone.write(phone.checkpoint())
    refused = phone.send(phone.body())
    assert (refused.status_code, refused.json["code"], refused.json["need"]) == (409, "gap", 6)
    phone.acked = 5
    answer = phone.sync()
    assert (answer["ack"], answer["durable"]) == (11, 5)
    assert answer["generation"] != before["generation"]
    assert counted(app, school.id) == (11, 11)
    with app.app_context():
        use_school(school.id)
        stored = db.session.scalars(select(Record.line).order_by(Record.n)).all()
    assert stored == phone.lines
    outcome = audit.verify(
        database=settings.database, keys=settings.keys, heads=[late], receipts=[before, receipt, answer]
    )[0]
    assert (outcome.faults, outcome.notes) == ([], [])


def test_a_head_that_does_not_fit_before_the_restored_point_is_no_restores_doing(
    app, school, phone: Phone, settings, backup, restore
) -> None:
    write(phone, 3)
    with app.app_context():
        use_school(school.id)
        early = audit.sign_head(keys=settings.keys)
        db.session.commit()
    write(phone, 2)
    assert restore(backup(), "--replace").exit_code == 0
    assert audit.verify(database=settings.database, keys=settings.keys, heads=[early])[0].faults == []
    with app.app_context(), db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT set_config('campus_patrol.school', '*', true)"))
        connection.execute(text("CREATE TABLE bare AS SELECT * FROM record"))
        connection.execute(text("DROP TABLE record"))
        connection.execute(text("ALTER TABLE bare RENAME TO record"))
        connection.execute(text("DELETE FROM record WHERE log_number > 2"))
    heads = [SignedHead.parse(early.text())]
    outcome = audit.verify(database=settings.database, keys=settings.keys, heads=heads)[0]
    assert {fault.code for fault in outcome.faults} >= {"log_short", "head_beyond"}


def test_what_was_there_is_set_aside_whole(
    app, school, phone: Phone, settings, backup, restore, staff
) -> None:
    content = picture()
    sha = hashlib.sha256(content).hexdigest()
    phone.write(phone.checkpoint(photos=[{"sha256": sha, "size": len(content)}]))
    phone.sync()
    phone.put_photo(content)
    folder = backup()
    write(phone, 4)
    refused = restore(folder)
    assert refused.exit_code == 2
    assert "--replace" in refused.output
    assert counted(app, school.id) == (5, 5)
    assert restore(folder, "--replace").exit_code == 0
    [aside] = settings.data.glob("before_restore_*")
    assert list(aside.rglob(f"{sha}.full.jpg"))
    assert not list(settings.data.glob(".restore-*"))
    if settings.database_url:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("SELECT set_config('campus_patrol.school', '*', true)"))
            held = connection.execute(text(f"SELECT count(*) FROM {aside.name}.record")).scalar_one()
    else:
        old = sqlite3.connect(aside / "campus-patrol.sqlite3")
        held = old.execute("SELECT count(*) FROM record").fetchone()[0]
        old.close()
    assert held == 5
    assert counted(app, school.id) == (1, 1)
    assert staff.get(f"/api/v1/photos/{sha}").status_code == 200


def test_data_in_use_are_not_touched(app, school, phone: Phone, backup, command) -> None:
    write(phone, 2)
    folder = backup()
    write(phone, 1)
    done = command("restore", folder, "--replace")
    assert done.exit_code == 2
    assert "Stop the server first" in done.output
    assert counted(app, school.id) == (3, 3)


@pytest.mark.parametrize("engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_server_that_is_just_being_stopped_does_not_hinder_a_restore(
    app, school, phone: Phone, settings, backup, restore
) -> None:
    write(phone, 2)
    folder = backup()
    last = psycopg.connect(settings.database_url)
    ended = threading.Timer(0.7, last.close)
    ended.start()
    done = restore(folder, "--replace")
    ended.join()
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_damaged_backup_replaces_nothing(app, school, phone: Phone, settings, backup, restore) -> None:
    write(phone, 2)
    folder = backup()
    file = folder / "database.sqlite3"
    file.write_bytes(file.read_bytes()[:-4096])
    done = restore(folder, "--replace")
    assert done.exit_code == 2
    assert "damaged" in done.output
    assert counted(app, school.id) == (2, 2)
    assert not [path for path in settings.data.iterdir() if "restore" in path.name]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_backup_with_keys_brings_a_new_machine_up(
    phone: Phone, settings, backup, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(phone, 3)
    folder = backup("--with-keys")
    fresh = Settings.load(data=tmp_path_factory.mktemp("fresh") / "data")
    done = CliRunner().invoke(main, ["restore", "--data", str(fresh.data), str(folder)])
    assert done.exit_code == 0, done.output
    assert "3 records" in done.output
    assert (fresh.keys / "server.pem").read_bytes() == (settings.keys / "server.pem").read_bytes()
    assert "There was no key" not in done.output
    names = {path.name for path in fresh.data.iterdir()}
    assert names == {"campus-patrol.sqlite3", "keys"}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_without_the_key_a_restore_says_what_that_means(
    phone: Phone, backup, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write(phone, 1)
    folder = backup()
    fresh = tmp_path_factory.mktemp("fresh") / "data"
    done = CliRunner().invoke(main, ["restore", "--data", str(fresh), str(folder)])
    assert "There was no key" in done.output


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_no_backup_is_said_in_a_sentence(settings, command, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    for source in (tmp_path / "nothing", tmp_path / "none"):
        done = command("restore", source, "--replace")
        assert done.exit_code == 2
        assert "is not a backup" in done.output


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_broken_database_can_be_restored_over(app, school, phone: Phone, settings, backup, restore) -> None:
    write(phone, 2)
    folder = backup()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    (settings.data / "campus-patrol.sqlite3").write_bytes(b"not a database at all" * 999)
    (settings.data / "campus-patrol.sqlite3-wal").write_bytes(b"old log")
    assert restore(folder, "--replace").exit_code == 0
    assert counted(app, school.id) == (2, 2)


@pytest.mark.e2e
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_running_server_keeps_its_data(tmp_path: Path, engine: str) -> None:
    data, target = tmp_path / "data", tmp_path / "target"
    assert run("init", "--data", data, "--school", "明德", "--admin", "boss").returncode == 0
    with serving("serve", "--data", data, port=free_port(), output=tmp_path / "log"):
        backed_up = run("backup", "--data", data, target)
        assert backed_up.returncode == 0, backed_up.stderr
        refused = run("restore", "--data", data, next(target.iterdir()), "--replace")
        assert refused.returncode == 2
        assert "Stop the server first" in refused.stderr
    assert run("restore", "--data", data, next(target.iterdir()), "--replace").returncode == 0


@pytest.mark.parametrize("what", ["compare", "begin_again"])
def test_a_restore_that_fails_half_way_leaves_all_as_it_was(
    app, school, phone: Phone, settings, backup, monkeypatch, restore, what: str
) -> None:
    write(phone, 2)
    folder = backup()
    write(phone, 1)

    def fail(**_: object) -> None:
        raise BackupError("database_damaged", what="the disk is full")

    monkeypatch.setattr(service, what, fail)
    assert restore(folder, "--replace").exit_code == 2
    assert not [path for path in settings.data.iterdir() if "restore" in path.name]
    assert counted(app, school.id) == (3, 3)
