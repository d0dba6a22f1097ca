"""The real server under the simulator: one Flask app in this process, driven by Node over a pipe, one line a call.

Node decides what happens and when; this process has no clock and no chance of its own while a seed is played. Two
requests are inside the server at once when one comes whole while another's body is still on its way. What is not
simulated here: SQLite's own work in the moment of a commit (the crash rigs do that), two threads in the same line of
the server (tests/sync does that). Durability is switched off below the server, because every crash is made above it:
a killed process is a rolled-back transaction.
"""

import argparse
import gc
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from campus_patrol import clock, database, security
from campus_patrol.app import create_app
from campus_patrol.audit.service import verify
from campus_patrol.database import db
from campus_patrol.people import service as people
from campus_patrol.people.models import Device
from campus_patrol.photos import service as photos
from campus_patrol.settings import Settings
from tests.simulation import audit, mutants
from tests.simulation.cast import SCHOOLS, START, code, make_school, pictures
from tests.simulation.entrance import DEAD, Other, answer
from tests.simulation.kept import Backups
from tests.simulation.stores import PostgresStore, SqliteStore

# Every core plays seeds of its own, so helping threads only take turns away from each other.
_NODE = ("--max-semi-space-size=32", "--single-threaded-gc")


class Killed(BaseException):
    """The server's process is gone; not an Exception, so that no handler of the server sees it."""


class Worker:
    """The app, its disk, and what Node may do to both."""

    def __init__(self, folder: Path, postgres: Path | None, mutant: str | None) -> None:
        self.at = START
        self.random = random.Random(0)
        self.fault: str | None = None
        self.step = 0
        self.queue: Callable[[], None] | None = None
        self.codes: dict[str, int] = {}
        self.logs: dict[str, int] = {}
        self._take_over()
        self.store = PostgresStore(postgres) if postgres else SqliteStore(folder / "data")
        self.settings = Settings.load(data=folder / "data", database_url=self.store.url)
        self.backups = Backups(folder / "backups", self.settings, self.store)
        database.upgrade(self.settings)
        self.app = create_app(self.settings)
        with self.app.app_context():
            self.engine = db.engine
            self._next, intake = self.app.extensions["intake"]._next, self.app.extensions["intake"]
            intake._next = self._take_what_waits
            event.listen(self.engine, "before_cursor_execute", self._count)
            if not postgres:
                event.listen(self.engine, "connect", _fast)
        self.store.engine = self.engine
        with clock.standing_at(START), self.app.app_context():
            self.schools = [make_school(i) for i in range(SCHOOLS)]
            db.session.commit()
        self.photos = pictures()
        if mutant:
            mutants.plant(mutant, self)
        self.store.keep_template()
        # Nothing made until here ever goes, and looking through it again and again takes a tenth of all the time.
        gc.collect()
        gc.freeze()
        gc.disable()

    def _take_over(self) -> None:
        """Bring every source of time and chance of the server under the seed."""
        bits = lambda size: self.random.randbytes(size)  # noqa: E731
        database.os = SimpleNamespace(urandom=bits)  # type: ignore[assignment]
        database.time = SimpleNamespace(time_ns=lambda: int(self.at.timestamp() * 1e9))  # type: ignore[assignment]
        security.time = SimpleNamespace(time=lambda: self.at.timestamp())  # type: ignore[assignment]
        security.new_token = people.new_token = lambda: bits(32).hex()
        people.hash_secret = lambda secret: secret
        os.fsync = lambda _: None  # photos; see above
        self.commit = db.session.commit
        db.session.commit = self._commit  # type: ignore[method-assign]
        self._write = photos._write
        photos._write = self._write_photo

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # Not while a transaction is being opened: SQLAlchemy's session would be left in a state of its own.
        if statement.startswith(("BEGIN", "SELECT set_config")) or self._fault() != "crash halfway":
            return
        self.step -= 1
        if self.step < 0:
            raise Killed

    def _fault(self) -> str | None:
        """Return what is to strike; of two requests that share a transaction, it strikes the one that leads."""
        return self.fault if threading.current_thread() is threading.main_thread() else None

    def _commit(self) -> None:
        fault = self._fault()
        if fault == "crash before commit":
            db.session.flush()
            raise Killed
        if fault == "disk full":
            db.session.flush()
            full = OSError(28, "No space left on device")
            raise OperationalError("COMMIT", {}, full)
        self.commit()
        if fault == "crash after commit":
            raise Killed

    def _write_photo(self, target: Path, content: bytes) -> None:
        if self.fault == "disk full":
            raise OSError(28, "No space left on device")
        self._write(target, content)

    def _take_what_waits(self, school: str) -> Any:
        if self.queue is not None and threading.current_thread() is threading.main_thread():
            self.queue()
        return self._next(school)

    def begin(self, *, seed: int, schools: int) -> dict[str, Any]:
        """Start a seed with a fresh disk."""
        self.kill()
        gc.collect()
        self.random.seed(seed)
        self.store.reset()
        self.backups.reset()
        shutil.rmtree(self.settings.photos, ignore_errors=True)
        self.codes = {school["id"]: 0 for school in self.schools}
        self.logs = {school["id"]: 0 for school in self.schools}
        return {"schools": self.schools[:schools], "photos": self.photos}

    def request(
        self,
        *,
        at: float,
        asked: dict[str, Any],
        fault: str | None,
        step: int,
        meanwhile: dict[str, Any] | None,
        queued: bool,
    ) -> dict[str, Any]:
        """Hand one request to the app, and another one meanwhile: while its body is on its way, or queued behind it.

        ``fault`` strikes at the commit, or, when it says halfway, at the statement of that number.
        """
        self._set(at)
        other = Other(self, meanwhile, queued) if meanwhile is not None else None
        self.fault, self.step, self.queue = fault, step, other.join_the_queue if other and queued else None
        said = dict(DEAD)
        try:
            with clock.standing_at(self.at):
                said = self.ask(**asked, reading=other.come_whole if other and not queued else None)
                if other:
                    other.finish()
        except Killed:
            said = dict(DEAD)
            if other:
                other.leave()
        finally:
            self.fault, self.queue = None, None
        if said["crashed"]:
            self.kill()
            # A cursor in the traceback of interrupted work would keep SQLite's locks, as no dead process does.
            gc.collect()
        beside = None if other is None else DEAD if said["crashed"] else other.said
        return {**said, "rows": self._new_rows(), "meanwhile": beside}

    def ask(
        self,
        *,
        method: str,
        path: str,
        headers: dict[str, str],
        body: str | None,
        reading: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """Let the app answer, as a WSGI server would ask it."""
        return answer(self.app, method, path, headers, body, reading)

    def kill(self) -> dict[str, Any]:
        """Kill the server's process and start another: what was not committed is gone."""
        with self.app.app_context():
            db.session.rollback()
            db.session.remove()
        self.engine.dispose()
        return {}

    def backup(self, *, at: float, elsewhere: bool, torn: bool) -> dict[str, Any]:
        """Back the server up; one that is torn on its way must be refused."""
        self.kill()
        self._set(at)
        with clock.standing_at(self.at), self.app.app_context():
            whole = self.backups.make(
                elsewhere=elsewhere, torn=self.random if torn else None, commit=self.commit
            )
        return {"refused": not whole}

    def restore(self, *, at: float, which: int, torn: bool) -> dict[str, Any]:
        """Put an older copy in place and return every line it has; a torn one must be refused."""
        self.kill()
        self.store.close()
        self._set(at)
        with clock.standing_at(self.at), self.app.app_context():
            whole = self.backups.restore(which=which, torn=self.random if torn else None, commit=self.commit)
        self.kill()
        if whole:
            self.logs = {school["id"]: 0 for school in self.schools}
        return {"refused": not whole, "rows": self._new_rows() if whole else []}

    def revoke(self, *, school: str, name: str) -> dict[str, Any]:
        """Take the tokens of a phone away, as the desk does."""
        with self.app.app_context():
            if any(one["id"] == school for one in self.schools):
                database.use_school(school)
                for device in db.session.query(Device).where(Device.name == name).all():
                    device.revoked_at = self.at
                self.commit()
            db.session.remove()
        return {}

    def code(self, *, school: str) -> dict[str, Any]:
        """Give out the next enrolment code of a school; a code is never given out twice, restores or not."""
        index = next(i for i, one in enumerate(self.schools) if one["id"] == school)
        self.codes[school] += 1
        return {"code": code(index, self.codes[school] - 1)}

    def check(self, *, receipts: list[dict[str, Any]]) -> dict[str, Any]:
        """Look at the whole disk, with the simulator's own eyes and with verify; ``receipts`` are what it gave."""
        self.kill()
        found = audit.look(self.store)
        generations = {row[0] for row in self.store.query("SELECT generation FROM school")}
        outcomes = verify(
            database=self.settings.database,
            keys=self.settings.keys,
            # What was signed before a restore is explained by it.
            heads=[head for head in self.backups.heads if head.generation in generations],
            receipts=[receipt for receipt in receipts if receipt["generation"] in generations],
        )
        found["wrong"] += [f"verify says {fault}" for outcome in outcomes for fault in outcome.faults]
        return found

    def _set(self, at: float) -> None:
        self.at = START + timedelta(milliseconds=int(at))

    def _new_rows(self) -> list[dict[str, Any]]:
        rows = []
        for school, seen in self.logs.items():
            for row in self.store.query(audit.NEW_ROWS, school, seen):
                self.logs[school] = max(self.logs[school], row[6])
                rows.append(audit.row(row))
        return rows


def _fast(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def main() -> None:
    """Play the seeds asked for; print one JSON line for each result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--step", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--postgres", type=Path)
    parser.add_argument("--mutant")
    asked = parser.parse_args()
    # So that the folder goes when the runner has seen enough.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # The errors that faults provoke are the point; nobody wants to read them.
    logging.disable(logging.CRITICAL)
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="patrol-sim-", dir=shared if shared.is_dir() else None))
    try:
        worker = Worker(folder, asked.postgres, asked.mutant)
        if asked.count:
            serve(worker, asked)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve(worker: Worker, asked: argparse.Namespace) -> None:
    """Start Node and answer its calls until it is done."""
    from_node, node_out = os.pipe()
    node_in, to_node = os.pipe()
    numbers = [node_in, node_out, asked.first, asked.step, asked.count]
    node = subprocess.Popen(
        ["node", *_NODE, asked.bundle, *map(str, numbers)], pass_fds=(node_in, node_out), stdout=sys.stderr
    )
    os.close(node_in)
    os.close(node_out)
    try:
        with os.fdopen(from_node, "rb") as incoming, os.fdopen(to_node, "wb") as outgoing:
            for line in incoming:
                message = json.loads(line)
                name = message.pop("do")
                if name == "result":
                    print(json.dumps(message["result"], ensure_ascii=False), flush=True)
                answer = {} if name in ("result", "end") else getattr(worker, name)(**message)
                outgoing.write(json.dumps(answer).encode() + b"\n")
                outgoing.flush()
                if name == "end":
                    break
        code = node.wait(timeout=10)
        if code:
            raise SystemExit(f"node ended with {code}")
    finally:
        node.kill()
        node.wait()


if __name__ == "__main__":
    main()
