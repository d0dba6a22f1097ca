"""Note and list what was done."""

from typing import Any

from sqlalchemy import select

from campus_patrol import clock
from campus_patrol.database import current_school_id, db, page
from campus_patrol.history.models import Event
from campus_patrol.people.models import Person, School
from campus_patrol.security import acting_person_id


def note(*, action: str, subject: str | None = None, detail: dict[str, Any] | None = None) -> Event:
    """Write down, in the same transaction as the deed, that the caller did it.

    ``action`` is noun.verb, ``subject`` what a person would call the thing, ``detail`` small JSON.
    """
    event = Event(
        at=clock.now(), person_id=acting_person_id(), action=action, subject=subject, detail=detail or {}
    )
    db.session.add(event)
    return event


def list_events(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List what was done, newest first."""
    rows = page(
        select(Event, Person)
        .outerjoin(Person, Person.id == Event.person_id)
        .order_by(Event.at.desc(), Event.id.desc()),
        page=page_number,
        page_size=page_size,
    )
    rows["items"] = [
        {
            "id": event.id,
            "at": event.at,
            "person": person,
            "action": event.action,
            "subject": event.subject,
            "detail": event.detail,
        }
        for event, person in rows["items"]
    ]
    return rows


def head() -> int:
    """Return how many lines the school's log holds; it only grows, so the desk knows by it that it is stale."""
    return db.session.scalars(select(School.log_length).where(School.id == current_school_id())).one()
