"""The printed QR codes on places."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campus_patrol.database import Base, Entity
from campus_patrol.places.models import Place


class Tag(Entity, Base):
    """One printed code on one place, replaceable and revocable."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("code"), UniqueConstraint("school_id", "short"))

    place_id: Mapped[str] = mapped_column(ForeignKey("place.id"), index=True)
    code: Mapped[str] = mapped_column(String(10))
    short: Mapped[str] = mapped_column(String(6))
    made_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(200))

    place: Mapped[Place] = relationship(lazy="raise")
