"""How fast phones' records come in with full durability, as a ratio to raw inserts of the same rows in the same run.

    python -m tests.bench.sync [--postgres] [--seconds 2] [--batches 1,100,500] [--clients 1,8,32]

The server is the real one in a process of its own, with its data on this machine's disk; phones speak HTTP to it, one
connection each, and wait for each receipt before they send more. Every request goes all the way: token, chain,
validation, projection, signed receipt, commit with synchronous=FULL. Raw is the driver's own executemany of the very
same rows into tables with the same keys and indexes, one commit a batch, by one connection. Machines are noisy: read
the ratios, not the figures.
"""

import argparse
import http.client
import itertools
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from campus_patrol.app import create_app
from campus_patrol.database import BUSY_TIMEOUT, db, new_id, upgrade, use_school
from campus_patrol.people import service as people
from campus_patrol.settings import Settings
from tests.conftest import SchoolForTest, make_school
from tests.phone import Phone
from tests.postgres import postgres_server
from tests.program import free_port, serving

TABLES = ("record", "checkpoint")


@contextmanager
def prepared(settings: Settings, clients: int) -> Iterator[tuple[SchoolForTest, list[Phone]]]:
    """Make a school and its phones without one-time codes, whose throttle would be what is measured."""
    upgrade(settings)
    app = create_app(settings)
    school, phones = make_school(app, "测速学校", f"bench-{new_id()}-"), []
    with app.app_context():
        use_school(school.id)
        for _ in range(clients):
            device, token = people.add_device(name="bench", public_key=None, app=None, by=None)
            phones.append(Phone(app.test_client(), token, {"id": device.id}, {}, school.people["guard"]))
        db.session.commit()
        yield school, phones
        db.session.remove()
        db.engine.dispose()


def through_the_server(
    port: int, school: SchoolForTest, phones: list[Phone], *, batch: int, seconds: float
) -> float:
    """Return records a second that phones get receipts for."""
    bodies = [list(_bodies(school, phone, batch, len(phones), seconds)) for phone in phones]
    done, gate, stop = [0] * len(phones), threading.Barrier(len(phones) + 1), threading.Event()

    def run(number: int) -> None:
        phone = phones[number]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = phone.headers(**{"Content-Type": "application/x-ndjson"})
        gate.wait()
        for body, ack in bodies[number]:
            if stop.is_set():
                break
            connection.request("POST", "/api/v1/sync", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status == 200, said
            assert b'"ack":%d,' % ack in said.replace(b" ", b""), said
            done[number] += batch
        connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(phones))]
    for thread in threads:
        thread.start()
    gate.wait()
    begun = time.perf_counter()
    stopper = threading.Timer(seconds, stop.set)
    stopper.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    stopper.cancel()
    for phone in phones:
        # What was not sent any more is not in the stream of the next measurement.
        phone.stream, phone.lines, phone.hashes = new_id().replace("-", ""), [], phone.hashes[:1]
    return sum(done) / took


def _bodies(
    school: SchoolForTest, phone: Phone, batch: int, clients: int, seconds: float
) -> Iterator[tuple[bytes, int]]:
    """Build everything beforehand: the phones' own work is not the server's."""
    rounds = max(3, int(seconds * (50_000 if batch > 1 else 4_000) / batch / clients))
    for i in range(batch * rounds):
        phone.write(phone.checkpoint(tag=school.codes["A101" if i % 2 else "A102"]))
    for n in range(0, batch * rounds, batch):
        yield phone.body(first=n + 1, last=n + batch), n + batch


def raw(settings: Settings, *, batch: int, seconds: float) -> float:
    """Return records a second when the driver alone puts the same rows, under new keys, into tables of one shape."""
    with_rows = _sqlite_rows if settings.database.startswith("sqlite") else _postgres_rows
    connection, mark, samples = with_rows(settings)
    numbers = itertools.count(1)
    statements, made = {}, {}
    for table, (columns, rows) in samples.items():
        statements[table] = (
            f"INSERT INTO raw_{table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"
        )
        made[table] = _renewed(columns, rows, numbers)
    batches = [
        {table: list(itertools.islice(made[table], batch)) for table in TABLES}
        for _ in range(max(2, int(seconds * (80_000 if batch > 1 else 2_000) / batch)))
    ]
    cursor, done, begun = connection.cursor(), 0, time.perf_counter()
    for rows in batches:
        for table in TABLES:
            cursor.executemany(statements[table], rows[table])
        connection.commit()
        done += batch
        if time.perf_counter() - begun > seconds:
            break
    took = time.perf_counter() - begun
    for table in TABLES:
        cursor.execute(f"DROP TABLE raw_{table}")
    connection.commit()
    connection.close()
    return done / took


def _sqlite_rows(settings: Settings) -> tuple[Any, str, dict[str, Any]]:
    connection = sqlite3.connect(settings.data / "campus-patrol.sqlite3", timeout=BUSY_TIMEOUT)
    connection.execute("PRAGMA synchronous=FULL")
    samples = {}
    for table in TABLES:
        cursor = connection.execute(f"SELECT * FROM {table} LIMIT 500")
        samples[table] = ([column[0] for column in cursor.description], cursor.fetchall())
        made = "SELECT type, sql FROM sqlite_master WHERE tbl_name = ? AND type != 'trigger' AND sql > ''"
        for kind, sql in connection.execute(made, [table]).fetchall():
            if kind == "table":
                sql = sql.replace(f"CREATE TABLE {table}", f"CREATE TABLE raw_{table}", 1)
            else:
                sql = sql.replace("INDEX ix_", "INDEX raw_ix_", 1).replace(
                    f" ON {table} ", f" ON raw_{table} "
                )
            connection.execute(sql)
    connection.commit()
    return connection, "?", samples


def _postgres_rows(settings: Settings) -> tuple[Any, str, dict[str, Any]]:
    connection = psycopg.connect(settings.database_url)
    connection.execute("SELECT set_config('campus_patrol.school', '*', false)")
    samples = {}
    for table in TABLES:
        cursor = connection.execute(f"SELECT * FROM {table} LIMIT 500")
        rows = [tuple(json.dumps(v) if isinstance(v, dict) else v for v in row) for row in cursor.fetchall()]
        samples[table] = ([column.name for column in cursor.description or ()], rows)
        connection.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)")
    connection.commit()
    return connection, "%s", samples


def _renewed(
    columns: list[str], rows: list[tuple[Any, ...]], numbers: Iterator[int]
) -> Iterator[tuple[Any, ...]]:
    fresh: dict[str, Callable[[], Any]] = {
        "id": new_id,
        "n": lambda: next(numbers),
        "log_number": lambda: next(numbers),
    }
    for row in itertools.cycle(rows):
        yield tuple(
            fresh[name]() if name in fresh else value for name, value in zip(columns, row, strict=True)
        )


@contextmanager
def _database(postgres: bool) -> Iterator[str]:
    """Yield the address of a fresh PostgreSQL database, or nothing for SQLite."""
    if not postgres:
        yield ""
        return
    with contextmanager(postgres_server.__wrapped__)() as folder:  # type: ignore[attr-defined]
        with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE bench OWNER patrol")
        yield f"postgresql://patrol@/bench?host={folder}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--batches", default="1,100,500")
    parser.add_argument("--clients", default="1,8,32")
    asked = parser.parse_args()
    numbers = list(map(int, asked.clients.split(",")))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(_database(asked.postgres))
        settings = Settings.load(data=folder, database_url=url)
        school, phones = stack.enter_context(prepared(settings, max(numbers)))
        port = free_port()
        where = ["--data", folder, *(["--database-url", url] if url else [])]
        stack.enter_context(serving("serve", *where, port=port, output=folder / "said"))
        through_the_server(port, school, phones[:1], batch=100, seconds=0.5)
        print(f"{'batch':>6} {'clients':>8} {'records/s':>10} {'raw/s':>10} {'ratio':>7}")
        for batch in map(int, asked.batches.split(",")):
            for clients in numbers:
                rate = through_the_server(port, school, phones[:clients], batch=batch, seconds=asked.seconds)
                base = raw(settings, batch=batch, seconds=asked.seconds)
                print(f"{batch:>6} {clients:>8} {rate:>10.0f} {base:>10.0f} {rate / base:>7.0%}", flush=True)


if __name__ == "__main__":
    main()
