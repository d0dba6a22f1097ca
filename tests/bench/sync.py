"""How fast phones' records come in with full durability, as a ratio to raw inserts of the same rows in the same run.

    python -m tests.bench.sync [--database-url postgresql://…] [--seconds 2] [--batches 1,100,500] [--clients 1,8,32]

Every request goes through the whole application (token, chain, validation, projection, signed receipt, commit with
synchronous=FULL). Raw is the driver's own executemany of the very same record and checkpoint rows, one commit a batch,
by one connection. Machines are noisy: read the ratios, not the figures.
"""

import argparse
import itertools
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from campus_patrol.app import create_app
from campus_patrol.database import BUSY_TIMEOUT, db, new_id, upgrade, use_school
from campus_patrol.people import service as people
from campus_patrol.settings import Settings
from tests.conftest import SchoolForTest, make_school
from tests.phone import Phone

TABLES = ("record", "checkpoint")


def enrol(app: Flask, school: SchoolForTest) -> Phone:
    """Make a phone without the one-time code, whose throttle would be what is measured."""
    with app.app_context():
        use_school(school.id)
        device, token = people.add_device(name="bench", public_key=None, app=None, by=None)
        name = {"id": device.id, "name": device.name}
        db.session.commit()
    return Phone(app.test_client(), token, name, {}, school.people["guard"])


def through_the_app(app: Flask, school: SchoolForTest, *, batch: int, clients: int, seconds: float) -> float:
    """Return records a second that phones get receipts for."""
    phones = [enrol(app, school) for _ in range(clients)]
    done, gate = [0] * clients, threading.Barrier(clients + 1)
    stop = threading.Event()
    # Made beforehand: the phones' own work is not the server's.
    rounds = max(2, int(seconds * (6000 if batch > 1 else 800) / batch / clients))
    for phone in phones:
        for i in range(batch * rounds):
            phone.write(phone.checkpoint(tag=school.codes["A101" if i % 2 else "A102"]))

    def run(number: int) -> None:
        phone = phones[number]
        bodies = [phone.body(first=n + 1, last=n + batch) for n in range(0, batch * rounds, batch)]
        gate.wait()
        for body in bodies:
            if stop.is_set():
                return
            answer = phone.send(body)
            assert answer.status_code == 200, answer.json
            done[number] += batch

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
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
    return sum(done) / took


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
        made = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
        connection.execute(made.replace(f"CREATE TABLE {table}", f"CREATE TABLE raw_{table}", 1))
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database-url", default="")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--batches", default="1,100,500")
    parser.add_argument("--clients", default="1,8,32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(data=Path(folder), database_url=options.database_url)
        upgrade(settings)
        app = create_app(settings)
        school = make_school(app, "测速学校", f"bench-{new_id()}-")
        through_the_app(app, school, batch=100, clients=1, seconds=0.5)
        print(f"{'batch':>6} {'clients':>8} {'records/s':>10} {'raw/s':>10} {'ratio':>7}")
        for batch in map(int, options.batches.split(",")):
            for clients in map(int, options.clients.split(",")):
                rate = through_the_app(app, school, batch=batch, clients=clients, seconds=options.seconds)
                base = raw(settings, batch=batch, seconds=options.seconds)
                print(f"{batch:>6} {clients:>8} {rate:>10.0f} {base:>10.0f} {rate / base:>7.0%}", flush=True)
        with app.app_context():
            db.engine.dispose()


if __name__ == "__main__":
    main()
