"""Take in what phones recorded, byte for byte."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import insert, select

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, new_id, page, upsert
from campus_patrol.findings import service as findings
from campus_patrol.keys import server_key, sign
from campus_patrol.patrols import schemas as patrol_shapes
from campus_patrol.patrols import service as patrols
from campus_patrol.patrols.rules import ProjectedRecord
from campus_patrol.people.models import Device, School
from campus_patrol.photos.models import Photo, RecordPhoto
from campus_patrol.problems import Problem
from campus_patrol.sync import rules
from campus_patrol.sync.models import Quarantine, Record, Stream
from campus_patrol.sync.schemas import HeaderSchema, RecordSchema

log = logging.getLogger(__name__)

# One instance each, reused for every line: building a schema costs more than loading a record with it.
_HEADER = HeaderSchema()
_RECORD = RecordSchema()
# None: kept in the log now, understood by the version that brings the domain.
_DATA = {
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
    "correction": None,
    "sos": None,
}
WANTED_PHOTOS = 50
# What both engines hold in any zone. A phone's time beyond that means nothing, but its record still counts.
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Batch:
    """One sync request: its checked header and its raw lines."""

    header: dict[str, Any]
    lines: list[bytes]


@dataclass(slots=True)
class _Line:
    n: int
    hash: str
    raw: bytes
    record: dict[str, Any] | None
    refusal: str | None
    id: str | None = field(default=None)


def read_batch(body: bytes) -> Batch:
    """Split a body into header and lines, before the database is touched.

    Raises sync_header_invalid, or sync_cut_off when the last line is not complete or lines are missing: half of a
    batch is never stored as if it were whole.
    """
    first, newline, rest = body.partition(b"\n")
    try:
        header = _HEADER.load(json.loads(first.decode("utf-8")))
    except ValidationError as error:
        raise Problem("sync_header_invalid", errors=error.messages) from None
    except (ValueError, RecursionError):
        raise Problem("sync_header_invalid") from None
    lines = rest.split(b"\n")
    if not newline or lines.pop() != b"" or len(lines) != header["count"]:
        raise Problem("sync_cut_off")
    return Batch(header, lines)


def receive(*, batch: Batch, device: Device, keys: Path) -> tuple[dict[str, Any], Problem | None]:
    """Store a batch; return the receipt, or the problem to answer with instead.

    A gap or a fork is returned, not raised, because what was put aside and announced must be committed with it. Each
    line is judged by itself: one that cannot be understood is kept in its place in the chain, listed as put aside,
    and does not hold up the lines behind it.
    """
    header, now = batch.header, clock.now()
    # The weaker of PostgreSQL's two locks: it orders the writers of the log, and lets the desk write rows that name the
    # school. With the stronger one, revoking a phone that is just sending could be a deadlock.
    school = db.session.scalars(
        select(School).where(School.id == current_school_id()).with_for_update(key_share=True)
    ).one()
    # Another batch of the same phone may have been ahead of us in that queue.
    db.session.refresh(device)
    stream = _stream(header["stream"], device, now)
    _hear(stream, header, device, now)
    problem = _refuse_gap_or_fork(stream, batch, device, now)
    if problem is not None:
        return {}, problem
    lines = _chain(batch)
    known = [line for line in lines if line.n <= stream.head]
    fork = _first_difference(stream, known)
    if fork is not None:
        _put_aside([(line, "fork") for line in lines if line.n >= fork], stream, device, now)
        return {}, Problem("fork", at=fork)
    new = lines[len(known) :]
    if new:
        for line in new:
            judged = rules.judge(line.raw, record=_RECORD, data=_DATA)
            line.record, line.refusal = judged.record, judged.refusal
        skew = (header["device_time"] - now).total_seconds()
        _store(new, stream, device, school, now, skew)
        _end_streams_before(new, stream, device, now)
    ack = min(stream.head, header["next"] - 1)
    device.waiting = max(0, header["next"] - 1 - ack)
    return _receipt(stream, ack, batch, school, now, keys), None


def _stream(name: str, device: Device, now: datetime) -> Stream:
    stream = db.session.get(Stream, (current_school_id(), name))
    if stream is None:
        stream = _new_stream(name, device, now)
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


def _refuse_gap_or_fork(stream: Stream, batch: Batch, device: Device, now: datetime) -> Problem | None:
    first = batch.header["first"]
    if first > stream.head + 1:
        return Problem("gap", need=stream.head + 1)
    if batch.header["prev"] != _hash_at(stream, first - 1):
        _put_aside([(line, "fork") for line in _chain(batch)], stream, device, now)
        return Problem("fork", at=first - 1)
    lines = _chain(batch)
    if batch.header["head"] != (lines[-1].hash if lines else batch.header["prev"]):
        _put_aside([(line, "chain") for line in lines], stream, device, now)
        return Problem("fork", at=first)
    return None


def _chain(batch: Batch) -> list[_Line]:
    previous, lines = batch.header["prev"], []
    for n, raw in enumerate(batch.lines, batch.header["first"]):
        previous = rules.chain_hash(batch.header["stream"], n, previous, raw)
        lines.append(_Line(n, previous, raw, None, None))
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


def _store(
    lines: list[_Line], stream: Stream, device: Device, school: School, now: datetime, skew: float
) -> None:
    fresh = _settle_ids(lines)
    rows = []
    for line in lines:
        school.log_length += 1
        school.log_hash = rules.log_hash(school.log_hash, stream.stream, line.n, line.hash)
        rows.append(
            {
                "stream": stream.stream,
                "n": line.n,
                "id": line.id,
                "hash": line.hash,
                "line": line.raw,
                "device_id": device.id,
                "received_at": now,
                "log_number": school.log_length,
                "log_hash": school.log_hash,
            }
        )
    db.session.execute(insert(Record), rows)
    stream.head, stream.head_hash = lines[-1].n, lines[-1].hash
    projected = [_projected(line, stream, device, now, skew) for line in fresh]
    _name_photos(fresh)
    for record in _project(projected):
        next(line for line in fresh if line.id == record.id).refusal = "projection_failed"
    _put_aside([(line, line.refusal) for line in lines if line.refusal], stream, device, now)


def _end_streams_before(lines: list[_Line], stream: Stream, device: Device, now: datetime) -> None:
    """Note what a new stream says of the one it follows: what that one announced and never sent may be lost."""
    for line in lines:
        # Only a line that is new: one that came along to yet another stream says nothing new of the one before.
        if line.id is None or line.record is None or line.record["kind"] != "boot":
            continue
        reason, before = line.record["data"]["reason"], line.record["data"]["before"]
        if reason not in ("lost", "moved") or before is None or before["stream"] == stream.stream:
            continue
        ended = db.session.get(Stream, (current_school_id(), before["stream"]))
        if ended is None and reason == "lost":
            ended = _new_stream(before["stream"], device, now)
        # Lines that moved are under their ids in the new stream. Only the phone itself can say so of its own.
        if ended is None or (reason == "moved" and ended.device_id != device.id):
            continue
        ended.announced_next = max(ended.announced_next, before["next"])
        ended.ended, ended.ended_at = reason, now


def _settle_ids(lines: list[_Line]) -> list[_Line]:
    """Give each line its id unless another record has it; return the lines that are records not seen before.

    The same id with the same bytes is a phone's stream that moved house: already stored, nothing to do. With other
    bytes it is a conflict: kept and shown.
    """
    understood = [line for line in lines if line.record]
    ids = [line.record["id"] for line in understood if line.record]
    holders: dict[str, bytes] = dict(
        db.session.execute(select(Record.id, Record.line).where(Record.id.in_(ids))).all()  # type: ignore[arg-type]
    )
    fresh = []
    for line in understood:
        assert line.record is not None
        record_id = line.record["id"]
        if record_id not in holders:
            holders[record_id] = line.raw
            line.id = record_id
            fresh.append(line)
        elif holders[record_id] != line.raw:
            line.refusal = "id_conflict"
    return fresh


def _projected(line: _Line, stream: Stream, device: Device, now: datetime, skew: float) -> ProjectedRecord:
    record = line.record
    assert record is not None
    return ProjectedRecord(
        id=record["id"],
        kind=record["kind"],
        person=record["person"],
        tag=record["tag"],
        at=min(max(record["at"], _EARLIEST), _LATEST).astimezone(UTC),
        zone=record["zone"],
        elapsed=record["elapsed"],
        boot=record["boot"],
        data=record["data"],
        photos=[photo["sha256"] for photo in record["photos"]],
        ref=record["ref"],
        device_id=device.id,
        stream=stream.stream,
        n=line.n,
        received_at=now,
        skew_seconds=skew,
    )


def _project(records: list[ProjectedRecord]) -> list[ProjectedRecord]:
    """Bring records into the domain tables; return those that could not be.

    All at once, which is fast. If that fails, one by one, so that the failing one is known and alone in failing: the
    line itself is in the log either way.
    """
    if not records:
        return []
    try:
        with db.session.begin_nested():
            findings.project(records, patrols.project(records))
        return []
    except Exception:
        log.exception("a batch of %d records could not be projected at once", len(records))
    failed = []
    for record in records:
        try:
            with db.session.begin_nested():
                findings.project([record], patrols.project([record]))
        except Exception:
            log.exception("record %s could not be projected", record.id)
            failed.append(record)
    return failed


def _name_photos(lines: list[_Line]) -> None:
    rows = []
    for line in lines:
        assert line.record is not None
        hashes = dict.fromkeys(photo["sha256"] for photo in line.record["photos"])
        rows += [{"record_id": line.id, "sha256": sha, "position": i} for i, sha in enumerate(hashes)]
    if rows:
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


def _receipt(
    stream: Stream, ack: int, batch: Batch, school: School, now: datetime, keys: Path
) -> dict[str, Any]:
    first, last = batch.header["first"], batch.header["first"] + batch.header["count"] - 1
    aside = db.session.execute(
        select(Quarantine.n, Quarantine.code, Record.id)
        .join(Record, (Record.stream == Quarantine.stream) & (Record.n == Quarantine.n))
        .where(
            Quarantine.stream == stream.stream,
            # Past the batch too: a phone whose answer was lost may come back with a smaller one.
            Quarantine.n.between(first, max(last, ack)),
            Quarantine.hash == Record.hash,
        )
        .order_by(Quarantine.n)
    )
    ack_hash, server_time = _hash_at(stream, ack), _text(now)
    durable = _durable(stream, school)
    return {
        "stream": stream.stream,
        "request": batch.header["request"],
        "ack": ack,
        "ack_hash": ack_hash,
        "durable": durable,
        "generation": school.generation,
        "quarantined": [row._asdict() for row in aside],
        "want_photos": _wanted_photos(stream),
        "server_time": server_time,
        "signature": sign(
            server_key(keys),
            "campus-patrol-ack",
            stream.stream,
            ack,
            ack_hash,
            durable,
            school.generation,
            server_time,
        ),
    }


def _durable(stream: Stream, school: School) -> int:
    """Return the highest number of the stream that a verified backup off this machine holds."""
    if school.durable_log == 0:
        return 0
    held = select(Record.n).where(Record.stream == stream.stream, Record.log_number <= school.durable_log)
    # From the end: what no backup holds yet is little, the whole stream is not.
    return db.session.scalar(held.order_by(Record.n.desc()).limit(1)) or 0


def _wanted_photos(stream: Stream) -> list[str]:
    return list(
        db.session.scalars(
            select(RecordPhoto.sha256)
            .join(Record, (Record.id == RecordPhoto.record_id) & (Record.school_id == RecordPhoto.school_id))
            .outerjoin(
                Photo, (Photo.sha256 == RecordPhoto.sha256) & (Photo.school_id == RecordPhoto.school_id)
            )
            .where(Record.stream == stream.stream, Photo.sha256.is_(None))
            .group_by(RecordPhoto.sha256)
            .limit(WANTED_PHOTOS)
        )
    )


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
