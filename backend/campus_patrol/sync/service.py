"""Take in what phones recorded, byte for byte."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from marshmallow import ValidationError
from sqlalchemy import bindparam, insert, select

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, insert_rows, new_id, page, upsert
from campus_patrol.findings import service as findings
from campus_patrol.keys import server_key, sign
from campus_patrol.patrols import schemas as patrol_shapes
from campus_patrol.patrols import service as patrols
from campus_patrol.patrols.rules import ProjectedRecord
from campus_patrol.people.models import Device, School
from campus_patrol.photos import service as photos
from campus_patrol.photos.models import RecordPhoto
from campus_patrol.problems import Problem
from campus_patrol.sync import rules
from campus_patrol.sync.lines import Reader
from campus_patrol.sync.models import Quarantine, Record, Stream
from campus_patrol.sync.schemas import HeaderSchema, RecordSchema

log = logging.getLogger(__name__)

# One instance each, reused for every line: building a schema costs more than loading a record with it.
_HEADER = HeaderSchema()
_READER = Reader(
    record=RecordSchema(),
    # None: kept in the log now, understood by the version that brings the domain.
    data={
        "checkpoint": patrol_shapes.CheckpointData(),
        "round_start": patrol_shapes.RoundStartData(),
        "round_end": patrol_shapes.RoundEndData(),
        "sign_in": patrol_shapes.SignInData(),
        "boot": patrol_shapes.BootData(),
        "void": patrol_shapes.VoidData(),
        "finding": patrol_shapes.FindingData(),
        "sign_out": None,
        "repair_step": None,
        "spot_check_answer": None,
        "handover": None,
        "notice_read": None,
        "correction": patrol_shapes.CorrectionData(),
        "sos": None,
    },
)
# What every request asks, said once: putting a statement together takes longer than SQLite takes to answer it.
_FRESH = {"populate_existing": True}
_SCHOOL = select(School).where(School.id == bindparam("id")).with_for_update(key_share=True)
_SCHOOL = _SCHOOL.execution_options(**_FRESH)
_DEVICES = select(Device).where(Device.id.in_(bindparam("ids", expanding=True))).execution_options(**_FRESH)
_OF_STREAMS = bindparam("names", expanding=True)
_STREAMS = select(Stream).where(Stream.stream.in_(_OF_STREAMS)).execution_options(**_FRESH)
_WITH_ASIDE = select(Quarantine.stream).where(Quarantine.stream.in_(_OF_STREAMS)).distinct()
_WANTED = select(RecordPhoto.stream, RecordPhoto.sha256).where(
    RecordPhoto.stream.in_(_OF_STREAMS), RecordPhoto.stored.is_(False), RecordPhoto.missing.is_(None)
)
WANTED_PHOTOS = 50
# What both engines hold in any zone. A phone's time beyond that means nothing, but its record still counts.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Batch:
    """One sync request: its checked header and its raw lines."""

    header: dict[str, Any]
    lines: list[bytes]
    signed: tuple[object, ...] = ()  # what the header's signature is made over, as it was sent


@dataclass(slots=True)
class Delivery:
    """A batch and the phone that brought it; ``approved`` when it comes from the desk, for a phone that is shut out."""

    batch: Batch
    device_id: str
    approved: bool = False


class _Line(msgspec.Struct, gc=False):
    n: int
    hash: str
    raw: bytes
    record: dict[str, Any] | None = None
    refusal: str | None = None
    id: str | None = None


@dataclass(slots=True)
class _Visit:
    """A delivery with what the server knows of its sender, on the way to its answer."""

    batch: Batch
    device: Device
    stream: Stream
    new: list[_Line] = field(default_factory=list)
    problem: Problem | None = None


def read_batch(body: bytes) -> Batch:
    """Split a body into header and lines, before the database is touched.

    Raises sync_header_invalid, or sync_cut_off when the last line is not complete or lines are missing: half of a
    batch is never stored as if it were whole.
    """
    first, newline, rest = body.partition(b"\n")
    try:
        sent = json.loads(first.decode("utf-8"))
        header = _HEADER.load(sent)
    except ValidationError as error:
        raise Problem("sync_header_invalid", errors=error.messages) from None
    except (ValueError, RecursionError):
        raise Problem("sync_header_invalid") from None
    lines = rest.split(b"\n")
    if not newline or lines.pop() != b"" or len(lines) != header["count"]:
        raise Problem("sync_cut_off")
    return Batch(header, lines, rules.signed_parts(sent))


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
    now = clock.now()
    # The weaker of PostgreSQL's two locks: it orders the writers of the log, and lets the desk write rows that name the
    # school. With the stronger one, revoking a phone that is just sending could be a deadlock.
    school = db.session.scalars(_SCHOOL, {"id": current_school_id()}).one()
    devices, streams = _devices(deliveries), _streams(deliveries)
    visits: list[_Visit | Problem] = []
    for delivery in deliveries:
        device = devices[delivery.device_id]
        if device.revoked_at is not None and not delivery.approved:
            visits.append(Problem("device_revoked", headers={"WWW-Authenticate": "Bearer"}))
            continue
        visit = _Visit(delivery.batch, device, _stream(delivery.batch, device, streams, now))
        if not delivery.approved:
            _hear(visit.stream, visit.batch.header, device, now)
        _admit(visit, now)
        visits.append(visit)
    heard = [visit for visit in visits if isinstance(visit, _Visit) and visit.problem is None]
    _store(heard, school, now, careful=careful)
    for visit in heard:
        _end_streams_before(visit, now)
    receipts = iter(_receipts(heard, school, now))
    return [visit if isinstance(visit, Problem) else visit.problem or next(receipts) for visit in visits]


def signed(receipt: dict[str, Any], *, keys: Path) -> dict[str, Any]:
    """Sign a receipt with the server's key, which the phone was given when it was enrolled."""
    parts = [receipt[name] for name in ("stream", "ack", "ack_hash", "durable", "generation", "server_time")]
    return {**receipt, "signature": sign(server_key(keys), "campus-patrol-ack", *parts)}


def _devices(deliveries: Iterable[Delivery]) -> dict[str, Device]:
    # Read again inside the transaction: another batch of the same phone, or somebody who revoked it, may have been
    # ahead of us in the queue.
    found = db.session.scalars(_DEVICES, {"ids": [delivery.device_id for delivery in deliveries]})
    return {device.id: device for device in found}


def _streams(deliveries: Iterable[Delivery]) -> dict[str, Stream]:
    names = [delivery.batch.header["stream"] for delivery in deliveries]
    if len(set(names)) != len(names):
        raise ValueError("two batches of one stream at once")
    found = db.session.scalars(_STREAMS, {"names": names})
    return {stream.stream: stream for stream in found}


def _stream(batch: Batch, device: Device, known: dict[str, Stream], now: datetime) -> Stream:
    name = batch.header["stream"]
    stream = known.get(name) or _new_stream(name, device, now)
    # A phone that was enrolled anew keeps its stream: the device on it is the one that spoke last.
    stream.device_id = device.id
    return stream


def _new_stream(name: str, device: Device, now: datetime) -> Stream:
    stream = Stream(
        stream=name,
        school_id=current_school_id(),
        device_id=device.id,
        created_at=now,
        announced_next=1,
        head=0,
        head_hash=rules.GENESIS,
    )
    db.session.add(stream)
    # So that a second mention of it finds it.
    db.session.flush()
    return stream


def _hear(stream: Stream, header: dict[str, Any], device: Device, now: datetime) -> None:
    stream.announced_next = max(stream.announced_next, header["next"])
    stream.heard_at = now
    if stream.ended == "lost":
        # It was not lost after all.
        stream.ended = stream.ended_at = None
    device.seen_at = now
    device.waiting = max(0, header["next"] - 1 - stream.head)
    device.persisted = header["persisted"]
    device.app = header["app"] or device.app


def _admit(visit: _Visit, now: datetime) -> None:
    """Compare a batch with what is stored of its stream: leave its new lines in the visit, or the problem."""
    stream, batch, device = visit.stream, visit.batch, visit.device
    visit.problem = _refuse_gap_or_fork(stream, batch, device, now)
    if visit.problem is not None:
        return
    lines = _chain(batch)
    known = lines[: max(0, stream.head + 1 - batch.header["first"])]
    fork = _first_difference(stream, known)
    if fork is not None:
        _put_aside([(line, "fork") for line in lines if line.n >= fork], stream, device, now)
        visit.problem = Problem("fork", at=fork)
        return
    visit.new = lines[len(known) :]


def _refuse_gap_or_fork(stream: Stream, batch: Batch, device: Device, now: datetime) -> Problem | None:
    first = batch.header["first"]
    if first > stream.head + 1:
        return Problem("gap", need=stream.head + 1)
    lines = _chain(batch)
    if batch.header["prev"] != _hash_at(stream, first - 1):
        _put_aside([(line, "fork") for line in lines], stream, device, now)
        return Problem("fork", at=first - 1)
    if batch.header["head"] != (lines[-1].hash if lines else batch.header["prev"]):
        _put_aside([(line, "chain") for line in lines], stream, device, now)
        return Problem("fork", at=first)
    return None


def _chain(batch: Batch) -> list[_Line]:
    previous, lines = batch.header["prev"], []
    for n, raw in enumerate(batch.lines, batch.header["first"]):
        previous = rules.chain_hash(batch.header["stream"], n, previous, raw)
        lines.append(_Line(n, previous, raw))
    return lines


def _hash_at(stream: Stream, n: int) -> str:
    if n == 0:
        return rules.GENESIS
    if n == stream.head:
        return stream.head_hash
    return db.session.scalars(select(Record.hash).where(Record.stream == stream.stream, Record.n == n)).one()


def _first_difference(stream: Stream, known: Sequence[_Line]) -> int | None:
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


def _store(visits: Sequence[_Visit], school: School, now: datetime, *, careful: bool) -> None:
    """Put the new lines of all visits into the log, one statement for each table, and project what can be read."""
    rows, records = [], []
    # Plain values: a row's attributes are looked up through the session, which costs more than the hash.
    school_id, length, log_hash = school.id, school.log_length, school.log_hash
    for visit in visits:
        name, device_id = visit.stream.stream, visit.device.id
        skew = visit.batch.header["device_time"] - now
        for line in visit.new:
            line.record, line.refusal = _READER.judge(line.raw)
            if line.record is not None:
                line.id = line.record["id"]
                records.append((line, _projected(line, name, device_id, now, skew)))
            length += 1
            log_hash = rules.log_hash(log_hash, name, line.n, line.hash)
            rows.append(
                {
                    "school_id": school_id,
                    "stream": name,
                    "n": line.n,
                    "id": line.id,
                    "hash": line.hash,
                    "line": line.raw,
                    "device_id": device_id,
                    "received_at": now,
                    "log_number": length,
                    "log_hash": log_hash,
                }
            )
    if not rows:
        return
    if careful:
        _settle_ids(rows, [line for visit in visits for line in visit.new])
    insert_rows(Record, rows)
    school.log_length, school.log_hash = length, log_hash
    for visit in visits:
        if visit.new:
            visit.stream.head, visit.stream.head_hash = visit.new[-1].n, visit.new[-1].hash
    # Without those that another record turned out to have the id of.
    fresh = [record for line, record in records if line.id]
    _name_photos(fresh)
    if careful:
        failed = _project_one_by_one(fresh)
        for line, _ in records:
            line.refusal = "projection_failed" if line.id in failed else line.refusal
    elif fresh:
        findings.project(fresh, patrols.project(fresh))
    for visit in visits:
        aside = [(line, line.refusal) for line in visit.new if line.refusal]
        _put_aside(aside, visit.stream, visit.device, now)


def _settle_ids(rows: list[dict[str, Any]], lines: list[_Line]) -> None:
    """Leave a line its id only if no other record has it.

    The same id with the same bytes is a phone's stream that moved house: already stored, nothing to do. With other
    bytes it is a conflict: kept and shown.
    """
    understood = [line for line in lines if line.record]
    ids = [line.record["id"] for line in understood if line.record]
    holders: dict[str, bytes] = dict(
        db.session.execute(select(Record.id, Record.line).where(Record.id.in_(ids))).all()  # type: ignore[arg-type]
    )
    for line in understood:
        assert line.record is not None
        record_id = line.record["id"]
        if record_id not in holders:
            holders[record_id] = line.raw
            continue
        line.id = None
        if holders[record_id] != line.raw:
            line.refusal = "id_conflict"
    for row, line in zip(rows, lines, strict=True):
        row["id"] = line.id


def _end_streams_before(visit: _Visit, now: datetime) -> None:
    """Note what a new stream says of the one it follows: what that one announced and never sent may be lost."""
    for line in visit.new:
        # Only a line that is new: one that came along to yet another stream says nothing new of the one before.
        if line.id is None or line.record is None or line.record["kind"] != "boot":
            continue
        reason, before = line.record["data"]["reason"], line.record["data"]["before"]
        if reason not in ("lost", "moved") or before is None or before["stream"] == visit.stream.stream:
            continue
        ended = db.session.get(Stream, (current_school_id(), before["stream"]))
        if ended is None and reason == "lost":
            ended = _new_stream(before["stream"], visit.device, now)
        # Lines that moved are under their ids in the new stream. Only the phone itself can say so of its own.
        if ended is None or (reason == "moved" and ended.device_id != visit.device.id):
            continue
        ended.announced_next = max(ended.announced_next, before["next"])
        ended.ended, ended.ended_at = reason, now


def _projected(line: _Line, stream: str, device_id: str, now: datetime, skew: timedelta) -> ProjectedRecord:
    record = line.record
    assert record is not None
    at = min(max(record["at"], _EARLIEST), _LATEST)
    return ProjectedRecord(
        id=record["id"],
        kind=record["kind"],
        person=record["person"],
        tag=record["tag"],
        at=at if at.tzinfo is UTC else at.astimezone(UTC),
        zone=record["zone"],
        elapsed=record["elapsed"],
        boot=record["boot"],
        data=record["data"],
        photos=[photo["sha256"] for photo in record["photos"]],
        ref=record["ref"],
        device_id=device_id,
        stream=stream,
        n=line.n,
        received_at=now,
        skew=skew,
    )


def _project_one_by_one(records: Iterable[ProjectedRecord]) -> set[str]:
    """Bring records into the domain tables; return the ids of those that could not be.

    Each alone, so that the failing one is known and alone in failing: the line itself is in the log either way.
    """
    failed = set()
    for record in records:
        try:
            with db.session.begin_nested():
                findings.project([record], patrols.project([record]))
        except Exception:
            log.exception("record %s could not be projected", record.id)
            failed.add(record.id)
    return failed


def _name_photos(records: Iterable[ProjectedRecord]) -> None:
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


def _put_aside(lines: list[tuple[_Line, str | None]], stream: Stream, device: Device, now: datetime) -> None:
    rows = [
        {
            "id": new_id(),
            "school_id": current_school_id(),
            "stream": stream.stream,
            "n": line.n,
            "hash": line.hash,
            "code": code,
            "line": line.raw,
            "device_id": device.id,
            "received_at": now,
        }
        for line, code in lines
    ]
    if rows:
        # A phone that hears no answer sends the same again: aside once is enough.
        db.session.execute(upsert(Quarantine).on_conflict_do_nothing(), rows)


def _receipts(visits: Sequence[_Visit], school: School, now: datetime) -> list[dict[str, Any]]:
    """Say of each stream how far it is stored; what all of them need is asked for all at once."""
    names = [visit.stream.stream for visit in visits]
    # Most streams have nothing aside; the others are worth a question of their own.
    with_aside = set(db.session.scalars(_WITH_ASIDE, {"names": names}))
    wanted = _wanted_photos(names)
    receipts = []
    for visit in visits:
        stream, header = visit.stream, visit.batch.header
        ack = min(stream.head, header["next"] - 1)
        visit.device.waiting = max(0, header["next"] - 1 - ack)
        last = max(header["first"] + header["count"] - 1, ack)
        aside = _aside(stream, header["first"], last) if stream.stream in with_aside else []
        receipts.append(
            {
                "stream": stream.stream,
                "request": header["request"],
                "ack": ack,
                "ack_hash": _hash_at(stream, ack),
                "durable": _durable(stream, school),
                "generation": school.generation,
                "quarantined": aside,
                "want_photos": wanted.get(stream.stream, []),
                "server_time": _text(now),
            }
        )
    return receipts


def _aside(stream: Stream, first: int, last: int) -> list[dict[str, Any]]:
    """List what was put aside of these numbers: past the batch too, because an answer may have been lost before."""
    rows = db.session.execute(
        select(Quarantine.n, Quarantine.code, Record.id)
        .join(Record, (Record.stream == Quarantine.stream) & (Record.n == Quarantine.n))
        .where(
            Quarantine.stream == stream.stream,
            Quarantine.n.between(first, last),
            Quarantine.hash == Record.hash,
        )
        .order_by(Quarantine.n)
    )
    return [row._asdict() for row in rows]


def _durable(stream: Stream, school: School) -> int:
    """Return the highest number of the stream that a verified backup off this machine holds."""
    if school.durable_log == 0:
        return 0
    held = select(Record.n).where(Record.stream == stream.stream, Record.log_number <= school.durable_log)
    # From the end: what no backup holds yet is little, the whole stream is not.
    return db.session.scalar(held.order_by(Record.n.desc()).limit(1)) or 0


def _wanted_photos(streams: Sequence[str]) -> dict[str, list[str]]:
    """Return the hashes of photos that these streams name and nobody has brought, at most 50 each."""
    wanted: dict[str, dict[str, None]] = {}
    for stream, sha in db.session.execute(_WANTED, {"names": streams}):
        wanted.setdefault(stream, {})[sha] = None
    return {stream: list(hashes)[:WANTED_PHOTOS] for stream, hashes in wanted.items()}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
