"""Photos, kept by the hash of their bytes."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, SchoolOwned, current_school_id


class Photo(SchoolOwned, Base):
    """A photo whose bytes arrived: sha256 is that of the bytes the phone sent and the record names."""

    __tablename__ = "photo"

    school_id: Mapped[str] = mapped_column(
        ForeignKey("school.id"), default=current_school_id, primary_key=True
    )
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(Integer)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    received_at: Mapped[datetime]


class RecordPhoto(SchoolOwned, Base):
    """That a record names a photo; the bytes may come later or never."""

    __tablename__ = "record_photo"
    __table_args__ = (
        Index(None, "school_id", "sha256"),
        # What a phone is asked for with every receipt: few rows, however many photos its stream has named.
        Index(
            "ix_record_photo_wanted",
            "school_id",
            "stream",
            sqlite_where=text("NOT stored"),
            postgresql_where=text("NOT stored"),
        ),
    )

    # With the school: a phone that changed schools may bring a line that both have.
    school_id: Mapped[str] = mapped_column(
        ForeignKey("school.id"), default=current_school_id, primary_key=True
    )
    record_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    stream: Mapped[str] = mapped_column(String(32))  # of the line that named it first
    stored: Mapped[bool] = mapped_column(Boolean)  # whether the bytes are here
    # Why the phone says they will not come: damaged, lost or refused.
    missing: Mapped[str | None] = mapped_column(String(10))
