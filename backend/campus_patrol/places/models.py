"""Buildings and the places in them that carry a tag."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Boolean, ForeignKey, Index, Integer, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from campus_patrol.database import Base, Entity


class Building(Entity, Base):
    """A building, or an outdoor area that a school treats as one."""

    __tablename__ = "building"
    __table_args__ = (UniqueConstraint("school_id", "name"),)

    name: Mapped[str] = mapped_column(String(60))
    position: Mapped[int] = mapped_column(Integer, default=0)


class Place(Entity, Base):
    """What carries a tag: a room, a water point or a facility. A place outlives its tags."""

    __tablename__ = "place"
    __table_args__ = (
        UniqueConstraint("building_id", "number"),
        Index(None, "school_id", "kind", "building_id", "floor"),
    )

    building_id: Mapped[str] = mapped_column(ForeignKey("building.id"))
    # As people say it: 1 is the ground floor, -1 the first basement.
    floor: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(10))  # room, tap, facility
    number: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(80))
    type: Mapped[str | None] = mapped_column(String(40))
    grade: Mapped[str | None] = mapped_column(String(40))
    class_name: Mapped[str | None] = mapped_column(String(40))
    ac_count: Mapped[int | None] = mapped_column(Integer)
    ac_power_kw: Mapped[Decimal | None] = mapped_column(Numeric(7, 3))
    light_count: Mapped[int | None] = mapped_column(Integer)
    tap_count: Mapped[int | None] = mapped_column(Integer)
    has_hot_water: Mapped[bool | None] = mapped_column(Boolean)
    valve: Mapped[str | None] = mapped_column(String(80))
    remark: Mapped[str | None] = mapped_column(String(200))
    # Two digits hang beside its tag, set anew each week; a phone asks for them now and then.
    door_figure: Mapped[bool] = mapped_column(Boolean, default=False)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    switched_off_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    building: Mapped[Building] = relationship(lazy="raise")
