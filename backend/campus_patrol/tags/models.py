"""The printed QR codes on places, and what guards say about where they hang."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campus_patrol.database import Base, Entity
from campus_patrol.people.models import Person
from campus_patrol.places.models import Place


class Tag(Entity, Base):
    """One printed code, replaceable and revocable; blank until somebody hangs it on a place."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("code"), UniqueConstraint("school_id", "short"))

    place_id: Mapped[str | None] = mapped_column(ForeignKey("place.id"), index=True)
    code: Mapped[str] = mapped_column(String(10))
    short: Mapped[str] = mapped_column(String(6))
    made_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(200))

    place: Mapped[Place | None] = relationship(lazy="raise")


class Placement(Entity, Base):
    """A guard's word that a tag hangs on a place; its id is the record's.

    ``state``: bound (a blank tag got its place by it), same (the tag was there already), open (it says something else
    than we know: the desk decides); and then moved (the tag belongs there now) or kept (it does not).
    """

    __tablename__ = "placement"
    __table_args__ = (Index(None, "school_id", "state", "at"),)

    tag_id: Mapped[str | None] = mapped_column(ForeignKey("tag.id"), index=True)
    tag_text: Mapped[str | None] = mapped_column(String(80))  # what was read, as the phone sent it
    place_id: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    # What a phone says about people is kept even when nobody here knows it: no foreign key on its word.
    person_id: Mapped[str | None] = mapped_column(String(36))
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))

    tag: Mapped[Tag | None] = relationship(lazy="raise")
    place: Mapped[Place | None] = relationship(lazy="raise")
    person: Mapped[Person | None] = relationship(
        lazy="raise", primaryjoin="foreign(Placement.person_id) == Person.id", viewonly=True
    )
