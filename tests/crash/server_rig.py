"""A school on the real server program, and phones that speak HTTP to it over connections of their own."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from campus_patrol.app import create_app
from campus_patrol.audit import service as audit
from campus_patrol.database import db, new_id, upgrade, use_school
from campus_patrol.people import service as people
from campus_patrol.settings import Settings
from tests.conftest import SchoolForTest, make_school
from tests.crash.result import Result
from tests.phone import Phone
from tests.postgres import crash_and_start, postgres_server
from tests.program import COMMAND, environment, free_port, run

# What a phone sees of a server that is gone, going or hanging.
NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass
class Answer:
    """What came back over the wire, in the words of Flask's test client, so that tests.phone can use it."""

    status_code: int
    data: bytes
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Wire:
    """One connection to a server, made again when it broke. Raises NO_ANSWER."""

    def __init__(self, port: int, *, timeout: float = 30) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        try:
            self._connection.request(method, path, body, headers)
            said = self._connection.getresponse()
            return Answer(said.status, said.read(), said.headers)
        except NO_ANSWER:
            self._connection.close()
            raise

    def get(self, path: str, *, headers: dict[str, str]) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, *, data: bytes, headers: dict[str, str]) -> Answer:
        return self.ask("POST", path, data, headers)

    def put(self, path: str, *, data: bytes, headers: dict[str, str]) -> Answer:
        return self.ask("PUT", path, data, headers)

    def close(self) -> None:
        self._connection.close()


class Server:
    """The program that a school runs, in a process group of its own, so that all of it can die at once."""

    def __init__(self, settings: Settings, plant: Path | None = None) -> None:
        self.settings, self.port = settings, free_port()
        self.said = settings.data.parent / f"said-{self.port}"
        self._environment = environment()
        if plant is not None:
            before = os.pathsep.join([str(plant), self._environment["PYTHONPATH"]])
            self._environment["PYTHONPATH"] = before
        self._process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers."""
        database = ["--database-url", self.settings.database_url] if self.settings.database_url else []
        where = ["--data", str(self.settings.data), *database, "--port", str(self.port)]
        with self.said.open("w") as said:
            self._process = subprocess.Popen(
                [*COMMAND, "serve", *where],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while "Press Ctrl+C" not in self.said.read_text():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"it does not serve: {self.said.read_text()}")
            time.sleep(0.02)

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End every process of it, by default without a chance to do anything about it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)
        self._process.wait(30)
        # The worker is not our child, so nobody tells us; when it is gone, so is who listens.
        while self._listens():
            time.sleep(0.005)
        self._process = None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop it as a person does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None


@dataclass
class Rig:
    """A school, its server and its phones; ``database_folder`` is PostgreSQL's, None on SQLite."""

    settings: Settings
    school: SchoolForTest
    server: Server
    phones: list[Phone]
    database_folder: Path | None

    def stop(self) -> None:
        """Stop the server, and the phones' connections with it."""
        self.server.stop()
        self.hang_up()

    def hang_up(self) -> None:
        """Let every phone make a new connection with its next request, as after a server went away."""
        for phone in self.phones:
            phone.client.close()

    @property
    def scratch_url(self) -> str | None:
        """An empty database to verify backups in; SQLite needs none."""
        return f"postgresql://patrol@/scratch?host={self.database_folder}" if self.database_folder else None

    def crash_database(self) -> None:
        """Let PostgreSQL die in the middle of its work, all its processes at once, and come back."""
        assert self.database_folder is not None
        crash_and_start(self.database_folder)

    def rows(self, question: str) -> list[Any]:
        """Ask the database itself, whatever state the server is in."""
        with audit.snapshot(self.settings.database) as connection:
            return list(connection.execute(text(question)).all())

    def judge(self, result: Result, *, complete: bool = False) -> None:
        """Compare the database with what the phones wrote and were told; with ``complete`` all of it must be there."""
        stored = {
            (row.stream, row.n): bytes(row.line) for row in self.rows("SELECT stream, n, line FROM record")
        }
        for phone in self.phones:
            for n in range(1, (len(phone.lines) if complete else phone.acked) + 1):
                if stored.get((phone.stream, n)) != phone.lines[n - 1]:
                    result.lost.append(f"stream {phone.stream}, number {n}, after {result.kills} kills")
        written = {line for phone in self.phones for line in phone.lines}
        for line, count in Counter(stored.values()).items():
            if count > 1:
                result.doubled.append(line.decode())
            if line not in written:
                result.wrong.append(f"a record that no phone wrote: {line!r}")
        [(seen, twice)] = self.rows("SELECT count(*), count(*) - count(DISTINCT id) FROM checkpoint")
        if seen != len(stored) or twice:
            result.wrong.append(f"{seen} checkpoints, {twice} of them twice, of {len(stored)} records")

    def verify(self, result: Result, receipts: list[dict[str, Any]]) -> None:
        """Recompute every chain and hold the server to the receipts it signed."""
        for outcome in audit.verify(
            database=self.settings.database, keys=self.settings.keys, receipts=receipts
        ):
            result.wrong += [f"verify after {result.kills} kills: {fault}" for fault in outcome.faults]

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run one of the program's commands on this school."""
        database = ["--database-url", self.settings.database_url] if self.settings.database_url else []
        name, *more = arguments
        return run(name, "--data", self.settings.data, *database, *more)


@contextmanager
def rig(phones: int, *, postgres: bool, data: Path | None = None, plant: Path | None = None) -> Iterator[Rig]:
    """Yield a school with so many phones on a server that is not started yet.

    ``plant`` is a folder whose sitecustomize.py every process of the server loads first: a fault put in on purpose.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patrol-crash-")))
        database_folder = stack.enter_context(_postgres()) if postgres else None
        url = f"postgresql://patrol@/crash?host={database_folder}" if database_folder else ""
        settings = Settings.load(data=data or folder / "data", database_url=url)
        settings.data.mkdir(exist_ok=True)
        server = Server(settings, plant)
        made = Rig(settings, *_prepare(settings, phones, server), database_folder)
        try:
            yield made
        finally:
            server.kill()
            made.hang_up()


def _prepare(settings: Settings, count: int, server: Server) -> tuple[SchoolForTest, Server, list[Phone]]:
    """Make the school, and phones without one-time codes: enrolling many at once is throttled on purpose."""
    upgrade(settings)
    app = create_app(settings)
    school, phones = make_school(app, "断电学校", f"crash-{new_id()}-"), []
    with app.app_context():
        use_school(school.id)
        for _ in range(count):
            device, token = people.add_device(name="手机", public_key=None, app=None, by=None)
            wire: Any = Wire(server.port)
            phones.append(Phone(wire, token, {"id": device.id}, {}, school.people["guard"]))
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    return school, server, phones


@contextmanager
def _postgres() -> Iterator[Path]:
    with contextmanager(postgres_server.__wrapped__)() as folder:  # type: ignore[attr-defined]
        with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE crash OWNER patrol")
            # To verify backups in: the role may make no database of its own.
            admin.execute("CREATE DATABASE scratch OWNER patrol")
        yield folder
