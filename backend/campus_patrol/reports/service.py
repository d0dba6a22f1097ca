"""Tell what happened in a night."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union

from campus_patrol import clock
from campus_patrol.database import db, escape_like
from campus_patrol.findings.models import Finding
from campus_patrol.patrols.models import Checkpoint, Round, Route
from campus_patrol.patrols.service import KIND_COLUMNS, has_open_doubt, place_reference
from campus_patrol.people.models import Person
from campus_patrol.people.service import current_school
from campus_patrol.places.models import Building, Place
from campus_patrol.plans import service as plans
from campus_patrol.plans.rules import window_ends
from campus_patrol.reports import rules
from campus_patrol.tags.models import Tag


def list_nights(*, limit: int) -> dict[str, Any]:
    """List the latest nights on which anybody patrolled, newest first, in four queries."""
    counted = Checkpoint.voided_at.is_(None)
    nights = db.session.execute(
        select(
            Checkpoint.night,
            func.count().label("checkpoints"),
            func.count(Checkpoint.place_id.distinct()).label("places"),
        )
        .where(counted)
        .group_by(Checkpoint.night)
        .order_by(Checkpoint.night.desc())
        .limit(limit)
    ).all()
    since = nights[-1].night if nights else date.max
    doubts = _per_night(
        select(Checkpoint.night, func.count())
        .where(counted, has_open_doubt(), Checkpoint.night >= since)
        .group_by(Checkpoint.night)
    )
    findings = _per_night(
        select(Finding.night, func.count())
        .where(Finding.voided_at.is_(None), Finding.night >= since)
        .group_by(Finding.night)
    )
    total = db.session.scalar(select(func.count(Checkpoint.night.distinct())).where(counted))
    items = [
        {**row._mapping, "findings": findings.get(row.night, 0), "doubts": doubts.get(row.night, 0)}
        for row in nights
    ]
    return {"items": items, "total": total, "page": 1, "page_size": limit}


def _per_night(statement: Select) -> dict[date, int]:
    return dict(db.session.execute(statement).all())  # type: ignore[arg-type]


def show_night(*, night: date) -> dict[str, Any]:
    """Tell a night at one look: figures, the routes planned for it, the rounds walked.

    A stop counts as done when anybody was at its place that night, on whatever round, and as missed when its route's
    window is over. Voided checkpoints count for nothing.
    """
    routes, here, zone = plans.planned(night=night), _counted(night), current_school().zone
    over = {
        route.id for route in routes if window_ends(night, route.start, route.window, zone) <= clock.now()
    }
    # Compared here and not by a join: without statistics SQLite scans all of one side for each row of the other.
    seen = set(db.session.scalars(select(Checkpoint.place_id).where(*here).distinct()))
    wanted = set().union(*(route.places for route in routes))
    due = set().union(*(route.places for route in routes if route.id in over))
    kinds = db.session.execute(
        select(
            *(
                func.coalesce(func.sum(case((column, 1), else_=0)), 0).label(kind)
                for kind, column in KIND_COLUMNS.items()
            ),
            func.coalesce(func.sum(case((has_open_doubt(), 1), else_=0)), 0).label("doubts"),
        ).where(*here)
    ).one()
    return {
        "night": night,
        "figures": {
            "planned": len(wanted),
            "done": len(wanted & seen),
            "missed": len(due - seen),
            **kinds._mapping,
        },
        "rounds": _rounds(night, here, {route.id: route.places for route in routes}),
        "routes": [
            {
                "id": route.id,
                "name": route.name,
                "start": route.start,
                "window": route.window,
                "planned": len(route.places),
                "done": len(seen.intersection(route.places)),
                "over": route.id in over,
            }
            for route in routes
        ],
    }


def _counted(night: date) -> tuple[ColumnElement[bool], ...]:
    return Checkpoint.night == night, Checkpoint.voided_at.is_(None)


def list_missed(
    *, night: date, page_number: int, page_size: int, building: str | None = None, search: str | None = None
) -> dict[str, Any]:
    """List the places that were to be visited by now and that nobody came to, in the order of the walk.

    ``last_at`` is the last visit of any night.
    """
    zone, now = current_school().zone, clock.now()
    seen = set(db.session.scalars(select(Checkpoint.place_id).where(*_counted(night)).distinct()))
    due: dict[str, list[plans.PlannedRoute]] = {}
    for route in plans.planned(night=night):
        if window_ends(night, route.start, route.window, zone) <= now:
            for place_id in route.places:
                if place_id not in seen:
                    due.setdefault(place_id, []).append(route)
    statement = (
        select(Place, Building).join(Building, Building.id == Place.building_id).where(Place.id.in_(due))
    )
    if building is not None:
        statement = statement.where(Place.building_id == building)
    for word in (search or "").split():
        pattern = f"%{escape_like(word)}%"
        statement = statement.where(
            or_(*(column.ilike(pattern, escape="\\") for column in (Place.name, Place.number, Building.name)))
        )
    found = {place.id: (place, where) for place, where in db.session.execute(statement)}
    missed = {
        place_id: {**(place_reference(*found[place_id]) or {}), "routes": routes}
        for place_id, routes in due.items()
        if place_id in found
    }
    items = list(missed.values())[(page_number - 1) * page_size : page_number * page_size]
    last = dict(
        db.session.execute(
            select(Checkpoint.place_id, func.max(Checkpoint.corrected_at))
            .where(Checkpoint.place_id.in_([item["id"] for item in items]), Checkpoint.voided_at.is_(None))
            .group_by(Checkpoint.place_id)
        ).all()
    )
    for item in items:
        item["last_at"] = last.get(item["id"])
    return {"items": items, "total": len(missed), "page": page_number, "page_size": page_size}


def _rounds(
    night: date, counted: tuple[ColumnElement[bool], ...], stops: dict[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Tell the rounds of a night in three queries; with one who started it goes everybody who checked in on it."""
    walked = db.session.execute(
        select(Round, Route)
        .outerjoin(Route, Route.id == Round.route_id)
        .where(Round.night == night)
        .order_by(Round.started_at, Round.id)
    ).all()
    done = dict(
        db.session.execute(
            select(Checkpoint.round_id, func.count(Checkpoint.place_id.distinct()))
            .where(*counted)
            .group_by(Checkpoint.round_id)
        ).all()
    )
    walkers = union(
        select(Round.id.label("round_id"), Round.person_id).where(Round.night == night),
        select(Checkpoint.round_id, Checkpoint.person_id).where(*counted, Checkpoint.round_id.is_not(None)),
    ).subquery()
    people: dict[str, list[Person]] = defaultdict(list)
    for round_id, person in db.session.execute(
        select(walkers.c.round_id, Person)
        .join(Person, Person.id == walkers.c.person_id)
        .order_by(Person.name, Person.id)
    ):
        people[round_id].append(person)
    return [
        {
            "id": walk.id,
            "route": route,
            "people": people[walk.id],
            "started_at": walk.started_at,
            "ended_at": walk.ended_at,
            "planned": len(stops.get(walk.route_id or "", ())),
            "done": done.get(walk.id, 0),
        }
        for walk, route in walked
    ]


def list_worn_tags(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List the live tags that are read badly since they were last printed, the worst first, in two queries."""
    mine = (
        Checkpoint.place_id == Tag.place_id,
        Checkpoint.tag_id == Tag.id,
        Checkpoint.voided_at.is_(None),
        Checkpoint.method.in_(rules.METHODS),
    )
    printed = func.coalesce(Tag.printed_at, Tag.made_at)
    tenth = (
        select(Checkpoint.corrected_at)
        .where(*mine, Checkpoint.corrected_at >= printed)
        .order_by(Checkpoint.corrected_at.desc())
        .limit(1)
        .offset(rules.READINGS - 1)
        .correlate(Tag)
        .scalar_subquery()
    )
    readings: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    since = clock.now() - rules.WINDOW
    # For each tag down the index of its place to the tenth newest reading, not over all nights there ever were. The
    # outer join keeps SQLite from beginning with the checkpoints.
    for tag_id, at, method, read_ms in db.session.execute(
        select(Tag.id, Checkpoint.corrected_at, Checkpoint.method, Checkpoint.read_ms)
        .join(Place, Place.id == Tag.place_id)
        .outerjoin(Checkpoint, and_(*mine, Checkpoint.corrected_at >= func.coalesce(tenth, printed)))
        .where(Tag.revoked_at.is_(None), Place.active)
    ):
        if at is not None and at > since:
            readings[tag_id].append((method, read_ms))
    worn = {tag_id: rules.wear(these) for tag_id, these in readings.items()}
    worst = sorted(
        (tag_id for tag_id, wear in worn.items() if wear.badness >= 1),
        key=lambda tag_id: (-worn[tag_id].badness, tag_id),
    )
    here = worst[(page_number - 1) * page_size : page_number * page_size]
    rows = {
        tag.id: (tag, place, building)
        for tag, place, building in db.session.execute(
            select(Tag, Place, Building)
            .join(Place, Place.id == Tag.place_id)
            .join(Building, Building.id == Place.building_id)
            .where(Tag.id.in_(here))
        )
    }
    items = []
    for tag_id in here:
        tag, place, building = rows[tag_id]
        wear = worn[tag_id]
        items.append(
            {
                "id": tag.id,
                "short": tag.short,
                "printed_at": tag.printed_at,
                "place": place_reference(place, building),
                "readings": wear.readings,
                "median_ms": wear.median_ms,
                "by_hand": wear.by_hand,
            }
        )
    return {"items": items, "total": len(worst), "page": page_number, "page_size": page_size}
