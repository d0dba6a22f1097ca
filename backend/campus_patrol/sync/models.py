"""What phones sent, as they sent it: streams, the append-only log of record lines, and what was put aside."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, Entity, SchoolOwned, current_school_id


class Stream(Base, SchoolOwned):
    """One phone database's numbered chain of records: 128 random bits made with that database."""

    __tablename__ = "stream"

    school_id: Mapped[str] = mapped_column(
        ForeignKey("school.id"), default=current_school_id, primary_key=True
    )
    stream: Mapped[str] = mapped_column(String(32), primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    created_at: Mapped[datetime]
    # The highest number the phone ever said it would use next; less than that and not here is a possible loss.
    announced_next: Mapped[int] = mapped_column(Integer, default=1)
    head: Mapped[int] = mapped_column(Integer, default=0)
    head_hash: Mapped[str] = mapped_column(String(64), default="0" * 64)
    # When the phone last spoke on it; null for a stream that only its successor has told of.
    heard_at: Mapped[datetime | None]
    # How the phone went on to another stream, if it said so: its database was lost, or all its lines moved over.
    ended: Mapped[str | None] = mapped_column(String(10))
    ended_at: Mapped[datetime | None]


class Record(Base, SchoolOwned):
    """One line of the log, byte for byte. Triggers refuse to change or delete it."""

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("school_id", "id"),
        UniqueConstraint("school_id", "log_number"),
    )

    school_id: Mapped[str] = mapped_column(
        ForeignKey("school.id"), default=current_school_id, primary_key=True
    )
    stream: Mapped[str] = mapped_column(String(32), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True)
    # Null for a line that is not the first to carry its id (a stream that moved house) or that has none to read.
    id: Mapped[str | None] = mapped_column(String(36))
    hash: Mapped[str] = mapped_column(String(64))
    line: Mapped[bytes] = mapped_column(LargeBinary)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    received_at: Mapped[datetime]
    log_number: Mapped[int] = mapped_column(Integer)
    log_hash: Mapped[str] = mapped_column(String(64))


class Quarantine(Entity, Base):
    """A line that could not be understood or contradicts another: kept, shown, never in the way of the next."""

    __tablename__ = "quarantine"
    __table_args__ = (
        Index(None, "school_id", "received_at"),
        UniqueConstraint("school_id", "stream", "n", "hash"),
    )

    stream: Mapped[str] = mapped_column(String(32))
    n: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(30))
    line: Mapped[bytes] = mapped_column(LargeBinary)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    received_at: Mapped[datetime]
