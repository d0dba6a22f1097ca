"""Only a copy that was restored and verified is a backup, and only such a one off this machine frees the phones."""

import hashlib
import json
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from campus_patrol import engines
from campus_patrol.backups import rules, service
from campus_patrol.backups.rules import Manifest
from campus_patrol.cli import main
from campus_patrol.database import any_school, db
from campus_patrol.engines import BackupError
from campus_patrol.people.models import School
from campus_patrol.settings import Settings
from tests.phone import Phone
from tests.photos.test_photos import photo as picture


@pytest.fixture
def scratch(engine: str, request: pytest.FixtureRequest) -> str | None:
    """On PostgreSQL an empty database to verify in: the tests' role may make none."""
    return request.getfixturevalue("postgres_database") if engine == "postgresql" else None


@pytest.fixture
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where backups go: beside the data folder, never in it."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture
def backup(settings: Settings, scratch: str | None, target: Path) -> Callable[..., tuple[Path, Manifest]]:
    """Make a backup."""

    def run(**more: Any) -> tuple[Path, Manifest]:
        return service.make(settings=settings, target=target, scratch_url=scratch, **more)

    return run


@pytest.fixture
def command(
    settings: Settings, scratch: str | None, target: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run the command as a person does, one second after the other."""
    names = iter(f"campus-patrol-20261122T1530{second:02}Z" for second in range(60))
    monkeypatch.setattr(service, "name_of", lambda _: next(names))

    def run(*more: object) -> Result:
        database = ["--database-url", settings.database_url] if settings.database_url else []
        verifying = ["--scratch-url", scratch] if scratch else []
        where = ["--data", str(settings.data), *database, *verifying]
        return CliRunner().invoke(main, ["backup", str(target), *where, *map(str, more)])

    return run


def write(phone: Phone, count: int) -> dict[str, Any]:
    for _ in range(count):
        phone.write(phone.checkpoint())
    return phone.sync()


def send_photo(phone: Phone, content: bytes) -> str:
    sha = hashlib.sha256(content).hexdigest()
    phone.write(phone.checkpoint(photos=[{"sha256": sha, "size": len(content)}]))
    phone.sync()
    assert phone.put_photo(content).status_code == 201
    return sha


def test_a_backup_holds_every_record_and_photo_and_says_so(
    school, other_school, phone, new_phone, backup
) -> None:
    write(phone, 5)
    write(new_phone(other_school), 3)
    sha = send_photo(phone, picture())
    folder, manifest = backup()
    assert rules.is_backup(folder.name)
    assert manifest == service.read(folder)
    assert manifest.verified_at is not None
    assert [(s.name, s.log_length) for s in manifest.schools] == [("明德实验学校", 6), ("隔壁中学", 3)]
    assert manifest.counts["record"] == 9
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {*manifest.files, "manifest.json"}
    assert f"photos/{school.id}/{sha[:2]}/{sha}.full.jpg" in names
    assert not any(name.startswith("keys/") for name in names)


def test_the_keys_come_along_only_when_asked_for_and_for_the_owners_eyes(phone, settings, backup) -> None:
    write(phone, 1)
    folder, _ = backup(with_keys=True)
    key = folder / "keys" / "server.pem"
    assert key.read_bytes() == (settings.keys / "server.pem").read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def spoil_first_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("which", ["database", "photo"])
@pytest.mark.parametrize(
    ("spoil", "code"),
    [(spoil_first_byte, "file_changed"), (cut, "file_changed"), (Path.unlink, "file_missing")],
)
def test_a_backup_that_was_damaged_is_found_out(
    phone, settings, scratch, backup, which: str, spoil: Callable[[Path], object], code: str
) -> None:
    send_photo(phone, picture())
    folder, manifest = backup()
    prefix = {"database": "database.", "photo": "photos/"}[which]
    spoil(folder / next(name for name in manifest.files if name.startswith(prefix)))
    with pytest.raises(BackupError) as refused:
        service.check(folder=folder, keys=settings.keys, settings=settings, scratch_url=scratch)
    assert refused.value.code == code


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", ["stale", "torn", "flipped", "empty"])
def test_a_copy_that_is_stale_or_torn_never_becomes_a_backup(
    phone, settings, backup, target: Path, how: str, monkeypatch
) -> None:
    write(phone, 20)
    database = settings.data / "campus-patrol.sqlite3"

    def copy(_connection: object, copied: Path, _progress: object) -> None:
        # A copy of the file alone, without what still stands in the log beside it.
        shutil.copyfile(database, copied)
        content = copied.read_bytes()
        if how == "torn":
            copied.write_bytes(content[: len(content) // 2])
        elif how == "flipped":
            copied.write_bytes(content[:4096] + b"\xff" * 4096 + content[8192:])
        elif how == "empty":
            copied.write_bytes(b"")

    monkeypatch.setattr(engines, "copy_sqlite", copy)
    with pytest.raises(BackupError):
        backup()
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_a_dump_that_is_cut_never_becomes_a_backup(phone, backup, target: Path, monkeypatch) -> None:
    write(phone, 20)
    dump = engines.dump_postgres

    def cut_off(connection: Any, database: str, file: Path) -> None:
        dump(connection, database, file)
        file.write_bytes(file.read_bytes()[:-2000])

    monkeypatch.setattr(engines, "dump_postgres", cut_off)
    with pytest.raises(BackupError):
        backup()
    assert list(target.iterdir()) == []


def test_a_log_that_does_not_verify_is_not_backed_up_as_if_it_did(app, phone, backup, target: Path) -> None:
    write(phone, 3)
    with app.app_context(), any_school():
        db.session.scalars(select(School)).first().log_hash = "0" * 64
        db.session.commit()
    with pytest.raises(BackupError) as refused:
        backup()
    assert refused.value.code == "log_broken"
    assert list(target.iterdir()) == []


def test_a_backup_under_four_writers_holds_at_least_what_was_acknowledged_at_its_start(
    school, new_phone, backup, settings, scratch
) -> None:
    phones = [new_phone(name=f"手机 {i}") for i in range(4)]
    for phone in phones:
        write(phone, 1)
    stop = threading.Event()

    def keep_writing(phone: Phone) -> None:
        while not stop.is_set():
            write(phone, 2)

    writers = [threading.Thread(target=keep_writing, args=(phone,)) for phone in phones]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            acknowledged = {phone.stream: phone.acked for phone in phones}
            folder, manifest = backup()
            assert manifest.counts["record"] >= sum(acknowledged.values())
            service.check(folder=folder, keys=settings.keys, settings=settings, scratch_url=scratch)
            shutil.rmtree(folder)
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def test_phones_may_forget_only_what_a_backup_off_the_machine_holds(
    school, phone, new_phone, command
) -> None:
    assert write(phone, 5)["durable"] == 0
    assert command().exit_code == 0
    assert write(phone, 1)["durable"] == 0
    done = command("--off-machine")
    assert done.exit_code == 0, done.output
    assert "7 records" not in done.output
    assert "6 records" in done.output
    assert write(phone, 2)["durable"] == 6
    assert write(new_phone(name="别的手机"), 1)["durable"] == 0
    assert command("--off-machine").exit_code == 0
    assert write(phone, 0)["durable"] == 8


def test_a_lost_photo_is_named_and_frees_no_phone(school, phone, settings, command, staff) -> None:
    sha = send_photo(phone, picture())
    next(settings.photos.rglob("*.full.jpg")).unlink()
    done = command("--off-machine")
    assert done.exit_code == 1
    assert f"missing: photos/{school.id}/{sha[:2]}/{sha}.full.jpg" in done.output
    assert write(phone, 1)["durable"] == 0


def test_old_backups_go_and_equal_photos_are_stored_once(phone, command, target: Path) -> None:
    send_photo(phone, picture())
    (target / "notes").mkdir()
    for _ in range(4):
        assert command("--keep", 2).exit_code == 0
    kept = sorted(path.name for path in target.iterdir())
    assert kept == ["campus-patrol-20261122T153002Z", "campus-patrol-20261122T153003Z", "notes"]
    photos = list(target.rglob("*.full.jpg"))
    assert len({photo.stat().st_ino for photo in photos}) == 1
    assert len(photos) == 2


def test_the_head_of_the_log_goes_into_every_backup(phone, command, target: Path) -> None:
    write(phone, 2)
    assert command().exit_code == 0
    manifest = json.loads(next(target.iterdir()).joinpath("manifest.json").read_text())
    assert manifest["counts"]["head"] == 1


def test_a_backup_in_the_data_folder_is_refused(settings, school) -> None:
    done = CliRunner().invoke(
        main,
        ["backup", str(settings.data / "copies"), "--data", str(settings.data)]
        + (["--database-url", settings.database_url] if settings.database_url else []),
    )
    assert done.exit_code == 2
    assert "lies in the data folder" in done.output


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.postgres
def test_without_a_place_to_verify_in_there_is_no_backup(
    app: Flask, phone, settings, target: Path, postgres_url: str
) -> None:
    for url, code in ((None, "scratch_refused"), (settings.database_url, "scratch_not_empty")):
        with pytest.raises(BackupError) as refused:
            service.make(settings=settings, target=target, scratch_url=url)
        assert refused.value.code == code
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd"])
def test_a_manifest_that_leads_outside_its_folder_is_not_believed(name: str) -> None:
    manifest = {
        "format": 1,
        "made_at": "",
        "version": "",
        "engine": "sqlite",
        "off_machine": False,
        "schools": [],
        "counts": {},
        "files": {name: {"size": 1, "sha256": ""}},
        "missing_photos": [],
    }
    with pytest.raises(BackupError):
        Manifest.load(json.dumps(manifest).encode())
