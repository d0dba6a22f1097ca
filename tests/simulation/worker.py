"""The real server under the simulator: one Flask app in this process, driven by Node over a pipe, one line a call.

Node decides what happens and when; this process has no clock and no chance of its own while a seed is played. What is
not simulated here: SQLite's own work in the moment of a commit (the crash rigs do that), two requests inside the
server at once (tests/sync does that). Durability is switched off below the server, because every crash is made above
it: a killed process is a rolled-back transaction.
"""

import argparse
import base64
import gc
import io
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from campus_patrol import clock, database, security
from campus_patrol.app import create_app
from campus_patrol.database import db
from campus_patrol.people import service as people
from campus_patrol.people.models import Device, Enrolment
from campus_patrol.photos import service as photos
from campus_patrol.places.models import Building, Place
from campus_patrol.settings import Settings
from campus_patrol.tags import service as tags
from tests.simulation import audit, mutants
from tests.simulation.stores import PostgresStore, SqliteStore

START = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
SCHOOLS = 3
CODES = 60
PHOTOS = 24


# Every core plays seeds of its own, so helping threads only take turns away from each other.
_NODE = ("--max-semi-space-size=32", "--single-threaded-gc")
_ENVIRON = {
    "SCRIPT_NAME": "",
    "SERVER_NAME": "patrol.test",
    "SERVER_PORT": "443",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "https",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


class Killed(BaseException):
    """The server's process is gone; not an Exception, so that no handler of the server sees it."""


class Worker:
    """The app, its disk, and what Node may do to both."""

    def __init__(self, folder: Path, postgres: Path | None, mutant: str | None) -> None:
        self.at = START
        self.random = random.Random(0)
        self.fault: str | None = None
        self.codes: dict[str, int] = {}
        self.logs: dict[str, int] = {}
        self._take_over()
        self.store = PostgresStore(postgres) if postgres else SqliteStore(folder)
        settings = Settings.load(data=folder, database_url=self.store.url)
        database.upgrade(settings)
        self.app = create_app(settings)
        with self.app.app_context():
            self.engine = db.engine
            if not postgres:
                event.listen(self.engine, "connect", _fast)
        self.store.engine = self.engine
        with clock.standing_at(START), self.app.app_context():
            self.schools = [self._make_school(i) for i in range(SCHOOLS)]
            db.session.commit()
        self.photos = _pictures()
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

    def _commit(self) -> None:
        if self.fault == "crash before commit":
            db.session.flush()
            raise Killed
        if self.fault == "disk full":
            db.session.flush()
            full = OSError(28, "No space left on device")
            raise OperationalError("COMMIT", {}, full)
        self.commit()
        if self.fault == "crash after commit":
            raise Killed

    def _write_photo(self, target: Path, content: bytes) -> None:
        if self.fault == "disk full":
            raise OSError(28, "No space left on device")
        self._write(target, content)

    def _make_school(self, index: int) -> dict[str, Any]:
        school = people.create_school(name=f"模拟中学{index + 1}")
        guards = [people.add_person(name=f"保安{i}", role="guard", pin="246810")[0].id for i in range(2)]
        building = Building(name="明德楼", position=1)
        db.session.add(building)
        db.session.flush()
        places = [
            Place(
                building_id=building.id,
                floor=1,
                kind="room",
                number=f"A10{i}",
                name=f"高一{i}班",
                ac_count=1,
                light_count=8,
                created_at=START,
                updated_at=START,
            )
            for i in range(4)
        ]
        db.session.add_all(places)
        db.session.flush()
        made = tags.make_tags(places=places)
        for i in range(CODES):
            db.session.add(
                Enrolment(
                    code_hash=security.token_hash(_code(index, i)),
                    created_by_id=guards[0],
                    created_at=START,
                    expires_at=START + timedelta(days=9),
                )
            )
        db.session.flush()
        return {
            "id": school.id,
            "people": guards,
            "places": [place.id for place in places],
            "tags": [tag.code for tag in made],
            "route": "00000000-0000-7000-8000-000000000000",
        }

    def begin(self, *, seed: int, schools: int) -> dict[str, Any]:
        """Start a seed with a fresh disk."""
        self.kill()
        gc.collect()
        self.random.seed(seed)
        self.store.reset()
        self.codes = {school["id"]: 0 for school in self.schools}
        self.logs = {school["id"]: 0 for school in self.schools}
        return {"schools": self.schools[:schools], "photos": self.photos}

    def request(
        self,
        *,
        at: float,
        method: str,
        path: str,
        headers: dict[str, str],
        body: str | None,
        fault: str | None,
    ) -> dict[str, Any]:
        """Hand one request to the app; ``fault`` strikes at its commit."""
        self.at = START + timedelta(milliseconds=int(at))
        self.fault = fault
        content = base64.b64decode(body) if body is not None else b""
        try:
            with clock.standing_at(self.at):
                said = self.ask(method=method, path=path, headers=headers, body=content)
        except Killed:
            self.kill()
            said = {"crashed": True, "status": 0, "retry": None, "text": ""}
        finally:
            self.fault = None
        return {**said, "rows": self._new_rows() if path == "/api/v1/sync" else []}

    def ask(self, *, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """Let the app answer, as a WSGI server would ask it."""
        where, _, query = path.partition("?")
        environ: dict[str, Any] = {
            **_ENVIRON,
            "REQUEST_METHOD": method,
            "PATH_INFO": where,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        told: list[Any] = []
        answer = self.app.wsgi_app(environ, lambda status, sent, *_: told.extend((status, sent)))
        try:
            text = b"".join(answer).decode()
        finally:
            answer.close()
        retry = next((value for name, value in told[1] if name == "Retry-After"), None)
        return {"crashed": False, "status": int(told[0][:3]), "retry": retry, "text": text}

    def kill(self) -> dict[str, Any]:
        """Kill the server's process and start another: what was not committed is gone."""
        with self.app.app_context():
            db.session.rollback()
            db.session.remove()
        self.engine.dispose()
        return {}

    def backup(self, *, elsewhere: bool) -> dict[str, Any]:
        """Keep a copy of the database, the last three are held; from one elsewhere on, phones may let records go."""
        self.kill()
        self.store.backup(elsewhere=elsewhere)
        return {}

    def restore(self, *, which: int) -> dict[str, Any]:
        """Put an older copy in place, with a new generation; return every line it has."""
        self.kill()
        self.store.restore(which, generation=str(self.random.getrandbits(64)))
        self.logs = {school["id"]: 0 for school in self.schools}
        return {"rows": self._new_rows()}

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
        return {"code": _code(index, self.codes[school] - 1)}

    def check(self) -> dict[str, Any]:
        """Look at the whole disk."""
        self.kill()
        return audit.look(self.store)

    def _new_rows(self) -> list[dict[str, Any]]:
        rows = []
        for school, seen in self.logs.items():
            for row in self.store.query(audit.NEW_ROWS, school, seen):
                self.logs[school] = max(self.logs[school], row[6])
                rows.append(audit.row(row))
        return rows


def _code(school: int, number: int) -> str:
    return f"CODE{school}AND{number}"


def _fast(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _pictures() -> list[str]:
    chance = random.Random(1)
    made = []
    for _ in range(PHOTOS):
        out = io.BytesIO()
        Image.frombytes("RGB", (8, 8), chance.randbytes(192)).save(out, "JPEG")
        made.append(base64.b64encode(out.getvalue()).decode())
    return made


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
