"""Check the log against itself and against what was signed, and sign how far it has grown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, event, func, or_, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import aliased

from campus_patrol import clock
from campus_patrol.audit import rules
from campus_patrol.audit.models import Head
from campus_patrol.audit.rules import Fault, SignedHead, Walked
from campus_patrol.database import ANY_SCHOOL, current_school_id, db, new_id, page, upsert
from campus_patrol.keys import is_signed, read_server_key, server_key, sign
from campus_patrol.people.models import Device, Person, School
from campus_patrol.sync.models import Record, Stream

Progress = Callable[[int, int], None]
# Rows fetched at a time: a record is about 1 kB, so this is some megabytes whatever the size of the log.
_FETCH = 5_000


@dataclass(slots=True)
class Outcome:
    """What verifying one school found: how much was checked, the faults (none is sound), and what is worth knowing."""

    id: str
    name: str
    records: int = 0
    streams: int = 0
    heads: int = 0
    receipts: list[Mapping[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)


@contextmanager
def snapshot(database: str) -> Iterator[Connection]:
    """Yield a connection that sees one moment of every school's rows and writes nothing, while phones go on syncing."""
    engine = create_engine(database)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, _: Any) -> None:
            connection.isolation_level = None
            connection.execute("PRAGMA query_only=ON")

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")
    else:
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(
                    text("SELECT set_config('campus_patrol.school', :all, true)"), {"all": ANY_SCHOOL}
                )
            yield connection
    finally:
        engine.dispose()


def verify(
    *,
    database: str,
    keys: Path,
    school: str | None = None,
    heads: Sequence[SignedHead] = (),
    receipts: Sequence[Mapping[str, Any]] = (),
    progress: Progress | None = None,
) -> list[Outcome]:
    """Recompute every chain of the schools (or the one of that id or name) and compare it with what was signed.

    ``heads`` were kept outside this machine, ``receipts`` are phones' answers of sync. A chain is checked from its
    stored bytes up to the first bad row. ``progress`` is told records done and records in all.
    """
    key = read_server_key(keys)
    with snapshot(database) as connection:
        try:
            schools = connection.execute(
                text("SELECT id, name, generation, log_length, log_hash FROM school ORDER BY created_at, id")
            ).all()
            total = connection.execute(text("SELECT count(*) FROM record")).scalar_one()
        except DatabaseError as error:
            return [Outcome("", "", faults=[Fault("unreadable", other=str(error.orig))])]
        chosen = [row for row in schools if school is None or school in (row.id, row.name)]
        outcomes, done = [], 0
        for row in chosen:
            before = done

            def step(walked: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + walked, total)

            outcome = Outcome(row.id, row.name)
            outcomes.append(outcome)
            try:
                _verify_school(connection, row, outcome, key, heads, receipts, step)
            except DatabaseError as error:
                outcome.faults.append(Fault("unreadable", outcome.records + 1, other=str(error.orig)))
            done += outcome.records
        known = {row.id for row in schools}
        strange = [Fault("head_unknown", head.log_number) for head in heads if head.school not in known]
        claimed = {id(receipt) for outcome in outcomes for receipt in outcome.receipts}
        strange += [
            Fault("receipt_unknown", stream=receipt["stream"], n=receipt["ack"])
            for receipt in receipts
            if id(receipt) not in claimed and len(chosen) == len(schools)
        ]
        return [*outcomes, Outcome("", "", faults=strange)] if strange else outcomes


def _verify_school(
    connection: Connection,
    school: Any,
    outcome: Outcome,
    key: ec.EllipticCurvePrivateKey | None,
    given: Sequence[SignedHead],
    receipts: Sequence[Mapping[str, Any]],
    step: Callable[[int], None],
) -> None:
    kept = [
        _signed(school.id, row)
        for row in connection.execute(
            text(
                "SELECT generation, day, log_number, log_hash, signature FROM head "
                "WHERE school_id = :school ORDER BY id"
            ),
            {"school": school.id},
        )
    ]
    given = [head for head in given if head.school == school.id]
    heads = [*kept, *given]
    walked = rules.walk(
        _rows(connection, school.id, step),
        log_marks={head.log_number for head in heads},
        stream_marks={(receipt["stream"], receipt["ack"]) for receipt in receipts},
    )
    outcome.records, outcome.streams = walked.length, len(walked.streams)
    generations = {school.generation, *(head.generation for head in kept)}
    outcome.receipts = [
        r for r in receipts if r["stream"] in walked.streams or r["generation"] in generations
    ]
    if walked.fault is not None:
        outcome.faults.append(walked.fault)
        return
    faults = outcome.faults
    if school.log_length != walked.length:
        short = isinstance(school.log_length, int) and school.log_length > walked.length
        faults.append(Fault("log_short" if short else "log_long", walked.length, other=school.log_length))
    elif school.log_hash != walked.hash:
        faults.append(Fault("log_head", walked.length))
    faults += _compare_streams(connection, school.id, walked)
    faults += _misnamed(connection, school.id)
    for head in heads:
        judged = None
        if key is not None and not is_signed(key, head.signature, *head.parts()):
            judged = Fault("head_signature", head.log_number)
        else:
            judged = rules.judge_head(head, walked, restored=_first_of_each(kept, head.generation, school))
        _sort(outcome, judged)
    outcome.heads = len(heads)
    if heads and key is None:
        outcome.notes.append(Fault("no_key", other=len(heads)))
    for receipt in outcome.receipts:
        _sort(outcome, _judge_receipt(receipt, walked, key, school.generation, kept))


def _sort(outcome: Outcome, judged: Fault | None) -> None:
    if judged is not None:
        (outcome.notes if judged.code == "before_restore" else outcome.faults).append(judged)


def _rows(connection: Connection, school: str, step: Callable[[int], None]) -> Iterator[rules.Row]:
    result = connection.execution_options(yield_per=_FETCH).execute(
        text(
            "SELECT log_number, stream, n, hash, line, log_hash, id FROM record "
            "WHERE school_id = :school ORDER BY log_number"
        ),
        {"school": school},
    )
    done = 0
    try:
        for part in result.partitions(_FETCH):
            yield from part  # type: ignore[misc]
            done += len(part)
            step(done)
    finally:
        result.close()


def _compare_streams(connection: Connection, school: str, walked: Walked) -> list[Fault]:
    """Compare the streams' own rows with where their chains end."""
    said = {
        row.stream: (row.head, row.head_hash)
        for row in connection.execute(
            text("SELECT stream, head, head_hash FROM stream WHERE school_id = :school"), {"school": school}
        )
    }
    faults = []
    for stream in said.keys() | walked.streams.keys():
        ends = walked.streams.get(stream, (0, rules.GENESIS))
        if said.get(stream) != ends:
            there = said.get(stream, (None, None))
            faults.append(Fault("stream_head", stream=stream, n=ends[0], other=there[0]))
    return sorted(faults, key=lambda fault: str(fault.stream))


def _misnamed(connection: Connection, school: str) -> list[Fault]:
    """Find records whose id was taken away or given twice.

    A line is without an id when there is none to read in it, which put it aside, or when a record before it in the
    log carries the id already.
    """
    nameless = connection.execute(
        text(
            "SELECT log_number, stream, n, line FROM record r WHERE school_id = :school AND id IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.school_id = r.school_id AND q.stream = r.stream "
            "AND q.n = r.n AND q.hash = r.hash AND q.code NOT IN ('id_conflict', 'projection_failed'))"
        ),
        {"school": school},
    )
    held = text("SELECT 1 FROM record WHERE school_id = :school AND id = :id AND log_number < :number")
    faults = [
        Fault("id_changed", number, stream, n)
        for number, stream, n, line in nameless.all()
        if not connection.execute(held, {"school": school, "id": rules.named(line), "number": number}).first()
    ]
    shared = connection.execute(
        text(
            "SELECT log_number, stream, n, id FROM record WHERE school_id = :school AND id IN "
            "(SELECT id FROM record WHERE school_id = :school GROUP BY id HAVING count(*) > 1) ORDER BY log_number"
        ),
        {"school": school},
    )
    first: set[str] = set()
    for number, stream, n, name in shared:
        if name in first:
            faults.append(Fault("id_changed", number, stream, n, name))
        first.add(name)
    return sorted(faults, key=lambda fault: fault.log_number)


def restores(generation: str, school: School) -> list[SignedHead]:
    """Return where each restore since a generation went back to, by the head it signed."""
    kept = db.session.scalars(select(Head).order_by(Head.id))
    return _first_of_each([_signed(school.id, head) for head in kept], generation, school)


def _signed(school_id: str, head: Any) -> SignedHead:
    return SignedHead(
        school_id, head.generation, str(head.day), head.log_number, head.log_hash, head.signature
    )


def _first_of_each(kept: Sequence[SignedHead], generation: str, school: Any) -> list[SignedHead]:
    """Return the first head of each generation but this one: each restore signs where it went back to."""
    if generation == school.generation:
        return []
    firsts: dict[str, SignedHead] = {}
    for head in kept:
        firsts.setdefault(head.generation, head)
    return [head for of, head in firsts.items() if of != generation]


def _judge_receipt(
    receipt: Mapping[str, Any],
    walked: Walked,
    key: ec.EllipticCurvePrivateKey | None,
    generation: str,
    kept: Sequence[SignedHead],
) -> Fault | None:
    stream, ack = receipt["stream"], receipt["ack"]
    signed = (
        rules.RECEIPT,
        stream,
        ack,
        receipt["ack_hash"],
        receipt["durable"],
        receipt["generation"],
        receipt["server_time"],
    )
    if key is not None and not is_signed(key, receipt["signature"], *signed):
        return Fault("receipt_signature", stream=stream, n=ack)
    if ack == 0:
        return None
    head = walked.streams.get(stream, (0, ""))[0]
    if ack > head:
        # A restore went back behind it; the phone brings the rest again.
        restored = receipt["generation"] != generation and any(h.generation == generation for h in kept)
        return Fault("before_restore" if restored else "receipt_beyond", stream=stream, n=ack, other=head)
    if walked.stream_marks.get((stream, ack)) != receipt["ack_hash"]:
        return Fault("receipt_contradicts", stream=stream, n=ack)
    return None


def sign_head(*, keys: Path, daily: bool = False) -> SignedHead:
    """Sign how far the current school's log has grown; return the newest head of this generation.

    Idempotent: a log that has not grown keeps the head it has, and with ``daily`` one head a day is enough.
    """
    school = db.session.scalars(select(School).where(School.id == current_school_id())).one()
    day = clock.now().astimezone(ZoneInfo(school.zone)).date()
    newest = db.session.scalars(
        select(Head).where(Head.generation == school.generation).order_by(Head.log_number.desc()).limit(1)
    ).first()
    if newest is not None and (newest.log_number == school.log_length or (daily and newest.day == day)):
        return _signed(school.id, newest)
    unsigned = SignedHead(school.id, school.generation, str(day), school.log_length, school.log_hash, "")
    signature = sign(server_key(keys), *unsigned.parts())
    values = {
        "id": new_id(),
        "school_id": school.id,
        "generation": school.generation,
        "day": day,
        "log_number": school.log_length,
        "log_hash": school.log_hash,
        "signature": signature,
    }
    # Two who ask at once sign the same twice: either signature is good, and one row is enough.
    db.session.execute(upsert(Head).values(values).on_conflict_do_nothing())
    return replace(unsigned, signature=signature)


def list_losses(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List what phones announced and may have lost, newest first.

    A phone that still speaks on the same stream has its records and will bring them. One that speaks on another, or
    says that its database was lost, may not. Lines that moved to another stream came along under their ids.
    """
    other = aliased(Stream)
    elsewhere = (
        select(other.stream)
        .where(
            other.school_id == Stream.school_id,
            other.device_id == Stream.device_id,
            other.heard_at > func.coalesce(Stream.heard_at, Stream.created_at),
        )
        .exists()
    )
    since = func.coalesce(Stream.ended_at, Stream.heard_at, Stream.created_at)
    rows = page(
        select(Stream, Device)
        .join(Device, Device.id == Stream.device_id)
        .where(
            Stream.announced_next - 1 > Stream.head,
            or_(Stream.ended == "lost", Stream.ended.is_(None) & elsewhere),
        )
        .order_by(since.desc(), Stream.stream),
        page=page_number,
        page_size=page_size,
    )
    holders = _last_people([(stream, device) for stream, device in rows["items"]])
    rows["items"] = [
        {
            "stream": stream.stream,
            "device": device,
            "person": holders.get(stream.stream),
            "first": stream.head + 1,
            "last": stream.announced_next - 1,
            "since": stream.ended_at or stream.heard_at or stream.created_at,
        }
        for stream, device in rows["items"]
    ]
    return rows


def _last_people(streams: Sequence[tuple[Stream, Device]]) -> dict[str, Person]:
    """Return who held the phone when each stream's last record was made; for a stream without one, the phone's last."""
    ids = {stream.stream: device.last_person_id for stream, device in streams}
    lines = db.session.execute(
        select(Record.stream, Record.line)
        .join(Stream, (Stream.stream == Record.stream) & (Stream.head == Record.n))
        .where(Stream.stream.in_(ids))
    )
    for stream, line in lines:
        ids[stream] = rules.person_of(line) or ids[stream]
    people = {
        person.id: person for person in db.session.scalars(select(Person).where(Person.id.in_(ids.values())))
    }
    return {stream: people[held] for stream, held in ids.items() if held in people}
