"""Compare the heads that phones keep with the log: whoever rewrites history here cannot rewrite it on every phone."""

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from campus_patrol import clock
from campus_patrol.audit import rules
from campus_patrol.audit import service as audit
from campus_patrol.audit.rules import Fault, SignedHead, Walked
from campus_patrol.database import current_school_id, db, new_id, page, upsert
from campus_patrol.history.service import note
from campus_patrol.keys import is_signed, server_key
from campus_patrol.people.models import Device, School
from campus_patrol.sync.models import Record
from campus_patrol.sync.rules import GENESIS
from campus_patrol.witnesses.models import Contradiction


def compare(*, held: str | None, device_id: str, keys: Path) -> dict[str, str | None]:
    """Say what the log says to the head that a phone has kept, and give it the newest one; it signs one a day.

    Only a head that this server signed counts, so that no phone can accuse it of anything. A contradiction is written
    down once for each phone and head, for the desk to see. The answer names what it answers: an older one that a proxy
    gives out again would show a shorter log, and be taken for one that was cut.
    """
    return {
        "held": held,
        "verdict": "none" if held is None else _judge(held, device_id, keys),
        "newest": audit.sign_head(keys=keys, daily=True).text(),
    }


def _judge(held: str, device_id: str, keys: Path) -> str:
    school = db.session.get_one(School, current_school_id())
    try:
        head = SignedHead.parse(held)
    except ValueError:
        return "unknown"
    if head.school != school.id or not is_signed(server_key(keys), head.signature, *head.parts()):
        return "unknown"
    fault = _fault(head, school)
    if fault is None:
        return "fits"
    if fault.code != "before_restore":
        _note(head, fault, device_id)
    return fault.code


def _fault(head: SignedHead, school: School) -> Fault | None:
    stored = db.session.scalars(
        select(Record.log_hash).where(Record.log_number == head.log_number)
    ).one_or_none()
    there = GENESIS if head.log_number == 0 else stored
    walked = Walked(length=school.log_length, log_marks={} if there is None else {head.log_number: there})
    return rules.judge_head(head, walked, restored=audit.restores(head.generation, school))


def _note(head: SignedHead, fault: Fault, device_id: str) -> None:
    known = upsert(Contradiction).values(
        id=new_id(),
        school_id=current_school_id(),
        device_id=device_id,
        generation=head.generation,
        day=date.fromisoformat(head.day),
        log_number=head.log_number,
        log_hash=head.log_hash,
        code=fault.code,
        noted_at=clock.now(),
    )
    if not db.session.scalars(known.on_conflict_do_nothing().returning(Contradiction.id)).all():
        return
    note(
        action="log.contradicted",
        subject=db.session.get_one(Device, device_id).name,
        detail={"device": device_id, "log_number": head.log_number, "code": fault.code},
    )


def list_contradictions(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List the heads on phones that the log contradicts, newest first."""
    rows = page(
        select(Contradiction, Device)
        .join(Device, Device.id == Contradiction.device_id)
        .order_by(Contradiction.noted_at.desc(), Contradiction.id.desc()),
        page=page_number,
        page_size=page_size,
    )
    columns = ("id", "day", "log_number", "code", "noted_at")
    rows["items"] = [
        {**{name: getattr(row, name) for name in columns}, "device": device} for row, device in rows["items"]
    ]
    return rows
