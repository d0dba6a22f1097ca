"""Photos, kept by the hash of their bytes."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
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
    __table_args__ = (Index(None, "school_id", "sha256"),)

    # With the school: a phone that changed schools may bring a line that both have.
    school_id: Mapped[str] = mapped_column(
        ForeignKey("school.id"), default=current_school_id, primary_key=True
    )
    record_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
