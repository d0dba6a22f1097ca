"""Turn records into rounds, checkpoints and doubts; tell what happened in a night."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, Row, Select, bindparam, exists, func, insert, or_, select
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from campus_patrol import clock
from campus_patrol.database import (
    any_school,
    ask,
    current_school_id,
    db,
    escape_like,
    found,
    insert_rows,
    new_id,
    page,
    put_rows,
)
from campus_patrol.history.service import note as note_event
from campus_patrol.patrols import rules
from campus_patrol.patrols.models import Checkpoint, Doubt, Round, Route, Stop
from campus_patrol.patrols.rules import ProjectedRecord, Sighting, Tick
from campus_patrol.people.models import Device, Person, School
from campus_patrol.photos import service as photos
from campus_patrol.photos.models import Photo, RecordPhoto
from campus_patrol.places.models import Building, Place
from campus_patrol.places.rules import asked_at, choice_key, figure, week_of
from campus_patrol.problems import Problem
from campus_patrol.security import current_person
from campus_patrol.tags import service as tags
from campus_patrol.tags.models import Tag
from qr_codes.payload import TagCode, TagShort, parse

KIND_COLUMNS: dict[str, InstrumentedAttribute[bool]] = {
    "ac": Checkpoint.has_ac,
    "light": Checkpoint.has_light,
    "leak": Checkpoint.has_leak,
    "hazard": Checkpoint.has_hazard,
}


# Said once: see sync, which asks them with every batch.
_SCHOOL, _IDS = bindparam("school"), bindparam("ids", expanding=True)
_PEOPLE = select(Person.id, Person.name, Person.active).where(
    Person.school_id == _SCHOOL, Person.id.in_(_IDS)
)
_PLACES = select(Place.id, Place.name, Place.door_figure).where(
    Place.school_id == _SCHOOL, Place.id.in_(_IDS)
)
_FIGURE_KEY = select(School.figure_key).where(School.id == _SCHOOL)
_FIGURE_STOPS = (
    select(Stop.route_id, Stop.place_id)
    .join(Place, Place.id == Stop.place_id)
    .where(Stop.school_id == _SCHOOL, Stop.route_id.in_(_IDS), Place.active, Place.door_figure)
)
_TAG = select(Tag.id, Tag.code, Tag.short, Tag.place_id, Tag.revoked_at).where(Tag.school_id == _SCHOOL)
_TAGS_BY_CODE, _TAGS_BY_SHORT = _TAG.where(Tag.code.in_(_IDS)), _TAG.where(Tag.short.in_(_IDS))
_PHONE_STATE = ("last_person_id", "pin_verified", "last_boot", "last_at", "last_elapsed")
_PHONES = select(Device.id, Device.school_id, *(getattr(Device, name) for name in _PHONE_STATE)).where(
    Device.school_id == _SCHOOL, Device.id.in_(_IDS)
)


@dataclass(slots=True)
class Projection:
    """What is left to do: rows of checkpoints where something was wrong, and ids of those voided with the time."""

    abnormal: list[dict[str, Any]] = field(default_factory=list)
    voided: dict[str, datetime] = field(default_factory=dict)


def project(records: Sequence[ProjectedRecord], zone: ZoneInfo) -> Projection:
    """Make rounds, checkpoints and doubts of records; those of one phone come in the order it made them.

    ``zone`` is the school's, which says when a night begins. Every record comes here once: sync has seen to that.
    Nothing is refused; what looks wrong becomes a doubt. Each table is written by one statement, and what the records
    name is looked up by one query for each table.
    """
    done = Projection()
    if not records:
        return done
    phones = ask(_PHONES, {"ids": list({record.device_id: None for record in records})})
    carried = {phone.id: _Carried(phone) for phone in phones}
    _hang_tags([record for record in records if record.kind == "tag_placed"])
    known = _Known.of([record for record in records if record.kind == "checkpoint"])
    rounds, checkpoints, doubts = [], [], []
    for record in records:
        phone = carried[record.device_id]
        jump = phone.follow(record)
        if record.kind == "checkpoint":
            row = _checkpoint(record, known, phone, zone)
            checkpoints.append(row)
            if row.has_ac or row.has_light or row.has_leak or row.has_hazard:
                done.abnormal.append(msgspec.structs.asdict(row))
            for doubt in rules.doubts(_sighting(record, known, phone, jump, zone)):
                doubts.append(
                    {
                        "school_id": phone.school_id,
                        "id": new_id(),
                        "checkpoint_id": record.id,
                        "kind": doubt.kind,
                        "params": doubt.params,
                    }
                )
        elif record.kind == "round_start":
            rounds.append(_round_row(record, zone))
    put_rows(Device, "id", [phone.state() for phone in carried.values()])
    if checkpoints:
        insert_rows(Checkpoint, checkpoints)
    for model, rows in ((Round, rounds), (Doubt, doubts)):
        if rows:
            db.session.connection().execute(insert(model.__table__), rows)
    for record in records:
        if record.kind == "correction" and record.ref:
            photos.give_up(record_id=record.ref, fates=record.data["photos"])
    _end_rounds([record for record in records if record.kind == "round_end"])
    done.voided = _void([record for record in records if record.kind == "void" and record.ref])
    return done


class _Carried:
    """A phone on its way through its records: who holds it, and what its clocks said last."""

    def __init__(self, device: Row[Any]) -> None:
        self.id, self.school_id = device.id, device.school_id
        self.person, self.pin_verified = device.last_person_id, device.pin_verified
        self.tick: Tick | None = None
        if device.last_boot is not None and device.last_at is not None and device.last_elapsed is not None:
            self.tick = Tick(device.last_boot, device.last_at, device.last_elapsed)

    def follow(self, record: ProjectedRecord) -> timedelta:
        """Go on to a record; return how far the phone's clock was put back before it."""
        kind, person = record.kind, record.person
        if kind == "sign_in":
            self.person, self.pin_verified = person, record.data["verified"]
        elif kind == "sign_out":
            self.pin_verified = False
        elif person and person != self.person:
            # Somebody else goes on without a sign-in: whoever's PIN was checked, it was not this one's.
            self.person, self.pin_verified = person, self.pin_verified and False
        tick = record.tick
        jump = rules.clock_jump(self.tick, tick)
        self.tick = tick or self.tick
        return jump

    def state(self) -> dict[str, Any]:
        """Return what is to be written on the phone: what its next record is judged by."""
        tick = (self.tick.boot, self.tick.at, self.tick.elapsed) if self.tick else (None, None, None)
        state = zip(_PHONE_STATE, (self.person, self.pin_verified, *tick), strict=True)
        return {"id": self.id, **dict(state)}


class _Read(NamedTuple):
    """What a phone read from a tag: the school's tag and its place, if it is one, and the state it is in.

    A revoked one is live for what was made ``until`` then: a phone without a signal brings it later. ``is_short``:
    the number under the code was read, which anybody may have written down.
    """

    id: str | None
    place_id: str | None
    state: str
    until: datetime | None = None
    is_short: bool = False

    def state_at(self, made: datetime) -> str:
        """Say which state it was in at an instant."""
        if self.until is None or made >= self.until:
            return self.state
        return "live" if self.place_id else "blank"


class _Somebody(NamedTuple):
    name: str
    active: bool


@dataclass(slots=True)
class _Known:
    """What the school knows of the tags, people and places that records name."""

    tags: dict[str | None, _Read]
    people: dict[str | None, _Somebody]
    places: dict[str | None, str]
    figures: "_Figures | None"

    @classmethod
    def of(cls, records: Sequence[ProjectedRecord]) -> "_Known":
        people = {record.person for record in records if record.person}
        said = {record.data["place"] for record in records if record.data["place"]}
        places = list(_ask_for(_PLACES, said))
        return cls(
            _tags({record.tag for record in records}),
            {person.id: _Somebody(person.name, person.active) for person in _ask_for(_PEOPLE, people)},
            {place.id: place.name for place in places},
            _Figures.of(records, {place.id for place in places if place.door_figure}),
        )


@dataclass(slots=True)
class _Figures:
    """The figures on doors as far as records of a batch came to such doors."""

    key: str
    here: set[str]
    stops: dict[str, list[str]]

    @classmethod
    def of(cls, records: Sequence[ProjectedRecord], here: set[str]) -> "_Figures | None":
        if not here:
            return None
        routes = {record.data["route"] for record in records if record.data["route"]}
        stops: dict[str, list[str]] = defaultdict(list)
        for route, place in _ask_for(_FIGURE_STOPS, routes):
            stops[route].append(place)
        return cls(ask(_FIGURE_KEY).scalar_one(), here, stops)

    def fault(self, record: ProjectedRecord, zone: ZoneInfo) -> str | None:
        """Say what is the matter with the figure of a checkpoint; None when it is right, or was not to be asked for."""
        place, route, said = record.data["place"], record.data["route"], record.data.get("figure")
        if place not in self.here:
            return None
        night = clock.night_of(record.corrected_at, zone)
        if said is not None:
            return None if said == figure(self.key, place, week_of(night)) else "wrong"
        asked = asked_at(
            choice_key(self.key),
            device=record.device_id,
            night=night,
            route=route or "",
            places=self.stops.get(route or "", ()),
        )
        return "missing" if place == asked or "figure" in record.data else None


def _ask_for(statement: Select[Any], ids: Collection[str]) -> Iterable[Row[Any]]:
    return ask(statement, {"ids": list(ids)}) if ids else ()


def _tags(texts: Iterable[str | None]) -> dict[str | None, _Read]:
    """Look up what phones read; the state is none, live, blank, revoked, other_school or unknown."""
    read = {text: parse(text) for text in texts if text}
    codes = {tag.code for tag in read.values() if isinstance(tag, TagCode)}
    shorts = {tag.short for tag in read.values() if isinstance(tag, TagShort)}
    rows: dict[str, Any] = {}
    for row in (*_ask_for(_TAGS_BY_CODE, codes), *_ask_for(_TAGS_BY_SHORT, shorts)):
        rows |= {row.code: row, row.short: row}
    elsewhere: set[str] = set()
    if unknown := codes - rows.keys():
        # Only whether such a code exists; nothing of the other school is looked at.
        with any_school():
            elsewhere = set(db.session.scalars(select(Tag.code).where(Tag.code.in_(unknown))))
    nothing = _Read(None, None, "none")
    known: dict[str | None, _Read] = {None: nothing, "": nothing}
    for text, tag in read.items():
        is_short = isinstance(tag, TagShort)
        code = tag.code if isinstance(tag, TagCode) else tag.short if isinstance(tag, TagShort) else ""
        if row := rows.get(code):
            state = "revoked" if row.revoked_at else "live" if row.place_id else "blank"
            known[text] = _Read(row.id, row.place_id, state, row.revoked_at, is_short)
        else:
            state = "other_school" if code in elsewhere else "unknown"
            known[text] = _Read(None, None, state, is_short=is_short)
    return known


def _round_row(record: ProjectedRecord, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "school_id": current_school_id(),
        "id": record.id,
        "route_id": record.data["route"],
        "night": clock.night_of(record.corrected_at, zone),
        "device_id": record.device_id,
        "person_id": record.person,
        "started_at": record.corrected_at,
        "ended_at": None,
        "end_reason": None,
    }


class _CheckpointRow(msgspec.Struct, gc=False):
    """A row of checkpoints."""

    id: str
    school_id: str
    place_id: str | None
    tag_id: str | None
    tag_text: str | None
    method: str
    route_id: str | None
    round_id: str | None
    person_id: str | None
    device_id: str
    night: date
    at: datetime
    corrected_at: datetime
    received_at: datetime
    took_ms: int | None
    read_ms: int | None
    readings: Mapping[str, Any]
    note: str | None
    has_ac: bool
    has_light: bool
    has_leak: bool
    has_hazard: bool
    voided_at: None = None


def _checkpoint(record: ProjectedRecord, known: _Known, phone: _Carried, zone: ZoneInfo) -> _CheckpointRow:
    """Return a checkpoint's row."""
    data, made = record.data, record.corrected_at
    readings, said = data["readings"], data["place"]
    tag = known.tags[record.tag]
    wrong = rules.abnormal(readings)
    kinds: Collection[str] = rules.kinds_of(wrong) if wrong else ()
    # Few readings say more than their value, and those are the only ones that can have a note.
    notes = [reading["note"] for reading in readings.values() if len(reading) > 1 and reading.get("note")]
    # By position: names would take ten times as long.
    return _CheckpointRow(
        record.id,
        phone.school_id,
        # The tag is the evidence; what the phone believed comes second.
        tag.place_id or (said if said in known.places else None),
        tag.id,
        record.tag,
        data["method"],
        data["route"],
        data["round"],
        record.person,
        record.device_id,
        clock.night_of(made, zone),
        record.at,
        made,
        record.received_at,
        data["took_ms"],
        data.get("read_ms"),
        readings,
        "\n".join(notes) if notes else None,
        "ac" in kinds,
        "light" in kinds,
        "leak" in kinds,
        "hazard" in kinds,
    )


def _sighting(
    record: ProjectedRecord, known: _Known, phone: _Carried, jump: timedelta, zone: ZoneInfo
) -> Sighting:
    """Gather what is known about how a checkpoint came to be."""
    tag, person, said = known.tags[record.tag], known.people.get(record.person), record.data["place"]
    # By position: names would take ten times as long.
    return Sighting(
        # Whatever the phone calls it: a number that the camera read was printed by somebody who only knew the number.
        "typed" if tag.is_short else record.data["method"],
        record.tag,
        tag.state if tag.until is None else tag.state_at(record.corrected_at),
        "unknown" if person is None else "active" if person.active else "off",
        record.person,
        person.name if person else None,
        # Nothing is known before the first sign-in that reached us, and nothing is held against it.
        phone.pin_verified is None or (phone.pin_verified and phone.person == record.person),
        said if said in known.places else None,
        tag.place_id,
        known.places.get(said),
        record.skew,
        record.ahead,
        jump,
        *((known.figures.fault(record, zone), record.data.get("figure")) if known.figures else ()),
    )


def _hang_tags(records: Sequence[ProjectedRecord]) -> None:
    """Bind blank tags to the places that guards say, before anything of the batch is looked up by them."""
    if not records:
        return
    read = _tags({record.tag for record in records})
    said = {record.data["place"] for record in records}
    places = {place.id for place in _ask_for(_PLACES, said)}
    for record in records:
        tags.hang(
            record_id=record.id,
            tag_id=read[record.tag].id,
            tag_text=record.tag,
            place_id=record.data["place"] if record.data["place"] in places else None,
            person_id=record.person,
            device_id=record.device_id,
            at=record.corrected_at,
        )


def _end_rounds(records: Sequence[ProjectedRecord]) -> None:
    """End rounds; the phone that began one may, and whoever walked it: a phone enrolled anew is another device."""
    if not records:
        return
    begun = {
        walked.id: walked
        for walked in db.session.scalars(
            select(Round).where(
                Round.id.in_([record.data["round"] for record in records]), Round.ended_at.is_(None)
            )
        )
    }
    for record in records:
        walked = begun.get(record.data["round"])
        if walked and (walked.device_id == record.device_id or walked.person_id == record.person):
            walked.ended_at, walked.end_reason = record.corrected_at, record.data["reason"]


def _void(records: Sequence[ProjectedRecord]) -> dict[str, datetime]:
    """Strike out checkpoints; only the phone that made one can: another guard's word is no undo."""
    if not records:
        return {}
    made = {
        checkpoint.id: checkpoint
        for checkpoint in db.session.scalars(
            select(Checkpoint).where(Checkpoint.id.in_([record.ref for record in records]))
        )
    }
    voided: dict[str, datetime] = {}
    for record in records:
        checkpoint = made.get(record.ref or "")
        if checkpoint and checkpoint.device_id == record.device_id and checkpoint.voided_at is None:
            checkpoint.voided_at = voided[checkpoint.id] = record.corrected_at
    return voided


def place_reference(place: Place | None, building: Building | None) -> dict[str, Any] | None:
    """Name a place and where it is, as the desk shows it; None for none."""
    if place is None:
        return None
    return {
        "id": place.id,
        "name": place.name,
        "number": place.number,
        "building": building,
        "floor": place.floor,
        "kind": place.kind,
    }


def list_checkpoints(
    *,
    page_number: int,
    page_size: int,
    sort: str = "-at",
    night: date | None = None,
    building: str | None = None,
    person: str | None = None,
    place: str | None = None,
    only: str | None = None,
    search: str | None = None,
) -> dict[str, Any]:
    """List checkpoints, voided ones too, one page of them in four queries, however long it is."""
    statement = _checkpoints()
    equal = ((Checkpoint.night, night), (Place.building_id, building), (Checkpoint.person_id, person))
    for column, wanted in (*equal, (Checkpoint.place_id, place)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if only is not None:
        statement = statement.where(_only(only))
    for word in (search or "").split():
        statement = statement.where(_mentions(word))
    order = Checkpoint.corrected_at, Checkpoint.id
    statement = statement.order_by(*(order if sort == "at" else (column.desc() for column in order)))
    rows = page(statement, page=page_number, page_size=page_size)
    rows["items"] = _shown(rows["items"])
    return rows


def show_checkpoint(*, checkpoint_id: str) -> dict[str, Any]:
    """Return one checkpoint as the list shows it. Raises not_found."""
    return _shown(
        [found(db.session.execute(_checkpoints().where(Checkpoint.id == checkpoint_id)).one_or_none())]
    )[0]


def _checkpoints() -> Select:
    return (
        select(Checkpoint, Place, Building, Person, Device)
        .outerjoin(Place, Place.id == Checkpoint.place_id)
        .outerjoin(Building, Building.id == Place.building_id)
        .outerjoin(Person, Person.id == Checkpoint.person_id)
        .join(Device, Device.id == Checkpoint.device_id)
    )


def _shown(rows: Sequence[Any]) -> list[dict[str, Any]]:
    ids = [row.Checkpoint.id for row in rows]
    doubts, named = _doubts_of(ids), _photos_of(ids)
    return [
        {
            "id": row.Checkpoint.id,
            "at": row.Checkpoint.at,
            "corrected_at": row.Checkpoint.corrected_at,
            "received_at": row.Checkpoint.received_at,
            "place": place_reference(row.Place, row.Building),
            "person": row.Person,
            "device": row.Device,
            "tag": row.Checkpoint.tag_text,
            "method": row.Checkpoint.method,
            "readings": row.Checkpoint.readings,
            "note": row.Checkpoint.note,
            "doubts": doubts[row.Checkpoint.id],
            "photos": named[row.Checkpoint.id],
            "round": row.Checkpoint.round_id,
            "took_ms": row.Checkpoint.took_ms,
            "voided_at": row.Checkpoint.voided_at,
        }
        for row in rows
    ]


def has_open_doubt() -> ColumnElement[bool]:
    """Say, inside a query on checkpoints, whether one has a doubt that nobody has cleared."""
    return exists().where(Doubt.checkpoint_id == Checkpoint.id, Doubt.cleared_at.is_(None))


def _only(what: str) -> ColumnElement[bool]:
    counted = Checkpoint.voided_at.is_(None)
    if what == "doubt":
        return counted & has_open_doubt()
    if what == "abnormal":
        return counted & or_(*KIND_COLUMNS.values())
    return counted & KIND_COLUMNS[what]


def _mentions(word: str) -> ColumnElement[bool]:
    pattern = f"%{escape_like(word)}%"
    columns = (Place.name, Place.number, Building.name, Person.name, Checkpoint.note, Checkpoint.tag_text)
    return or_(*(column.ilike(pattern, escape="\\") for column in columns))


def _doubts_of(ids: Sequence[str]) -> dict[str, list[Doubt]]:
    doubts: dict[str, list[Doubt]] = defaultdict(list)
    for doubt in db.session.scalars(
        select(Doubt)
        .where(Doubt.checkpoint_id.in_(ids))
        .options(joinedload(Doubt.cleared_by))
        .order_by(Doubt.kind, Doubt.id)
    ):
        doubts[doubt.checkpoint_id].append(doubt)
    return doubts


def _photos_of(ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    named: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record, sha256, stored, missing in db.session.execute(
        select(RecordPhoto.record_id, RecordPhoto.sha256, Photo.sha256.is_not(None), RecordPhoto.missing)
        .outerjoin(Photo, Photo.sha256 == RecordPhoto.sha256)
        .where(RecordPhoto.record_id.in_(ids))
        .order_by(RecordPhoto.record_id, RecordPhoto.position)
    ):
        named[record].append({"sha256": sha256, "stored": stored, "missing": None if stored else missing})
    return named


def clear_doubt(*, doubt_id: str, note: str | None = None) -> Doubt:
    """Settle a doubt: somebody looked at it and is content.

    Raises not_found, and already_cleared when somebody else did so before.
    """
    doubt = found(
        db.session.scalars(select(Doubt).where(Doubt.id == doubt_id).with_for_update(of=Doubt)).one_or_none()
    )
    if doubt.cleared_at is not None:
        raise Problem("already_cleared")
    doubt.cleared_at, doubt.cleared_by, doubt.clear_note = clock.now(), current_person(), note
    place = db.session.scalars(
        select(Place.name)
        .join(Checkpoint, Checkpoint.place_id == Place.id)
        .where(Checkpoint.id == doubt.checkpoint_id)
    ).one_or_none()
    note_event(
        action="doubt.cleared",
        subject=place,
        detail={"doubt": doubt.kind, "checkpoint": doubt.checkpoint_id, "note": note},
    )
    return doubt


def list_routes(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List routes with how many stops each has, in two queries."""
    stops = (
        select(Stop.route_id, func.count().label("stops"))
        .join(Place, Place.id == Stop.place_id)
        .where(Place.active)
        .group_by(Stop.route_id)
        .subquery()
    )
    rows = page(
        select(Route, func.coalesce(stops.c.stops, 0).label("stops"))
        .outerjoin(stops, stops.c.route_id == Route.id)
        .order_by(Route.start, Route.name),
        page=page_number,
        page_size=page_size,
    )
    rows["items"] = [
        {
            "id": route.id,
            "name": route.name,
            "start": route.start,
            "window": route.window,
            "weekdays": route.weekdays,
            "questions": route.questions,
            "stops": count,
            "active": route.active,
        }
        for route, count in rows["items"]
    ]
    return rows


def pack_routes() -> list[dict[str, Any]]:
    """Return the active routes as a phone needs them, each with its places in walking order; two queries."""
    stops: dict[str, list[str]] = defaultdict(list)
    for route_id, place_id in db.session.execute(
        select(Stop.route_id, Stop.place_id)
        .join(Place, Place.id == Stop.place_id)
        .where(Place.active)
        .order_by(Stop.route_id, Stop.position)
    ):
        stops[route_id].append(place_id)
    return [
        {
            "id": route.id,
            "name": route.name,
            "start": route.start,
            "window": route.window,
            "weekdays": route.weekdays,
            "questions": route.questions,
            "stops": stops[route.id],
        }
        for route in db.session.scalars(select(Route).where(Route.active).order_by(Route.start, Route.name))
    ]


def pack_questions() -> list[rules.Question]:
    """Return every question a phone may ask, in the order of the checklist."""
    return list(rules.QUESTIONS.values())


def last_looks() -> dict[str, dict[str, Any]]:
    """Return, for each place that was ever visited, when and by whom it was last, and what was not normal then."""
    # One short walk down an index for each place: a window over all checkpoints grows with every night.
    latest = (
        select(Checkpoint.id)
        .where(Checkpoint.place_id == Place.id, Checkpoint.voided_at.is_(None))
        .order_by(Checkpoint.corrected_at.desc(), Checkpoint.id.desc())
        .limit(1)
        .correlate(Place)
        .scalar_subquery()
    )
    return {
        row.id: {
            "at": row.corrected_at,
            "abnormal": rules.abnormal(row.readings),
            "person_name": row.person_name,
        }
        for row in db.session.execute(
            select(Place.id, Checkpoint.corrected_at, Checkpoint.readings, Person.name.label("person_name"))
            .join(Checkpoint, Checkpoint.id == latest)
            .outerjoin(Person, Person.id == Checkpoint.person_id)
        )
    }
