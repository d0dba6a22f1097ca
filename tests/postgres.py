"""A PostgreSQL server for the tests, made from the machine's own binaries and gone afterwards."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """Yield the folder of the server's socket; it listens nowhere else, so no port can be taken."""
    binaries = _binaries()
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="patrol-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, user, user)
    data = folder / "data"
    options = (
        f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    )

    try:
        _run(
            folder,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        )
        _run(folder, binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            # Row-level security does not bind a superuser, so the tests come as what a school would come as.
            with _admin(folder) as admin:
                admin.execute("CREATE ROLE patrol LOGIN NOSUPERUSER NOBYPASSRLS")
            yield folder
        finally:
            _run(folder, binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Path) -> Iterator[str]:
    """Yield the address of one database that all tests of the session share."""
    with _database(postgres_server, "shared") as url:
        yield url


@pytest.fixture
def postgres_database(postgres_server: Path) -> Iterator[str]:
    """Yield the address of an empty database of this test's own."""
    with _database(postgres_server, f"own_{os.urandom(4).hex()}") as url:
        yield url


def crash_and_start(folder: Path) -> None:
    """Let the server die without a checkpoint, as in a crash, and start it again: it recovers from its log."""
    control = _binaries() / "pg_ctl"
    _run(folder, control, "-D", folder / "data", "-w", "-l", folder / "log", "-m", "immediate", "restart")


def _run(folder: Path, *command: str | Path) -> None:
    # PostgreSQL refuses to run as root, and its own user cannot look into pytest's folders.
    user = "postgres" if os.geteuid() == 0 else None
    done = subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


@contextlib.contextmanager
def _database(folder: Path, name: str) -> Iterator[str]:
    with _admin(folder) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER patrol")
    yield f"postgresql://patrol@/{name}?host={folder}"
    with _admin(folder) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _admin(folder: Path) -> psycopg.Connection:
    return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)


def _binaries() -> Path:
    """Find initdb's folder: Debian keeps it off the path, one folder a version."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(re.sub(r"\D", "", str(p)))
    )
    found = versions[-1] if versions else shutil.which("initdb")
    if not found:
        pytest.fail(
            "PostgreSQL's initdb is not on this machine; install the package postgresql", pytrace=False
        )
    return Path(found).parent
