"""Routes, the rounds walked on them, and the checkpoints made on a round."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campus_patrol.database import Base, Entity
from campus_patrol.people.models import Device, Person
from campus_patrol.places.models import Place


class Route(Entity, Base):
    """Places to visit, when, and what to check there."""

    __tablename__ = "route"
    __table_args__ = (UniqueConstraint("school_id", "name"),)

    name: Mapped[str] = mapped_column(String(60))
    start: Mapped[str] = mapped_column(String(5))  # HH:MM in the school's zone
    window: Mapped[int] = mapped_column(Integer)  # minutes
    weekdays: Mapped[list[Any]]  # 1 is Monday … 7 is Sunday, of the night's evening
    questions: Mapped[list[Any]]  # keys of the questions this route asks
    scope: Mapped[str] = mapped_column(String(400))  # as the school wrote it
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Stop(Entity, Base):
    """One place on a route, in walking order."""

    __tablename__ = "stop"
    __table_args__ = (UniqueConstraint("route_id", "place_id"),)

    route_id: Mapped[str] = mapped_column(ForeignKey("route.id", ondelete="CASCADE"))
    place_id: Mapped[str] = mapped_column(ForeignKey("place.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)


class Round(Entity, Base):
    """One walk of a route on one night; its id is that of the record that started it."""

    __tablename__ = "round"
    __table_args__ = (Index(None, "school_id", "night"),)

    # What a phone says about people and routes is kept even when nobody here knows it: no foreign keys on its words.
    route_id: Mapped[str | None] = mapped_column(String(36))
    night: Mapped[date]
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    person_id: Mapped[str | None] = mapped_column(String(36))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(200))


class Checkpoint(Entity, Base):
    """The fact that somebody stood at a place at a time, with readings; its id is the record's. Never edited."""

    __tablename__ = "checkpoint"
    __table_args__ = (
        Index(None, "school_id", "night", "corrected_at"),
        Index(None, "school_id", "place_id", "corrected_at"),
    )

    place_id: Mapped[str | None] = mapped_column(ForeignKey("place.id"))
    tag_id: Mapped[str | None] = mapped_column(ForeignKey("tag.id"))
    tag_text: Mapped[str | None] = mapped_column(String(80))  # what was read, as the phone sent it
    method: Mapped[str] = mapped_column(String(10))
    route_id: Mapped[str | None] = mapped_column(String(36))
    round_id: Mapped[str | None] = mapped_column(String(36))
    person_id: Mapped[str | None] = mapped_column(String(36))
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id"))
    night: Mapped[date]
    at: Mapped[datetime]  # the phone's time
    corrected_at: Mapped[datetime]  # the phone's time less its clock's error when the batch was sent
    received_at: Mapped[datetime]
    took_ms: Mapped[int | None] = mapped_column(Integer)
    read_ms: Mapped[int | None] = mapped_column(Integer)  # from the first sight of the code to its reading
    readings: Mapped[dict[str, Any]]
    note: Mapped[str | None] = mapped_column(
        Text
    )  # the notes of its readings, together, to show and to search
    # Which kinds of finding its readings raise, so that a night's filters need not open the readings.
    has_ac: Mapped[bool] = mapped_column(Boolean, default=False)
    has_light: Mapped[bool] = mapped_column(Boolean, default=False)
    has_leak: Mapped[bool] = mapped_column(Boolean, default=False)
    has_hazard: Mapped[bool] = mapped_column(Boolean, default=False)
    voided_at: Mapped[datetime | None]

    place: Mapped[Place | None] = relationship(lazy="raise")
    device: Mapped[Device] = relationship(lazy="raise")
    person: Mapped[Person | None] = relationship(
        lazy="raise", primaryjoin="foreign(Checkpoint.person_id) == Person.id", viewonly=True
    )
    doubts: Mapped[list["Doubt"]] = relationship(lazy="raise", order_by="Doubt.kind")


class Doubt(Entity, Base):
    """A reason why a checkpoint deserves a look; never a reason to refuse it."""

    __tablename__ = "doubt"

    checkpoint_id: Mapped[str] = mapped_column(ForeignKey("checkpoint.id"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    params: Mapped[dict[str, Any]]
    cleared_at: Mapped[datetime | None]
    cleared_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    clear_note: Mapped[str | None] = mapped_column(Text)

    cleared_by: Mapped[Person | None] = relationship(lazy="raise")
