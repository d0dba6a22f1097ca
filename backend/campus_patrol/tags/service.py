"""Make, list, replace and print tags."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased, contains_eager

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, escape_like, found, page
from campus_patrol.history import service as history
from campus_patrol.people.models import School
from campus_patrol.places.models import Building, Place
from campus_patrol.places.rules import search_words
from campus_patrol.problems import Problem
from campus_patrol.security import current_person
from campus_patrol.tags.models import Placement, Tag
from qr_codes.papers import PAPERS
from qr_codes.payload import new_code, new_short, tag_url
from qr_codes.reading import SHORT_ENOUGH, forecast

if TYPE_CHECKING:
    from qr_codes.export import FileType
    from qr_codes.sheet import Label

# Of the 100,000 short numbers a school can use; drawing one that is still free takes ten draws by then.
_MOST_SHORTS = 90_000
_TRIES = 5
# Why a tag stopped whose place got another one on a round, in the school's language.
_WALKED = {"zh-CN": "巡查时换新", "en": "replaced by walking"}


def make_tag(*, place: Place) -> Tag:
    """Give a place a new tag. Raises no_shorts_left."""
    return make_tags(places=[place])[0]


def make_tags(*, places: Sequence[Place]) -> list[Tag]:
    """Give each of these places a new tag, in the places' order, with one query for all of them.

    Raises no_shorts_left when the school has used up its short numbers, revoked tags included: a number that once
    meant one door must not mean another while old labels may still hang.
    """
    db.session.flush()  # places get their ids here
    return _make([place.id for place in places])


def make_blank_tags(*, count: int) -> list[Tag]:
    """Make tags that hang nowhere yet, in the order of their numbers: a roll is found by its numbers.

    Raises no_shorts_left.
    """
    made = sorted(_make([None] * count), key=lambda tag: tag.short)
    db.session.flush()
    history.note(action="tags.blank_made", detail={"tags": count})
    return made


def _make(place_ids: Sequence[str | None]) -> list[Tag]:
    for _ in range(_TRIES - 1):
        try:
            return _draw(place_ids)
        except IntegrityError:
            # Somebody else took a short number since we looked, or a code fell twice (there are 2^45).
            continue
    return _draw(place_ids)


def _draw(place_ids: Sequence[str | None]) -> list[Tag]:
    taken = set(db.session.scalars(select(Tag.short)))
    if len(taken) + len(place_ids) > _MOST_SHORTS:
        raise Problem("no_shorts_left")
    now = clock.now()
    made = []
    for place_id in place_ids:
        while (short := new_short()) in taken:
            pass
        taken.add(short)
        made.append(Tag(place_id=place_id, code=new_code(), short=short, made_at=now))
    with db.session.begin_nested():
        db.session.add_all(made)
    return made


def list_tags(
    *,
    search: str | None = None,
    state: str | None = None,
    building: str | None = None,
    page_number: int,
    page_size: int,
) -> dict[str, Any]:
    """List tags in the order of their places, the newest of a place first, then the blank ones; in two queries."""
    statement = _tags().order_by(
        Tag.place_id.is_(None),
        *_in_walking_order(),
        case((Tag.place_id.is_(None), Tag.short)),
        Tag.made_at.desc(),
        Tag.id,
    )
    # A short number is typed the way it is printed, as 123 456.
    for word in search_words(re.sub(r"(?<=\d{3})\s(?=\d{3}\b)", "", search or "")):
        like = f"%{escape_like(word)}%"
        columns = (Tag.short, Tag.code, Place.number, Place.name, Building.name)
        statement = statement.where(or_(*(text.ilike(like, escape="\\") for text in columns)))
    if state == "revoked":
        statement = statement.where(Tag.revoked_at.isnot(None))
    elif state is not None:
        hangs = Tag.place_id.isnot(None) if state == "live" else Tag.place_id.is_(None)
        statement = statement.where(Tag.revoked_at.is_(None), hangs)
    if building is not None:
        statement = statement.where(Place.building_id == building)
    return page(statement, page=page_number, page_size=page_size)


def replace(*, tag_id: str, reason: str) -> Tag:
    """Revoke a tag and give its place a new one, which is returned.

    Raises not_found, and tag_already_replaced when it is not live any more or is blank: another of the roll will do.
    """
    old = found(db.session.scalars(_tags().where(Tag.id == tag_id)).one_or_none())
    if old.place is None:
        raise Problem("tag_already_replaced")
    _revoke(old, reason)
    new = make_tag(place=old.place)
    new.place = old.place
    history.note(
        action="tag.replaced",
        subject=_called(old.place),
        detail={"old": old.short, "new": new.short, "reason": reason.strip()},
    )
    return new


def retire(*, tag_id: str, reason: str) -> Tag:
    """Revoke a tag without giving its place a new one; return it. A blank one that was lost goes the same way.

    Raises not_found, and tag_already_replaced when it is not live any more.
    """
    old = found(db.session.scalars(_tags().where(Tag.id == tag_id)).one_or_none())
    _revoke(old, reason)
    history.note(
        action="tag.retired",
        subject=_called(old.place) if old.place else None,
        detail={"tag": old.short, "reason": reason.strip()},
    )
    return old


def _revoke(tag: Tag, reason: str) -> None:
    revoked = db.session.scalars(
        update(Tag)
        .where(Tag.id == tag.id, Tag.revoked_at.is_(None))
        .values(revoked_at=clock.now(), revoked_reason=reason.strip())
        .returning(Tag.id)
    ).one_or_none()
    # Nothing changed: two people replaced it at once, and one new label is enough.
    if revoked is None:
        raise Problem("tag_already_replaced")


def hang(
    *,
    record_id: str,
    tag_id: str | None,
    tag_text: str | None,
    place_id: str | None,
    person_id: str | None,
    device_id: str,
    at: datetime,
) -> None:
    """Take a guard's word that a tag hangs on a place; ``tag_id`` and ``place_id`` are None where nobody knows them.

    A blank tag gets that place, the first word winning, and the place's tag of before is retired with it. A word that
    contradicts what we know changes nothing: it is kept open for the desk to decide.
    """
    state = "open"
    if tag_id and place_id:
        # Found blank and bound in one statement: of two phones the second finds nothing left to bind.
        blank = (Tag.id == tag_id, Tag.place_id.is_(None), Tag.revoked_at.is_(None))
        bound = db.session.scalars(
            update(Tag).where(*blank).values(place_id=place_id).returning(Tag.short)
        ).one_or_none()
        if bound:
            state = "bound"
            _retire_before(place_id, new=(tag_id, bound), at=at, record_id=record_id)
        elif db.session.scalar(select(Tag.place_id).where(Tag.id == tag_id)) == place_id:
            state = "same"
    row = {
        "id": record_id,
        "tag_id": tag_id,
        "tag_text": tag_text,
        "place_id": place_id,
        "person_id": person_id,
        "device_id": device_id,
        "at": at,
        "state": state,
    }
    db.session.execute(insert(Placement), [row])


def _retire_before(place_id: str, *, new: tuple[str, str], at: datetime, record_id: str) -> None:
    school = db.session.get_one(School, current_school_id())
    reason = _WALKED.get(school.language, _WALKED["zh-CN"])
    old = db.session.scalars(
        update(Tag)
        .where(Tag.place_id == place_id, Tag.id != new[0], Tag.revoked_at.is_(None))
        .values(revoked_at=at, revoked_reason=reason)
        .returning(Tag.short)
    ).all()
    place = db.session.scalars(
        select(Place).join(Place.building).options(contains_eager(Place.building)).where(Place.id == place_id)
    ).one()
    detail = {"old": sorted(old), "new": new[1], "reason": reason if old else None, "record": record_id}
    history.note(action="tag.placed", subject=_called(place), detail=detail)


def list_placements(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List what guards said that contradicts what we know and is not decided, newest first, in two queries."""
    statement = _placements().where(Placement.state == "open")
    return page(
        statement.order_by(Placement.at.desc(), Placement.id.desc()), page=page_number, page_size=page_size
    )


def settle(*, placement_id: str, move: bool) -> Placement:
    """Decide what a guard said: the tag belongs there from now on (``move``), or it stays where we know it.

    Other tags of that place stay as they are: two tags that were mixed up are put right one after the other. Raises
    not_found, also for a move of a tag or to a place that nobody knows; already_settled; and tag_already_replaced for
    a move of a tag that is not live.
    """
    said = found(
        db.session.scalars(
            _placements().where(Placement.id == placement_id).with_for_update(of=Placement)
        ).one_or_none()
    )
    if said.state != "open":
        raise Problem("already_settled")
    if move:
        tag, place = found(said.tag), found(said.place)
        if tag.revoked_at is not None:
            raise Problem("tag_already_replaced")
        history.note(
            action="tag.moved",
            subject=_called(place),
            detail={"tag": tag.short, "before": _called(tag.place) if tag.place else None},
        )
        tag.place = place
    else:
        history.note(
            action="tag.kept",
            subject=_called(said.tag.place) if said.tag and said.tag.place else None,
            detail={"tag": said.tag.short if said.tag else said.tag_text},
        )
    said.state, said.settled_at, said.settled_by_id = (
        "moved" if move else "kept",
        clock.now(),
        current_person().id,
    )
    return said


def _placements() -> Select[Any]:
    hangs, on, said, there = aliased(Place), aliased(Building), aliased(Place), aliased(Building)
    return (
        select(Placement)
        .outerjoin(Placement.tag)
        .outerjoin(hangs, Tag.place)
        .outerjoin(on, hangs.building)
        .outerjoin(said, Placement.place)
        .outerjoin(there, said.building)
        .outerjoin(Placement.person)
        .options(
            contains_eager(Placement.tag)
            .contains_eager(Tag.place.of_type(hangs))
            .contains_eager(hangs.building.of_type(on)),
            contains_eager(Placement.place.of_type(said)).contains_eager(said.building.of_type(there)),
            contains_eager(Placement.person),
        )
    )


def printing(*, base_url: str) -> dict[str, Any]:
    """Tell on which papers tags can be printed and how well codes of this address read from each.

    Raises address_not_printable.
    """
    url = _url(base_url, new_code())
    papers = []
    for paper in PAPERS.values():
        expected = forecast(url, paper)
        papers.append(
            {
                "key": paper.key,
                "label_width": paper.label_width,
                "label_height": paper.label_height,
                "per_page": paper.per_page,
                "level": expected.level,
                "symbol": round(expected.symbol, 1),
                "read": expected.read,
                "read_short": expected.read_short,
            }
        )
    return {
        "address": base_url.rstrip("/"),
        "characters": len(url),
        "short_enough": SHORT_ENOUGH,
        "papers": papers,
    }


def render_sheet(
    *,
    tag_ids: Sequence[str] | None = None,
    place_ids: Sequence[str] | None = None,
    building: str | None = None,
    kind: str | None = None,
    unprinted: bool = False,
    paper: str = "a4",
    base_url: str,
    progress: Callable[[int, int], None] | None = None,
    before_drawing: Callable[[], None] | None = None,
) -> bytes:
    """Draw the labels of the live tags on active places, note them as printed, and return the PDF.

    Blank tags are drawn only when they are named by ``tag_ids``. ``base_url`` is the server's address as phones reach
    it, ``paper`` one of qr_codes.papers.PAPERS. ``before_drawing`` is called between the reading and the drawing, which
    takes a second per 500 labels: a request gives its write lock back there. Raises not_found when a tag or a place
    asked for by id has nothing to print, nothing_to_print, address_not_printable and label_font_missing.
    """
    # The PDF library takes a fifth of the server's start, and the server draws sheets only now and then.
    from qr_codes.sheet import FontMissingError, label_sheet

    tags = tags_to_print(
        tag_ids=tag_ids, place_ids=place_ids, building=building, kind=kind, unprinted=unprinted
    )
    labels = [_label(tag, base_url) for tag in tags]
    ids = [tag.id for tag in tags]
    subject = _called(tags[0].place) if len(tags) == 1 and tags[0].place else None
    school = db.session.get_one(School, current_school_id())
    school_name, language = school.name, school.language
    if before_drawing:
        before_drawing()
    try:
        pdf = label_sheet(labels, school_name=school_name, language=language, paper=paper, progress=progress)
    except FontMissingError:
        raise Problem("label_font_missing") from None
    db.session.execute(update(Tag).where(Tag.id.in_(ids)).values(printed_at=clock.now()))
    history.note(action="tags.printed", subject=subject, detail={"labels": len(ids)})
    return pdf


def pack_symbols(
    *,
    file_type: "FileType",
    tag_ids: Sequence[str] | None = None,
    place_ids: Sequence[str] | None = None,
    building: str | None = None,
    kind: str | None = None,
    unprinted: bool = False,
    base_url: str,
    progress: Callable[[int, int], None] | None = None,
    before_drawing: Callable[[], None] | None = None,
) -> bytes:
    """Pack the bare symbols of tags, chosen as for a sheet, into a ZIP for a print shop, and note that it was done.

    They do not count as printed: nobody knows when the shop does it. Raises as render_sheet does.
    """
    from qr_codes.export import symbols_zip

    tags = tags_to_print(
        tag_ids=tag_ids, place_ids=place_ids, building=building, kind=kind, unprinted=unprinted
    )
    labels = [_label(tag, base_url) for tag in tags]
    if before_drawing:
        before_drawing()
    packed = symbols_zip(labels, kind=file_type, progress=progress)
    history.note(action="tags.exported", detail={"labels": len(labels), "type": file_type})
    return packed


def symbol(*, tag_id: str, file_type: "FileType", base_url: str) -> tuple[str, bytes]:
    """Draw one live tag's bare symbol; returns a name for the file and its bytes.

    Raises not_found and address_not_printable.
    """
    from qr_codes.export import file_name, symbol_file

    tag = found(db.session.scalars(_tags().where(Tag.id == tag_id, Tag.revoked_at.is_(None))).one_or_none())
    label = _label(tag, base_url)
    return file_name(label, file_type), symbol_file(label, file_type)


def tags_to_print(
    *,
    tag_ids: Sequence[str] | None = None,
    place_ids: Sequence[str] | None = None,
    building: str | None = None,
    kind: str | None = None,
    unprinted: bool = False,
) -> Sequence[Tag]:
    """Find the live tags on active places that a choice names, in walking order; blank ones only by ``tag_ids``.

    Raises not_found when a tag or a place asked for by id has nothing to print, and nothing_to_print.
    """
    statement = (
        _tags()
        .where(Tag.revoked_at.is_(None), Place.active if tag_ids is None else Place.active.is_not(False))
        .order_by(Tag.place_id.is_(None), *_in_walking_order(), Tag.short)
    )
    if tag_ids is not None:
        statement = statement.where(Tag.id.in_(tag_ids))
    if place_ids is not None:
        statement = statement.where(Place.id.in_(place_ids))
    if building is not None:
        statement = statement.where(Place.building_id == building)
    if kind is not None:
        statement = statement.where(Place.kind == kind)
    if unprinted:
        statement = statement.where(Tag.printed_at.is_(None))
    tags = db.session.scalars(statement).all()
    if place_ids is not None and not unprinted and {tag.place_id for tag in tags} != set(place_ids):
        raise Problem("not_found")
    if tag_ids is not None and {tag.id for tag in tags} != set(tag_ids):
        raise Problem("not_found")
    if not tags:
        raise Problem("nothing_to_print")
    return tags


def _label(tag: Tag, base_url: str) -> "Label":
    from qr_codes.sheet import Label

    place = tag.place
    if place is None:
        return Label(url=_url(base_url, tag.code), short=tag.short)
    return Label(
        url=_url(base_url, tag.code),
        short=tag.short,
        name=place.name,
        number=place.number,
        building=place.building.name,
        floor=place.floor,
        # Not only taps have one: a plant room's facility does as well.
        valve=place.valve,
    )


def _url(base_url: str, code: str) -> str:
    try:
        return tag_url(base_url, code)
    except ValueError:
        raise Problem("address_not_printable") from None


def _tags() -> Select[Any]:
    return (
        select(Tag)
        .outerjoin(Tag.place)
        .outerjoin(Place.building)
        .options(contains_eager(Tag.place).contains_eager(Place.building))
    )


def _in_walking_order() -> tuple[Any, ...]:
    # Number by length first, so that A2 comes before A10.
    return Building.position, Building.name, Place.floor, func.length(Place.number), Place.number


def _called(place: Place) -> str:
    return f"{place.building.name} {place.number}"
