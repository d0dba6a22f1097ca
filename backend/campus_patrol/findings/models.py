"""Things found wrong."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campus_patrol.database import Base, Entity
from campus_patrol.people.models import Person
from campus_patrol.places.models import Place


class Finding(Entity, Base):
    """Something wrong that a record reported; lives in the ledger until closed."""

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("school_id", "number"),
        UniqueConstraint("record_id", "question"),
        Index(None, "school_id", "found_at"),
        Index(None, "school_id", "status", "place_id"),
    )

    number: Mapped[str] = mapped_column(String(12))  # 2026-0001
    record_id: Mapped[str] = mapped_column(String(36))  # the record that reported it
    question: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))  # ac, light, leak, hazard
    category: Mapped[str | None] = mapped_column(String(20))
    grade: Mapped[str] = mapped_column(String(10), default="general")  # general 一般, major 重大
    status: Mapped[str] = mapped_column(String(20), default="open")
    handled: Mapped[bool] = mapped_column(Boolean, default=False)  # put right on the spot
    description: Mapped[str] = mapped_column(Text, default="")
    place_id: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    person_id: Mapped[str | None] = mapped_column(String(36))
    night: Mapped[date]
    found_at: Mapped[datetime]
    photo_hashes: Mapped[list[Any]]
    voided_at: Mapped[datetime | None]

    place: Mapped[Place | None] = relationship(lazy="raise")
    person: Mapped[Person | None] = relationship(
        lazy="raise", primaryjoin="foreign(Finding.person_id) == Person.id", viewonly=True
    )
