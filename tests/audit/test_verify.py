"""Whatever is changed behind the server's back is found, and the first bad row is named."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from campus_patrol.audit import service
from campus_patrol.audit.rules import SignedHead
from campus_patrol.audit.service import Outcome
from campus_patrol.cli import main
from campus_patrol.database import db, use_school
from campus_patrol.settings import Settings
from tests.phone import Phone

PHONES, EACH = 3, 4
RECORDS = PHONES * EACH
PLACES = ("log_number", "stream", "n")


@pytest.fixture
def phones(school, new_phone) -> list[Phone]:
    """Three phones whose records lie mixed in the log: phone p's line n is number (n - 1) * 3 + p + 1."""
    made = [new_phone(name=f"手机 {i}") for i in range(PHONES)]
    for _ in range(EACH):
        for phone in made:
            phone.write(phone.checkpoint(tag=school.codes["A101"]))
            phone.sync()
    return made


@pytest.fixture
def tamper(app: Flask) -> Callable[..., None]:
    """Change rows as somebody who has the database: triggers and constraints gone first."""

    def change(*statements: str, **values: Any) -> None:
        with app.app_context(), db.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT set_config('campus_patrol.school', '*', false)"))
            for table in ("record", "head"):
                connection.execute(text(f"CREATE TABLE bare AS SELECT * FROM {table}"))
                connection.execute(text(f"DROP TABLE {table}"))
                connection.execute(text(f"ALTER TABLE bare RENAME TO {table}"))
            for statement in statements:
                connection.execute(text(statement), values)
            connection.commit()

    return change


@pytest.fixture
def verify(settings: Settings) -> Callable[..., Outcome]:
    """Verify the school under test."""

    def run(**more: Any) -> Outcome:
        return service.verify(database=settings.database, keys=settings.keys, **more)[0]

    return run


def sign(app: Flask, school_id: str, settings: Settings, **more: Any) -> SignedHead:
    with app.app_context():
        use_school(school_id)
        head = service.sign_head(keys=settings.keys, **more)
        db.session.commit()
        return head


def test_a_sound_log_is_called_sound_with_what_was_checked(
    app, school, settings, phones, other_school, new_phone, verify
) -> None:
    other = new_phone(other_school)
    other.write(other.checkpoint())
    other.sync()
    phones[0].write(b"{broken")
    phones[0].sync()
    moved = Phone(phones[0].client, phones[0].token, phones[0].device, phones[0].pack, phones[0].person)
    for line in phones[0].lines:
        moved.write(line)
    moved.sync()
    sign(app, school.id, settings)
    steps: list[tuple[int, int]] = []
    outcome = verify(progress=lambda done, total: steps.append((done, total)))
    assert (outcome.faults, outcome.notes) == ([], [])
    assert (outcome.records, outcome.streams, outcome.heads) == (RECORDS + 1 + EACH + 1, PHONES + 1, 1)
    assert steps[-1] == (RECORDS + EACH + 3, RECORDS + EACH + 3)


def test_only_the_school_that_was_asked_for_is_verified(settings, school, other_school) -> None:
    found = service.verify(database=settings.database, keys=settings.keys, school="隔壁中学")
    assert [outcome.id for outcome in found] == [other_school.id]


# What is done to the row in the middle (log number 5: the second phone's second line), what is said, and where.
@pytest.mark.parametrize(
    ("statement", "code", "number"),
    [
        ("UPDATE record SET line = :other WHERE log_number = 5", "line_changed", 5),
        ("UPDATE record SET hash = :hash WHERE log_number = 5", "hash_changed", 5),
        ("UPDATE record SET log_hash = :hash WHERE log_number = 5", "log_hash_changed", 5),
        ("UPDATE record SET id = :id WHERE log_number = 5", "id_changed", 5),
        ("UPDATE record SET id = NULL WHERE log_number = 5", "id_changed", 5),
        ("UPDATE record SET n = 9 WHERE log_number = 5", "stream_gap", 5),
        ("UPDATE record SET stream = :stream WHERE log_number = 5", "stream_gap", 5),
        ("UPDATE record SET log_number = 99 WHERE log_number = 5", "log_gap", 6),
        ("UPDATE record SET log_number = 4 WHERE log_number = 5", "log_twice|log_hash_changed", 4),
        ("DELETE FROM record WHERE log_number = 5", "log_gap", 6),
        ("DELETE FROM record WHERE log_number = 12", "log_short", 11),
        ("DELETE FROM record", "log_short", 0),
        ("UPDATE school SET log_length = log_length + 1", "log_short", 12),
        ("UPDATE school SET log_length = 11", "log_long", 12),
        ("UPDATE school SET log_hash = :hash", "log_head", 12),
        ("UPDATE stream SET head = head + 1", "stream_head", None),
        ("UPDATE stream SET head_hash = :hash", "stream_head", None),
    ],
)
def test_every_change_is_found_and_named(
    school, phones, tamper, verify, statement: str, code: str, number: int | None
) -> None:
    values = {"other": phones[0].lines[0], "hash": "a" * 64, "id": "b" * 36, "stream": "c" * 32}
    tamper(statement, **{name: value for name, value in values.items() if f":{name}" in statement})
    fault = verify().faults[0]
    # Of two rows with one number, either may be read first.
    assert fault.code in code.split("|")
    assert fault.log_number == number


def test_a_row_that_was_slipped_in_is_named(school, phones, tamper, verify) -> None:
    tamper(
        "UPDATE record SET log_number = -log_number - 1 WHERE log_number > 4",
        "UPDATE record SET log_number = -log_number WHERE log_number < 0",
        "INSERT INTO record (school_id, stream, n, hash, line, device_id, received_at, log_number, log_hash) "
        "SELECT school_id, stream, 99, hash, line, device_id, received_at, 5, log_hash FROM record "
        "WHERE log_number = 4",
    )
    fault = verify().faults[0]
    assert (fault.code, fault.log_number, fault.stream) == ("stream_gap", 5, phones[0].stream)


def test_an_id_belongs_to_the_first_line_that_carries_it_and_to_no_other(
    school, phones, tamper, verify
) -> None:
    moved = Phone(phones[0].client, phones[0].token, phones[0].device, phones[0].pack, phones[0].person)
    moved.write(phones[0].lines[0])
    moved.sync()
    assert verify().faults == []
    tamper("UPDATE record SET id = (SELECT id FROM record WHERE log_number = 1) WHERE log_number = 13")
    fault = verify().faults[0]
    assert (fault.code, fault.log_number, fault.stream) == ("id_changed", 13, moved.stream)
    tamper("UPDATE record SET id = NULL WHERE log_number = 1")
    fault = verify().faults[0]
    assert (fault.code, fault.log_number, fault.stream) == ("id_changed", 1, phones[0].stream)


def test_an_id_taken_from_a_line_that_was_put_aside_for_another_reason_is_noticed(
    school, phones, tamper, verify, monkeypatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr("campus_patrol.sync.service.findings.project", fail)
    phones[0].write(phones[0].checkpoint())
    phones[0].sync()
    assert verify().faults == []
    tamper("UPDATE record SET id = NULL WHERE log_number = 13")
    assert [(fault.code, fault.log_number) for fault in verify().faults] == [("id_changed", 13)]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_text_where_a_number_belongs_is_a_finding_and_no_failure(
    app, school, phones, settings, tamper, verify
) -> None:
    printed = sign(app, school.id, settings)
    tamper("UPDATE school SET log_length = 'x'")
    assert verify().faults[0].code == "log_long"
    tamper("UPDATE school SET log_length = 12", "UPDATE head SET log_number = 'x'")
    (settings.keys / "server.pem").unlink()
    assert [fault.code for fault in verify(heads=[printed]).faults] == ["head_contradicts"]


def test_two_rows_that_changed_places_are_named(school, phones, tamper, verify) -> None:
    tamper(
        "UPDATE record SET log_number = 99 WHERE log_number = 5",
        "UPDATE record SET log_number = 5 WHERE log_number = 6",
        "UPDATE record SET log_number = 6 WHERE log_number = 99",
    )
    fault = verify().faults[0]
    assert (fault.code, fault.log_number, fault.stream) == ("log_hash_changed", 5, phones[2].stream)


EDITS = st.one_of(
    st.tuples(st.just("delete"), st.integers(1, RECORDS)),
    st.tuples(st.just("swap"), st.integers(1, RECORDS), st.integers(1, RECORDS)),
    st.tuples(st.just("insert"), st.integers(1, RECORDS), st.integers(1, RECORDS)),
    st.tuples(st.just("flip"), st.integers(1, RECORDS), st.integers(0, 10_000), st.integers(1, 255)),
    st.tuples(
        st.just("hash"), st.integers(1, RECORDS), st.sampled_from(("hash", "log_hash")), st.integers(0, 63)
    ),
)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@effort(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edit=EDITS)
def test_every_random_edit_is_found_at_the_row_it_first_touches(
    school, phones, tamper, verify, app, edit: tuple
) -> None:
    kind, number = edit[0], edit[1]
    tamper("CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM record")
    columns = "school_id, stream, n, id, hash, line, device_id, received_at, log_hash"
    moved = columns.replace(" n,", " n + 50,").replace(" id,", " NULL,")
    first = number
    if kind == "delete":
        tamper("DELETE FROM record WHERE log_number = :a", a=number)
    elif kind == "swap":
        other = edit[2]
        if other == number:
            return
        first = min(number, other)
        tamper(
            "UPDATE record SET log_number = -1 WHERE log_number = :a",
            "UPDATE record SET log_number = :a WHERE log_number = :b",
            "UPDATE record SET log_number = :b WHERE log_number = -1",
            a=number,
            b=other,
        )
    elif kind == "insert":
        tamper(
            "UPDATE record SET log_number = -log_number - 1 WHERE log_number >= :a",
            "UPDATE record SET log_number = -log_number WHERE log_number < 0",
            f"INSERT INTO record ({columns}, log_number) SELECT {moved}, :a FROM kept WHERE log_number = :b",
            a=number,
            b=edit[2],
        )
    elif kind == "flip":
        with app.app_context(), db.engine.connect() as connection:
            line = bytearray(
                connection.execute(
                    text("SELECT line FROM record WHERE log_number = :a"), {"a": number}
                ).scalar_one()
            )
        line[edit[2] % len(line)] ^= edit[3]
        tamper("UPDATE record SET line = :line WHERE log_number = :a", line=bytes(line), a=number)
    else:
        column, at = edit[2], edit[3]
        with app.app_context(), db.engine.connect() as connection:
            stored = connection.execute(
                text(f"SELECT {column} FROM record WHERE log_number = :a"), {"a": number}
            ).scalar_one()
        changed = stored[:at] + ("0" if stored[at] != "0" else "1") + stored[at + 1 :]
        tamper(f"UPDATE record SET {column} = :h WHERE log_number = :a", h=changed, a=number)
    try:
        fault = verify().faults[0]
        if kind == "delete":
            # The row that is missing cannot be named, the one that takes its place is; at the end it is the length.
            assert (fault.code, fault.log_number) == (
                ("log_short", RECORDS - 1) if number == RECORDS else ("log_gap", number + 1)
            )
        else:
            assert fault.log_number == first
    finally:
        tamper("DELETE FROM record", "INSERT INTO record SELECT * FROM kept")
        assert verify().faults == []


def test_a_log_cut_and_made_to_look_whole_is_caught_by_a_head_signed_before(
    app, school, phones, settings, tamper, verify
) -> None:
    printed = sign(app, school.id, settings).text()
    tamper(
        "DELETE FROM record WHERE log_number > 6",
        "DELETE FROM head",
        "UPDATE school SET log_length = 6, log_hash = (SELECT log_hash FROM record WHERE log_number = 6)",
        "UPDATE stream SET head = 2, head_hash = (SELECT hash FROM record r WHERE r.stream = stream.stream AND n = 2)",
    )
    assert verify().faults == []
    fault = verify(heads=[SignedHead.parse(printed)]).faults[0]
    assert (fault.code, fault.log_number, fault.other) == ("head_beyond", 12, 6)


def test_the_stored_heads_are_compared_without_being_asked_for(
    app, school, phones, settings, tamper, verify
) -> None:
    sign(app, school.id, settings)
    tamper("UPDATE head SET log_number = 11")
    assert verify().faults[0].code == "head_signature"


def test_a_signature_that_is_gone_or_written_in_another_way_is_none(
    app, school, phones, settings, tamper, verify
) -> None:
    signature = sign(app, school.id, settings).signature
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    # Stands for the very same bytes, because the last letter before the two = counts for two bits only.
    other = signature[:85] + letters[letters.index(signature[85]) ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(signature)
    tamper("UPDATE head SET signature = :other", other=other)
    assert verify().faults[0].code == "head_signature"
    tamper("UPDATE head SET signature = NULL")
    assert verify().faults[0].code == "head_signature"


def test_a_head_of_other_history_contradicts(app, school, phones, settings, verify) -> None:
    head = sign(app, school.id, settings)
    phones[0].write(phones[0].checkpoint())
    phones[0].sync()
    forged = SignedHead.parse(head.text().replace(head.log_hash, "e" * 64))
    assert verify(heads=[forged]).faults[0].code == "head_signature"
    assert verify(heads=[head]).faults == []


def test_a_head_is_signed_once_for_what_has_not_grown_and_once_a_day(app, school, phones, settings) -> None:
    first = sign(app, school.id, settings, daily=True)
    assert sign(app, school.id, settings) == first
    phones[0].write(phones[0].checkpoint())
    phones[0].sync()
    assert sign(app, school.id, settings, daily=True) == first
    later = sign(app, school.id, settings)
    assert (first.log_number, later.log_number) == (12, 13)


def test_heads_cannot_be_changed_through_the_database_either(app, school, phones, settings) -> None:
    sign(app, school.id, settings)
    with app.app_context():
        for statement in ("UPDATE head SET day = '2020-01-01'", "DELETE FROM head"):
            use_school(school.id)
            with pytest.raises(DBAPIError, match="only grow"):
                db.session.execute(text(statement))
            db.session.rollback()


def test_a_receipt_holds_the_server_to_what_it_confirmed(school, phones, settings, tamper, verify) -> None:
    phones[0].write(phones[0].checkpoint())
    receipt = phones[0].sync()
    assert verify(receipts=[receipt]).faults == []
    assert verify(receipts=[{**receipt, "ack": 4}]).faults[0].code == "receipt_signature"
    tamper(
        "DELETE FROM record WHERE log_number = 13",
        "UPDATE school SET log_length = 12, log_hash = (SELECT log_hash FROM record WHERE log_number = 12)",
        "UPDATE stream SET head = 4, head_hash = (SELECT hash FROM record r WHERE r.stream = stream.stream AND n = 4)",
    )
    fault = verify(receipts=[receipt]).faults[0]
    assert (fault.code, fault.stream, fault.n, fault.other) == ("receipt_beyond", phones[0].stream, 5, 4)


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(settings: Settings, monkeypatch) -> Callable[..., Result]:
    """Run a command on the server under test."""

    def invoke(*arguments: object) -> Result:
        database = ["--database-url", settings.database_url] if settings.database_url else []
        return CliRunner().invoke(
            main, [str(arguments[0]), "--data", str(settings.data), *database, *map(str, arguments[1:])]
        )

    return invoke


def test_the_command_says_sound_or_names_the_row_and_ends_with_1(school, phones, tamper, run) -> None:
    done = run("verify")
    assert (done.exit_code, done.output) == (
        0,
        "明德实验学校: 12 records, 3 streams, 0 heads. Sound.\n",
    )
    tamper("UPDATE record SET line = :line WHERE log_number = 5", line=b"{}")
    done = run("verify", "--school", "明德实验学校")
    assert done.exit_code == 1
    assert f"log number 5, stream {phones[1].stream}, n 2: the line was changed." in done.output


def test_the_daily_run_prints_a_head_that_the_command_takes_back(school, phones, tamper, run) -> None:
    printed = run("run-daily", "--qr")
    assert printed.exit_code == 0, printed.output
    head = next(line for line in printed.output.splitlines() if line.startswith("campus-patrol-head"))
    assert run("verify", "--head", head).exit_code == 0
    assert run("run-daily").output.splitlines()[1] == head
    strange = head.replace(school.id, "0" * 36)
    assert "a school that is not here" in run("verify", "--head", strange).output
    assert run("verify", "--head", "nonsense").exit_code == 2
    assert run("verify", "--school", "无").exit_code == 2


def test_the_command_reads_a_phones_receipts_from_a_file(school, phones, run, tmp_path: Path) -> None:
    phones[0].write(phones[0].checkpoint())
    receipt = phones[0].sync()
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps([receipt, receipt]))
    assert run("verify", "--receipt", file).exit_code == 0
    file.write_text(json.dumps({**receipt, "ack_hash": "0" * 64}))
    done = run("verify", "--receipt", file)
    assert done.exit_code == 1
    assert "the receipt's signature is not this server's" in done.output
    file.write_text(json.dumps({**receipt, "stream": "0" * 32, "generation": "x"}))
    assert "the receipt's stream is not here" in run("verify", "--receipt", file).output
    file.write_text("{}")
    assert run("verify", "--receipt", file).exit_code == 2
