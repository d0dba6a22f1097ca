"""Make, list, replace and print tags."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, escape_like, found, page
from campus_patrol.history import service as history
from campus_patrol.people.models import School
from campus_patrol.places.models import Building, Place
from campus_patrol.places.rules import search_words
from campus_patrol.problems import Problem
from campus_patrol.tags.models import Tag
from qr_codes.papers import PAPERS
from qr_codes.payload import new_code, new_short, tag_url
from qr_codes.reading import SHORT_ENOUGH, forecast

if TYPE_CHECKING:
    from qr_codes.export import FileType
    from qr_codes.sheet import Label

# Of the 100,000 short numbers a school can use; drawing one that is still free takes ten draws by then.
_MOST_SHORTS = 90_000
_TRIES = 5


def make_tag(*, place: Place) -> Tag:
    """Give a place a new tag. Raises no_shorts_left."""
    return make_tags(places=[place])[0]


def make_tags(*, places: Sequence[Place]) -> list[Tag]:
    """Give each of these places a new tag, in the places' order, with one query for all of them.

    Raises no_shorts_left when the school has used up its short numbers, revoked tags included: a number that once
    meant one door must not mean another while old labels may still hang.
    """
    db.session.flush()  # places get their ids here
    for _ in range(_TRIES - 1):
        try:
            return _draw(places)
        except IntegrityError:
            # Somebody else took a short number since we looked, or a code fell twice (there are 2^45).
            continue
    return _draw(places)


def _draw(places: Sequence[Place]) -> list[Tag]:
    taken = set(db.session.scalars(select(Tag.short)))
    if len(taken) + len(places) > _MOST_SHORTS:
        raise Problem("no_shorts_left")
    now = clock.now()
    made = []
    for place in places:
        while (short := new_short()) in taken:
            pass
        taken.add(short)
        made.append(Tag(place_id=place.id, code=new_code(), short=short, made_at=now))
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
    """List tags in the order of their places, the newest of a place first, in two queries."""
    statement = _tags().order_by(*_in_walking_order(), Tag.made_at.desc(), Tag.id)
    # A short number is typed the way it is printed, as 123 456.
    for word in search_words(re.sub(r"(?<=\d{3})\s(?=\d{3}\b)", "", search or "")):
        like = f"%{escape_like(word)}%"
        columns = (Tag.short, Tag.code, Place.number, Place.name, Building.name)
        statement = statement.where(or_(*(text.ilike(like, escape="\\") for text in columns)))
    if state is not None:
        statement = statement.where(
            Tag.revoked_at.is_(None) if state == "live" else Tag.revoked_at.isnot(None)
        )
    if building is not None:
        statement = statement.where(Place.building_id == building)
    return page(statement, page=page_number, page_size=page_size)


def replace(*, tag_id: str, reason: str) -> Tag:
    """Revoke a tag and give its place a new one, which is returned.

    Raises not_found, and tag_already_replaced when it is not live any more.
    """
    old = found(db.session.scalars(_tags().where(Tag.id == tag_id)).one_or_none())
    revoked = db.session.scalars(
        update(Tag)
        .where(Tag.id == tag_id, Tag.revoked_at.is_(None))
        .values(revoked_at=clock.now(), revoked_reason=reason.strip())
        .returning(Tag.id)
    ).one_or_none()
    # Nothing changed: two people replaced it at once, and one new label is enough.
    if revoked is None:
        raise Problem("tag_already_replaced")
    new = make_tag(place=old.place)
    new.place = old.place
    history.note(
        action="tag.replaced",
        subject=_called(old.place),
        detail={"old": old.short, "new": new.short, "reason": reason.strip()},
    )
    return new


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

    ``base_url`` is the server's address as phones reach it, ``paper`` one of qr_codes.papers.PAPERS.
    ``before_drawing`` is called between the reading and the drawing, which takes a second per 500 labels: a request
    gives its write lock back there. Raises not_found when a place asked for by id has no tag to print,
    nothing_to_print, address_not_printable and label_font_missing.
    """
    # The PDF library takes a fifth of the server's start, and the server draws sheets only now and then.
    from qr_codes.sheet import FontMissingError, label_sheet

    tags = tags_to_print(place_ids=place_ids, building=building, kind=kind, unprinted=unprinted)
    labels = [_label(tag, base_url) for tag in tags]
    ids = [tag.id for tag in tags]
    subject = _called(tags[0].place) if len(tags) == 1 else None
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

    tags = tags_to_print(place_ids=place_ids, building=building, kind=kind, unprinted=unprinted)
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
    place_ids: Sequence[str] | None = None,
    building: str | None = None,
    kind: str | None = None,
    unprinted: bool = False,
) -> Sequence[Tag]:
    """Find the live tags on active places that a choice names, in walking order.

    Raises not_found when a place asked for by id has no tag to print, and nothing_to_print.
    """
    statement = _tags().where(Tag.revoked_at.is_(None), Place.active).order_by(*_in_walking_order(), Tag.id)
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
    if not tags:
        raise Problem("nothing_to_print")
    return tags


def _label(tag: Tag, base_url: str) -> "Label":
    from qr_codes.sheet import Label

    place = tag.place
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
        .join(Tag.place)
        .join(Place.building)
        .options(contains_eager(Tag.place).contains_eager(Place.building))
    )


def _in_walking_order() -> tuple[Any, ...]:
    # Number by length first, so that A2 comes before A10.
    return Building.position, Building.name, Place.floor, func.length(Place.number), Place.number


def _called(place: Place) -> str:
    return f"{place.building.name} {place.number}"
