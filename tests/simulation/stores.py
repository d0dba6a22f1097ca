"""The server's disk, as something that can be reset between seeds and read past the app."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import psycopg


class SqliteStore:
    """A real SQLite file in the data folder."""

    url = ""
    scratch: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "campus-patrol.sqlite3"
        self.template = b""
        self.engine: Any = None
        self.connection: sqlite3.Connection | None = None

    def keep_template(self) -> None:
        """Remember the present content as what each seed starts with."""
        self.close()
        connection = sqlite3.connect(self.file)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self.template = self.file.read_bytes()

    def reset(self) -> None:
        """Start anew."""
        self.close()
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        self.file.write_bytes(self.template)

    def forget(self, _aside: str) -> None:
        """Drop what a restore has set aside; on SQLite that is the caller's folder."""

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read what is committed, over a connection of its own."""
        if self.connection is None:
            self.connection = sqlite3.connect(self.file, isolation_level=None)
        return self.connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class PostgresStore:
    """A PostgreSQL database of this process's own, copied by the server itself."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.name = f"sim_{os.getpid()}"
        self.engine: Any = None
        self.connection: psycopg.Connection | None = None
        self.admin = psycopg.connect(host=str(socket), user="postgres", dbname="postgres", autocommit=True)
        for name in (self.name, f"{self.name}_scratch"):
            self.admin.execute(f"CREATE DATABASE {name} OWNER patrol")
        self.url, self.scratch = (
            f"postgresql://patrol@/{name}?host={socket}" for name in (self.name, f"{self.name}_scratch")
        )

    def keep_template(self) -> None:
        """Remember the present content as what each seed starts with."""
        self._copy(self.name, f"{self.name}_template")

    def reset(self) -> None:
        """Start anew."""
        self.close()
        self.admin.execute(f"DROP DATABASE {self.name} WITH (FORCE)")
        self._copy(f"{self.name}_template", self.name)

    def forget(self, aside: str) -> None:
        """Drop what a restore has set aside."""
        self._open().execute(f"DROP SCHEMA IF EXISTS {aside} CASCADE")
        self.close()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read what is committed, past row-level security."""
        return self._open().execute(sql.replace("?", "%s"), values).fetchall()

    def _open(self) -> psycopg.Connection:
        if self.connection is None:
            self.connection = psycopg.connect(
                host=str(self.socket), user="postgres", dbname=self.name, autocommit=True
            )
        return self.connection

    def _copy(self, source: str, target: str) -> None:
        self.close()
        self.admin.execute(f"CREATE DATABASE {target} OWNER patrol TEMPLATE {source} STRATEGY file_copy")

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()
        if self.connection is not None:
            self.connection.close()
            self.connection = None
