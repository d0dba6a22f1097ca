"""Who did what at the desk, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, Entity


class Event(Entity, Base):
    """One thing a person or the server did, worth being able to look up later."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "school_id", "at"),)

    at: Mapped[datetime]
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    action: Mapped[str] = mapped_column(String(40))  # noun.verb, such as device.revoked
    subject: Mapped[str | None] = mapped_column(String(120))
    detail: Mapped[dict[str, Any]]
