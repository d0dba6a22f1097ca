"""Tell a phone how far its stream is stored: true once the caller has committed, signed so that it can be shown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select

from campus_patrol.database import ask, db
from campus_patrol.keys import server_key, sign
from campus_patrol.photos.models import RecordPhoto
from campus_patrol.sync import rules
from campus_patrol.sync.models import Quarantine, Record
from campus_patrol.sync.senders import Log, StreamRow

WANTED_PHOTOS = 50
_WANTED = select(RecordPhoto.stream, RecordPhoto.sha256).where(
    RecordPhoto.school_id == bindparam("school"),
    RecordPhoto.stream.in_(bindparam("names", expanding=True)),
    RecordPhoto.stored.is_(False),
    RecordPhoto.missing.is_(None),
)


def receipt(
    stream: StreamRow, log: Log, header: dict[str, Any], wanted: list[str], now: datetime
) -> dict[str, Any]:
    """Say of a stream how far it is stored, what of it was put aside, and which photos it still owes."""
    ack = min(stream.head, header["next"] - 1)
    # Past the batch too, because an answer may have been lost before.
    last = max(header["first"] + header["count"] - 1, ack)
    return {
        "stream": stream.stream,
        "request": header["request"],
        "ack": ack,
        "ack_hash": hash_at(stream, ack),
        "durable": _durable(stream, log),
        "generation": log.generation,
        "quarantined": _aside(stream, header["first"], last) if stream.has_aside else [],
        "want_photos": wanted,
        "server_time": _text(now),
    }


def signed(receipt: dict[str, Any], *, keys: Path) -> dict[str, Any]:
    """Sign a receipt with the server's key, which the phone was given when it was enrolled."""
    parts = [receipt[name] for name in ("stream", "ack", "ack_hash", "durable", "generation", "server_time")]
    return {**receipt, "signature": sign(server_key(keys), "campus-patrol-ack", *parts)}


def hash_at(stream: StreamRow, n: int) -> str:
    """Return the hash of a line that is stored."""
    if n == 0:
        return rules.GENESIS
    if n == stream.head:
        return stream.head_hash
    return db.session.scalars(select(Record.hash).where(Record.stream == stream.stream, Record.n == n)).one()


def wanted_photos(streams: Sequence[str]) -> dict[str, list[str]]:
    """Return the hashes of photos that these streams name and nobody has brought, at most 50 each."""
    wanted: dict[str, dict[str, None]] = {}
    for stream, sha in ask(_WANTED, {"names": list(streams)}) if streams else ():
        wanted.setdefault(stream, {})[sha] = None
    return {stream: list(hashes)[:WANTED_PHOTOS] for stream, hashes in wanted.items()}


def _aside(stream: StreamRow, first: int, last: int) -> list[dict[str, Any]]:
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


def _durable(stream: StreamRow, log: Log) -> int:
    """Return the highest number of the stream that a verified backup off this machine holds."""
    if log.durable_log == 0:
        return 0
    held = select(Record.n).where(Record.stream == stream.stream, Record.log_number <= log.durable_log)
    # From the end: what no backup holds yet is little, the whole stream is not.
    return db.session.scalar(held.order_by(Record.n.desc()).limit(1)) or 0


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
