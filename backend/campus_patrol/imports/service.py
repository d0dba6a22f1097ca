"""Take a school's spreadsheet in: compare it with what is there, say so row by row, and write what is new."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from campus_patrol import clock
from campus_patrol.database import db, new_id
from campus_patrol.history import service as history
from campus_patrol.imports import rules, sheets
from campus_patrol.imports.rules import CellError, natural, plain
from campus_patrol.patrols.models import Route, Stop
from campus_patrol.places.models import Building, Place
from campus_patrol.plans import service as plans
from campus_patrol.problems import Problem
from campus_patrol.tags import service as tags

_REASONS = {
    "not_xlsx": "This is not an Excel workbook (.xlsx).",
    "old_xls": "This is an old .xls workbook; save it as .xlsx first.",
    "password": "The workbook is protected with a password; save it without one first.",
    "too_large": "The workbook is larger than this server takes.",
    "damaged": "The workbook is damaged and cannot be read.",
    "no_table": "No sheet has headings of rooms, water points or routes.",
}
_PLURAL = {"room": "rooms", "tap": "taps", "route": "routes"}
_PROGRESS_EVERY = 200
_INDOOR = ("room", "facility")
_WATER = frozenset({"dripping", "running", "hot_water"})
_EVERY = re.compile(r"(?:全部|所有|全体|全校|各|every|all)")
_KIND_WORDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("用水点", "水点", "taps", "waterpoints"), ("tap",)),
    **dict.fromkeys(("房间", "rooms"), _INDOOR),
    **dict.fromkeys(("设备用房", "facilities"), ("facility",)),
    **dict.fromkeys(("点位", "地点", "places"), (*_INDOOR, "tap")),
}


@dataclass(slots=True)
class _Spot:
    """A place as it will be after the import."""

    place: Place
    building: str
    kind: str
    floor: int
    is_new: bool = False

    @property
    def order(self) -> tuple[Any, ...]:
        """Return what stops are sorted by: building, floor, number."""
        return natural(self.building), self.floor, natural(self.place.number)


@dataclass(slots=True)
class _Campus:
    """What the school has, with what the workbook adds: buildings and places by their compared names."""

    buildings: dict[str, Building] = field(default_factory=dict)
    spots: dict[tuple[str, str], _Spot] = field(default_factory=dict)
    by_number: dict[str, list[_Spot]] = field(default_factory=dict)
    new_buildings: list[Building] = field(default_factory=list)
    # (place, changes to its columns), to be made when this is not a dry run.
    changes: list[tuple[Place, dict[str, Any]]] = field(default_factory=list)

    def add(self, building: str, spot: _Spot) -> None:
        """Put a place where its building's and its own number find it."""
        number = plain(spot.place.number)
        if (building, number) not in self.spots:
            self.spots[building, number] = spot
            self.by_number.setdefault(number, []).append(spot)


def import_workbook(
    *,
    content: bytes,
    filename: str,
    dry_run: bool,
    progress: Callable[[int, int], None] | None = None,
    before_reading: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Import rooms, water points and routes from a workbook, and report on every row that is not as it was.

    Rows that can be read go in; a row with a fault is refused and named by its cells. Nothing is ever removed, and an
    empty cell leaves what is known as it is. A dry run only reports. ``before_reading`` is called before the workbook
    is read, which takes seconds for a large one: a request gives its write lock back there. Raises sheet_unreadable
    with a ``reason``.
    """
    if before_reading:
        before_reading()
    try:
        book = sheets.read(content)
    except sheets.WorkbookError as error:
        raise Problem(
            "sheet_unreadable", detail=_REASONS[error.reason], reason=error.reason, params=error.params
        ) from None
    campus = _load_campus()
    statuses: dict[int, tuple[str, dict[str, Any]]] = {}
    inactive: dict[str, int] = {}
    # Places first, whatever the order of the sheets: routes are made of them.
    ordered = sorted(book.rows, key=lambda row: row.noun == "route")
    routes = {plain(route.name): route for route in db.session.scalars(select(Route))}
    stops: dict[str, list[str]] = {}
    for route_id, place_id in db.session.execute(
        select(Stop.route_id, Stop.place_id).order_by(Stop.route_id, Stop.position)
    ):
        stops.setdefault(route_id, []).append(place_id)
    written: list[tuple[Route, dict[str, Any], list[str] | None]] = []
    for done, row in enumerate(ordered, 1):
        try:
            if row.faults:
                continue
            if row.noun == "route":
                statuses[id(row)] = _take_route(row, campus, routes, stops, written)
            else:
                statuses[id(row)] = _take_place(row, campus)
                spot = campus.spots[plain(row.values["building"]), plain(row.values["number"])]
                inactive[row.sheet] = inactive.get(row.sheet, 0) + (spot.place.active is False)
        except CellError as error:
            row.refuse(error.params.pop("field"), error.code, **error.params)
        finally:
            if progress and (done % _PROGRESS_EVERY == 0 or done == len(ordered)):
                progress(done, len(ordered))
    for sheet, number in inactive.items():
        if number:
            book.note(sheet, "places_inactive", count=number)
    report = _report(book, statuses, dry_run=dry_run)
    if not dry_run and any(counts["new"] or counts["changed"] for counts in report["counts"].values()):
        plans.keep_past()
        try:
            _write(campus, written)
        except IntegrityError:
            # Somebody else wrote the same building, place or route since we looked; the next try will find it there.
            raise Problem("busy", headers={"Retry-After": "2"}) from None
        history.note(action="import.applied", subject=filename[:120], detail=report["counts"])
    return report


def _load_campus() -> _Campus:
    campus = _Campus()
    names: dict[str, str] = {}
    for building in db.session.scalars(select(Building).order_by(Building.position, Building.id)):
        names[building.id] = building.name
        campus.buildings.setdefault(plain(building.name), building)
    for place in db.session.scalars(select(Place).order_by(Place.id)):
        name = names[place.building_id]
        campus.add(plain(name), _Spot(place, name, place.kind, place.floor))
    return campus


def _take_place(row: sheets.Row, campus: _Campus) -> tuple[str, dict[str, Any]]:
    """Compare a row with the place of its building and number; return its status and parameters."""
    values = dict(row.values)
    building_name, number = values.pop("building"), values.pop("number")
    key = plain(building_name), plain(number)
    values = {name: None if value == "" else value for name, value in values.items()}
    if values.get("name") is None:
        values.pop("name", None)  # a place is never without a name
    if row.noun == "tap":
        kind: str | None = "tap"
    else:
        kind = rules.kind_of(values["type"]) if "type" in values else None
    spot = campus.spots.get(key)
    if spot is None:
        building = campus.buildings.get(key[0])
        if building is None:
            building = Building(id=new_id(), name=building_name, position=len(campus.buildings) + 1)
            campus.buildings[key[0]] = building
            campus.new_buildings.append(building)
        place = Place(
            **({"name": number} | values),
            id=new_id(),
            building_id=building.id,
            number=number,
            kind=kind or "room",
            active=True,
            created_at=clock.now(),
            updated_at=clock.now(),
        )
        campus.add(key[0], _Spot(place, building.name, place.kind, place.floor, is_new=True))
        return "new", {}
    if (spot.kind == "tap") != (row.noun == "tap"):
        raise CellError("kind_conflict", field="number", kind=spot.kind)
    if kind is not None:
        values["kind"] = kind
    changed = {name: value for name, value in values.items() if getattr(spot.place, name) != value}
    if not changed:
        return "unchanged", {}
    spot.kind, spot.floor = changed.get("kind", spot.kind), changed.get("floor", spot.floor)
    campus.changes.append((spot.place, changed))
    return "changed", {
        "changes": {name: _pair(getattr(spot.place, name), value) for name, value in changed.items()}
    }


def _take_route(
    row: sheets.Row,
    campus: _Campus,
    routes: dict[str, Route],
    stops: dict[str, list[str]],
    written: list[tuple[Route, dict[str, Any], list[str] | None]],
) -> tuple[str, dict[str, Any]]:
    """Compare a row with the route of its name, stops and all; return its status and parameters."""
    values = dict(row.values)
    name = values.pop("name")
    wanted = [spot.place.id for spot in resolve_scope(values["scope"], values["questions"], campus)]
    route = routes.get(plain(name))
    if route is None:
        written.append((Route(id=new_id(), name=name, active=True, **values), {}, wanted))
        return "new", {"stops": len(wanted)}
    changed = {key: value for key, value in values.items() if getattr(route, key) != value}
    changes = {key: _pair(getattr(route, key), value) for key, value in changed.items()}
    before = stops.get(route.id, [])
    if before != wanted:
        changes["stops"] = [len(before), len(wanted)]
    if not changes:
        return "unchanged", {}
    written.append((route, changed, wanted if before != wanted else None))
    return "changed", {"changes": changes}


def resolve_scope(scope: str, questions: Iterable[str], campus: _Campus) -> list[_Spot]:
    """Find the active places a scope names, in the order it names them, each part by building, floor and number.

    A building stands for what the questions are about in it: its water points for leaks and hot water, its rooms for
    the rest. Raises CellError for a part that names nothing, or more than one thing.
    """
    asked = set(questions)
    water = asked <= _WATER | {"hazard"} and bool(asked & _WATER)
    both = bool(asked & _WATER) and not water
    kinds = (*_INDOOR, "tap") if both else ("tap",) if water else _INDOOR
    found: dict[str, _Spot] = {}
    for part in filter(None, (piece.strip() for piece in re.split(r"[;；,，、。\n]+", scope))):
        groups = _groups(part, kinds, campus)
        if groups is None:
            raise CellError("scope_unknown", field="scope", part=rules.shown(part))
        for group in groups:
            active = [spot for spot in group if spot.place.active]
            if not active:
                raise CellError("scope_empty", field="scope", part=rules.shown(part))
            found |= {spot.place.id: spot for spot in sorted(active, key=lambda spot: spot.order)}
    if not found:
        raise CellError("scope_unknown", field="scope", part=rules.shown(scope))
    return list(found.values())


def _groups(part: str, kinds: tuple[str, ...], campus: _Campus) -> list[list[_Spot]] | None:
    """Return what each name in a part stands for; 和 joins names and is also in some, so a whole name goes first."""
    whole = _named_by(part, kinds, campus)
    if whole is not None:
        return [whole]
    for joint in re.finditer(r"\s*[和及与/+]\s*|\s+", part):
        first = _named_by(part[: joint.start()], kinds, campus) if joint.start() else None
        rest = _groups(part[joint.end() :], kinds, campus) if first is not None else None
        if first is not None and rest is not None:
            return [first, *rest]
    return None


def _named_by(part: str, kinds: tuple[str, ...], campus: _Campus) -> list[_Spot] | None:
    """Return the places one part of a scope names, or None when it names nothing that is known."""
    word = plain(part)

    def inside(building: str, wanted: tuple[str, ...]) -> list[_Spot]:
        return [spot for (home, _), spot in campus.spots.items() if home == building and spot.kind in wanted]

    if word in campus.buildings:
        return inside(word, kinds)
    every = _EVERY.match(word)
    if every and (word[every.end() :] in _KIND_WORDS or word in ("全校", "全部", "all")):
        wanted = _KIND_WORDS.get(word[every.end() :], kinds)
        return [spot for spot in campus.spots.values() if spot.kind in wanted]
    if word in campus.by_number:
        homes = campus.by_number[word]
        if len(homes) > 1:
            raise CellError(
                "scope_ambiguous",
                field="scope",
                part=part,
                allowed=", ".join(spot.building + part for spot in homes),
            )
        return homes
    for building in sorted(campus.buildings, key=len, reverse=True):
        if not word.startswith(building):
            continue
        rest = word[len(building) :].lstrip("-")
        if (building, rest) in campus.spots:
            return [campus.spots[building, rest]]
        if rest in _KIND_WORDS:
            return inside(building, _KIND_WORDS[rest])
        if not rest.isdecimal():
            try:
                floor = rules.floor(rest)
            except CellError:
                continue
            return [spot for spot in inside(building, kinds) if spot.floor == floor]
    return None


def _write(campus: _Campus, written: list[tuple[Route, dict[str, Any], list[str] | None]]) -> None:
    """Write what was found to be new or changed; flushed in the order in which rows need each other."""
    new = [spot.place for spot in campus.spots.values() if spot.is_new]
    db.session.add_all(campus.new_buildings)
    db.session.flush()
    db.session.add_all(new)
    now = clock.now()
    for place, changed in campus.changes:
        for name, value in changed.items():
            setattr(place, name, value)
        place.updated_at = now
    db.session.flush()
    if new:
        tags.make_tags(places=new)
    for route, changed, _ in written:
        for name, value in changed.items():
            setattr(route, name, value)
        db.session.add(route)
    db.session.flush()
    moved = [(route.id, places) for route, _, places in written if places is not None]
    db.session.execute(delete(Stop).where(Stop.route_id.in_([route_id for route_id, _ in moved])))
    db.session.add_all(
        Stop(id=new_id(), route_id=route_id, place_id=place_id, position=position)
        for route_id, places in moved
        for position, place_id in enumerate(places, 1)
    )
    db.session.flush()


def _report(
    book: sheets.Workbook, statuses: dict[int, tuple[str, dict[str, Any]]], *, dry_run: bool
) -> dict[str, Any]:
    counts = {plural: {"new": 0, "changed": 0, "unchanged": 0, "refused": 0} for plural in _PLURAL.values()}
    lines = []
    for row in book.rows:
        status, params = ("refused", {}) if row.faults else statuses[id(row)]
        counts[_PLURAL[row.noun]][status] += 1
        line = {"sheet": row.sheet, "row": row.row, "cell": None, "status": status, "what": row.label}
        if row.faults:
            lines += [
                line | {"cell": cell, "code": code, "params": extra} for cell, code, extra in row.faults
            ]
        elif status != "unchanged":
            lines.append(line | {"code": None, "params": params})
    lines += [
        {
            "sheet": sheet,
            "row": row,
            "cell": None,
            "status": "ignored",
            "what": what,
            "code": code,
            "params": {},
        }
        for sheet, row, what, code in book.ignored
    ]
    order = {sheet: place for place, sheet in enumerate(dict.fromkeys(line["sheet"] for line in lines))}
    lines.sort(key=lambda line: (order[line["sheet"]], line["row"]))
    return {
        "dry_run": dry_run,
        "applied": not dry_run,
        "counts": counts,
        "rows": lines,
        "notes": book.notes,
    }


def _pair(before: Any, after: Any) -> list[Any]:
    return [float(value) if isinstance(value, Decimal) else value for value in (before, after)]
