"""Cut the power of a disk that forgets what was not synced, while SQLite writes what the server tells it to.

The application takes in records on an ordinary file while every statement, commit and answer is written down. The same
statements then go, with the same settings of the connection, through a file layer that keeps writes in memory until
they are synced. At random writes and syncs the disk is photographed as a power cut would leave it: what was synced,
and of the rest a random part, torn at the edge of sectors. What had been acknowledged by then must be on it.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import event

from campus_patrol.app import create_app
from campus_patrol.audit import service as audit
from campus_patrol.database import db, upgrade, use_school
from campus_patrol.people import service as people
from campus_patrol.settings import Settings
from tests.conftest import make_school
from tests.crash.result import Progress, Result
from tests.phone import Phone

DATABASE = "campus-patrol.sqlite3"
# The least a disk writes whole.
SECTOR = 512
PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "cache_size")
FULL, NORMAL = 2, 1


@dataclass
class Trace:
    """What the application did to its database, in order, and what it told the phones in between."""

    # The file before the first statement, and the settings of the application's own connections.
    before: bytes
    pragmas: dict[str, Any]
    keys: Path
    # ("run", statement, parameters, many), ("commit",), ("rollback",), ("told", stream, number)
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    lines: dict[tuple[str, int], bytes] = field(default_factory=dict)


@contextmanager
def recorded(seed: int, *, batches: int = 150) -> Iterator[Trace]:
    """Let four phones bring batches of 1 to 40 records to the application, and yield what it did."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="patrol-power-") as folder:
        settings = Settings.load(data=Path(folder), database_url="")
        upgrade(settings)
        app = create_app(settings)
        school, phones = make_school(app, "断电学校", "power-"), []
        with app.app_context():
            use_school(school.id)
            for _ in range(4):
                device, token = people.add_device(name="手机", public_key=None, app=None, by=None)
                phones.append(Phone(app.test_client(), token, {"id": device.id}, {}, school.people["guard"]))
            db.session.commit()
            db.session.remove()
            db.engine.dispose()
            pragmas = _pragmas()
            db.engine.dispose()
            with closing(sqlite3.connect(settings.data / DATABASE)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            trace = Trace((settings.data / DATABASE).read_bytes(), pragmas, settings.keys)
            _listen(trace)
        for _ in range(batches):
            phone = chance.choice(phones)
            for _ in range(chance.choice((1, 1, 1, 5, 40))):
                line = phone.write(phone.checkpoint(tag=school.codes["A101"]))
                trace.lines[phone.stream, len(phone.lines)] = line
            phone.sync()
            trace.steps.append(("told", phone.stream, phone.acked))
        with app.app_context():
            db.engine.dispose()
        yield trace


def _pragmas() -> dict[str, Any]:
    with db.engine.connect() as connection:
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}


def _listen(trace: Trace) -> None:
    @event.listens_for(db.engine, "before_cursor_execute")
    def on_execute(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if not statement.lstrip().startswith("SELECT"):
            trace.steps.append(("run", statement, parameters, many))

    @event.listens_for(db.engine, "begin")
    def on_begin(_: Any) -> None:
        # Said by the dialect, past the listener above.
        trace.steps.append(("run", "BEGIN IMMEDIATE", (), False))

    @event.listens_for(db.engine, "commit")
    def on_commit(_: Any) -> None:
        trace.steps.append(("commit",))

    @event.listens_for(db.engine, "rollback")
    def on_rollback(_: Any) -> None:
        trace.steps.append(("rollback",))


# ---------------------------------------------------------------- the disk


@dataclass
class File:
    """What of a file has reached the disk for good, what the system shows, and the writes between the two."""

    disk: bytearray = field(default_factory=bytearray)
    shown: bytearray = field(default_factory=bytearray)
    # (offset, bytes), or (length, None) for a cut to that length
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)

    def after_a_cut(self, chance: random.Random, kept: float) -> bytes:
        """Return what a power cut leaves: of each waiting sector either the old bytes or the new ones."""
        left = bytearray(self.disk)
        for offset, content in self.waiting:
            if content is None:
                if chance.random() < kept:
                    _resize(left, offset)
                continue
            start = offset
            while start < offset + len(content):
                end = min(start - start % SECTOR + SECTOR, offset + len(content))
                if chance.random() < kept:
                    _put(left, start, content[start - offset : end - offset])
                start = end
        return bytes(left)


class Disk(apsw.VFS):
    """A file layer for SQLite that forgets what was not synced; ``moment`` is called before each write and sync."""

    def __init__(self, moment: Any) -> None:
        self.files: dict[str, File] = {}
        self.moment = moment
        self.name = f"forgetful-{id(self)}"
        super().__init__(self.name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> "Handle":  # noqa: N802 - SQLite's names
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        flags[1] = flags[0]
        # A file without a name is for the moment only.
        return Handle(self, self.files.setdefault(Path(path).name, File()) if path else File())

    def xAccess(self, path: str, _flags: int) -> bool:  # noqa: N802
        return Path(path).name in self.files

    def xDelete(self, path: str, _sync: bool) -> None:  # noqa: N802
        self.files.pop(Path(path).name, None)


class Handle:
    """An open file of that disk."""

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk, self._file = disk, file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._file.shown[offset : offset + amount])

    def xWrite(self, content: bytes, offset: int) -> None:  # noqa: N802
        self._file.waiting.append((offset, bytes(content)))
        _put(self._file.shown, offset, content)
        self._disk.moment()

    def xTruncate(self, length: int) -> None:  # noqa: N802
        self._file.waiting.append((length, None))
        _resize(self._file.shown, length)

    def xSync(self, _flags: int) -> None:  # noqa: N802
        self._disk.moment()
        self._file.disk, self._file.waiting = bytearray(self._file.shown), []

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.shown)

    def xClose(self) -> None:  # noqa: N802
        pass

    def xLock(self, _level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, _level: int) -> None:  # noqa: N802
        pass

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, _operation: int, _pointer: int) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        # What SQLite takes for granted of every disk: a write does not spoil the bytes beside it.
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE


def _put(content: bytearray, offset: int, new: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(new)] = new


def _resize(content: bytearray, length: int) -> None:
    del content[length:]
    content.extend(bytes(length - len(content)))


# ---------------------------------------------------------------- the cuts


def cut_power(
    count: int, seed: int, progress: Progress, *, synchronous: int | None = None, batches: int = 150
) -> Result:
    """Cut the power so often; with the application's own ``synchronous`` unless another is given."""
    chance, begun = random.Random(seed), time.monotonic()
    with recorded(seed, batches=batches) as trace:
        if synchronous is not None:
            trace.pragmas["synchronous"] = synchronous
        result = Result(f"SQLite, synchronous={trace.pragmas['synchronous']}", seed, unit="power cuts")
        moments = _replay(trace, lambda _told: None)
        cuts = set(chance.sample(range(moments), min(count, moments)))
        seen, told = iter(range(moments)), {}

        def at(files: dict[str, File]) -> None:
            if next(seen) in cuts:
                kept = chance.choice((0, 0.1, 0.5, 0.9))
                left = {name: file.after_a_cut(chance, kept) for name, file in files.items()}
                result.kills += 1
                _judge(trace, left, dict(told), result)
                progress(result.kills)

        _replay(trace, at, told)
    result.seconds = time.monotonic() - begun
    return result


def _replay(trace: Trace, at: Any, told: dict[str, int] | None = None) -> int:
    """Run the statements on a forgetful disk; return how many moments there were to cut at."""
    count = 0

    def moment() -> None:
        nonlocal count
        count += 1
        at(disk.files)

    disk = Disk(moment)
    disk.files[DATABASE] = File(bytearray(trace.before), bytearray(trace.before))
    connection = apsw.Connection(f"/{DATABASE}", vfs=disk.name)
    # The layer has no memory to share between processes; alone, SQLite writes and syncs its log just the same.
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    for name, value in trace.pragmas.items():
        connection.execute(f"PRAGMA {name}={value}")
        assert connection.pragma(name) == value, name
    for step in trace.steps:
        if step[0] == "run":
            _, statement, parameters, many = step
            (connection.executemany if many else connection.execute)(statement, parameters)
        elif step[0] == "told":
            if told is not None:
                told[step[1]] = step[2]
        elif connection.in_transaction:
            connection.execute(step[0])
    connection.close()
    disk.unregister()
    return count


def _judge(trace: Trace, left: dict[str, bytes], told: dict[str, int], result: Result) -> None:
    """Open what a cut left as the server would, and look for everything that had been acknowledged."""
    result.told += sum(told.values())
    with tempfile.TemporaryDirectory(prefix="patrol-cut-") as folder:
        for name, content in left.items():
            (Path(folder) / name).write_bytes(content)
        file = Path(folder) / DATABASE
        try:
            with closing(sqlite3.connect(file)) as connection:
                damage = connection.execute("PRAGMA integrity_check").fetchone()[0]
                stored = {
                    (s, n): line for s, n, line in connection.execute("SELECT stream, n, line FROM record")
                }
        except sqlite3.DatabaseError as error:
            damage, stored = str(error), {}
        if damage != "ok":
            result.wrong.append(f"cut {result.kills}: {damage}")
        for stream, last in told.items():
            for n in range(1, last + 1):
                if stored.get((stream, n)) != trace.lines[stream, n]:
                    result.lost.append(f"cut {result.kills}: stream {stream}, number {n}")
        for outcome in audit.verify(database=f"sqlite:///{file}", keys=trace.keys):
            result.wrong += [f"cut {result.kills}: {fault}" for fault in outcome.faults]
