"""Bugs of the server: functions replaced in the process that is given the mutant's name."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select, update

from campus_patrol.backups import service as backups
from campus_patrol.database import db, new_id
from campus_patrol.people.models import Person, School
from campus_patrol.photos import service as photos
from campus_patrol.problems import Problem
from campus_patrol.sync import api, batches, intake, receipts, service
from campus_patrol.sync.models import Record

Plant = Callable[[Any], None]


def _ack_before_commit(worker: Any) -> None:
    """Let the answer leave before it is known what came of the commit."""
    real = db.session.commit

    def hopeful() -> None:
        if worker.fault in ("crash before commit", "disk full"):
            db.session.rollback()
        else:
            real()

    db.session.commit = hopeful  # type: ignore[method-assign]


def _judging(other: Callable[[bytes], tuple[Any, str | None]]) -> None:
    """Let the server judge lines in another way."""
    batches._READER = SimpleNamespace(judge=other)


def _poison_blocks(_: Any) -> None:
    judge = batches._READER.judge

    def strict(line: bytes) -> tuple[Any, str | None]:
        record, refusal = judge(line)
        if refusal:
            raise Problem("sync_header_invalid")
        return record, refusal

    _judging(strict)


def _in_part(keep: Callable[[list[Any]], list[Any]]) -> None:
    """Store only some of a batch's new lines and acknowledge all of them."""
    store = service._store

    def partly(visits: Any, *rest: Any, **how: Any) -> None:
        whole = [(visit, visit.new[-1]) for visit in visits if visit.new]
        for visit in visits:
            visit.new = keep(visit.new)
        store(visits, *rest, **how)
        for visit, last in whole:
            visit.stream.head, visit.stream.head_hash = last.n, last.hash

    service._store = partly


def _poison_skipped(_: Any) -> None:
    _in_part(lambda lines: [line for line in lines if line.refusal is None])


def _poison_unsaid(_: Any) -> None:
    service._put_aside = lambda *_: None


def _insert_or_replace(worker: Any) -> None:
    def replace(stream: Any, known: Any) -> None:
        for line in known:
            db.session.execute(
                update(Record)
                .where(Record.stream == stream.stream, Record.n == line.n)
                .values(line=line.raw, hash=line.hash)
            )
        if known and known[-1].n == stream.head:
            stream.head_hash = known[-1].hash

    _without_triggers(worker)
    service._first_difference = replace
    service._refuse_gap_or_fork = lambda *_: None


def _no_unique_key(worker: Any) -> None:
    _without_triggers(worker)
    service._settle_ids = lambda *_: None


def _without_triggers(worker: Any) -> None:
    """Take the table's own guards away, where the planted bug is that they were never made."""
    with worker.app.app_context():
        connection = db.engine.raw_connection()
        connection.execute("CREATE TABLE bare AS SELECT * FROM record WHERE 0")
        connection.execute("DROP TABLE record")
        connection.execute("ALTER TABLE bare RENAME TO record")
        connection.commit()
        connection.close()


def _school_from_the_body(_: Any) -> None:
    insert = service.insert_rows

    def trusting(table: Any, rows: list[Any]) -> None:
        for row in rows if table is Record else []:
            try:
                named = json.loads(row.line).get("person")
            except (ValueError, AttributeError):
                continue
            info = db.session.info
            mine, info["school"] = info["school"], "*"
            school = db.session.scalar(select(Person.school_id).where(Person.id == named)) if named else None
            info["school"] = mine
            row.school_id = school or mine
        insert(table, rows)

    service.insert_rows = trusting


def _no_chain_check(_: Any) -> None:
    service._refuse_gap_or_fork = lambda visit, *_: (
        Problem("gap", need=visit.stream.head + 1)
        if visit.batch.header["first"] > visit.stream.head + 1
        else None
    )
    service._first_difference = lambda *_: None


def _accept_gap(_: Any) -> None:
    service._refuse_gap_or_fork = lambda *_: None
    service._first_difference = lambda *_: None
    hash_at = receipts.hash_at

    def any_hash(stream: Any, n: int) -> str:
        try:
            return hash_at(stream, n)
        except Exception:
            return stream.head_hash

    receipts.hash_at = any_hash


def _ack_what_was_claimed(_: Any) -> None:
    _in_part(lambda lines: lines[: (len(lines) + 1) // 2])


def _serialise_lines_again(_: Any) -> None:
    read_lines = batches.read_lines

    def tidy(header: Any, raw: Any) -> Any:
        lines = read_lines(header, raw)
        for line in lines:
            try:
                line.raw = json.dumps(json.loads(line.raw)).encode()
            except ValueError:
                continue
        return lines

    batches.read_lines = tidy


def _cut_bodies_are_whole(_: Any) -> None:
    """Take what came for all that was sent, also where its end is compared with the header's hash."""
    read_batch = api.read_batch

    def trusting(body: bytes) -> Any:
        try:
            return read_batch(body)
        except Problem as problem:
            if problem.code != "sync_cut_off":
                raise
        first, _, rest = body.partition(b"\n")
        sent = json.loads(first)
        header = batches._HEADER.load(sent)
        lines = batches.read_lines(header, [line for line in rest.split(b"\n") if line])
        head = lines[-1].hash if lines else header["prev"]
        return batches.Batch({**header, "head": head}, lines, batches.rules.signed_parts(sent))

    api.read_batch = trusting


def _ids_forgotten(_: Any) -> None:
    """Give every line a fresh id, so that a stream that moved house counts twice."""
    judge = batches._READER.judge

    def anew(line: bytes) -> tuple[Any, str | None]:
        record, refusal = judge(line)
        return record and {**record, "id": new_id()}, refusal

    _judging(anew)


def _no_photos_wanted(_: Any) -> None:
    receipts.wanted_photos = lambda *_: {}


def _first_one_hears_for_all(_: Any) -> None:
    """Give those that share a commit the outcome of the first."""
    receive = service.receive
    intake.Intake._store = (  # type: ignore[method-assign]
        lambda self, tickets, **_: _store_as_one(receive, tickets)
    )


def _store_as_one(receive: Any, tickets: Any) -> None:
    try:
        outcome = receive(deliveries=[tickets[0].delivery], careful=True)[0]
        db.session.commit()
    except Exception as error:
        db.session.rollback()
        outcome = error
    for ticket in tickets:
        ticket.outcome = outcome


def _backups_unchecked(worker: Any) -> None:
    worker.backups.check = lambda *, folder, **_: backups.read(folder)


def _torn_backups_restored(_: Any) -> None:
    backups._check_files = lambda folder, _: backups.read(folder)
    backups.compare = lambda **_: None


def _let_go_without_backup_elsewhere(_: Any) -> None:
    let_go = backups.let_go
    backups.let_go = lambda *, folder, manifest: let_go(
        folder=folder, manifest=replace(manifest, off_machine=True)
    )


def _same_generation_after_restore(_: Any) -> None:
    begin_again = backups.begin_again

    def unnoticed(*, staged: Any, name: str) -> None:
        begin_again(staged=staged, name=name)
        for school in staged.manifest.schools:
            db.session.execute(
                update(School).where(School.id == school.id).values(generation=school.generation)
            )

    backups.begin_again = unnoticed


class _Anything:
    """Equal to all."""

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def _photo_under_any_name(_: Any) -> None:
    photos.hashlib = SimpleNamespace(sha256=lambda _: SimpleNamespace(hexdigest=_Anything))


SERVER: dict[str, Plant] = {
    "ack before commit": _ack_before_commit,
    "poison blocks": _poison_blocks,
    "poison skipped": _poison_skipped,
    "poison unsaid": _poison_unsaid,
    "insert or replace": _insert_or_replace,
    "no unique key": _no_unique_key,
    "ids forgotten": _ids_forgotten,
    "school from the body": _school_from_the_body,
    "no chain check": _no_chain_check,
    "accept gap": _accept_gap,
    "ack what was claimed": _ack_what_was_claimed,
    "serialise lines again": _serialise_lines_again,
    "cut bodies are whole": _cut_bodies_are_whole,
    "no photos wanted": _no_photos_wanted,
    "the first one hears for all": _first_one_hears_for_all,
    "backups unchecked": _backups_unchecked,
    "torn backups restored": _torn_backups_restored,
    "let go without a backup elsewhere": _let_go_without_backup_elsewhere,
    "the same generation after a restore": _same_generation_after_restore,
    "a photo under any name": _photo_under_any_name,
}
