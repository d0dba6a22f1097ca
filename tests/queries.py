"""Count the statements that something sends to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import event

from campus_patrol.database import db


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """Collect the SQL that runs inside, transactions' own statements left out."""
    statements: list[str] = []

    def note(connection, cursor, statement, *_):  # type: ignore[no-untyped-def]
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA", "SELECT set_config")):
            statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
