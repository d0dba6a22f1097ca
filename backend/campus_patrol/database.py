"""The database: one session, one school, one commit a request.

Every row belongs to a school. A query on a school-owned table that names no school does not run; this module is the
one place where the caller's school is added to it. On PostgreSQL row-level security says the same thing again.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec
from flask import g, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    Boolean,
    CursorResult,
    DateTime,
    Executable,
    ForeignKey,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Update,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    orm,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeDecorator

from campus_patrol.problems import Problem
from campus_patrol.settings import Settings

ANY_SCHOOL = "*"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Seconds a writer waits for another; longer than the longest batch takes on a slow disk, shorter than a phone waits.
BUSY_TIMEOUT = 10
_encode = msgspec.json.Encoder().encode
# In one statement: SQLite takes so many in four fifths of the time, and lets another thread work meanwhile.
_ROWS_AT_ONCE = (500, 50)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant in UTC; SQLite keeps it as text without a zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Write an instant as the engine keeps it; said here whole, because a batch of records has thousands."""
        text = dialect.name == "sqlite"

        def process(value: datetime | None) -> Any:
            if value is None:
                return None
            if value.tzinfo is not UTC:
                if value.tzinfo is None:
                    raise ValueError("an instant needs its zone")
                value = value.astimezone(UTC)
            if not text:
                return value
            # "2026-11-22T15:31:11.512000Z", or without a fraction: written in a tenth of isoformat's time.
            said = _encode(value).decode()
            return f"{said[1:11]} {said[12:27]}" if len(said) > 22 else f"{said[1:11]} {said[12:20]}.000000"

        return process

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = Annotated[str, mapped_column(String(36))]


class Base(DeclarativeBase):
    """What every table inherits: named constraints, and the types that typed mappings stand for."""

    registry = registry(
        type_annotation_map={datetime: UtcDateTime(), dict[str, Any]: JSON(), list[Any]: JSON()},
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
    )


db = SQLAlchemy(model_class=Base)


def new_id() -> str:
    """Make a UUIDv7 (RFC 9562): 48 bits of milliseconds, then chance, so that rows sort by when they were made."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def current_school_id() -> str:
    """Return the school this session works for.

    Raises LookupError when none was set, so that a forgotten school can never mean every school.
    """
    school = db.session.info.get("school")
    if school is None or school == ANY_SCHOOL:
        raise LookupError("no school is set for this session")
    return school


class SchoolOwned:
    """A row that belongs to exactly one school; the school is filled in from the session, never from a body."""

    school_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("school.id"), default=current_school_id, sort_order=-9
    )


class Entity(SchoolOwned):
    """A school-owned row with an id of its own."""

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id, sort_order=-10)


def use_school(school_id: str) -> None:
    """Work for this school from here on, in this session."""
    _set_school(school_id)


@contextmanager
def any_school() -> Iterator[None]:
    """Look across schools for as long as the caller's school is not known yet: sign-in, tokens, the command line."""
    before = db.session.info.get("school")
    if before not in (None, ANY_SCHOOL):
        # What waits to be written still belongs to that school; an autoflush in here would not know whose it is.
        db.session.flush()
    _set_school(ANY_SCHOOL)
    try:
        yield
    finally:
        # Unless the block found the school and set it: then that is what the session works for now.
        if db.session.info.get("school") == ANY_SCHOOL:
            _set_school(before)


@contextmanager
def reading() -> Iterator[None]:
    """Promise that the transactions begun inside only read, so that they take no write lock."""
    g.reading = True
    try:
        yield
    finally:
        g.reading = False


@contextmanager
def glance() -> Iterator[Connection]:
    """Look across schools for a moment, on a connection of its own, before anybody's transaction has begun."""
    with reading(), db.engine.connect() as connection:
        _announce(connection, ANY_SCHOOL)
        yield connection


def ask(statement: Executable, parameters: Any = None) -> CursorResult[Any]:
    """Execute a statement of tables, said once and kept; its parameter ``school`` is filled in with the session's.

    Past the session's bookkeeping, which takes several times as long as the database: for what every batch of a phone
    does. What was changed on objects must have been flushed. A list of parameters executes it for each.
    """
    school = {"school": current_school_id()}
    if isinstance(parameters, list):
        filled: Any = [row | school for row in parameters]
    else:
        filled = (parameters or {}) | school
    return db.session.connection().execute(statement, filled)


def _set_school(school: str | None) -> None:
    session = db.session()
    session.info["school"] = school
    # A connection that broke has no transaction left to tell, and the error on its way out must stay the one it is.
    if session.in_transaction() and session.is_active and not session.connection().invalidated:
        _announce(session.connection(), school)


def _announce(connection: Connection, school: str | None) -> None:
    """Tell PostgreSQL's row-level security, for this transaction, whose rows may be seen."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT set_config('campus_patrol.school', :school, true)"), {"school": school or ""}
        )


@event.listens_for(db.session, "after_begin")
def _on_begin(session: Session, _transaction: Any, connection: Connection) -> None:
    _announce(connection, session.info.get("school"))


@lru_cache(maxsize=256)
def _of_school(school: str) -> orm.LoaderCriteriaOption:
    # Kept, because it goes onto every query and making it costs more than a small query.
    return with_loader_criteria(SchoolOwned, lambda cls: cls.school_id == school, include_aliases=True)


@event.listens_for(db.session, "do_orm_execute")
def _scope(state: orm.ORMExecuteState) -> None:
    if (
        state.is_column_load
        or state.is_relationship_load
        or not (state.is_select or state.is_update or state.is_delete)
    ):
        return
    school = state.session.info.get("school")
    if school is None:
        # Asked of the statement's tables, not of its entities: a count over a subquery has none of those at the top.
        if any(
            isinstance(part, Table) and "school_id" in part.c for part in visitors.iterate(state.statement)
        ):
            raise LookupError("a query on a school's rows ran without a school")
    elif school != ANY_SCHOOL:
        state.statement = state.statement.options(_of_school(school))


@event.listens_for(db.session, "before_flush")
def _own(session: Session, _context: Any, _instances: Any) -> None:
    school = session.info.get("school")
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, SchoolOwned) and row.school_id not in (None, school) and school != ANY_SCHOOL:
            raise LookupError("a row of another school was about to be written")


def page(statement: Select[Any], *, page: int, page_size: int) -> dict[str, Any]:
    """Run a statement for one page; return items, total, page and page_size, in two queries."""
    total = db.session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    rows = db.session.execute(statement.limit(page_size).offset((page - 1) * page_size))
    single = len(statement.column_descriptions) == 1
    return {
        "items": list(rows.scalars() if single else rows),
        "total": total,
        "page": page,
        "page_size": page_size,
    }


def upsert(table: type[Base]) -> Any:
    """Start an INSERT that can say ON CONFLICT, in the dialect of the engine in use."""
    return (postgresql if db.engine.dialect.name == "postgresql" else sqlite).insert(table)


def put_rows(table: type[Base], key: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write columns back to rows of the session's school, each found by its ``key``, by one prepared statement.

    All rows name the same columns, the key among them.
    """
    if rows:
        new = [{f"new_{name}": value for name, value in row.items()} for row in rows]
        ask(_putting(table.__table__, key, tuple(rows[0])), new)


@lru_cache(maxsize=16)
def _putting(table: Table, key: str, columns: tuple[str, ...]) -> Update:
    new = {name: bindparam(f"new_{name}") for name in columns}
    found = (table.c[key] == new.pop(key), table.c.school_id == bindparam("school"))
    return update(table).where(*found).values(new)


def insert_rows(table: type[Base], rows: Sequence[msgspec.Struct]) -> None:
    """Insert rows by one prepared statement: structs with a field for each column, also for those with a default.

    The same as the ORM's bulk insert without its bookkeeping, which took most of the time of a batch of records.
    """
    connection, columns = db.session.connection(), rows[0].__struct_fields__
    dialect = connection.dialect
    # By columns, because neighbours in one are often the same value, and turning a table over is cheap.
    made = dict(zip(columns, zip(*map(msgspec.structs.astuple, rows), strict=True), strict=True))
    for name, process in _processors(table.__table__, columns, dialect):
        made[name] = _processed(made[name], process)
    if dialect.name == "postgresql":
        statement, order = _insertion(table.__table__, columns, dialect)
        values = zip(*(made[name] for name in order), strict=True)
        connection.exec_driver_sql(statement, [dict(zip(order, row, strict=True)) for row in values])
        return
    # What nobody filled in is left out: the driver takes long over each None.
    filled = tuple(name for name in columns if not _is_one(made[name], None))
    statement, order = _insertion(table.__table__, filled, dialect)
    values = list(zip(*(made[name] for name in order), strict=True))
    done = 0
    for count in _ROWS_AT_ONCE:
        while len(values) - done >= count:
            rows_at_once = tuple(chain.from_iterable(values[done : done + count]))
            connection.exec_driver_sql(_repeated(statement, len(order), count), rows_at_once)
            done += count
    if values[done:]:
        connection.exec_driver_sql(statement, values[done:])


@lru_cache(maxsize=64)
def _insertion(table: Table, columns: tuple[str, ...], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """Return an INSERT in the dialect's words, and the order in which it takes the columns."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), tuple(compiled.positiontup or columns)


@lru_cache(maxsize=16)
def _repeated(statement: str, columns: int, count: int) -> str:
    return statement + f", ({', '.join('?' * columns)})" * (count - 1)


@lru_cache(maxsize=64)
def _processors(
    table: Table, columns: tuple[str, ...], dialect: Dialect
) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return by column what is to be done to values for the driver."""
    # Python's own driver looks for an adapter for each truth value and each bytes before it takes it as it is.
    quick = {Boolean: int, LargeBinary: bytearray} if dialect.name == "sqlite" else {}
    return [
        (name, process)
        for name in columns
        if (
            process := quick.get(type(table.c[name].type))
            or table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        )
    ]


def _processed(column: Sequence[Any], process: Callable[[Any], Any]) -> list[Any]:
    first = column[0]
    said = None if first is None else process(first)
    # One value for all, as when it came. Not of JSON, where true equals 1.
    if _is_one(column, first) and not isinstance(first, dict | list):
        return [said] * len(column)
    return [None if value is None else process(value) for value in column]


def _is_one(column: Sequence[Any], value: Any) -> bool:
    return column[0] == value == column[-1] and column.count(value) == len(column)


def escape_like(pattern: str) -> str:
    """Make a person's words safe inside LIKE … ESCAPE '\\', so that % and _ are just letters."""
    return pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def engine_options(address: str) -> dict[str, Any]:
    """Return what the application's engine is made with: as many connections as threads, and a quick JSON."""
    options: dict[str, Any] = {
        "json_serializer": lambda value: msgspec.json.encode(value).decode(),
        "json_deserializer": msgspec.json.decode,
    }
    if address.startswith("postgresql"):
        options |= {"pool_size": 64, "max_overflow": 8}
    if address != "sqlite://":
        # The connection that wrote last still knows what it wrote; another would have to read the file again.
        options["pool_use_lifo"] = True
    return options


def tune(engine: Engine) -> None:
    """Set an engine's connections up for durability first: see the figures in the protocol's notes on power cuts."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # NORMAL lost confirmed rows in every power cut tried
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT * 1000}")
        cursor.close()

    def begin(connection: Any) -> None:
        # A write that began as a read cannot wait for another writer: SQLite answers BUSY at once. A pure read must
        # not take the write lock, or one slow list would stop every phone.
        pure = has_request_context() and (request.method in _SAFE or g.get("reading", False))
        connection.execute("BEGIN" if pure else "BEGIN IMMEDIATE")

    # Not as a listener for "begin": an engine with any listener asks for more of them around every statement, which
    # took an eighth of the time of a single record.
    engine.dialect.do_begin = begin  # type: ignore[method-assign]


def upgrade(settings: Settings) -> None:
    """Bring the database to this version's tables; makes an SQLite file that is not there yet."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    if settings.database.startswith("sqlite"):
        settings.data.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(settings.database)
    tune(engine)
    if engine.dialect.name == "sqlite":
        # SQLite changes a column by making the table anew; the rows that point at it must not see it go.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            before = MigrationContext.configure(connection).get_current_revision()
            command.upgrade(config, "head")
            if (
                engine.dialect.name == "sqlite"
                and before != MigrationContext.configure(connection).get_current_revision()
            ):
                _check_references(connection)
    finally:
        engine.dispose()


def _check_references(connection: Connection) -> None:
    """Raise RuntimeError, so that nothing is committed, when a row points at one that is not there."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise RuntimeError(f"the new tables would leave a row of {broken[0]} without its {broken[2]}")


def found(row: Any) -> Any:
    """Return a row that was looked up, or answer that there is nothing: another school's row and none look the same."""
    if row is None:
        raise Problem("not_found")
    return row
