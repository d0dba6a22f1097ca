"""The one-time approvals by which a phone that is not let in may hand over what it recorded."""

from datetime import datetime

from sqlalchemy import Float, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, Entity


class RescueCode(Entity, Base):
    """A supervisor's approval for one stream of one phone; stored hashed. What came by it lies in the quarantine."""

    __tablename__ = "rescue_code"
    __table_args__ = (UniqueConstraint("code_hash"),)

    code_hash: Mapped[str] = mapped_column(String(64))
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # Whoever comes first with the code has it: later requests must be of the same stream.
    stream: Mapped[str | None] = mapped_column(String(32))
    device_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"))
    # Seconds the phone's clock was ahead when it handed over.
    skew: Mapped[float | None] = mapped_column(Float)
