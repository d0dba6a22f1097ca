"""Take over the records of a phone that is not let in, and let them into the log when a supervisor says so."""

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select

from campus_patrol import clock
from campus_patrol.audit.rules import named
from campus_patrol.database import any_school, current_school_id, db, found, new_id, page, upsert, use_school
from campus_patrol.history.service import note
from campus_patrol.people import service as people
from campus_patrol.people.models import Device, Person
from campus_patrol.problems import Problem
from campus_patrol.rescues import rules
from campus_patrol.rescues.models import RescueCode
from campus_patrol.security import acting_person_id, throttle, token_hash
from campus_patrol.sync import service as sync
from campus_patrol.sync.batches import Batch, read_lines
from campus_patrol.sync.models import Quarantine, Record, Stream
from campus_patrol.sync.rules import GENESIS, chain_hash
from campus_patrol.sync.service import Delivery

RESCUED = "rescued"


def make_code() -> tuple[RescueCode, str]:
    """Make a one-time code of 128 bits for one phone, good for ten minutes; return it with its text."""
    code, now = people.one_time_code(), clock.now()
    made = RescueCode(
        id=new_id(),
        code_hash=token_hash(code),
        created_by_id=acting_person_id(),
        created_at=now,
        expires_at=now + timedelta(minutes=rules.CODE_MINUTES),
    )
    db.session.add(made)
    db.session.flush()
    return made, code


def get_code(*, code_id: str) -> dict[str, Any]:
    """Look whether a code was used, and by which phone."""
    row, device = found(
        db.session.execute(
            select(RescueCode, Device)
            .outerjoin(Device, Device.id == RescueCode.device_id)
            .where(RescueCode.id == code_id)
        ).one_or_none()
    )
    return {"id": row.id, "expires_at": row.expires_at, "used_at": row.used_at, "device": device}


def receive(*, batch: Batch, code: str, name: str | None, token: str, address: str) -> dict[str, Any]:
    """Put every line of a batch aside that the log does not have, and work for the code's school from here on.

    ``token`` is the phone's old one: it names the phone, and opens nothing. The lines need not follow anything that is
    here; that they are the phone's own and in order is checked by their chain. Raises rescue_unknown, rescue_used,
    rescue_expired, rescue_other_school for a phone of another school, rescue_differs.
    """
    throttle(f"rescue:{address}", burst=60, every=2)
    throttle("rescue", burst=400, every=0.25)
    header, now = batch.header, clock.now()
    with any_school():
        approval = db.session.scalars(
            select(RescueCode)
            .where(RescueCode.code_hash == token_hash(code.strip().upper()))
            .with_for_update()
        ).one_or_none()
        if approval is None:
            raise Problem("rescue_unknown")
        refusal = rules.refusal(
            expires_at=approval.expires_at,
            used_at=approval.used_at,
            held_by=approval.stream,
            stream=header["stream"],
            now=now,
        )
        if refusal:
            raise Problem(refusal)
        device = db.session.scalars(
            select(Device).where(Device.token_hash == token_hash(token))
        ).one_or_none()
        use_school(approval.school_id)
    if device is not None and device.school_id != approval.school_id:
        raise Problem("rescue_other_school")
    if device is None:
        device = _unknown_device(token, name, header["app"], approval.created_by_id)
    if approval.used_at is None:
        approval.used_at, approval.stream, approval.device_id = now, header["stream"], device.id
        approval.skew = (header["device_time"] - now).total_seconds()
        note(action="rescue.received", subject=device.name, detail={"device": device.id})
    aside = _put_aside(batch, device)
    return {
        "stream": header["stream"],
        "request": header["request"],
        "first": header["first"],
        "count": header["count"],
        "head": header["head"],
        "aside": aside,
    }


def _unknown_device(token: str, name: str | None, app: str | None, by: str) -> Device:
    """Put a phone on the list that nobody here knows, shut out from the start, so that its records have an owner."""
    device, _ = people.add_device(name=(name or "").strip() or "手机", public_key=None, app=app, by=by)
    device.token_hash = token_hash(token)
    device.revoked_at = device.enrolled_at
    db.session.flush()
    return device


def _put_aside(batch: Batch, device: Device) -> int:
    header, now = batch.header, clock.now()
    if header["head"] != (batch.lines[-1].hash if batch.lines else header["prev"]):
        raise Problem("rescue_differs")
    logged = set(
        db.session.scalars(
            select(Record.hash).where(
                Record.stream == header["stream"],
                Record.n.between(header["first"], header["first"] + header["count"]),
            )
        )
    )
    # A phone that went on to another stream has lines with it that came under their ids before.
    ids = {name for line in batch.lines if (name := named(line.raw)) is not None}
    held: dict[str | None, bytes] = dict(
        db.session.execute(select(Record.id, Record.line).where(Record.id.in_(ids))).all()  # type: ignore[arg-type]
    )
    rows = [
        {
            "id": new_id(),
            "school_id": current_school_id(),
            "stream": header["stream"],
            "n": line.n,
            "hash": line.hash,
            "code": RESCUED,
            "line": line.raw,
            "device_id": device.id,
            "received_at": now,
        }
        for line in batch.lines
        if line.hash not in logged and held.get(named(line.raw)) != line.raw
    ]
    if rows:
        # The phone asks again when it heard no answer.
        db.session.execute(upsert(Quarantine).on_conflict_do_nothing(), rows)
    return len(rows)


def list_rescues(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List what was handed over and waits for a decision, newest first."""
    received = func.min(Quarantine.received_at).label("received_at")
    rows = page(
        select(
            Quarantine.stream,
            Quarantine.device_id,
            func.count().label("count"),
            func.min(Quarantine.n).label("first"),
            func.max(Quarantine.n).label("last"),
            received,
        )
        .where(Quarantine.code == RESCUED)
        .group_by(Quarantine.stream, Quarantine.device_id)
        .order_by(received.desc(), Quarantine.stream),
        page=page_number,
        page_size=page_size,
    )
    items = rows["items"]
    lines = {
        (stream, n): line
        for stream, n, line in db.session.execute(
            select(Quarantine.stream, Quarantine.n, Quarantine.line).where(
                Quarantine.code == RESCUED,
                Quarantine.stream.in_([row.stream for row in items]),
                Quarantine.n.in_([n for row in items for n in (row.first, row.last)]),
            )
        )
    }
    makers = {row.stream: rules.made_by(lines[row.stream, row.last]) for row in items}
    devices = _by_id(Device, [row.device_id for row in items])
    persons = _by_id(Person, [maker.person for maker in makers.values()])
    rows["items"] = [
        {
            "stream": row.stream,
            "device": devices[row.device_id],
            "person": persons.get(makers[row.stream].person),
            "count": row.count,
            "first_at": rules.made_by(lines[row.stream, row.first]).at,
            "last_at": makers[row.stream].at,
            "received_at": row.received_at,
        }
        for row in items
    ]
    return rows


def accept(*, stream: str) -> dict[str, int]:
    """Let handed-over lines of a phone's stream into the log, in their order, as a stream of their own.

    They go the way of any batch: judged line by line, known ids are known, photos are asked for when a phone that may
    have them speaks. Their times are read with the clock the phone had when it handed over. Raises not_found when
    nothing waits any more.
    """
    waiting = db.session.scalars(
        select(Quarantine)
        .where(Quarantine.code == RESCUED, Quarantine.stream == stream)
        .order_by(Quarantine.n, Quarantine.received_at, Quarantine.id)
        .with_for_update()
    ).all()
    device = found(db.session.get(Device, waiting[0].device_id) if waiting else None)
    lines = [row.line for row in waiting]
    first, last = waiting[0].n, waiting[-1].n
    header = _header(lines, skew=_skew(stream))
    batch = Batch(header, read_lines(header, lines))
    # Gone before they come in: the log is where they are kept from here on.
    db.session.execute(delete(Quarantine).where(Quarantine.id.in_([row.id for row in waiting])))
    [receipt] = sync.receive(deliveries=[Delivery(batch, device.id, approved=True)], careful=True)
    assert not isinstance(receipt, Problem), "a stream that is new has neither gap nor fork"
    before = db.session.get(Stream, (current_school_id(), stream))
    if before is not None and rules.is_whole(
        first=first, last=last, head=before.head, announced_next=before.announced_next
    ):
        before.ended, before.ended_at = "moved", clock.now()
    note(
        action="rescue.accepted",
        subject=device.name,
        detail={"device": device.id, "records": len(lines), "stream": receipt["stream"]},
    )
    return {"records": len(lines), "aside": len(receipt["quarantined"])}


def _header(lines: list[bytes], *, skew: float) -> dict[str, Any]:
    stream, head = secrets.token_hex(16), GENESIS
    for n, line in enumerate(lines, 1):
        head = chain_hash(stream, n, head, line)
    return {
        "request": new_id(),
        "stream": stream,
        "first": 1,
        "count": len(lines),
        "next": len(lines) + 1,
        "prev": GENESIS,
        "head": head,
        "device_time": clock.now() + timedelta(seconds=skew),
    }


def _skew(stream: str) -> float:
    """Return how far the phone's clock was ahead when it last handed over from this stream."""
    newest = select(RescueCode.skew).where(RescueCode.stream == stream).order_by(RescueCode.used_at.desc())
    return db.session.scalars(newest.limit(1)).first() or 0.0


def _by_id(table: Any, ids: list[Any]) -> dict[str, Any]:
    return {row.id: row for row in db.session.scalars(select(table).where(table.id.in_(ids)))}
