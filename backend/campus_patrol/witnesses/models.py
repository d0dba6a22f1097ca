"""What phones know of the log that the log does not bear out."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, Entity


class Contradiction(Entity, Base):
    """A head that this server signed and a phone kept, and that the log contradicts."""

    __tablename__ = "contradiction"
    __table_args__ = (UniqueConstraint("school_id", "device_id", "generation", "log_number"),)

    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    generation: Mapped[str] = mapped_column(String(36))
    day: Mapped[date] = mapped_column(Date)
    log_number: Mapped[int] = mapped_column(Integer)
    log_hash: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(30))
    noted_at: Mapped[datetime]
