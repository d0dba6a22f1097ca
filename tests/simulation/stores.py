"""The server's disk, as something that can be reset, copied and put back while the app is not looking."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

KEPT = 3
# What a verified backup off the machine does to each school, before it for the copy and after it for the original.
_LET_GO = "UPDATE school SET durable_log = log_length"


class SqliteStore:
    """A real SQLite file."""

    url = ""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "campus-patrol.sqlite3"
        self.photos = folder / "photos"
        self.template = b""
        self.copies: list[bytes] = []
        self.engine: Any = None
        self.connection: sqlite3.Connection | None = None

    def keep_template(self) -> None:
        """Remember the present content as what each seed starts with."""
        self.engine.dispose()
        self.template = self._content()

    def reset(self) -> None:
        """Start anew."""
        self.copies = []
        shutil.rmtree(self.photos, ignore_errors=True)
        self._put(self.template)

    def backup(self, *, elsewhere: bool) -> None:
        """Copy the whole database."""
        if elsewhere:
            self.query(_LET_GO)
        self.copies = [*self.copies, self._content()][-KEPT:]

    def restore(self, which: int, *, generation: str) -> None:
        """Put a copy back and say that numbers may have gone back."""
        self._put(self.copies[which])
        connection = sqlite3.connect(self.file)
        with connection:
            connection.execute("UPDATE school SET generation = ?", (generation,))
        connection.close()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read what is committed, over a connection of its own."""
        if self.connection is None:
            self.connection = sqlite3.connect(self.file, isolation_level=None)
        return self.connection.execute(sql, values).fetchall()

    def _content(self) -> bytes:
        self._close()
        connection = sqlite3.connect(self.file)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self.file.read_bytes()

    def _put(self, content: bytes) -> None:
        self._close()
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        self.file.write_bytes(content)

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class PostgresStore:
    """A PostgreSQL database of this process's own, copied by the server itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"sim_{os.getpid()}"
        self.copies: list[str] = []
        self.made = 0
        self.engine: Any = None
        self.connection: psycopg.Connection | None = None
        self.admin = psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)
        self.admin.execute(f"CREATE DATABASE {self.name} OWNER patrol")
        self.url = f"postgresql://patrol@/{self.name}?host={folder}"

    def keep_template(self) -> None:
        """Remember the present content as what each seed starts with."""
        self._copy(self.name, f"{self.name}_template")

    def reset(self) -> None:
        """Start anew."""
        for copy in self.copies:
            self.admin.execute(f"DROP DATABASE {copy}")
        self.copies = []
        self._replace(f"{self.name}_template")

    def backup(self, *, elsewhere: bool) -> None:
        """Copy the whole database."""
        if elsewhere:
            self._open().execute(_LET_GO)
        self.made += 1
        copy = f"{self.name}_{self.made}"
        self._copy(self.name, copy)
        self.copies.append(copy)
        if len(self.copies) > KEPT:
            self.admin.execute(f"DROP DATABASE {self.copies.pop(0)}")

    def restore(self, which: int, *, generation: str) -> None:
        """Put a copy back and say that numbers may have gone back."""
        self._replace(self.copies[which])
        self._open().execute("UPDATE school SET generation = %s", (generation,))

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read what is committed, past row-level security."""
        return self._open().execute(sql.replace("?", "%s"), values).fetchall()

    def _open(self) -> psycopg.Connection:
        if self.connection is None:
            self.connection = psycopg.connect(
                host=str(self.folder), user="postgres", dbname=self.name, autocommit=True
            )
        return self.connection

    def _copy(self, source: str, target: str) -> None:
        self._close()
        self.admin.execute(f"CREATE DATABASE {target} OWNER patrol TEMPLATE {source} STRATEGY file_copy")

    def _replace(self, source: str) -> None:
        self._close()
        self.admin.execute(f"DROP DATABASE {self.name} WITH (FORCE)")
        self._copy(source, self.name)

    def _close(self) -> None:
        self.engine.dispose()
        if self.connection is not None:
            self.connection.close()
            self.connection = None
