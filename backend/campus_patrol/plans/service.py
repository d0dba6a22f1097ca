"""Say what a night was meant to be, and keep saying the same when routes change later."""

from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import func, insert, or_, select

from campus_patrol import clock
from campus_patrol.database import db
from campus_patrol.patrols.models import Checkpoint, Route, Stop
from campus_patrol.patrols.rules import is_planned
from campus_patrol.people.service import current_school
from campus_patrol.places.models import Place
from campus_patrol.plans import rules
from campus_patrol.plans.models import Plan
from campus_patrol.plans.rules import PlannedRoute


def planned(*, night: date) -> list[PlannedRoute]:
    """Return the routes of a night with their stops, by their start: as written down, else as they stand today."""
    school = current_school()
    if school.plans_until is not None and night <= school.plans_until:
        rows = db.session.scalars(select(Plan).where(Plan.night == night).order_by(Plan.start, Plan.name))
        return [PlannedRoute(p.route_id, p.name, p.start, p.window, p.place_ids) for p in rows]
    return _as_today(night, school.zone)


def keep_past() -> None:
    """Write down the plan of every night that is over, once; call it before routes or their stops change.

    Nights before anybody patrolled have no figures to keep.
    """
    school = current_school()
    last = rules.last_finished(clock.now(), school.zone)
    first = school.plans_until or db.session.scalar(select(func.min(Checkpoint.night)))
    if first is None:
        return
    night = first + timedelta(days=1) if school.plans_until else first
    rows = []
    while night <= last:
        rows += [
            {
                "night": night,
                "route_id": route.id,
                "name": route.name,
                "start": route.start,
                "window": route.window,
                "place_ids": list(route.places),
            }
            for route in _as_today(night, school.zone)
        ]
        night += timedelta(days=1)
    if rows:
        db.session.execute(insert(Plan), rows)
    school.plans_until = max(last, first)


def _as_today(night: date, zone: str) -> list[PlannedRoute]:
    stops: dict[str, list[str]] = defaultdict(list)
    for route_id, place_id in db.session.execute(
        select(Stop.route_id, Stop.place_id)
        .join(Place, Place.id == Stop.place_id)
        # A place switched off since was still to be visited that night.
        .where(or_(Place.active, Place.switched_off_at > rules.morning_after(night, zone)))
        .order_by(Stop.route_id, Stop.position)
    ):
        stops[route_id].append(place_id)
    routes = db.session.scalars(select(Route).where(Route.active).order_by(Route.start, Route.name))
    return [
        PlannedRoute(route.id, route.name, route.start, route.window, stops[route.id])
        for route in routes
        if is_planned(route.weekdays, night)
    ]
