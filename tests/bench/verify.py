"""How long `campus-patrol verify` takes for a school with years of records.

    python -m tests.bench.verify [--records 1000000]

The log is written straight into the tables, with the chains that the server would have made; then the real command
verifies it in a process of its own, with its bar when this is a terminal.
"""

import argparse
import json
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.progress import track

from campus_patrol import clock
from campus_patrol.app import create_app
from campus_patrol.audit import service as audit
from campus_patrol.database import db, new_id, upgrade, use_school
from campus_patrol.people import service as people
from campus_patrol.settings import Settings
from campus_patrol.sync.rules import GENESIS, chain_hash, log_hash
from tests.conftest import SchoolForTest, make_school
from tests.phone import Phone
from tests.program import COMMAND, environment

STREAMS = 40
COLUMNS = (
    "school_id",
    "stream",
    "n",
    "id",
    "hash",
    "line",
    "device_id",
    "received_at",
    "log_number",
    "log_hash",
)


def fill(settings: Settings, records: int) -> None:
    """Write so many records of 40 phones, one after the other, and sign the head of the log."""
    upgrade(settings)
    app = create_app(settings)
    school = make_school(app, "百万学校", "million-")
    with app.app_context():
        use_school(school.id)
        devices = [
            people.add_device(name="手机", public_key=None, app=None, by=None)[0] for _ in range(STREAMS)
        ]
        phones = [
            Phone(app.test_client(), "", {"id": device.id}, {}, school.people["guard"]) for device in devices
        ]
        db.session.commit()
        db.engine.dispose()
    ends: dict[str, Any] = {}
    with closing(sqlite3.connect(settings.data / "campus-patrol.sqlite3")) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        rows = track(_rows(school, phones, records, ends), "writing", total=records)
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO record ({', '.join(COLUMNS)}) VALUES ({marks})", rows)
        connection.executemany(
            "INSERT INTO stream (school_id, stream, device_id, created_at, announced_next, head, head_hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    school.id,
                    phone.stream,
                    phone.device["id"],
                    _now(),
                    ends[phone.stream][0] + 1,
                    *ends[phone.stream],
                )
                for phone in phones
            ],
        )
        connection.execute("UPDATE school SET log_length = ?, log_hash = ?", [records, ends["log"]])
        connection.commit()
    with app.app_context():
        use_school(school.id)
        audit.sign_head(keys=settings.keys)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()


def _rows(
    school: SchoolForTest, phones: list[Phone], records: int, ends: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    template = phones[0].checkpoint(tag=school.codes["A101"])
    ends.update({phone.stream: (0, GENESIS) for phone in phones}, log=GENESIS)
    received = _now()
    for number in range(1, records + 1):
        phone = phones[number % STREAMS]
        n, previous = ends[phone.stream]
        template["id"] = new_id()
        line = json.dumps(template, ensure_ascii=False, separators=(",", ":")).encode()
        hashed = chain_hash(phone.stream, n + 1, previous, line)
        ends["log"] = log_hash(ends["log"], phone.stream, n + 1, hashed)
        ends[phone.stream] = (n + 1, hashed)
        row = (school.id, phone.stream, n + 1, template["id"], hashed, line)
        yield (*row, phone.device["id"], received, number, ends["log"])


def _now() -> str:
    return clock.now().isoformat(" ", "microseconds")[:26]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(data=Path(folder), database_url="")
        fill(settings, asked.records)
        size = (settings.data / "campus-patrol.sqlite3").stat().st_size
        begun = time.perf_counter()
        subprocess.run([*COMMAND, "verify", "--data", folder], env=environment(), check=True)
        took = time.perf_counter() - begun
        print(
            f"{asked.records} records, {size / 1e6:.0f} MB: {took:.1f} s, {asked.records / took:.0f} records/s"
        )


if __name__ == "__main__":
    main()
