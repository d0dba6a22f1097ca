"""What the server knows of those whose batches come in: the school's log, the phones, and their streams.

Rows rather than objects of the session, read and written back by one statement for each table: with the session's
bookkeeping they took more time than all else that is done for a single record.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, exists, insert, select, update

from campus_patrol.database import ask, current_school_id, db, put_rows
from campus_patrol.people.models import Device, School
from campus_patrol.photos.models import RecordPhoto
from campus_patrol.sync.models import Quarantine, Stream
from campus_patrol.sync.rules import GENESIS

_SCHOOL = bindparam("school")
_LOG = (
    select(School.id, School.zone, School.generation, School.durable_log, School.log_length, School.log_hash)
    .where(School.id == _SCHOOL)
    .with_for_update(key_share=True)
)
_PHONES = select(
    Device.id, Device.revoked_at, Device.seen_at, Device.waiting, Device.persisted, Device.app
).where(Device.school_id == _SCHOOL, Device.id.in_(bindparam("ids", expanding=True)))
_STREAMS = select(
    Stream.stream,
    Stream.device_id,
    Stream.created_at,
    Stream.announced_next,
    Stream.head,
    Stream.head_hash,
    Stream.heard_at,
    Stream.ended,
    Stream.ended_at,
    # Most have neither; the others are worth a question of their own.
    exists()
    .where(Quarantine.school_id == Stream.school_id, Quarantine.stream == Stream.stream)
    .label("has_aside"),
    exists()
    .where(
        RecordPhoto.school_id == Stream.school_id,
        RecordPhoto.stream == Stream.stream,
        RecordPhoto.stored.is_(False),
    )
    .label("lacks_photos"),
).where(Stream.school_id == _SCHOOL, Stream.stream.in_(bindparam("names", expanding=True)))
_PUT_LOG = (
    update(School.__table__)
    .where(School.id == _SCHOOL)
    .values(log_length=bindparam("new_length"), log_hash=bindparam("new_hash"))
)
_PHONE_STATE = ("id", "seen_at", "waiting", "persisted", "app")
_STREAM_STATE = (
    "stream",
    "device_id",
    "announced_next",
    "head",
    "head_hash",
    "heard_at",
    "ended",
    "ended_at",
)


@dataclass(slots=True)
class Log:
    """The school's log: how long it is, the hash of its last line, and how far a backup elsewhere holds it."""

    id: str
    zone: ZoneInfo
    generation: str
    durable_log: int
    log_length: int
    log_hash: str


@dataclass(slots=True)
class PhoneRow:
    """A phone, with what it last announced; see the model."""

    id: str
    revoked_at: datetime | None
    seen_at: datetime | None
    waiting: int | None
    persisted: bool | None
    app: str | None


@dataclass(slots=True)
class StreamRow:
    """A stream as far as it is stored; see the model."""

    stream: str
    device_id: str
    created_at: datetime
    announced_next: int = 1
    head: int = 0
    head_hash: str = GENESIS
    heard_at: datetime | None = None
    ended: str | None = None
    ended_at: datetime | None = None
    has_aside: bool = False
    lacks_photos: bool = False
    is_new: bool = False


def lock_log() -> Log:
    """Take the school's log, which has one writer at a time, until the transaction ends.

    The weaker of PostgreSQL's two locks: it orders the writers of the log, and lets the desk write rows that name the
    school. With the stronger one, revoking a phone that is just sending could be a deadlock.
    """
    school, zone, *log = ask(_LOG).one()
    return Log(school, ZoneInfo(zone), *log)


def put_log(log: Log) -> None:
    """Write down how long the log is now."""
    ask(_PUT_LOG, {"new_length": log.log_length, "new_hash": log.log_hash})


def find_phones(ids: Collection[str]) -> dict[str, PhoneRow]:
    """Read phones inside the transaction: somebody who revoked one may have been ahead in the queue."""
    return {row.id: PhoneRow(*row) for row in ask(_PHONES, {"ids": list(ids)})}


def put_phones(phones: Iterable[PhoneRow]) -> None:
    """Write down what phones have announced."""
    put_rows(Device, "id", [_chosen(phone, _PHONE_STATE) for phone in phones])


def find_streams(names: Collection[str]) -> dict[str, StreamRow]:
    """Read how far streams are stored; those that nobody has heard of are not among them."""
    return {row.stream: StreamRow(*row) for row in ask(_STREAMS, {"names": list(names)})}


def put_streams(streams: Iterable[StreamRow]) -> None:
    """Write down how far streams are stored now."""
    new, old = [], []
    for stream in streams:
        if stream.is_new:
            row = asdict(stream)
            del row["has_aside"], row["lacks_photos"], row["is_new"]
            new.append(row | {"school_id": current_school_id()})
        else:
            old.append(_chosen(stream, _STREAM_STATE))
    if new:
        db.session.connection().execute(insert(Stream.__table__), new)
    put_rows(Stream, "stream", old)


def _chosen(row: PhoneRow | StreamRow, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
