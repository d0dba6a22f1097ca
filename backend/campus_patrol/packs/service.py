"""Gather what a phone needs to work without a signal."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from campus_patrol import clock
from campus_patrol.database import current_school_id, db
from campus_patrol.findings import service as findings
from campus_patrol.packs.rules import marks
from campus_patrol.packs.schemas import PackSchema
from campus_patrol.patrols import service as patrols
from campus_patrol.patrols.rules import questions_for
from campus_patrol.people import service as people
from campus_patrol.places.models import Building, Place
from campus_patrol.places.rules import choice_key
from campus_patrol.tags.models import Tag

# An old label may hang on somewhere for a school year; phones know it that long, and answer "scan the new one".
REMEMBERED = timedelta(days=400)
_PACK = PackSchema()


def make_pack(*, after: str | None = None) -> dict[str, Any]:
    """Gather everything a phone needs offline; just the cursor when the phone has this very pack already."""
    looks = patrols.last_looks()
    school = people.current_school()
    content = {
        "school": school,
        "choice_key": choice_key(school.figure_key),
        "people": people.patrolling_people(),
        "buildings": list(db.session.scalars(select(Building).order_by(Building.position, Building.name))),
        "places": [_pack_place(place, looks.get(place.id)) for place in _places()],
        "tags": _pack_tags(),
        "routes": patrols.pack_routes(),
        "questions": patrols.pack_questions(),
        "findings": findings.pack_open(),
    }
    # The cursor is a hash of what the phone would get: no column to forget when something new goes into the pack.
    dumped = _PACK.dump({**content, "cursor": ""})
    cursor = hashlib.sha256(json.dumps(dumped, sort_keys=True).encode()).hexdigest()
    if cursor == after:
        return {"cursor": cursor, "unchanged": True}
    return {**content, "cursor": cursor, "made_at": clock.now()}


def _places() -> Sequence[Place]:
    return db.session.scalars(
        select(Place)
        .join(Building, Building.id == Place.building_id)
        .where(Place.active)
        .order_by(Building.position, Building.name, Place.floor, Place.number)
    ).all()


def _pack_place(place: Place, last: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": place.id,
        "building": place.building_id,
        "floor": place.floor,
        "kind": place.kind,
        "number": place.number,
        "name": place.name,
        "type": place.type,
        "questions": questions_for(
            kind=place.kind, ac_count=place.ac_count or 0, has_hot_water=bool(place.has_hot_water)
        ),
        "door_figure": place.door_figure,
        "last": last,
    }


def _pack_tags() -> list[dict[str, Any]]:
    hashed = _tag_hasher(current_school_id())
    tags = db.session.scalars(
        select(Tag)
        .where(or_(Tag.revoked_at.is_(None), Tag.revoked_at > clock.now() - REMEMBERED))
        .order_by(Tag.id)
    ).all()
    found = [(tag, hashed(tag.code), hashed(tag.short)) for tag in tags]
    mark = marks({text for _, *both in found for text in both})
    return [
        {
            "place": tag.place_id,
            "hash": mark[code],
            "short_hash": mark[short],
            "revoked": tag.revoked_at is not None,
        }
        for tag, code, short in found
    ]


def _tag_hasher(school_id: str) -> Callable[[str], str]:
    # A short number hides nothing (there are 100,000), which is why one that is typed is always a doubt.
    return lambda text: hashlib.sha256(f"campus-patrol-tag\0{school_id}\0{text}".encode()).hexdigest()[:32]
