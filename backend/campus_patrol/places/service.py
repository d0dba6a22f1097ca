"""List buildings and places, and change a place."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, column, func, or_, select, table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, escape_like, found, page
from campus_patrol.history import service as history
from campus_patrol.people.models import School
from campus_patrol.places.models import Building, Place
from campus_patrol.places.rules import figure, search_words, week_of
from campus_patrol.problems import Problem

# Checkpoints and tags belong to folders that stand on this one. Two figures about a place come from their tables, so
# these are named here as tables, and each query on them names the school itself.
_CHECKPOINT = table(
    "checkpoint",
    column("school_id"),
    column("place_id"),
    column("corrected_at", Place.updated_at.type),
    column("voided_at"),
)
_TAG = table(
    "tag",
    column("school_id"),
    column("place_id"),
    column("id"),
    column("short"),
    column("printed_at", Place.updated_at.type),
    column("revoked_at"),
)


def list_buildings(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List buildings with their floors and how many active places they have, in two queries and one for the floors."""
    rows = page(
        select(Building).order_by(Building.position, Building.name), page=page_number, page_size=page_size
    )
    floors: dict[str, list[tuple[int, int]]] = {}
    for building_id, floor, number in db.session.execute(
        select(Place.building_id, Place.floor, func.count())
        .where(Place.building_id.in_([building.id for building in rows["items"]]), Place.active)
        .group_by(Place.building_id, Place.floor)
        .order_by(Place.floor)
    ):
        floors.setdefault(building_id, []).append((floor, number))
    rows["items"] = [
        {
            "id": building.id,
            "name": building.name,
            "floors": [floor for floor, _ in floors.get(building.id, [])],
            "places": sum(number for _, number in floors.get(building.id, [])),
        }
        for building in rows["items"]
    ]
    return rows


def list_places(
    *,
    search: str | None = None,
    building: str | None = None,
    floor: int | None = None,
    kind: str | None = None,
    active: bool | None = None,
    page_number: int,
    page_size: int,
) -> dict[str, Any]:
    """List places by building, floor and number, with live tag and last checkpoint, in three queries."""
    statement = _places().order_by(
        Building.position, Building.name, Place.floor, func.length(Place.number), Place.number, Place.id
    )
    for word in search_words(search or ""):
        like = f"%{escape_like(word)}%"
        columns = (Place.number, Place.name, Place.class_name, Building.name)
        statement = statement.where(or_(*(text.ilike(like, escape="\\") for text in columns)))
    if building is not None:
        statement = statement.where(Place.building_id == building)
    if floor is not None:
        statement = statement.where(Place.floor == floor)
    if kind is not None:
        statement = statement.where(Place.kind == kind)
    if active is not None:
        statement = statement.where(Place.active == active)
    rows = page(statement, page=page_number, page_size=page_size)
    rows["items"] = _described(rows["items"])
    return rows


def list_figures(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List the digits of the doors that have some, this week and the next, in walking order, in two queries."""
    school = db.session.get_one(School, current_school_id())
    week = week_of(clock.night_of(clock.now(), ZoneInfo(school.zone)))
    following = week + timedelta(days=7)
    statement = (
        _places()
        .where(Place.active, Place.door_figure)
        .order_by(
            Building.position, Building.name, Place.floor, func.length(Place.number), Place.number, Place.id
        )
    )
    rows = page(statement, page=page_number, page_size=page_size)
    rows["items"] = [
        {
            **{name: getattr(place, name) for name in ("id", "building", "floor", "number", "name")},
            "now": figure(school.figure_key, place.id, week),
            "then": figure(school.figure_key, place.id, following),
        }
        for place in rows["items"]
    ]
    return {**rows, "week": week, "next_week": following}


def update_place(*, place_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Change a place and note who did; its tag stays what it is.

    Raises not_found, and number_taken when the building has this number already.
    """
    place = found(db.session.scalars(_places().where(Place.id == place_id)).one_or_none())
    values = {name: value.strip() if isinstance(value, str) else value for name, value in changes.items()}
    changed = {name: value for name, value in values.items() if getattr(place, name) != value}
    if changed:
        detail = {name: [_plain(getattr(place, name)), _plain(value)] for name, value in changed.items()}
        for name, value in changed.items():
            setattr(place, name, value)
        place.updated_at = clock.now()
        if "active" in changed:
            # The nights before it was switched off were to visit it all the same.
            place.switched_off_at = None if place.active else place.updated_at
        try:
            db.session.flush()
        except IntegrityError:
            raise Problem("number_taken") from None
        history.note(action="place.changed", subject=f"{place.building.name} {place.number}", detail=detail)
    return _described([place])[0]


def _places() -> Select[Any]:
    return select(Place).join(Place.building).options(contains_eager(Place.building))


def _described(places: list[Place]) -> list[dict[str, Any]]:
    """Put each place's live tag and last checkpoint beside it, in one query for all."""
    school = current_school_id()
    last = (
        select(_CHECKPOINT.c.corrected_at)
        .where(
            _CHECKPOINT.c.school_id == school,
            _CHECKPOINT.c.place_id == Place.id,
            _CHECKPOINT.c.voided_at.is_(None),
        )
        .order_by(_CHECKPOINT.c.corrected_at.desc())
        .limit(1)
        .correlate(Place)
        .scalar_subquery()
    )
    live = (_TAG.c.school_id == school) & (_TAG.c.place_id == Place.id) & _TAG.c.revoked_at.is_(None)
    extras = {
        row.place_id: row
        for row in db.session.execute(
            select(
                Place.id.label("place_id"),
                _TAG.c.id.label("tag_id"),
                _TAG.c.short,
                _TAG.c.printed_at,
                last.label("last_at"),
            )
            .outerjoin(_TAG, live)
            .where(Place.id.in_([place.id for place in places]))
        )
    }
    described = []
    for place in places:
        extra = extras[place.id]
        tag = {"id": extra.tag_id, "short": extra.short, "printed_at": extra.printed_at}
        columns = {name: getattr(place, name) for name in _COLUMNS}
        described.append(
            {
                **columns,
                "building": place.building,
                "tag": tag if extra.tag_id else None,
                "last_at": extra.last_at,
            }
        )
    return described


_COLUMNS = (
    *("id", "floor", "kind", "number", "name", "type", "grade", "class_name", "ac_count", "ac_power_kw"),
    *("light_count", "tap_count", "has_hot_water", "valve", "remark", "active", "door_figure"),
)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
