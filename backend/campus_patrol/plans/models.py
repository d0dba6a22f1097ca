"""What a night was meant to be."""

from datetime import date
from typing import Any

from sqlalchemy import Date, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from campus_patrol.database import Base, SchoolOwned, current_school_id


class Plan(SchoolOwned, Base):
    """A route as it was planned for one night, written down before routes change so that old figures stay true."""

    __tablename__ = "plan"

    school_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("school.id"), default=current_school_id, primary_key=True
    )
    night: Mapped[date] = mapped_column(Date, primary_key=True)
    # No foreign key: the plan of a night outlives its route.
    route_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    start: Mapped[str] = mapped_column(String(5))
    window: Mapped[int] = mapped_column(Integer)
    place_ids: Mapped[list[Any]]  # in walking order
