"""Make findings of what records reported; list them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, func, insert, or_, select

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, escape_like, found, new_id, page
from campus_patrol.findings import rules
from campus_patrol.findings.models import Finding
from campus_patrol.findings.rules import Wrong
from campus_patrol.patrols.rules import ProjectedRecord
from campus_patrol.patrols.service import Projection, place_reference
from campus_patrol.people.models import Person, School
from campus_patrol.photos import service as photos
from campus_patrol.photos.models import Photo
from campus_patrol.places.models import Building, Place

_ORDERS = {
    "found_at": (Finding.found_at, Finding.id),
    # Numbers are given in the order of arrival; within a year longer ones come later.
    "number": (func.substr(Finding.number, 1, 4), func.length(Finding.number), Finding.number),
}


def project(records: Sequence[ProjectedRecord], done: Projection) -> None:
    """Make findings of one batch, after the patrols' projection of it: each abnormal answer becomes one.

    Numbers are given under the lock of the school's row, so that a year's run from 0001 without a gap. A checkpoint
    that was voided takes its findings with it; their numbers stay taken.
    """
    language = _school().language if done.abnormal else ""
    reported = [
        (row, wrong) for row in done.abnormal for wrong in rules.wrong_in(row["readings"], language=language)
    ]
    reported += _seen_outside(records)
    if reported:
        db.session.execute(insert(Finding), _numbered(reported), execution_options={"render_nulls": True})
    if done.voided:
        for finding in db.session.scalars(select(Finding).where(Finding.record_id.in_(done.voided))):
            finding.voided_at = done.voided[finding.record_id]


def _school() -> School:
    return db.session.get_one(School, current_school_id())


def _seen_outside(records: Iterable[ProjectedRecord]) -> list[tuple[dict[str, Any], Wrong]]:
    """Return what ``finding`` records report, with the fields a checkpoint would have had."""
    outside = [record for record in records if record.kind == "finding"]
    if not outside:
        return []
    said = {record.data["place"] for record in outside}
    places = set(db.session.scalars(select(Place.id).where(Place.id.in_(said))))
    zone = ZoneInfo(_school().zone)
    return [
        (
            {
                "id": record.id,
                "place_id": record.data["place"] if record.data["place"] in places else None,
                "person_id": record.person,
                "corrected_at": record.corrected_at,
                "night": clock.night_of(record.corrected_at, zone),
            },
            Wrong(
                question=record.data["kind"],
                kind=record.data["kind"],
                category=record.data["category"],
                grade=record.data["grade"] or "general",
                handled=False,
                description=record.data["note"] or "",
                photos=tuple(record.photos),
            ),
        )
        for record in outside
    ]


def _numbered(reported: Sequence[tuple[dict[str, Any], Wrong]]) -> list[dict[str, Any]]:
    school = db.session.scalars(
        select(School).where(School.id == current_school_id()).with_for_update(key_share=True)
    ).one()
    counts, zone, rows = dict(school.finding_counts), ZoneInfo(school.zone), []
    for row, wrong in reported:
        year = row["corrected_at"].astimezone(zone).year
        counts[str(year)] = counts.get(str(year), 0) + 1
        rows.append(
            {
                "id": new_id(),
                "number": rules.number(year, counts[str(year)]),
                "record_id": row["id"],
                "question": wrong.question,
                "kind": wrong.kind,
                "category": wrong.category,
                "grade": wrong.grade,
                "status": wrong.status,
                "handled": wrong.handled,
                "description": wrong.description,
                "place_id": row["place_id"],
                "person_id": row["person_id"],
                "night": row["night"],
                "found_at": row["corrected_at"],
                "photo_hashes": list(wrong.photos),
            }
        )
    school.finding_counts = counts
    return rows


def _findings() -> Select:
    return (
        select(Finding, Place, Building, Person)
        .outerjoin(Place, Place.id == Finding.place_id)
        .outerjoin(Building, Building.id == Place.building_id)
        .outerjoin(Person, Person.id == Finding.person_id)
    )


def list_findings(
    *,
    page_number: int,
    page_size: int,
    sort: str = "-found_at",
    status: str | None = None,
    kind: str | None = None,
    grade: str | None = None,
    building: str | None = None,
    place: str | None = None,
    night: date | None = None,
    search: str | None = None,
) -> dict[str, Any]:
    """List findings, one page of them in three queries; voided ones only when no status is asked for."""
    statement = _findings()
    equal = {
        Finding.status: status,
        Finding.kind: kind,
        Finding.grade: grade,
        Place.building_id: building,
        Finding.place_id: place,
        Finding.night: night,
    }
    statement = statement.where(*(column == wanted for column, wanted in equal.items() if wanted is not None))
    if status is not None:
        statement = statement.where(Finding.voided_at.is_(None))
    for word in (search or "").split():
        pattern = f"%{escape_like(word)}%"
        columns = (Finding.number, Finding.description, Place.name, Place.number, Building.name, Person.name)
        statement = statement.where(or_(*(column.ilike(pattern, escape="\\") for column in columns)))
    order = _ORDERS[sort.removeprefix("-")]
    statement = statement.order_by(*((column.desc() for column in order) if sort[0] == "-" else order))
    rows = page(statement, page=page_number, page_size=page_size)
    rows["items"] = _shown(rows["items"])
    return rows


def show_finding(*, finding_id: str) -> dict[str, Any]:
    """Return one finding. Raises not_found."""
    row = found(db.session.execute(_findings().where(Finding.id == finding_id)).one_or_none())
    return _shown([row])[0]


def _shown(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    hashes = [sha for row in rows for sha in row.Finding.photo_hashes]
    stored = set(db.session.scalars(select(Photo.sha256).where(Photo.sha256.in_(hashes))))
    missing = photos.missing(row.Finding.record_id for row in rows)
    return [
        {
            "id": finding.id,
            "number": finding.number,
            "kind": finding.kind,
            "question": finding.question,
            "category": finding.category,
            "grade": finding.grade,
            "status": finding.status,
            "handled": finding.handled,
            "description": finding.description,
            "found_at": finding.found_at,
            "night": finding.night,
            "place": place_reference(place, building),
            "person": person,
            "photos": [
                {"sha256": sha, "stored": sha in stored, "missing": missing.get((finding.record_id, sha))}
                for sha in finding.photo_hashes
            ],
            "checkpoint": finding.record_id,
            "voided_at": finding.voided_at,
        }
        for finding, place, building, person in rows
    ]


def pack_open() -> list[dict[str, Any]]:
    """Return the newest open finding of each place and question: what a guard should look at again."""
    newest = (
        select(
            Finding.id,
            func.row_number()
            .over(
                partition_by=(Finding.place_id, Finding.question),
                order_by=(Finding.found_at.desc(), Finding.id.desc()),
            )
            .label("rank"),
        )
        .where(Finding.status == "open", Finding.voided_at.is_(None), Finding.place_id.is_not(None))
        .subquery()
    )
    return [
        {
            "id": finding.id,
            "place": finding.place_id,
            "kind": finding.kind,
            "found_at": finding.found_at,
            "description": finding.description,
        }
        for finding in db.session.scalars(
            select(Finding)
            .join(newest, newest.c.id == Finding.id)
            .where(newest.c.rank == 1)
            .order_by(Finding.found_at.desc(), Finding.id)
        )
    ]
