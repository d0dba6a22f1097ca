"""Change a school's database as a hand on the file could, one change at a time, and let `verify` look for it."""

import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from campus_patrol.app import create_app
from campus_patrol.audit import service as audit
from campus_patrol.audit.rules import Fault
from campus_patrol.database import db, upgrade, use_school
from campus_patrol.people import service as people
from campus_patrol.settings import Settings
from tests.conftest import make_school
from tests.crash.result import Progress, Result
from tests.phone import Phone, chain_hash

# What the chains, the signed heads and the lines themselves vouch for.
COLUMNS = ("log_number", "stream", "n", "hash", "line", "log_hash", "id")
HEAD_COLUMNS = ("log_number", "log_hash", "day", "generation", "signature")
_ROWS = f"SELECT {', '.join(COLUMNS)} FROM record ORDER BY log_number"
# How long the log is when heads are signed.
_SIGNED_AT = (20, 40, 57)
# A fault's place: its log number, or the stream.
Place = tuple[str, Any]


def edit_at_random(count: int, seed: int, progress: Progress) -> Result:
    """Make so many changes, each to a fresh copy, and have each found and the first row it touches named."""
    result, chance, begun = Result("verify", seed, unit="changes"), random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="patrol-edits-") as folder:
        settings = Settings.load(data=Path(folder), database_url="")
        whole = _make_log(settings)
        file = settings.data / "campus-patrol.sqlite3"
        assert _verify(settings) == []
        while result.kills < count:
            shutil.copyfile(whole, file)
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=OFF")
                before = connection.execute(_ROWS).fetchall()
                what, place = chance.choice(EDITS)(connection, chance)
                after = connection.execute(_ROWS).fetchall()
            places = [place] if place else _first_differences(before, after)
            if not places:
                # By chance the same value again.
                continue
            result.kills += 1
            faults = _verify(settings)
            if not faults:
                result.lost.append(f"{what}: expected at {places}")
            elif not {("log_number", faults[0].log_number), ("stream", faults[0].stream)} & set(places):
                result.wrong.append(f"{what}: expected at {places}, found {faults[0]}")
            progress(result.kills)
    result.seconds = time.monotonic() - begun
    return result


def _verify(settings: Settings) -> list[Fault]:
    return audit.verify(database=settings.database, keys=settings.keys)[0].faults


def _first_differences(before: list[Any], after: list[Any]) -> list[Place]:
    """Return the number of the first row that is not the one it was; past the end, how many are left.

    Ids are in no chain, each is held against its own line: where only they differ, any of the rows is the right one.
    """
    changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    if changed and all(old[:-1] == new[:-1] for old, new in changed):
        return [("log_number", new[0]) for _, new in changed]
    if changed:
        return [("log_number", changed[0][1][0])]
    if len(before) == len(after):
        return []
    return [("log_number", after[len(before)][0] if len(after) > len(before) else len(after))]


def _make_log(settings: Settings) -> Path:
    """Make a log of 60 records: mixed streams, lines put aside, lines that moved house, three signed heads."""
    upgrade(settings)
    app = create_app(settings)
    school = make_school(app, "核对学校", "edits-")
    with app.app_context():
        use_school(school.id)
        device, token = people.add_device(name="手机", public_key=None, app=None, by=None)
        db.session.commit()
        phones = [
            Phone(app.test_client(), token, {"id": device.id}, {}, school.people["guard"]) for _ in range(5)
        ]
    *walking, moved = phones
    written = 0

    def write(phone: Phone, line: dict[str, Any] | bytes) -> None:
        nonlocal written
        phone.write(line)
        phone.sync()
        written += 1
        if written in _SIGNED_AT:
            with app.app_context():
                use_school(school.id)
                audit.sign_head(keys=settings.keys)
                db.session.commit()

    for _ in range(12):
        for phone in walking:
            write(phone, phone.checkpoint(tag=school.codes["A101"]))
    write(walking[0], b"{broken")
    write(walking[1], {**walking[1].checkpoint(), "kind": "unheard of"})
    for line in walking[0].lines[:5]:
        write(moved, line)
    write(walking[2], walking[2].checkpoint(id=walking[3].checkpoint()["id"]))
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    file, whole = settings.data / "campus-patrol.sqlite3", settings.data / "whole"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # As somebody who has the file: triggers and constraints are no hindrance.
        for table in ("record", "head", "stream", "school"):
            connection.execute(f"CREATE TABLE bare AS SELECT * FROM {table}")
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE bare RENAME TO {table}")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("VACUUM")
    shutil.copyfile(file, whole)
    return whole


# ---------------------------------------------------------------- what is done, and where if the rows do not show it

Edit = Callable[[sqlite3.Connection, random.Random], tuple[str, Place | None]]


def _change(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    number, column = _some_number(connection, chance), chance.choice(COLUMNS)
    [old] = connection.execute(f"SELECT {column} FROM record WHERE log_number = ?", [number]).fetchone()
    new = _unlike(old, chance)
    connection.execute(f"UPDATE record SET {column} = ? WHERE log_number = ?", [new, number])
    return f"{column} of {number}: {old!r} became {new!r}", None


def _copy_over(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    to, source = _some_number(connection, chance), _some_number(connection, chance)
    chosen = chance.sample(COLUMNS[1:], chance.randint(1, len(COLUMNS) - 1))
    assign = f"({', '.join(chosen)}) = (SELECT {', '.join(chosen)} FROM record WHERE log_number = :b)"
    connection.execute(f"UPDATE record SET {assign} WHERE log_number = :a", {"a": to, "b": source})
    return f"{chosen} of {to} taken from {source}", None


def _delete(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    first = _some_number(connection, chance)
    last = first + chance.choice((0, 0, 0, 1, 5, 100))
    connection.execute("DELETE FROM record WHERE log_number BETWEEN ? AND ?", [first, last])
    if chance.random() < 0.5:
        # So that no number is missing.
        connection.execute(
            "UPDATE record SET log_number = log_number - ? WHERE log_number > ?", [last - first + 1, last]
        )
    return f"{first} to {last} deleted", None


def _insert(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    at, source = _some_number(connection, chance), _some_number(connection, chance)
    row = connection.execute("SELECT * FROM record WHERE log_number = ?", [source]).fetchone()
    names = [column[0] for column in connection.execute("SELECT * FROM record LIMIT 0").description]
    made = dict(zip(names, row, strict=True))
    if chance.random() < 0.5:
        # A well-made line that fits behind one that is there; only what follows can tell.
        made["line"] = made["line"].replace(b"A", b"B") + b" "
        made["n"] += 1
        made["hash"] = chain_hash(made["stream"], made["n"], made["hash"], made["line"])
        made["id"] = None
    # Of two rows of one number either may be read first; both are of that number.
    shares_number = chance.random() < 0.3
    if not shares_number:
        connection.execute("UPDATE record SET log_number = log_number + 1 WHERE log_number >= ?", [at])
    made["log_number"] = at
    connection.execute(f"INSERT INTO record VALUES ({', '.join('?' * len(names))})", list(made.values()))
    return f"one like {source} put in at {at}", ("log_number", at) if shares_number else None


def _swap(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    one, other = _some_number(connection, chance), _some_number(connection, chance)
    chosen = chance.choice([("log_number",), *([name] for name in COLUMNS[1:]), COLUMNS[1:5]])
    rows = {
        number: connection.execute(
            f"SELECT {', '.join(chosen)} FROM record WHERE log_number = ?", [number]
        ).fetchone()
        for number in (one, other)
    }
    [(first,), (second,)] = (
        connection.execute("SELECT rowid FROM record WHERE log_number = ?", [number]).fetchall()[0]
        for number in (one, other)
    )
    assign = ", ".join(f"{name} = ?" for name in chosen)
    connection.execute(f"UPDATE record SET {assign} WHERE rowid = ?", [*rows[other], first])
    connection.execute(f"UPDATE record SET {assign} WHERE rowid = ?", [*rows[one], second])
    return f"{chosen} of {one} and {other} swapped", None


def _change_head(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    column, [row, number] = (
        chance.choice(HEAD_COLUMNS),
        chance.choice(connection.execute("SELECT rowid, log_number FROM head").fetchall()),
    )
    [old] = connection.execute(f"SELECT {column} FROM head WHERE rowid = ?", [row]).fetchone()
    new = "2020-01-01" if column == "day" else _unlike(old, chance)
    connection.execute(f"UPDATE head SET {column} = ? WHERE rowid = ?", [new, row])
    return f"{column} of the head of {number}", ("log_number", new if column == "log_number" else number)


def _change_end(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, Place | None]:
    """Change what the school or a stream says of where its log ends."""
    if chance.random() < 0.5:
        column, length = chance.choice(("log_length", "log_hash")), _length(connection)
        [old] = connection.execute(f"SELECT {column} FROM school").fetchone()
        connection.execute(f"UPDATE school SET {column} = ?", [_unlike(old, chance)])
        return f"{column} of the school", ("log_number", length)
    column, [stream] = (
        chance.choice(("head", "head_hash")),
        chance.choice(connection.execute("SELECT stream FROM stream").fetchall()),
    )
    [old] = connection.execute(f"SELECT {column} FROM stream WHERE stream = ?", [stream]).fetchone()
    connection.execute(f"UPDATE stream SET {column} = ? WHERE stream = ?", [_unlike(old, chance), stream])
    return f"{column} of stream {stream}", ("stream", stream)


EDITS: tuple[Edit, ...] = (
    *[_change] * 5,
    *[_copy_over] * 2,
    *[_delete] * 2,
    *[_insert] * 2,
    *[_swap] * 3,
    _change_head,
    _change_end,
)


def _length(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM record").fetchone()[0]


def _some_number(connection: sqlite3.Connection, chance: random.Random) -> int:
    return chance.randint(1, _length(connection))


def _unlike(old: Any, chance: random.Random) -> Any:
    """Make another value of the same kind: a bit flipped, a letter changed, cut off, nothing at all."""
    if old is None:
        return "0" * 36
    if isinstance(old, int):
        return chance.choice((old + 1, old - 1, -old, old + 1000, 0)) if chance.random() < 0.9 else "x"
    if chance.random() < 0.1:
        return old[: chance.randrange(len(old))] if chance.random() < 0.7 else None
    at = chance.randrange(len(old))
    if isinstance(old, bytes):
        return old[:at] + bytes([old[at] ^ (1 << chance.randrange(8))]) + old[at + 1 :]
    other = chance.choice([c for c in "0123456789abcdefABCDEF" if c != old[at]])
    return old[:at] + other + old[at + 1 :]
