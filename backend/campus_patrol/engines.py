"""A whole database at once: copied while it is in use, restored, and set aside, on both engines."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ProgrammingError

from campus_patrol.database import ANY_SCHOOL, new_id
from campus_patrol.folders import working_folder
from campus_patrol.settings import Settings

Progress = Callable[[int, int], None]
_PAGES = 2_000  # pages copied at a time: 8 MB, so that a bar moves


class BackupError(Exception):
    """A backup or a restore that did not happen; ``code`` says why, ``values`` with what."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code, self.values = code, values
        super().__init__(f"{code}: {values}")


def copy_sqlite(connection: Connection, target: Path, progress: Progress) -> None:
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


def dump_postgres(connection: Connection, database: str, target: Path) -> None:
    moment = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    # The owner is bound by row-level security too; the session's school (see _postgres) is every school.
    _postgres(
        database,
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
def scratch(source: Path, settings: Settings, scratch_url: str | None) -> Iterator[str]:
    """Yield the address of a scratch database into which the copy was restored; it is gone afterwards."""
    if settings.database.startswith("sqlite"):
        with working_folder(settings.data, ".check-") as folder:
            shutil.copyfile(source, folder / source.name)
            yield f"sqlite:///{folder / source.name}"
        return
    if scratch_url:
        given = Settings(data=settings.data, database_url=scratch_url).database
        with _admin(given) as connection:
            if _has_tables(connection):
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


def _has_tables(connection: Connection) -> bool:
    """Say whether a PostgreSQL database holds anything where this program would put its tables."""
    found = text("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1")
    return connection.execute(found).first() is not None


def sqlite_in_use(file: Path) -> bool:
    """Say whether another program has this SQLite file open; if none has, its log is folded into it on the way."""
    if not file.exists():
        return False
    connection = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        # Leaving WAL needs the file for oneself alone, and a server keeps a connection open all the time.
        connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.DatabaseError:
        # Too damaged to say; whoever restores over it knows.
        return False
    finally:
        connection.close()
    return False


def postgres_in_use(database: str) -> bool:
    """Say whether anybody else is connected to this database, and stays for more than two seconds."""
    # The database's own helpers come and go as they like.
    others = text(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' LIMIT 1"
    )
    # Whoever has just stopped the server is not told to stop it: its connections take a moment to go.
    patience = time.monotonic() + 2
    with _admin(database) as connection:
        while connection.execute(others).first() is not None:
            if time.monotonic() > patience:
                return True
            time.sleep(0.05)
    return False


def postgres_is_empty(database: str) -> bool:
    """Say whether a database holds nothing where this program would put its tables."""
    with _admin(database) as connection:
        return not _has_tables(connection)


@contextlib.contextmanager
def replaced_postgres(database: str, dump: Path, aside: str) -> Iterator[None]:
    """Restore a dump; what the database held stays under the schema ``aside``.

    Whatever is raised, from here or from within: then everything is put back as it was.
    """
    # Two statements sent as one are done both or not at all.
    with _admin(database) as connection:
        occupied = _has_tables(connection)
        if occupied:
            connection.execute(text(f"ALTER SCHEMA public RENAME TO {aside}; CREATE SCHEMA public"))
    try:
        load_postgres(database, dump)
        yield
    except BaseException:
        back = f"ALTER SCHEMA {aside} RENAME TO public" if occupied else "CREATE SCHEMA public"
        with _admin(database) as connection:
            connection.execute(text(f"DROP SCHEMA public CASCADE; {back}"))
        raise
