"""Failure 45: whatever a guard types, the line comes out of the database as it went in, also out of a backup."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sqlalchemy import text

from campus_patrol.audit.service import snapshot
from campus_patrol.backups import service as backups
from campus_patrol.backups.rules import DATABASES
from campus_patrol.settings import Settings
from tests.phone import Phone

# Any text and any number JSON can carry, and texts longer than any column.
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.text(alphabet=st.characters(codec="utf-8"))
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.integers(256, 20_000).map("长".__mul__),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=8,
)


def stored(database: str) -> dict[tuple[str, int], bytes]:
    with snapshot(database) as connection:
        rows = connection.execute(text("SELECT stream, n, line FROM record"))
        return {(stream, n): bytes(line) for stream, n, line in rows}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_any_text_number_and_size_is_kept_to_the_byte_and_so_is_its_copy_in_a_backup(
    app: Flask, settings: Settings, phone: Phone, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @effort(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(note=VALUES, extra=VALUES)
    def send(note: Any, extra: Any) -> None:
        record = phone.checkpoint(readings={"other": {"value": "yes", "note": note}})
        record["data"]["extra"] = extra
        phone.write(record)
        assert phone.sync()["ack"] == len(phone.lines)

    send()
    sent = {(phone.stream, n): line for n, line in enumerate(phone.lines, 1)}
    assert len(sent) >= 150
    assert stored(settings.database) == sent
    target: Path = tmp_path_factory.mktemp("target")
    folder, _ = backups.make(settings=settings, target=target)
    copy = shutil.copyfile(folder / DATABASES["sqlite"], target / "copy.sqlite3")
    assert stored(f"sqlite:///{copy}") == sent
