"""Make a backup, prove it by restoring it into a scratch place, and let phones forget what it holds."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, func, select, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DatabaseError, ProgrammingError

from campus_patrol import __version__, clock
from campus_patrol.audit import service as audit
from campus_patrol.audit.service import snapshot
from campus_patrol.backups.rules import (
    DATABASES,
    FORMAT,
    MANIFEST,
    BackupError,
    FileFacts,
    Manifest,
    SchoolFacts,
    name_of,
    to_remove,
)
from campus_patrol.database import ANY_SCHOOL, Base, any_school, db, new_id, use_school
from campus_patrol.history.service import note
from campus_patrol.keys import write_private
from campus_patrol.people.models import School
from campus_patrol.photos import service as photos
from campus_patrol.photos.models import Photo
from campus_patrol.settings import Settings

Progress = Callable[[int, int], None]
_PAGES = 2_000  # pages copied at a time: 8 MB, so that a bar moves
_CHUNK = 1024 * 1024


def _unseen(_done: int, _total: int) -> None:
    """Show no progress."""


def make(
    *,
    settings: Settings,
    target: Path,
    off_machine: bool = False,
    with_keys: bool = False,
    keep: int | None = None,
    scratch_url: str | None = None,
    progress: Progress = _unseen,
) -> tuple[Path, Manifest]:
    """Write a backup into a new folder of ``target`` and verify it; return the folder and what it holds.

    The folder gets its name only when the copy, restored into a scratch place, holds the very records that the
    database held and every chain fits. Raises BackupError; then nothing of it is left. With ``keep``, older backups
    but the newest ``keep`` are removed afterwards. ``scratch_url`` names an empty PostgreSQL database to verify in.
    """
    target = target.resolve()
    if target.is_relative_to(settings.data):
        raise BackupError("target_inside_data", target=target)
    target.mkdir(parents=True, exist_ok=True)
    made_at = clock.now()
    final = target / name_of(made_at)
    if final.exists():
        raise BackupError("target_taken", target=final)
    part = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=target))
    try:
        manifest = _copy(settings, part, _newest(target), with_keys, progress)
        manifest = replace(manifest, made_at=made_at.isoformat(timespec="seconds"), off_machine=off_machine)
        _write(part / MANIFEST, manifest.dump())
        check(folder=part, keys=settings.keys, settings=settings, scratch_url=scratch_url, progress=progress)
        manifest = replace(manifest, verified_at=clock.now().isoformat(timespec="seconds"))
        _write(part / MANIFEST, manifest.dump())
        for folder, _, _ in os.walk(part):
            _sync_folder(Path(folder))
        part.rename(final)
        _sync_folder(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if keep is not None:
        for name in to_remove([path.name for path in target.iterdir()], keep=keep):
            shutil.rmtree(target / name)
    return final, manifest


def let_go(*, folder: Path, manifest: Manifest) -> None:
    """Note a verified backup, and when it lies off this machine tell phones from now on what they may delete.

    A photo that is lost here may still be on a phone, so as long as one is missing nothing more is let go.
    """
    for facts in manifest.schools:
        with any_school():
            school = db.session.get(School, facts.id, with_for_update=True)
        # A restore meanwhile began another history: this backup does not hold its records.
        if school is None or school.generation != facts.generation:
            continue
        use_school(school.id)
        if manifest.off_machine and not manifest.missing_photos:
            school.durable_log = max(school.durable_log, facts.log_length)
        note(
            action="backup.made",
            subject=folder.name,
            detail={"log_number": facts.log_length, "off_machine": manifest.off_machine},
        )
        db.session.flush()


def check(
    *,
    folder: Path,
    keys: Path,
    settings: Settings,
    scratch_url: str | None = None,
    progress: Progress = _unseen,
) -> Manifest:
    """Restore a backup into a scratch place and verify it there; return what it holds.

    Raises BackupError with the first thing that is wrong: a file that is missing, cut or changed, a database that does
    not open, that holds other numbers of rows than were counted when it was made, or whose chains do not fit.
    """
    manifest = read(folder)
    for done, (name, facts) in enumerate(manifest.files.items()):
        progress(done, len(manifest.files))
        try:
            there = _file_facts(folder / name)
        except FileNotFoundError:
            raise BackupError("file_missing", file=name) from None
        if there != facts:
            raise BackupError("file_changed", file=name)
    source = folder / DATABASES[manifest.engine]
    if source.name not in manifest.files:
        raise BackupError("file_missing", file=source.name)
    with _scratch(manifest.engine, source, settings, scratch_url) as database:
        compare(database=database, manifest=manifest, keys=keys, progress=progress)
    return manifest


def compare(*, database: str, manifest: Manifest, keys: Path, progress: Progress) -> None:
    """Compare a database with the manifest it was restored from, and verify its chains. Raises BackupError."""
    try:
        with snapshot(database) as connection:
            if connection.dialect.name == "sqlite":
                damage = connection.exec_driver_sql("PRAGMA integrity_check").scalars().first()
                if damage != "ok":
                    raise BackupError("database_damaged", what=damage)
            counts, schools = _counts(connection), _schools(connection)
    except DatabaseError as error:
        raise BackupError("database_damaged", what=str(error.orig)) from None
    for table, count in manifest.counts.items():
        if counts.get(table) != count:
            raise BackupError("counts_differ", table=table, count=counts.get(table), expected=count)
    if [replace(s, generation="") for s in schools] != [replace(s, generation="") for s in manifest.schools]:
        raise BackupError("counts_differ", table="school", count=len(schools), expected=len(manifest.schools))
    for outcome in audit.verify(database=database, keys=keys, progress=progress):
        for fault in outcome.faults:
            raise BackupError("log_broken", school=outcome.name, fault=fault)


def read(folder: Path) -> Manifest:
    """Read a backup's manifest. Raises BackupError."""
    try:
        return Manifest.load((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise BackupError("no_backup", folder=folder) from None


# ---------------------------------------------------------------- copying


def _copy(
    settings: Settings, part: Path, before: Path | None, with_keys: bool, progress: Progress
) -> Manifest:
    with snapshot(settings.database) as connection:
        engine = connection.dialect.name
        # Read first: on both engines this begins the one moment that everything below sees.
        schools, counts = _schools(connection), _counts(connection)
        pictures = connection.execute(select(Photo.school_id, Photo.sha256)).all()
        database = part / DATABASES[engine]
        if engine == "sqlite":
            _copy_sqlite(connection, database, progress)
        else:
            _dump_postgres(connection, settings, database)
    database.chmod(0o600)
    _sync_file(database)
    files = {database.name: _file_facts(database)}
    missing = []
    for done, (school, sha256) in enumerate(pictures):
        progress(done, len(pictures))
        for size in ("full", "thumb"):
            source = photos.path(settings.photos, sha256, size, school=school)
            name = (Path("photos") / source.relative_to(settings.photos)).as_posix()
            if source.is_file():
                files[name] = _copy_file(source, part / name, before and before / name)
            elif size == "full":
                missing.append(name)
    if with_keys and settings.keys.is_dir():
        for key in sorted(settings.keys.glob("*.pem")):
            write_private(part / "keys" / key.name, key.read_bytes())
            files[f"keys/{key.name}"] = _file_facts(key)
    return Manifest(FORMAT, "", __version__, engine, False, schools, counts, files, missing)


def _schools(connection: Connection) -> list[SchoolFacts]:
    columns = (School.id, School.name, School.generation, School.log_length, School.log_hash)
    return [
        SchoolFacts(*row)
        for row in connection.execute(select(*columns).order_by(School.created_at, School.id))
    ]


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in Base.metadata.sorted_tables
    }


def _copy_sqlite(connection: Connection, target: Path, progress: Progress) -> None:
    """Copy page by page from within the reading transaction: writers go on, and their pages do not get in."""
    copy = sqlite3.connect(target)
    try:
        source = connection.connection.dbapi_connection
        assert source is not None
        source.backup(copy, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
        # One file without a log beside it: what is copied on from here is whole.
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()


def _dump_postgres(connection: Connection, settings: Settings, target: Path) -> None:
    moment = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    # The owner is bound by row-level security too; the session's school (see _postgres) is every school.
    _postgres(
        settings.database,
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--enable-row-security",
        "--schema=public",
        f"--snapshot={moment}",
        f"--file={target}",
    )


def load_postgres(database: str, dump: Path) -> None:
    """Restore a dump into an empty database, all or nothing. Raises BackupError."""
    _postgres(
        database,
        "pg_restore",
        "--no-owner",
        "--no-privileges",
        "--enable-row-security",
        "--exit-on-error",
        "--single-transaction",
        "--schema=public",
        str(dump),
    )


def _postgres(database: str, tool: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs; the password goes where `ps` does not show it."""
    url = make_url(database).set(drivername="postgresql")
    program = shutil.which(tool)
    if program is None:
        raise BackupError("tool_missing", tool=tool)
    address = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(  # noqa: S603 - the programs are named here
        [program, *arguments[:-1], f"--dbname={address}", arguments[-1]],
        env={**os.environ, "PGOPTIONS": f"-c campus_patrol.school={ANY_SCHOOL}", **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupError("tool_failed", tool=tool, said=(done.stderr.strip().splitlines() or [""])[-1])


@contextlib.contextmanager
def _scratch(engine: str, source: Path, settings: Settings, scratch_url: str | None) -> Iterator[str]:
    """Yield the address of a scratch database into which the copy was restored; it is gone afterwards."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory(prefix=".check-", dir=settings.data) as folder:
            shutil.copyfile(source, Path(folder) / source.name)
            yield f"sqlite:///{Path(folder) / source.name}"
        return
    if scratch_url:
        given = Settings(data=settings.data, database_url=scratch_url).database
        with _admin(given) as connection:
            if has_tables(connection):
                raise BackupError("scratch_not_empty")
        try:
            load_postgres(given, source)
            yield given
        finally:
            with _admin(given) as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
        return
    name = f"campus_patrol_check_{new_id().replace('-', '')}"
    with _admin(settings.database) as connection:
        try:
            connection.execute(text(f"CREATE DATABASE {name}"))
        except ProgrammingError:
            raise BackupError("scratch_refused", role=make_url(settings.database).username) from None
        try:
            scratch = make_url(settings.database).set(database=name).render_as_string(hide_password=False)
            load_postgres(scratch, source)
            yield scratch
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextlib.contextmanager
def _admin(database: str) -> Iterator[Connection]:
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def has_tables(connection: Connection) -> bool:
    """Say whether a PostgreSQL database holds anything where this program would put its tables."""
    found = text("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1")
    return connection.execute(found).first() is not None


# ---------------------------------------------------------------- files


def _newest(target: Path) -> Path | None:
    names = to_remove([path.name for path in target.iterdir()], keep=0)
    return target / names[0] if names else None


def _copy_file(source: Path, target: Path, twin: Path | None) -> FileFacts:
    """Copy a photo, or link to the backup before when that holds the very same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = _file_facts(source)
    if twin is not None and twin.is_file() and _file_facts(twin) == facts:
        # Not every place knows links; a copy is as good.
        with contextlib.suppress(OSError):
            os.link(twin, target)
            return facts
    shutil.copyfile(source, target)
    _sync_file(target)
    return facts


def _file_facts(path: Path) -> FileFacts:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileFacts(size, digest.hexdigest())


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    _sync_file(draft)
    draft.replace(path)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    # Windows keeps names by itself and cannot open a folder.
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
