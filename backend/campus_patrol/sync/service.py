"""Take in what phones recorded, byte for byte."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert, select

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, insert_rows, new_id, page, upsert
from campus_patrol.findings import service as findings
from campus_patrol.patrols import service as patrols
from campus_patrol.patrols.rules import ProjectedRecord
from campus_patrol.people.models import Device
from campus_patrol.photos import service as photos
from campus_patrol.photos.models import RecordPhoto
from campus_patrol.problems import Problem
from campus_patrol.sync import receipts, rules, senders
from campus_patrol.sync.batches import Batch, Line
from campus_patrol.sync.models import Quarantine, Record
from campus_patrol.sync.senders import Log, PhoneRow, StreamRow

log = logging.getLogger(__name__)

# What both engines hold in any zone. A phone's time beyond that means nothing, but its record still counts.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Delivery:
    """A batch and the phone that brought it; ``approved`` when it comes from the desk, for a phone that is shut out."""

    batch: Batch
    device_id: str
    approved: bool = False


@dataclass(slots=True)
class _Visit:
    """A delivery with what the server knows of its sender, on the way to its answer."""

    batch: Batch
    phone: PhoneRow
    stream: StreamRow
    new: list[Line] = field(default_factory=list)
    problem: Problem | None = None


class _Row(msgspec.Struct, gc=False):
    """A row of the log."""

    school_id: str
    stream: str
    n: int
    id: str | None
    hash: str
    line: bytes
    device_id: str
    received_at: datetime
    log_number: int
    log_hash: str


def receive(*, deliveries: Sequence[Delivery], careful: bool = False) -> list[dict[str, Any] | Problem]:
    """Store the batches of some phones of one school together; return for each its receipt, or the problem to answer.

    A gap or a fork is returned, not raised, because what was put aside and announced must be committed with it. Each
    line is judged by itself: one that cannot be understood is kept in its place in the chain, listed as put aside,
    and does not hold up the lines behind it. No two of the deliveries may be of one stream. Receipts are not signed
    yet (`signed`), and true once the caller has committed.

    The quick way takes it for granted that ids are new and that every record can be brought into the tables; where
    that is not so it raises, and nothing must be committed. The ``careful`` way, for the same deliveries once more,
    settles each of them.
    """
    # What the caller changed on objects is read below as rows.
    db.session.flush()
    now = clock.now()
    school = senders.lock_log()
    phones = senders.find_phones({delivery.device_id for delivery in deliveries})
    names = [delivery.batch.header["stream"] for delivery in deliveries]
    if len(set(names)) != len(names):
        raise ValueError("two batches of one stream at once")
    streams = senders.find_streams(names)
    visits: list[_Visit | Problem] = []
    for delivery in deliveries:
        phone = phones[delivery.device_id]
        if phone.revoked_at is not None and not delivery.approved:
            visits.append(Problem("device_revoked", headers={"WWW-Authenticate": "Bearer"}))
            continue
        visit = _Visit(delivery.batch, phone, _stream(delivery.batch.header["stream"], phone, streams, now))
        if not delivery.approved:
            _hear(visit, now)
        _admit(visit, now)
        visits.append(visit)
    heard = [visit for visit in visits if isinstance(visit, _Visit) and visit.problem is None]
    _store(heard, school, now, careful=careful)
    for visit in heard:
        visit.phone.waiting = max(0, visit.batch.header["next"] - 1 - visit.stream.head)
        _end_streams_before(visit, streams, now)
    senders.put_phones(phones.values())
    senders.put_streams(streams.values())
    said = iter(_receipts(heard, school, now))
    return [visit if isinstance(visit, Problem) else visit.problem or next(said) for visit in visits]


def _stream(name: str, phone: PhoneRow, known: dict[str, StreamRow], now: datetime) -> StreamRow:
    stream = known.get(name) or _new_stream(name, phone, known, now)
    # A phone that was enrolled anew keeps its stream: the device on it is the one that spoke last.
    stream.device_id = phone.id
    return stream


def _new_stream(name: str, phone: PhoneRow, known: dict[str, StreamRow], now: datetime) -> StreamRow:
    known[name] = StreamRow(name, phone.id, now, is_new=True)
    return known[name]


def _hear(visit: _Visit, now: datetime) -> None:
    stream, phone, header = visit.stream, visit.phone, visit.batch.header
    stream.announced_next = max(stream.announced_next, header["next"])
    stream.heard_at = now
    if stream.ended == "lost":
        # It was not lost after all.
        stream.ended = stream.ended_at = None
    phone.seen_at = now
    phone.waiting = max(0, header["next"] - 1 - stream.head)
    phone.persisted = header["persisted"]
    phone.app = header["app"] or phone.app


def _admit(visit: _Visit, now: datetime) -> None:
    """Compare a batch with what is stored of its stream: leave its new lines in the visit, or the problem."""
    stream, batch = visit.stream, visit.batch
    visit.problem = _refuse_gap_or_fork(visit, now)
    if visit.problem is not None:
        return
    known = batch.lines[: max(0, stream.head + 1 - batch.header["first"])]
    fork = _first_difference(stream, known)
    if fork is not None:
        _put_aside([(line, "fork") for line in batch.lines if line.n >= fork], visit, now)
        visit.problem = Problem("fork", at=fork)
        return
    visit.new = batch.lines[len(known) :]


def _refuse_gap_or_fork(visit: _Visit, now: datetime) -> Problem | None:
    stream, header, lines = visit.stream, visit.batch.header, visit.batch.lines
    first = header["first"]
    if first > stream.head + 1:
        return Problem("gap", need=stream.head + 1)
    if header["prev"] != receipts.hash_at(stream, first - 1):
        _put_aside([(line, "fork") for line in lines], visit, now)
        return Problem("fork", at=first - 1)
    if header["head"] != (lines[-1].hash if lines else header["prev"]):
        _put_aside([(line, "chain") for line in lines], visit, now)
        return Problem("fork", at=first)
    return None


def _first_difference(stream: StreamRow, known: Sequence[Line]) -> int | None:
    if not known:
        return None
    stored = dict(
        db.session.execute(
            select(Record.n, Record.hash).where(
                Record.stream == stream.stream, Record.n.between(known[0].n, known[-1].n)
            )
        ).all()
    )
    return next((line.n for line in known if stored[line.n] != line.hash), None)


def _store(visits: Sequence[_Visit], school: Log, now: datetime, *, careful: bool) -> None:
    """Put the new lines of all visits into the log, one statement for each table, and project what can be read."""
    rows, records = [], []
    # Names of their own: ten thousand lookups in a batch.
    school_id, length, log_hash = school.id, school.log_length, school.log_hash
    for visit in visits:
        name, device_id = visit.stream.stream, visit.phone.id
        skew = visit.batch.header["device_time"] - now
        for line in visit.new:
            if line.record is not None:
                records.append((line, _projected(line, name, device_id, now, skew)))
            length += 1
            log_hash = rules.log_hash(log_hash, name, line.n, line.hash)
            # By position: names would take ten times as long.
            rows.append(
                _Row(school_id, name, line.n, line.id, line.hash, line.raw, device_id, now, length, log_hash)
            )
    if not rows:
        return
    if careful:
        _settle_ids(rows, visits)
    insert_rows(Record, rows)
    school.log_length, school.log_hash = length, log_hash
    senders.put_log(school)
    for visit in visits:
        if visit.new:
            visit.stream.head, visit.stream.head_hash = visit.new[-1].n, visit.new[-1].hash
    # Without those that another record turned out to have the id of.
    fresh = [record for line, record in records if line.id]
    _name_photos(fresh, {visit.stream.stream: visit.stream for visit in visits})
    if careful:
        failed = _project_one_by_one(fresh, school.zone)
        for line, _ in records:
            line.refusal = "projection_failed" if line.id in failed else line.refusal
    elif fresh:
        findings.project(fresh, patrols.project(fresh, school.zone))
    for visit in visits:
        _put_aside([(line, line.refusal) for line in visit.new if line.refusal], visit, now)


def _settle_ids(rows: list[_Row], visits: Sequence[_Visit]) -> None:
    """Leave a line its id only if no other record has it.

    The same id with the same bytes is a phone's stream that moved house: already stored. The phone is told in its new
    stream too if the record was put aside, and asked there for what photos it still owes. With other bytes it is a
    conflict: kept and shown.
    """
    lines = [line for visit in visits for line in visit.new]
    ids = [line.record["id"] for line in lines if line.record]
    holders: dict[str, bytes] = dict(
        db.session.execute(select(Record.id, Record.line).where(Record.id.in_(ids))).all()  # type: ignore[arg-type]
    )
    aside: dict[str, str] = dict(
        db.session.execute(
            select(Record.id, Quarantine.code)
            .join(Quarantine, (Quarantine.stream == Record.stream) & (Quarantine.hash == Record.hash))
            .where(Record.id.in_(ids))
        ).all()  # type: ignore[arg-type]
    )
    for visit in visits:
        moved = []
        for line in visit.new:
            if line.record is None:
                continue
            record_id = line.record["id"]
            if record_id not in holders:
                holders[record_id] = line.raw
                continue
            line.id = None
            if holders[record_id] != line.raw:
                line.refusal = "id_conflict"
            else:
                line.refusal = aside.get(record_id)
                moved.append(record_id)
        if moved and photos.move(records=moved, stream=visit.stream.stream):
            visit.stream.lacks_photos = True
    for row, line in zip(rows, lines, strict=True):
        row.id = line.id


def _end_streams_before(visit: _Visit, known: dict[str, StreamRow], now: datetime) -> None:
    """Note what a new stream says of the one it follows: what that one announced and never sent may be lost."""
    for line in visit.new:
        # Only a line that is new: one that came along to yet another stream says nothing new of the one before.
        if line.id is None or line.record is None or line.record["kind"] != "boot":
            continue
        reason, before = line.record["data"]["reason"], line.record["data"]["before"]
        if reason not in ("lost", "moved") or before is None or before["stream"] == visit.stream.stream:
            continue
        name = before["stream"]
        if name not in known:
            known |= senders.find_streams([name])
        ended = known.get(name)
        if ended is None and reason == "lost":
            ended = _new_stream(name, visit.phone, known, now)
        # Lines that moved are under their ids in the new stream. Only the phone itself can say so of its own.
        if ended is None or (reason == "moved" and ended.device_id != visit.phone.id):
            continue
        ended.announced_next = max(ended.announced_next, before["next"])
        ended.ended, ended.ended_at = reason, now


def _projected(line: Line, stream: str, device_id: str, now: datetime, skew: timedelta) -> ProjectedRecord:
    record = line.record
    assert record is not None
    at, named = record["at"], record["photos"]
    if at.tzinfo is not UTC or not _EARLIEST <= at <= _LATEST:
        at = min(max(at, _EARLIEST), _LATEST).astimezone(UTC)
    # By position, in the order of the struct: names would take ten times as long.
    return ProjectedRecord(
        record["id"],
        record["kind"],
        record["person"],
        record["tag"],
        at,
        record["zone"],
        record["elapsed"],
        record["boot"],
        record["data"],
        [photo["sha256"] for photo in named] if named else named,
        record["ref"],
        device_id,
        stream,
        line.n,
        now,
        skew,
    )


def _project_one_by_one(records: Iterable[ProjectedRecord], zone: ZoneInfo) -> set[str]:
    """Bring records into the domain tables; return the ids of those that could not be.

    Each alone, so that the failing one is known and alone in failing: the line itself is in the log either way.
    """
    failed = set()
    for record in records:
        try:
            with db.session.begin_nested():
                findings.project([record], patrols.project([record], zone))
        except Exception:
            log.exception("record %s could not be projected", record.id)
            failed.add(record.id)
    return failed


def _name_photos(records: Iterable[ProjectedRecord], streams: dict[str, StreamRow]) -> None:
    naming = [record for record in records if record.photos]
    if not naming:
        return
    here = photos.stored(sha for record in naming for sha in record.photos)
    rows = [
        {"record_id": record.id, "sha256": sha, "position": i, "stream": record.stream, "stored": sha in here}
        for record in naming
        for i, sha in enumerate(dict.fromkeys(record.photos))
    ]
    db.session.execute(insert(RecordPhoto), rows)
    for row in rows:
        streams[row["stream"]].lacks_photos |= not row["stored"]


def _put_aside(lines: Sequence[tuple[Line, str | None]], visit: _Visit, now: datetime) -> None:
    rows = [
        {
            "id": new_id(),
            "school_id": current_school_id(),
            "stream": visit.stream.stream,
            "n": line.n,
            "hash": line.hash,
            "code": code,
            "line": line.raw,
            "device_id": visit.phone.id,
            "received_at": now,
        }
        for line, code in lines
    ]
    if rows:
        # A phone that hears no answer sends the same again: aside once is enough.
        db.session.execute(upsert(Quarantine).on_conflict_do_nothing(), rows)
        visit.stream.has_aside = True


def _receipts(visits: Sequence[_Visit], school: Log, now: datetime) -> list[dict[str, Any]]:
    wanted = receipts.wanted_photos([visit.stream.stream for visit in visits if visit.stream.lacks_photos])
    return [
        receipts.receipt(visit.stream, school, visit.batch.header, wanted.get(visit.stream.stream, []), now)
        for visit in visits
    ]


def list_quarantine(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List what was put aside, newest first, with the line as far as it can be shown as text."""
    rows = page(
        select(Quarantine, Device)
        .join(Device, Device.id == Quarantine.device_id)
        .order_by(Quarantine.received_at.desc(), Quarantine.id.desc()),
        page=page_number,
        page_size=page_size,
    )
    rows["items"] = [
        {
            "id": aside.id,
            "device": device,
            "stream": aside.stream,
            "n": aside.n,
            "code": aside.code,
            "received_at": aside.received_at,
            "line": aside.line.decode("utf-8", "replace"),
        }
        for aside, device in rows["items"]
    ]
    return rows
