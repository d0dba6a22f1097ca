"""What lets the log be checked from outside: its signed heads."""

from datetime import date

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, Entity


class Head(Entity, Base):
    """How far a school's log had grown, signed by the server's key. Triggers refuse to change or delete it."""

    __tablename__ = "head"
    __table_args__ = (UniqueConstraint("school_id", "generation", "log_number"),)

    generation: Mapped[str] = mapped_column(String(36))
    day: Mapped[date]  # in the school's zone
    log_number: Mapped[int] = mapped_column(Integer)
    log_hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(88))
