"""Make a backup, prove it by restoring it into a scratch place, and let phones forget what it holds."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, inspect, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from campus_patrol import __version__, clock, engines
from campus_patrol.audit import service as audit
from campus_patrol.audit.service import snapshot
from campus_patrol.backups.rules import (
    DATABASES,
    FORMAT,
    MANIFEST,
    FileFacts,
    Manifest,
    SchoolFacts,
    name_of,
    to_remove,
)
from campus_patrol.database import any_school, db, new_id, use_school
from campus_patrol.engines import BackupError, Progress
from campus_patrol.folders import working_folder
from campus_patrol.history.service import note
from campus_patrol.keys import write_private
from campus_patrol.people.models import School
from campus_patrol.photos import service as photos
from campus_patrol.photos.models import Photo
from campus_patrol.settings import Settings

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
    with working_folder(target, ".campus-patrol-") as part:
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
    manifest = _check_files(folder, progress)
    source = folder / DATABASES[manifest.engine]
    with engines.scratch(source, settings, scratch_url) as database:
        compare(database=database, manifest=manifest, keys=keys, progress=progress)
    return manifest


def _check_files(folder: Path, progress: Progress) -> Manifest:
    manifest = read(folder)
    if DATABASES[manifest.engine] not in manifest.files:
        raise BackupError("file_missing", file=DATABASES[manifest.engine])
    for done, (name, facts) in enumerate(manifest.files.items()):
        progress(done, len(manifest.files))
        try:
            there = _file_facts(folder / name)
        except FileNotFoundError:
            raise BackupError("file_missing", file=name) from None
        if there != facts:
            raise BackupError("file_changed", file=name)
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
    for name, count in manifest.counts.items():
        if counts.get(name) != count:
            raise BackupError("counts_differ", table=name, count=counts.get(name), expected=count)
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
            engines.copy_sqlite(connection, database, progress)
        else:
            engines.dump_postgres(connection, settings.database, database)
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
    # The tables that are there, not those of this version: a backup may be older.
    return {
        name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        for name in sorted(inspect(connection).get_table_names())
    }


# ---------------------------------------------------------------- restoring


@dataclass(frozen=True, slots=True)
class Staged:
    """A backup that lies ready beside the data: where, what it holds, and the settings to work in it with."""

    folder: Path
    manifest: Manifest
    settings: Settings
    keys: Path
    aside: str


@contextlib.contextmanager
def staged(
    *, settings: Settings, source: Path, replace: bool, progress: Progress = _unseen
) -> Iterator[Staged]:
    """Check a backup and copy it beside the data, ready for `begin_again` and `put_in_place`.

    Raises BackupError when the backup is not whole, when somebody has the data open, or when there are data and
    ``replace`` does not say to set them aside. On PostgreSQL the tables are in place once this is entered.
    """
    manifest = _check_files(source, progress)
    engine = "sqlite" if settings.database.startswith("sqlite") else "postgresql"
    if manifest.engine != engine:
        raise BackupError("engine_differs", engine=manifest.engine)
    used = (
        engines.sqlite_in_use(_file(settings))
        if engine == "sqlite"
        else engines.postgres_in_use(settings.database)
    )
    if used:
        raise BackupError("in_use")
    empty = (
        not _file(settings).exists() if engine == "sqlite" else engines.postgres_is_empty(settings.database)
    )
    if not replace and not (empty and not any(settings.photos.glob("*"))):
        raise BackupError("not_empty")
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = f"before_restore_{clock.now():%Y%m%d_%H%M%S}"
    with contextlib.ExitStack() as undone:
        folder = undone.enter_context(working_folder(settings.data, ".restore-"))
        for done, name in enumerate(manifest.files):
            progress(done, len(manifest.files))
            (folder / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(source / name, folder / name)
            (folder / name).chmod(0o600)
            _sync_file(folder / name)
        own_keys = (folder / "keys").is_dir()
        keys = folder / "keys" if own_keys else settings.keys
        database = folder / DATABASES[engine]
        if engine == "sqlite":
            compare(database=f"sqlite:///{database}", manifest=manifest, keys=keys, progress=progress)
            work = Settings(data=folder)
            database.rename(_file(work))
        else:
            undone.enter_context(engines.replaced_postgres(settings.database, database, aside))
            compare(database=settings.database, manifest=manifest, keys=keys, progress=progress)
            database.unlink()
            work = settings
        yield Staged(folder, manifest, work, keys, aside)


def begin_again(*, staged: Staged, name: str) -> None:
    """Give every school a new generation, so that phones know that numbers went back, and sign where that was."""
    held = {school.id: school for school in staged.manifest.schools}
    with any_school():
        schools = db.session.scalars(select(School).order_by(School.id)).all()
    for school in schools:
        use_school(school.id)
        before, school.generation = school.generation, new_id()
        if staged.manifest.off_machine and not staged.manifest.missing_photos:
            school.durable_log = max(school.durable_log, held[school.id].log_length)
        audit.sign_head(keys=staged.keys)
        note(
            action="backup.restored",
            subject=name,
            detail={"log_number": school.log_length, "generation_before": before},
        )
        db.session.flush()


def put_in_place(*, settings: Settings, staged: Staged) -> Path | None:
    """Set the old data aside and move the restored ones in; return where the old ones are, None if there were none."""
    aside, file = settings.data / staged.aside, _file(settings)
    moved = [settings.photos, *(settings.data / f"{file.name}{end}" for end in ("", "-wal", "-shm"))]
    if staged.keys != settings.keys:
        moved.append(settings.keys)
    there = [path for path in moved if path.exists()]
    for path in there:
        aside.mkdir(exist_ok=True, mode=0o700)
        path.rename(aside / path.name)
    for path in sorted(staged.folder.iterdir()):
        path.rename(settings.data / path.name)
    for folder in (aside, settings.data):
        if folder.exists():
            _sync_folder(folder)
    return aside if there else None


def _file(settings: Settings) -> Path:
    return settings.data / "campus-patrol.sqlite3"


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
