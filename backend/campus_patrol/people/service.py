"""Schools, people, sign-in and phones: what can be done with them."""

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from campus_patrol import clock
from campus_patrol.database import (
    any_school,
    current_school_id,
    db,
    escape_like,
    found,
    new_id,
    page,
    reading,
    use_school,
)
from campus_patrol.history.service import note
from campus_patrol.keys import is_public_key
from campus_patrol.people import rules
from campus_patrol.people.models import Device, Enrolment, Person, School, SignIn
from campus_patrol.problems import Problem
from campus_patrol.security import (
    PERMISSIONS,
    acting_person_id,
    current_device,
    hash_secret,
    new_token,
    secret_matches,
    sign_in,
    throttle,
    token_hash,
)

ENROLMENT_MINUTES = 10


def create_school(
    *, name: str, zone: str = "Asia/Shanghai", language: str = "zh-CN", is_demo: bool = False
) -> School:
    """Make a school and work for it from here on. Raises ValueError for a time zone that does not exist."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no time zone is called {zone!r}") from None
    school = School(
        id=new_id(), name=name, zone=zone, language=language, created_at=clock.now(), is_demo=is_demo
    )
    db.session.add(school)
    with any_school():
        db.session.flush()
        use_school(school.id)
    return school


def current_school() -> School:
    """Return the school this session works for."""
    return db.session.get_one(School, current_school_id())


def add_person(
    *, name: str, role: str, account: str | None = None, password: str | None = None, pin: str | None = None
) -> tuple[Person, dict[str, str]]:
    """Add a person; return them and the secrets made for them, to be shown once.

    Raises account_needed for a desk role without an account, account_taken for one that is in use.
    """
    if rules.needs_account(role) and not account:
        raise Problem("account_needed")
    made: dict[str, str] = {}
    if account and not password and role in rules.DESK:
        password = made["password"] = _new_password()
    if not pin and rules.gets_pin(role):
        pin = made["pin"] = _new_pin()
    _check_account(account)
    person = Person(
        id=new_id(),
        name=name,
        role=role,
        account=account,
        password_hash=hash_secret(password) if password else None,
        pin_hash=hash_secret(pin) if pin else None,
        active=True,
        created_at=clock.now(),
    )
    db.session.add(person)
    note(action="person.added", subject=name, detail={"role": role})
    _flush_account()
    return person, made


def change_person(*, person_id: str, **changes: Any) -> tuple[Person, dict[str, str]]:
    """Change what is named about a person; return them and any secret made anew.

    Switching somebody off, or a new password or role, ends their sign-ins. Raises last_admin when nobody who may
    change things would be left.
    """
    person = found(db.session.scalars(select(Person).where(Person.id == person_id)).one_or_none())
    made: dict[str, str] = {}
    if changes.pop("reset_pin", False):
        made["pin"] = changes["pin"] = _new_pin()
    if changes.pop("reset_password", False):
        made["password"] = changes["password"] = _new_password()
    role, active = changes.get("role", person.role), changes.get("active", person.active)
    if person.role == "admin" and person.active and not (role == "admin" and active):
        _keep_an_admin(person)
    if "account" in changes and changes["account"] != person.account:
        _check_account(changes["account"])
    if rules.needs_account(role) and not changes.get("account", person.account):
        raise Problem("account_needed")
    if role != person.role or not active or "password" in changes:
        db.session.execute(delete(SignIn).where(SignIn.person_id == person.id))
    if "password" in changes:
        person.password_hash = hash_secret(changes["password"])
    if "pin" in changes:
        person.pin_hash = hash_secret(changes["pin"])
    for name in ("name", "role", "active", "account"):
        if name in changes:
            setattr(person, name, changes[name])
    note(action="person.changed", subject=person.name, detail={"changed": sorted(changes)})
    _flush_account()
    return person, made


def list_people(
    *, search: str | None, role: str | None, active: bool | None, page_number: int, page_size: int
) -> dict[str, Any]:
    """List people, those switched off last."""
    statement = select(Person).order_by(Person.active.desc(), Person.name, Person.id)
    if role:
        statement = statement.where(Person.role == role)
    if active is not None:
        statement = statement.where(Person.active == active)
    if search:
        like = f"%{escape_like(search.strip())}%"
        statement = statement.where(
            or_(Person.name.ilike(like, escape="\\"), Person.account.ilike(like, escape="\\"))
        )
    return page(statement, page=page_number, page_size=page_size)


def sign_in_to_desk(*, account: str, password: str, address: str, days: int) -> tuple[Person, str]:
    """Check account and password; return the person and the token of a new session.

    Tries are counted by address and by account-with-address, never by account alone: nobody can lock another out.
    Raises wrong_password, the same whether the account exists, may not sign in, or the password is wrong.
    """
    throttle(f"sign-in:{address}", burst=30, every=10)
    throttle(f"sign-in:{address}:{_fold(account)}", burst=5, every=30)
    by_account = select(Person).where(Person.account == account)
    with any_school():
        with reading():
            person = db.session.scalars(by_account).one_or_none()
            hashed = person.password_hash if person else None
        # A hash takes 40 ms on purpose. Whoever tries passwords must not hold the lock that phones wait for.
        db.session.rollback()
        matches = secret_matches(hashed, password)
        person = db.session.scalars(by_account.where(Person.password_hash == hashed)).one_or_none()
        if person is None or not matches or not person.active or person.role not in rules.DESK:
            raise Problem("wrong_password")
        use_school(person.school_id)
    token = sign_in(person, days=days)
    # Sessions that ran out are of no use to anybody; sign-in is where a few are swept.
    db.session.execute(delete(SignIn).where(SignIn.person_id == person.id, SignIn.expires_at <= clock.now()))
    return person, token


def sign_out(*, session: SignIn) -> None:
    """End one session."""
    db.session.delete(session)


def me(person: Person) -> dict[str, Any]:
    """Say who is signed in, where, and what they may do."""
    return {"person": person, "school": current_school(), "permissions": sorted(PERMISSIONS[person.role])}


def patrolling_people() -> list[dict[str, str]]:
    """List, for the phones, everybody who may hold one."""
    rows = db.session.execute(
        select(Person.id, Person.name, Person.role)
        .where(Person.active, Person.role.in_(rules.PATROLLING))
        .order_by(Person.name, Person.id)
    )
    return [row._asdict() for row in rows]


def check_pin(*, person_id: str, pin: str) -> None:
    """Check a PIN typed on a phone. Raises wrong_pin, or too_many_tries for this phone and person alone."""
    throttle(f"pin:{current_device().id}:{person_id[:36]}", burst=5, every=30)
    with reading():
        person = db.session.scalars(select(Person).where(Person.id == person_id, Person.active)).one_or_none()
    if not secret_matches(person.pin_hash if person else None, pin):
        raise Problem("wrong_pin")


def make_enrolment(*, name: str | None) -> tuple[Enrolment, str]:
    """Make a one-time code of 128 bits for one phone, good for ten minutes; return it with its text."""
    code, now = one_time_code(), clock.now()
    enrolment = Enrolment(
        id=new_id(),
        name=name,
        code_hash=token_hash(code),
        created_by_id=acting_person_id(),
        created_at=now,
        expires_at=now + timedelta(minutes=ENROLMENT_MINUTES),
    )
    db.session.add(enrolment)
    db.session.flush()
    return enrolment, code


def one_time_code() -> str:
    """Make a code of 128 bits in letters and figures that a person can copy by hand."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")


def get_enrolment(*, enrolment_id: str) -> dict[str, Any]:
    """Look whether a code was used, and by which phone."""
    row = found(
        db.session.execute(
            select(Enrolment, Device)
            .outerjoin(Device, Device.id == Enrolment.device_id)
            .where(Enrolment.id == enrolment_id)
        ).one_or_none()
    )
    enrolment, device = row
    return {
        "id": enrolment.id,
        "expires_at": enrolment.expires_at,
        "used_at": enrolment.used_at,
        "device": device,
    }


def enrol(
    *, code: str, name: str | None, public_key: str | None, app: str | None, address: str
) -> tuple[Device, str]:
    """Let a phone in by its one-time code; return it with its token, and work for its school from here on.

    Raises enrolment_unknown, enrolment_used, enrolment_expired; invalid for a public key that no batch could ever be
    checked with, before the code is used up.
    """
    throttle(f"enrol:{address}", burst=20, every=6)
    throttle("enrol", burst=200, every=0.5)
    if public_key is not None and not is_public_key(public_key):
        raise Problem(
            "invalid", errors={"json": {"public_key": ["Not a P-256 key in base64 of its SPKI form."]}}
        )
    now = clock.now()
    with any_school():
        enrolment = db.session.scalars(
            select(Enrolment).where(Enrolment.code_hash == token_hash(code.strip().upper())).with_for_update()
        ).one_or_none()
        if enrolment is None:
            raise Problem("enrolment_unknown")
        if enrolment.used_at is not None:
            raise Problem("enrolment_used")
        if enrolment.expires_at <= now:
            raise Problem("enrolment_expired")
        use_school(enrolment.school_id)
    device, token = add_device(
        name=(enrolment.name or name or "").strip() or "手机",
        public_key=public_key,
        app=app,
        by=enrolment.created_by_id,
    )
    enrolment.used_at, enrolment.device_id = now, device.id
    note(action="device.enrolled", subject=device.name, detail={"device": device.id})
    return device, token


def add_device(*, name: str, public_key: str | None, app: str | None, by: str | None) -> tuple[Device, str]:
    """Put a phone on the list; return it with its token, which is stored hashed and never shown again."""
    token = new_token()
    device = Device(
        id=new_id(),
        name=name[:60],
        token_hash=token_hash(token),
        public_key=public_key,
        app=app,
        enrolled_at=clock.now(),
        enrolled_by_id=by,
    )
    db.session.add(device)
    db.session.flush()
    return device, token


def list_devices(*, page_number: int, page_size: int) -> dict[str, Any]:
    """List phones, those in use first, last seen first."""
    enroller, last = aliased(Person), aliased(Person)
    rows = page(
        select(Device, enroller, last)
        .outerjoin(enroller, enroller.id == Device.enrolled_by_id)
        .outerjoin(last, last.id == Device.last_person_id)
        .order_by(Device.revoked_at.is_not(None), Device.seen_at.desc().nulls_last(), Device.id),
        page=page_number,
        page_size=page_size,
    )
    rows["items"] = [_device(*row) for row in rows["items"]]
    return rows


def revoke_device(*, device_id: str) -> dict[str, Any]:
    """Take a phone's token away at once; what it recorded stays, here and on the phone. Twice does no harm."""
    device = found(db.session.scalars(select(Device).where(Device.id == device_id)).one_or_none())
    if device.revoked_at is None:
        device.revoked_at = clock.now()
        note(action="device.revoked", subject=device.name, detail={"device": device.id})
    people = {
        person.id: person
        for person in db.session.scalars(
            select(Person).where(Person.id.in_([device.enrolled_by_id, device.last_person_id]))
        )
    }
    return _device(device, people.get(device.enrolled_by_id), people.get(device.last_person_id))


def _device(device: Device, enroller: Person | None, last: Person | None) -> dict[str, Any]:
    columns = ("id", "name", "app", "enrolled_at", "seen_at", "revoked_at", "waiting", "persisted")
    return {**{c: getattr(device, c) for c in columns}, "enrolled_by": enroller, "last_person": last}


def _check_account(account: str | None) -> None:
    if not account:
        return
    with any_school():
        taken = db.session.scalar(select(func.count()).select_from(Person).where(Person.account == account))
    if taken:
        raise Problem("account_taken")


def _flush_account() -> None:
    try:
        db.session.flush()
    except IntegrityError:
        # Somebody else took the account since we looked.
        raise Problem("account_taken") from None


def _keep_an_admin(person: Person) -> None:
    others = db.session.scalar(
        select(func.count(Person.id)).where(Person.role == "admin", Person.active, Person.id != person.id)
    )
    if not others:
        raise Problem("last_admin")


def _fold(account: str) -> str:
    return hashlib.sha256(account.strip().lower().encode()).hexdigest()[:16]


def _new_pin() -> str:
    return f"{secrets.randbelow(1_000_000):06d}"


def _new_password() -> str:
    # No look-alikes: somebody will copy it from a terminal by hand. 14 of 31 is 69 bits.
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(14))
